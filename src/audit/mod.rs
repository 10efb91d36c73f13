//! The audit log: append-only, one hash chain per writer, appended in the transaction that it records.
//!
//! Each row's hash covers the row and the hash before it, so a row that was changed, removed or put in later breaks the
//! chain from there on. Rows cut off the end leave a shorter, whole chain: [`Verifier::head`] is what a backup or a
//! snapshot keeps to notice that.

pub mod heads;
pub mod merkle;

use std::fmt;

use crate::catalog::{AuditRow, CatalogError, ReadTx, WriteTx};
use crate::types::Timestamp;

/// Separates these hashes from every other use of BLAKE3; part of the format.
const DOMAIN: &str = "damfs audit chain v1";

/// What the first row of a chain has for the hash before it.
pub const ORIGIN: [u8; 32] = [0; 32];

/// Rows that are read at once.
const PAGE: usize = 1_000;

/// Appends one row to a chain, in the transaction that does what the row says.
///
/// # Errors
/// What the catalogue says.
pub fn append(
    tx: &mut dyn WriteTx,
    chain: &str,
    now: Timestamp,
    actor: &str,
    action: &str,
    subject: &str,
    detail: &serde_json::Value,
) -> Result<(), CatalogError> {
    let head = tx.audit_head(chain)?;
    let row = next_row(head.as_ref(), chain, now, actor, action, subject, detail)?;
    tx.add_audit(&row)
}

/// The row that follows `head`.
///
/// # Errors
/// When the chain is full, after 2^64 rows.
pub fn next_row(
    head: Option<&AuditRow>,
    chain: &str,
    now: Timestamp,
    actor: &str,
    action: &str,
    subject: &str,
    detail: &serde_json::Value,
) -> Result<AuditRow, CatalogError> {
    let seq = head.map_or(0, |h| h.seq).checked_add(1);
    let seq = seq.ok_or_else(|| CatalogError::Constraint(format!("audit chain {chain} is full")))?;
    let mut row = AuditRow {
        chain: chain.to_owned(),
        seq,
        at: now,
        actor: actor.to_owned(),
        action: action.to_owned(),
        subject: subject.to_owned(),
        detail: detail.to_string(),
        prev: head.map_or(ORIGIN, |h| h.hash),
        hash: ORIGIN,
    };
    row.hash = chain_hash(&row);
    Ok(row)
}

/// The hash that a row must have: over the hash before it, its number and its fields, each text with its length.
#[must_use]
pub fn chain_hash(row: &AuditRow) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(DOMAIN);
    hasher.update(&row.prev);
    hasher.update(&row.seq.to_le_bytes());
    hasher.update(&row.at.as_nanos().to_le_bytes());
    for text in [&row.chain, &row.actor, &row.action, &row.subject, &row.detail] {
        // Without lengths "ab","c" and "a","bc" would be the same row.
        hasher.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

/// Where a chain is broken, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The first row that cannot be trusted.
    pub seq: u64,
    /// What is wrong with it.
    pub why: Fault,
}

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A row is not there; the next one found has this number.
    Missing { found: u64 },
    /// It does not follow the row before it.
    Unlinked,
    /// Its fields are not those that were hashed.
    Altered,
    /// It belongs to another chain.
    Foreign,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seq = self.seq;
        match self.why {
            Fault::Missing { found } => write!(f, "row {seq} is missing, row {found} comes instead"),
            Fault::Unlinked => write!(f, "row {seq} does not follow the row before it"),
            Fault::Altered => write!(f, "row {seq} was altered after it was written"),
            Fault::Foreign => write!(f, "row {seq} belongs to another chain"),
        }
    }
}

/// Walks one chain from its first row.
#[derive(Debug)]
pub struct Verifier<'a> {
    chain: &'a str,
    seq: u64,
    hash: [u8; 32],
}

impl<'a> Verifier<'a> {
    /// Before the first row.
    #[must_use]
    pub const fn new(chain: &'a str) -> Self {
        Self { chain, seq: 0, hash: ORIGIN }
    }

    /// Checks the next row.
    ///
    /// # Errors
    /// When the chain breaks here.
    pub fn push(&mut self, row: &AuditRow) -> Result<(), Broken> {
        let expected = self.seq.saturating_add(1);
        let broken = |why| Err(Broken { seq: expected, why });
        if row.chain != self.chain {
            return broken(Fault::Foreign);
        }
        if row.seq != expected {
            return broken(Fault::Missing { found: row.seq });
        }
        if row.prev != self.hash {
            return broken(Fault::Unlinked);
        }
        if row.hash != chain_hash(row) {
            return broken(Fault::Altered);
        }
        (self.seq, self.hash) = (row.seq, row.hash);
        Ok(())
    }

    /// Number and hash of the last row that was checked.
    #[must_use]
    pub const fn head(&self) -> (u64, [u8; 32]) {
        (self.seq, self.hash)
    }
}

/// Walks a whole chain; the first break, if there is one.
///
/// # Errors
/// What the catalogue says.
pub fn verify(tx: &dyn ReadTx, chain: &str) -> Result<Option<Broken>, CatalogError> {
    let mut verifier = Verifier::new(chain);
    loop {
        let rows = tx.audit_after(chain, verifier.head().0, PAGE)?;
        for row in &rows {
            if let Err(broken) = verifier.push(row) {
                return Ok(Some(broken));
            }
        }
        if rows.len() < PAGE {
            return Ok(None);
        }
    }
}

#[cfg(test)]
mod tests;
