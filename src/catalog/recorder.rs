//! Between the callers and the engine in every write: sees each row before and after, and leaves the journal's row at the end. So there is
//! no change that could be made past the journal, and no caller that has to think of it.

use std::collections::{BTreeMap, BTreeSet};

use damfs_policy::{Expr, Field};

use super::CatalogError as E;
use super::groups::{GroupRow, GroupSeat};
use super::journal::{Attrs, Cause, Change, JournalRow, Pair, Relic, Signature, Spot, Step, Thing, TurnRow, spot};
use super::keys::{Key, KeyValue};
use super::record_diff;
use super::rows::*;
use super::turns::Turns;
use super::tx::{Counter, ReadTx, WriteTx, Xattr};
use crate::types::{
    AssetId, Content, ContentId, EntryId, FileName, Generation, MemberId, NodeId, RenditionNo, Timestamp, VersionId,
    VersionNo,
};

/// Rows by their keys, before and after.
type Rows<K, T> = BTreeMap<K, Pair<Option<T>>>;

/// What a node takes along when it goes.
type Luggage = (Vec<Xattr>, Vec<FolderRule>);

/// A transaction that is being recorded.
pub(super) struct Recorder<'t> {
    tx: &'t mut dyn WriteTx,
    signed: Option<Signature>,
    /// Something was said of times by a program.
    timed: bool,
    nodes: Rows<NodeId, NodeRow>,
    assets: Rows<AssetId, Asset>,
    entries: Rows<EntryId, EntryRow>,
    xattrs: Rows<(NodeId, Vec<u8>), Vec<u8>>,
    words: BTreeMap<(String, String), Pair<bool>>,
    rules: Rows<(NodeId, String), String>,
    members: Rows<MemberId, MemberRow>,
    saved: Rows<(MemberId, String), SavedRow>,
    luggage: BTreeMap<NodeId, Luggage>,
}

/// What a recorded transaction is remembered by, once it is committed.
pub(super) struct Recorded {
    pub signature: Signature,
    pub turn: u64,
    /// Assets whose file is new and waits for its version, and those whose version has come.
    pub began: Vec<AssetId>,
    pub ended: Vec<AssetId>,
}

fn note<K: Ord, T: Clone>(
    rows: &mut Rows<K, T>,
    key: K,
    was: impl FnOnce() -> Result<Option<T>, E>,
    is: Option<T>,
) -> Result<(), E> {
    match rows.entry(key) {
        std::collections::btree_map::Entry::Occupied(mut there) => there.get_mut().is = is,
        std::collections::btree_map::Entry::Vacant(free) => {
            free.insert(Pair { was: was()?, is });
        }
    }
    Ok(())
}

impl<'t> Recorder<'t> {
    pub(super) fn new(tx: &'t mut dyn WriteTx) -> Self {
        Self {
            tx,
            signed: None,
            timed: false,
            nodes: Rows::new(),
            assets: Rows::new(),
            entries: Rows::new(),
            xattrs: Rows::new(),
            words: BTreeMap::new(),
            rules: Rows::new(),
            members: Rows::new(),
            saved: Rows::new(),
            luggage: BTreeMap::new(),
        }
    }

    /// Writes the journal's row, when something was changed that has an audit row.
    pub(super) fn finish(self, turns: &Turns) -> Result<Option<Recorded>, E> {
        let Some(signature) = self.signed else { return Ok(None) };
        let steps = self.steps()?;
        let (mut began, mut ended) = (Vec::new(), Vec::new());
        for (id, Pair { was, is }) in &self.assets {
            let file = |asset: &Option<Asset>| asset.as_ref().map_or((None, None), |a| (a.node, a.head));
            let (was, is) = (file(was), file(is));
            if was.1 != is.1 || is.0.is_none() {
                ended.push(*id);
            } else if was.0 != is.0 {
                began.push(*id);
            }
        }
        if steps.is_empty() && began.is_empty() {
            return Ok(None);
        }
        let turn = match turns.current(&signature, &ended) {
            Some(turn) => turn,
            None => self.tx.next(Counter::Turn)?,
        };
        let recorded = Recorded { signature, turn, began, ended };
        // A save by rename changes nothing by itself: its version will.
        if steps.is_empty() {
            return Ok(Some(recorded));
        }
        let row = JournalRow {
            seq: self.tx.next(Counter::Journal)?,
            turn,
            member: signature.by,
            at: signature.at,
            undoes: if let Cause::Undo(turn) = signature.cause { Some(turn) } else { None },
            steps,
        };
        self.tx.add_journal(&row)?;
        Ok(Some(recorded))
    }

