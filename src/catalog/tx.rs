//! The row store that an engine offers inside one transaction.

use damfs_policy::{Expr, Field};

use super::CatalogError as E;
use super::groups::{GroupRow, GroupSeat};
use super::journal::{JournalRow, Signature, TurnRow};
use super::keys::{Key, KeyValue};
use super::rows::*;
use crate::types::{
    AssetId, Content, ContentId, EntryId, FileName, Generation, MemberId, NodeId, RenditionNo, Timestamp, VersionId,
    VersionNo,
};

/// Numbers that are handed out once and never again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counter {
    Node,
    Entry,
    Version,
    Rendition,
    /// Asset ordinals.
    Asset,
    Inbox,
    Turn,
    /// Rows of the journal.
    Journal,
}

/// One extended attribute: name and value.
pub type Xattr = (Vec<u8>, Vec<u8>);

/// Reads of one consistent state.
pub trait ReadTx {
    fn meta(&self, key: &str) -> Result<Option<String>, E>;
    /// Settings whose keys begin so, with their values, by key.
    fn metas(&self, beginning: &str) -> Result<Vec<(String, String)>, E>;

    fn node(&self, id: NodeId) -> Result<Option<NodeRow>, E>;
    /// Nodes with a staging file.
    fn staged_nodes(&self) -> Result<Vec<NodeId>, E>;
    /// Files of published assets that nothing was ever written to.
    fn unwritten_nodes(&self) -> Result<Vec<NodeRow>, E>;
    /// Nodes of one class (for the sweeps over scratch and inbox nodes).
    fn nodes_of_class(&self, class: NodeClass) -> Result<Vec<NodeRow>, E>;
    /// File, symlink, pipe and socket nodes without any name that no asset holds: left by a crash while open.
    fn orphan_nodes(&self) -> Result<Vec<NodeId>, E>;

    fn entry(&self, parent: NodeId, name: &FileName) -> Result<Option<EntryRow>, E>;
    fn entry_by_id(&self, id: EntryId) -> Result<Option<EntryRow>, E>;
    /// Entries with an id above `after`, in id order, at most `limit`, each with its node.
    fn entries(&self, parent: NodeId, after: EntryId, limit: usize) -> Result<Vec<(EntryRow, NodeRow)>, E>;
    /// As [`ReadTx::entries`], with only what a listing shows.
    fn folder_rows(&self, parent: NodeId, after: EntryId, limit: usize) -> Result<Vec<FolderRow>, E>;
    /// Entries whose names begin so, in name order.
    fn entries_named(&self, parent: NodeId, beginning: &[u8]) -> Result<Vec<EntryRow>, E>;
    fn has_entries(&self, parent: NodeId) -> Result<bool, E>;
    /// Whether a folder holds, however deep, an asset that `find` would give, or a folder that the member made.
    fn holds(&self, folder: NodeId, query: &Expr, made_by: Option<MemberId>) -> Result<bool, E>;
    /// Every name of a node.
    fn names_of(&self, node: NodeId) -> Result<Vec<EntryRow>, E>;

    fn xattr(&self, node: NodeId, name: &[u8]) -> Result<Option<Vec<u8>>, E>;
    /// Names and values in name order.
    fn xattrs(&self, node: NodeId) -> Result<Vec<Xattr>, E>;

    fn asset(&self, id: AssetId) -> Result<Option<Asset>, E>;
    /// How an asset's file was generated, as it says or said.
    fn generation(&self, asset: AssetId) -> Result<Option<Generation>, E>;
    /// Another asset, any, that has this stem (a name without its last extension) in its view name or its marked name.
    fn namesake(&self, stem: &str, of: AssetId) -> Result<Option<Asset>, E>;
    /// Which of the assets that satisfy the query, wherever they are and published or not, a stem belongs to: the one that has it in its
    /// marked name, else the one that was named first of those that have it in their view name.
    fn stem_holder(&self, stem: &str, query: &Expr) -> Result<Option<AssetId>, E>;
    /// Published assets (with a head) that match, with an ordinal above `after`, in ordinal order, at most `limit`.
    /// Trashed ones only when the query speaks of [`Field::State`] itself.
    fn find(&self, query: &Expr, after: u64, limit: usize) -> Result<Vec<Asset>, E>;
    /// The ordinals of all that `find` would give, in order.
    fn numbers(&self, query: &Expr) -> Result<Vec<u64>, E>;
    /// As `numbers`, each with one value; `None` where the asset has none.
    fn keys(&self, query: &Expr, key: Key) -> Result<Vec<(u64, Option<KeyValue>)>, E>;
    /// The ordinals of all that a member owns, wherever it is, published or not, in order.
    fn owned(&self, owner: MemberId) -> Result<Vec<u64>, E>;
    /// The assets of these ordinals, which are in order, whatever they are; one that is not there is left out.
    fn assets(&self, ordinals: &[u64]) -> Result<Vec<Asset>, E>;
    /// Those that `find` would give and whose bytes are there, with only what a listing shows.
    fn view_rows(&self, query: &Expr, after: u64, limit: usize) -> Result<Vec<ViewRow>, E>;
    /// Whether the asset is among those that `find` would give.
    fn finds(&self, query: &Expr, asset: AssetId) -> Result<bool, E>;
    /// How many `find` would give.
    fn count(&self, query: &Expr) -> Result<u64, E>;
    /// Values of a text field among those that `find` would give, with their counts, in value order; of digits ([`Field::is_digits`]) those
    /// that two or more of them have.
    fn values(&self, field: &Field, within: &Expr) -> Result<Vec<(String, u64)>, E>;
    /// Asset ids with these exact current bytes.
    fn assets_with_content(&self, content: ContentId) -> Result<Vec<AssetId>, E>;

