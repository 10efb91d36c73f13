//! What saves, moves, removals, pauses and crashes do to names, bytes and assets: written from `mountd/SEMANTICS.md` alone, as plainly as it
//! can be, so that what the library does is held to what the page says. It shares no rule with the library.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{Class, class, folder_holds_saves, is_backup_of};

mod time;

/// The folder that is always there.
pub const LIBRARY: usize = 0;

const TUNNEL: i64 = 15_000;
const JUST_MADE: i64 = 600_000;

/// Who asks: an admin or an editor, who may not delete; from which process (0 is unknown).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Who {
    pub deletes: bool,
    pub process: u32,
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum No {
    NotFound,
    Exists,
    IsDir,
    NotDir,
    NotEmpty,
    Invalid,
    Denied,
    NotPermitted,
}

/// What part a node plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Folder,
    /// The bytes of an asset.
    Asset(usize),
    /// Old bytes under a backup name.
    Backup,
    Scratch,
    Local,
}

#[derive(Debug, Clone)]
pub struct Node {
    pub part: Part,
    pub bytes: Vec<u8>,
    pub xattrs: BTreeMap<String, Vec<u8>>,
    made: i64,
    process: u32,
    /// What of it is in the store.
    kept: Option<Vec<u8>>,
    /// Bytes were written since.
    dirty: bool,
    unrecorded: bool,
    handles: usize,
    wrote: i64,
    closed: i64,
    changed: i64,
}

#[derive(Debug, Clone, Default)]
pub struct Asset {
    pub node: Option<usize>,
    pub tags: BTreeSet<String>,
    pub versions: Vec<Vec<u8>>,
    pub trashed: bool,
    /// It turned out to be another's next version, or never had anything to keep.
    pub dropped: bool,
    made: i64,
}

/// How a name went away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Aside,
    Moved,
    Removed,
    /// By one who may not delete.
    Undone,
}

/// A name that went away, and what for a while it leads back to.
#[derive(Debug, Clone)]
struct Tunnel {
    asset: usize,
    process: u32,
    at: i64,
    how: How,
    /// Whether he who took the name away may delete.
    deletes: bool,
}

type Key = (usize, String);

