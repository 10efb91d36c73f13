//! Versions of many files made together.

use crate::world::World;

/// How many durable commits there have been.
fn barriers(world: &World) -> i64 {
    let copy = tempfile::tempdir().unwrap();
    for file in ["catalog.db", "catalog.db-wal"] {
        std::fs::copy(world.library().root().join(file), copy.path().join(file)).unwrap();
    }
    let db = rusqlite::Connection::open(copy.path().join("catalog.db")).unwrap();
    db.query_row("SELECT passed FROM barrier", [], |row| row.get(0)).unwrap()
}

#[test]
fn many_files_have_their_versions_by_few_durable_commits() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::new(dir.path());
    const FILES: usize = 200;
    {
        let me = world.me();
        for n in 0..FILES {
            me.write(&format!("{n}.txt"), format!("file {n}").as_bytes()).unwrap();
        }
        // Its writer is still there: it waits, and keeps nobody waiting.
        let open = me.begin("open.txt").unwrap();
        open.write(0, b"half").unwrap();
        let before = barriers(&world);
        assert_eq!(world.library().settle().unwrap().len(), FILES);
        let passed = barriers(&world) - before;
        assert!((1..=10).contains(&passed), "{passed} durable commits for {FILES} files");
        assert_eq!(world.versions("open.txt"), 0);
        open.close().unwrap();
        assert_eq!(world.library().settle().unwrap().len(), 1);
        assert_eq!(world.library().settle().unwrap(), []);
    }
    let crashed = dir.path().join("crashed");
    world.crash(&crashed);
    let me = world.me();
    for n in 0..FILES {
        assert_eq!(me.read(&format!("{n}.txt")).unwrap(), format!("file {n}").as_bytes());
        assert_eq!(world.versions(&format!("{n}.txt")), 1);
    }
    assert_eq!(me.read("open.txt").unwrap(), b"half");
    assert_eq!(world.faults(), serde_json::json!([]));
}
