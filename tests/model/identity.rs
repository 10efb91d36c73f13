//! What saves, moves and removals do to assets.

use damfs::clock::Clock;
use damfs::fs::{FsError, OpenMode};
use serde_json::json;

use crate::world::{User, World};

/// A published, tagged file.
fn published(world: &World, me: &User, path: &str, bytes: &[u8]) -> String {
    me.write(path, bytes).unwrap();
    world.library().settle().unwrap();
    me.tag(path, "beach");
    me.id(path)
}

#[test]
fn a_backup_that_is_put_back_is_the_next_version() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let me = world.me();
    let id = published(&world, &me, "a.txt", b"one");
    me.rename("a.txt", "a.txt~").unwrap();
    me.write("a.txt", b"two").unwrap();
    world.library().settle().unwrap();
    assert_eq!(world.versions("a.txt"), 2);
    me.rename("a.txt~", "a.txt").unwrap();
    assert_eq!(me.read("a.txt").unwrap(), b"one");
    assert_eq!(me.id("a.txt"), id);
    assert_eq!(world.versions("a.txt"), 3, "the record says what the bytes are");
    assert_eq!(world.faults(), json!([]));
}

#[test]
fn a_backup_under_a_new_name_is_published_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let me = world.me();
    published(&world, &me, "b.txt", b"one");
    me.rename("b.txt", "b.txt~").unwrap();
    me.write("b.txt", b"two").unwrap();
    world.library().settle().unwrap();
    me.rename("b.txt~", "c.txt").unwrap();
    assert_eq!(world.versions("c.txt"), 1);
    assert_eq!(me.read("/by/kind/other/c.txt").unwrap(), b"one");
    assert_eq!(world.faults(), json!([]));
}

#[test]
fn what_was_never_published_is_removed_though_a_backup_of_it_stays() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let me = world.me();
    me.write("p", b"one").unwrap();
    me.rename("p", "p~").unwrap();
    me.write("p", b"two").unwrap();
    me.unlink("p").unwrap();
    assert_eq!(me.read("p~").unwrap(), b"one");

    published(&world, &me, "t", b"established");
    me.write("q", b"one").unwrap();
    me.rename("q", "q~").unwrap();
    me.write("q", b"two").unwrap();
    me.rename("q", "t").unwrap();
    assert_eq!(me.read("t").unwrap(), b"two");
    assert_eq!(me.read("q~").unwrap(), b"one");
    assert_eq!(world.faults(), json!([]));
}

#[test]
fn a_saver_with_a_backup_name_that_nobody_knows_saves() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let me = world.me();
    let id = published(&world, &me, "a.png", b"one");
    me.rename("a.png", "zzz.old123").unwrap();
    me.write("a.png", b"two").unwrap();
    me.unlink("zzz.old123").unwrap();
    world.library().settle().unwrap();
    assert_eq!(me.id("a.png"), id);
    assert_eq!(world.show("a.png")["tag"], json!(["beach"]));
    assert_eq!(world.show("a.png")["view_name"], "a.png");
    assert_eq!(world.versions("a.png"), 2);
    assert_eq!(me.names(""), ["a.png"]);
    assert_eq!(world.faults(), json!([]));

    // Two programs are a person who keeps the new file and throws the old one away.
    me.rename("a.png", "old").unwrap();
    me.in_process(8).write("a.png", b"three").unwrap();
    me.in_process(9).unlink("old").unwrap();
    world.library().settle().unwrap();
    assert_ne!(me.id("a.png"), id);
}

#[test]
fn a_backup_removed_before_the_name_is_back_waits_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let me = world.me();
    let id = published(&world, &me, "a.png", b"one");
    me.rename("a.png", "a.png~").unwrap();
    me.unlink("a.png~").unwrap();
    me.write("a.png", b"two").unwrap();
    assert_eq!(me.id("a.png"), id);
    world.wait(20);
    assert_eq!(world.versions("a.png"), 2);
}

/// A library with an editor, who may not delete, and his file `acme/a.png`.
fn with_editor(dir: &std::path::Path) -> (World, User, String) {
    let world = World::new(dir);
    let me = world.me();
    me.mkdir("acme").unwrap();
    let id = published(&world, &me, "acme/a.png", b"one");
    let eddy = world.member("eddy", 1_001, "editor", None);
    (world, eddy, id)
}

/// Where an asset's file is, below `library/`.
fn place_of(world: &World, id: &str) -> Option<String> {
    let id = id.parse().unwrap();
    world
        .library()
        .catalog
        .read(|tx| {
            let node = tx.asset(id)?.and_then(|a| a.node);
            node.map_or(Ok(None), |n| damfs::ops::folders::path_of(tx, n))
        })
        .unwrap()
}

