//! Generated operations on `library/`, compared with a plain tree in memory after each step, and again after the library was reopened.
//! Identity, tunnels, versions and trash work behind the names; the names and bytes must be those of any filesystem.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod batches;
mod bytes;
mod comes_back;
mod desktop_trash;
mod identity;
mod intake;
mod names;
mod patterns;
mod random;
mod retention;
mod rivals;
mod sidecars;
mod snapshots;
mod thinning;
mod undo;
mod world;

use std::collections::BTreeMap;

use damfs::fs::{FsError, OpenMode};
use proptest::prelude::*;
use world::World;

#[derive(Debug, Clone)]
enum Op {
    Create(Where, u8),
    Append(Where, u8),
    Truncate(Where, u16),
    Rename(Where, Where),
    Unlink(Where),
    Mkdir(Where),
    Rmdir(Where),
    /// Quiet time passes and what is ripe settles.
    Wait(u8),
    Reopen,
}

/// A folder (0 is the top) and a name.
#[derive(Debug, Clone)]
struct Where(u8, u8);

const FOLDERS: [&str; 3] = ["", "d1", "d2"];
/// Ordinary names, a scratch name, backup names, a lock name.
const NAMES: [&str; 8] =
    ["a.png", "b.png", "c.txt", "a.png~", "a.png_original", ".goutputstream-AB12CD", ".a.png.swp", "d1"];

impl Where {
    fn path(&self) -> String {
        let (folder, name) = (FOLDERS[usize::from(self.0) % 3], NAMES[usize::from(self.1) % 8]);
        if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
    }
}

fn place() -> impl Strategy<Value = Where> {
    (0u8..3, 0u8..8).prop_map(|(f, n)| Where(f, n))
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (place(), any::<u8>()).prop_map(|(w, b)| Op::Create(w, b)),
        2 => (place(), any::<u8>()).prop_map(|(w, b)| Op::Append(w, b)),
        1 => (place(), 0u16..9000).prop_map(|(w, n)| Op::Truncate(w, n)),
        4 => (place(), place()).prop_map(|(a, b)| Op::Rename(a, b)),
        2 => place().prop_map(Op::Unlink),
        1 => (0u8..3).prop_map(|d| Op::Mkdir(Where(0, 7 + 8 * d))),
        1 => place().prop_map(Op::Rmdir),
        2 => (0u8..40).prop_map(Op::Wait),
        1 => Just(Op::Reopen),
    ]
}

/// `None` is a folder.
type Model = BTreeMap<String, Option<Vec<u8>>>;

fn parent_is_dir(model: &Model, path: &str) -> bool {
    match path.rsplit_once('/') {
        None => true,
        Some((parent, _)) => matches!(model.get(parent), Some(None)),
    }
}

fn children(model: &Model, path: &str) -> Vec<String> {
    let prefix = format!("{path}/");
    model.keys().filter(|k| k.starts_with(&prefix)).cloned().collect()
}

/// What the filesystem does, as success or not.
fn run(world: &mut World, op: &Op) -> bool {
    let me = world.me();
    let done = (|| -> Result<(), FsError> {
        match op {
            Op::Create(w, byte) => me.write(&w.path(), &[*byte; 5000])?,
            Op::Append(w, byte) => {
                let file = me.open(&w.path(), OpenMode { write: true, ..OpenMode::default() })?;
                file.append(&[*byte; 700])?;
                file.close()?;
            }
            Op::Truncate(w, size) => me.truncate(&w.path(), u64::from(*size))?,
            Op::Rename(a, b) => me.rename(&a.path(), &b.path())?,
            Op::Unlink(w) => me.unlink(&w.path())?,
            Op::Mkdir(w) => me.mkdir(&w.path())?,
            Op::Rmdir(w) => me.rmdir(&w.path())?,
            Op::Wait(seconds) => world.wait(i64::from(*seconds)),
            Op::Reopen => {}
        }
        Ok(())
    })();
    drop(me);
    if matches!(op, Op::Reopen) {
        world.open();
    }
    if let Err(FsError::Io(e)) = &done {
        panic!("{op:?}: {e}");
    }
    done.is_ok()
}

/// What a plain tree does with the same operation.
fn model_run(model: &mut Model, op: &Op) -> bool {
    match op {
        Op::Create(w, byte) => {
            let path = w.path();
            let fits = parent_is_dir(model, &path) && !matches!(model.get(&path), Some(None));
            if fits {
                model.insert(path, Some(vec![*byte; 5000]));
            }
            fits
        }
        Op::Append(w, byte) => match model.get_mut(&w.path()) {
            Some(Some(bytes)) => {
                bytes.extend_from_slice(&[*byte; 700]);
                true
            }
            _ => false,
        },
        Op::Truncate(w, size) => match model.get_mut(&w.path()) {
            Some(Some(bytes)) => {
                bytes.resize(usize::from(*size), 0);
                true
            }
            _ => false,
        },
        Op::Rename(a, b) => {
            let (a, b) = (a.path(), b.path());
            let Some(source) = model.get(&a).cloned() else { return false };
            if !parent_is_dir(model, &b) || b.starts_with(&format!("{a}/")) {
                return false;
            }
            if a == b {
                return true;
            }
            match (&source, model.get(&b)) {
                (_, None) => {}
                (Some(_), Some(Some(_))) => {}
                (None, Some(None)) if children(model, &b).is_empty() => {}
                _ => return false,
            }
            let moved: Vec<String> = children(model, &a);
            for child in moved {
                let to = format!("{b}{}", &child[a.len()..]);
                let value = model.remove(&child).unwrap();
                model.insert(to, value);
            }
            model.remove(&a);
            model.insert(b, source);
            true
        }
        Op::Unlink(w) => match model.get(&w.path()) {
            Some(Some(_)) => model.remove(&w.path()).is_some(),
            _ => false,
        },
        Op::Mkdir(w) => {
            let path = w.path();
            let free = parent_is_dir(model, &path) && !model.contains_key(&path);
            if free {
                model.insert(path, None);
            }
            free
        }
        Op::Rmdir(w) => {
            let path = w.path();
            let empty = matches!(model.get(&path), Some(None)) && children(model, &path).is_empty();
            if empty {
                model.remove(&path);
            }
            empty
        }
        Op::Wait(_) | Op::Reopen => true,
    }
}

fn compare(world: &World, model: &Model) {
    let mut listed = Vec::new();
    let me = world.me();
    me.list("", &mut listed);
    listed.sort();
    let expected: Vec<(String, bool)> = model.iter().map(|(k, v)| (k.clone(), v.is_none())).collect();
    assert_eq!(listed, expected, "names");
    for (path, bytes) in model.iter().filter_map(|(p, b)| b.as_ref().map(|b| (p, b))) {
        assert!(me.read(path).unwrap() == *bytes, "bytes of {path}");
        assert_eq!(me.stat(path).unwrap().size, bytes.len() as u64, "size of {path}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_tree_is_a_plain_tree(ops in prop::collection::vec(op(), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        let mut world = World::new(dir.path());
        let mut model = Model::new();
        for op in &ops {
            let expected = model_run(&mut model, op);
            let got = run(&mut world, op);
            prop_assert_eq!(got, expected, "{:?}", op);
            compare(&world, &model);
        }
        world.open();
        compare(&world, &model);
        let library = world.library();
        library.settle().unwrap();
        prop_assert_eq!(library.catalog.check().unwrap(), Vec::<String>::new());
    }
}
