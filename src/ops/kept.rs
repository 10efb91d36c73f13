//! Texts that are put in force by a command and kept in the catalogue: each that ever was in force, with its number, so that what was decided by
//! it can be explained.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::audit;
use crate::catalog::{CatalogError, ChangeKind, ReadTx, WriteTx};
use crate::types::Timestamp;

/// One text that was put in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version {
    pub no: u64,
    pub digest: String,
    pub at: Timestamp,
    pub by: String,
    pub text: String,
}

/// A kind of such texts: what the catalogue keeps them under, and what the log calls their being put in force.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind<'a> {
    pub key: &'a str,
    pub action: &'static str,
    pub subject: &'a str,
}

impl Version {
    pub fn new(no: u64, text: &str, by: &str, at: Timestamp) -> Self {
        Self { no, digest: digest(text), at, by: by.to_owned(), text: text.to_owned() }
    }

    /// What tells it from others, to people: a few of its digits.
    pub fn short(&self) -> &str {
        self.digest.get(..12).unwrap_or(&self.digest)
    }

    /// It is in force with the transaction, which has the row that says so.
    pub fn keep(&self, tx: &mut dyn WriteTx, kind: Kind<'_>, more: Value) -> Result<(), CatalogError> {
        let kept = serde_json::to_string(self).map_err(|e| damaged(kind.key, &e))?;
        tx.set_meta(&format!("{}.{}", kind.key, self.no), &kept)?;
        tx.set_meta(kind.key, &self.no.to_string())?;
        let mut detail = json!({ "version": self.no, "digest": self.digest });
        if let (Some(detail), Value::Object(more)) = (detail.as_object_mut(), more) {
            detail.extend(more);
        }
        audit::append(tx, super::CHAIN, self.at, &self.by, kind.action, kind.subject, &detail)?;
        tx.change(ChangeKind::Access, kind.subject)
    }

    pub fn told(&self) -> Value {
        json!({ "version": self.no, "digest": self.digest, "at": self.at.to_string(), "by": self.by })
    }
}

/// What tells one text from another.
pub(super) fn digest(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

pub(super) fn damaged(key: &str, e: &dyn std::fmt::Display) -> CatalogError {
    CatalogError::Damaged(format!("the versions of `{key}`: {e}"))
}

/// The number of the version in force; 0 before there is one.
pub(super) fn current(tx: &dyn ReadTx, key: &str) -> Result<u64, CatalogError> {
    tx.meta(key)?.map_or(Ok(0), |no| no.parse().map_err(|e| damaged(key, &e)))
}

pub(super) fn version(tx: &dyn ReadTx, key: &str, no: u64) -> Result<Option<Version>, CatalogError> {
    let kept = tx.meta(&format!("{key}.{no}"))?;
    kept.map(|text| serde_json::from_str(&text).map_err(|e| damaged(key, &e))).transpose()
}

/// The version in force, if any was put there.
pub(super) fn in_force(tx: &dyn ReadTx, key: &str) -> Result<Option<Version>, CatalogError> {
    version(tx, key, current(tx, key)?)
}
