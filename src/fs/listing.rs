//! What a directory lists: one snapshot, taken when it is opened or rewound, so that names which come and go while somebody reads make no
//! other appear twice or not at all, and the listing ends.
//!
//! Snapshots are shared by all who list the same as the same member until the catalogue changes. What open or staged files know better
//! (sizes, times) is asked when the rows are given out.
//!
//! Who lists everything gets cookies that mean the same in every snapshot. Anybody else gets places in his snapshot, which tell nothing of
//! what is hidden from him. On a personal mount the kernel may keep names and give them to another handle, so there a place also says in which
//! names it is one.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::mount::{Mount, Place, local_folder};
use super::proxies::Stand;
use super::shown::shared_stem;
use super::{FsError, FsResult, NamesKept};
use crate::access::Who;
use crate::catalog::{ChangeKind, NodeKind, NodeStat, ReadTx, TunnelHow};
use crate::ops::folders;
use crate::policy::Verb;
use crate::types::{AssetId, Caller, EntryId, FileName, MemberId, NodeId};
use crate::view::tree::{self, Dir, Item, Leaf, TextFile};

/// Where the cookies of a folder's entries and of a view's own begin; `.` and `..` come before.
const FIRST: u64 = 16;
/// Where the cookies of a view's local files begin: behind every asset.
const LOCAL: u64 = 1 << 62;
/// Rows read from the catalogue at once.
const PAGE: usize = 4_096;
/// Rows that are kept for the next listing, of all directories together: some forty megabytes.
const KEPT_ROWS: usize = 250_000;
/// Changes that a reader of an older snapshot is told apart; behind more, everything may have changed.
const CHANGES: usize = 512;

/// One name of a snapshot.
pub(super) struct Row {
    /// Ascending in a snapshot, and above those of `.` and `..`.
    pub(super) cookie: u64,
    pub(super) name: FileName,
    pub(super) what: What,
}

pub(super) enum What {
    Node {
        stat: NodeStat,
        /// Noted when it is shown, where the asset decides whether the name is.
        asset: Option<AssetId>,
        /// The stem that it shares with others, who may have a part in its name.
        stem: Option<Box<str>>,
        /// What the member sees in its place.
        proxy: Option<Stand>,
    },
    Item(Box<Item>),
}

/// Everything that a directory shows one member, at one moment.
pub(super) struct Snapshot {
    pub(super) rows: Vec<Row>,
    /// The last change that it knows of.
    seq: u64,
    /// Who lists it.
    member: MemberId,
    /// The gate's, read before it was asked who he is. Read behind that, rights that had just ended would pass for those that there are.
    epoch: u64,
    /// What each cookie begins with, where it is a place among these names and the kernel may keep them.
    mark: Option<u64>,
}

impl Snapshot {
    #[cfg(test)]
    pub(super) fn of(rows: Vec<Row>) -> Self {
        Self { rows, seq: 0, member: MemberId::from_bytes([0; 16]), epoch: 0, mark: None }
    }

    /// Whether nothing has changed since it was taken.
    pub(super) fn is_right(&self, mount: &Mount) -> bool {
        self.is_of(mount.library.catalog.committed(), mount.library.gate.epoch())
    }

    const fn is_of(&self, seq: u64, epoch: u64) -> bool {
        self.seq >= seq && self.epoch == epoch
    }

    /// Whether a cookie means the same here as where it was given.
    pub(super) fn knows(&self, cookie: u64) -> bool {
        cookie < FIRST || self.mark.is_none_or(|mark| cookie & MARK_BITS == mark)
    }
}

/// The bits of a cookie that tell in which names it is a place; the one above them is left for who takes places to be signed.
const MARK_BITS: u64 = 0x7fff_ffff << 32;

