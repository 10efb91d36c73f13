//! The small trait that every store is: immutable named bytes.

use super::BlobError;
use crate::types::Timestamp;

/// A name in a store: one to four parts of `[a-z0-9._-]`, with `/` between.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobName(String);

impl BlobName {
    /// Checks a name.
    ///
    /// # Errors
    /// When it could lead out of the store.
    pub fn new(name: &str) -> Result<Self, BlobError> {
        let part = |p: &str| {
            !p.is_empty()
                && p.len() <= 200
                && !p.starts_with('.')
                && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-'))
        };
        let parts: Vec<&str> = name.split('/').collect();
        if parts.len() <= 4 && parts.iter().all(|p| part(p)) {
            Ok(Self(name.to_owned()))
        } else {
            Err(BlobError::Missing(format!("`{name}`")))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for BlobName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What became of a put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// Stored now.
    Stored,
    /// Something of that name was there; it stays as it is.
    Existed,
}

/// Immutable named bytes. Every implementation passes the same conformance suite.
pub trait BlobStore: Send + Sync + 'static {
    /// Stores under a new name; whole or not at all. What is there stays.
    ///
    /// # Errors
    /// [`BlobError::Full`] and the like; then nothing of it is visible.
    fn put_if_absent(&self, name: &BlobName, bytes: &[u8]) -> Result<Put, BlobError>;

    /// Stores in place of what is there; whole or not at all. Only for what can be made again (renditions, manifests).
    ///
    /// # Errors
    /// As `put_if_absent`; the old bytes stay then.
    fn replace(&self, name: &BlobName, bytes: &[u8]) -> Result<(), BlobError>;

    /// Fills the buffer from an offset; fewer bytes only at the end.
    ///
    /// # Errors
    /// [`BlobError::Missing`] when there is nothing of that name.
    fn read(&self, name: &BlobName, offset: u64, buf: &mut [u8]) -> Result<usize, BlobError>;

    /// Length, or `None` when there is nothing of that name.
    ///
    /// # Errors
    /// When the store fails.
    fn stat(&self, name: &BlobName) -> Result<Option<u64>, BlobError>;

    /// Every name below a first part, in any order.
    ///
    /// # Errors
    /// When the store fails.
    fn list(&self, below: &str, each: &mut dyn FnMut(BlobName)) -> Result<(), BlobError>;

    /// When it was last used, as far as that was noted; or `None` when there is nothing of that name.
    ///
    /// # Errors
    /// When the store fails.
    fn used(&self, name: &BlobName) -> Result<Option<Timestamp>, BlobError>;

    /// Notes that it is used now; nothing of that name is fine.
    ///
    /// # Errors
    /// When the store fails.
    fn touch(&self, name: &BlobName, now: Timestamp) -> Result<(), BlobError>;

    /// Removes; nothing of that name is fine.
    ///
    /// # Errors
    /// When the store fails.
    fn delete(&self, name: &BlobName) -> Result<(), BlobError>;

    /// Returns when everything stored so far survives a power cut.
    ///
    /// # Errors
    /// When the store fails.
    fn sync(&self) -> Result<(), BlobError>;
}
