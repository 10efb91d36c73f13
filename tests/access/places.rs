//! What an operation means in each place: the table of SEMANTICS row by row, and what all places have in common.

use std::ffi::OsStr;
use std::io::Cursor;

use damfs::fs::{FsResult, SetAttr, Special};
use damfs::ops::proto::Command;
use image::{ImageFormat, RgbImage};

use crate::world::*;

fn picture(shade: u8) -> Vec<u8> {
    let mut png = Cursor::new(Vec::new());
    RgbImage::from_pixel(8, 8, image::Rgb([shade; 3])).write_to(&mut png, ImageFormat::Png).unwrap();
    png.into_inner()
}

const EXPORT: &str = "platforms/gotosocial/post_image/p.jpg";
const TRASHED: &str = "trash/2026-09-21/gone.png";

/// `library/p/p.png` of persona luna, tagged sea and approved for Instagram; one more in the trash, and a word that nothing uses.
pub fn studio() -> (World, Seat) {
    let world = World::new();
    let me = world.admin();
    me.mkdir("library/p").unwrap();
    me.write("library/p/p.png", &picture(1)).unwrap();
    me.write("library/p/gone.png", &picture(2)).unwrap();
    world.settle();
    world.set("library/p/p.png", &["persona=luna", "tag=sea", "rating=safe", "status.gotosocial=approved"]);
    me.unlink("library/p/gone.png").unwrap();
    me.mkdir("by/persona/nova").unwrap();
    world.pass(20_000);
    (world, me)
}

fn symlink(seat: &Seat, path: &str) -> FsResult<()> {
    let (parent, name) = seat.split(path)?;
    seat.mount.symlink(&seat.caller, parent, name, b"p.png").map(drop)
}

pub fn link(seat: &Seat, from: &str, to: &str) -> FsResult<()> {
    let (parent, name) = seat.split(to)?;
    seat.mount.link(&seat.caller, seat.find(from)?, parent, name).map(drop)
}

/// Refused with this number, and the sentence is in the member's `.dam/errors`.
#[track_caller]
pub fn refused(seat: &Seat, what: &str, call: FsResult<()>, number: i32) {
    let Err(e) = call else { panic!("{what} was done") };
    assert_eq!(e.errno(), number, "{what}: {e}");
    let sentence = e.sentence().unwrap_or_else(|| panic!("{what}: {e} has no sentence"));
    let said = String::from_utf8(seat.read(".dam/errors").unwrap()).unwrap();
    assert!(said.contains(sentence), "{what}: `{sentence}` in {said}");
}

/// What each call says that puts something into a directory or takes it out.
#[track_caller]
fn takes_nothing(seat: &Seat, dir: &str, number: i32) {
    let at = |name: &str| format!("{dir}/{name}");
    refused(seat, &at("create"), seat.write(&at("new.png"), b"x"), number);
    refused(seat, &at("save"), seat.rename("library/p/.goutputstream-AB12CD", &at("new.png")), number);
    refused(seat, &at("move"), seat.rename("library/p/other.png", &at("other.png")), number);
    refused(seat, &at("link"), link(seat, "library/p/other.png", &at("other.png")), number);
    refused(seat, &at("symlink"), symlink(seat, &at("link.png")), number);
    refused(seat, &at("mkdir"), seat.mkdir(&at("new")), number);
    refused(seat, &at("rmdir"), seat.rmdir(&at("new")), number);
}

fn with_more() -> (World, Seat) {
    let (world, me) = studio();
    me.write("library/p/other.png", &picture(3)).unwrap();
    me.write("library/p/.goutputstream-AB12CD", &picture(4)).unwrap();
    world.settle();
    (world, me)
}

