//! Who may know of an asset and not have its bytes: neither their size nor their hashes reach him, in whatever place.

use std::io::Cursor;

use damfs::fs::FsError;
use damfs::ops::proto::Command;
use serde_json::Value;

use crate::world::*;

const RITA: u32 = 1_001;
const LENA: u32 = 1_002;
/// What a marked proxy has.
const PROXY: u64 = 256 << 10;
const FILE: &str = "library/acme/p.png";

const ROLES: &str = r#"
[role.viewer.allow]
list = "*"
view = "*"
[role.knower.allow]
list = "*"
tag = "*"
"#;

fn picture(shade: u8) -> Vec<u8> {
    let mut png = Cursor::new(Vec::new());
    let plain = image::RgbImage::from_pixel(400, 300, image::Rgb([shade; 3]));
    plain.write_to(&mut png, image::ImageFormat::Png).unwrap();
    png.into_inner()
}

/// A picture of two versions and a text of acme's, with a hash that some program keeps in an attribute; rita may view, lena may not even that.
fn studio() -> (World, Seat, Seat, Seat) {
    let world = World::new().with_roles(ROLES);
    let admin = world.admin();
    admin.mkdir("library/acme").unwrap();
    admin.write(FILE, &picture(1)).unwrap();
    admin.write("library/acme/t.txt", b"words and words").unwrap();
    admin.write("library/acme/gone.txt", b"words that are gone").unwrap();
    world.settle();
    admin.unlink("library/acme/gone.txt").unwrap();
    world.pass(20_000);
    admin.overwrite(FILE, &picture(200)).unwrap();
    admin.setxattr(FILE, "user.shatag.sha256", "0123abcd").unwrap();
    admin.setxattr(FILE, "user.xdg.tags", "sea").unwrap();
    world.settle();
    let rita = world.member("rita", RITA, "viewer", None);
    let lena = world.member("lena", LENA, "knower", None);
    (world, admin, rita, lena)
}

/// Every size and digest that an admin is told of an asset.
fn secrets(world: &World, target: &str) -> Vec<String> {
    let told = world.show(target);
    let versions = told["versions"].as_array().unwrap();
    let mut secrets: Vec<String> = versions.iter().map(|v| v["size"].to_string()).collect();
    secrets.extend(versions.iter().map(|v| v["content"].as_str().unwrap().to_owned()));
    secrets.push("0123abcd".to_owned());
    secrets
}

/// Regression: whoever might list everything saw the file itself in `library/`, as `versions/` showed everybody.
#[test]
fn a_viewer_sees_the_size_of_no_original() {
    let (_world, admin, rita, lena) = studio();
    let number = admin.find(FILE).unwrap();
    for place in [FILE, "by/kind/image/p.png", "versions/acme/p.png/1.png", "versions/acme/p.png/2.png"] {
        let (dir, name) = place.rsplit_once('/').unwrap();
        for (seat, size) in [(&rita, PROXY), (&lena, 0)] {
            let attr = seat.attr(place).unwrap();
            assert_eq!((attr.size, attr.blocks), (size, size / 512), "{place}");
            assert_ne!(attr.ino, admin.find(place).unwrap(), "{place}");
            assert!(seat.rows(dir).contains(&(name.to_owned(), attr.ino)), "a listing and a lookup agree: {place}");
            assert_eq!(errno(seat.open(place, true, true)), libc::EACCES);
        }
        assert_ne!(rita.find(place).unwrap(), lena.find(place).unwrap(), "each has one of his own");
        assert!(rita.read(place).unwrap().starts_with(b"\xff\xd8"), "{place}");
        assert_eq!(errno(lena.read(place)), libc::EACCES);
    }
    // The padding comes first.
    let behind = |place: &str| {
        let fh = rita.open(place, true, false).unwrap();
        rita.mount.read(&rita.caller, fh, PROXY - (1 << 16), 1 << 16).unwrap()
    };
    assert!(behind("versions/acme/p.png/1.png") != behind(FILE), "each of its own version");
    for seat in [&rita, &lena] {
        assert_eq!(seat.attr("library/acme/t.txt").unwrap().size, 0, "what has no picture has no size");
        assert_eq!(errno(seat.read("library/acme/t.txt")), libc::EACCES);
        let stat = seat.mount.getattr(&seat.caller, number);
        assert!(matches!(stat, Err(FsError::Stale)), "the file's own number tells nothing: {stat:?}");
        assert!(seat.mount.open(&seat.caller, 0, number, damfs::fs::OpenMode::default()).is_err());
        let trashed = "find/state=trashed/gone.txt";
        let (dir, name) = trashed.rsplit_once('/').unwrap();
        let row = (name.to_owned(), seat.find(trashed).unwrap());
        assert!(seat.rows(dir).contains(&row) && seat.attr(trashed).unwrap().size == 0, "nor is the trash's told");
        let version = admin.find("versions/acme/p.png/1.png").unwrap();
        assert!(matches!(seat.mount.getattr(&seat.caller, version), Err(FsError::Stale)), "nor a version's");
    }
}