#[test]
fn an_editors_removal_is_undone_also_when_the_name_is_taken() {
    type Take = fn(&World, &User);
    let takes: [(&str, Take); 4] = [
        ("library/acme/a (2).png", |_, eddy| eddy.mkdir("acme/a.png").unwrap()),
        ("library/acme/a (2).png", |world, eddy| {
            published(world, eddy, "acme/b.png", b"other");
            eddy.in_process(99).rename("acme/b.png", "acme/a.png").unwrap();
        }),
        // The name is taken and goes away again: what waited at it is not forgotten.
        ("library/acme/a (2).png", |world, eddy| {
            published(world, eddy, "acme/b.png", b"other");
            let other = eddy.in_process(99);
            other.rename("acme/b.png", "acme/a.png").unwrap();
            other.rename("acme/a.png", "acme/c.png").unwrap();
        }),
        ("library/Unsorted/2026/09/a.png", |_, eddy| eddy.rmdir("acme").unwrap()),
    ];
    for (round, (expected, take)) in takes.into_iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        let (world, eddy, id) = with_editor(dir.path());
        eddy.unlink("acme/a.png").unwrap();
        take(&world, &eddy);
        world.wait(20);
        assert_eq!(place_of(&world, &id).as_deref(), Some(expected), "case {round}");
        assert_eq!(world.faults(), json!([]));
    }
}

/// Regression: views called it by the name that it had before.
#[test]
fn what_is_put_back_under_another_name_has_that_name_in_views() {
    let dir = tempfile::tempdir().unwrap();
    let (world, eddy, _) = with_editor(dir.path());
    eddy.unlink("acme/a.png").unwrap();
    eddy.mkdir("acme/a.png").unwrap();
    world.wait(20);
    let shown = eddy.names("/find/kind=other");
    assert!(shown.contains(&"a (2).png".to_owned()) && !shown.contains(&"a.png".to_owned()), "{shown:?}");
}

#[test]
fn a_name_that_cannot_be_put_back_does_not_keep_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let (world, eddy, id) = with_editor(dir.path());
    let lost = published(&world, &world.me(), "acme/b.png", b"two");
    eddy.unlink("acme/a.png").unwrap();
    eddy.unlink("acme/b.png").unwrap();
    // An admin lets the bytes of one go for good.
    let day = world.me().names("/trash").into_iter().find(|n| n.starts_with("20")).unwrap();
    world.me().unlink(&format!("/trash/{day}/b.png")).unwrap();
    world.wait(20);
    assert_eq!(place_of(&world, &id).as_deref(), Some("library/acme/a.png"));
    assert_eq!(place_of(&world, &lost), None);
    let left = world.library().catalog.read(|tx| tx.tunnels_before(world.library().clock.now())).unwrap();
    assert_eq!(left, []);
}

#[test]
fn creating_a_name_that_exists_unseen_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let me = world.me();
    me.write("hidden.png", b"one").unwrap();
    world.library().settle().unwrap();
    let eve = world.member("eve", 1_002, "editor", Some("client=acme"));
    for exclusive in [true, false] {
        let made = eve.create("hidden.png", OpenMode { exclusive, ..OpenMode::default() }).map(drop);
        assert!(matches!(made, Err(FsError::Exists)), "{made:?}");
    }
    let (parent, name) = eve.split("hidden.png").unwrap();
    let made = eve.mount.mknod(&eve.caller, parent, name, damfs::fs::Special::File, 0o644);
    assert!(matches!(made, Err(FsError::Exists)));
}

#[test]
fn creating_one_name_on_two_mounts_at_once_opens_or_says_that_it_exists() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let users = [world.me(), world.me_elsewhere(), world.me_elsewhere()];
    for round in 0..60 {
        let name = format!("f{round}");
        let exclusive = round % 2 == 0;
        let made: Vec<bool> = std::thread::scope(|s| {
            let tries: Vec<_> = users
                .iter()
                .map(|user| {
                    let name = &name;
                    s.spawn(move || match user.create(name, OpenMode { exclusive, ..OpenMode::default() }) {
                        Ok(file) => file.close().is_ok(),
                        Err(FsError::Exists) => false,
                        Err(e) => panic!("{e}"),
                    })
                })
                .collect();
            tries.into_iter().map(|t| t.join().unwrap()).collect()
        });
        let expected = if exclusive { 1 } else { users.len() };
        assert_eq!(made.into_iter().filter(|made| *made).count(), expected);
    }
}

