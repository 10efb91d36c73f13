//! Up to which change there is nothing left to do: a library at rest is not searched at every beat.

use std::sync::{Mutex, PoisonError};

/// The last change that somebody has looked at and dealt with.
#[derive(Debug, Default)]
pub(super) struct Watermark(Mutex<Option<u64>>);

impl Watermark {
    /// Whether nothing was committed since.
    pub(super) fn is_at(&self, committed: u64) -> bool {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) == Some(committed)
    }

    /// Everything up to this change is dealt with.
    pub(super) fn set(&self, committed: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(committed);
    }
}
