//! One library and its reference, side by side.

use std::collections::BTreeMap;
use std::sync::Arc;

use damfs::fs::{Audience, FsError, FsResult, Mount, OpenMode, SetAttr, Show, XattrMode};
use damfs::types::{AssetId, Caller, FileKind, ReadAt};
use proptest::prelude::*;
use tempfile::TempDir;

use super::ops::{How, Op, WHO};
use super::reference::{LIBRARY, No, Part, Reference, Who};
use crate::world::{User, World};

/// Files that a program keeps open.
const SLOTS: usize = 3;
const EDDY: u32 = 1_001;
const TAG: &str = "beach";
const UNSORTED: [&str; 3] = ["Unsorted", "2026", "09"];

struct Slot {
    who: usize,
    fh: u64,
    ino: u64,
    node: usize,
}

pub struct Bench {
    dir: TempDir,
    lives: u32,
    world: World,
    /// One mount for both, so that they are no rivals.
    mount: Arc<Mount>,
    slots: Vec<Slot>,
    reference: Reference,
    /// The ids of the reference's assets.
    ids: BTreeMap<usize, String>,
}

fn mounted(world: &World) -> Arc<Mount> {
    world.member("eddy", EDDY, "editor", None);
    Mount::new(world.library().clone(), Audience::Everyone, Show { uid: 0, gid: 0 }).unwrap()
}

fn data(fill: u8) -> Vec<u8> {
    // Nothing, for a fill of 0; else as many bytes as tell one write from another.
    vec![fill; usize::from(fill) / 8 + usize::from(fill > 0)]
}

fn no(e: &FsError) -> Option<No> {
    match e {
        FsError::NotFound | FsError::Stale => Some(No::NotFound),
        FsError::Exists => Some(No::Exists),
        FsError::IsDir => Some(No::IsDir),
        FsError::NotDir => Some(No::NotDir),
        FsError::NotEmpty => Some(No::NotEmpty),
        FsError::Invalid(_) => Some(No::Invalid),
        FsError::Denied(_) => Some(No::Denied),
        FsError::NotPermitted(_) => Some(No::NotPermitted),
        _ => None,
    }
}

impl Bench {
    pub fn new() -> Self {
        // Hundreds of libraries, and none has to survive: in memory, where there is a place for it.
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let world = World::new(&dir.path().join("0"));
        let mount = mounted(&world);
        Self {
            dir,
            lives: 0,
            world,
            mount,
            slots: Vec::new(),
            reference: Reference::new(UNSORTED),
            ids: BTreeMap::new(),
        }
    }

    fn user(&self, who: usize) -> User {
        let Who { deletes, process } = WHO[who];
        let uid = if deletes { 0 } else { EDDY };
        User { mount: self.mount.clone(), caller: Caller { uid, gid: uid, process } }
    }

    /// Does one thing on both sides, and compares.
    pub fn run(&mut self, op: &Op) -> Result<(), TestCaseError> {
        // Nothing happens at the very same time as another thing.
        self.pass(1);
        let expected = self.expected(op);
        let got = self.done(op);
        match (&got, expected) {
            (Ok(()), Ok(())) => {}
            (Err(e), Err(expected)) if no(e) == Some(expected) => {}
            _ => return Err(TestCaseError::fail(format!("{op:?}: {got:?}, not {expected:?}"))),
        }
        let all = matches!(op, Op::Wait(_) | Op::Settle | Op::Crash | Op::Remount);
        self.compare(all).map_err(|e| TestCaseError::fail(format!("after {op:?}: {e}")))
    }

    fn pass(&mut self, ms: i64) {
        self.world.clock.advance_ms(ms);
        self.reference.now += ms;
    }

    fn slot(&self, slot: u8) -> Option<usize> {
        (!self.slots.is_empty()).then(|| usize::from(slot) % self.slots.len())
    }