/// The same for the same names: it tells no more than they do.
fn mark_of(rows: &[Row]) -> u64 {
    let mut names = blake3::Hasher::new();
    for row in rows {
        names.update(row.name.as_bytes()).update(b"/");
    }
    let mut first = [0; 8];
    names.finalize_xof().fill(&mut first);
    u64::from_le_bytes(first) & MARK_BITS
}

/// A directory, as somebody lists it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Where {
    Folder(NodeId),
    View(String),
}

impl Where {
    pub(super) fn of(place: &Place) -> Self {
        match place {
            Place::Folder(folder) => Self::Folder(folder.id),
            Place::View(dir) => Self::View(tree::path_of(dir)),
        }
    }
}

type Key = (MemberId, Where);

/// Snapshots for the next one who lists the same.
#[derive(Default)]
pub(super) struct Snapshots(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    found: HashMap<Key, Arc<Snapshot>>,
    /// Oldest first.
    order: VecDeque<Key>,
    rows: usize,
    /// Those with more rows than are kept, as long as somebody lists them or may be told names of theirs.
    large: HashMap<Key, Weak<Snapshot>>,
}

impl Kept {
    fn remove(&mut self, key: &Key) {
        if let Some(old) = self.found.remove(key) {
            self.rows -= old.rows.len();
            self.order.retain(|k| k != key);
        }
    }
}

impl Snapshots {
    fn get(&self, key: &Key, seq: u64, epoch: u64) -> Option<Arc<Snapshot>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.found.get(key).cloned().or_else(|| kept.large.get(key)?.upgrade());
        found.filter(|s| s.is_of(seq, epoch))
    }

    fn put(&self, key: Key, snapshot: &Arc<Snapshot>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(&key);
        kept.large.retain(|k, large| k != &key && large.strong_count() > 0);
        if snapshot.rows.len() > KEPT_ROWS {
            kept.large.insert(key, Arc::downgrade(snapshot));
            return;
        }
        while kept.rows + snapshot.rows.len() > KEPT_ROWS
            && let Some(oldest) = kept.order.front().cloned()
        {
            kept.remove(&oldest);
        }
        kept.rows += snapshot.rows.len();
        kept.order.push_back(key.clone());
        kept.found.insert(key, Arc::clone(snapshot));
    }
}

/// What has changed since a snapshot was taken: the kernel must not believe the snapshot of that.
#[derive(Default)]
pub(super) struct Moved {
    /// By which rights is told what is told: as of this epoch.
    epoch: u64,
    /// Whether they have changed again.
    rights: bool,
    upto: u64,
    everything: bool,
    names: HashSet<FileName>,
    nodes: HashSet<NodeId>,
    assets: HashSet<AssetId>,
}

impl Moved {
    pub(super) fn since(snapshot: &Snapshot) -> Self {
        Self { upto: snapshot.seq, epoch: snapshot.epoch, ..Self::default() }
    }

    /// Hears of what was committed by now.
    pub(super) fn follow(&mut self, mount: &Mount) -> FsResult<()> {
        self.rights = mount.library.gate.epoch() != self.epoch;
        if self.everything || mount.library.catalog.committed() <= self.upto {
            return Ok(());
        }
        let rows = mount.library.catalog.read(|tx| tx.changes_after(self.upto, CHANGES))?;
        self.everything = rows.len() == CHANGES;
        for row in rows {
            self.upto = row.seq;
            match row.kind {
                ChangeKind::Node => self.nodes.extend(row.id.parse().ok().map(NodeId)),
                ChangeKind::Entry => self.names.extend(folders::parse_entry_change_id(&row.id).map(|(_, name)| name)),
                ChangeKind::Asset => self.assets.extend(row.id.parse::<AssetId>().ok()),
                ChangeKind::Access | ChangeKind::Saved => self.everything = true,
                ChangeKind::Inbox | ChangeKind::Word => {}
            }
        }
        Ok(())
    }