    fn steps(&self) -> Result<Vec<Step>, E> {
        let mut steps = Vec::new();
        for (id, pair) in &self.assets {
            self.asset_steps(*id, pair, &mut steps)?;
        }
        for (id, pair) in &self.nodes {
            self.node_steps(*id, pair, &mut steps)?;
        }
        for id in self.moved() {
            let Some(row) = self.tx.node(id)? else { continue };
            match row.asset.filter(|_| row.class == NodeClass::Asset) {
                // A move between folders leaves the record as it is.
                Some(asset) if !self.assets.contains_key(&asset) => {
                    let asset = self.tx.asset(asset)?;
                    self.place_step(Pair { was: asset.as_ref(), is: asset.as_ref() }, &mut steps)?;
                }
                Some(_) => {}
                None if self.nodes.contains_key(&id) => {}
                None => self.node_steps(id, &Pair { was: Some(row.clone()), is: Some(row) }, &mut steps)?,
            }
        }
        for ((node, name), value) in &self.xattrs {
            if let Some(thing) = self.bearer(*node)? {
                steps.push(Step { thing, change: Change::Xattr(name.clone(), value.clone()) });
            }
        }
        let mut rules: BTreeMap<NodeId, Pair<BTreeMap<String, String>>> = BTreeMap::new();
        for ((folder, facet), value) in &self.rules {
            let pair = rules.entry(*folder).or_insert_with(|| Pair { was: BTreeMap::new(), is: BTreeMap::new() });
            pair.was.extend(value.was.iter().map(|v| (facet.clone(), v.clone())));
            pair.is.extend(value.is.iter().map(|v| (facet.clone(), v.clone())));
        }
        steps.extend(rules.into_iter().map(|(id, pair)| Step { thing: Thing::Node(id), change: Change::Rules(pair) }));
        for ((facet, word), pair) in &self.words {
            steps.push(Step { thing: Thing::Word(facet.clone(), word.clone()), change: Change::Word(pair.clone()) });
        }
        for (id, pair) in &self.members {
            steps.push(Step { thing: Thing::Member(*id), change: Change::Member(pair.clone()) });
        }
        for ((owner, name), pair) in &self.saved {
            steps.push(Step { thing: Thing::Saved(*owner, name.clone()), change: Change::Saved(pair.clone()) });
        }
        Ok(Step::gather(steps))
    }

    fn asset_steps(&self, id: AssetId, pair: &Pair<Option<Asset>>, steps: &mut Vec<Step>) -> Result<(), E> {
        let thing = Thing::Asset(id);
        let file = |asset: &Option<Asset>| asset.as_ref().map(|a| (a.node, a.state == AssetState::Trashed));
        // Without a change of names, files or the trash it is where it was.
        if !self.entries.is_empty() || file(&pair.was) != file(&pair.is) {
            self.place_step(Pair { was: pair.was.as_ref(), is: pair.is.as_ref() }, steps)?;
        }
        let head = |asset: &Option<Asset>| asset.as_ref().and_then(|asset| asset.head);
        let heads = Pair { was: head(&pair.was), is: head(&pair.is) };
        steps.push(Step { thing: thing.clone(), change: Change::Head(heads) });
        if pair.was.is_some() && pair.is.is_none() {
            steps.push(Step { thing: thing.clone(), change: Change::Dropped });
        }
        if let (Some(was), Some(is)) = (&pair.was, &pair.is) {
            steps.push(Step { thing: thing.clone(), change: Change::Record(record_diff::of(was, is)?) });
            // A save by another file has that one's mode and owner.
            if was.node != is.node
                && let (Some(was), Some(is)) = (self.row(was.node, true)?, self.row(is.node, false)?)
                && let Some(attrs) = self.attrs(&was, &is)
            {
                let untimed = |attrs: Attrs| Attrs { atime: None, mtime: None, ..attrs };
                let pair = Pair { was: untimed(attrs.was), is: untimed(attrs.is) };
                steps.push(Step { thing, change: Change::Attrs(pair) });
            }
        }
        Ok(())
    }