    /// What the reference says, and its new state.
    fn expected(&mut self, op: &Op) -> Result<(), No> {
        let now = &mut self.reference;
        match op {
            Op::Write { who, at, how, fill, keep } => {
                let node = match how {
                    How::New | How::Cut => now.create(WHO[*who], at, matches!(how, How::New))?,
                    How::Patch(_) | How::Touch => now.open(at)?,
                };
                match how {
                    How::Touch => {}
                    How::Patch(offset) => now.write(node, usize::from(*offset), &data((*fill).max(1))),
                    _ if *fill == 0 => {}
                    _ => now.write(node, 0, &data(*fill)),
                }
                if !keep || self.slots.len() == SLOTS {
                    now.close(node);
                }
            }
            Op::More { .. } | Op::Resize { .. } | Op::Close { .. } => {
                let (Op::More { slot, .. } | Op::Resize { slot, .. } | Op::Close { slot }) = op else { return Ok(()) };
                let Some(slot) = self.slot(*slot) else { return Ok(()) };
                let node = self.slots[slot].node;
                match op {
                    Op::More { offset, fill, .. } => {
                        self.reference.write(node, usize::from(*offset), &data((*fill).max(1)))
                    }
                    Op::Resize { size, .. } => self.reference.cut(node, usize::from(*size)),
                    _ => self.reference.close(node),
                }
            }
            Op::Truncate { at, size, .. } => now.truncate(at, usize::from(*size))?,
            Op::Rename { who, from, to, no_replace } => now.rename(WHO[*who], from, to, *no_replace)?,
            Op::Unlink { who, at } => now.unlink(WHO[*who], at)?,
            Op::Mkdir { who, at } => now.mkdir(WHO[*who], at)?,
            Op::Rmdir { at, .. } => now.rmdir(at)?,
            Op::Xattr { at, name, fill, .. } => now.set_xattr(at, name, &data(*fill))?,
            Op::Tag { at, give } => now.tag(at, TAG, *give)?,
            Op::Wait(ms) => {
                self.pass(*ms);
                self.reference.beat();
            }
            Op::Settle => now.settle(0),
            Op::Crash => now.begin_again(),
            Op::Remount => {
                for slot in &self.slots {
                    now.close(slot.node);
                }
                now.settle(0);
                now.begin_again();
            }
        }
        Ok(())
    }

