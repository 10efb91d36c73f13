//! Stub until the real one is merged.
use crate::catalog::{CatalogError, ReadTx, WriteTx};
use crate::types::Timestamp;
pub fn append(
    _tx: &mut dyn WriteTx,
    _chain: &str,
    _now: Timestamp,
    _actor: &str,
    _action: &str,
    _subject: &str,
    _detail: &serde_json::Value,
) -> Result<(), CatalogError> {
    Ok(())
}
pub fn verify(_tx: &dyn ReadTx, _chain: &str) -> Result<Option<String>, CatalogError> {
    Ok(None)
}