#[test]
fn what_damfs_makes_is_read_only_and_copied_not_moved() {
    let (_world, me) = with_more();
    for dir in [
        "platforms",
        "platforms/gotosocial",
        "platforms/gotosocial/post_image",
        "versions",
        "versions/p",
        "versions/p/p.png",
        "records",
        "records/p",
        ".dam",
        ".dam/why",
        ".dam/why/library",
        ".dam/why/library/p",
        ".dam/why/platforms",
        ".dam/why/platforms/gotosocial/post_image",
    ] {
        takes_nothing(&me, dir, libc::EROFS);
    }
    for shown in [EXPORT, "versions/p/p.png/1.png", "records/p/p.png.json", ".dam/status", ".dam/why/library/p/p.png"] {
        refused(&me, shown, me.open(shown, false, true).map(drop), libc::EROFS);
        refused(&me, shown, me.setxattr(shown, "user.xdg.tags", "x"), libc::EROFS);
        refused(&me, shown, me.setattr(shown, SetAttr { mode: Some(0o600), ..SetAttr::default() }), libc::EROFS);
        refused(&me, shown, me.unlink(shown), libc::EPERM);
        let out = if shown.starts_with(".dam") { libc::EROFS } else { libc::EXDEV };
        refused(&me, shown, me.rename(shown, "library/out"), out);
    }
    // `mv` copies a whole directory, too.
    for dir in ["platforms/gotosocial", "versions/p", "versions/p/p.png", "records/p"] {
        refused(&me, dir, me.rename(dir, "library/out"), libc::EXDEV);
    }
    refused(&me, "why", me.rename(".dam/why", "library/out"), libc::EROFS);
    refused(&me, "within", me.rename("platforms/gotosocial", "platforms/other"), libc::EROFS);
    refused(&me, "within", me.rename("versions/p", "versions/q"), libc::EROFS);
}

#[test]
fn the_trash_gives_back_is_purged_by_admins_and_else_read_only() {
    let (world, me) = with_more();
    for dir in ["trash", "trash/2026-09-21"] {
        takes_nothing(&me, dir, libc::EROFS);
    }
    refused(&me, "the day", me.rename("trash/2026-09-21", "library/out"), libc::EROFS);
    refused(&me, "write", me.open(TRASHED, false, true).map(drop), libc::EROFS);
    refused(&me, "chmod", me.setattr(TRASHED, SetAttr { mode: Some(0o600), ..SetAttr::default() }), libc::EROFS);
    refused(&me, "setxattr", me.setxattr(TRASHED, "user.note", "x"), libc::EROFS);
    refused(&me, "a tag", me.setxattr(TRASHED, "user.xdg.tags", "x"), libc::EROFS);
    assert_eq!(errno(me.mount.access(&me.caller, me.find(TRASHED).unwrap(), 2)), libc::EROFS);
    let cleo = world.member("cleo", 1001, "content-creator", None);
    refused(&cleo, "purge", cleo.unlink(TRASHED), libc::EPERM);
    let id = me.getxattr(TRASHED, "user.dam.id").unwrap();
    me.rename(TRASHED, "library/back.png").unwrap();
    assert_eq!(me.getxattr("library/back.png", "user.dam.id").unwrap(), id);
    let open = me.open("library/back.png", true, true).unwrap();
    me.unlink("library/back.png").unwrap();
    me.pwrite(open, b"to the end").unwrap();
    me.close(open);
    world.pass(20_000);
    me.unlink("trash/2026-09-21/back.png").unwrap();
    assert!(!me.has("trash/2026-09-21"));
    assert!(world.serve(0, Command::Restore { target: id, version: None, into: None, name: None }).is_err());
}

#[test]
fn views_that_cannot_say_what_a_file_gets_take_none() {
    let (_world, me) = with_more();
    for dir in [
        "by",
        "find",
        "find/not.persona=nova",
        "find/persona=luna+nova",
        "find/width=1..max",
        "by/created/2026",
        "by/created/2026/09",
        "by/kind/image",
        "by/format/png",
        "by/kind",
        "by/rating",
        "by/status/gotosocial",
        "by/owner",
    ] {
        takes_nothing(&me, dir, libc::EPERM);
    }
    for view in ["find/not.persona=nova", "by/created/2026/09", "by/kind/image"] {
        refused(&me, view, me.unlink(&format!("{view}/p.png")), libc::EPERM);
    }
    refused(&me, "a value", me.rename("by/kind/image", "by/kind/picture"), libc::EPERM);
    refused(&me, "a facet", me.rename("by/persona", "by/people"), libc::EPERM);
}

