//! One transaction: every method is one function of its family's file.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use damfs_policy::{Expr, Field};
use roaring::RoaringBitmap;
use rusqlite::Connection;

use super::indexed::{self, Indexed};
use super::looks::{self, KeptLooks};
use super::memo::Memo;
use super::{
    assets, entries, factors, feed, generation, groups, journal, keys, members, nodes, saved, values, versions,
};
use crate::catalog::index::Touched;
use crate::catalog::journal::{JournalRow, TurnRow};
use crate::catalog::rules::{is_found, refused};
use crate::catalog::{
    Alike, Asset, AuditRow, CatalogError as E, ChangeKind, ChangeRow, Counter, EntryRow, FactorRow, FolderRow,
    FolderRule, GroupRow, GroupSeat, InboxRow, Key, KeyValue, LookRow, MemberRow, NodeClass, NodeRow, ReadTx,
    RenditionRow, SavedRow, TunnelRow, VersionRow, ViewRow, WriteTx, Xattr,
};
use crate::types::{
    AssetId, Content, ContentId, EntryId, FileName, Generation, MemberId, NodeId, RenditionNo, Timestamp, VersionId,
    VersionNo,
};

/// What the counters gave in this process; never undone.
#[derive(Default)]
pub(super) struct Given {
    /// The last number of each.
    pub last: HashMap<Counter, u64>,
    /// Whether a block was reserved that is not durable yet.
    pub reserved: bool,
}

/// The ends of what only grows, as far as this process has appended to it, as the transaction sees them: there is one writer.
#[derive(Default)]
pub(super) struct Heads {
    /// The last row of each audit chain.
    pub audit: HashMap<String, AuditRow>,
    /// The change feed's last number.
    pub change: Option<u64>,
    /// Up to which number each counter's are reserved.
    pub reserved: HashMap<Counter, u64>,
    /// What the transaction has appended to the change feed.
    pub appended: Vec<ChangeRow>,
    /// The published assets that it changed, in order.
    pub touched: Vec<Touched>,
    /// The looks that it put.
    pub looks: Vec<LookRow>,
}

/// One transaction on one connection.
pub(super) struct Tx<'c> {
    pub conn: &'c Connection,
    /// `None` in a read.
    pub writer: Option<(&'c mut Given, &'c mut Heads)>,
    /// `None` in a write, which sees what is in no index yet.
    pub index: Option<Indexed<'c>>,
    /// `None` in a write, too.
    pub looks: Option<&'c KeptLooks>,
    pub memo: Memo,
}

impl Tx<'_> {
    /// What the index says that a query finds; `None` when the tables have to be asked.
    fn selected(&self, query: &Expr) -> Result<Option<Rc<RoaringBitmap>>, E> {
        self.index.as_ref().map_or(Ok(None), |index| index.select(self.conn, query))
    }
}

