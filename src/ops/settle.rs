//! Making versions: when the last dirty handle is closed and quiet has passed, the staged bytes become the next version.
//! Order: extents and manifest, one sync, one transaction for each file that points at them, one durable commit; a crash in between leaves
//! orphans for gc, never a hole. The two syncs cost far more than a small file, so files are settled in batches.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard, RwLockWriteGuard};
use std::time::Duration;

use super::live::{Io, LiveError, LiveFile, LiveSource};
use super::live_table::LiveHandle;
use super::versions::{Next, Planned};
use super::{Library, OpsError};
use crate::catalog::{ChangeKind, NodeClass, NodeRow};
use crate::types::{AssetId, Content, NodeId, Timestamp, VersionId};
use crate::view::identity::QUIET_MS;

/// Quiet time after which bytes that are no version go into the store, so that nothing stays staged for ever.
const LOCAL_QUIET_MS: i64 = 60_000;
/// How long, and how often, a settle waits for the kernel to let go of what was closed.
const CLOSING_WAIT: Duration = Duration::from_millis(2);
const CLOSING_WAITS: u32 = 50;

/// From this length on a settle is not done by the beat.
const LONG: u64 = 64 << 20;

/// Waits a moment for the kernel to let go of what programs have closed.
fn let_close(mut closing: Vec<Arc<LiveFile>>) {
    for _ in 0..CLOSING_WAITS {
        closing.retain(|file| file.is_closing());
        if closing.is_empty() {
            return;
        }
        std::thread::sleep(CLOSING_WAIT);
    }
}

fn is_long(file: &LiveFile) -> bool {
    file.seen().size >= LONG
}

/// What became of staged bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// They are the next version.
    Version(VersionId),
    /// They are the same as the last version.
    Same,
    /// They were a copy of an asset into a view: the asset got the view's values.
    Tagged(AssetId),
    /// They are no asset's (scratch, lock, backup); after a minute they are in the store.
    Local,
    /// A writer came; later.
    Later,
}

/// Files, and bytes of them, that are settled together.
const BATCH_FILES: usize = 64;
const BATCH_BYTES: u64 = 64 << 20;

/// Bytes that are in the store and wait for a sync.
struct Ready {
    generation: u64,
    row: NodeRow,
    content: Content,
    planned: Option<Planned>,
}

/// What became of a file before the sync.
enum Prepared {
    Done(Settled),
    Ready(Box<Ready>),
}

/// What is committed and not durable yet: nobody reads or writes the file meanwhile.
struct Committed<'f> {
    io: RwLockWriteGuard<'f, Io>,
    /// The file's time before and after.
    times: (Timestamp, Timestamp),
    next: Next,
}

impl Library {
    /// Makes versions of everything that is written and closed, at once. Returns what was made. Waits a moment for files that
    /// their programs have closed and the kernel has not.
    ///
    /// # Errors
    /// When the store or the catalogue fails; what was not reached stays staged.
    pub fn settle(self: &Arc<Self>) -> Result<Vec<VersionId>, OpsError> {
        let_close(self.live.all());
        let mut made = self.settle_ripe(0, |_| true)?;
        made.extend(self.settle_emptied(0)?);
        Ok(made)
    }

    /// The same of one file.
    ///
    /// # Errors
    /// As [`Library::settle`].
    pub(super) fn settle_node(self: &Arc<Self>, node: NodeId) -> Result<(), OpsError> {
        let_close(self.live.get(node).into_iter().collect());
        self.settle_ripe(0, |file| file.node == node).map(drop)
    }

    /// The same for short files, to be done in a moment.
    ///
    /// # Errors
    /// As [`Library::settle`].
    pub(super) fn settle_short(self: &Arc<Self>, quiet_ms: i64) -> Result<Vec<VersionId>, OpsError> {
        let mut made = self.settle_ripe(quiet_ms, |file| !is_long(file))?;
        made.extend(self.settle_emptied(quiet_ms)?);
        Ok(made)
    }

    /// The same for long files that have been quiet long enough. May take minutes, unless the library ends.
    pub fn settle_long(self: &Arc<Self>) {
        if let Err(e) = self.settle_ripe(QUIET_MS, is_long) {
            tracing::warn!(error = %e, "settling long files: this beat failed; the next one tries again");
        }
    }

