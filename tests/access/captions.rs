//! What stands beside an export, for whom, and until when.

use damfs::ops::proto::{Command, FailureKind};

use crate::world::{Seat, World, errno};

const A: &str = "library/a.png";
const CARD: &str = "platforms/x/card";
const CAPTION: &str = "platforms/x/card/a.caption.txt";
const TABLE: &str =
    "platform,placement,kind,width,height,fit,formats,caption_max,hashtags_max,adult_allowed,ai_label_required
x,card,image,8,8,crop,jpeg,60,2,no,yes
x,avatar,image,8,8,crop,jpeg,,,no,
";
const BOOK: &str =
    "text = \"{{ note or title }}\\n{{ hashtags }}\\n{{ disclosure }}\"\ndisclosure = \"Made with AI.\"\n";

fn studio() -> (World, Seat) {
    let world = World::new();
    let admin = world.admin();
    world.sheet(TABLE);
    write(&world, BOOK);
    let mut png = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(16, 16).write_to(&mut png, image::ImageFormat::Png).unwrap();
    admin.write(A, png.get_ref()).unwrap();
    world.settle();
    world.set(A, &["status.x=approved"]);
    (world, admin)
}

/// Other templates, as an editor writes them.
fn write(world: &World, text: &str) {
    std::fs::write(world.library.root().join("captions.toml"), text).unwrap();
    world.beats();
}

fn said(seat: &Seat) -> String {
    String::from_utf8(seat.read(CAPTION).unwrap()).unwrap()
}

fn stat(seat: &Seat) -> (u64, u64, damfs::types::Timestamp) {
    let attr = seat.attr(CAPTION).unwrap();
    (attr.ino, attr.size, attr.mtime)
}

#[test]
fn a_caption_stands_beside_each_export_that_has_something_to_say() {
    let (world, admin) = studio();
    assert_eq!(admin.names(CARD), ["a.jpg"], "nothing is said of it");
    admin.setxattr(A, "user.xdg.comment", "Luna at sea").unwrap();
    admin.setxattr(A, "user.xdg.tags", "places/beach,red dress,sky").unwrap();
    assert_eq!(admin.names(CARD), ["a.caption.txt", "a.jpg"]);
    assert_eq!(admin.names("platforms/x/avatar"), ["a.jpg"], "nobody writes a caption there");
    assert_eq!(said(&admin), "Luna at sea\n#beach #reddress\n", "two hashtags are taken");
    assert_eq!(stat(&admin).1, said(&admin).len() as u64);
    world.set(A, &["likeness=synthetic"]);
    assert_eq!(said(&admin), "Luna at sea\n#beach #reddress\nMade with AI.\n");
    admin.setxattr(A, "user.xdg.comment", &"one two three ".repeat(20)).unwrap();
    assert_eq!(said(&admin), "one two three one two three…\n#beach #reddress\nMade with AI.\n");
    assert_eq!(admin.getxattr(CAPTION, "user.dam.id").unwrap(), world.show(A)["id"].as_str().unwrap());
    assert_eq!(errno(admin.overwrite(CAPTION, b"mine")), libc::EROFS);
    assert_eq!(errno(admin.unlink(CAPTION)), libc::EPERM);
    for other in
        ["platforms/x/card/a.png.caption.txt", "platforms/x/card/b.caption.txt", "platforms/x/card/.caption.txt"]
    {
        assert!(!admin.has(other), "{other}");
    }
}

/// Some generators write the prompt where a caption belongs.
#[test]
fn a_note_that_is_the_prompt_is_in_no_caption() {
    let (world, admin) = studio();
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, 16, 16);
    let infotext = "a red dress, masterpiece\nSteps: 20, Sampler: Euler, Seed: 7";
    encoder.add_text_chunk("parameters".into(), infotext.into()).unwrap();
    encoder.write_header().unwrap().write_image_data(&[0; 256]).unwrap();
    admin.write("library/b.png", &png).unwrap();
    world.settle();
    world.set("library/b.png", &["status.x=approved"]);
    let caption = || String::from_utf8(admin.read("platforms/x/card/b.caption.txt").unwrap()).unwrap();
    for note in ["A red dress, masterpiece", "a red dress", "prompt: a red dress, masterpiece --v 6"] {
        admin.setxattr("library/b.png", "user.xdg.comment", note).unwrap();
        assert_eq!(caption(), "Made with AI.\n", "{note}");
    }
    admin.setxattr("library/b.png", "user.xdg.comment", "Luna, dressed for the evening").unwrap();
    assert!(caption().starts_with("Luna, dressed"));
}

#[test]
fn a_caption_is_had_by_who_has_the_export_and_as_long() {
    let (world, admin) = studio();
    world.set(A, &["client=acme"]);
    admin.setxattr(A, "user.xdg.comment", "Luna").unwrap();
    let mara = world.member("mara", 1003, "marketing-manager", Some("client=acme"));
    let eddy = world.member("eddy", 1002, "editor", Some("client=acme"));
    let gus = world.member("gus", 1004, "marketing-manager", Some("client=globex"));
    assert_eq!(said(&mara), "Luna\n");
    for nobody in [&eddy, &gus] {
        assert!(!nobody.has(CAPTION) && nobody.names(CARD).is_empty());
    }
    let open = mara.open(CAPTION, true, false).unwrap();
    assert_eq!(mara.pread(open).unwrap(), b"Luna\n");
    world.set(A, &["status.x=rejected"]);
    assert_eq!(errno(mara.pread(open)), libc::EACCES, "as an export that is withdrawn");
    assert!(!mara.has(CAPTION));
}

