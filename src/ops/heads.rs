//! Heads of the audit chains, told daily to a file that the library's people may not change (`audit_heads` in `damfs.toml`).

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::{Actor, Library, OpsError};
use crate::audit::heads::Head;
use crate::catalog::CatalogError;
use crate::types::Timestamp;

const DAY_MS: i64 = 24 * 3_600_000;
const AGAIN_MS: i64 = 600_000;

/// What was told last, and when it is to be told again.
#[derive(Debug, Default)]
pub(super) struct Heads(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    due: Option<Timestamp>,
    told: Vec<(String, u64)>,
    fault: Option<String>,
}

impl Library {
    /// Seals heads.
    pub(super) fn head_key(&self) -> [u8; 32] {
        self.head_key
    }

    fn heads(&self) -> Result<Vec<Head>, CatalogError> {
        let now = self.clock.now();
        self.catalog.read(|tx| {
            let mut heads = Vec::new();
            for chain in tx.audit_chains()? {
                heads.extend(tx.audit_head(&chain)?.map(|row| Head::of(&self.info().id, &row, now, &self.head_key)));
            }
            Ok(heads)
        })
    }

    /// Tells the heads once a day; a daemon calls it at every beat.
    pub fn tell_heads_daily(&self) {
        let due = self.heads_told.0.lock().unwrap_or_else(PoisonError::into_inner).due;
        if due.is_none_or(|due| self.clock.now() >= due) {
            self.tell_heads();
        }
    }

    /// Tells those heads that have not been told yet, if the library has a file for them. They are a daemon's first and last words.
    pub(super) fn tell_heads(&self) {
        let Some(file) = &self.info().audit_heads else { return };
        let mut state = self.heads_told.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = self.heads().map_err(|e| e.to_string()).and_then(|heads| {
            let now: Vec<_> = heads.iter().map(|head| (head.chain.clone(), head.seq)).collect();
            if now == state.told {
                return Ok(now);
            }
            let lines: String = heads.iter().map(|head| format!("{head}\n")).collect();
            append(file, &lines).map_err(|e| format!("{} cannot be written: {e}", file.display()))?;
            Ok(now)
        });
        let wait = if told.is_ok() { DAY_MS } else { AGAIN_MS };
        state.due = Some(self.clock.now().plus_ms(wait));
        match told {
            Ok(told) => (state.told, state.fault) = (told, None),
            Err(fault) => {
                tracing::warn!(
                    "the heads of the audit log could not be told, it is tried again in ten minutes: {fault}"
                );
                state.fault = Some(fault);
            }
        }
    }

    /// Why the heads could not be told the last time.
    pub(super) fn heads_fault(&self) -> Option<String> {
        self.heads_told.0.lock().unwrap_or_else(PoisonError::into_inner).fault.clone()
    }

    /// What was told to the library's file; else what is wrong with it.
    pub(super) fn kept_heads(&self) -> Result<Vec<String>, String> {
        let Some(file) = &self.info().audit_heads else { return Ok(Vec::new()) };
        match fs::read(file) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes)
                .lines()
                .filter(|line| !line.trim().is_empty())
                .map(str::to_owned)
                .collect()),
            Err(e) if e.kind() == ErrorKind::NotFound => {
                Err(format!("{} is gone: what was told to it cannot be compared", file.display()))
            }
            Err(e) => Err(format!("{} cannot be read: {e}", file.display())),
        }
    }
}

fn append(file: &Path, lines: &str) -> io::Result<()> {
    let mut out = OpenOptions::new().append(true).create(true).mode(0o640).custom_flags(libc::O_NOFOLLOW).open(file)?;
    // Behind an empty line: what a full disk left of the last ones ends before.
    out.write_all(format!("\n{lines}").as_bytes())?;
    out.sync_data()
}

/// The heads of now, as lines to keep elsewhere: `{"heads": [..]}`.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin.
pub fn heads(library: &Library, actor: &Actor) -> Result<Value, OpsError> {
    actor.must_be_admin("tell the heads of the log")?;
    let heads: Vec<String> = library.heads()?.iter().map(Head::to_string).collect();
    Ok(json!({ "heads": heads }))
}
