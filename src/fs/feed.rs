//! From the catalogue's change feed to what the kernel is to forget. One thread per mount reads the feed; the adapter's notifier
//! thread passes the result on, so that no handler ever waits for a notification.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::mount::Mount;
use super::{FsError, FsResult, Invalidation};
use crate::catalog::{CatalogError, ChangeKind, ChangeRow, ReadTx, view_stem};
use crate::ops::{CHAIN, Library, folders};
use crate::types::{AssetId, NodeId, Timestamp};
use crate::view::tree::saved::MARK;

/// How many changes are read at once.
const PAGE: usize = 512;

/// When the last change on record was made.
fn recorded(tx: &dyn ReadTx) -> FsResult<Timestamp> {
    Ok(tx.audit_head(CHAIN)?.map_or(Timestamp::EPOCH, |row| row.at))
}

pub(super) struct Feed {
    out: Sender<Invalidation>,
    inbound: Receiver<Invalidation>,
    wake: Receiver<()>,
    seen: AtomicU64,
    /// When the last change on record was made, and the last change of all at that time.
    changed: Mutex<(u64, Timestamp)>,
    /// The last change that the kernel has been told of.
    told: Mutex<u64>,
    more_told: Condvar,
}

impl Feed {
    pub(super) fn new(library: &Arc<Library>) -> FsResult<Self> {
        let (out, inbound) = unbounded();
        let (waker, wake) = bounded(1);
        let (seen, changed) = library.catalog.read(|tx| Ok::<_, FsError>((tx.last_change()?, recorded(tx)?)))?;
        // Full means that a wake-up is on its way already.
        library.catalog.listen(Box::new(move |_| {
            let _ = waker.try_send(());
        }));
        Ok(Self {
            out,
            inbound,
            wake,
            seen: AtomicU64::new(seen),
            changed: Mutex::new((seen, changed)),
            told: Mutex::new(seen),
            more_told: Condvar::new(),
        })
    }

    pub(super) fn receiver(&self) -> Receiver<Invalidation> {
        self.inbound.clone()
    }

    pub(super) fn told(&self, seq: u64) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        *told = seq.max(*told);
        self.more_told.notify_all();
    }

    /// Whether the kernel has yet to be told of something that is committed.
    pub(super) fn is_behind(&self, library: &Library) -> bool {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) < library.catalog.committed()
    }

    pub(super) fn wait_told(&self, seq: u64, within: Duration) -> bool {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.more_told.wait_timeout_while(told, within, |told| *told < seq);
        *waited.unwrap_or_else(PoisonError::into_inner).0 >= seq
    }

    /// When the last change on record was made.
    pub(super) fn changed(&self, library: &Library) -> Timestamp {
        let upto = library.catalog.committed();
        let mut known = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        if known.0 < upto {
            match library.catalog.read(recorded) {
                Ok(at) => *known = (upto, at),
                Err(e) => {
                    tracing::warn!(error = %e, "the last change on record could not be read; directories show an older time")
                }
            }
        }
        known.1
    }
}

/// Starts the thread that follows the feed; it ends with the mount.
pub(super) fn start(mount: &Arc<Mount>) {
    let weak = Arc::downgrade(mount);
    let wake = mount.feed.wake.clone();
    let follow = move || {
        while let Some(mount) = weak_after(&weak, &wake) {
            mount.follow();
        }
    };
    if let Err(e) = std::thread::Builder::new().name("damfs-feed".into()).spawn(follow) {
        tracing::error!(error = %e, "the change feed cannot be followed; names may be a second old");
    }
}

fn weak_after(weak: &Weak<Mount>, wake: &Receiver<()>) -> Option<Arc<Mount>> {
    loop {
        match wake.recv_timeout(Duration::from_secs(1)) {
            Ok(()) => return weak.upgrade(),
            Err(crossbeam_channel::RecvTimeoutError::Timeout) => {
                let mount = weak.upgrade()?;
                mount.shown.forget_old(mount.library.clock.now());
            }
            Err(crossbeam_channel::RecvTimeoutError::Disconnected) => return None,
        }
    }
}