    /// A node's row, before or after.
    fn row(&self, node: Option<NodeId>, before: bool) -> Result<Option<NodeRow>, E> {
        let Some(id) = node else { return Ok(None) };
        match self.nodes.get(&id) {
            Some(pair) => Ok(if before { pair.was.clone() } else { pair.is.clone() }),
            None => self.tx.node(id),
        }
    }

    fn place_step(&self, pair: Pair<Option<&Asset>>, steps: &mut Vec<Step>) -> Result<(), E> {
        if let Some(asset) = pair.is.or(pair.was) {
            let place = Pair { was: self.place_of(pair.was, true)?, is: self.place_of(pair.is, false)? };
            steps.push(Step { thing: Thing::Asset(asset.id), change: Change::Place(place) });
        }
        Ok(())
    }

    /// Where an asset has its name, before or after.
    fn place_of(&self, asset: Option<&Asset>, before: bool) -> Result<Option<Spot>, E> {
        let Some(asset) = asset.filter(|asset| asset.state != AssetState::Trashed) else { return Ok(None) };
        match asset.node {
            Some(node) => self.name_of(node, before),
            None => Ok(None),
        }
    }

    /// The name of a node in a folder of people's, before or after.
    fn name_of(&self, node: NodeId, before: bool) -> Result<Option<Spot>, E> {
        let side = |pair: &Pair<Option<EntryRow>>| if before { pair.was.clone() } else { pair.is.clone() };
        let touched = self.entries.values().filter_map(side).filter(|entry| entry.node == node);
        let still = self.tx.names_of(node)?.into_iter().filter(|entry| !self.entries.contains_key(&entry.id));
        for entry in touched.chain(still) {
            if !self.is_local(entry.parent)? {
                return Ok(Some(spot(entry.parent, &entry.name)));
            }
        }
        Ok(None)
    }

    /// Whether a folder is the hidden one of a view's local files.
    fn is_local(&self, folder: NodeId) -> Result<bool, E> {
        let known = self.nodes.get(&folder).and_then(|pair| pair.is.clone().or_else(|| pair.was.clone()));
        let row = match known {
            Some(row) => Some(row),
            None => self.tx.node(folder)?,
        };
        Ok(folder == NodeId::LOCALS || row.is_some_and(|row| row.target.is_some()))
    }

    /// Nodes that got or lost a name.
    fn moved(&self) -> BTreeSet<NodeId> {
        let sides = self.entries.values().flat_map(|pair| [&pair.was, &pair.is]);
        sides.flatten().map(|entry| entry.node).collect()
    }

    fn node_steps(&self, id: NodeId, pair: &Pair<Option<NodeRow>>, steps: &mut Vec<Step>) -> Result<(), E> {
        let (was, is) = (pair.was.as_ref(), pair.is.as_ref());
        if let (Some(was), Some(is)) = (was, is)
            && let Some(attrs) = self.attrs(was, is)
            && let Some(thing) = self.bearer(id)?
        {
            steps.push(Step { thing, change: Change::Attrs(attrs) });
        }
        // Where an asset is, its own steps say; a backup is what it has left behind.
        let counts = |row: &&NodeRow| is_recorded(row);
        let (was, is) = (was.filter(counts), is.filter(counts));
        if was.is_none() && is.is_none() {
            return Ok(());
        }
        let place = Pair {
            was: was.map_or(Ok(None), |_| self.name_of(id, true))?,
            is: is.map_or(Ok(None), |_| self.name_of(id, false))?,
        };
        let relic = |row: Option<&NodeRow>| {
            row.map(|row| {
                let (xattrs, rules) = self.luggage.get(&id).cloned().unwrap_or_default();
                Box::new(Relic::of(row, xattrs, rules))
            })
        };
        if was.is_some() != is.is_some() && (place.was.is_some() || place.is.is_some()) {
            let node = Pair { was: relic(was), is: relic(is) };
            steps.push(Step { thing: Thing::Node(id), change: Change::Node(node) });
        }
        steps.push(Step { thing: Thing::Node(id), change: Change::Place(place) });
        Ok(())
    }

