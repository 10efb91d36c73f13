//! The tables and what must hold between them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::catalog::journal::JournalRow;
use crate::catalog::{
    Asset, AuditRow, ChangeRow, EntryRow, FactorRow, FolderRule, GroupRow, InboxRow, LookRow, MemberRow, NodeKind,
    NodeRow, RenditionRow, SavedRow, TunnelRow, VersionRow, view_stem,
};
use crate::types::{
    AssetId, Content, ContentId, EntryId, FileName, Generation, MemberId, NodeId, RenditionNo, Timestamp, VersionId,
    VersionNo,
};

/// A table; a copy costs nothing until it is written to.
pub(super) type Table<K, V> = Arc<BTreeMap<K, V>>;
/// An index.
pub(super) type Index<K> = Arc<BTreeSet<K>>;

/// Every table. A clone is a snapshot.
#[derive(Clone, Default)]
pub(super) struct State {
    pub meta: Table<String, String>,
    pub nodes: Table<NodeId, NodeRow>,
    pub xattrs: Table<(NodeId, Vec<u8>), Vec<u8>>,
    pub entries: Table<EntryId, EntryRow>,
    pub names: Table<(NodeId, FileName), EntryId>,
    /// (parent, entry) and (node, entry).
    pub listings: Index<(NodeId, EntryId)>,
    pub names_of: Index<(NodeId, EntryId)>,
    /// By ordinal.
    pub assets: Table<u64, Arc<Asset>>,
    pub ordinals: Table<AssetId, u64>,
    pub generations: Table<AssetId, Generation>,
    /// (stem, ordinal) of view names.
    pub view_stems: Index<(String, u64)>,
    pub marked_stems: Table<String, u64>,
    /// (node, ordinal) of the assets that hold a node.
    pub held: Index<(NodeId, u64)>,
    pub versions: Table<VersionId, VersionRow>,
    pub version_nos: Table<VersionNo, VersionId>,
    pub versions_of: Table<(AssetId, u32), VersionId>,
    pub contents: Table<ContentId, Content>,
    pub tunnels: Table<(NodeId, FileName), TunnelRow>,
    pub members: Table<MemberId, MemberRow>,
    pub factors: Table<MemberId, FactorRow>,
    pub groups: Table<String, GroupRow>,
    /// When each was seen last.
    pub seats: Table<(MemberId, String), Timestamp>,
    pub seen_logins: Table<MemberId, String>,
    pub folder_rules: Table<(NodeId, String), FolderRule>,
    pub words: Index<(String, String)>,
    pub saved: Table<(String, MemberId), SavedRow>,
    pub renditions: Table<RenditionNo, RenditionRow>,
    pub looks: Table<ContentId, LookRow>,
    pub inbox: Table<u64, InboxRow>,
    pub changes: Table<u64, ChangeRow>,
    pub audit: Table<(String, u64), AuditRow>,
    pub journal: Table<u64, JournalRow>,
}

/// A row whose references are checked at commit.
pub(super) enum Owed {
    Node(NodeId),
    Xattrs(NodeId),
    Entry(EntryId),
    Asset(u64),
    Version(VersionId),
    Tunnel(NodeId, FileName),
    FolderRule(NodeId, String),
    Rendition(RenditionNo),
    Look(ContentId),
    /// Nobody may refer to it any more.
    AssetGone(AssetId),
}

impl State {
    pub fn asset(&self, id: AssetId) -> Option<&Arc<Asset>> {
        self.assets.get(self.ordinals.get(&id)?)
    }

    pub fn with_view_stem(&self, stem: &str) -> impl Iterator<Item = &Arc<Asset>> {
        let rows = self.view_stems.range((stem.to_owned(), 0)..=(stem.to_owned(), u64::MAX));
        rows.filter_map(|(_, ordinal)| self.assets.get(ordinal))
    }

    pub fn with_marked_stem(&self, stem: &str) -> impl Iterator<Item = &Arc<Asset>> {
        self.marked_stems.get(stem).and_then(|ordinal| self.assets.get(ordinal)).into_iter()
    }