#[test]
fn an_asset_is_saved_in_every_view_that_shows_it() {
    let (world, me) = studio();
    let id = me.getxattr("library/p/p.png", "user.dam.id").unwrap();
    let mut versions = 1;
    let mut is_saved = |view: &str, bytes: &[u8]| {
        world.settle();
        versions += 1;
        assert_eq!(me.read("library/p/p.png").unwrap(), bytes, "{view}");
        let record = world.show("library/p/p.png");
        assert_eq!((&record["id"], record["versions"].as_array().unwrap().len()), (&id.clone().into(), versions));
        assert_eq!(record["tag"], serde_json::json!(["sea"]), "{view}");
        assert_eq!(record["status"]["gotosocial"]["version"], 1, "a verdict stays with its version");
    };
    let views = [
        "by/tag/sea",
        "by/persona/luna",
        "find/persona=luna,tag=sea",
        "find/not.persona=nova",
        "find/persona=luna+nova",
        "by/kind/image",
        "by/created/2026/09",
    ];
    for (n, view) in (0..).zip(views) {
        let (file, bytes) = (format!("{view}/p.png"), |saver: u8| picture(100 + 4 * n + saver));
        let at = |name: &str| format!("{view}/{name}");
        me.write(&at(".p.png.swp"), b"lock").unwrap();
        me.overwrite(&file, &bytes(0)).unwrap();
        is_saved(view, &bytes(0));
        me.write(&at(".goutputstream-AB12CD"), &bytes(1)).unwrap();
        me.rename(&at(".goutputstream-AB12CD"), &file).unwrap();
        is_saved(view, &bytes(1));
        me.rename(&file, &at("p.png~")).unwrap();
        me.write(&file, &bytes(2)).unwrap();
        me.unlink(&at("p.png~")).unwrap();
        is_saved(view, &bytes(2));
        me.unlink(&at(".p.png.swp")).unwrap();
        me.setxattr(&file, "user.xdg.comment", view).unwrap();
        assert_eq!(world.show("library/p/p.png")["notes"], view);
        assert_eq!(me.names(view).iter().filter(|name| name.ends_with("png")).count(), 1, "{view}");
        assert_eq!(me.mount.access(&me.caller, me.find(view).unwrap(), 2).ok(), Some(()), "{view}");
    }
    assert_eq!(world.serve(0, Command::Fsck { deep: false }).unwrap()["faults"], serde_json::json!([]));
}

/// What a save leaves behind is somebody's file, also where nothing can be said of it.
#[test]
fn a_temporary_that_stays_in_a_view_that_gives_no_values_is_filed_with_none() {
    let (world, me) = studio();
    for view in ["find/not.persona=nova", "by/kind/image"] {
        me.write(&format!("{view}/.goutputstream-AB12CD"), b"left").unwrap();
        refused(&me, view, me.rename(&format!("{view}/.goutputstream-AB12CD"), &format!("{view}/n.png")), libc::EPERM);
        refused(&me, view, me.rename(&format!("{view}/p.png"), &format!("{view}/n.png")), libc::EPERM);
        world.pass(700_000);
        assert!(!me.names(view).contains(&".goutputstream-AB12CD".to_owned()) || view.starts_with("find"), "{view}");
        let filed = "library/Unsorted/2026/09/.goutputstream-AB12CD";
        world.settle();
        assert_eq!(me.read(filed).unwrap(), b"left");
        assert_eq!(world.show(filed)["kind"], "other");
        me.rename(filed, "library/p/was.png").unwrap();
        me.unlink("library/p/was.png").unwrap();
        world.pass(20_000);
    }
}

#[test]
fn a_value_replaces_a_single_one_and_joins_many() {
    let (world, me) = studio();
    for word in ["by/tag/night", "by/tag/day"] {
        me.mkdir(word).unwrap();
    }
    me.rename("by/rating/safe/p.png", "by/rating/adult/p.png").unwrap();
    me.rename("by/tag/sea/p.png", "by/tag/night/p.png").unwrap();
    link(&me, "library/p/p.png", "by/tag/day/p.png").unwrap();
    link(&me, "library/p/p.png", "by/persona/nova/p.png").unwrap();
    let record = world.show("library/p/p.png");
    assert_eq!(record["rating"], "adult");
    assert_eq!(record["tag"], serde_json::json!(["day", "night"]));
    assert_eq!(record["persona"], serde_json::json!(["luna", "nova"]));
    assert_eq!(me.names("library/p"), ["p.png"], "no second copy");
    me.unlink("by/tag/day/+and/persona/nova/p.png").unwrap();
    let record = world.show("library/p/p.png");
    assert_eq!(record["persona"], serde_json::json!(["luna"]), "the last value of the path alone");
    assert_eq!(record["tag"], serde_json::json!(["day", "night"]));
    refused(&me, "a second name", link(&me, "library/p/p.png", "by/tag/day/again.png"), libc::EPERM);
    refused(&me, "a version", link(&me, "versions/p/p.png/1.png", "by/persona/nova/1.png"), libc::EXDEV);
    refused(&me, "in a folder", link(&me, "library/p/p.png", "library/p/again.png"), libc::EPERM);
}

