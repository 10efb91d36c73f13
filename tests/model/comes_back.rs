//! What comes back with an asset that was removed: each thing by itself, by every way out of the trash, also when its folder is gone.

use damfs::ops::proto::Assignment;
use damfs::ops::undo::{Ask, undo};
use damfs::ops::{Actor, assign, restore};
use serde_json::{Value, json};

use crate::world::{User, World, of};

/// How an asset is removed, and brought back to where it was.
type Way = (&'static str, fn(&User), fn(&World, &User, id: &str));

fn actor(world: &World, me: &User) -> Actor {
    Actor::of(world.library(), &me.caller).unwrap()
}

fn trash_day(me: &User) -> String {
    me.names("/trash").into_iter().find(|name| name.starts_with('2')).unwrap()
}

const WAYS: [Way; 5] = [
    (
        "mv out of trash/",
        |me| me.unlink("luna/a.png").unwrap(),
        |_, me, _| me.rename(&format!("/trash/{}/a.png", trash_day(me)), "luna/a.png").unwrap(),
    ),
    (
        "a file manager",
        |me| me.rename("luna/a.png", "/.Trash-0/files/a.png").unwrap(),
        |_, me, _| me.rename("/.Trash-0/files/a.png", "luna/a.png").unwrap(),
    ),
    (
        "a file manager, with its folder",
        |me| me.rename("luna", "/.Trash-0/files/luna").unwrap(),
        |_, me, _| me.rename("/.Trash-0/files/luna", "luna").unwrap(),
    ),
    (
        "dam restore",
        |me| me.unlink("luna/a.png").unwrap(),
        |world, me, id| {
            restore::restore(world.library(), &actor(world, me), id, None, &restore::Place::default()).unwrap();
        },
    ),
    (
        "dam undo",
        |me| {
            me.unlink("luna/a.png").unwrap();
            me.rmdir("luna").unwrap();
        },
        |world, me, _| {
            undo(world.library(), &actor(world, me), &Ask::default()).unwrap();
        },
    ),
];

/// Two versions, tags, and a verdict about the first version.
fn world(dir: &std::path::Path) -> (World, Value) {
    let world = World::new(dir);
    let me = world.me();
    me.mkdir("luna").unwrap();
    me.write("luna/a.png", &[1; 900]).unwrap();
    world.wait(5);
    let set = [Assignment { facet: "status.instagram".into(), value: "approved".into() }];
    assign::set(world.library(), &actor(&world, &me), of(&["library/luna/a.png".into()]), &set, &()).unwrap();
    me.write("luna/a.png", &[2; 900]).unwrap();
    world.wait(5);
    me.tag("luna/a.png", "beach,evening");
    world.wait(60);
    let record = world.show("luna/a.png");
    (world, record)
}

/// What the record says after each way, a week later and behind a restart.
fn after_each_way(check: impl Fn(&str, &World, &Value, &Value)) {
    for (way, remove, bring_back) in WAYS {
        let dir = tempfile::tempdir().unwrap();
        let (mut world, before) = world(dir.path());
        remove(&world.me().in_process(40));
        world.wait(7 * 24 * 3_600);
        world.open();
        let me = world.me().in_process(41);
        assert!(me.find("luna/a.png").is_err(), "{way}");
        bring_back(&world, &me, before["id"].as_str().unwrap());
        let after = world.show("luna/a.png");
        assert_eq!(after["id"], before["id"], "{way}");
        check(way, &world, &before, &after);
        assert_eq!(world.faults(), json!([]), "{way}");
    }
}

#[test]
fn tags_come_back() {
    after_each_way(|way, world, _, after| {
        assert_eq!(after["tag"], json!(["beach", "evening"]), "{way}");
        for tag in ["beach", "evening"] {
            assert_eq!(world.me().names(&format!("/by/tag/{tag}")), ["a.png"], "{way}");
        }
    });
}

#[test]
fn versions_come_back() {
    after_each_way(|way, world, before, after| {
        assert_eq!(after["versions"], before["versions"], "{way}");
        for (n, bytes) in [(1, [1; 900]), (2, [2; 900])] {
            assert_eq!(world.me().read(&format!("/versions/luna/a.png/{n}.png")).unwrap(), bytes, "{way}");
        }
    });
}

#[test]
fn verdicts_come_back() {
    after_each_way(|way, _, before, after| {
        assert_eq!(after["status"], before["status"], "{way}");
        assert_eq!(
            (&after["status"]["instagram"]["value"], &after["status"]["instagram"]["version"]),
            (&json!("approved"), &json!(1))
        );
    });
}

#[test]
fn the_path_comes_back() {
    after_each_way(|way, world, _, after| {
        assert_eq!(after["path"], "library/luna/a.png", "{way}");
        assert_eq!(world.me().read("luna/a.png").unwrap(), [2; 900], "{way}");
        assert!(!world.me().names("/trash").iter().any(|name| name.starts_with('2')), "{way}");
    });
}

/// Its folder is gone: everything but the path comes back.
#[test]
fn without_its_folder_all_but_the_path_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let (world, before) = world(dir.path());
    let me = world.me();
    me.unlink("luna/a.png").unwrap();
    me.rmdir("luna").unwrap();
    world.wait(60);
    let id = before["id"].as_str().unwrap();
    restore::restore(world.library(), &actor(&world, &me), id, None, &restore::Place::default()).unwrap();
    let after = world.show("Unsorted/2026/09/a.png");
    for same in ["id", "tag", "versions", "status"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    assert_eq!(me.read("Unsorted/2026/09/a.png").unwrap(), [2; 900]);
}
