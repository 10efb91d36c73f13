//! The bytes of one file that is open or staged, as every handle and every mount of the library sees them.
//!
//! Lock order: a node's turn ([`super::live_table`]), then `settling`, then `io`, then the catalogue's writer; `seen` and `opens` are
//! leaves, so they may be taken inside a transaction, the others may not.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard, TryLockError};

use super::library::Library;
use crate::blob::{BlobError, Reader, Stage};
use crate::catalog::{CatalogError, NodeClass, NodeRow, WriteTx};
use crate::types::{ContentId, MemberId, NodeId, ReadAt, Timestamp, without_set_id};

/// Why bytes could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The node was removed before it could be opened; its name may lead to another by now.
    #[error("node {0} is gone")]
    Gone(NodeId),
    #[error("the staged bytes of node {0} are missing; the last version stands; run `dam fsck`")]
    StageMissing(NodeId),
}

/// Where the bytes come from just now.
pub(super) struct Io {
    pub(super) stage: Option<Stage>,
    pub(super) committed: Option<(ContentId, Reader)>,
    /// Moves with every change of the bytes.
    pub(super) generation: u64,
    /// The catalogue says already that the staged bytes are committed: before another write it has to be told that they are not all.
    pub(super) told_committed: bool,
}

/// Who writes, and through which of the library's mounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writer {
    pub member: MemberId,
    pub mount: u64,
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
    /// Who wrote last, as far as this process saw it.
    pub written_by: Option<Writer>,
    /// Its last name is gone: it is there for those who have it open, and for nobody else.
    pub nameless: bool,
    /// Whether the catalogue may not know size and time yet.
    pub unrecorded: bool,
}

#[derive(Debug, Default)]
struct Opens {
    handles: u32,
    /// The mount of each that may write.
    writers: Vec<u64>,
    /// When the last writer closed.
    quiet_since: Timestamp,
    /// A program has closed the file after the last write; the kernel lets go of it a moment later.
    closing: bool,
    /// The node is being taken away: nobody opens it any more.
    shut: bool,
    /// There is nothing to do before then, unless the catalogue says something new of it.
    rest: Option<Timestamp>,
}

const fn has_set_id(mode: u32) -> bool {
    without_set_id(mode) != mode
}

/// The bytes of one node.
pub struct LiveFile {
    pub node: NodeId,
    io: RwLock<Io>,
    seen: Mutex<Seen>,
    opens: Mutex<Opens>,
    settling: Mutex<()>,
    /// Whether its mode has the set-user-ID or set-group-ID bit, which a write takes away.
    set_id: AtomicBool,
    /// Whether the row has to say from the first byte on that bytes are staged: the journal keeps what it says when the file is removed.
    is_kept_by_row: bool,
}