#[test]
fn a_device_is_refused_with_a_sentence() {
    let (_world, me) = studio();
    let device = me.mount.mknod(&me.caller, me.find("library").unwrap(), OsStr::new("dev"), Special::Device, 0o600);
    refused(&me, "mknod", device.map(drop), libc::EPERM);
}

/// Who may list everything and nothing else: each refusal names the rule, and `dam why` says the same of the verb.
#[test]
fn what_a_role_refuses_is_said_by_errors_and_why_alike() {
    let (world, me) = studio();
    let bea = world.member("bea", 1001, "backup", None);
    let file = "library/p/p.png";
    let calls: [(&str, FsResult<()>); 7] = [
        ("edit", bea.open(file, false, true).map(drop)),
        ("edit", bea.rename(file, "library/p/q.png")),
        ("edit", bea.unlink(file)),
        ("edit", bea.setattr(file, SetAttr { mode: Some(0o600), ..SetAttr::default() })),
        ("edit", bea.setxattr(file, "user.note", "x")),
        ("tag", bea.setxattr(file, "user.xdg.tags", "x")),
        ("tag", bea.unlink("by/tag/sea/p.png")),
    ];
    let why = world.serve(1001, Command::Why { target: file.into(), as_member: None }).unwrap();
    for (verb, call) in calls {
        refused(&bea, verb, call, libc::EACCES);
        let told = why["verbs"].as_array().unwrap().iter().find(|row| row["verb"] == verb).unwrap();
        let reason = told["reason"].as_str().unwrap();
        assert_eq!(told["allowed"], false);
        let said = String::from_utf8(bea.read(".dam/errors").unwrap()).unwrap();
        assert!(said.contains(reason), "`{reason}` in {said}");
    }
    let others = String::from_utf8(me.read(".dam/errors").unwrap()).unwrap();
    assert!(!others.contains("backup"), "each reads his own: {others}");
}

#[test]
fn every_top_directory_but_two_carries_its_marks() {
    let (_world, me) = studio();
    let tops = me.names("");
    assert!(tops.len() >= 9, "{tops:?}");
    for top in tops {
        let marked = !["library", "inbox"].contains(&top.as_str());
        for mark in [".trackerignore", ".nomedia"] {
            let path = format!("{top}/{mark}");
            assert_eq!(me.names(&top).contains(&mark.to_owned()), marked, "{path}");
            assert_eq!(me.read(&path).ok(), marked.then(Vec::new), "{path}");
        }
    }
}

#[test]
fn the_id_answers_on_whatever_shows_or_speaks_of_an_asset() {
    let (world, me) = studio();
    let id = world.show("library/p/p.png")["id"].as_str().unwrap().to_owned();
    let places = [
        "library/p/p.png",
        "by/tag/sea/p.png",
        "find/persona=luna/p.png",
        EXPORT,
        "versions/p/p.png",
        "versions/p/p.png/1.png",
        "records/p/p.png.json",
        ".dam/why/library/p/p.png",
    ];
    for place in places {
        assert_eq!(me.getxattr(place, "user.dam.id").unwrap(), id, "{place}");
        assert!(!me.listxattr(place).contains(&"user.dam.id".to_owned()), "{place}");
    }
    let rita = world.member("rita", 1001, "client-reviewer", None);
    let file = "library/p/p.png";
    assert_eq!(rita.attr(file).unwrap().size, 256 << 10, "a proxy");
    assert_ne!(rita.find(file).unwrap(), me.find(file).unwrap());
    assert_eq!(rita.getxattr(file, "user.dam.id").unwrap(), id);
    assert_eq!(errno(me.getxattr(".dam/status", "user.dam.id")), libc::ENODATA);
    assert_eq!(errno(me.getxattr("library/p", "user.dam.id")), libc::ENODATA);
}