    /// What went to the trash along with this asset, and is there.
    fn trashed_with(&self, asset: AssetId) -> Result<Vec<AssetId>, E>;
    /// Assets that were put in the trash before that time and whose file is kept still, the oldest first, at most `limit`.
    fn trashed_before(&self, time: Timestamp, limit: usize) -> Result<Vec<AssetId>, E>;

    fn version(&self, id: VersionId) -> Result<Option<VersionRow>, E>;
    fn version_by_no(&self, no: VersionNo) -> Result<Option<VersionRow>, E>;
    /// In order of `n`; numbers of versions that were thinned out are missing.
    fn versions(&self, asset: AssetId) -> Result<Vec<VersionRow>, E>;

    /// Every version, earlier ones too, with exactly these bytes, in the order in which they were made.
    fn versions_with_content(&self, content: ContentId) -> Result<Vec<VersionRow>, E>;

    /// Assets with more than `most` versions, and an id above `after`, in id order, at most `limit`.
    fn assets_with_versions(&self, most: usize, after: Option<AssetId>, limit: usize) -> Result<Vec<AssetId>, E>;

    fn content(&self, id: ContentId) -> Result<Option<Content>, E>;
    /// Every content row (for fsck and gc).
    fn contents(&self) -> Result<Vec<Content>, E>;

    fn tunnel(&self, parent: NodeId, name: &FileName) -> Result<Option<TunnelRow>, E>;
    /// Tunnels made before that time.
    fn tunnels_before(&self, time: Timestamp) -> Result<Vec<TunnelRow>, E>;
    /// The names in a directory that went away and may come back.
    fn tunnels_in(&self, parent: NodeId) -> Result<Vec<TunnelRow>, E>;
    fn tunnels_of(&self, asset: AssetId) -> Result<Vec<TunnelRow>, E>;

    fn member(&self, id: MemberId) -> Result<Option<MemberRow>, E>;
    fn member_by_name(&self, name: &str) -> Result<Option<MemberRow>, E>;
    fn member_by_uid(&self, uid: u32) -> Result<Option<MemberRow>, E>;
    /// In name order.
    fn members(&self) -> Result<Vec<MemberRow>, E>;
    fn factor(&self, member: MemberId) -> Result<Option<FactorRow>, E>;
    /// Of every member who has one, in the order of their ids.
    fn factors(&self) -> Result<Vec<FactorRow>, E>;

    /// Groups of the system whose people are members, in name order.
    fn groups(&self) -> Result<Vec<GroupRow>, E>;
    /// Where a member sits, in the order of groups.
    fn seats_of(&self, member: MemberId) -> Result<Vec<GroupSeat>, E>;
    /// As which login a member was in a group; `None` when he never was since an admin named his user id.
    fn seen_login(&self, member: MemberId) -> Result<Option<String>, E>;
    fn folder_rules(&self, folder: NodeId) -> Result<Vec<FolderRule>, E>;
    /// Values made by mkdir in an open vocabulary that no asset uses yet.
    fn vocabulary(&self, facet: &str) -> Result<Vec<String>, E>;
    /// Every saved query, expired or not, in the order of names, then of owners.
    fn saved(&self) -> Result<Vec<SavedRow>, E>;
    /// The saved queries of that name, in the order of owners.
    fn saved_as(&self, name: &str) -> Result<Vec<SavedRow>, E>;