    /// What the library does.
    fn done(&mut self, op: &Op) -> FsResult<()> {
        match op {
            Op::Write { who, at, how, fill, keep } => {
                let user = self.user(*who);
                let mode = OpenMode { read: true, write: true, ..OpenMode::default() };
                let file = match how {
                    How::New => user.create(at, OpenMode { exclusive: true, ..mode })?,
                    How::Cut => match user.open(at, OpenMode { truncate: true, ..mode }) {
                        Err(FsError::NotFound) => user.create(at, mode)?,
                        opened => opened?,
                    },
                    How::Patch(_) | How::Touch => user.open(at, mode)?,
                };
                match how {
                    How::Touch => {}
                    How::Patch(offset) => drop(file.write(u64::from(*offset), &data((*fill).max(1)))?),
                    _ if *fill == 0 => {}
                    _ => drop(file.write(0, &data(*fill))?),
                }
                if !keep || self.slots.len() == SLOTS {
                    return file.close();
                }
                let (fh, ino, node) = (file.fh, user.find(at)?, self.reference.find(at));
                self.slots.extend(node.ok().map(|node| Slot { who: *who, fh, ino, node }));
            }
            Op::More { slot, offset, fill } => {
                let Some(slot) = self.slot(*slot).map(|n| &self.slots[n]) else { return Ok(()) };
                let user = self.user(slot.who);
                user.mount.write(&user.caller, slot.fh, u64::from(*offset), &data((*fill).max(1)), false)?;
            }
            Op::Resize { slot, size } => {
                let Some(slot) = self.slot(*slot).map(|n| &self.slots[n]) else { return Ok(()) };
                let user = self.user(slot.who);
                let set = SetAttr { size: Some(u64::from(*size)), fh: Some(slot.fh), ..SetAttr::default() };
                user.mount.setattr(&user.caller, slot.ino, set)?;
            }
            Op::Close { slot } => {
                let Some(slot) = self.slot(*slot) else { return Ok(()) };
                let slot = self.slots.remove(slot);
                let user = self.user(slot.who);
                user.mount.flush(&user.caller, slot.fh)?;
                user.mount.release(&user.caller, slot.fh)?;
            }
            Op::Truncate { who, at, size } => self.user(*who).truncate(at, u64::from(*size))?,
            Op::Rename { who, from, to, no_replace } => {
                let user = self.user(*who);
                let ((parent, name), (new_parent, new_name)) = (user.split(from)?, user.split(to)?);
                user.mount.rename(&user.caller, parent, name, new_parent, new_name, *no_replace)?;
            }
            Op::Unlink { who, at } => self.user(*who).unlink(at)?,
            Op::Mkdir { who, at } => self.user(*who).mkdir(at)?,
            Op::Rmdir { who, at } => self.user(*who).rmdir(at)?,
            Op::Xattr { who, at, name, fill } => {
                let user = self.user(*who);
                let ino = user.find(at)?;
                if user.mount.getattr(&user.caller, ino)?.attr.kind == FileKind::Dir {
                    return Err(FsError::IsDir);
                }
                user.mount.setxattr(&user.caller, ino, name.as_bytes(), &data(*fill), XattrMode::Any)?;
            }
            Op::Tag { at, give } => self.world.set_tag(at, TAG, *give)?,
            Op::Wait(_) => self.world.library().tick(),
            Op::Settle => drop(self.world.library().settle().unwrap()),
            Op::Crash => {
                self.slots.clear();
                self.begin_again();
            }
            Op::Remount => {
                for slot in std::mem::take(&mut self.slots) {
                    let user = self.user(slot.who);
                    user.mount.flush(&user.caller, slot.fh)?;
                    user.mount.release(&user.caller, slot.fh)?;
                }
                self.world.library().close();
                self.begin_again();
            }
        }
        Ok(())
    }

    fn begin_again(&mut self) {
        self.lives += 1;
        self.world.crash(&self.dir.path().join(self.lives.to_string()));
        self.mount = mounted(&self.world);
    }

    fn path(&self, node: usize) -> Option<String> {
        let key = self.reference.entries.iter().find(|(_, there)| **there == node).map(|(key, _)| key)?;
        if key.0 == LIBRARY { Some(key.1.clone()) } else { Some(format!("{}/{}", self.path(key.0)?, key.1)) }
    }

    /// Names and ids, and the bytes of what has just changed; with `all` every byte and every record.
    fn compare(&mut self, all: bool) -> Result<(), String> {
        let me = self.user(0);
        let expected: BTreeMap<String, usize> =
            self.reference.entries.values().filter_map(|node| Some((self.path(*node)?, *node))).collect();
        let mut listed = Vec::new();
        me.list("", &mut listed);
        listed.sort();
        let wanted: Vec<(String, bool)> = expected
            .iter()
            .map(|(path, node)| (path.clone(), self.reference.nodes[*node].part == Part::Folder))
            .collect();
        differ("names", &listed, &wanted)?;
        for (path, node) in expected.iter().filter(|(_, node)| self.reference.nodes[**node].part != Part::Folder) {
            if all || self.reference.has_just_changed(*node) {
                let bytes = me.read(path).map_err(|e| e.to_string());
                differ(&format!("bytes of {path}"), &bytes, &Ok(self.reference.nodes[*node].bytes.clone()))?;
            }
            let ino = me.find(path).map_err(|e| e.to_string())?;
            let id = match me.mount.getxattr(&me.caller, ino, b"user.dam.id") {
                Ok(id) => Some(String::from_utf8(id).unwrap()),
                Err(FsError::NoAttribute) => None,
                Err(e) => return Err(format!("id of {path}: {e}")),
            };
            let asset = self.reference.asset_at(*node);
            let wanted =
                asset.map(|asset| self.ids.entry(asset).or_insert_with(|| id.clone().unwrap_or_default()).clone());
            differ(&format!("id of {path}"), &id, &wanted)?;
        }
        for slot in &self.slots {
            let user = self.user(slot.who);
            let bytes = user.mount.read(&user.caller, slot.fh, 0, 1 << 20).map_err(|e| e.to_string())?;
            differ("bytes of an open file", &bytes, &self.reference.nodes[slot.node].bytes)?;
        }
        if all { self.compare_records() } else { Ok(()) }
    }