#[test]
fn a_copy_into_a_view_keeps_its_name_though_the_asset_has_another_in_views() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let me = world.me();
    me.mkdir("x").unwrap();
    me.write("a.bin", b"first of the name").unwrap();
    me.write("x/a.bin", b"second").unwrap();
    world.library().settle().unwrap();
    me.mkdir("/by/tag/beach").unwrap();
    me.write("/by/tag/beach/a.bin", b"second").unwrap();
    assert_eq!(world.show("x/a.bin")["tag"], json!(["beach"]));
    assert_eq!(me.read("/by/tag/beach/a.bin").unwrap(), b"second");
    assert_eq!(me.id("/by/tag/beach/a.bin"), me.id("x/a.bin"));
}

/// Regression: what was called like a temporary stayed local to the view that it was put into, where no backup finds it.
#[test]
fn a_scratch_file_that_stays_in_a_view_is_filed_with_its_values() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let me = world.me();
    published(&world, &me, "a.png", b"one");
    me.write("/by/tag/beach/sedAb1x9Z", b"somebody's").unwrap();
    world.wait(500);
    assert_eq!(me.names("/by/tag/beach"), ["a.png", "sedAb1x9Z"]);
    assert!(me.find("Unsorted").is_err());
    world.wait(200);
    world.library().settle().unwrap();
    assert_eq!(me.read("/by/tag/beach/sedAb1x9Z").unwrap(), b"somebody's");
    let path = "Unsorted/2026/09/sedAb1x9Z";
    assert_eq!(me.read(path).unwrap(), b"somebody's", "{:?}", me.names("Unsorted"));
    assert_eq!(world.show(path)["tag"], json!(["beach"]));
    assert_eq!(world.faults(), json!([]));
}

/// Regression: of an empty file that was saved by a rename, or made anew and not written to, no version was made: the record spoke of the old bytes.
#[test]
fn an_empty_file_that_takes_an_assets_name_is_its_next_version() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::new(dir.path());
    let me = world.me();
    let ids = ["a.txt", "b.txt", "c.txt"].map(|name| published(&world, &me, name, b"one"));
    me.write("sedAb1x9Z", b"").unwrap();
    me.rename("sedAb1x9Z", "a.txt").unwrap();
    me.unlink("b.txt").unwrap();
    me.write("b.txt", b"").unwrap();
    me.unlink("c.txt").unwrap();
    let open = me.begin("c.txt").unwrap();
    world.wait(1);
    assert_eq!(world.versions("a.txt"), 1, "not yet quiet");
    world.wait(2);
    assert_eq!((world.versions("a.txt"), world.versions("b.txt"), world.versions("c.txt")), (2, 2, 1));
    open.write(0, b"two").unwrap();
    open.close().unwrap();
    world.wait(3);
    assert_eq!(world.versions("c.txt"), 2, "what is open may be written yet");
    assert_eq!(me.read("a.txt").unwrap(), b"");
    assert_eq!(world.faults(), json!([]));
    me.unlink("a.txt").unwrap();
    me.write("a.txt", b"").unwrap();
    drop(me);
    world.open();
    world.wait(20);
    assert_eq!(world.versions("a.txt"), 2, "the same again");
    assert_eq!(world.faults(), json!([]));
    assert_eq!(["a.txt", "b.txt", "c.txt"].map(|name| world.me().id(name)), ids);
}

/// Regression: the time of change stayed that of before, so that what had been renamed a moment ago was taken for a file that had stayed.
#[test]
fn renaming_what_is_no_asset_moves_its_time_of_change() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let me = world.me();
    for (from, to) in [("a.png~", ".goutputstream-AB12CD"), (".a.png.swp", "4913"), ("sedAb1x9Z", "new.png")] {
        me.write(from, b"one").unwrap();
        world.wait(660);
        me.rename(from, to).unwrap();
        assert_eq!(me.stat(to).unwrap().ctime, world.clock.now(), "{from} to {to}");
        world.wait(20);
        assert_eq!(no_asset(&me, to), to != "new.png", "ten minutes have not passed for {to}");
    }
}

fn no_asset(user: &User, path: &str) -> bool {
    let ino = user.find(path).unwrap();
    matches!(user.mount.getxattr(&user.caller, ino, b"user.dam.id"), Err(FsError::NoAttribute))
}