#[test]
fn a_caption_is_as_old_as_what_it_says_and_the_same_after_a_remount() {
    let (world, admin) = studio();
    admin.setxattr(A, "user.xdg.comment", "Luna").unwrap();
    let first = stat(&admin);
    world.pass(60_000);
    assert_eq!(stat(&admin), first);
    admin.setxattr(A, "user.xdg.comment", "Mira").unwrap();
    let second = stat(&admin);
    assert!(second.1 == first.1 && second.2 > first.2, "of the same length, and newer: {second:?}");
    world.pass(60_000);
    write(&world, &BOOK.replace("{{ note", "* {{ note"));
    assert_eq!(said(&admin), "* Mira\n");
    let third = stat(&admin);
    assert!(third.2 > second.2);
    drop(admin);
    let world = world.reopen();
    assert_eq!((stat(&world.admin()), said(&world.admin()).as_str()), (third, "* Mira\n"));
}

#[test]
fn templates_with_a_mistake_leave_those_before_them_in_force_also_after_a_restart() {
    let (world, admin) = studio();
    admin.setxattr(A, "user.xdg.comment", "Luna").unwrap();
    write(&world, &BOOK.replace("{{ note", "{{ nte"));
    let tells = |world: &World, admin: &Seat| {
        assert_eq!(said(admin), "Luna\n");
        let fault = world.library.captions_fault().unwrap();
        assert!(fault.starts_with("captions.toml line 1: `text`: unknown name `nte`; did you mean `note`?"), "{fault}");
        for text in [".dam/status", ".dam/errors"] {
            assert!(String::from_utf8(admin.read(text).unwrap()).unwrap().contains(&fault), "{text}");
        }
    };
    tells(&world, &admin);
    drop(admin);
    let world = world.reopen();
    tells(&world, &world.admin());
    write(&world, BOOK);
    assert_eq!(world.library.captions_fault(), None);
    // A table without a platform that ships is no reason to mistrust the shipped text.
    write(&world, damfs_policy::Captions::TEMPLATE);
    assert_eq!(world.library.captions_fault(), None);
}

#[test]
fn a_caption_that_cannot_be_made_is_not_there_and_says_why() {
    let (world, admin) = studio();
    world.set(A, &["likeness=synthetic"]);
    world.sheet(&TABLE.replace("jpeg,60,2", "jpeg,10,2"));
    assert_eq!(admin.names(CARD), ["a.jpg"], "the export is there without it");
    let reason = "not in platforms/x/card: its caption: it has 13 characters without any words, and 10 are taken";
    for path in [".dam/why/library/a.png", ".dam/why/platforms/x/card/a.caption.txt"] {
        let why = String::from_utf8(admin.read(path).unwrap()).unwrap();
        assert!(why.contains(reason), "{why}");
    }
    let told = world.serve(0, Command::Why { target: CAPTION.into(), as_member: None }).unwrap();
    assert!(told["unrendered"].to_string().contains("13 characters"), "{told}");
}

#[test]
fn only_an_admin_puts_other_captions_in_and_it_is_on_record() {
    let (world, admin) = studio();
    world.member("ann", 1001, "editor", None);
    let put = |base: &str| Command::CaptionPut { text: BOOK.replace("with AI", "by AI"), base: base.into() };
    for refused in [Command::CaptionText, put(BOOK)] {
        assert_eq!(world.kind(1001, refused), FailureKind::Refused);
    }
    assert_eq!(world.kind(0, put("something else")), FailureKind::Failed);
    let wrong = Command::CaptionPut { text: "text = 1".into(), base: BOOK.into() };
    assert_eq!(world.kind(0, wrong), FailureKind::Usage);
    assert_eq!(world.serve(0, Command::CaptionText).unwrap()["text"], BOOK);
    world.set(A, &["likeness=synthetic"]);
    world.serve(0, put(BOOK)).unwrap();
    assert_eq!(said(&admin), "Made by AI.\n", "at once");
    let listed = world.serve(1001, Command::CaptionList).unwrap();
    assert_eq!(listed["sections"][0]["disclosure"], "Made by AI.");
    let head = world.library.catalog.read(|tx| tx.audit_head("ops")).unwrap().unwrap();
    assert_eq!((head.action.as_str(), head.actor.as_str()), ("captions.change", "root"));
}

/// A listing names each once, however few names are read at a time.
#[test]
fn a_page_that_ends_between_an_export_and_its_caption_loses_neither() {
    let (world, admin) = studio();
    let bytes = admin.read(A).unwrap();
    for n in 0..300 {
        let mut other = bytes.clone();
        other.extend(format!("{n}").into_bytes());
        admin.write(&format!("library/n{n:03}.png"), &other).unwrap();
    }
    world.settle();
    let all = world.serve(
        0,
        Command::Set {
            what: damfs::ops::proto::Selection { targets: Vec::new(), query: Some("kind=image".into()) },
            set: crate::world::assign(&["status.x=approved", "likeness=synthetic"]),
            dry_run: false,
            why: None,
        },
    );
    all.unwrap();
    let names = admin.names(CARD);
    let unique: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!((names.len(), unique.len()), (602, 602));
}