    fn rendition(&self, content: ContentId, recipe: &[u8; 32], renderer: u32) -> Result<Option<RenditionRow>, E>;
    fn rendition_by_no(&self, no: RenditionNo) -> Result<Option<RenditionRow>, E>;
    /// Those whose bytes have this hash, in the order of their numbers.
    fn renditions_with_hash(&self, hash: &[u8; 32]) -> Result<Vec<RenditionRow>, E>;
    /// What was ever rendered, each once.
    fn rendered_contents(&self) -> Result<Vec<ContentId>, E>;

    fn look(&self, content: ContentId) -> Result<Option<LookRow>, E>;
    /// Published images with an ordinal above `after` whose current bytes were not looked at in this way, and these bytes; in ordinal order,
    /// at most `limit`.
    fn unlooked(&self, way: u32, after: u64, limit: usize) -> Result<Vec<(u64, ContentId)>, E>;
    /// Pictures that look alike among those that `find` would give, by groups of two contents or more, each in the order of its first
    /// assets; or the group of one content.
    fn alike(&self, within: &Expr, of: Option<ContentId>) -> Result<Vec<Vec<Alike>>, E>;
    /// The contents that differ from a look in so many bits at most: their digits, and in how many; the nearest first.
    fn around(&self, look: u64, most: u32) -> Result<Vec<(String, u32)>, E>;

    /// Newest first.
    fn inbox_report(&self, limit: usize) -> Result<Vec<InboxRow>, E>;

    /// Rows after `seq`, in order.
    fn changes_after(&self, seq: u64, limit: usize) -> Result<Vec<ChangeRow>, E>;
    fn last_change(&self) -> Result<u64, E>;

    fn audit_head(&self, chain: &str) -> Result<Option<AuditRow>, E>;
    /// Rows of a chain after `seq`, in order.
    fn audit_after(&self, chain: &str, seq: u64, limit: usize) -> Result<Vec<AuditRow>, E>;
    fn audit_chains(&self) -> Result<Vec<String>, E>;

    /// Turns with a number below `before`, the newest first: a member's, or everybody's.
    fn turns(&self, of: Option<MemberId>, before: u64, limit: usize) -> Result<Vec<TurnRow>, E>;
    /// The journal's rows of one turn, in order.
    fn turn(&self, no: u64) -> Result<Vec<JournalRow>, E>;
    /// The journal's rows after `seq`, in order.
    fn journal_after(&self, seq: u64, limit: usize) -> Result<Vec<JournalRow>, E>;
}

/// Writes of one transaction, seen by its own reads. Everything or nothing.
pub trait WriteTx: ReadTx {
    fn set_meta(&mut self, key: &str, value: &str) -> Result<(), E>;
    /// The next number; never given again, not even when this transaction is undone and run again (gaps are fine).
    fn next(&mut self, counter: Counter) -> Result<u64, E>;
    /// Numbers up to this one are never given any more.
    fn pass_over(&mut self, counter: Counter, upto: u64) -> Result<(), E>;

    /// Inserts or replaces.
    fn put_node(&mut self, node: &NodeRow) -> Result<(), E>;
    /// Removes the node and its xattrs; refused while a name or an asset holds it.
    fn remove_node(&mut self, id: NodeId) -> Result<(), E>;

    /// Inserts; refused when the name is taken.
    fn add_entry(&mut self, entry: &EntryRow) -> Result<(), E>;
    /// Points an entry at another node; its id stays.
    fn repoint_entry(&mut self, entry: EntryId, node: NodeId) -> Result<(), E>;
    fn remove_entry(&mut self, entry: EntryId) -> Result<(), E>;

    fn set_xattr(&mut self, node: NodeId, name: &[u8], value: &[u8]) -> Result<(), E>;
    fn remove_xattr(&mut self, node: NodeId, name: &[u8]) -> Result<bool, E>;

    /// Inserts or replaces the whole record.
    fn put_asset(&mut self, asset: &Asset) -> Result<(), E>;
    /// Gives an asset of one version another id, and that version another number. Refused when the id is taken, or there are more versions:
    /// an asset that has lived here keeps its own.
    fn rekey_asset(&mut self, from: AssetId, to: AssetId, n: u32) -> Result<(), E>;
    /// Inserts or replaces; refused when there is no such asset.
    fn put_generation(&mut self, asset: AssetId, generation: &Generation) -> Result<(), E>;
    /// Only for provisional ones that never had a version. Backups of its bytes are nobody's then.
    fn remove_asset(&mut self, id: AssetId) -> Result<(), E>;

