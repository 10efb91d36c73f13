//! The bytes of files that are open or staged. One [`LiveFile`] per node, shared by every handle and every mount of the library.
//!
//! Lock order: `io` before the catalogue's writer; `seen` and `opens` are leaves, so they may be read inside a transaction,
//! `io` may not. The table's own lock is never held while any other is taken.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};

use super::library::Library;
use crate::blob::{BlobError, Reader, Stage};
use crate::catalog::{CatalogError, NodeRow};
use crate::types::{ContentId, NodeId, ReadAt, Timestamp};

/// Why bytes could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error("the bytes of node {0} are gone")]
    Gone(NodeId),
}

/// Where the bytes come from just now.
pub(super) struct Io {
    pub(super) stage: Option<Stage>,
    pub(super) committed: Option<(ContentId, Reader)>,
    /// Moves with every change of the bytes.
    pub(super) generation: u64,
}

/// What `stat` needs without waiting for reads and writes.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    pub size: u64,
    pub mtime: Timestamp,
    /// A program set mtime after the last write.
    pub mtime_set: bool,
    /// Whether a staging file holds newer bytes than the last version.
    pub staged: bool,
    /// Bytes that the staging file takes on disk.
    pub stored: u64,
}

#[derive(Debug, Default)]
struct Opens {
    handles: u32,
    writers: u32,
    /// Written since the last version, and when the last writer closed.
    dirty: bool,
    quiet_since: Timestamp,
    /// A writer has flushed and is about to be released.
    closing: bool,
}

/// The bytes of one node.
pub struct LiveFile {
    pub node: NodeId,
    io: RwLock<Io>,
    seen: Mutex<Seen>,
    opens: Mutex<Opens>,
}

