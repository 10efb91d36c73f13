//! "Move to trash" in a file manager, with the system calls of GIO and KIO: the asset is in `trash/`, and comes back as it was.

use damfs::fs::{Audience, FsError, FsResult, Mount, OpenMode, Show};
use damfs::ops::proto::Assignment;
use damfs::ops::{Actor, assign, restore};

use crate::world::{User, World, of};

const NEW: OpenMode = OpenMode { read: false, write: true, truncate: false, exclusive: true };

/// What GIO does: the note is claimed, written beside its name and renamed onto it, then the file is renamed. Returns whether the last worked.
fn trash(me: &User, from: &str, name: &str) -> FsResult<()> {
    let bin = format!("/.Trash-{}", me.caller.uid);
    let note = format!("{bin}/info/{name}.trashinfo");
    me.create(&note, NEW)?.close()?;
    let written = me.create(&format!("{note}.8DGKZ3"), NEW)?;
    written.write(0, format!("[Trash Info]\nPath=library/{from}\nDeletionDate=2026-11-26T19:35:36\n").as_bytes())?;
    written.close()?;
    me.rename(&format!("{note}.8DGKZ3"), &note)?;
    me.rename(from, &format!("{bin}/files/{name}"))
}

fn day(me: &User) -> String {
    me.names("/trash").into_iter().find(|name| name.starts_with('2')).unwrap()
}

fn is_gone<T>(found: FsResult<T>) -> bool {
    matches!(found, Err(FsError::NotFound))
}

/// One picture with two versions, a tag and a verdict.
fn world(dir: &std::path::Path) -> World {
    let world = World::new(dir);
    let me = world.me();
    me.mkdir("luna").unwrap();
    me.write("luna/a.png", &[1; 900]).unwrap();
    world.wait(5);
    me.write("luna/a.png", &[2; 900]).unwrap();
    world.wait(5);
    me.tag("luna/a.png", "beach");
    let actor = Actor::of(world.library(), &me.caller).unwrap();
    let set = [Assignment { facet: "status.instagram".into(), value: "approved".into() }];
    assign::set(world.library(), &actor, of(&["library/luna/a.png".into()]), &set, &()).unwrap();
    world
}

#[test]
fn what_a_desktop_trashes_comes_back_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = world(dir.path());
    let before = world.show("luna/a.png");
    let me = world.me();
    trash(&me, "luna/a.png", "a.png").unwrap();
    assert!(is_gone(me.find("luna/a.png")) && is_gone(me.find("/by/tag/beach/a.png")));
    assert_eq!(me.names(&format!("/trash/{}", day(&me))), ["a.png"]);
    drop(me);
    world.open();
    world.wait(700);
    let me = world.me();
    assert_eq!(me.names("/.Trash-0/files"), ["a.png"]);
    assert_eq!(me.names("/.Trash-0/info"), ["a.png.trashinfo"]);
    assert_eq!(me.read("/.Trash-0/files/a.png").unwrap(), [2; 900]);
    assert!(me.read("/.Trash-0/info/a.png.trashinfo").unwrap().starts_with(b"[Trash Info]\nPath=library/luna/a.png\n"));
    assert_eq!(world.faults().to_string(), "[]");
    me.rename("/.Trash-0/files/a.png", "luna/a.png").unwrap();
    let after = world.show("luna/a.png");
    for field in ["id", "tag", "status", "versions", "path"] {
        assert_eq!(after[field], before[field], "{field}");
        assert!(!after[field].is_null(), "{field}");
    }
    assert_eq!((me.names("/.Trash-0/files").len(), me.names("/.Trash-0/info").len()), (0, 0));
    assert_eq!(me.names("/by/tag/beach"), ["a.png"]);
    assert_eq!(world.faults().to_string(), "[]");
}

#[test]
fn what_comes_out_of_the_trash_otherwise_takes_its_note_along() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let me = world.me();
    trash(&me, "luna/a.png", "a.2.png").unwrap();
    me.rename(&format!("/trash/{}/a.png", day(&me)), "b.png").unwrap();
    assert_eq!((me.names("/.Trash-0/files").len(), me.names("/.Trash-0/info").len()), (0, 0));
    assert!(is_gone(me.find("/.Trash-0/files/a.2.png")));
    trash(&me, "b.png", "b.png").unwrap();
    let actor = Actor::of(world.library(), &me.caller).unwrap();
    restore::restore(world.library(), &actor, &format!("trash/{}/b.png", day(&me)), None, &restore::Place::default())
        .unwrap();
    assert_eq!((me.names("/.Trash-0/files").len(), me.names("/.Trash-0/info").len()), (0, 0));
    assert_eq!(world.faults().to_string(), "[]");
}

#[test]
fn trashing_in_a_view_trashes() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let me = world.me();
    trash(&me, "/by/tag/beach/a.png", "a.png").unwrap();
    assert!(is_gone(me.find("luna/a.png")));
    me.rename("/.Trash-0/files/a.png", "luna/a.png").unwrap();
    assert_eq!(world.show("luna/a.png")["tag"], serde_json::json!(["beach"]));
}