    fn add_version(&mut self, version: &VersionRow) -> Result<(), E>;
    /// Refused for one that is not there, the asset's last one (or its number would be given again), and one that a verdict is bound to.
    /// The journal has no step of it: it cannot be taken back.
    fn remove_version(&mut self, id: VersionId) -> Result<(), E>;
    /// Inserts; the same row again is fine.
    fn put_content(&mut self, content: &Content) -> Result<(), E>;

    /// Inserts or replaces by (parent, name).
    fn put_tunnel(&mut self, tunnel: &TunnelRow) -> Result<(), E>;
    fn remove_tunnel(&mut self, parent: NodeId, name: &FileName) -> Result<(), E>;

    /// Inserts or replaces; names and uids are unique.
    fn put_member(&mut self, member: &MemberRow) -> Result<(), E>;

    /// Inserts or replaces by member. No undo takes it back.
    fn put_factor(&mut self, factor: &FactorRow) -> Result<(), E>;
    /// Whether there was one.
    fn remove_factor(&mut self, member: MemberId) -> Result<bool, E>;

    /// Inserts or replaces by name. No undo takes it back, nor what follows.
    fn put_group(&mut self, group: &GroupRow) -> Result<(), E>;
    /// Its seats go with it. Whether it was there.
    fn remove_group(&mut self, name: &str) -> Result<bool, E>;
    /// Inserts or replaces by member and group.
    fn put_seat(&mut self, seat: &GroupSeat) -> Result<(), E>;
    /// Inserts or replaces by member.
    fn put_seen_login(&mut self, member: MemberId, login: &str) -> Result<(), E>;
    /// Whether there was one.
    fn remove_seen_login(&mut self, member: MemberId) -> Result<bool, E>;
    /// Whether he was in.
    fn remove_seat(&mut self, member: MemberId, group: &str) -> Result<bool, E>;

    fn put_folder_rule(&mut self, rule: &FolderRule) -> Result<(), E>;
    fn remove_folder_rule(&mut self, folder: NodeId, facet: &str) -> Result<(), E>;
    fn add_word(&mut self, facet: &str, value: &str) -> Result<(), E>;
    fn remove_word(&mut self, facet: &str, value: &str) -> Result<bool, E>;
    /// Inserts or replaces by (name, owner).
    fn put_saved(&mut self, saved: &SavedRow) -> Result<(), E>;
    /// Whether it was there.
    fn remove_saved(&mut self, name: &str, owner: MemberId) -> Result<bool, E>;

    fn put_rendition(&mut self, rendition: &RenditionRow) -> Result<(), E>;
    /// Inserts or replaces by content.
    fn put_look(&mut self, look: &LookRow) -> Result<(), E>;
    fn add_inbox(&mut self, row: &InboxRow) -> Result<(), E>;

    /// Appends to the change feed.
    fn change(&mut self, kind: ChangeKind, id: &str) -> Result<(), E>;
    /// What this transaction has appended to the change feed, in order.
    fn appended(&self) -> &[ChangeRow];
    /// Appends; the store refuses changes and removals of audit rows. Only `crate::audit` calls it.
    fn add_audit(&mut self, row: &AuditRow) -> Result<(), E>;

    /// Says by whose hand this transaction changes what it changes. Heard by the journal, which [`super::Catalog::write`] keeps.
    fn sign(&mut self, _by: &Signature) {}
    /// Appends. Only the journal's recorder calls it.
    fn add_journal(&mut self, row: &JournalRow) -> Result<(), E>;
    /// Removes the oldest rows, up to the first that is not from before that time; how many.
    fn drop_journal(&mut self, before: Timestamp) -> Result<u64, E>;
}

/// A store of rows.
pub trait Engine: Send + Sync + 'static {
    /// Runs a read on one consistent state.
    fn read(&self, f: &mut dyn FnMut(&dyn ReadTx) -> Result<(), E>) -> Result<(), E>;
    /// Runs a write; commits when `f` is `Ok`, undoes everything otherwise.
    fn write(&self, f: &mut dyn FnMut(&mut dyn WriteTx) -> Result<(), E>) -> Result<(), E>;
    /// Returns when everything committed so far survives a power cut.
    fn barrier(&self) -> Result<(), E>;
    /// Makes an index of queries for the reads of a long life, unless there is one; whoever asks few questions does without. Reads and
    /// writes go on meanwhile.
    fn index(&self) -> Result<(), E> {
        Ok(())
    }
    /// Leaves the index, if there is one, for the next process that makes one.
    fn keep_index(&self) -> Result<(), E> {
        Ok(())
    }
    /// Whether queries are answered by an index.
    fn has_index(&self) -> bool {
        false
    }
    /// The engine's own integrity check: one line per fault.
    fn check(&self) -> Result<Vec<String>, E>;
}
