//! Generated programs and people in folders and views of one library. What views show follows from records and time, too much for a reference;
//! what must hold whatever happens is checked after each call: one place or the trash for every asset, nothing published is lost, versions only
//! grow, what is quiet is a version, and the catalogue is sound.

use std::collections::{BTreeMap, BTreeSet};

use damfs::catalog::CatalogError;
use damfs::fs::{FsError, FsResult};
use damfs::types::{AssetId, FileKind, VersionId};
use proptest::prelude::*;
use tempfile::TempDir;

use super::names::FILES;
use crate::world::{User, World};

/// Two views of tags, and one of everything that has neither.
const PLACES: [&str; 5] = ["", "d1/", "/by/tag/beach/", "/by/tag/sea/", "/find/tag=beach/"];

#[derive(Debug, Clone)]
enum Op {
    Write { process: u32, at: String, size: usize },
    Rename { process: u32, from: String, to: String },
    Unlink { process: u32, at: String },
    Mkdir { at: String },
    Tag { at: String, tag: &'static str, give: bool },
    Wait(i64),
    Crash,
}

fn file() -> impl Strategy<Value = String> {
    let name = prop_oneof![4 => Just(0usize), 2 => Just(1), 3 => 0..FILES.len()];
    (0..PLACES.len(), name).prop_map(|(place, name)| format!("{}{}", PLACES[place], FILES[name].0))
}

/// Mostly in one place, as savers do.
fn pair() -> impl Strategy<Value = (String, String)> {
    let inside = (0..PLACES.len(), 0..FILES.len(), 0..FILES.len());
    let inside =
        inside.prop_map(|(p, a, b)| (format!("{}{}", PLACES[p], FILES[a].0), format!("{}{}", PLACES[p], FILES[b].0)));
    prop_oneof![2 => inside, 1 => (file(), file())]
}

fn op() -> impl Strategy<Value = Op> {
    let process = || prop_oneof![3 => Just(7u32), 1 => Just(8), 1 => Just(0)];
    let tag = prop_oneof![2 => Just("beach"), 1 => Just("sea")];
    prop_oneof![
        8 => (process(), file(), 0usize..40).prop_map(|(process, at, size)| Op::Write { process, at, size }),
        8 => (process(), pair()).prop_map(|(process, (from, to))| Op::Rename { process, from, to }),
        4 => (process(), file()).prop_map(|(process, at)| Op::Unlink { process, at }),
        1 => Just(Op::Mkdir { at: "d1".to_owned() }),
        3 => (file(), tag, prop::bool::weighted(0.8)).prop_map(|(at, tag, give)| Op::Tag { at, tag, give }),
        5 => prop_oneof![2 => Just(100i64), 6 => Just(3_000), 3 => Just(20_000), 1 => Just(660_000)].prop_map(Op::Wait),
        1 => Just(Op::Crash),
    ]
}

struct Bench {
    dir: TempDir,
    lives: u32,
    world: World,
    /// Grows with every write: no two are alike.
    written: u32,
    versions: BTreeMap<AssetId, Vec<VersionId>>,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let world = World::new(&dir.path().join("0"));
        let me = world.me();
        for tag in ["beach", "sea"] {
            me.mkdir(&format!("/by/tag/{tag}")).unwrap();
        }
        drop(me);
        Self { dir, lives: 0, world, written: 0, versions: BTreeMap::new() }
    }

    fn run(&mut self, op: &Op) -> FsResult<()> {
        let me = |process: &u32| self.world.me().in_process(*process);
        self.world.clock.advance_ms(1);
        match op {
            Op::Write { process, at, size } => {
                self.written += 1;
                let bytes =
                    if *size == 0 { Vec::new() } else { format!("{} {size:>size$}", self.written).into_bytes() };
                me(process).write(at, &bytes)
            }
            Op::Rename { process, from, to } => me(process).rename(from, to),
            Op::Unlink { process, at } => me(process).unlink(at),
            Op::Mkdir { at } => self.world.me().mkdir(at),
            Op::Tag { at, tag, give } => {
                let me = self.world.me();
                if at.starts_with('/') {
                    return me.find(at).map(drop);
                }
                self.world.set_tag(at, tag, *give)
            }
            Op::Wait(ms) => {
                self.world.clock.advance_ms(*ms);
                self.world.library().tick();
                Ok(())
            }
            Op::Crash => {
                self.lives += 1;
                self.world.crash(&self.dir.path().join(self.lives.to_string()));
                Ok(())
            }
        }
    }

