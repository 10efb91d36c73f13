//! The recovery window: what was removed comes back until it ends, and goes for good after it.

use damfs::ops::undo::{Ask, undo};
use damfs::ops::{Actor, restore};

use crate::world::World;

const DAY: i64 = 24 * 3_600;

fn world(dir: &std::path::Path) -> World {
    let world = World::new(dir);
    let me = world.me();
    me.mkdir("luna").unwrap();
    me.write("luna/a.png", &[1; 900]).unwrap();
    world.wait(5);
    me.write("luna/a.png", &[2; 900]).unwrap();
    world.wait(5);
    me.tag("luna/a.png", "beach");
    world
}

fn days(world: &World, days: i64) {
    for _ in 0..days {
        world.wait(DAY);
    }
}

#[test]
fn within_the_window_everything_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let me = world.me();
    let before = world.show("luna/a.png");
    me.unlink("luna/a.png").unwrap();
    days(&world, 29);
    let actor = Actor::of(world.library(), &me.caller).unwrap();
    let id = before["id"].as_str().unwrap();
    restore::restore(world.library(), &actor, id, None, &restore::Place::default()).unwrap();
    let after = world.show("luna/a.png");
    for same in ["id", "tag", "status", "versions", "path"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    days(&world, 40);
    assert_eq!(me.read("luna/a.png").unwrap(), [2; 900], "what is back is not in the trash");
}

#[test]
fn past_the_window_the_trash_and_the_turns_go() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let me = world.me();
    me.write("kept.png", &[3; 30]).unwrap();
    me.unlink("luna/a.png").unwrap();
    me.rmdir("luna").unwrap();
    days(&world, 33);
    assert!(!me.names("/trash").iter().any(|name| name.starts_with('2')));
    let actor = Actor::of(world.library(), &me.caller).unwrap();
    assert!(undo(world.library(), &actor, &Ask::default()).is_err(), "its turns are forgotten with it");
    let purged = world.library().catalog.read(|tx| tx.audit_head("ops")).unwrap().unwrap();
    assert_eq!((purged.actor.as_str(), purged.action.as_str()), ("damfs", "asset.purge"));
    assert_eq!(me.read("kept.png").unwrap(), [3; 30]);
    assert_eq!(world.faults(), serde_json::json!([]));
}

#[test]
fn damfs_toml_says_how_long_the_trash_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = world(dir.path());
    let file = dir.path().join("studio/damfs.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("recovery_days = 30", "recovery_days = 2")).unwrap();
    world.open();
    let me = world.me();
    me.unlink("luna/a.png").unwrap();
    days(&world, 1);
    assert!(me.names("/trash").iter().any(|name| name.starts_with('2')));
    days(&world, 2);
    assert!(!me.names("/trash").iter().any(|name| name.starts_with('2')));
}
