//! What time does to the reference: versions, tunnels that end, scratch files that stayed, a daemon that begins again.

use super::super::names::numbered;
use super::{How, Key, LIBRARY, Part, Reference, TUNNEL, Tunnel};

const QUIET: i64 = 2_000;
const LOCAL_QUIET: i64 = 60_000;
const STAYED: i64 = 600_000;
const LOOKS: i64 = 10_000;

impl Reference {
    /// Makes versions of what has been quiet for so long.
    pub fn settle(&mut self, quiet: i64) {
        for node in 0..self.nodes.len() {
            let asset = self.asset_at(node);
            let published = asset.map(|asset| !self.assets[asset].versions.is_empty());
            let node = &mut self.nodes[node];
            if node.dirty && node.handles == 0 {
                let is_asset = published.is_some_and(|published| published || !node.bytes.is_empty());
                let quiet = if is_asset { quiet } else { LOCAL_QUIET };
                if self.now - node.closed < quiet {
                    continue;
                }
                (node.dirty, node.unrecorded) = (false, false);
                node.kept = Some(node.bytes.clone());
            } else if !(published == Some(true) && node.handles == 0 && node.kept.is_none())
                || self.now - node.changed < quiet
            {
                // Nothing was written to it, and it has the name of an asset with versions: it is empty now.
                continue;
            }
            let Some(asset) = asset else { continue };
            node.kept = Some(node.bytes.clone());
            let versions = &mut self.assets[asset].versions;
            if versions.last() != Some(&node.bytes) && !(versions.is_empty() && node.bytes.is_empty()) {
                versions.push(node.bytes.clone());
                node.changed = self.now;
            }
        }
    }

    /// A beat of the daemon.
    pub fn beat(&mut self) {
        self.settle(QUIET);
        let mut old: Vec<(Key, Tunnel)> =
            self.tunnels.clone().into_iter().filter(|(_, t)| self.now - t.at > TUNNEL).collect();
        old.sort_by_key(|(_, t)| t.at);
        for (key, tunnel) in old {
            if self.tunnels.get(&key).is_some_and(|t| t.asset == tunnel.asset && t.at == tunnel.at) {
                self.follow(&key, &tunnel);
                self.tunnels.remove(&key);
                if tunnel.how == How::Undone {
                    self.put_back(&key, tunnel.asset);
                }
            }
        }
        if self.looked.is_some_and(|at| self.now - at < LOOKS) {
            return;
        }
        self.looked = Some(self.now);
        for node in 0..self.nodes.len() {
            let it = &self.nodes[node];
            let stayed = it.part == Part::Scratch && !it.bytes.is_empty() && it.handles == 0;
            if stayed && self.now - it.changed >= STAYED && self.name_of(node).is_some() {
                self.adopt(node);
            }
        }
    }

    /// The daemon begins again: nothing is open any more, and nobody knows when what was written was closed.
    pub fn begin_again(&mut self) {
        self.looked = None;
        for node in &mut self.nodes {
            (node.handles, node.closed) = (0, node.wrote);
        }
    }

    pub(super) fn put_back(&mut self, (folder, name): &Key, asset: usize) {
        let Some(node) = self.assets[asset].node.filter(|_| self.assets[asset].trashed) else { return };
        let folder = if *folder == LIBRARY || self.name_of(*folder).is_some() { *folder } else { self.unsorted() };
        let names = std::iter::once(name.clone()).chain((2..).map(|n| numbered(name, n)));
        let free = names.map(|name| (folder, name)).find(|key| !self.entries.contains_key(key));
        self.entries.extend(free.map(|key| (key, node)));
        self.assets[asset].trashed = false;
        self.forget(asset);
    }

    /// It is decided where the file of a name is: its sidecar goes along, unless something else has the name by now.
    fn follow(&mut self, key: &Key, tunnel: &Tunnel) {
        let beside = |(folder, name): &Key| (*folder, format!("{name}.xmp"));
        let is_sidecar = |key: &Key| key.1.ends_with(".xmp");
        let from = beside(key);
        let Some(sidecar) = self.entries.get(&from).copied().and_then(|node| self.asset_at(node)) else { return };
        if tunnel.how == How::Undone || is_sidecar(key) || self.entries.contains_key(key) || sidecar == tunnel.asset {
            return;
        }
        if self.assets[tunnel.asset].trashed {
            if tunnel.deletes {
                let gone = Tunnel { asset: sidecar, process: 0, at: self.now, how: How::Removed, deletes: true };
                self.remember(from.clone(), gone);
                self.entries.remove(&from);
                self.assets[sidecar].trashed = true;
            }
            return;
        }
        let at = self.assets[tunnel.asset].node.and_then(|node| self.name_of(node)).cloned();
        let to = at.filter(|at| !is_sidecar(at)).map(|at| beside(&at));
        if let Some(to) = to.filter(|to| !self.entries.contains_key(to)) {
            self.move_name(&from, to);
        }
    }

    fn unsorted(&mut self) -> usize {
        let mut at = LIBRARY;
        for part in self.unsorted {
            let key = (at, part.to_owned());
            at = match self.entries.get(&key) {
                Some(there) => *there,
                None => {
                    let made = self.node(Part::Folder, 0);
                    self.entries.insert(key, made);
                    made
                }
            };
        }
        at
    }
}
