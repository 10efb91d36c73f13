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
        let held = world.library().live.open(world.library(), world.node("a.bin"), None).unwrap();
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

/// The row of a new file says that it has staged bytes when it is closed or synced; until then its staging file says so alone.
#[test]
fn what_was_written_to_a_new_file_survives_a_crash_before_the_close() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::new(dir.path());
    let me = world.me();
    // The second takes the name of an asset that has a version.
    me.write("b.bin", b"first").unwrap();
    world.library().settle().unwrap();
    me.unlink("b.bin").unwrap();
    let open = ["a.bin", "b.bin", ".a.bin.Xk3f9Q"].map(|name| (name, me.begin(name).unwrap()));
    for (name, file) in &open {
        file.write(0, name.as_bytes()).unwrap();
        let row = world.library().catalog.read(|tx| tx.node(world.node(name))).unwrap().unwrap();
        assert!(!row.staged && row.size == 0, "{name}: one call, one commit");
    }
    assert_eq!(world.faults(), serde_json::json!([]), "nothing is wrong with a file that is being written");
    drop(me);
    world.crash(&dir.path().join("crashed"));
    let me = world.me();
    for name in ["a.bin", "b.bin", ".a.bin.Xk3f9Q"] {
        assert_eq!(me.read(name).unwrap(), name.as_bytes());
        assert_eq!(me.stat(name).unwrap().size, name.len() as u64);
    }
    world.library().settle().unwrap();
    assert_eq!([world.versions("a.bin"), world.versions("b.bin")], [1, 2]);
    assert_eq!(world.faults(), serde_json::json!([]));
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

/// What was copied is seen to be a copy when it is closed, not two seconds later.
#[test]
fn a_copy_into_a_view_is_settled_when_it_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let me = world.me();
    me.write("a.bin", &[7; 900]).unwrap();
    world.library().settle().unwrap();
    let id = me.id("a.bin");
    me.mkdir("/by/tag/beach").unwrap();
    me.write("/by/tag/beach/a.bin", &[7; 900]).unwrap();
    assert_eq!((me.id("/by/tag/beach/a.bin"), me.names("/find/kind=other")), (id, vec!["a.bin".to_owned()]));
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

#[test]
fn what_is_no_asset_goes_into_the_store_after_a_minute_and_can_still_become_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::new(dir.path());
    let me = world.me();
    for name in ["a.txt.bak", ".a.swp", ".goutputstream-AB12CD", "empty.txt"] {
        me.write(name, b"bytes").unwrap();
    }
    me.truncate("empty.txt", 0).unwrap();
    world.wait(3);
    assert_eq!(world.library().live.all().len(), 4, "they stay staged for a while");
    world.wait(61);
    assert!(world.library().live.all().is_empty());
    drop(me);
    world.open();
    let me = world.me();
    assert_eq!(me.read(".a.swp").unwrap(), b"bytes");
    me.rename("a.txt.bak", "b.txt").unwrap();
    assert_eq!(world.versions("b.txt"), 1);
    me.write("c.txt", b"old").unwrap();
    world.wait(3);
    me.rename(".goutputstream-AB12CD", "c.txt").unwrap();
    assert_eq!(world.versions("c.txt"), 2);
    assert_eq!(me.read("c.txt").unwrap(), b"bytes");
    // A local file that takes an ordinary name while it is staged is published as soon as any other.
    me.write("d.txt.bak", b"late").unwrap();
    world.wait(3);
    me.rename("d.txt.bak", "d.txt").unwrap();
    world.wait(1);
    assert_eq!(world.versions("d.txt"), 1);
    assert_eq!(world.faults(), serde_json::json!([]));
}

#[test]
fn a_scratch_file_that_stays_becomes_an_asset_though_its_bytes_are_in_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let me = world.me();
    me.write("sedAb1x9Z", b"somebody's").unwrap();
    world.wait(61);
    world.wait(500);
    assert_eq!(world.library().catalog.read(|tx| tx.node(world.node("sedAb1x9Z"))).unwrap().unwrap().asset, None);
    world.wait(60);
    assert_eq!(world.versions("sedAb1x9Z"), 1);
    assert_eq!(me.read("sedAb1x9Z").unwrap(), b"somebody's");
}