#[test]
fn a_new_file_of_the_name_is_another_asset() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let me = world.me();
    let id = me.id("luna/a.png");
    trash(&me, "luna/a.png", "a.png").unwrap();
    me.write("luna/a.png", &[3; 900]).unwrap();
    world.wait(5);
    assert_ne!(me.id("luna/a.png"), id);
    assert!(matches!(me.rename("/.Trash-0/files/a.png", "luna/a.png"), Err(FsError::Exists)));
    assert_eq!(me.id("/.Trash-0/files/a.png"), id);
}

#[test]
fn a_desktops_trash_is_its_users_alone() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let (me, eve) = (world.me(), world.member("eve", 1001, "admin", None));
    trash(&me, "luna/a.png", "a.png").unwrap();
    assert!(is_gone(me.find("/.Trash-1001")) && is_gone(eve.find("/.Trash-0")));
    assert!(!me.names("/").iter().any(|name| name.starts_with(".Trash")));
    let (mine, hers) = (me.stat("/.Trash-0").unwrap(), eve.stat("/.Trash-1001/files").unwrap());
    assert_eq!((mine.mode, mine.uid, hers.mode, hers.uid), (0o700, 0, 0o700, 1001));
    assert_eq!(eve.names("/.Trash-1001/files").len(), 0);
    assert!(is_gone(eve.find("/.Trash-1001/files/a.png")));
    // On a mount for everyone, also by the number of a directory that is not hers.
    let mount = Mount::new(world.library().clone(), Audience::Everyone, Show { uid: 0, gid: 0 }).unwrap();
    let (me, eve) = (User { mount: mount.clone(), ..me }, User { mount, ..eve });
    let files = me.find("/.Trash-0/files").unwrap();
    assert!(is_gone(eve.find("/.Trash-0")));
    assert!(matches!(eve.mount.lookup(&eve.caller, files, "a.png".as_ref()), Err(FsError::Stale)));
    assert!(me.mount.lookup(&me.caller, files, "a.png".as_ref()).is_ok());
}

#[test]
fn trashing_needs_delete_and_emptying_an_admin() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let editor = world.member("ed", 1002, "editor", None);
    assert!(matches!(trash(&editor, "luna/a.png", "a.png"), Err(FsError::Denied(_))));
    editor.unlink("/.Trash-1002/info/a.png.trashinfo").unwrap();
    let creator = world.member("cleo", 1003, "content-creator", None);
    creator.write("own.png", &[5; 70]).unwrap();
    world.wait(5);
    trash(&creator, "own.png", "own.png").unwrap();
    let own = "/.Trash-1003/files/own.png";
    assert!(matches!(creator.unlink(own), Err(FsError::NotPermitted(_))));
    assert!(matches!(creator.rename(own, "/.Trash-1003/expunged/77"), Err(FsError::NotPermitted(_))));
    let me = world.me();
    trash(&me, "luna/a.png", "a.png").unwrap();
    me.write("c.png", &[6; 70]).unwrap();
    world.wait(5);
    trash(&me, "c.png", "c.png").unwrap();
    me.rename("/.Trash-0/files/a.png", "/.Trash-0/expunged/77").unwrap();
    me.unlink("/.Trash-0/expunged/77").unwrap();
    me.unlink("/.Trash-0/files/c.png").unwrap();
    assert_eq!(me.names("/.Trash-0/files").len() + me.names("/.Trash-0/expunged").len(), 0);
    assert_eq!(me.names(&format!("/trash/{}", day(&me))), ["own.png"]);
    assert_eq!(world.faults().to_string(), "[]");
}

#[test]
fn a_local_file_waits_in_the_trash_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let me = world.me();
    me.write(".goutputstream-AB12CD", &[4; 50]).unwrap();
    me.write("/inbox/new.png", &[5; 50]).unwrap();
    trash(&me, ".goutputstream-AB12CD", "left").unwrap();
    trash(&me, "/inbox/new.png", "new.png").unwrap();
    world.wait(1_300);
    assert_eq!(me.names("/.Trash-0/files"), ["left", "new.png"]);
    assert_eq!(me.names("/find/kind=other").iter().filter(|name| !name.starts_with('+')).count(), 1);
    me.rename("/.Trash-0/files/left", ".goutputstream-AB12CD").unwrap();
    assert_eq!(me.read(".goutputstream-AB12CD").unwrap(), [4; 50]);
    me.unlink("/.Trash-0/files/new.png").unwrap();
}