    fn attrs(&self, was: &NodeRow, is: &NodeRow) -> Option<Pair<Attrs>> {
        let spoken = |was: Timestamp, is: Timestamp| self.timed && was != is;
        let (atime, mtime) = (spoken(was.atime, is.atime), spoken(was.mtime, is.mtime));
        let attrs = |row: &NodeRow| Attrs {
            mode: row.mode,
            uid: row.uid,
            gid: row.gid,
            atime: atime.then_some(row.atime),
            mtime: mtime.then_some(row.mtime),
        };
        let pair = Pair { was: attrs(was), is: attrs(is) };
        (pair.was != pair.is).then_some(pair)
    }

    /// Whose attributes a node's are: nobody's when the node was made or removed here, or was given to an asset as its next file.
    fn bearer(&self, node: NodeId) -> Result<Option<Thing>, E> {
        let row = match self.nodes.get(&node) {
            Some(Pair { was: Some(was), is: Some(is) }) if (was.class, was.asset) == (is.class, is.asset) => {
                Some(is.clone())
            }
            Some(_) => None,
            None => self.tx.node(node)?,
        };
        Ok(row.and_then(|row| match (row.class, row.asset) {
            (NodeClass::Asset, Some(asset)) => Some(Thing::Asset(asset)),
            _ if is_recorded(&row) => Some(Thing::Node(node)),
            _ => None,
        }))
    }
}

/// Whether a node is one that the journal speaks of by itself: a folder of people's, a link, a file that is no asset but may not be lost.
fn is_recorded(row: &NodeRow) -> bool {
    match (row.kind, row.class) {
        (NodeKind::Dir, NodeClass::Plain) => row.target.is_none(),
        (NodeKind::Symlink, _) | (NodeKind::File, NodeClass::Aside | NodeClass::Inbox) => true,
        _ => false,
    }
}

macro_rules! reads {
    ($(fn $name:ident(&self $(, $arg:ident: $kind:ty)*) -> $out:ty;)+) => {
        impl ReadTx for Recorder<'_> {$(
            fn $name(&self $(, $arg: $kind)*) -> Result<$out, E> {
                self.tx.$name($($arg),*)
            }
        )+}
    };
}

