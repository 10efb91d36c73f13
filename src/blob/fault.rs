//! A store that fails when it is told to, for tests of every error path.

use std::sync::{Mutex, PoisonError};

use super::{BlobError, BlobName, BlobStore, Put};
use crate::types::Timestamp;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fail {
    /// Puts find the disk full.
    Full,
    /// Reads fail.
    Read,
    /// Reads give a wrong byte.
    Corrupt,
    /// Syncs fail.
    Sync,
}

/// Fails one kind of call after so many good ones.
pub struct FaultStore<S> {
    inner: S,
    plan: Mutex<Option<(Fail, u32)>>,
}

impl<S: BlobStore> FaultStore<S> {
    /// A store that does not fail yet.
    pub const fn new(inner: S) -> Self {
        Self { inner, plan: Mutex::new(None) }
    }

    /// After `good` good calls of that kind every further one fails.
    pub fn fail_after(&self, fail: Fail, good: u32) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Some((fail, good));
    }

    /// It fails no more.
    pub fn mend(&self) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn fails(&self, kinds: &[Fail]) -> Option<Fail> {
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        let (fail, good) = plan.as_mut().filter(|(fail, _)| kinds.contains(fail))?;
        if *good == 0 {
            return Some(*fail);
        }
        *good -= 1;
        None
    }
}

impl<S: BlobStore> BlobStore for FaultStore<S> {
    fn put_if_absent(&self, name: &BlobName, bytes: &[u8]) -> Result<Put, BlobError> {
        match self.fails(&[Fail::Full]) {
            Some(_) => Err(BlobError::Full),
            None => self.inner.put_if_absent(name, bytes),
        }
    }

    fn replace(&self, name: &BlobName, bytes: &[u8]) -> Result<(), BlobError> {
        match self.fails(&[Fail::Full]) {
            Some(_) => Err(BlobError::Full),
            None => self.inner.replace(name, bytes),
        }
    }

    fn read(&self, name: &BlobName, offset: u64, buf: &mut [u8]) -> Result<usize, BlobError> {
        match self.fails(&[Fail::Read, Fail::Corrupt]) {
            Some(Fail::Corrupt) => {
                let got = self.inner.read(name, offset, buf)?;
                if let Some(byte) = buf[..got].last_mut() {
                    *byte ^= 1;
                }
                Ok(got)
            }
            Some(_) => Err(BlobError::Io(std::io::Error::other("the disk does not answer"))),
            None => self.inner.read(name, offset, buf),
        }
    }

    fn stat(&self, name: &BlobName) -> Result<Option<u64>, BlobError> {
        self.inner.stat(name)
    }

    fn list(&self, below: &str, each: &mut dyn FnMut(BlobName)) -> Result<(), BlobError> {
        self.inner.list(below, each)
    }

    fn used(&self, name: &BlobName) -> Result<Option<Timestamp>, BlobError> {
        self.inner.used(name)
    }

    fn touch(&self, name: &BlobName, now: Timestamp) -> Result<(), BlobError> {
        self.inner.touch(name, now)
    }

    fn delete(&self, name: &BlobName) -> Result<(), BlobError> {
        self.inner.delete(name)
    }

    fn sync(&self) -> Result<(), BlobError> {
        match self.fails(&[Fail::Sync]) {
            Some(_) => Err(BlobError::Io(std::io::Error::other("the disk does not sync"))),
            None => self.inner.sync(),
        }
    }
}