pub(super) fn leaf<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LiveFile {
    pub(super) fn new(row: &NodeRow, io: Io) -> Self {
        let (size, mtime, stored) = match &io.stage {
            Some(stage) => (stage.len(), if row.mtime_set { row.mtime } else { stage.mtime() }, stage.stored_bytes()),
            None => (io.committed.as_ref().map_or(0, |(_, r)| r.len()), row.mtime, 0),
        };
        let staged = io.stage.is_some();
        let quiet_since = io.stage.as_ref().map_or(row.ctime, Stage::mtime);
        Self {
            node: row.id,
            io: RwLock::new(io),
            seen: Mutex::new(Seen {
                size,
                mtime,
                mtime_set: row.mtime_set,
                staged,
                stored,
                written_by: None,
                nameless: false,
                unrecorded: staged,
            }),
            // Nobody knows any more when it was closed; it was not before its last write. Never the time that a program set.
            opens: Mutex::new(Opens { quiet_since, ..Opens::default() }),
            settling: Mutex::new(()),
            set_id: AtomicBool::new(has_set_id(row.mode)),
            is_kept_by_row: matches!(row.class, NodeClass::Inbox | NodeClass::Aside),
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

    /// What is to be recorded of it now, by the caller; `None` when that was done since the last write.
    pub(crate) fn to_record(&self) -> Option<Seen> {
        let mut seen = leaf(&self.seen);
        let due = seen.staged && std::mem::take(&mut seen.unrecorded);
        due.then_some(*seen)
    }

    /// It could not be recorded.
    pub(crate) fn not_recorded(&self) {
        leaf(&self.seen).unrecorded = true;
    }

    /// Hears of its mode.
    pub fn set_mode(&self, mode: u32) {
        self.set_id.store(has_set_id(mode), Ordering::Relaxed);
    }

    /// Whether a write has bits of its mode to take away.
    #[must_use]
    pub fn has_set_id(&self) -> bool {
        self.set_id.load(Ordering::Relaxed)
    }

    /// Held by who makes a version of it: one at a time.
    pub(super) fn settling(&self) -> MutexGuard<'_, ()> {
        leaf(&self.settling)
    }

    /// The same, when nobody has it.
    pub(super) fn try_settling(&self) -> Option<MutexGuard<'_, ()>> {
        match self.settling.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    pub(super) fn lock_io(&self) -> RwLockWriteGuard<'_, Io> {
        self.io.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves with every change of the bytes.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.shown().0
    }

    /// The generation of the bytes, and what they are called when they are committed.
    #[must_use]
    pub fn shown(&self) -> (u64, Option<ContentId>) {
        let io = self.io.read().unwrap_or_else(PoisonError::into_inner);
        (io.generation, io.committed.as_ref().filter(|_| io.stage.is_none()).map(|(id, _)| *id))
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
    pub fn write(
        &self,
        library: &Library,
        by: Writer,
        offset: u64,
        data: &[u8],
        append: bool,
    ) -> Result<u64, LiveError> {
        let mut io = self.lock_io();
        let now = library.clock.now();
        let stage = self.staged(library, &mut io)?;
        let at = if append { stage.len() } else { offset };
        stage.write_at(at, data, now)?;
        self.written(&mut io, by, now);
        Ok(at)
    }

    /// Cuts or extends.
    ///
    /// # Errors
    /// As [`LiveFile::write`].
    pub fn set_len(&self, library: &Library, by: Writer, len: u64) -> Result<(), LiveError> {
        let mut io = self.lock_io();
        let now = library.clock.now();
        let stage = self.staged(library, &mut io)?;
        stage.set_len(len, now)?;
        self.written(&mut io, by, now);
        Ok(())
    }

    /// Zeroes a range inside the file (a punched hole).
    ///
    /// # Errors
    /// As [`LiveFile::write`].
    pub fn zero_range(&self, library: &Library, by: Writer, offset: u64, len: u64) -> Result<(), LiveError> {
        let mut io = self.lock_io();
        let now = library.clock.now();
        let stage = self.staged(library, &mut io)?;
        let len = len.min(stage.len().saturating_sub(offset));
        if len > 0 {
            stage.zero_range(offset, len, now)?;
        }
        self.written(&mut io, by, now);
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
            (None, true) => Some(io.committed.as_ref().map_or(len, |(_, reader)| reader.next_hole(offset))),
            (None, false) => {
                let data = io.committed.as_ref().map_or(offset, |(_, reader)| reader.next_data(offset));
                Some(data).filter(|data| *data < len)
            }
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

    fn written(&self, io: &mut Io, by: Writer, now: Timestamp) {
        io.generation += 1;
        let mut seen = leaf(&self.seen);
        if let Some(stage) = &io.stage {
            seen.size = stage.len();
            seen.stored = stage.stored_bytes();
        }
        seen.staged = true;
        seen.unrecorded = true;
        seen.written_by = Some(by);
        seen.mtime = now;
        seen.mtime_set = false;
        drop(seen);
        leaf(&self.opens).closing = false;
    }

    /// The staging file; begun at the first write. It is there before the catalogue speaks of it: a row that says `staged` has one. That
    /// of a new file, which has no content, says so when size and time are recorded: until then there is nothing else that the bytes could be
    /// ([`Library::recover`]).
    fn staged<'a>(&self, library: &Library, io: &'a mut Io) -> Result<&'a mut Stage, LiveError> {
        if io.stage.is_some() && (io.told_committed || self.seen().mtime_set) {
            // The bytes change: after a crash, too, they are not as old as a program once said.
            library.catalog.write(|tx| self.begun(tx))?;
            io.told_committed = false;
        }
        if io.stage.is_none() {
            let base = io.committed.as_ref().map(|(id, reader)| (*id, reader.clone()));
            let goes_without_saying = base.is_none() && !self.seen().mtime_set && !self.is_kept_by_row;
            let stage = library.stages.create(self.node, base, library.clock.now())?;
            if !goes_without_saying && let Err(e) = library.catalog.write(|tx| self.begun(tx)) {
                drop(stage);
                library.remove_stage(self.node);
                return Err(e.into());
            }
            io.stage = Some(stage);
        }
        io.stage.as_mut().ok_or(LiveError::StageMissing(self.node))
    }

    /// What the catalogue says before the first write of a stage, and before the first behind a time that a program set.
    fn begun(&self, tx: &mut dyn WriteTx) -> Result<(), CatalogError> {
        // A file without a name is nobody's after a crash.
        let Some(mut row) = tx.node(self.node)? else { return Ok(()) };
        row.staged = true;
        row.mtime_set = false;
        tx.put_node(&row)?;
        leaf(&self.seen).mtime_set = false;
        Ok(())
    }

    /// The bytes are committed now, and the file has the time `after` instead of `before`. Called with `io` locked; the staging file
    /// goes before that is let go of, for the next write begins one of the same name.
    pub(super) fn committed(
        &self,
        library: &Library,
        io: &mut Io,
        (content, reader): (ContentId, Reader),
        (before, after): (Timestamp, Timestamp),
    ) {
        let mut seen = leaf(&self.seen);
        seen.size = reader.len();
        if seen.mtime == before {
            seen.mtime = after;
        }
        seen.staged = false;
        seen.stored = 0;
        drop(seen);
        io.committed = Some((content, reader));
        self.drop_stage(library, io);
    }

    /// Takes the staging file away. Called with `io` locked.
    pub(super) fn drop_stage(&self, library: &Library, io: &mut Io) {
        io.stage = None;
        io.told_committed = false;
        library.remove_stage(self.node);
    }

    /// Whether bytes wait for a version, no writer is there, and the last one left `quiet_ms` ago.
    #[must_use]
    pub fn is_ripe(&self, now: Timestamp, quiet_ms: i64) -> bool {
        let opens = leaf(&self.opens);
        let ripe = opens.writers.is_empty() && now.ms_since(opens.quiet_since) >= quiet_ms;
        ripe && opens.rest.is_none_or(|until| now >= until) && self.seen().staged
    }

    /// There is nothing to do with it before that many milliseconds of quiet.
    pub(super) fn rest(&self, quiet_ms: i64) {
        let mut opens = leaf(&self.opens);
        opens.rest = Some(opens.quiet_since.plus_ms(quiet_ms));
    }

    /// It may be something else now.
    pub(super) fn wake(&self) {
        leaf(&self.opens).rest = None;
    }

    /// How long ago the last writer left; `None` while one is there.
    #[must_use]
    pub fn quiet_ms(&self, now: Timestamp) -> Option<i64> {
        let opens = leaf(&self.opens);
        opens.writers.is_empty().then(|| now.ms_since(opens.quiet_since))
    }

    /// Whether it may change at any moment: somebody has it open for writing.
    #[must_use]
    pub fn has_writers(&self) -> bool {
        !leaf(&self.opens).writers.is_empty()
    }

    /// Whether another mount wrote last, and that is no version yet; then whether it still has the file open for writing.
    #[must_use]
    pub fn rival(&self, mount: u64) -> Option<bool> {
        let seen = self.seen();
        let other = seen.written_by.filter(|by| seen.staged && by.mount != mount)?;
        Some(leaf(&self.opens).writers.contains(&other.mount))
    }

    /// Whether any handle is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        leaf(&self.opens).handles > 0
    }

    /// Says that a program closes the file; others may still have it.
    pub fn flushed(&self) {
        leaf(&self.opens).closing = true;
    }

    /// Whether it was closed and waits for the kernel to let go.
    pub(super) fn is_closing(&self) -> bool {
        let opens = leaf(&self.opens);
        opens.closing && !opens.writers.is_empty()
    }

    /// Its last name goes; `false` when nobody has it open and it goes, too. May be called inside a transaction.
    pub(super) fn lose_name(&self) -> bool {
        let open = self.is_open();
        leaf(&self.seen).nameless |= open;
        open
    }

    /// Counts a handle in.
    pub(super) fn enter(&self, writes: Option<u64>) -> Result<(), LiveError> {
        let mut opens = leaf(&self.opens);
        if opens.shut {
            return Err(LiveError::Gone(self.node));
        }
        opens.handles += 1;
        opens.writers.extend(writes);
        Ok(())
    }

    /// Counts a handle out.
    pub(super) fn leave(&self, writes: Option<u64>, now: Timestamp) {
        let mut opens = leaf(&self.opens);
        opens.handles = opens.handles.saturating_sub(1);
        if let Some(mount) = writes {
            if let Some(at) = opens.writers.iter().position(|writer| *writer == mount) {
                opens.writers.swap_remove(at);
            }
            opens.quiet_since = now;
        }
    }

    /// Takes the node away by `f` when its bytes are still those of `generation` and nobody can write: who opens it from now on hears
    /// that it is gone. `false` when a writer came first, or `f` found that it has to stay.
    pub(super) fn take_away<E>(&self, generation: u64, f: impl FnOnce() -> Result<bool, E>) -> Result<bool, E> {
        let io = self.lock_io();
        {
            let mut opens = leaf(&self.opens);
            if io.generation != generation || !opens.writers.is_empty() {
                return Ok(false);
            }
            opens.shut = true;
        }
        let taken = f();
        if !matches!(taken, Ok(true)) {
            leaf(&self.opens).shut = false;
        }
        taken
    }
}

/// The bytes of a live file as they are while being read.
pub struct LiveSource<'a> {
    pub file: &'a LiveFile,
    /// Reading stops with an error when this is set.
    pub ending: &'a AtomicBool,
}

impl ReadAt for LiveSource<'_> {
    fn len(&self) -> u64 {
        self.file.seen().size
    }

    fn next_data(&self, offset: u64) -> u64 {
        self.file.seek(offset, false).unwrap_or_else(|| self.len())
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        if self.ending.load(Ordering::Relaxed) {
            return Err(io::Error::other("the library is being closed"));
        }
        self.file.read(offset, buf)
    }
}