/// Regression: once a backup had a temporary's name, it told the id of the asset that it had been set aside from.
#[test]
fn a_backup_is_no_asset_whatever_name_it_gets() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let me = world.me();
    published(&world, &me, "a.png", b"one");
    me.rename("a.png", "a.png~").unwrap();
    me.write("a.png", b"two").unwrap();
    let refused = world.set_tag("a.png~", "sea", true);
    assert!(matches!(refused, Err(FsError::NotPermitted(_))), "says that it is no asset: {refused:?}");
    for (from, to) in [("a.png~", "sedAb1x9Z"), ("sedAb1x9Z", "4913")] {
        me.rename(from, to).unwrap();
        assert!(no_asset(&me, to), "{to}");
    }
}

/// Regression: an asset whose bytes a program had just saved was taken for a file that this program had just made: moved over another one it
/// became that one's version, and its own record and versions were gone.
#[test]
fn an_old_asset_that_was_just_saved_stays_itself() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let me = world.me();
    let ids = ["a.png", "b.png"].map(|name| {
        me.write(name, name.as_bytes()).unwrap();
        world.wait(660);
        me.id(name)
    });
    me.write("sedAb1x9Z", b"two").unwrap();
    me.rename("sedAb1x9Z", "a.png").unwrap();
    world.wait(5);
    me.rename("a.png", "b.png").unwrap();
    assert_eq!(me.id("b.png"), ids[0]);
    assert_eq!((place_of(&world, &ids[1]), world.versions("b.png")), (None, 2));
    assert_eq!(world.faults(), json!([]));
}

/// Regression: moving a file over an empty placeholder put the placeholder into the trash, and was refused to who may not delete.
#[test]
fn a_placeholder_that_is_replaced_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (world, eddy, id) = with_editor(dir.path());
    eddy.in_process(8).write("acme/b.png", b"").unwrap();
    eddy.rename("acme/a.png", "acme/b.png").unwrap();
    assert_eq!(eddy.id("acme/b.png"), id);
    assert!(!world.me().names("/trash").iter().any(|name| name.starts_with('2')), "nothing was trashed");
    assert_eq!(world.faults(), json!([]));
}

/// Regression: a file renamed out of its backup name in a view had two records, a second name in the library, or was no asset any more; another
/// file renamed onto the backup name put the asset into the trash, name and all.
#[test]
fn a_backup_name_in_a_view_is_one_more_name_of_the_asset() {
    let moves: [(&str, &str, &str); 6] = [
        ("a.png~", "/by/tag/beach/a.png.bak", "luna/a.png"),
        ("a.png~", "/by/tag/beach/a.png", "luna/a.png"),
        ("a.png~", "/by/tag/beach/other.png", "luna/other.png"),
        ("a.png~", "/by/tag/beach/b.png", "luna/b.png"),
        ("a.png~", "old.png", "old.png"),
        ("b.png", "/by/tag/beach/a.png~", "luna/a.png"),
    ];
    for (from, to, home) in moves {
        let dir = tempfile::tempdir().unwrap();
        let mut world = World::new(dir.path());
        let me = world.me();
        me.mkdir("luna").unwrap();
        let id = published(&world, &me, "luna/a.png", b"one");
        let other = published(&world, &me, "luna/b.png", b"two");
        world.wait(660);
        me.rename("/by/tag/beach/a.png", "/by/tag/beach/a.png~").unwrap();
        me.rename(&format!("/by/tag/beach/{from}"), to).unwrap();
        if to.ends_with('~') {
            // Regression: onto itself it was an error of the catalogue.
            me.rename(to, to).unwrap();
        }
        drop(me);
        world.open();
        world.wait(20);
        world.library().settle().unwrap();
        assert_eq!(place_of(&world, &id), Some(format!("library/{home}")), "{from} to {to}");
        let there = place_of(&world, &other);
        assert_eq!(there.is_none(), to.ends_with("/b.png"), "{from} to {to}: {there:?}");
        assert_eq!(world.show(home)["tag"], json!(["beach"]), "{from} to {to}");
        assert_eq!(world.faults(), json!([]), "{from} to {to}");
    }
}

/// Regression: what was moved into a saver's folder stayed the backup or the lock file that it had been, and was never filed when it stayed.
#[test]
fn what_lies_in_a_savers_folder_is_its_temporary() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let me = world.me();
    me.mkdir(".~tmp~").unwrap();
    me.write("a.png~", b"one").unwrap();
    me.rename("a.png~", ".~tmp~/a.png").unwrap();
    assert!(no_asset(&me, ".~tmp~/a.png"));
    world.wait(660);
    assert!(!no_asset(&me, ".~tmp~/a.png"));
}