    /// Where each asset is below `library/`.
    fn places(&self, me: &User) -> Result<BTreeMap<AssetId, String>, String> {
        let mut places = BTreeMap::new();
        let mut listed = Vec::new();
        me.list("", &mut listed);
        for (path, _) in listed.into_iter().filter(|(_, is_dir)| !is_dir) {
            let ino = me.find(&path).map_err(|e| format!("{path} is listed: {e}"))?;
            let Ok(id) = me.mount.getxattr(&me.caller, ino, b"user.dam.id") else { continue };
            let id: AssetId = String::from_utf8(id).unwrap().parse().map_err(|_| format!("{path} has no proper id"))?;
            if let Some(other) = places.insert(id, path.clone()) {
                return Err(format!("one asset is at {other} and at {path}"));
            }
        }
        Ok(places)
    }

    fn check(&mut self, is_quiet: bool) -> Result<(), String> {
        let me = self.world.me();
        let places = self.places(&me)?;
        let library = self.world.library();
        let known: BTreeSet<AssetId> = self.versions.keys().chain(places.keys()).copied().collect();
        for id in known {
            let row = library.catalog.read(|tx| -> Result<_, CatalogError> {
                let versions: Vec<VersionId> = tx.versions(id)?.into_iter().map(|version| version.id).collect();
                let asset = tx.asset(id)?;
                let node = asset.as_ref().and_then(|a| a.node).map(|node| tx.node(node)).transpose()?.flatten();
                let content = asset.as_ref().and_then(|a| a.head).map(|head| tx.version(head)).transpose()?.flatten();
                Ok((asset, node, content.map(|version| version.content), versions))
            });
            let (asset, node, content, versions) = row.map_err(|e| e.to_string())?;
            let before = self.versions.entry(id).or_default();
            if !versions.starts_with(before) {
                return Err(format!("{id} had {} versions, and has {}", before.len(), versions.len()));
            }
            before.clone_from(&versions);
            let Some(asset) = asset else {
                if versions.is_empty() {
                    continue;
                }
                return Err(format!("{id} is gone"));
            };
            let place = places.get(&id);
            if asset.trashed.is_some() == place.is_some() {
                return Err(format!("{id}: in the trash {:?}, in the library {place:?}", asset.trashed));
            }
            if node.as_ref().is_some_and(|node| node.asset != Some(id)) {
                return Err(format!("{id} has another one's bytes"));
            }
            if let (true, Some(place), Some(node)) = (is_quiet, place, &node)
                && (node.staged || node.content != content)
                && node.size > 0
            {
                return Err(format!("{place} is quiet and its bytes are no version"));
            }
        }
        Ok(())
    }

    /// What a view lists is there, is a file or a folder, and says whose it is.
    fn check_views(&self) -> Result<(), String> {
        let me = self.world.me();
        for place in PLACES.iter().filter(|place| place.starts_with('/')) {
            let Ok(ino) = me.find(place) else { continue };
            for row in me.rows(place) {
                let name = String::from_utf8(row.name).unwrap();
                if row.kind == FileKind::File && !name.starts_with(".nomedia") && !name.starts_with(".trackerignore") {
                    me.read(&format!("{place}{name}")).map_err(|e| format!("{place}{name} is listed: {e}"))?;
                }
            }
            me.mount.getattr(&me.caller, ino).map_err(|e| e.to_string())?;
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(super::config(96))]

    #[test]
    fn every_asset_has_one_place(ops in prop::collection::vec(op(), 1..40)) {
        let mut bench = Bench::new();
        let end = [Op::Crash, Op::Wait(20_000)];
        for op in ops.iter().chain(&end) {
            let done = bench.run(op);
            prop_assert!(!matches!(done, Err(FsError::Io(_))), "{:?}: {:?}", op, done);
            let is_quiet = matches!(op, Op::Wait(ms) if *ms >= 3_000);
            let checked = bench.check(is_quiet).and_then(|()| if is_quiet { bench.check_views() } else { Ok(()) });
            prop_assert!(checked.is_ok(), "after {:?} ({:?}): {}", op, done, checked.unwrap_err());
        }
        prop_assert_eq!(bench.world.faults(), serde_json::json!([]));
    }
}