impl ReadTx for Tx<'_> {
    fn meta(&self, key: &str) -> Result<Option<String>, E> {
        members::meta(self.conn, key)
    }
    fn metas(&self, beginning: &str) -> Result<Vec<(String, String)>, E> {
        members::metas(self.conn, beginning)
    }
    fn node(&self, id: NodeId) -> Result<Option<NodeRow>, E> {
        self.memo.nodes.get(id, || nodes::get(self.conn, id))
    }
    fn staged_nodes(&self) -> Result<Vec<NodeId>, E> {
        nodes::staged(self.conn)
    }
    fn unwritten_nodes(&self) -> Result<Vec<NodeRow>, E> {
        nodes::unwritten(self.conn)
    }
    fn nodes_of_class(&self, class: NodeClass) -> Result<Vec<NodeRow>, E> {
        nodes::of_class(self.conn, class)
    }
    fn orphan_nodes(&self) -> Result<Vec<NodeId>, E> {
        nodes::orphans(self.conn)
    }
    fn entry(&self, parent: NodeId, name: &FileName) -> Result<Option<EntryRow>, E> {
        entries::get(self.conn, parent, name)
    }
    fn entry_by_id(&self, id: EntryId) -> Result<Option<EntryRow>, E> {
        entries::by_id(self.conn, id)
    }
    fn entries(&self, parent: NodeId, after: EntryId, limit: usize) -> Result<Vec<(EntryRow, NodeRow)>, E> {
        entries::list(self.conn, parent, after, limit)
    }
    fn folder_rows(&self, parent: NodeId, after: EntryId, limit: usize) -> Result<Vec<FolderRow>, E> {
        entries::folder_rows(self.conn, parent, after, limit)
    }
    fn entries_named(&self, parent: NodeId, beginning: &[u8]) -> Result<Vec<EntryRow>, E> {
        entries::named(self.conn, parent, beginning)
    }
    fn has_entries(&self, parent: NodeId) -> Result<bool, E> {
        entries::has_any(self.conn, parent)
    }
    fn holds(&self, folder: NodeId, query: &Expr, made_by: Option<MemberId>) -> Result<bool, E> {
        entries::holds(self.conn, folder, query, made_by)
    }
    fn names_of(&self, node: NodeId) -> Result<Vec<EntryRow>, E> {
        self.memo.names.get(node, || entries::of_node(self.conn, node))
    }
    fn xattr(&self, node: NodeId, name: &[u8]) -> Result<Option<Vec<u8>>, E> {
        nodes::xattr(self.conn, node, name)
    }
    fn xattrs(&self, node: NodeId) -> Result<Vec<Xattr>, E> {
        nodes::xattrs(self.conn, node)
    }
    fn asset(&self, id: AssetId) -> Result<Option<Asset>, E> {
        self.memo.assets.get(id, || assets::get(self.conn, id))
    }
    fn generation(&self, asset: AssetId) -> Result<Option<Generation>, E> {
        generation::get(self.conn, asset)
    }
    fn namesake(&self, stem: &str, of: AssetId) -> Result<Option<Asset>, E> {
        assets::namesake(self.conn, stem, of)
    }
    fn stem_holder(&self, stem: &str, query: &Expr) -> Result<Option<AssetId>, E> {
        assets::stem_holder(self.conn, stem, query)
    }
    fn find(&self, query: &Expr, after: u64, limit: usize) -> Result<Vec<Asset>, E> {
        match self.selected(query)? {
            Some(found) => indexed::find(self.conn, &found, after, limit),
            None => assets::find(self.conn, query, after, limit),
        }
    }
    fn numbers(&self, query: &Expr) -> Result<Vec<u64>, E> {
        match self.selected(query)? {
            Some(found) => Ok(found.iter().map(u64::from).collect()),
            None => assets::numbers(self.conn, query),
        }
    }
    fn keys(&self, query: &Expr, key: Key) -> Result<Vec<(u64, Option<KeyValue>)>, E> {
        match self.selected(query)? {
            Some(found) => keys::selected(self.conn, &found, key),
            None => keys::found(self.conn, query, key),
        }
    }
    fn owned(&self, owner: MemberId) -> Result<Vec<u64>, E> {
        assets::owned(self.conn, owner)
    }
    fn assets(&self, ordinals: &[u64]) -> Result<Vec<Asset>, E> {
        let found = assets::numbered(self.conn, ordinals)?;
        for asset in &found {
            self.memo.assets.put(asset.id, Some(asset.clone()));
        }
        Ok(found)
    }
    fn view_rows(&self, query: &Expr, after: u64, limit: usize) -> Result<Vec<ViewRow>, E> {
        match self.selected(query)? {
            Some(found) => indexed::view_rows(self.conn, &found, after, limit),
            None => assets::view_rows(self.conn, query, after, limit),
        }
    }
    fn finds(&self, query: &Expr, asset: AssetId) -> Result<bool, E> {
        // One asset is judged in memory: as SQL, every condition would gather all its assets first.
        Ok(self.asset(asset)?.is_some_and(|asset| is_found(query, &asset)))
    }
    fn count(&self, query: &Expr) -> Result<u64, E> {
        match self.selected(query)? {
            Some(found) => Ok(found.len()),
            None => assets::count(self.conn, query),
        }
    }
    fn values(&self, field: &Field, within: &Expr) -> Result<Vec<(String, u64)>, E> {
        let known = self.index.as_ref().map_or(Ok(None), |index| index.values(self.conn, field, within))?;
        match known {
            Some(values) => Ok(values),
            None => values::list(self.conn, field, within),
        }
    }
    fn assets_with_content(&self, content: ContentId) -> Result<Vec<AssetId>, E> {
        assets::with_content(self.conn, content)
    }
    fn trashed_with(&self, asset: AssetId) -> Result<Vec<AssetId>, E> {
        assets::trashed_with(self.conn, asset)
    }
    fn trashed_before(&self, time: Timestamp, limit: usize) -> Result<Vec<AssetId>, E> {
        assets::trashed_before(self.conn, time, limit)
    }
    fn version(&self, id: VersionId) -> Result<Option<VersionRow>, E> {
        versions::get(self.conn, id)
    }
    fn version_by_no(&self, no: VersionNo) -> Result<Option<VersionRow>, E> {
        versions::by_no(self.conn, no)
    }
    fn versions(&self, asset: AssetId) -> Result<Vec<VersionRow>, E> {
        versions::of_asset(self.conn, asset)
    }
    fn assets_with_versions(&self, most: usize, after: Option<AssetId>, limit: usize) -> Result<Vec<AssetId>, E> {
        versions::assets_with(self.conn, most, after, limit)
    }
    fn content(&self, id: ContentId) -> Result<Option<Content>, E> {
        versions::content(self.conn, id)
    }
    fn contents(&self) -> Result<Vec<Content>, E> {
        versions::contents(self.conn)
    }
    fn tunnel(&self, parent: NodeId, name: &FileName) -> Result<Option<TunnelRow>, E> {
        entries::tunnel(self.conn, parent, name)
    }
    fn tunnels_before(&self, time: Timestamp) -> Result<Vec<TunnelRow>, E> {
        entries::tunnels_before(self.conn, time)
    }
    fn tunnels_in(&self, parent: NodeId) -> Result<Vec<TunnelRow>, E> {
        entries::tunnels_in(self.conn, parent)
    }
    fn tunnels_of(&self, asset: AssetId) -> Result<Vec<TunnelRow>, E> {
        entries::tunnels_of(self.conn, asset)
    }
    fn member(&self, id: MemberId) -> Result<Option<MemberRow>, E> {
        self.memo.members.get(id, || members::get(self.conn, id))
    }
    fn member_by_name(&self, name: &str) -> Result<Option<MemberRow>, E> {
        members::by_name(self.conn, name)
    }
    fn member_by_uid(&self, uid: u32) -> Result<Option<MemberRow>, E> {
        members::by_uid(self.conn, uid)
    }
    fn members(&self) -> Result<Vec<MemberRow>, E> {
        members::list(self.conn)
    }
    fn factor(&self, member: MemberId) -> Result<Option<FactorRow>, E> {
        factors::get(self.conn, member)
    }
    fn factors(&self) -> Result<Vec<FactorRow>, E> {
        factors::list(self.conn)
    }
    fn groups(&self) -> Result<Vec<GroupRow>, E> {
        groups::list(self.conn)
    }
    fn seats_of(&self, member: MemberId) -> Result<Vec<GroupSeat>, E> {
        groups::seats_of(self.conn, member)
    }
    fn seen_login(&self, member: MemberId) -> Result<Option<String>, E> {
        groups::seen_login(self.conn, member)
    }
    fn folder_rules(&self, folder: NodeId) -> Result<Vec<FolderRule>, E> {
        self.memo.rules.get(folder, || members::folder_rules(self.conn, folder))
    }
    fn vocabulary(&self, facet: &str) -> Result<Vec<String>, E> {
        members::vocabulary(self.conn, facet)
    }
    fn saved(&self) -> Result<Vec<SavedRow>, E> {
        saved::list(self.conn)
    }
    fn saved_as(&self, name: &str) -> Result<Vec<SavedRow>, E> {
        saved::named(self.conn, name)
    }
    fn rendition(&self, content: ContentId, recipe: &[u8; 32], renderer: u32) -> Result<Option<RenditionRow>, E> {
        versions::rendition(self.conn, content, recipe, renderer)
    }
    fn renditions_with_hash(&self, hash: &[u8; 32]) -> Result<Vec<RenditionRow>, E> {
        versions::renditions_with_hash(self.conn, hash)
    }
    fn rendered_contents(&self) -> Result<Vec<ContentId>, E> {
        versions::rendered_contents(self.conn)
    }
    fn versions_with_content(&self, content: ContentId) -> Result<Vec<VersionRow>, E> {
        versions::with_content(self.conn, content)
    }
    fn rendition_by_no(&self, no: RenditionNo) -> Result<Option<RenditionRow>, E> {
        versions::rendition_by_no(self.conn, no)
    }
    fn look(&self, content: ContentId) -> Result<Option<LookRow>, E> {
        looks::get(self.conn, content)
    }
    fn unlooked(&self, way: u32, after: u64, limit: usize) -> Result<Vec<(u64, ContentId)>, E> {
        looks::unlooked(self.conn, way, after, limit)
    }
    fn alike(&self, within: &Expr, of: Option<ContentId>) -> Result<Vec<Vec<Alike>>, E> {
        looks::alike(self.conn, self.index.as_ref(), self.looks, within, of)
    }
    fn around(&self, look: u64, most: u32) -> Result<Vec<(String, u32)>, E> {
        looks::around(self.conn, self.looks, look, most)
    }
    fn inbox_report(&self, limit: usize) -> Result<Vec<InboxRow>, E> {
        feed::inbox(self.conn, limit)
    }
    fn changes_after(&self, seq: u64, limit: usize) -> Result<Vec<ChangeRow>, E> {
        feed::after(self.conn, seq, limit)
    }
    fn last_change(&self) -> Result<u64, E> {
        match self.writer.as_ref().and_then(|(_, heads)| heads.change) {
            Some(seq) => Ok(seq),
            None => feed::last(self.conn),
        }
    }
    fn audit_head(&self, chain: &str) -> Result<Option<AuditRow>, E> {
        match self.writer.as_ref().and_then(|(_, heads)| heads.audit.get(chain)) {
            Some(head) => Ok(Some(head.clone())),
            None => feed::audit_head(self.conn, chain),
        }
    }
    fn audit_after(&self, chain: &str, seq: u64, limit: usize) -> Result<Vec<AuditRow>, E> {
        feed::audit_after(self.conn, chain, seq, limit)
    }
    fn audit_chains(&self) -> Result<Vec<String>, E> {
        feed::audit_chains(self.conn)
    }
    fn turns(&self, of: Option<MemberId>, before: u64, limit: usize) -> Result<Vec<TurnRow>, E> {
        journal::turns(self.conn, of, before, limit)
    }
    fn turn(&self, no: u64) -> Result<Vec<JournalRow>, E> {
        journal::of_turn(self.conn, no)
    }
    fn journal_after(&self, seq: u64, limit: usize) -> Result<Vec<JournalRow>, E> {
        journal::after(self.conn, seq, limit)
    }
}