    /// A right that was withdrawn ends a listing under way, too: what is asked for from now on is told as of now. Asks who he is when he was asked in
    /// an older epoch, and gives who he is by now; and, when each name is to be asked for anew, where.
    pub(super) fn recheck(
        &mut self,
        mount: &Mount,
        caller: &Caller,
        (who, asked): (Arc<Who>, u64),
        place: &Place,
        snapshot: &Snapshot,
    ) -> FsResult<(Arc<Who>, Option<Place>)> {
        let epoch = mount.library.gate.epoch();
        let who = if asked == epoch { who } else { mount.who(caller)? };
        self.epoch = epoch;
        // The handle may have come from another.
        let is_his = snapshot.member == who.id;
        let hides_nothing = who.subject.allows_everything(Verb::List) && who.subject.finds_files_themselves();
        if is_his && (snapshot.epoch == epoch || hides_nothing) {
            return Ok((who, None));
        }
        let place = mount.library.catalog.read(|tx| -> FsResult<_> {
            Ok(match place {
                Place::Folder(folder) => Place::Folder(folder.clone()),
                Place::View(dir) => Place::View(mount.again(tx, &who, dir)?),
            })
        })?;
        Ok((who, Some(place)))
    }

    pub(super) fn touched(&self, row: &Row) -> bool {
        self.everything
            || self.rights
            || self.names.contains(&row.name)
            || match &row.what {
                What::Node { stat, asset, stem, .. } => {
                    self.nodes.contains(&stat.id)
                        || asset.is_some_and(|id| self.assets.contains(&id))
                        || (stem.is_some() && !self.assets.is_empty())
                }
                What::Item(_) => !self.nodes.is_empty() || !self.names.is_empty() || !self.assets.is_empty(),
            }
    }
}

impl Mount {
    /// Whether no change tells when a place shows something else: nobody may keep what it shows.
    fn follows_clock(&self, place: &Place) -> bool {
        matches!(place, Place::View(dir) if tree::follows_clock(dir, || self.library.lacks()))
    }

    /// What is kept of a directory for this member, if it is still right.
    fn kept(&self, key: &Key) -> Option<Arc<Snapshot>> {
        self.snapshots.get(key, self.library.catalog.committed(), self.library.gate.epoch())
    }

    /// Whether the kernel may keep the names of a directory that is being opened, whether those that it kept are still right, and which they are.
    pub(super) fn names_kept(&self, who: &Who, ino: u64, place: &Place) -> (NamesKept, Option<Arc<Snapshot>>) {
        if self.ttl().is_zero() || self.follows_clock(place) {
            return (NamesKept::Never, None);
        }
        let kept = self.kept(&(who.id, Where::of(place)));
        (self.given.open(ino, kept.as_ref(), self.library.clock.now()), kept)
    }

    /// What a directory shows this member now: kept from before, or read from the catalogue. `epoch` was read before it was asked who he is.
    pub(super) fn snapshot(&self, who: &Who, place: &Place, epoch: u64) -> FsResult<Arc<Snapshot>> {
        let key = (who.id, Where::of(place));
        let follows_clock = self.follows_clock(place);
        if let Some(kept) = self.kept(&key).filter(|_| !follows_clock) {
            return Ok(kept);
        }
        let stable = who.subject.allows_everything(Verb::List);
        let taken = self.library.catalog.read(|tx| -> FsResult<_> {
            let seq = tx.last_change()?;
            let mut rows = match place {
                Place::Folder(folder) => self.folder_rows(tx, who, folder.id)?,
                Place::View(dir) => self.view_rows(tx, who, &self.again(tx, who, dir)?)?,
            };
            let mark = (!stable && !self.ttl().is_zero()).then(|| mark_of(&rows));
            if !stable {
                for (place, row) in (FIRST..).zip(&mut rows) {
                    row.cookie = mark.unwrap_or(0) | place;
                }
            }
            Ok(Snapshot { rows, seq, member: who.id, epoch, mark })
        })?;
        let taken = Arc::new(taken);
        if !follows_clock {
            self.snapshots.put(key, &taken);
        }
        Ok(taken)
    }