#[test]
fn nothing_else_is_made_in_a_desktops_trash() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let me = world.me();
    assert!(matches!(me.write("/.Trash-0/files/x.png", b"x"), Err(FsError::NotPermitted(_))));
    assert!(matches!(me.mkdir("/.Trash-0/files/x"), Err(FsError::NotPermitted(_))));
    assert!(matches!(me.rename("luna/a.png", "/.Trash-0/info/a.png"), Err(FsError::NotPermitted(_))));
    let another = me.mount.mkdir(&me.caller, damfs::fs::ROOT, ".Trash-7".as_ref(), 0o700);
    assert!(matches!(another, Err(FsError::NotPermitted(_))));
    me.write("/.Trash-0/directorysizes", b"0").unwrap();
}

/// `luna/` with an asset, a folder below with another, a link and a temporary.
fn folder(me: &User, world: &World) {
    me.mkdir("luna/deep").unwrap();
    me.write("luna/deep/b.png", &[7; 300]).unwrap();
    me.write("luna/deep/.goutputstream-AB12CD", &[8; 30]).unwrap();
    let deep = me.find("luna/deep").unwrap();
    me.mount.symlink(&me.caller, deep, "link".as_ref(), b"b.png").unwrap();
    world.wait(5);
}

#[test]
fn a_folder_goes_to_the_trash_and_comes_back_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = world(dir.path());
    let me = world.me();
    folder(&me, &world);
    let (a, b, inside) = (me.id("luna/a.png"), me.id("luna/deep/b.png"), me.find("luna/deep").unwrap());
    trash(&me, "luna", "luna").unwrap();
    assert!(is_gone(me.find("luna")));
    assert_eq!(me.names(&format!("/trash/{}", day(&me))), ["a.png", "b.png"]);
    assert_eq!(me.names("/.Trash-0/files"), ["luna"]);
    assert_eq!(me.names("/.Trash-0/files/luna").len(), 0, "it is closed");
    let there = me.mount.create(&me.caller, inside, "new.png".as_ref(), 0o644, NEW);
    assert!(matches!(there, Err(FsError::NotPermitted(_))), "also for who stands in it");
    assert_eq!(world.faults().to_string(), "[]");
    drop(me);
    world.open();
    world.wait(1_300);
    let me = world.me();
    assert_eq!(me.names("").len(), 0, "nothing in it is filed meanwhile");
    me.rename("/.Trash-0/files/luna", "moon").unwrap();
    assert_eq!((me.id("moon/a.png"), me.id("moon/deep/b.png")), (a, b));
    assert_eq!(me.names("moon/deep"), [".goutputstream-AB12CD", "b.png", "link"]);
    assert_eq!(me.names("/by/tag/beach"), ["a.png"]);
    assert_eq!(me.names("/.Trash-0/files").len() + me.names("/.Trash-0/info").len(), 0);
    assert_eq!(me.names("/trash").iter().filter(|name| name.starts_with('2')).count(), 0);
    me.write("moon/deep/c.png", &[9; 30]).unwrap();
    assert_eq!(world.faults().to_string(), "[]");
}

#[test]
fn a_file_comes_back_without_the_folder_that_it_was_trashed_in() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let me = world.me();
    folder(&me, &world);
    let b = me.id("luna/deep/b.png");
    trash(&me, "luna", "luna").unwrap();
    me.rename(&format!("/trash/{}/b.png", day(&me)), "b.png").unwrap();
    assert_eq!(me.id("b.png"), b);
    me.rename("/.Trash-0/files/luna", "luna").unwrap();
    assert_eq!((me.names("luna"), me.id("b.png")), (vec!["a.png".into(), "deep".into()], b));
    assert!(is_gone(me.find("luna/deep/b.png")));
    assert_eq!(world.faults().to_string(), "[]");
}

#[test]
fn a_folder_is_trashed_by_who_may_delete_all_of_it_and_purged_by_an_admin() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let (me, editor) = (world.me(), world.member("ed", 1002, "editor", None));
    folder(&me, &world);
    assert!(matches!(trash(&editor, "luna", "luna"), Err(FsError::Denied(_))));
    assert_eq!(me.names("luna"), ["a.png", "deep"]);
    let creator = world.member("cleo", 1003, "content-creator", None);
    creator.mkdir("hers").unwrap();
    creator.write("hers/x.png", &[5; 70]).unwrap();
    world.wait(5);
    trash(&creator, "hers", "hers").unwrap();
    assert_eq!(creator.names("/.Trash-1003/files"), ["hers"]);
    assert!(matches!(creator.rmdir("/.Trash-1003/files/hers"), Err(FsError::NotPermitted(_))));
    creator.rename("/.Trash-1003/files/hers", "hers").unwrap();
    assert_eq!(creator.names("hers"), ["x.png"]);
    trash(&me, "luna", "luna").unwrap();
    me.rename("/.Trash-0/files/luna", "/.Trash-0/expunged/1").unwrap();
    me.rmdir("/.Trash-0/expunged/1").unwrap();
    assert_eq!(me.names("/trash").iter().filter(|name| name.starts_with('2')).count(), 0);
    assert_eq!(me.names("/.Trash-0/expunged").len(), 0);
    assert_eq!(world.faults().to_string(), "[]");
}