    /// Why the row's references do not hold; `None` also when the row is gone again.
    pub fn unpaid(&self, owed: &Owed) -> Option<String> {
        let node = |id: NodeId| (!self.nodes.contains_key(&id)).then(|| format!("node {id}"));
        let content = |id: ContentId| (!self.contents.contains_key(&id)).then(|| format!("content {id}"));
        let version = |id: VersionId| (!self.versions.contains_key(&id)).then(|| format!("version {id}"));
        let asset = |id: AssetId| (!self.ordinals.contains_key(&id)).then(|| format!("asset {id}"));
        let missing = match owed {
            Owed::Node(id) => {
                let row = self.nodes.get(id)?;
                row.content.and_then(content).or_else(|| row.asset.and_then(asset))
            }
            Owed::Xattrs(id) => self.xattrs.keys().any(|(of, _)| of == id).then(|| node(*id)).flatten(),
            Owed::Entry(id) => {
                let row = self.entries.get(id)?;
                node(row.parent).or_else(|| node(row.node))
            }
            Owed::Asset(ordinal) => {
                let row = self.assets.get(ordinal)?;
                let verdicts = || row.status.values().filter_map(|v| v.version).find_map(version);
                row.node.and_then(node).or_else(|| row.head.and_then(version)).or_else(verdicts)
            }
            Owed::Version(id) => {
                let row = self.versions.get(id)?;
                asset(row.asset).or_else(|| content(row.content))
            }
            Owed::Tunnel(parent, name) => asset(self.tunnels.get(&(*parent, name.clone()))?.asset),
            Owed::FolderRule(folder, facet) => node(self.folder_rules.get(&(*folder, facet.clone()))?.folder),
            Owed::Look(id) => content(*id),
            Owed::Rendition(no) => content(self.renditions.get(no)?.content),
            Owed::AssetGone(id) => {
                let referring = self.nodes.values().any(|n| n.asset == Some(*id));
                if referring { asset(*id) } else { None }
            }
        };
        missing.map(|what| format!("a row refers to {what}, which does not exist"))
    }

    /// One line per broken rule, as the engine on disk reports them.
    pub fn faults(&self) -> Vec<String> {
        let mut out = Vec::new();
        for asset in self.assets.values() {
            let of = |head: &VersionId| self.versions.get(head).is_some_and(|v| v.asset == asset.id);
            if !asset.head.as_ref().is_none_or(of) {
                out.push(format!("asset {}: its head is not one of its versions", asset.id));
            }
            let stem = view_stem(&asset.view_name);
            let alone = self.with_view_stem(stem).chain(self.with_marked_stem(stem)).all(|a| a.id == asset.id);
            if asset.marked_name.is_none() && !alone {
                out.push(format!("asset {}: another has its stem, and it has no marked name", asset.id));
            }
        }
        for version in self.versions.values().filter(|v| !self.contents.contains_key(&v.content)) {
            out.push(format!("version {}: its content does not exist", version.id));
        }
        for entry in self.entries.values() {
            if !self.nodes.contains_key(&entry.node) {
                out.push(format!("entry {}: its node does not exist", entry.id));
            }
            if self.nodes.get(&entry.parent).is_some_and(|n| n.kind != NodeKind::Dir) {
                out.push(format!("entry {}: its parent is no directory", entry.id));
            }
        }
        let mut last = None;
        let mut shared = BTreeSet::new();
        for (node, _) in self.held.iter() {
            if last.replace(*node) == Some(*node) {
                shared.insert(*node);
            }
        }
        out.extend(shared.iter().map(|node| format!("node {node}: several assets hold it")));
        for content in self.contents.values() {
            if content.extents.iter().map(|(_, length)| u64::from(*length)).sum::<u64>() != content.size {
                out.push(format!("content {}: its extents do not add up to its size", content.id));
            }
        }
        out
    }
}
