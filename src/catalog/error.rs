//! What can go wrong in the catalogue.

/// What can go wrong in the catalogue.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// Two writers met; the whole transaction may be run again.
    #[error("another change came first; try again")]
    Conflict,
    /// A row broke one of the store's own rules; the transaction was undone.
    #[error("the catalogue refused a row that breaks its rules: {0}")]
    Constraint(String),
    /// The file was written by a newer damfs.
    #[error("the catalogue has schema {found}, this damfs knows {known}; install a newer damfs")]
    NewerSchema { found: i64, known: i64 },
    /// The file is not there, not a damfs catalogue, or damaged.
    #[error("the catalogue is damaged: {0}")]
    Damaged(String),
    /// The disk is full.
    #[error("no space left for the catalogue; free some and try again")]
    Full,
    /// Anything else the engine says.
    #[error("the catalogue failed: {0}")]
    Engine(String),
}
