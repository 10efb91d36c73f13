//! A store in memory, for tests.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::{BlobError, BlobName, BlobStore, Put};
use crate::types::Timestamp;

/// A store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    held: Mutex<BTreeMap<BlobName, Vec<u8>>>,
    used: Mutex<BTreeMap<BlobName, Timestamp>>,
}

impl MemoryStore {
    fn held(&self) -> std::sync::MutexGuard<'_, BTreeMap<BlobName, Vec<u8>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn times(&self) -> std::sync::MutexGuard<'_, BTreeMap<BlobName, Timestamp>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes held altogether.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.held().values().map(|b| b.len() as u64).sum()
    }
}

impl BlobStore for MemoryStore {
    fn put_if_absent(&self, name: &BlobName, bytes: &[u8]) -> Result<Put, BlobError> {
        let mut held = self.held();
        if held.contains_key(name) {
            return Ok(Put::Existed);
        }
        held.insert(name.clone(), bytes.to_vec());
        Ok(Put::Stored)
    }

    fn replace(&self, name: &BlobName, bytes: &[u8]) -> Result<(), BlobError> {
        self.held().insert(name.clone(), bytes.to_vec());
        Ok(())
    }

    fn read(&self, name: &BlobName, offset: u64, buf: &mut [u8]) -> Result<usize, BlobError> {
        let held = self.held();
        let bytes = held.get(name).ok_or_else(|| BlobError::Missing(name.to_string()))?;
        Ok(crate::types::ReadAt::read_at(bytes.as_slice(), offset, buf)?)
    }

    fn stat(&self, name: &BlobName) -> Result<Option<u64>, BlobError> {
        Ok(self.held().get(name).map(|b| b.len() as u64))
    }

    fn list(&self, below: &str, each: &mut dyn FnMut(BlobName)) -> Result<(), BlobError> {
        let prefix = format!("{below}/");
        let names: Vec<BlobName> = self.held().keys().filter(|n| n.as_str().starts_with(&prefix)).cloned().collect();
        names.into_iter().for_each(each);
        Ok(())
    }

    fn used(&self, name: &BlobName) -> Result<Option<Timestamp>, BlobError> {
        let used = self.times().get(name).copied().unwrap_or(Timestamp::EPOCH);
        Ok(self.held().contains_key(name).then_some(used))
    }

    fn touch(&self, name: &BlobName, now: Timestamp) -> Result<(), BlobError> {
        if self.held().contains_key(name) {
            self.times().insert(name.clone(), now);
        }
        Ok(())
    }

    fn delete(&self, name: &BlobName) -> Result<(), BlobError> {
        self.times().remove(name);
        self.held().remove(name);
        Ok(())
    }

    fn sync(&self) -> Result<(), BlobError> {
        Ok(())
    }
}