#[test]
fn an_unpublished_file_is_in_its_folder_alone() {
    let (world, me) = studio();
    me.write("library/p/new.png", &picture(9)).unwrap();
    me.setxattr("library/p/new.png", "user.xdg.tags", "sea").unwrap();
    let shown = ["by/tag/sea/new.png", "find/kind=image/new.png", "versions/p/new.png", "records/p/new.png.json"];
    assert!(me.has("library/p/new.png") && me.names("library/p").contains(&"new.png".to_owned()));
    for path in shown {
        let (dir, name) = path.rsplit_once('/').unwrap();
        assert!(!me.has(path) && !me.names(dir).contains(&name.to_owned()), "{path}");
    }
    world.settle();
    for path in shown {
        assert!(me.has(path), "{path}");
    }
}

/// Not one byte of the catalogue changes when everything is listed, looked at and read.
#[test]
fn a_look_changes_nothing() {
    let (world, me) = studio();
    let catalogue = || ["catalog.db", "catalog.db-wal"].map(|file| std::fs::read(world.library.root().join(file)).ok());
    me.attr(EXPORT).unwrap();
    let before = catalogue();
    let mut left: Vec<String> = ["find/persona=luna", "find/nothing=x", ".Trash-0", ""].map(str::to_owned).into();
    let mut seen = 0;
    while let Some(path) = left.pop() {
        let Ok(attr) = me.attr(&path) else { continue };
        seen += 1;
        me.listxattr(&path);
        if attr.kind == damfs::types::FileKind::Dir {
            left.extend(me.names(&path).into_iter().map(|name| format!("{path}/{name}")));
        } else if !path.starts_with("/platforms") {
            me.read(&path).unwrap();
        }
    }
    assert!(seen > 100, "{seen}");
    assert!(catalogue() == before);
}

#[test]
fn a_value_spelled_otherwise_is_a_directory_of_its_own() {
    let (world, me) = studio();
    world.set("library/p/p.png", &["tag=sea.a%2Eb", "campaign=50%41/may", "model=.hidden"]);
    for (plain, other, file) in [
        ("by/tag/sea", "by/tag/s%65a", true),
        ("by/tag/sea/a.b", "by/tag/sea/a%2Eb", true),
        ("by/campaign/50%2541%2Fmay", "by/campaign/50%2541%2fmay", true),
        ("by/model/%2Ehidden", "by/model/%2ehidden", true),
        ("by/persona/nova", "by/persona/nov%61", false),
    ] {
        let (dir, name) = plain.rsplit_once('/').unwrap();
        assert!(me.names(dir).contains(&name.to_owned()), "{plain} in {:?}", me.names(dir));
        assert_eq!(me.names(plain), me.names(other), "{other}");
        assert_ne!(me.find(plain).unwrap(), me.find(other).unwrap(), "{other}");
        assert_eq!(me.has(&format!("{other}/p.png")), file, "{other}");
    }
    assert!(me.has("by/rating/safe/+and/tag/sea.a%2Eb/p.png"), "a tag as one name");
}

#[test]
fn names_that_a_view_cannot_show_are_changed_for_it() {
    use std::os::unix::ffi::OsStrExt;
    let (world, me) = studio();
    let long = format!("{}.png", "é".repeat(125));
    for (folder, name) in [("a", long.as_bytes()), ("b", long.as_bytes()), ("a", b"odd\xff.png"), ("a", b"+and")] {
        if !me.has(&format!("library/{folder}")) {
            me.mkdir(&format!("library/{folder}")).unwrap();
        }
        let at = me.find(&format!("library/{folder}")).unwrap();
        let mode = damfs::fs::OpenMode { write: true, ..Default::default() };
        let (_, opened) = me.mount.create(&me.caller, at, OsStr::from_bytes(name), 0o644, mode).unwrap();
        me.pwrite(opened.fh, &[name, folder.as_bytes()].concat()).unwrap();
        me.close(opened.fh);
    }
    world.settle();
    let shown = me.names("find/kind=other");
    let marked: Vec<&String> = shown.iter().filter(|name| name.contains("é ~")).collect();
    assert!(shown.contains(&long) && marked.len() == 1 && marked[0].ends_with(".png"), "{shown:?}");
    assert!(shown.iter().all(|name| name.len() <= 255), "{shown:?}");
    assert!(shown.contains(&"odd\u{fffd}.png".to_owned()), "{shown:?}");
    assert!(shown.iter().any(|name| name.starts_with("+and ~")), "{shown:?}");
    for name in &shown {
        assert!(me.has(&format!("find/kind=other/{name}")), "{name}");
    }
}