fn leaf<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LiveFile {
    fn new(row: &NodeRow, io: Io) -> Self {
        let (size, mtime, stored) = match &io.stage {
            Some(stage) => (stage.len(), if row.mtime_set { row.mtime } else { stage.mtime() }, stage.stored_bytes()),
            None => (io.committed.as_ref().map_or(0, |(_, r)| r.len()), row.mtime, 0),
        };
        let staged = io.stage.is_some();
        Self {
            node: row.id,
            io: RwLock::new(io),
            seen: Mutex::new(Seen { size, mtime, mtime_set: row.mtime_set, staged, stored }),
            // Nobody knows any more when it was closed; it was not before its last write.
            opens: Mutex::new(Opens { dirty: staged, quiet_since: mtime, ..Opens::default() }),
        }
    }

    /// What `stat` shows of the bytes.
    #[must_use]
    pub fn seen(&self) -> Seen {
        *leaf(&self.seen)
    }

    /// Sets the time that a program asked for.
    pub fn set_mtime(&self, mtime: Timestamp) {
        let mut seen = leaf(&self.seen);
        seen.mtime = mtime;
        seen.mtime_set = true;
    }

    pub(super) fn lock_io(&self) -> RwLockWriteGuard<'_, Io> {
        self.io.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves with every change of the bytes.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.io.read().unwrap_or_else(PoisonError::into_inner).generation
    }

    /// Fills the buffer from `offset` on; fewer bytes only at the end.
    ///
    /// # Errors
    /// When the bytes do not verify or cannot be read.
    pub fn read(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let io = self.io.read().unwrap_or_else(PoisonError::into_inner);
        match (&io.stage, &io.committed) {
            (Some(stage), _) => stage.read_at(offset, buf),
            (None, Some((_, reader))) => reader.read_at(offset, buf),
            (None, None) => Ok(0),
        }
    }

    /// Writes; with `append` at the end, wherever that is by now. Returns the offset written at.
    /// Acknowledged bytes survive the death of this process.
    ///
    /// # Errors
    /// When the disk is full or failing; then nothing of this write is there.
    pub fn write(&self, library: &Library, offset: u64, data: &[u8], append: bool) -> Result<u64, LiveError> {
        let mut io = self.lock_io();
        let now = library.clock.now();
        let stage = self.staged(library, &mut io)?;
        let at = if append { stage.len() } else { offset };
        stage.write_at(at, data, now)?;
        self.written(&mut io, now);
        Ok(at)
    }

    /// Cuts or extends.
    ///
    /// # Errors
    /// As [`LiveFile::write`].
    pub fn set_len(&self, library: &Library, len: u64) -> Result<(), LiveError> {
        let mut io = self.lock_io();
        let now = library.clock.now();
        let stage = self.staged(library, &mut io)?;
        stage.set_len(len, now)?;
        self.written(&mut io, now);
        Ok(())
    }

    /// Zeroes a range inside the file (a punched hole).
    ///
    /// # Errors
    /// As [`LiveFile::write`].
    pub fn zero_range(&self, library: &Library, offset: u64, len: u64) -> Result<(), LiveError> {
        let mut io = self.lock_io();
        let now = library.clock.now();
        let stage = self.staged(library, &mut io)?;
        let len = len.min(stage.len().saturating_sub(offset));
        if len > 0 {
            stage.zero_range(offset, len, now)?;
        }
        self.written(&mut io, now);
        Ok(())
    }

    /// The next data (or hole) at or behind `offset`; `None` behind the end.
    #[must_use]
    pub fn seek(&self, offset: u64, hole: bool) -> Option<u64> {
        let io = self.io.read().unwrap_or_else(PoisonError::into_inner);
        let len = self.seen().size;
        if offset >= len {
            return None;
        }
        match (&io.stage, hole) {
            (Some(stage), true) => Some(stage.seek_hole(offset).min(len)),
            (Some(stage), false) => stage.seek_data(offset),
            (None, true) => Some(len),
            (None, false) => Some(offset),
        }
    }

    /// Makes the staged bytes survive a power cut.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn sync(&self, data_only: bool) -> Result<(), BlobError> {
        match &mut self.lock_io().stage {
            Some(stage) => stage.sync(data_only),
            None => Ok(()),
        }
    }

    fn written(&self, io: &mut Io, now: Timestamp) {
        io.generation += 1;
        let mut seen = leaf(&self.seen);
        if let Some(stage) = &io.stage {
            seen.size = stage.len();
            seen.stored = stage.stored_bytes();
        }
        seen.staged = true;
        seen.mtime = now;
        seen.mtime_set = false;
        drop(seen);
        leaf(&self.opens).dirty = true;
    }

    /// The staging file; begun at the first write. The catalogue hears of it first, so that recovery looks for it.
    fn staged<'a>(&self, library: &Library, io: &'a mut Io) -> Result<&'a mut Stage, LiveError> {
        if io.stage.is_none() {
            let found = library.catalog.write(|tx| -> Result<bool, CatalogError> {
                let Some(mut row) = tx.node(self.node)? else { return Ok(false) };
                row.staged = true;
                tx.put_node(&row)?;
                Ok(true)
            })?;
            if !found {
                tracing::debug!(node = %self.node, "writing to a file without a name");
            }
            let base = io.committed.as_ref().map(|(id, reader)| (*id, reader.clone()));
            io.stage = Some(library.stages.create(self.node, base, library.clock.now())?);
        }
        io.stage.as_mut().ok_or(LiveError::Gone(self.node))
    }

    /// After a version: the bytes are committed now. Called with `io` locked.
    pub(super) fn committed(&self, io: &mut Io, content: ContentId, reader: Reader, mtime: Timestamp) {
        let mut seen = leaf(&self.seen);
        seen.size = reader.len();
        seen.mtime = mtime;
        seen.staged = false;
        seen.stored = 0;
        drop(seen);
        io.stage = None;
        io.committed = Some((content, reader));
        leaf(&self.opens).dirty = false;
    }

    /// Whether bytes wait for a version, no writer is there, and the last one left `quiet_ms` ago.
    #[must_use]
    pub fn is_ripe(&self, now: Timestamp, quiet_ms: i64) -> bool {
        let opens = leaf(&self.opens);
        opens.dirty && opens.writers == 0 && now.ms_since(opens.quiet_since) >= quiet_ms
    }

    /// How long ago the last writer left; `None` while one is there.
    #[must_use]
    pub fn quiet_ms(&self, now: Timestamp) -> Option<i64> {
        let opens = leaf(&self.opens);
        (opens.writers == 0).then(|| now.ms_since(opens.quiet_since))
    }

    /// Whether a writer has flushed but is not released yet.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        let opens = leaf(&self.opens);
        opens.closing && opens.writers > 0
    }

    /// Whether nobody has it open and nothing waits.
    fn is_idle(&self) -> bool {
        let opens = leaf(&self.opens);
        opens.handles == 0 && !self.seen().staged
    }

    /// Whether any handle is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        leaf(&self.opens).handles > 0
    }

    /// Says that a writer is about to close.
    pub fn flushed(&self) {
        leaf(&self.opens).closing = true;
    }
}