/// Regression: records, attributes and answers of commands told what the file was kept from telling.
#[test]
fn no_record_and_no_answer_tells_a_viewer_size_or_hash() {
    let (world, admin, rita, lena) = studio();
    let mut secrets = secrets(&world, FILE);
    let theirs = admin.read("records/acme/p.png.json").unwrap();
    assert!(secrets.iter().all(|secret| String::from_utf8_lossy(&theirs).contains(secret)));
    // Of what a text has in it, only what is long enough to stand for itself.
    secrets.extend(self::secrets(&world, "library/acme/t.txt").into_iter().filter(|secret| secret.len() > 8));
    let text = |target: &str| target.to_owned();
    for (uid, seat) in [(RITA, &rita), (LENA, &lena)] {
        let commands = || {
            vec![
                Command::Show { target: text(FILE) },
                Command::Versions { target: text(FILE) },
                Command::Diff { target: text(FILE), from: None, to: None },
                Command::Find { expr: None, sort: Some(text("size")), limit: None, count: false },
                Command::Records { expr: None, after: None },
            ]
        };
        let mut answers: Vec<String> =
            commands().into_iter().map(|command| world.serve(uid, command).unwrap().to_string()).collect();
        answers.push(String::from_utf8(seat.read("records/acme/p.png.json").unwrap()).unwrap());
        for answer in &answers {
            for secret in &secrets {
                assert!(!answer.contains(secret), "{secret} in {answer}");
            }
        }
        let record: Value = serde_json::from_str(answers.last().unwrap()).unwrap();
        assert!(record["size"].is_null() && record["versions"][1]["content"].is_null(), "{record}");
        assert_eq!(seat.listxattr(FILE), ["user.xdg.tags"]);
        assert_eq!(errno(seat.getxattr(FILE, "user.shatag.sha256")), libc::ENODATA);
        assert_eq!(seat.getxattr(FILE, "user.xdg.tags").unwrap(), "sea");
    }
    let whole = world.serve(0, Command::Versions { target: text(FILE) }).unwrap();
    assert!(whole["versions"][0]["size"].is_u64(), "who may have them is told: {whole}");
}