    /// Tags, attributes, versions, the trash.
    fn compare_records(&self) -> Result<(), String> {
        let library = self.world.library();
        let mut known: Vec<&String> = self.ids.values().collect();
        known.sort();
        known.dedup();
        differ("assets that share an id", &(self.ids.len() - known.len()), &0)?;
        for (n, asset) in self.reference.assets.iter().enumerate() {
            let Some(id) = self.ids.get(&n) else { continue };
            let id: AssetId = id.parse().map_err(|e| format!("asset {n}: {e:?}"))?;
            let state = library.catalog.read(|tx| -> Result<_, damfs::catalog::CatalogError> {
                let Some(row) = tx.asset(id)? else { return Ok(None) };
                let names = row.node.map(|node| tx.names_of(node)).transpose()?.unwrap_or_default();
                let xattrs = row.node.map(|node| tx.xattrs(node)).transpose()?.unwrap_or_default();
                let contents =
                    tx.versions(id)?.into_iter().map(|v| tx.content(v.content)).collect::<Result<Vec<_>, _>>()?;
                Ok(Some((row, names, xattrs, contents)))
            });
            let Some((row, names, xattrs, contents)) = state.map_err(|e| e.to_string())? else {
                differ(&format!("asset {n} is there"), &false, &(!asset.dropped || !asset.versions.is_empty()))?;
                continue;
            };
            let versions: Vec<Vec<u8>> = contents
                .into_iter()
                .flatten()
                .map(|content| {
                    let mut bytes = vec![0; usize::try_from(content.size).unwrap()];
                    library.vault.open(&content).read_at(0, &mut bytes).unwrap();
                    bytes
                })
                .collect();
            differ(&format!("versions of asset {n}"), &versions, &asset.versions)?;
            if asset.dropped {
                continue;
            }
            differ(&format!("trash for asset {n}"), &row.trashed.is_some(), &asset.trashed)?;
            differ(&format!("tags of asset {n}"), &row.tags, &asset.tags)?;
            differ(&format!("number of names of asset {n}"), &names.len(), &usize::from(!asset.trashed))?;
            let wanted = asset.node.map(|node| self.reference.nodes[node].xattrs.clone()).unwrap_or_default();
            let wanted: Vec<_> = wanted.into_iter().map(|(name, value)| (name.into_bytes(), value)).collect();
            differ(&format!("attributes of asset {n}"), &xattrs, &wanted)?;
        }
        Ok(())
    }

    /// A last pause, a last beat, and what `dam fsck` says.
    pub fn end(&mut self) -> Result<(), TestCaseError> {
        for op in [Op::Crash, Op::Wait(20_000), Op::Settle] {
            self.run(&op)?;
        }
        prop_assert_eq!(self.world.faults(), serde_json::json!([]));
        Ok(())
    }
}

fn differ<T: PartialEq + std::fmt::Debug>(what: &str, got: &T, wanted: &T) -> Result<(), String> {
    if got == wanted { Ok(()) } else { Err(format!("{what}: {got:?}, not {wanted:?}")) }
}
