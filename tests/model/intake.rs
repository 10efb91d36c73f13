//! What comes in by the inbox and by an import: one file's fault is its own.

use std::fs::{self, OpenOptions};
use std::io::Write;

use damfs::fs::{SetAttr, TimeChange};
use damfs::ops::Actor;
use damfs::ops::import::{ImportOptions, Imported, Importer, OpenFile};
use damfs::types::{Caller, Timestamp};

use crate::world::{User, World};

fn png(seed: u8) -> Vec<u8> {
    let picture = image::RgbImage::from_pixel(8, 8, image::Rgb([seed, 0, 0]));
    let mut out = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}

fn report(me: &User) -> String {
    String::from_utf8(me.read("/inbox/.report").unwrap()).unwrap()
}

#[test]
fn a_name_that_is_nearly_all_extension_is_filed_twice() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let me = world.me();
    let name = format!("/inbox/a.{}", "x".repeat(253));
    for seed in 0..3 {
        me.write(&name, &png(seed)).unwrap();
        world.wait(3);
    }
    me.write("/inbox/z.png", &png(9)).unwrap();
    world.wait(3);
    assert_eq!(me.names("/inbox"), [".report"], "{}", report(&me));
    assert_eq!(report(&me).matches("filed").count(), 4, "{}", report(&me));
}

#[test]
fn a_damaged_file_in_the_inbox_is_refused_and_the_next_is_filed() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::new(dir.path());
    world.me().write("/inbox/bad.png", &png(1)).unwrap();
    let stage = dir.path().join("studio/stage");
    let data: Vec<_> = fs::read_dir(&stage).unwrap().map(|e| e.unwrap().path()).collect();
    for path in data.iter().filter(|p| p.extension().is_some_and(|e| e == "idx")) {
        let mut bytes = fs::read(path).unwrap();
        bytes[20] ^= 1;
        fs::write(path, bytes).unwrap();
    }
    world.open();
    let me = world.me();
    me.write("/inbox/good.png", &png(2)).unwrap();
    for _ in 0..3 {
        world.wait(3);
    }
    let said = report(&me);
    assert_eq!(said.lines().filter(|l| l.contains("bad.png") && l.contains("refused")).count(), 1, "told once: {said}");
    assert!(said.lines().any(|l| l.contains("good.png") && l.contains("filed")), "{said}");
}

/// Takes files in order; what became of each.
fn import(world: &World, any: bool, files: Vec<(&str, OpenFile)>) -> Vec<(String, Imported)> {
    let actor = Actor::of(world.library(), &Caller { uid: 0, gid: 0, process: 1 }).unwrap();
    let mut importer =
        Importer::new(world.library(), &actor, ImportOptions::parse(Some("in"), &[], any, false).unwrap());
    let mut done = Vec::new();
    for (given, file) in files {
        done.extend(importer.take(given, Timestamp::from_secs(1), &file).unwrap());
    }
    done.extend(importer.finish().unwrap());
    done.into_iter().map(|o| (o.given, o.result)).collect()
}

fn refusal(of: &str, done: &[(String, Imported)]) -> String {
    match &done.iter().find(|(given, _)| given == of).unwrap().1 {
        Imported::Refused { reason, policy: false } => reason.clone(),
        other => panic!("{of}: {other:?}"),
    }
}

#[test]
fn an_import_goes_on_behind_a_file_that_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let file = |name: &str, seed| {
        let path = dir.path().join(name);
        fs::write(&path, png(seed)).unwrap();
        path
    };
    // Every read of a descriptor that is open for writing alone fails, as one of a bad sector does.
    let bad = OpenOptions::new().write(true).open(file("bad.png", 1)).unwrap();
    let good = fs::File::open(file("good.png", 2)).unwrap();
    let files = vec![("bad.png", OpenFile::new(bad).unwrap()), ("good.png", OpenFile::new(good).unwrap())];
    let done = import(&world, true, files);
    assert!(refusal("bad.png", &done).starts_with("cannot read"), "{done:?}");
    assert!(done.iter().any(|(_, result)| matches!(result, Imported::Imported { .. })), "{done:?}");
}

#[test]
fn a_file_that_is_still_growing_is_not_imported() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let path = dir.path().join("clip.png");
    fs::write(&path, png(1)).unwrap();
    let open = OpenFile::new(fs::File::open(&path).unwrap()).unwrap();
    OpenOptions::new().append(true).open(&path).unwrap().write_all(b"more").unwrap();
    let done = import(&world, false, vec![("clip.png", open)]);
    assert!(refusal("clip.png", &done).contains("still being written"), "{done:?}");
}

#[test]
fn after_a_crash_changed_bytes_have_their_own_time_and_size() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::new(dir.path());
    let me = world.me();
    me.write("a.txt", b"first").unwrap();
    let old = Timestamp::from_secs(1_000_000_000);
    let set = SetAttr { mtime: Some(TimeChange::At(old)), ..SetAttr::default() };
    me.mount.setattr(&me.caller, me.find("a.txt").unwrap(), set).unwrap();
    world.wait(5);
    for settled in [true, false] {
        if !settled {
            // The time is set on bytes that are staged already, then they change.
            me.mount.setattr(&me.caller, me.find("a.txt").unwrap(), set).unwrap();
        }
        let file = me.open("a.txt", damfs::fs::OpenMode { write: true, ..Default::default() }).unwrap();
        file.append(b" and more").unwrap();
        // Not closed: what the catalogue and the stage say now is what a killed daemon leaves.
        let row = world.library().catalog.read(|tx| tx.node(world.node("a.txt"))).unwrap().unwrap();
        assert!(row.staged && !row.mtime_set, "settled before: {settled}");
        file.close().unwrap();
    }
    let before = me.stat("a.txt").unwrap();
    drop(me);
    world.open();
    let after = world.me().stat("a.txt").unwrap();
    assert_eq!((after.size, after.mtime), (before.size, before.mtime));
    assert!(after.mtime > old);
}