/// Regression: in the order of their sizes, files that one may not have stood between those whose sizes one knew.
#[test]
fn an_order_by_size_tells_a_viewer_nothing() {
    let world = World::new().with_roles("[role.half.allow]\nlist = \"*\"\nview = \"*\"\ndownload = \"client=acme\"\n");
    let admin = world.admin();
    for (name, size) in [("b", 20), ("a", 10), ("d", 40), ("c", 30)] {
        admin.write(&format!("library/{name}.bin"), &vec![7; size]).unwrap();
        world.settle();
    }
    world.set("library/a.bin", &["client=acme"]);
    world.set("library/d.bin", &["client=acme"]);
    world.member("rita", RITA, "half", None);
    let order = |uid, sort: &str| -> Vec<String> {
        let find = Command::Find { expr: None, sort: Some(sort.to_owned()), limit: None, count: false };
        let found = world.serve(uid, find).unwrap();
        found["assets"].as_array().unwrap().iter().map(|a| a["view_name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(order(0, "size"), ["a.bin", "b.bin", "c.bin", "d.bin"]);
    assert_eq!(order(RITA, "size"), ["a.bin", "d.bin", "b.bin", "c.bin"], "then as they came");
    assert_eq!(order(RITA, "size,desc"), ["d.bin", "a.bin", "b.bin", "c.bin"]);
}

/// Who may tag what he may not have, tags it where he sees it, and leaves nothing else there.
#[test]
fn who_may_tag_what_he_may_not_have_tags_it_where_he_sees_it() {
    let (world, _admin, rita, lena) = studio();
    lena.setxattr(FILE, "user.xdg.tags", "sea,beach").unwrap();
    assert_eq!(world.show(FILE)["tag"], serde_json::json!(["beach", "sea"]));
    assert_eq!(errno(lena.setxattr(FILE, "user.mine", "x")), libc::EROFS);
    assert_eq!(errno(rita.setxattr(FILE, "user.xdg.tags", "mine")), libc::EACCES);
    assert_eq!(errno(lena.setxattr("versions/acme/p.png/1.png", "user.xdg.tags", "x")), libc::EROFS);
}

/// Who may write to what he may not read has the file itself: a proxy would take no bytes.
#[test]
fn who_may_edit_what_he_may_not_read_writes_to_the_file() {
    let (world, admin, ..) = studio();
    let world = world.with_roles("[role.drop.allow]\nlist = \"*\"\nedit = \"*\"\n");
    let dora = world.member("dora", 1_003, "drop", None);
    assert_eq!(dora.find(FILE).unwrap(), admin.find(FILE).unwrap());
    let fh = dora.open(FILE, false, true).unwrap();
    dora.pwrite(fh, &picture(3)).unwrap();
    dora.close(fh);
    world.settle();
    assert!(admin.read(FILE).unwrap().starts_with(&picture(3)));
    assert_eq!(dora.attr("versions/acme/p.png/1.png").unwrap().size, 0);
}

/// What was set aside during a save holds other bytes than the asset has: no proxy of those stands for it.
#[test]
fn what_was_set_aside_is_closed_to_a_viewer() {
    let (_world, admin, rita, lena) = studio();
    let aside = "library/acme/p.png~";
    admin.rename(FILE, aside).unwrap();
    admin.write(FILE, &picture(3)).unwrap();
    for seat in [&rita, &lena] {
        let attr = seat.attr(aside).unwrap();
        assert_eq!(attr.size, 0);
        assert!(![admin.find(aside), seat.find(FILE)].map(Result::unwrap).contains(&attr.ino));
        assert!(seat.rows("library/acme").contains(&("p.png~".to_owned(), attr.ino)));
        assert_eq!(errno(seat.read(aside)), libc::EACCES);
        assert_eq!(errno(seat.overwrite(aside, b"x")), libc::EACCES);
        assert_eq!(errno(seat.getxattr(aside, "user.dam.id")), libc::ENODATA);
        assert_eq!(errno(seat.unlink(aside)), libc::EACCES);
    }
    admin.unlink(aside).unwrap();
}

/// Regression: what stood in place of a file could not be linked into a view, by which one tags.
#[test]
fn who_tags_without_having_the_bytes_links_into_a_view() {
    let (world, admin, _rita, lena) = studio();
    admin.mkdir("by/tag/shore").unwrap();
    let (ino, view) = (lena.find(FILE).unwrap(), lena.find("by/tag/shore").unwrap());
    let entry = lena.mount.link(&lena.caller, ino, view, "p.png".as_ref()).unwrap();
    assert_eq!((entry.attr.ino, entry.attr.size), (ino, lena.attr(FILE).unwrap().size), "still not the file itself");
    assert!(world.show(FILE)["tag"].to_string().contains("shore"));
}

/// Regression: until its first version a file showed its size and attributes to whoever may list it.
#[test]
fn a_file_without_a_version_yet_tells_a_viewer_nothing_either() {
    let (world, admin, rita, _lena) = studio();
    let new = "library/acme/new.png";
    admin.write(new, &picture(77)).unwrap();
    admin.setxattr(new, "user.shatag.sha256", "4567cdef").unwrap();
    let size = admin.attr(new).unwrap().size;
    assert!(size > 0);
    for _ in 0..2 {
        let seen = rita.attr(new).unwrap();
        assert!(seen.size != size && seen.ino != admin.attr(new).unwrap().ino, "{}", seen.size);
        assert!(rita.rows("library/acme").iter().all(|(_, ino)| *ino != admin.attr(new).unwrap().ino));
        assert!(rita.getxattr(new, "user.shatag.sha256").is_err() && rita.listxattr(new).is_empty());
        world.settle();
    }
    assert_eq!(rita.attr(new).unwrap().size, PROXY);
}
