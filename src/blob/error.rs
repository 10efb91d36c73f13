//! What can go wrong with bytes.

use crate::crypto::CryptoError;
use crate::types::ExtentId;

/// What can go wrong with bytes.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The disk is full; nothing of the call was kept.
    #[error("no space left in the store; free some and try again")]
    Full,
    /// Not in the store.
    #[error("{0} is not in the store")]
    Missing(String),
    /// Not what was stored.
    #[error("{what} is damaged: {why}")]
    Damaged { what: String, why: String },
    /// Written by a newer damfs.
    #[error("{0} has a newer format; install a newer damfs")]
    NewerFormat(String),
    /// What was to be stored could not be read; the store is well.
    #[error("cannot be read: {0}")]
    Source(std::io::Error),
    /// A sync failed after it was added; adding it again stores it again.
    #[error("extent {0} may not be on the disk, for a sync failed; check the disk and try again")]
    Unsynced(ExtentId),
    #[error("the store failed: {0}")]
    Io(std::io::Error),
}

impl From<std::io::Error> for BlobError {
    fn from(e: std::io::Error) -> Self {
        match e.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(e),
        }
    }
}

impl From<CryptoError> for BlobError {
    fn from(e: CryptoError) -> Self {
        match e {
            CryptoError::Random(e) => Self::Io(e),
            other => Self::Damaged { what: "something sealed".into(), why: other.to_string() },
        }
    }
}

impl From<BlobError> for std::io::Error {
    fn from(e: BlobError) -> Self {
        match e {
            BlobError::Io(e) | BlobError::Source(e) => e,
            BlobError::Full => Self::new(std::io::ErrorKind::StorageFull, e),
            other => Self::other(other),
        }
    }
}