impl Mount {
    fn follow(&self) {
        loop {
            let from = self.feed.seen.load(Ordering::SeqCst);
            let rows = match self.library.catalog.changes(from, self.library.catalog.committed(), PAGE) {
                Ok(rows) => rows,
                Err(e) => {
                    tracing::warn!(error = %e, "the change feed could not be read; names may be a second old");
                    return;
                }
            };
            let Some(last) = rows.last() else { return };
            self.feed.seen.store(last.seq, Ordering::SeqCst);
            // Before anything is taken back: whoever was answered by the rights of before finds that they have changed, or is told.
            self.library.gate.hear(&rows);
            self.invalidate(&rows);
            self.withdraw(&rows);
            for ino in self.given.drop_all() {
                self.send(Invalidation::Inode { ino, bytes: true });
            }
            self.send(Invalidation::Reached { seq: last.seq });
            if rows.len() < PAGE {
                return;
            }
        }
    }

    /// Takes the cached pages of what an open handle may no longer do: the kernel would read them, and write them through a mapping,
    /// without asking. Reads under way fail by themselves; the kernel waits for them before it lets go of the pages.
    fn withdraw(&self, rows: &[ChangeRow]) {
        if !rows.iter().any(|row| matches!(row.kind, ChangeKind::Access | ChangeKind::Asset)) {
            return;
        }
        for (ino, rights) in self.handles.rights() {
            if rights.check(self).is_err() {
                self.send(Invalidation::Inode { ino, bytes: true });
            }
        }
    }

    fn invalidate(&self, rows: &[ChangeRow]) {
        if self.ttl().is_zero() {
            return;
        }
        let mut assets = HashSet::new();
        for row in rows {
            match row.kind {
                ChangeKind::Node => {
                    if let Ok(id) = row.id.parse() {
                        self.send(Invalidation::Inode { ino: self.inodes.node(NodeId(id)), bytes: false });
                    }
                }
                ChangeKind::Entry => {
                    if let Some((parent, name)) = folders::parse_entry_change_id(&row.id) {
                        let parent = self.inodes.node(parent);
                        self.send(Invalidation::Name { parent, name: name.as_bytes().to_vec() });
                    }
                }
                ChangeKind::Asset => assets.extend(row.id.parse::<AssetId>()),
                ChangeKind::Access => self.send_all(self.shown.drain()),
                ChangeKind::Saved => self.take_back_saved(&row.id),
                ChangeKind::Inbox | ChangeKind::Word => {}
            }
        }
        // Views may show an asset no longer, or call its namesakes otherwise: their names there are taken back.
        if !assets.is_empty() {
            self.send_all(self.shown.of(&assets, &self.stems_of(&assets)));
        }
    }

    /// The stems by which assets have a part in the names of others, when any of those may be known to the kernel.
    fn stems_of(&self, assets: &HashSet<AssetId>) -> HashSet<String> {
        if !self.shown.has_stems() {
            return HashSet::new();
        }
        let read = self.library.catalog.read(|tx| {
            let mut stems = HashSet::new();
            for asset in assets {
                let found = tx.asset(*asset)?;
                let names = found.iter().flat_map(|a| [Some(&a.view_name), a.marked_name.as_ref()]).flatten();
                stems.extend(names.map(|name| view_stem(name).to_owned()));
            }
            Ok(stems)
        });
        read.unwrap_or_else(|e: CatalogError| {
            tracing::warn!(error = %e, "changed assets could not be read; names may be a second old");
            HashSet::new()
        })
    }

    /// A saved query has another name or none, or asks something else: its names are looked for again.
    fn take_back_saved(&self, id: &str) {
        let Some((owner, name)) = id.split_once('/') else { return };
        let owner = owner.parse().ok().map(|owner| self.library.catalog.read(|tx| tx.member(owner)));
        let marked = match owner {
            Some(Ok(Some(owner))) => Some(format!("{name}{MARK}{}", owner.name)),
            _ => None,
        };
        let parent = self.inodes.directory("saved");
        for name in marked.into_iter().chain([name.to_owned()]) {
            self.send(Invalidation::Name { parent, name: name.into_bytes() });
        }
    }

    fn send_all(&self, all: Vec<Invalidation>) {
        for what in all {
            self.send(what);
        }
    }

    pub(super) fn send(&self, what: Invalidation) {
        // Fails only when the mount is being torn down, and then there is nothing to forget.
        drop(self.feed.out.send(what));
    }
}
