//! Refusals for the audit log. They are decided inside transactions that are undone, so they wait here and are written in one of their own.

use std::sync::{Mutex, PoisonError};

use serde_json::json;

use super::{CHAIN, Library};
use crate::access::Who;
use crate::audit;
use crate::catalog::CatalogError;
use crate::policy::Verb;
use crate::types::Timestamp;

/// How many may wait; what comes beyond is counted in the log.
const WAITING: usize = 10_000;

struct Denial {
    at: Timestamp,
    actor: String,
    action: String,
    subject: String,
    reason: String,
    policy: u64,
}

/// Refusals that wait to be written.
#[derive(Default)]
pub struct Denials(Mutex<Vec<Denial>>);

impl Library {
    /// Remembers that a member was refused; written by the next beat at the latest.
    pub fn audit_denial(&self, who: &Who, verb: Verb, subject: &str, reason: &str) {
        let mut waiting = self.denials.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= WAITING {
            tracing::warn!("refusals come faster than they can be recorded; one was dropped");
            return;
        }
        waiting.push(Denial {
            at: self.clock.now(),
            actor: who.subject.name.clone(),
            action: format!("deny.{verb}"),
            subject: subject.to_owned(),
            reason: reason.to_owned(),
            policy: who.policy,
        });
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// When the catalogue fails; it waits on then.
    pub fn write_denials(&self) -> Result<(), CatalogError> {
        let mut waiting = self.denials.0.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = std::mem::take(&mut *waiting);
        drop(waiting);
        if batch.is_empty() {
            return Ok(());
        }
        let written = self.catalog.write(|tx| -> Result<(), CatalogError> {
            for d in &batch {
                let detail = json!({ "reason": d.reason, "policy": d.policy });
                audit::append(tx, CHAIN, d.at, &d.actor, &d.action, &d.subject, &detail)?;
            }
            Ok(())
        });
        if written.is_err() {
            let mut waiting = self.denials.0.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.splice(0..0, batch);
        }
        written
    }
}
