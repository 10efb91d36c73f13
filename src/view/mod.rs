//! Stub until the real one is merged.
pub mod naming {
    use crate::catalog::{CatalogError, ReadTx};
    use crate::types::{AssetId, FileName};
    pub fn unique_view_name(_tx: &dyn ReadTx, name: &FileName, _id: AssetId) -> Result<String, CatalogError> {
        Ok(name.to_text())
    }
}