reads! {
    fn meta(&self, key: &str) -> Option<String>;
    fn metas(&self, beginning: &str) -> Vec<(String, String)>;
    fn node(&self, id: NodeId) -> Option<NodeRow>;
    fn staged_nodes(&self) -> Vec<NodeId>;
    fn unwritten_nodes(&self) -> Vec<NodeRow>;
    fn nodes_of_class(&self, class: NodeClass) -> Vec<NodeRow>;
    fn orphan_nodes(&self) -> Vec<NodeId>;
    fn entry(&self, parent: NodeId, name: &FileName) -> Option<EntryRow>;
    fn entry_by_id(&self, id: EntryId) -> Option<EntryRow>;
    fn entries(&self, parent: NodeId, after: EntryId, limit: usize) -> Vec<(EntryRow, NodeRow)>;
    fn folder_rows(&self, parent: NodeId, after: EntryId, limit: usize) -> Vec<FolderRow>;
    fn entries_named(&self, parent: NodeId, beginning: &[u8]) -> Vec<EntryRow>;
    fn has_entries(&self, parent: NodeId) -> bool;
    fn holds(&self, folder: NodeId, query: &Expr, made_by: Option<MemberId>) -> bool;
    fn names_of(&self, node: NodeId) -> Vec<EntryRow>;
    fn xattr(&self, node: NodeId, name: &[u8]) -> Option<Vec<u8>>;
    fn xattrs(&self, node: NodeId) -> Vec<Xattr>;
    fn asset(&self, id: AssetId) -> Option<Asset>;
    fn generation(&self, asset: AssetId) -> Option<Generation>;
    fn namesake(&self, stem: &str, of: AssetId) -> Option<Asset>;
    fn stem_holder(&self, stem: &str, query: &Expr) -> Option<AssetId>;
    fn find(&self, query: &Expr, after: u64, limit: usize) -> Vec<Asset>;
    fn numbers(&self, query: &Expr) -> Vec<u64>;
    fn keys(&self, query: &Expr, key: Key) -> Vec<(u64, Option<KeyValue>)>;
    fn owned(&self, owner: MemberId) -> Vec<u64>;
    fn assets(&self, ordinals: &[u64]) -> Vec<Asset>;
    fn view_rows(&self, query: &Expr, after: u64, limit: usize) -> Vec<ViewRow>;
    fn finds(&self, query: &Expr, asset: AssetId) -> bool;
    fn count(&self, query: &Expr) -> u64;
    fn values(&self, field: &Field, within: &Expr) -> Vec<(String, u64)>;
    fn assets_with_content(&self, content: ContentId) -> Vec<AssetId>;
    fn trashed_with(&self, asset: AssetId) -> Vec<AssetId>;
    fn trashed_before(&self, time: Timestamp, limit: usize) -> Vec<AssetId>;
    fn version(&self, id: VersionId) -> Option<VersionRow>;
    fn version_by_no(&self, no: VersionNo) -> Option<VersionRow>;
    fn versions(&self, asset: AssetId) -> Vec<VersionRow>;
    fn assets_with_versions(&self, most: usize, after: Option<AssetId>, limit: usize) -> Vec<AssetId>;
    fn content(&self, id: ContentId) -> Option<Content>;
    fn contents(&self) -> Vec<Content>;
    fn tunnel(&self, parent: NodeId, name: &FileName) -> Option<TunnelRow>;
    fn tunnels_before(&self, time: Timestamp) -> Vec<TunnelRow>;
    fn tunnels_in(&self, parent: NodeId) -> Vec<TunnelRow>;
    fn tunnels_of(&self, asset: AssetId) -> Vec<TunnelRow>;
    fn member(&self, id: MemberId) -> Option<MemberRow>;
    fn member_by_name(&self, name: &str) -> Option<MemberRow>;
    fn member_by_uid(&self, uid: u32) -> Option<MemberRow>;
    fn members(&self) -> Vec<MemberRow>;
    fn factor(&self, member: MemberId) -> Option<FactorRow>;
    fn factors(&self) -> Vec<FactorRow>;
    fn groups(&self) -> Vec<GroupRow>;
    fn seats_of(&self, member: MemberId) -> Vec<GroupSeat>;
    fn seen_login(&self, member: MemberId) -> Option<String>;
    fn folder_rules(&self, folder: NodeId) -> Vec<FolderRule>;
    fn vocabulary(&self, facet: &str) -> Vec<String>;
    fn saved(&self) -> Vec<SavedRow>;
    fn saved_as(&self, name: &str) -> Vec<SavedRow>;
    fn rendition(&self, content: ContentId, recipe: &[u8; 32], renderer: u32) -> Option<RenditionRow>;
    fn rendition_by_no(&self, no: RenditionNo) -> Option<RenditionRow>;
    fn renditions_with_hash(&self, hash: &[u8; 32]) -> Vec<RenditionRow>;
    fn rendered_contents(&self) -> Vec<ContentId>;
    fn versions_with_content(&self, content: ContentId) -> Vec<VersionRow>;
    fn look(&self, content: ContentId) -> Option<LookRow>;
    fn unlooked(&self, way: u32, after: u64, limit: usize) -> Vec<(u64, ContentId)>;
    fn alike(&self, within: &Expr, of: Option<ContentId>) -> Vec<Vec<Alike>>;
    fn around(&self, look: u64, most: u32) -> Vec<(String, u32)>;
    fn inbox_report(&self, limit: usize) -> Vec<InboxRow>;
    fn changes_after(&self, seq: u64, limit: usize) -> Vec<ChangeRow>;
    fn last_change(&self) -> u64;
    fn audit_head(&self, chain: &str) -> Option<AuditRow>;
    fn audit_after(&self, chain: &str, seq: u64, limit: usize) -> Vec<AuditRow>;
    fn audit_chains(&self) -> Vec<String>;
    fn turns(&self, of: Option<MemberId>, before: u64, limit: usize) -> Vec<TurnRow>;
    fn turn(&self, no: u64) -> Vec<JournalRow>;
    fn journal_after(&self, seq: u64, limit: usize) -> Vec<JournalRow>;
}

