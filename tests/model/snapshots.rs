//! When the catalogue is copied into the store.

use std::fs::{self, OpenOptions};
use std::path::Path;

use crate::world::World;

const DAY_S: i64 = 86_400;

/// The newest copy in the store by its name, which begins with the time.
fn newest(dir: &Path) -> Option<String> {
    let mut heads = Vec::new();
    let mut left = vec![dir.join("studio/store/snapshots")];
    while let Some(path) = left.pop() {
        match fs::read_dir(&path) {
            Ok(below) => left.extend(below.map(|entry| entry.unwrap().path())),
            Err(_) if path.extension().is_none() => heads.push(path.file_name()?.to_str()?.to_owned()),
            Err(_) => {}
        }
    }
    heads.into_iter().max()
}

#[test]
fn the_catalogue_is_copied_daily_and_at_the_end_when_something_has_changed() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::new(dir.path());
    let daily = |world: &World, seconds: i64| {
        world.clock.advance_ms(seconds * 1_000);
        world.library().snapshot_daily();
        newest(dir.path())
    };
    let first = daily(&world, 0);
    assert!(first.is_some());
    world.me().write("a.png", b"one").unwrap();
    assert_eq!(daily(&world, DAY_S - 60), first, "not a day yet");
    let second = daily(&world, 120);
    assert_ne!(second, first);
    assert_eq!(daily(&world, 2 * DAY_S), second, "nothing has changed");
    world.me().write("b.png", b"two").unwrap();
    world.library().close();
    let third = newest(dir.path());
    assert_ne!(third, second, "at the end");
    world.open();
    world.clock.advance_ms(60_000);
    world.library().close();
    assert_eq!(newest(dir.path()), third, "nothing has changed");
}

/// Nobody waits at the end for the copy of a large catalogue: only when the last one is a day old.
#[test]
fn a_large_catalogue_is_copied_at_the_end_when_its_copy_is_a_day_old() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    world.library().snapshot_daily();
    let first = newest(dir.path());
    world.clock.advance_ms(60_000);
    world.me().write("a.png", b"one").unwrap();
    // Longer than what is in it, as after many rows were removed.
    OpenOptions::new().write(true).open(dir.path().join("studio/catalog.db")).unwrap().set_len(65 << 20).unwrap();
    world.library().close();
    assert_eq!(newest(dir.path()), first);
    world.clock.advance_ms(DAY_S * 1_000);
    world.library().close();
    assert_ne!(newest(dir.path()), first);
}