#[test]
fn pages_that_a_reader_took_of_passing_bytes_are_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let (a, b) = (world.me(), world.me_elsewhere());
    let read = OpenMode { read: true, ..OpenMode::default() };
    let keeps = |user: &crate::world::User| {
        let opened = user.mount.open(&user.caller, 0, user.find("f.txt").unwrap(), read).unwrap();
        user.mount.release(&user.caller, opened.fh).unwrap();
        opened.keep_cache
    };
    for settled in [false, true] {
        b.write("f.txt", b"first").unwrap();
        world.library().settle().unwrap();
        let reader = a.open("f.txt", read).unwrap();
        assert_eq!(reader.read().unwrap(), b"first");
        assert!(keeps(&a), "nothing changed");
        b.write("f.txt", b"second").unwrap();
        if settled {
            world.library().settle().unwrap();
        }
        assert_eq!(reader.read().unwrap(), b"second");
        b.write("f.txt", b"first").unwrap();
        world.library().settle().unwrap();
        assert!(!keeps(&a), "the kernel holds pages of the second");
        assert!(keeps(&a));
        reader.close().unwrap();
    }
}

#[test]
fn a_file_of_holes_is_settled_at_once_whatever_its_length() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::new(dir.path());
    let me = world.me();
    let len = 400 << 30;
    me.write("sparse.img", b"begin").unwrap();
    me.truncate("sparse.img", len).unwrap();
    let file = me.open("sparse.img", WRITE).unwrap();
    file.write(300 << 30, b"middle").unwrap();
    file.close().unwrap();
    let started = std::time::Instant::now();
    world.wait(3);
    world.library().settle_long();
    assert_eq!(world.versions("sparse.img"), 1);
    // Once more over the committed holes.
    let file = me.open("sparse.img", WRITE).unwrap();
    file.write(len, b"end").unwrap();
    file.close().unwrap();
    world.wait(3);
    world.library().settle_long();
    assert_eq!(world.versions("sparse.img"), 2);
    assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", started.elapsed());
    drop(me);
    world.open();
    let me = world.me();
    let file = me.open("sparse.img", OpenMode { read: true, ..OpenMode::default() }).unwrap();
    let read = |at: u64| me.mount.read(&me.caller, file.fh, at, 8).unwrap();
    assert_eq!(read(0), b"begin\0\0\0");
    assert_eq!(read((300 << 30) - 1), b"\0middle\0");
    assert_eq!(read(200 << 30), [0; 8]);
    assert_eq!(read(len), b"end");
    let seek = |at: i64, what| me.mount.seek(&me.caller, file.fh, at, what).unwrap();
    assert_eq!(seek(100 << 30, damfs::fs::Seek::Data), 300 << 30);
    assert_eq!(seek(300 << 30, damfs::fs::Seek::Hole), (300 << 30) + (16 << 20));
    assert_eq!(me.stat("sparse.img").unwrap().size, len + 3);
    file.close().unwrap();
    assert_eq!(world.faults(), serde_json::json!([]));
}

#[test]
fn a_long_file_keeps_neither_the_beat_nor_the_end_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::new(dir.path());
    let me = world.me();
    let bytes: Vec<u8> = (0..1 << 20).map(|i: u32| u8::try_from(i % 251).unwrap()).collect();
    let file = me.begin("long.bin").unwrap();
    for at in 0..65 {
        file.write(at << 20, &bytes).unwrap();
    }
    file.close().unwrap();
    me.write("short.txt", b"short").unwrap();
    world.wait(3);
    assert_eq!(world.versions("short.txt"), 1);
    assert_eq!(world.show("long.bin")["versions"], serde_json::json!([]), "the beat leaves it alone");
    world.library().end();
    world.library().settle_long();
    world.library().close();
    assert_eq!(world.show("long.bin")["versions"], serde_json::json!([]), "the end does not wait for it");
    drop(me);
    world.open();
    world.wait(3);
    world.library().settle_long();
    assert_eq!(world.versions("long.bin"), 1);
}

#[test]
fn a_time_in_the_future_keeps_no_version_back_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::new(dir.path());
    let me = world.me();
    me.write("a.txt", b"bytes").unwrap();
    let future = damfs::types::Timestamp::from_secs(4_000_000_000);
    let set = damfs::fs::SetAttr { mtime: Some(damfs::fs::TimeChange::At(future)), ..Default::default() };
    me.mount.setattr(&me.caller, me.find("a.txt").unwrap(), set).unwrap();
    drop(me);
    world.open();
    world.wait(3);
    assert_eq!(world.versions("a.txt"), 1);
    assert_eq!(world.me().stat("a.txt").unwrap().mtime, future);
}