impl WriteTx for Recorder<'_> {
    fn set_meta(&mut self, key: &str, value: &str) -> Result<(), E> {
        self.tx.set_meta(key, value)
    }
    fn next(&mut self, counter: Counter) -> Result<u64, E> {
        self.tx.next(counter)
    }
    fn pass_over(&mut self, counter: Counter, upto: u64) -> Result<(), E> {
        self.tx.pass_over(counter, upto)
    }
    fn put_node(&mut self, node: &NodeRow) -> Result<(), E> {
        note(&mut self.nodes, node.id, || self.tx.node(node.id), Some(node.clone()))?;
        self.tx.put_node(node)
    }
    fn remove_node(&mut self, id: NodeId) -> Result<(), E> {
        note(&mut self.nodes, id, || self.tx.node(id), None)?;
        self.luggage.insert(id, (self.tx.xattrs(id)?, self.tx.folder_rules(id)?));
        self.tx.remove_node(id)
    }
    fn add_entry(&mut self, entry: &EntryRow) -> Result<(), E> {
        note(&mut self.entries, entry.id, || Ok(None), Some(entry.clone()))?;
        self.tx.add_entry(entry)
    }
    fn repoint_entry(&mut self, entry: EntryId, node: NodeId) -> Result<(), E> {
        if let Some(row) = self.tx.entry_by_id(entry)? {
            note(&mut self.entries, entry, || Ok(Some(row.clone())), Some(EntryRow { node, ..row.clone() }))?;
        }
        self.tx.repoint_entry(entry, node)
    }
    fn remove_entry(&mut self, entry: EntryId) -> Result<(), E> {
        note(&mut self.entries, entry, || self.tx.entry_by_id(entry), None)?;
        self.tx.remove_entry(entry)
    }
    fn set_xattr(&mut self, node: NodeId, name: &[u8], value: &[u8]) -> Result<(), E> {
        note(&mut self.xattrs, (node, name.to_vec()), || self.tx.xattr(node, name), Some(value.to_vec()))?;
        self.tx.set_xattr(node, name, value)
    }
    fn remove_xattr(&mut self, node: NodeId, name: &[u8]) -> Result<bool, E> {
        note(&mut self.xattrs, (node, name.to_vec()), || self.tx.xattr(node, name), None)?;
        self.tx.remove_xattr(node, name)
    }
    fn put_asset(&mut self, asset: &Asset) -> Result<(), E> {
        note(&mut self.assets, asset.id, || self.tx.asset(asset.id), Some(asset.clone()))?;
        self.tx.put_asset(asset)
    }
    fn rekey_asset(&mut self, from: AssetId, to: AssetId, n: u32) -> Result<(), E> {
        self.tx.rekey_asset(from, to, n)?;
        // What was noted of it is of the same asset; its id does not go back.
        if let Some(pair) = self.assets.remove(&from) {
            self.assets.insert(to, pair);
        }
        Ok(())
    }
    fn put_generation(&mut self, asset: AssetId, generation: &Generation) -> Result<(), E> {
        self.tx.put_generation(asset, generation)
    }
    fn remove_asset(&mut self, id: AssetId) -> Result<(), E> {
        note(&mut self.assets, id, || self.tx.asset(id), None)?;
        self.tx.remove_asset(id)
    }
    fn add_version(&mut self, version: &VersionRow) -> Result<(), E> {
        self.tx.add_version(version)
    }
    fn remove_version(&mut self, id: VersionId) -> Result<(), E> {
        self.tx.remove_version(id)
    }
    fn put_content(&mut self, content: &Content) -> Result<(), E> {
        self.tx.put_content(content)
    }
    fn put_tunnel(&mut self, tunnel: &TunnelRow) -> Result<(), E> {
        self.tx.put_tunnel(tunnel)
    }
    fn remove_tunnel(&mut self, parent: NodeId, name: &FileName) -> Result<(), E> {
        self.tx.remove_tunnel(parent, name)
    }
    fn put_member(&mut self, member: &MemberRow) -> Result<(), E> {
        let was = || Ok(self.tx.member(member.id)?.map(MemberRow::bare));
        note(&mut self.members, member.id, was, Some(member.clone().bare()))?;
        self.tx.put_member(member)
    }
    fn put_factor(&mut self, factor: &FactorRow) -> Result<(), E> {
        self.tx.put_factor(factor)
    }
    fn remove_factor(&mut self, member: MemberId) -> Result<bool, E> {
        self.tx.remove_factor(member)
    }
    fn put_group(&mut self, group: &GroupRow) -> Result<(), E> {
        self.tx.put_group(group)
    }
    fn remove_group(&mut self, name: &str) -> Result<bool, E> {
        self.tx.remove_group(name)
    }
    fn put_seat(&mut self, seat: &GroupSeat) -> Result<(), E> {
        self.tx.put_seat(seat)
    }
    fn remove_seat(&mut self, member: MemberId, group: &str) -> Result<bool, E> {
        self.tx.remove_seat(member, group)
    }
    fn put_seen_login(&mut self, member: MemberId, login: &str) -> Result<(), E> {
        self.tx.put_seen_login(member, login)
    }
    fn remove_seen_login(&mut self, member: MemberId) -> Result<bool, E> {
        self.tx.remove_seen_login(member)
    }
    fn put_folder_rule(&mut self, rule: &FolderRule) -> Result<(), E> {
        let was = || {
            let rules = self.tx.folder_rules(rule.folder)?;
            Ok(rules.into_iter().find(|there| there.facet == rule.facet).map(|there| there.value))
        };
        note(&mut self.rules, (rule.folder, rule.facet.clone()), was, Some(rule.value.clone()))?;
        self.tx.put_folder_rule(rule)
    }
    fn remove_folder_rule(&mut self, folder: NodeId, facet: &str) -> Result<(), E> {
        let was = || {
            let rules = self.tx.folder_rules(folder)?;
            Ok(rules.into_iter().find(|there| there.facet == facet).map(|there| there.value))
        };
        note(&mut self.rules, (folder, facet.to_owned()), was, None)?;
        self.tx.remove_folder_rule(folder, facet)
    }
    fn add_word(&mut self, facet: &str, value: &str) -> Result<(), E> {
        self.note_word(facet, value, true)?;
        self.tx.add_word(facet, value)
    }
    fn remove_word(&mut self, facet: &str, value: &str) -> Result<bool, E> {
        self.note_word(facet, value, false)?;
        self.tx.remove_word(facet, value)
    }
    fn put_saved(&mut self, saved: &SavedRow) -> Result<(), E> {
        self.note_saved(saved.owner, &saved.name, Some(saved.clone()))?;
        self.tx.put_saved(saved)
    }
    fn remove_saved(&mut self, name: &str, owner: MemberId) -> Result<bool, E> {
        self.note_saved(owner, name, None)?;
        self.tx.remove_saved(name, owner)
    }
    fn put_rendition(&mut self, rendition: &RenditionRow) -> Result<(), E> {
        self.tx.put_rendition(rendition)
    }
    fn put_look(&mut self, look: &LookRow) -> Result<(), E> {
        self.tx.put_look(look)
    }
    fn add_inbox(&mut self, row: &InboxRow) -> Result<(), E> {
        self.tx.add_inbox(row)
    }
    fn change(&mut self, kind: ChangeKind, id: &str) -> Result<(), E> {
        self.tx.change(kind, id)
    }
    fn appended(&self) -> &[ChangeRow] {
        self.tx.appended()
    }
    fn add_audit(&mut self, row: &AuditRow) -> Result<(), E> {
        self.timed |= row.action.ends_with(".attr");
        self.tx.add_audit(row)
    }
    fn sign(&mut self, signature: &Signature) {
        // What damfs does in its own time within a call is a part of the call.
        if self.signed.is_none_or(|first| first.cause == Cause::Unknown) {
            self.signed = Some(*signature);
        }
    }
    fn add_journal(&mut self, row: &JournalRow) -> Result<(), E> {
        self.tx.add_journal(row)
    }
    fn drop_journal(&mut self, before: Timestamp) -> Result<u64, E> {
        self.tx.drop_journal(before)
    }
}

impl Recorder<'_> {
    fn note_word(&mut self, facet: &str, value: &str, is: bool) -> Result<(), E> {
        let was = self.tx.vocabulary(facet)?.iter().any(|word| word == value);
        self.words.entry((facet.to_owned(), value.to_owned())).or_insert(Pair { was, is }).is = is;
        Ok(())
    }

    fn note_saved(&mut self, owner: MemberId, name: &str, is: Option<SavedRow>) -> Result<(), E> {
        let was = || Ok(self.tx.saved_as(name)?.into_iter().find(|row| row.owner == owner));
        note(&mut self.saved, (owner, name.to_owned()), was, is)
    }
}
