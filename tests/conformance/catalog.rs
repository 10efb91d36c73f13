//! The suite of `catalog::Engine`, on disk and in maps.

use damfs::catalog::Engine;
use damfs::catalog::memory::MemoryEngine;
use damfs::catalog::sqlite::SqliteEngine;

/// Runs one test on both engines, each empty but for the root, and checks the engine's own rules after.
pub fn on_both(test: fn(&dyn Engine)) {
    let dir = tempfile::tempdir().unwrap();
    let engines: [Box<dyn Engine>; 2] =
        [Box::new(MemoryEngine::new()), Box::new(SqliteEngine::create(&dir.path().join("catalog.db")).unwrap())];
    for engine in engines {
        crate::samples::root(&*engine);
        test(&*engine);
        assert_eq!(engine.check().unwrap(), Vec::<String>::new());
        engine.barrier().unwrap();
        engine.barrier().unwrap();
    }
}