    fn folder_rows(&self, tx: &dyn ReadTx, who: &Who, folder: NodeId) -> FsResult<Vec<Row>> {
        let mut rows = Vec::new();
        if folder == NodeId::INBOX {
            let report = Box::new(Item::Text(TextFile::InboxReport));
            let name = FileName::try_from(".report")?;
            rows.push(Row { cookie: FIRST - 1, name, what: What::Item(report) });
        }
        let masked = match who.subject.allows_everything(Verb::List) {
            true => self.few_masked(tx, who)?,
            false => None,
        };
        let Some(masked) = masked else {
            self.known_rows(tx, who, folder, FIRST, None, &mut rows)?;
            return Ok(rows);
        };
        if !masked.is_empty() {
            self.all_rows(tx, who, folder, &masked, &mut rows)?;
            return Ok(rows);
        }
        let mut after = EntryId(0);
        loop {
            let page = tx.folder_rows(folder, after, PAGE)?;
            let Some(last) = page.last() else { return Ok(rows) };
            after = last.entry;
            rows.extend(page.into_iter().map(|row| {
                let what = What::Node { stat: row.node, asset: None, stem: None, proxy: None };
                Row { cookie: FIRST + row.entry.0, name: row.name, what }
            }));
        }
    }

    /// The names of a folder for who lists everything: records are loaded of what may have something else in its place.
    fn all_rows(
        &self,
        tx: &dyn ReadTx,
        who: &Who,
        folder: NodeId,
        masked: &HashSet<AssetId>,
        rows: &mut Vec<Row>,
    ) -> FsResult<()> {
        let mut after = EntryId(0);
        loop {
            let page = tx.entries(folder, after, PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = last.id;
            for (entry, node) in page {
                // What has no version yet is found by no query.
                let may_be = node.asset.filter(|id| node.content.is_none() || masked.contains(id));
                let asset = may_be.map(|id| tx.asset(id)).transpose()?.flatten();
                let proxy = asset.and_then(|asset| self.masked(who, &asset, node.id));
                let what = What::Node { stat: NodeStat::from(&node), asset: node.asset, stem: None, proxy };
                rows.push(Row { cookie: FIRST + entry.id.0, name: entry.name, what });
            }
        }
    }

    /// The names of a folder that the member may know, each decided by itself.
    fn known_rows(
        &self,
        tx: &dyn ReadTx,
        who: &Who,
        folder: NodeId,
        first: u64,
        view: Option<&Dir>,
        rows: &mut Vec<Row>,
    ) -> FsResult<()> {
        let mut after = EntryId(0);
        loop {
            let page = tx.entries(folder, after, PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = last.id;
            for (entry, node) in page {
                if node.kind == NodeKind::Dir
                    && let Some(item) = view.map(|dir| self.binned(tx, who, dir, &node)).transpose()?.flatten()
                {
                    rows.push(Row { cookie: first + entry.id.0, name: entry.name, what: What::Item(Box::new(item)) });
                    continue;
                }
                let (node, asset) = match self.known(tx, who, node) {
                    Ok(known) => known,
                    Err(FsError::NotFound) => continue,
                    Err(e) => return Err(e),
                };
                let what = What::Node {
                    stat: NodeStat::from(&node),
                    asset: node.asset,
                    stem: None,
                    proxy: asset.and_then(|a| self.masked(who, &a, node.id)),
                };
                rows.push(Row { cookie: first + entry.id.0, name: entry.name, what });
            }
        }
    }

    fn view_rows(&self, tx: &dyn ReadTx, who: &Who, dir: &Dir) -> FsResult<Vec<Row>> {
        let tree = self.tree(tx, who);
        let mut locals = Vec::new();
        let mut hidden = HashSet::new();
        if let Some(local) = local_folder(tx, dir)? {
            self.known_rows(tx, who, local, LOCAL, Some(dir), &mut locals)?;
            hidden.extend(locals.iter().map(|row| row.name.clone()));
            let aside = tx.tunnels_in(local)?.into_iter().filter(|tunnel| tunnel.how == TunnelHow::AsideInView);
            hidden.extend(aside.map(|tunnel| tunnel.name));
        }
        // Only of what has something else in its place the records themselves are necessary.
        let masked = self.all_masked(tx, who)?;
        // Values are gathered anew for each page; they are few beside files.
        let limit = if matches!(dir, Dir::Field(_) | Dir::NarrowField(..) | Dir::Saved) { usize::MAX } else { PAGE };
        let mut rows = Vec::new();
        let mut after = 0;
        loop {
            let page = tree.list(dir, after, limit)?;
            let Some((last, ..)) = page.last() else { break };
            after = *last;
            // At once: what growing copies and takes ahead would be a hundred megabytes in a large view.
            if page.len() == PAGE && rows.is_empty() {
                let files = usize::try_from(tree.files(dir)?).unwrap_or(0);
                rows.reserve_exact(files.saturating_add(page.len()).saturating_add(locals.len()));
            }
            for (cookie, name, leaf) in page {
                if hidden.contains(&name) {
                    continue;
                }
                let what = match leaf {
                    Leaf::File(row) => {
                        let asset = if masked.contains(&row.ordinal) { tx.asset(row.asset)? } else { None };
                        let proxy = asset.and_then(|a| self.masked(who, &a, row.node.id));
                        let stem = shared_stem(&row.view_name, row.marked_name.as_deref());
                        What::Node { stat: row.node, asset: Some(row.asset), stem, proxy }
                    }
                    Leaf::Item(item) => match item.as_ref() {
                        Item::Asset(asset) | Item::Trashed(asset) => {
                            let node = asset.node.map(|n| tx.node(n)).transpose()?.flatten();
                            let Some(node) = node else { continue };
                            let proxy = self.masked(who, asset, node.id);
                            let stem = shared_stem(&asset.view_name, asset.marked_name.as_deref());
                            What::Node { stat: NodeStat::from(&node), asset: Some(asset.id), stem, proxy }
                        }
                        _ => What::Item(item),
                    },
                };
                rows.push(Row { cookie: FIRST + cookie, name, what });
            }
        }
        rows.extend(locals);
        Ok(rows)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::view::tree::WhyTarget;

    fn rows(count: usize) -> Arc<Snapshot> {
        let row = |cookie| Row {
            cookie,
            name: FileName::try_from("a").unwrap(),
            what: What::Item(Box::new(Item::Why(WhyTarget::Asset(AssetId::from_bytes([1; 16]))))),
        };
        Arc::new(Snapshot::of((1..).take(count).map(row).collect()))
    }

    /// Two of a large view at once took twice its memory.
    #[test]
    fn a_large_listing_is_shared_while_it_lasts_and_not_kept() {
        let snapshots = Snapshots::default();
        let key = |name: &str| (MemberId::from_bytes([1; 16]), Where::View(name.into()));
        let get = |name: &str, seq| snapshots.get(&key(name), seq, 0);
        let (small, large) = (rows(1), rows(KEPT_ROWS + 1));
        snapshots.put(key("small"), &small);
        snapshots.put(key("large"), &large);
        assert!(get("large", 0).is_some_and(|found| Arc::ptr_eq(&found, &large)));
        assert!(get("large", 1).is_none(), "of another moment");
        assert!(get("small", 0).is_some(), "stays beside it");
        drop((small, large));
        assert!(get("large", 0).is_none() && get("small", 0).is_some());
        snapshots.put(key("other"), &rows(KEPT_ROWS + 1));
        assert_eq!(snapshots.0.lock().unwrap().large.len(), 1, "what is gone is not remembered");
    }
}
