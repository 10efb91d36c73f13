//! Transactions that may turn out to change nothing: what they would answer is said, and they are undone.

use serde_json::Value;

use super::{Library, OpsError};
use crate::catalog::WriteTx;

/// How such a transaction ends.
pub(super) enum Stop {
    Failed(OpsError),
    /// Nothing is to be kept; this is the answer.
    Said(Value),
}

impl<E: Into<OpsError>> From<E> for Stop {
    fn from(e: E) -> Self {
        Self::Failed(e.into())
    }
}

/// Runs one.
pub(super) fn write(
    library: &Library,
    f: impl FnMut(&mut dyn WriteTx) -> Result<Value, Stop>,
) -> Result<Value, OpsError> {
    match library.catalog.write(f) {
        Ok(answer) | Err(Stop::Said(answer)) => Ok(answer),
        Err(Stop::Failed(e)) => Err(e),
    }
}
