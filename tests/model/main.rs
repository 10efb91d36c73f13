//! Generated operations on `library/`, compared with a plain tree in memory after each step, and again after the library was reopened.
//! Identity, tunnels, versions and trash work behind the names; the names and bytes must be those of any filesystem.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use damfs::clock::{ManualClock, SharedClock};
use damfs::fs::{Audience, FsError, Listed, Mount, OpenMode, ROOT, Show};
use damfs::ops::Library;
use damfs::ops::library::KeyChoice;
use damfs::rng::{SharedEntropy, SystemEntropy};
use damfs::types::{Caller, FileKind, Timestamp};
use proptest::prelude::*;

const ME: Caller = Caller { uid: 0, gid: 0, process: 7 };

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

struct World {
    clock: Arc<ManualClock>,
    root: PathBuf,
    library: Option<Arc<Library>>,
    mount: Option<Arc<Mount>>,
}

impl World {
    fn new(dir: &Path) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_790_000_000)));
        let shared: SharedClock = clock.clone();
        let entropy: SharedEntropy = Arc::new(SystemEntropy::new());
        let root = dir.join("studio");
        Library::create(&root, KeyChoice::Plain, ("root", 0), &shared, &entropy).unwrap();
        let mut world = Self { clock, root, library: None, mount: None };
        world.open();
        world
    }

    fn open(&mut self) {
        self.mount = None;
        self.library = None;
        let entropy: SharedEntropy = Arc::new(SystemEntropy::new());
        let mut tries = 0;
        let library = loop {
            match Library::open(&self.root, None, self.clock.clone(), entropy.clone()) {
                Ok(library) => break library,
                // The feed's thread lets go of the last one within a second.
                Err(damfs::ops::library::OpenError::InUse { .. }) if tries < 300 => {
                    tries += 1;
                    std::thread::sleep(std::time::Duration::from_millis(10));
                }
                Err(e) => panic!("{e}"),
            }
        };
        let member = library.member_for(0).unwrap();
        self.mount = Some(Mount::new(library.clone(), Audience::Member(member), Show { uid: 0, gid: 0 }).unwrap());
        self.library = Some(library);
    }

    fn m(&self) -> &Mount {
        self.mount.as_ref().unwrap()
    }

    fn find(&self, path: &str) -> Result<u64, FsError> {
        let mut at = self.m().lookup(&ME, ROOT, OsStr::new("library"))?.attr.ino;
        for part in path.split('/').filter(|p| !p.is_empty()) {
            at = self.m().lookup(&ME, at, OsStr::new(part))?.attr.ino;
        }
        Ok(at)
    }

    fn split<'a>(&self, path: &'a str) -> Result<(u64, &'a OsStr), FsError> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        Ok((self.find(parent)?, OsStr::new(name)))
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, FsError> {
        let ino = self.find(path)?;
        let open = self.m().open(&ME, ino, OpenMode { read: true, ..OpenMode::default() })?;
        let bytes = self.m().read(&ME, open.fh, 0, 1 << 20);
        self.m().release(&ME, open.fh).unwrap();
        bytes
    }

    fn list(&self, path: &str, into: &mut Vec<(String, bool)>) {
        let ino = self.find(path).unwrap();
        let open = self.m().opendir(&ME, ino).unwrap();
        let mut rows: Vec<Listed> = Vec::new();
        self.m()
            .readdir(&ME, open.fh, 0, false, &mut |row| {
                rows.push(row);
                true
            })
            .unwrap();
        self.m().releasedir(&ME, open.fh).unwrap();
        for row in rows.iter().filter(|r| r.name != b"." && r.name != b"..") {
            let name = String::from_utf8(row.name.clone()).unwrap();
            let below = if path.is_empty() { name } else { format!("{path}/{name}") };
            let is_dir = row.kind == FileKind::Dir;
            into.push((below.clone(), is_dir));
            if is_dir {
                self.list(&below, into);
            }
        }
    }

    /// What the filesystem does, as success or not.
    fn run(&mut self, op: &Op) -> bool {
        let done = (|| -> Result<(), FsError> {
            match op {
                Op::Create(w, byte) => {
                    let path = w.path();
                    let (parent, name) = self.split(&path)?;
                    let mode = OpenMode { write: true, truncate: true, ..OpenMode::default() };
                    let fh = match self.m().lookup(&ME, parent, name) {
                        Ok(entry) => self.m().open(&ME, entry.attr.ino, mode)?.fh,
                        Err(_) => self.m().create(&ME, parent, name, 0o644, mode)?.1.fh,
                    };
                    self.m().write(&ME, fh, 0, &[*byte; 5000])?;
                    self.m().flush(&ME, fh)?;
                    self.m().release(&ME, fh)?;
                }
                Op::Append(w, byte) => {
                    let ino = self.find(&w.path())?;
                    let mode = OpenMode { write: true, append: true, ..OpenMode::default() };
                    let fh = self.m().open(&ME, ino, mode)?.fh;
                    self.m().write(&ME, fh, 0, &[*byte; 700])?;
                    self.m().flush(&ME, fh)?;
                    self.m().release(&ME, fh)?;
                }
                Op::Truncate(w, size) => {
                    let ino = self.find(&w.path())?;
                    let set = damfs::fs::SetAttr { size: Some(u64::from(*size)), ..Default::default() };
                    self.m().setattr(&ME, ino, set)?;
                }
                Op::Rename(a, b) => {
                    let (a, b) = (a.path(), b.path());
                    let (from, name) = self.split(&a)?;
                    let (to, new) = self.split(&b)?;
                    self.m().rename(&ME, from, name, to, new, false)?;
                }
                Op::Unlink(w) => {
                    let path = w.path();
                    let (parent, name) = self.split(&path)?;
                    self.m().unlink(&ME, parent, name)?;
                }
                Op::Mkdir(w) => {
                    let path = w.path();
                    let (parent, name) = self.split(&path)?;
                    self.m().mkdir(&ME, parent, name, 0o755)?;
                }
                Op::Rmdir(w) => {
                    let path = w.path();
                    let (parent, name) = self.split(&path)?;
                    self.m().rmdir(&ME, parent, name)?;
                }
                Op::Wait(seconds) => {
                    self.clock.advance_ms(i64::from(*seconds) * 1_000);
                    self.library.as_ref().unwrap().tick();
                }
                Op::Reopen => self.open(),
            }
            Ok(())
        })();
        if let Err(FsError::Io(e)) = &done {
            panic!("{op:?}: {e}");
        }
        done.is_ok()
    }
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
    world.list("", &mut listed);
    listed.sort();
    let expected: Vec<(String, bool)> = model.iter().map(|(k, v)| (k.clone(), v.is_none())).collect();
    assert_eq!(listed, expected, "names");
    for (path, bytes) in model.iter().filter_map(|(p, b)| b.as_ref().map(|b| (p, b))) {
        assert!(world.read(path).unwrap() == *bytes, "bytes of {path}");
        let ino = world.find(path).unwrap();
        assert_eq!(world.m().getattr(&ME, ino, None).unwrap().attr.size, bytes.len() as u64, "size of {path}");
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
            let got = world.run(op);
            prop_assert_eq!(got, expected, "{:?}", op);
            compare(&world, &model);
        }
        world.open();
        compare(&world, &model);
        let library = world.library.as_ref().unwrap();
        library.settle().unwrap();
        prop_assert_eq!(library.catalog.check().unwrap(), Vec::<String>::new());
    }
}
