//! What the other layers hold: one transaction per call, retries, and the change feed's listeners.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::recorder::Recorder;
use super::turns::Turns;
use super::{CatalogError, ChangeRow, Engine, ReadTx, WriteTx};

/// Hears the feed's last sequence number after a commit that changed something. Never called inside a transaction.
pub type ChangeListener = Box<dyn Fn(u64) + Send + Sync>;

/// Rows of the feed that are kept for its followers, who are mostly one transaction behind.
const KEPT_CHANGES: usize = 4096;

/// How often a colliding transaction is run again.
const RETRIES: usize = 5;

/// The catalogue as the other layers see it. Cheap to clone.
#[derive(Clone)]
pub struct Catalog {
    engine: Arc<dyn Engine>,
    listeners: Arc<Mutex<Vec<ChangeListener>>>,
    /// The feed's last number, as far as this process has committed.
    committed: Arc<AtomicU64>,
    turns: Arc<Turns>,
    /// The newest rows that this process has committed, by their numbers.
    recent: Arc<Mutex<BTreeMap<u64, ChangeRow>>>,
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Catalog {
    /// Wraps an engine.
    #[must_use]
    pub fn new(engine: Arc<dyn Engine>) -> Self {
        Self {
            engine,
            listeners: Arc::default(),
            committed: Arc::default(),
            turns: Arc::default(),
            recent: Arc::default(),
        }
    }

    /// Runs a read on one consistent state.
    ///
    /// # Errors
    /// What the engine or the closure says.
    pub fn read<T, X: From<CatalogError>>(&self, mut f: impl FnMut(&dyn ReadTx) -> Result<T, X>) -> Result<T, X> {
        let mut out = None;
        self.engine.read(&mut |tx| {
            out = Some(f(tx));
            Ok(())
        })?;
        out.unwrap_or_else(|| Err(CatalogError::Engine("the read did not run".into()).into()))
    }

    /// Runs a write in one transaction: all of it when the closure is `Ok`, nothing otherwise.
    /// Run again on [`CatalogError::Conflict`]. What it changes is in the journal with it, when it is signed.
    ///
    /// # Errors
    /// What the engine or the closure says.
    pub fn write<T, X: From<CatalogError>>(&self, mut f: impl FnMut(&mut dyn WriteTx) -> Result<T, X>) -> Result<T, X> {
        let mut tries = 0;
        loop {
            let mut out = None;
            let mut appended = Vec::new();
            let mut recorded = None;
            let committed = self.engine.write(&mut |tx| {
                let mut recorder = Recorder::new(tx);
                let result = f(&mut recorder);
                let undo = result.is_err();
                out = Some(result);
                if undo {
                    return Err(CatalogError::Conflict);
                }
                recorded = recorder.finish(&self.turns)?;
                appended = tx.appended().to_vec();
                Ok(())
            });
            match (committed, out) {
                (Ok(()), Some(result)) => {
                    if let Some(recorded) = &recorded {
                        self.turns.remember(recorded);
                    }
                    self.tell(appended);
                    return result;
                }
                (_, Some(Err(refusal))) => return Err(refusal),
                (Err(CatalogError::Conflict), _) if tries < RETRIES => tries += 1,
                (Err(e), _) => return Err(e.into()),
                (Ok(()), None) => return Err(CatalogError::Engine("the write did not run".into()).into()),
            }
        }
    }

    fn tell(&self, appended: Vec<ChangeRow>) {
        let Some(last) = appended.last().map(|row| row.seq) else { return };
        {
            let mut recent = lock(&self.recent);
            recent.extend(appended.into_iter().map(|row| (row.seq, row)));
            while recent.len() > KEPT_CHANGES {
                recent.pop_first();
            }
        }
        self.committed.fetch_max(last, Ordering::AcqRel);
        for hear in lock(&self.listeners).iter() {
            hear(last);
        }
    }

    /// Rows of the feed after `seq` up to `upto`, in order, at most `limit`: from memory where it has them all.
    ///
    /// # Errors
    /// What the engine says.
    pub fn changes(&self, seq: u64, upto: u64, limit: usize) -> Result<Vec<ChangeRow>, CatalogError> {
        let wanted = usize::try_from(upto.saturating_sub(seq)).unwrap_or(usize::MAX).min(limit);
        let rows: Vec<ChangeRow> =
            lock(&self.recent).range(seq + 1..).take(wanted).map(|(_, row)| row.clone()).collect();
        // Numbers have no gaps: the right count that ends at the right number is all of them.
        if rows.len() == wanted && rows.last().is_none_or(|last| last.seq == seq + wanted as u64) {
            return Ok(rows);
        }
        let mut rows = self.read(|tx| tx.changes_after(seq, limit))?;
        rows.retain(|row| row.seq <= upto);
        Ok(rows)
    }

    /// The last change that this process has committed; 0 before its first. Whoever holds the library's lock is the only writer: what was
    /// read at this change or a later one is true still. Costs no query.
    #[must_use]
    pub fn committed(&self) -> u64 {
        self.committed.load(Ordering::Acquire)
    }

    /// Returns when everything committed so far survives a power cut.
    ///
    /// # Errors
    /// What the engine says.
    pub fn barrier(&self) -> Result<(), CatalogError> {
        self.engine.barrier()
    }

    /// Makes an index of queries for the reads of a long life, unless there is one; reads and writes go on meanwhile.
    ///
    /// # Errors
    /// What the engine says; queries are then answered by its tables.
    pub fn index(&self) -> Result<(), CatalogError> {
        self.engine.index()
    }

    /// Leaves the index of queries, if there is one, for the next process that makes one: it is there at once then.
    ///
    /// # Errors
    /// What the engine says; the next one is built from the tables.
    pub fn keep_index(&self) -> Result<(), CatalogError> {
        self.engine.keep_index()
    }

    /// Whether queries are answered by an index.
    #[must_use]
    pub fn has_index(&self) -> bool {
        self.engine.has_index()
    }

    /// The engine's own integrity check: one line per fault.
    ///
    /// # Errors
    /// What the engine says.
    pub fn check(&self) -> Result<Vec<String>, CatalogError> {
        self.engine.check()
    }

    /// Adds a listener to the change feed.
    pub fn listen(&self, listener: ChangeListener) {
        lock(&self.listeners).push(listener);
    }
}
