//! Rights that begin and end by the clock: rules of hours and days, and members whose last day is over. The gate decides by the time itself;
//! here whoever holds on to an earlier answer, a kernel or an open file, is told.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Library, OpsError, policy};
use crate::catalog::ChangeKind;
use crate::types::Timestamp;

/// What is known of the next moment, as of an epoch of the gate.
#[derive(Default)]
pub struct Shifts(Mutex<Known>);

#[derive(Default)]
struct Known {
    epoch: u64,
    /// When it was found out.
    since: Option<Timestamp>,
    next: Option<Timestamp>,
}

impl Library {
    /// Tells of it when somebody may something else than before, only since time has passed.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub(super) fn sweep_shifts(self: &Arc<Self>) -> Result<(), OpsError> {
        let (now, epoch) = (self.clock.now(), self.gate.epoch());
        let mut known = self.shifts.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back may have passed any of them, also the last there was.
        let passed = known.next.is_some_and(|next| next <= now) || known.since.is_some_and(|since| now < since);
        if passed {
            self.catalog.write(|tx| tx.change(ChangeKind::Access, policy::FILE))?;
        }
        if passed || known.epoch != epoch {
            let next = self.gate.next_shift(now)?;
            *known = Known { epoch, since: Some(now), next };
        }
        Ok(())
    }
}
