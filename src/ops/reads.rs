//! Who opened what to read it, for the audit log. Nobody waits for a row: openings are gathered, those of one thing by one program as
//! one, and written at the next beat, in a chain of their own.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::{Map, Value, json};

use super::Library;
use crate::access::Who;
use crate::audit;
use crate::catalog::{CatalogError, ReadTx};
use crate::types::{AssetId, MemberId, Timestamp, VersionId};

/// The audit chain of openings. Apart from that of changes: there are many more of them.
pub(crate) const READS: &str = "reads";

/// How many may wait; who opens beyond that writes them himself, so that none is lost.
const WAITING: usize = 20_000;
/// How many are kept while they cannot be written; what comes beyond is counted in the log.
const KEPT: usize = 10 * WAITING;

/// What somebody opened.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Opened {
    /// The file of an asset, whichever name it was found by, and the version that it has.
    File(Option<VersionId>),
    /// A version by its own path.
    Version(VersionId),
    /// What was made of a version for `platform/placement`.
    Export(VersionId, String),
    /// The marked proxy of a version.
    Proxy(VersionId),
    /// Thumbnails of a version.
    Thumbnail(VersionId),
}

impl Opened {
    const fn action(&self) -> &'static str {
        match self {
            Self::File(_) => "read.file",
            Self::Version(_) => "read.version",
            Self::Export(..) => "read.export",
            Self::Proxy(_) => "read.proxy",
            Self::Thumbnail(_) => "read.thumbnail",
        }
    }
}

#[derive(PartialEq, Eq, Hash)]
struct Reading {
    member: MemberId,
    asset: AssetId,
    what: Opened,
    /// The thread that asked.
    thread: u32,
}

struct Seen {
    first: Timestamp,
    times: u64,
    actor: String,
    program: Option<String>,
}

#[derive(Default)]
struct Waiting {
    seen: HashMap<Reading, Seen>,
    /// What threads are called, until the next beat: their numbers are given again.
    programs: HashMap<u32, Option<String>>,
    /// Openings that there was no room for.
    lost: u64,
}

/// Openings that wait to be written.
#[derive(Default)]
pub struct Reads {
    waiting: Mutex<Waiting>,
    named_by: OnceLock<fn(u32) -> Option<String>>,
}

impl Reads {
    /// What tells the name of the program that a thread belongs to.
    pub fn name_programs(&self, by: fn(u32) -> Option<String>) {
        let _ = self.named_by.set(by);
    }

    fn program(&self, waiting: &mut Waiting, thread: u32) -> Option<String> {
        let by = self.named_by.get().filter(|_| thread != 0)?;
        waiting.programs.entry(thread).or_insert_with(|| by(thread)).clone()
    }
}

impl Library {
    /// Remembers that a member opened something to read it; written by the next beat at the latest.
    pub fn note_reading(&self, who: &Who, asset: AssetId, what: Opened, thread: u32) {
        if !self.info().audit_reads {
            return;
        }
        let mut waiting = self.reads.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let reading = Reading { member: who.id, asset, what, thread };
        if let Some(seen) = waiting.seen.get_mut(&reading) {
            seen.times += 1;
            return;
        }
        if waiting.seen.len() >= KEPT {
            waiting.lost += 1;
            return;
        }
        let program = self.reads.program(&mut waiting, thread);
        let seen = Seen { first: self.clock.now(), times: 1, actor: who.subject.name.clone(), program };
        waiting.seen.insert(reading, seen);
        let full = waiting.seen.len() >= WAITING;
        drop(waiting);
        if full && let Err(e) = self.write_reads() {
            tracing::error!(error = %e, "openings of files cannot be recorded; they wait, and take memory");
        }
    }

    /// Writes what waits, in the order in which it was opened.
    ///
    /// # Errors
    /// When the catalogue fails; it waits on then.
    pub fn write_reads(&self) -> Result<(), CatalogError> {
        let mut waiting = self.reads.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.programs.clear();
        let (batch, lost) = (std::mem::take(&mut waiting.seen), std::mem::take(&mut waiting.lost));
        drop(waiting);
        if batch.is_empty() {
            return Ok(());
        }
        let mut rows: Vec<(Reading, Seen)> = batch.into_iter().collect();
        rows.sort_by_key(|(reading, seen)| (seen.first, reading.asset, reading.thread));
        let written = self.catalog.write(|tx| -> Result<(), CatalogError> {
            for (reading, seen) in &rows {
                let (action, subject) = (reading.what.action(), reading.asset.to_string());
                let detail = detail(tx, reading, seen)?;
                audit::append(tx, READS, seen.first, &seen.actor, action, &subject, &detail)?;
            }
            if lost > 0 {
                audit::append(tx, READS, self.clock.now(), "damfs", "read.lost", "library", &json!({ "times": lost }))?;
            }
            Ok(())
        });
        if written.is_err() {
            let mut waiting = self.reads.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.lost += lost;
            for (reading, seen) in rows {
                waiting.seen.entry(reading).and_modify(|later| later.times += seen.times).or_insert(seen);
            }
        }
        written
    }
}

/// `{version, place, program, times}`.
fn detail(tx: &dyn ReadTx, reading: &Reading, seen: &Seen) -> Result<Value, CatalogError> {
    let version = match &reading.what {
        Opened::File(head) => *head,
        Opened::Version(id) | Opened::Export(id, _) | Opened::Proxy(id) | Opened::Thumbnail(id) => Some(*id),
    };
    let n = version.map(|id| tx.version(id)).transpose()?.flatten().map(|version| version.n);
    let place = match &reading.what {
        Opened::Export(_, place) => Some(place),
        _ => None,
    };
    let mut detail = Map::new();
    for (key, value) in [("version", json!(n)), ("place", json!(place)), ("program", json!(seen.program))] {
        if !value.is_null() {
            detail.insert(key.to_owned(), value);
        }
    }
    if seen.times > 1 {
        detail.insert("times".to_owned(), json!(seen.times));
    }
    Ok(Value::Object(detail))
}