/// A stated limit: who may list little is told the space of all.
#[test]
fn the_space_told_is_that_of_everything() {
    let (world, me) = studio();
    world.set("library/p/p.png", &["client=acme"]);
    let nobody = world.member("nobody", 1001, "editor", Some("client=globex"));
    assert!(!nobody.has("library/p/p.png"));
    let (all, his) = (me.mount.statfs(&me.caller).unwrap(), nobody.mount.statfs(&nobody.caller).unwrap());
    assert_eq!((all.blocks, all.files), (his.blocks, his.files));
    assert!(his.free < his.blocks);
}

#[test]
fn every_field_whose_values_are_names_is_a_directory_when_typed() {
    let (world, me) = studio();
    let listed = [
        "campaign",
        "client",
        "colour",
        "created",
        "duplicate",
        "expires",
        "format",
        "imported",
        "kind",
        "likeness",
        "lora",
        "model",
        "orientation",
        "owner",
        "persona",
        "prompt",
        "rating",
        "rights",
        "sampler",
        "stage",
        "stars",
        "state",
        "status",
        "tag",
    ];
    let shown: Vec<String> = me.names("by").into_iter().filter(|name| !name.starts_with('.')).collect();
    // Not of a field.
    let (similar, shown): (Vec<_>, Vec<_>) = shown.into_iter().partition(|name| name == "similar");
    assert_eq!(similar.len(), 1);
    assert_eq!(shown, listed);
    for field in listed.into_iter().chain(["conflict", "seed", "width", "height"]) {
        assert!(me.has(&format!("by/{field}")), "{field}");
        assert!(me.has(&format!("by/tag/sea/+and/{field}")), "{field} below +and");
    }
    world.set("library/p/p.png", &["client=acme", "rights=editorial"]);
    assert_eq!((me.names("by/client"), me.names("by/rights")), (vec!["acme".into()], vec!["editorial".into()]));
    assert!(!me.has("by/text") && !me.has("by/nothing"));
}

#[test]
fn numbers_resolve_when_typed_and_dates_are_years_and_months() {
    let (world, me) = studio();
    world.set("library/p/p.png", &["expires=2031-02-03"]);
    let imported = world.show("library/p/p.png")["imported"].as_str().unwrap().to_owned();
    let (year, month) = (&imported[..4], &imported[5..7]);
    assert_eq!(
        (me.names("by/imported"), me.names(&format!("by/imported/{year}"))),
        (vec![year.into()], vec![month.into()])
    );
    assert!(me.has(&format!("by/imported/{year}/{month}/p.png")));
    assert_eq!((me.names("by/expires"), me.names("by/expires/2031")), (vec!["2031".into()], vec!["02".into()]));
    assert!(me.has("by/expires/2031/02/p.png") && !me.has("by/expires/2031/03"));
    for there in
        ["by/width/8", "by/height/1..8", "by/width/8..max", "by/tag/sea/+and/width/8", "by/tag/sea/+and/imported/2026"]
    {
        assert!(me.has(&format!("{there}/p.png")), "{there}");
    }
    for other in ["by/width/9", "by/width/8,tag=sea", "by/width/x", "by/width/9..max", "by/seed/8", "by/seed/none+8"] {
        assert!(!me.has(other), "{other}");
    }
    assert_eq!((me.names("by/width"), me.names("by/seed")), (vec![], Vec::<String>::new()));
    assert_eq!(errno(me.write("by/width/8/x.png", b"x")), libc::EPERM);
}