#[derive(Debug, Clone)]
pub struct Reference {
    pub now: i64,
    pub nodes: Vec<Node>,
    pub entries: BTreeMap<Key, usize>,
    pub assets: Vec<Asset>,
    tunnels: BTreeMap<Key, Tunnel>,
    looked: Option<i64>,
    /// The folder of what has no place any more.
    unsorted: [&'static str; 3],
}

impl Reference {
    pub fn new(unsorted: [&'static str; 3]) -> Self {
        let mut new = Self {
            now: 0,
            nodes: Vec::new(),
            entries: BTreeMap::new(),
            assets: Vec::new(),
            tunnels: BTreeMap::new(),
            looked: None,
            unsorted,
        };
        new.node(Part::Folder, 0);
        new
    }

    fn node(&mut self, part: Part, process: u32) -> usize {
        self.nodes.push(Node {
            part,
            bytes: Vec::new(),
            xattrs: BTreeMap::new(),
            made: self.now,
            process,
            kept: None,
            dirty: false,
            unrecorded: false,
            handles: 0,
            wrote: self.now,
            closed: self.now,
            changed: self.now,
        });
        self.nodes.len() - 1
    }

    /// The folder and the name that a path ends in.
    pub fn split(&self, path: &str) -> Result<Key, No> {
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut at = LIBRARY;
        for part in above.split('/').filter(|part| !part.is_empty()) {
            at = self.get(&(at, part.to_owned()))?;
            if self.nodes[at].part != Part::Folder {
                return Err(No::NotDir);
            }
        }
        Ok((at, name.to_owned()))
    }

    fn get(&self, key: &Key) -> Result<usize, No> {
        self.entries.get(key).copied().ok_or(No::NotFound)
    }

    pub fn find(&self, path: &str) -> Result<usize, No> {
        self.get(&self.split(path)?)
    }

    fn file(&self, path: &str) -> Result<usize, No> {
        let node = self.find(path)?;
        if self.nodes[node].part == Part::Folder { Err(No::IsDir) } else { Ok(node) }
    }

    pub fn asset_at(&self, node: usize) -> Option<usize> {
        match self.nodes[node].part {
            Part::Asset(asset) => Some(asset),
            _ => None,
        }
    }

    fn name_of(&self, node: usize) -> Option<&Key> {
        self.entries.iter().find(|(_, there)| **there == node).map(|(key, _)| key)
    }

    fn class(&self, (folder, name): &Key) -> Class {
        match class(name) {
            Class::Ordinary if self.name_of(*folder).is_some_and(|key| folder_holds_saves(&key.1)) => Class::Scratch,
            class => class,
        }
    }

    fn young(&self, key: &Key) -> Option<&Tunnel> {
        self.tunnels.get(key).filter(|t| self.now - t.at < TUNNEL)
    }

    pub fn has_just_changed(&self, node: usize) -> bool {
        let node = &self.nodes[node];
        node.wrote == self.now || node.changed == self.now
    }

    /// What brings its asset back with the name: a plain rename is only a hint.
    fn leads_back(&self, key: &Key) -> Option<usize> {
        self.young(key).filter(|t| t.how != How::Moved).map(|t| t.asset)
    }

    /// Unpublished, or just made by the same process with nothing set on it.
    fn is_fresh(&self, node: usize, who: Who) -> bool {
        let node = &self.nodes[node];
        let Part::Asset(asset) = node.part else { return true };
        let asset = &self.assets[asset];
        let young = |made: i64| self.now - made < JUST_MADE;
        let just_made = who.process != 0 && who.process == node.process && young(node.made) && young(asset.made);
        asset.versions.is_empty() || (just_made && asset.tags.is_empty())
    }

    /// Not what was never published, and is empty or the process's own.
    fn is_worth_keeping(&self, node: usize, asset: usize, who: Who) -> bool {
        let own = who.process != 0 && who.process == self.nodes[node].process;
        !self.assets[asset].versions.is_empty() || !(self.nodes[node].bytes.is_empty() || own)
    }

    // Bytes.

    /// Opens a file for writing, makes it when it is not there.
    pub fn create(&mut self, who: Who, path: &str, exclusive: bool) -> Result<usize, No> {
        let key = self.split(path)?;
        let node = match self.entries.get(&key) {
            Some(_) if exclusive => return Err(No::Exists),
            Some(there) if self.nodes[*there].part == Part::Folder => return Err(No::IsDir),
            Some(there) => {
                let there = *there;
                if !self.nodes[there].bytes.is_empty() {
                    self.change(there, |bytes| bytes.clear());
                }
                there
            }
            None => self.make(who, key),
        };
        self.nodes[node].handles += 1;
        Ok(node)
    }

    fn make(&mut self, who: Who, key: Key) -> usize {
        let (class, back) = (self.class(&key), self.leads_back(&key));
        let part = match (class, back) {
            (Class::Lock, _) => Part::Local,
            (_, Some(_)) | (Class::Scratch, None) => Part::Scratch,
            (Class::Backup, None) => Part::Backup,
            (Class::Ordinary, None) => Part::Local,
        };
        let node = self.node(part, who.process);
        self.entries.insert(key, node);
        match (class, back) {
            (Class::Lock, _) => {}
            (_, Some(asset)) => self.save(asset, node),
            (Class::Ordinary, None) => self.adopt(node),
            _ => {}
        }
        node
    }

    /// Opens what is there for writing.
    pub fn open(&mut self, path: &str) -> Result<usize, No> {
        let node = self.file(path)?;
        self.nodes[node].handles += 1;
        Ok(node)
    }

    fn change(&mut self, node: usize, change: impl FnOnce(&mut Vec<u8>)) {
        let node = &mut self.nodes[node];
        change(&mut node.bytes);
        (node.dirty, node.unrecorded, node.wrote) = (true, true, self.now);
    }

    pub fn write(&mut self, node: usize, offset: usize, data: &[u8]) {
        self.change(node, |bytes| {
            let end = offset + data.len();
            bytes.resize(bytes.len().max(end), 0);
            bytes[offset..end].copy_from_slice(data);
        });
    }

    pub fn cut(&mut self, node: usize, size: usize) {
        self.change(node, |bytes| bytes.resize(size, 0));
        self.nodes[node].changed = self.now;
    }

    /// Cuts by name: nothing happens to a file that has this length.
    pub fn truncate(&mut self, path: &str, size: usize) -> Result<(), No> {
        let node = self.file(path)?;
        if self.nodes[node].bytes.len() != size || self.nodes[node].part == Part::Scratch {
            self.cut(node, size);
        }
        let node = &mut self.nodes[node];
        (node.closed, node.changed) = (self.now, self.now);
        Ok(())
    }

    pub fn close(&mut self, node: usize) {
        let node = &mut self.nodes[node];
        node.handles -= 1;
        node.closed = self.now;
        if node.unrecorded && node.dirty {
            (node.unrecorded, node.changed) = (false, self.now);
        }
    }

    pub fn set_xattr(&mut self, path: &str, name: &str, value: &[u8]) -> Result<(), No> {
        let node = self.file(path)?;
        let node = &mut self.nodes[node];
        node.xattrs.insert(name.to_owned(), value.to_vec());
        node.changed = self.now;
        Ok(())
    }

    pub fn tag(&mut self, path: &str, tag: &str, give: bool) -> Result<(), No> {
        let node = self.find(path)?;
        let asset = self.asset_at(node).ok_or(No::NotPermitted)?;
        let tags = &mut self.assets[asset].tags;
        if if give { tags.insert(tag.to_owned()) } else { tags.remove(tag) } {
            self.nodes[node].changed = self.now;
        }
        Ok(())
    }

    // Names.

    pub fn mkdir(&mut self, who: Who, path: &str) -> Result<(), No> {
        let key = self.split(path)?;
        if self.entries.contains_key(&key) {
            return Err(No::Exists);
        }
        let node = self.node(Part::Folder, who.process);
        self.entries.insert(key, node);
        Ok(())
    }

    pub fn rmdir(&mut self, path: &str) -> Result<(), No> {
        let key = self.split(path)?;
        let node = self.get(&key)?;
        if self.nodes[node].part != Part::Folder {
            return Err(No::NotDir);
        }
        if self.entries.keys().any(|(folder, _)| *folder == node) {
            return Err(No::NotEmpty);
        }
        self.entries.remove(&key);
        Ok(())
    }

    pub fn rename(&mut self, who: Who, from: &str, to: &str, no_replace: bool) -> Result<(), No> {
        let (from, to) = (self.split(from)?, self.split(to)?);
        let node = self.get(&from)?;
        let there = self.entries.get(&to).copied();
        if there == Some(node) {
            return Ok(());
        }
        if there.is_some() && no_replace {
            return Err(No::Exists);
        }
        if self.nodes[node].part == Part::Folder {
            return self.rename_folder(node, from, to, there);
        }
        if there.is_some_and(|there| self.nodes[there].part == Part::Folder) {
            return Err(No::IsDir);
        }
        let asset = self.asset_at(node);
        let other = there.and_then(|there| self.asset_at(there));
        let fresh = self.is_fresh(node, who);
        let class = self.class(&to);
        self.nodes[node].changed = self.now;

        // Set aside: the asset goes with the file for now, the name leads back to it.
        let aside = is_backup_of(&to.1, &from.1) || (class == Class::Scratch && other.is_none());
        if let Some(asset) = asset.filter(|_| aside) {
            self.clear(who, &to)?;
            self.remember(
                from.clone(),
                Tunnel { asset, process: who.process, at: self.now, how: How::Aside, deletes: who.deletes },
            );
            self.move_name(&from, to);
            return Ok(());
        }
        // A save.
        if let Some(other) = other.filter(|_| fresh) {
            self.entries.remove(&from);
            self.entries.insert(to, node);
            self.save(other, node);
            return Ok(());
        }
        if there.is_none()
            && fresh
            && let Some(back) = self.leads_back(&to)
        {
            self.move_name(&from, to);
            self.save(back, node);
            return Ok(());
        }
        // A move.
        self.clear(who, &to)?;
        if let Some(asset) = asset {
            self.remember(
                from.clone(),
                Tunnel { asset, process: who.process, at: self.now, how: How::Moved, deletes: who.deletes },
            );
            self.move_name(&from, to);
            return Ok(());
        }
        self.move_name(&from, to);
        match class {
            Class::Ordinary => self.adopt(node),
            Class::Scratch => self.nodes[node].part = Part::Scratch,
            Class::Backup => self.nodes[node].part = Part::Backup,
            Class::Lock => self.nodes[node].part = Part::Local,
        }
        Ok(())
    }

    fn rename_folder(&mut self, node: usize, from: Key, to: Key, there: Option<usize>) -> Result<(), No> {
        let mut above = Some(to.0);
        while let Some(at) = above {
            if at == node {
                return Err(No::Invalid);
            }
            above = self.name_of(at).map(|key| key.0);
        }
        if let Some(there) = there {
            if self.nodes[there].part != Part::Folder {
                return Err(No::NotDir);
            }
            if self.entries.keys().any(|(folder, _)| *folder == there) {
                return Err(No::NotEmpty);
            }
        }
        self.move_name(&from, to);
        Ok(())
    }

    fn move_name(&mut self, from: &Key, to: Key) {
        if let Some(node) = self.entries.remove(from) {
            self.entries.insert(to, node);
        }
    }

    /// Something else takes the name: an asset worth keeping goes to the trash, which needs the right to delete.
    fn clear(&mut self, who: Who, key: &Key) -> Result<(), No> {
        let Some(node) = self.entries.get(key).copied() else { return Ok(()) };
        if let Some(asset) = self.asset_at(node) {
            if !self.is_worth_keeping(node, asset, who) {
                self.entries.remove(key);
                self.nodes[node].part = Part::Local;
                self.drop_asset(asset);
                return Ok(());
            }
            if !who.deletes {
                return Err(No::Denied);
            }
            self.entries.remove(key);
            self.assets[asset].trashed = true;
            self.forget(asset);
            return Ok(());
        }
        self.entries.remove(key);
        Ok(())
    }

    pub fn unlink(&mut self, who: Who, path: &str) -> Result<(), No> {
        let key = self.split(path)?;
        let node = self.get(&key)?;
        if self.nodes[node].part == Part::Folder {
            return Err(No::IsDir);
        }
        let Some(asset) = self.asset_at(node) else {
            self.entries.remove(&key);
            return Ok(());
        };
        if !self.is_worth_keeping(node, asset, who) {
            self.entries.remove(&key);
            self.nodes[node].part = Part::Local;
            self.drop_asset(asset);
            return Ok(());
        }
        let how = if who.deletes { How::Removed } else { How::Undone };
        let came = self.tunnels.iter().filter(|(_, t)| t.asset == asset && self.now - t.at < TUNNEL);
        let came = came.max_by_key(|(_, t)| t.at).map(|(key, t)| (key.clone(), t.clone()));
        if let Some((home, tunnel)) = came {
            let heir = self.entries.get(&home).copied();
            let heir =
                heir.filter(|heir| self.asset_at(*heir).is_some_and(|a| a != asset) && self.is_fresh(*heir, who));
            let same = tunnel.process != 0 && tunnel.process == who.process;
            match (tunnel.how, heir) {
                // A saver with a backup name that nobody knows.
                (How::Moved, Some(heir)) if same => {
                    self.entries.remove(&key);
                    self.save(asset, heir);
                    return Ok(());
                }
                // The backup goes before the name is back: it is still waited for.
                (How::Aside, None) => {
                    self.entries.remove(&key);
                    self.tunnels.insert(home, Tunnel { how, ..tunnel });
                    self.assets[asset].trashed = true;
                    return Ok(());
                }
                _ => {}
            }
        }
        self.remember(key.clone(), Tunnel { asset, process: who.process, at: self.now, how, deletes: who.deletes });
        self.entries.remove(&key);
        self.assets[asset].trashed = true;
        Ok(())
    }

    // Assets.

    fn adopt(&mut self, node: usize) {
        self.assets.push(Asset { node: Some(node), made: self.now, ..Asset::default() });
        let asset = self.assets.len() - 1;
        self.nodes[node].part = Part::Asset(asset);
        self.committed(asset, node);
    }

    /// The asset has this file's bytes from now on, and its name.
    fn save(&mut self, asset: usize, node: usize) {
        let old = self.assets[asset].node.filter(|old| *old != node);
        if let Some(other) = self.asset_at(node).filter(|other| *other != asset) {
            let tags = self.assets[other].tags.clone();
            self.assets[asset].tags.extend(tags);
            self.drop_asset(other);
        }
        if let Some(old) = old {
            for (name, value) in self.nodes[old].xattrs.clone() {
                self.nodes[node].xattrs.entry(name).or_insert(value);
            }
            self.nodes[old].part = Part::Backup;
        }
        self.nodes[node].part = Part::Asset(asset);
        self.nodes[node].changed = self.now;
        self.assets[asset].node = Some(node);
        self.assets[asset].trashed = false;
        self.forget(asset);
        self.committed(asset, node);
    }

    /// Bytes that are in the store already are a version at once.
    fn committed(&mut self, asset: usize, node: usize) {
        let node = &self.nodes[node];
        let versions = &mut self.assets[asset].versions;
        if let Some(kept) = node.kept.as_ref().filter(|_| !node.dirty)
            && versions.last() != Some(kept)
            && !(versions.is_empty() && kept.is_empty())
        {
            versions.push(kept.clone());
        }
    }

    fn drop_asset(&mut self, asset: usize) {
        self.assets[asset].dropped = true;
        self.assets[asset].node = None;
        self.forget(asset);
    }

    fn forget(&mut self, asset: usize) {
        self.tunnels.retain(|_, t| t.asset != asset);
    }

    /// A name goes away. What waited at it to be put back is put back now.
    fn remember(&mut self, key: Key, tunnel: Tunnel) {
        if let Some(old) = self.tunnels.remove(&key).filter(|old| old.asset != tunnel.asset && old.how == How::Undone) {
            self.put_back(&key, old.asset);
        }
        self.tunnels.insert(key, tunnel);
    }
}