    fn settle_ripe(
        self: &Arc<Self>,
        quiet_ms: i64,
        wanted: impl Fn(&LiveFile) -> bool,
    ) -> Result<Vec<VersionId>, OpsError> {
        let now = self.clock.now();
        let mut made = Vec::new();
        let mut failed = None;
        let mut ripe = self.live.all();
        ripe.retain(|file| file.is_ripe(now, quiet_ms) && wanted(file));
        ripe.sort_by_key(|file| file.seen().size);
        let mut rest = ripe.as_slice();
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(batch_length(rest));
            rest = later;
            let mut held = Vec::with_capacity(batch.len());
            for file in batch {
                match self.live.open(self, file.node, None) {
                    Ok(handle) => held.push(handle),
                    Err(LiveError::Gone(_)) => {}
                    Err(e) => failed = Some(unmade(file.node, e.into())),
                }
            }
            for (file, settled) in held.iter().zip(self.settle_batch(&held)) {
                match settled {
                    Ok(Settled::Version(id)) => made.push(id),
                    Ok(_) => {}
                    Err(e) => failed = Some(unmade(file.node, e)),
                }
            }
        }
        failed.map_or(Ok(made), Err)
    }

    /// Makes a version of one file's staged bytes.
    ///
    /// # Errors
    /// As [`Library::settle`].
    pub fn settle_file(self: &Arc<Self>, file: &LiveHandle) -> Result<Settled, OpsError> {
        let _one = file.settling();
        let ready = match self.prepare(file)? {
            Prepared::Done(settled) => return Ok(settled),
            Prepared::Ready(ready) => ready,
        };
        self.vault.sync(&[&ready.content])?;
        let Some(committed) = self.commit_bytes(file, &ready)? else { return Ok(Settled::Later) };
        self.catalog.barrier()?;
        Ok(self.conclude_bytes(file, &ready, committed))
    }

    /// Settles several files with one sync and one durable commit; what became of each, in order. A file that somebody else settles just
    /// now is waited for last, with nothing held. When a sync fails the files are settled one by one, each with its own error.
    fn settle_batch(self: &Arc<Self>, files: &[LiveHandle]) -> Vec<Result<Settled, OpsError>> {
        let mut settled: Vec<Option<Result<Settled, OpsError>>> = files.iter().map(|_| None).collect();
        let mut ready: Vec<(usize, MutexGuard<'_, ()>, Box<Ready>)> = Vec::new();
        for (at, file) in files.iter().enumerate() {
            let Some(one) = file.try_settling() else { continue };
            match self.prepare(file) {
                Ok(Prepared::Ready(it)) => ready.push((at, one, it)),
                Ok(Prepared::Done(done)) => settled[at] = Some(Ok(done)),
                Err(e) => settled[at] = Some(Err(e)),
            }
        }
        let contents: Vec<&Content> = ready.iter().map(|(_, _, it)| &it.content).collect();
        if !contents.is_empty() && self.vault.sync(&contents).is_ok() {
            let mut committed = Vec::with_capacity(ready.len());
            for (at, _, it) in &ready {
                match self.commit_bytes(&files[*at], it) {
                    Ok(Some(done)) => committed.push((*at, it, done)),
                    Ok(None) => settled[*at] = Some(Ok(Settled::Later)),
                    Err(e) => settled[*at] = Some(Err(e)),
                }
            }
            if self.catalog.barrier().is_ok() {
                for (at, it, done) in committed {
                    settled[at] = Some(Ok(self.conclude_bytes(&files[at], it, done)));
                }
            }
        }
        drop(ready);
        let last = |(file, settled): (_, Option<_>)| settled.unwrap_or_else(|| self.settle_file(file));
        files.iter().zip(settled).map(last).collect()
    }

    /// Brings a file's staged bytes into the store, with the manifest of the version that they are to be; the next sync covers both.
    fn prepare(self: &Arc<Self>, file: &LiveFile) -> Result<Prepared, OpsError> {
        if !file.seen().staged {
            return Ok(Prepared::Done(Settled::Same));
        }
        let Some(row) = self.catalog.read(|tx| tx.node(file.node))? else { return Ok(Prepared::Done(Settled::Local)) };
        let asset = self.asset_of(&row)?;
        // A placeholder is none yet: browsers put an empty file before the download.
        let published = asset.as_ref().is_some_and(|asset| asset.head.is_some() || file.seen().size > 0);
        if !published && file.quiet_ms(self.clock.now()).is_none_or(|ms| ms < LOCAL_QUIET_MS) {
            file.rest(LOCAL_QUIET_MS);
            return Ok(Prepared::Done(Settled::Local));
        }
        let generation = file.generation();
        // Short ones are done at the end, too.
        let never = AtomicBool::new(false);
        let ending = if is_long(file) { &self.ending } else { &never };
        let source = LiveSource { file, ending };
        let content = match self.vault.add(&source) {
            Err(_) if ending.load(Ordering::Relaxed) => return Ok(Prepared::Done(Settled::Later)),
            added => added?,
        };
        if file.generation() != generation {
            return Ok(Prepared::Done(Settled::Later));
        }
        let planned = match asset.filter(|_| published) {
            None => None,
            Some(asset) => {
                if let Some(twin) = self.view_copy_twin(&row, &content)? {
                    return self.merge_view_copy(file, generation, &row, twin).map(Prepared::Done);
                }
                Some(self.plan(asset, &row, &file.seen(), &content, &LiveSource { file, ending: &never })?)
            }
        };
        Ok(Prepared::Ready(Box::new(Ready { generation, row, content, planned })))
    }

    /// The transaction that points at the bytes, with the file's bytes held still. Bytes of an asset have their version planned.
    /// `None`: a writer came, or they are something else by now.
    fn commit_bytes<'f>(&self, file: &'f LiveFile, ready: &Ready) -> Result<Option<Committed<'f>>, OpsError> {
        let Ready { generation, row, content, planned } = ready;
        let mut io = file.lock_io();
        if io.generation != *generation {
            return Ok(None);
        }
        let made = self.catalog.write(|tx| -> Result<_, OpsError> {
            let Some(mut node) = tx.node(row.id)? else { return Ok(None) };
            if node.class != row.class || node.asset != row.asset {
                return Ok(None);
            }
            let seen = file.seen();
            node.content = Some(content.id);
            node.staged = false;
            node.size = content.size;
            node.mtime = seen.mtime;
            let id = node.asset.filter(|_| node.class == NodeClass::Asset);
            let asset = id.map(|id| tx.asset(id)).transpose()?.flatten();
            let published = asset.is_some_and(|asset| asset.head.is_some() || content.size > 0);
            let version = match planned {
                Some(planned) if published => self.next_version(tx, &mut node, &seen, content, planned)?,
                None if !published => {
                    tx.put_content(content)?;
                    Some(Next::Local)
                }
                _ => None,
            };
            let Some(version) = version else { return Ok(None) };
            tx.put_node(&node)?;
            tx.change(ChangeKind::Node, &node.id.to_string())?;
            Ok(Some((seen.mtime, node.mtime, version)))
        })?;
        io.told_committed |= made.is_some();
        Ok(made.map(|(before, after, next)| Committed { io, times: (before, after), next }))
    }

    /// Puts durable bytes in place of the staged ones. These may have been synced on a program's word: they go only when what replaces them
    /// is as durable.
    fn conclude_bytes(&self, file: &LiveFile, ready: &Ready, committed: Committed<'_>) -> Settled {
        let Committed { mut io, times, next } = committed;
        file.committed(self, &mut io, (ready.content.id, self.vault.open(&ready.content)), times);
        drop(io);
        if !matches!(next, Next::Local) {
            // It is an asset of its own now, whatever is written to it later.
            self.view_copies.remove(ready.row.id);
        }
        match next {
            Next::Local => Settled::Local,
            Next::Same => Settled::Same,
            Next::Version(id) => Settled::Version(id),
        }
    }
}

/// How many of these files, the shortest first, make a batch: at least one.
fn batch_length(files: &[Arc<LiveFile>]) -> usize {
    let mut bytes = 0;
    let fits = files.iter().take(BATCH_FILES).take_while(|file| {
        bytes += file.seen().size;
        bytes <= BATCH_BYTES
    });
    fits.count().max(1)
}

fn unmade(node: NodeId, error: OpsError) -> OpsError {
    tracing::error!(%node, %error, "a version could not be made; its bytes stay staged");
    error
}