/// What has no value of a facet: listed where there is such, and never of what may not be listed.
#[test]
fn none_is_a_directory_of_what_has_no_value() {
    let (world, me) = studio();
    me.write("library/p/bare.txt", b"bare").unwrap();
    world.settle();
    world.set("library/p/bare.txt", &["model=none+1", "persona=mira"]);
    for (facet, files) in [
        ("tag", vec!["bare.txt"]),
        ("rating", vec!["bare.txt"]),
        ("rights", vec!["bare.txt", "p.png"]),
        ("expires", vec!["bare.txt", "p.png"]),
        ("status", vec!["bare.txt"]),
        ("status/gotosocial", vec!["bare.txt"]),
        ("orientation", vec!["bare.txt"]),
    ] {
        assert!(me.names(&format!("by/{facet}")).contains(&"none".to_owned()), "{facet}");
        assert_eq!(me.names(&format!("by/{facet}/none")), files, "{facet}");
    }
    for facet in ["persona", "kind", "owner", "created", "imported", "conflict"] {
        assert!(!me.names(&format!("by/{facet}")).contains(&"none".to_owned()), "{facet}");
        assert!(me.has(&format!("by/{facet}/none")), "{facet} resolves when typed");
    }
    assert_eq!(me.names("by/width/none"), ["bare.txt"]);
    assert_eq!(me.names("by/kind/image/+and/rights/none"), ["p.png"], "and below +and");
    assert!(me.has("by/rights/none/+and/tag/sea/p.png"), "which is not listed there");
    // Of files that are hidden from her nothing tells.
    let ada = world.member("ada", 1001, "editor", Some("tag=sea"));
    assert!(!ada.names("by/tag").contains(&"none".to_owned()));
    assert_eq!((ada.names("by/tag/none"), ada.names("by/rights/none")), (vec![], vec!["p.png".to_owned()]));
    for refused in [
        me.mkdir("by/persona/none"),
        me.write("by/tag/none/x.png", b"x"),
        me.rmdir("by/tag/none"),
        me.rename("by/tag/none", "by/tag/x"),
    ] {
        assert_eq!(errno(refused), libc::EPERM);
    }
}

/// A file that gets a value leaves the directory of what has none.
#[test]
fn moving_out_of_none_gives_a_value() {
    let (world, me) = studio();
    me.write("library/p/bare.txt", b"bare").unwrap();
    world.settle();
    me.rename("by/tag/none/bare.txt", "by/tag/sea/bare.txt").unwrap();
    assert_eq!(world.show("library/p/bare.txt")["tag"], serde_json::json!(["sea"]));
    assert!(!me.has("by/tag/none/bare.txt"));
    me.rename("by/status/none/bare.txt", "by/status/x/needs-review/bare.txt").unwrap();
    for refused in [
        me.rename("by/rating/none/bare.txt", "by/persona/luna/bare.txt"),
        me.rename("by/tag/sea/bare.txt", "by/tag/none/bare.txt"),
        me.unlink("by/rating/none/bare.txt"),
    ] {
        assert_eq!(errno(refused), libc::EPERM);
    }
    assert_eq!(world.show("library/p/bare.txt")["persona"], serde_json::json!([]));
    me.rename("by/rating/none/bare.txt", "by/rating/safe/bare.txt").unwrap();
    assert_eq!(world.show("library/p/bare.txt")["rating"], "safe");
}

/// The formula of SEMANTICS: `n` names, `+and`, the facets that tell the files apart, their values, and below each at most `n` files.
#[test]
fn below_a_query_are_as_many_names_as_the_formula_says() {
    let (world, me) = studio();
    me.mkdir("library/q").unwrap();
    for (name, set) in [
        ("1.txt", vec!["tag=a", "persona=luna", "rating=safe"]),
        ("2.txt", vec!["tag=a", "tag=b", "rating=adult"]),
        ("3.txt", vec!["tag=b", "persona=luna", "campaign=may"]),
    ] {
        me.write(&format!("library/q/{name}"), name.as_bytes()).unwrap();
        world.settle();
        world.set(&format!("library/q/{name}"), &set);
    }
    world.set("library/q/1.txt", &["campaign=may"]);
    world.set("library/q/2.txt", &["campaign=may"]);
    let (mut names, mut left) = (0, vec!["by/kind/other".to_owned()]);
    while let Some(path) = left.pop() {
        for below in me.names(&path).into_iter().map(|name| format!("{path}/{name}")) {
            names += 1;
            if me.attr(&below).unwrap().kind == damfs::types::FileKind::Dir {
                left.push(below);
            }
        }
    }
    // Tags a and b, luna, safe and adult tell them apart; the campaign does not.
    let (files, facets, values) = (3, 3, 5);
    assert_eq!(names, files + 1 + facets + values + (2 + 2 + 2 + 1 + 1));
    assert!(names <= files + 1 + facets + values + files * values);
}