impl WriteTx for Tx<'_> {
    fn set_meta(&mut self, key: &str, value: &str) -> Result<(), E> {
        members::set_meta(self.conn, key, value)
    }
    fn next(&mut self, counter: Counter) -> Result<u64, E> {
        let Some((given, heads)) = self.writer.as_mut() else {
            return Err(E::Engine("a read asked for a new number".into()));
        };
        members::next(self.conn, counter, given, heads)
    }
    fn pass_over(&mut self, counter: Counter, upto: u64) -> Result<(), E> {
        let Some((given, heads)) = self.writer.as_mut() else {
            return Err(E::Engine("a read passed over numbers".into()));
        };
        members::pass_over(self.conn, counter, upto, given, heads)
    }
    fn put_node(&mut self, node: &NodeRow) -> Result<(), E> {
        let was = self.node(node.id)?;
        self.memo.nodes.forget(&node.id);
        nodes::put(self.conn, was.as_ref(), node)?;
        self.memo.nodes.put(node.id, Some(node.clone()));
        Ok(())
    }
    fn remove_node(&mut self, id: NodeId) -> Result<(), E> {
        self.memo.nodes.forget(&id);
        self.memo.rules.forget(&id);
        nodes::remove(self.conn, id)
    }
    fn add_entry(&mut self, entry: &EntryRow) -> Result<(), E> {
        self.memo.names.forget(&entry.node);
        entries::add(self.conn, entry)
    }
    fn repoint_entry(&mut self, entry: EntryId, node: NodeId) -> Result<(), E> {
        self.memo.names.forget_all();
        entries::repoint(self.conn, entry, node)
    }
    fn remove_entry(&mut self, entry: EntryId) -> Result<(), E> {
        self.memo.names.forget_all();
        entries::remove(self.conn, entry)
    }
    fn set_xattr(&mut self, node: NodeId, name: &[u8], value: &[u8]) -> Result<(), E> {
        nodes::set_xattr(self.conn, node, name, value)
    }
    fn remove_xattr(&mut self, node: NodeId, name: &[u8]) -> Result<bool, E> {
        nodes::remove_xattr(self.conn, node, name)
    }
    fn put_asset(&mut self, asset: &Asset) -> Result<(), E> {
        let was = self.asset(asset.id)?;
        self.memo.assets.forget(&asset.id);
        assets::put(self.conn, was.as_ref(), asset)?;
        self.memo.assets.put(asset.id, Some(asset.clone()));
        let is_seen = |asset: &Asset| asset.head.is_some();
        if let Some((_, heads)) = self.writer.as_mut()
            && (was.as_ref().is_some_and(is_seen) || is_seen(asset))
        {
            heads.touched.push(Touched { was: was.map(Arc::new), is: Some(Arc::new(asset.clone())) });
        }
        Ok(())
    }
    fn put_generation(&mut self, asset: AssetId, generation: &Generation) -> Result<(), E> {
        generation::put(self.conn, asset, generation)
    }
    fn rekey_asset(&mut self, from: AssetId, to: AssetId, n: u32) -> Result<(), E> {
        // Its nodes, and what went to the trash along with it, speak of it.
        self.memo.nodes.forget_all();
        self.memo.assets.forget_all();
        assets::rekey(self.conn, from, to, n)
    }
    fn remove_asset(&mut self, id: AssetId) -> Result<(), E> {
        // Its backups are nobody's then.
        self.memo.nodes.forget_all();
        self.memo.assets.forget(&id);
        assets::remove(self.conn, id)
    }
    fn add_version(&mut self, version: &VersionRow) -> Result<(), E> {
        versions::add(self.conn, version)
    }
    fn remove_version(&mut self, id: VersionId) -> Result<(), E> {
        versions::remove(self.conn, id)
    }
    fn put_content(&mut self, content: &Content) -> Result<(), E> {
        versions::put_content(self.conn, content)
    }
    fn put_tunnel(&mut self, tunnel: &TunnelRow) -> Result<(), E> {
        entries::put_tunnel(self.conn, tunnel)
    }
    fn remove_tunnel(&mut self, parent: NodeId, name: &FileName) -> Result<(), E> {
        entries::remove_tunnel(self.conn, parent, name)
    }
    fn put_member(&mut self, member: &MemberRow) -> Result<(), E> {
        self.memo.members.forget(&member.id);
        members::put(self.conn, member)
    }
    fn put_factor(&mut self, factor: &FactorRow) -> Result<(), E> {
        factors::put(self.conn, factor)
    }
    fn remove_factor(&mut self, member: MemberId) -> Result<bool, E> {
        factors::remove(self.conn, member)
    }
    fn put_group(&mut self, group: &GroupRow) -> Result<(), E> {
        self.memo.members.forget_all();
        groups::put(self.conn, group)
    }
    fn remove_group(&mut self, name: &str) -> Result<bool, E> {
        self.memo.members.forget_all();
        groups::remove(self.conn, name)
    }
    fn put_seat(&mut self, seat: &GroupSeat) -> Result<(), E> {
        self.memo.members.forget(&seat.member);
        groups::put_seat(self.conn, seat)
    }
    fn remove_seat(&mut self, member: MemberId, group: &str) -> Result<bool, E> {
        self.memo.members.forget(&member);
        groups::remove_seat(self.conn, member, group)
    }
    fn put_seen_login(&mut self, member: MemberId, login: &str) -> Result<(), E> {
        groups::put_seen_login(self.conn, member, login)
    }
    fn remove_seen_login(&mut self, member: MemberId) -> Result<bool, E> {
        groups::remove_seen_login(self.conn, member)
    }
    fn put_folder_rule(&mut self, rule: &FolderRule) -> Result<(), E> {
        self.memo.rules.forget(&rule.folder);
        members::put_folder_rule(self.conn, rule)
    }
    fn remove_folder_rule(&mut self, folder: NodeId, facet: &str) -> Result<(), E> {
        self.memo.rules.forget(&folder);
        members::remove_folder_rule(self.conn, folder, facet)
    }
    fn add_word(&mut self, facet: &str, value: &str) -> Result<(), E> {
        members::add_word(self.conn, facet, value)
    }
    fn remove_word(&mut self, facet: &str, value: &str) -> Result<bool, E> {
        members::remove_word(self.conn, facet, value)
    }
    fn put_saved(&mut self, row: &SavedRow) -> Result<(), E> {
        saved::put(self.conn, row)
    }
    fn remove_saved(&mut self, name: &str, owner: MemberId) -> Result<bool, E> {
        saved::remove(self.conn, name, owner)
    }
    fn put_rendition(&mut self, rendition: &RenditionRow) -> Result<(), E> {
        versions::put_rendition(self.conn, rendition)
    }
    fn put_look(&mut self, look: &LookRow) -> Result<(), E> {
        looks::put(self.conn, look)?;
        if let Some((_, heads)) = self.writer.as_mut() {
            heads.looks.push(look.clone());
        }
        Ok(())
    }
    fn add_inbox(&mut self, row: &InboxRow) -> Result<(), E> {
        feed::add_inbox(self.conn, row)
    }
    fn change(&mut self, kind: ChangeKind, id: &str) -> Result<(), E> {
        let seq = self.last_change()? + 1;
        feed::append(self.conn, seq, kind, id)?;
        if let Some((_, heads)) = self.writer.as_mut() {
            heads.change = Some(seq);
            heads.appended.push(ChangeRow { seq, kind, id: id.to_owned() });
        }
        Ok(())
    }
    fn appended(&self) -> &[ChangeRow] {
        self.writer.as_ref().map_or(&[], |(_, heads)| &heads.appended)
    }
    fn add_audit(&mut self, row: &AuditRow) -> Result<(), E> {
        let known = self.writer.as_ref().and_then(|(_, heads)| heads.audit.get(&row.chain)).map(|head| head.seq);
        let last = match known {
            Some(seq) => Some(seq),
            None => feed::audit_head(self.conn, &row.chain)?.map(|head| head.seq),
        };
        if last.is_some_and(|last| last >= row.seq) {
            return refused(format!("audit chain `{}` has row {} already", row.chain, row.seq));
        }
        feed::add_audit(self.conn, row)?;
        if let Some((_, heads)) = self.writer.as_mut() {
            heads.audit.insert(row.chain.clone(), row.clone());
        }
        Ok(())
    }
    fn add_journal(&mut self, row: &JournalRow) -> Result<(), E> {
        journal::add(self.conn, row)
    }
    fn drop_journal(&mut self, before: Timestamp) -> Result<u64, E> {
        journal::drop_before(self.conn, before)
    }
}