/// The bytes of a live file as they are while being read.
pub struct LiveSource<'a>(pub &'a LiveFile);

impl ReadAt for LiveSource<'_> {
    fn len(&self) -> u64 {
        self.0.seen().size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(offset, buf)
    }
}

/// An open handle; counts itself out when dropped.
pub struct LiveHandle {
    library: Arc<Library>,
    pub file: Arc<LiveFile>,
    writes: bool,
}

impl Drop for LiveHandle {
    fn drop(&mut self) {
        let now = self.library.clock.now();
        {
            let mut opens = leaf(&self.file.opens);
            opens.handles = opens.handles.saturating_sub(1);
            if self.writes {
                opens.writers = opens.writers.saturating_sub(1);
                opens.closing = false;
                opens.quiet_since = now;
            }
        }
        self.library.live.let_go(&self.library, &self.file);
    }
}

/// Every live file of a library.
#[derive(Default)]
pub struct LiveFiles(Mutex<HashMap<NodeId, Arc<LiveFile>>>);

impl LiveFiles {
    /// The live file of a node, if it is one.
    #[must_use]
    pub fn get(&self, node: NodeId) -> Option<Arc<LiveFile>> {
        leaf(&self.0).get(&node).cloned()
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<LiveFile>> {
        leaf(&self.0).values().cloned().collect()
    }

    /// Opens a node's bytes.
    ///
    /// # Errors
    /// When its content or staging file cannot be opened.
    pub fn open(&self, library: &Arc<Library>, row: &NodeRow, writes: bool) -> Result<LiveHandle, LiveError> {
        let file = self.load(library, row)?;
        // Counted under the table's lock, so that a file is never let go of between being found and being counted.
        let mut table = leaf(&self.0);
        let file = table.entry(row.id).or_insert(file).clone();
        let mut opens = leaf(&file.opens);
        opens.handles += 1;
        if writes {
            opens.writers += 1;
            opens.closing = false;
        }
        drop(opens);
        drop(table);
        Ok(LiveHandle { library: library.clone(), file, writes })
    }

    /// Brings a node's bytes in without opening a handle (recovery does it for every staged node).
    ///
    /// # Errors
    /// As [`LiveFiles::open`].
    pub(super) fn load(&self, library: &Library, row: &NodeRow) -> Result<Arc<LiveFile>, LiveError> {
        if let Some(file) = self.get(row.id) {
            return Ok(file);
        }
        let open = |id: ContentId| -> Result<Reader, BlobError> {
            let content = library
                .catalog
                .read(|tx| tx.content(id))
                .map_err(|e| BlobError::Io(io::Error::other(e.to_string())))?
                .ok_or_else(|| BlobError::Io(io::Error::other(format!("content {id} is not in the catalogue"))))?;
            Ok(library.vault.open(&content))
        };
        let committed = match row.content {
            Some(id) => Some((id, open(id)?)),
            None => None,
        };
        let stage = if row.staged { library.stages.recover(row.id, &mut |id| open(id))? } else { None };
        let file = Arc::new(LiveFile::new(row, Io { stage, committed, generation: 0 }));
        if row.staged {
            leaf(&self.0).entry(row.id).or_insert_with(|| file.clone());
        }
        Ok(file)
    }

    /// Forgets a file that nobody holds and that has nothing staged; bytes of a removed node go with it.
    pub(super) fn let_go(&self, library: &Library, file: &Arc<LiveFile>) {
        if file.is_open() {
            return;
        }
        let named = library.catalog.read(|tx| tx.node(file.node)).ok().is_none_or(|row| row.is_some());
        let mut table = leaf(&self.0);
        if file.is_open() {
            return;
        }
        if !named {
            table.remove(&file.node);
            drop(table);
            file.lock_io().stage = None;
            if let Err(e) = library.stages.remove(file.node) {
                tracing::warn!(node = %file.node, error = %e, "a staging file could not be removed");
            }
        } else if file.is_idle() {
            table.remove(&file.node);
        }
    }
}
