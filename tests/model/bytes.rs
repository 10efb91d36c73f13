//! Acknowledged bytes are there, whatever happens beside them.

use std::sync::atomic::{AtomicBool, Ordering};

use damfs::fs::{FsError, OpenMode};

use crate::world::World;

const WRITE: OpenMode = OpenMode { write: true, read: false, truncate: false, exclusive: false };

/// Runs `f` while two threads settle again and again.
fn while_settling(world: &World, f: impl FnOnce()) {
    let done = AtomicBool::new(false);
    std::thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    world.library().settle().unwrap();
                }
            });
        }
        f();
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn appends_are_kept_while_versions_are_made() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let me = world.me();
    me.write("log.txt", b"").unwrap();
    let mut expected = Vec::new();
    while_settling(&world, || {
        for i in 0..1_500u32 {
            let line = format!("line {i}\n");
            let file = me.open("log.txt", WRITE).unwrap();
            file.append(line.as_bytes()).unwrap();
            file.close().unwrap();
            expected.extend_from_slice(line.as_bytes());
        }
    });
    assert!(me.read("log.txt").unwrap() == expected);
    world.library().settle().unwrap();
    assert!(me.read("log.txt").unwrap() == expected);
    assert_eq!(world.faults(), serde_json::json!([]));
}

#[test]
fn a_file_that_is_replaced_all_the_time_is_never_read_empty() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let me = world.me();
    me.write("now.txt", b"whole").unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|s| {
        s.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                match me.read("now.txt") {
                    Ok(bytes) => assert_eq!(bytes, b"whole"),
                    // The kernel looks the name up again then.
                    Err(FsError::Stale) => {}
                    Err(e) => panic!("{e}"),
                }
            }
        });
        while_settling(&world, || {
            for _ in 0..800 {
                me.write(".now.txt.Xk3f9Q", b"whole").unwrap();
                me.rename(".now.txt.Xk3f9Q", "now.txt").unwrap();
            }
        });
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_write_right_behind_a_version_survives_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::new(dir.path());
    for round in 0..40u8 {
        let me = world.me();
        me.write("a.bin", &[round; 9_000]).unwrap();
        let late = me.open("a.bin", WRITE).unwrap();
        let held = world.library().live.open(world.library(), world.node("a.bin"), false).unwrap();
        std::thread::scope(|s| {
            s.spawn(|| world.library().settle_file(&held).unwrap());
            // The first moment at which the version stands.
            while held.seen().staged {
                std::hint::spin_loop();
            }
            late.write(0, &[round + 100; 9_000]).unwrap();
        });
        drop(held);
        // Not closed: the daemon is killed.
        drop(me);
        world.open();
        assert!(world.me().read("a.bin").unwrap() == [round + 100; 9_000], "round {round}");
    }
}

#[test]
fn settling_many_times_at_once_makes_one_version() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let me = world.me();
    for round in 0..12u8 {
        me.write("a.bin", &vec![round; 300_000]).unwrap();
        std::thread::scope(|s| {
            for _ in 0..6 {
                s.spawn(|| world.library().settle().unwrap());
            }
        });
        assert_eq!(world.versions("a.bin"), usize::from(round) + 1);
    }
}

#[test]
fn a_copy_in_a_view_that_is_written_again_is_not_taken_away() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let me = world.me();
    let bytes = vec![7; 100_000];
    me.write("a.bin", &bytes).unwrap();
    world.library().settle().unwrap();
    me.tag("a.bin", "beach");
    let file = me.begin("/by/tag/beach/b.bin").unwrap();
    file.write(0, &bytes).unwrap();
    file.close().unwrap();
    world.wait(3);
    // It has a version of its own; another asset gets its name and bytes, and then it is written again.
    assert_eq!(me.names("/by/tag/beach"), ["a.bin", "b.bin"]);
    let id = me.id("/by/tag/beach/b.bin");
    me.write("b.bin", b"another").unwrap();
    world.wait(3);
    me.write("/by/tag/beach/b.bin", b"another").unwrap();
    world.wait(3);
    assert_eq!(me.id("/by/tag/beach/b.bin"), id);
    assert_eq!(me.read("/by/tag/beach/b.bin").unwrap(), b"another");
    world.library().settle().unwrap();
}

#[test]
fn a_copy_in_a_view_that_is_opened_again_in_time_keeps_what_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let me = world.me();
    let bytes = vec![7; 400_000];
    me.write("a.bin", &bytes).unwrap();
    world.library().settle().unwrap();
    me.tag("a.bin", "beach");
    for round in 0..20u8 {
        let path = format!("/by/tag/v{round}/a.bin");
        me.mkdir(&format!("/by/tag/v{round}")).unwrap();
        let file = me.create(&path, WRITE).unwrap();
        file.write(0, &bytes).unwrap();
        let fh = file.fh;
        me.mount.flush(&me.caller, fh).unwrap();
        let node = me.mount.release(&me.caller, fh).unwrap().unwrap();
        let wrote = std::thread::scope(|s| {
            s.spawn(|| me.mount.settle(node));
            std::thread::sleep(std::time::Duration::from_micros(u64::from(round) * 300));
            match me.open(&path, WRITE) {
                Ok(file) => {
                    let written = file.write(0, b"mine");
                    file.close().unwrap();
                    written.unwrap();
                    true
                }
                Err(FsError::NotFound | FsError::Stale) => false,
                Err(e) => panic!("{e}"),
            }
        });
        // Either the twin, which has the value by now, or a file of its own.
        assert_eq!(me.read(&path).unwrap()[..4] == *b"mine", wrote, "round {round}");
        if me.read("a.bin").unwrap()[..4] == *b"mine" {
            me.write("a.bin", &bytes).unwrap();
        }
        world.library().settle().unwrap();
    }
}
