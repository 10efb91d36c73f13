//! Emptied pairs of files that wait for the next staging file. A file system that has just freed many inodes searches long for each new
//! one, so what thousands of small files are written through is used again.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Pairs that are kept.
const MOST: usize = 4096;
/// What the two files of a pair are called, behind its number.
const INDEX: &str = "spare-idx";
const DATA: &str = "spare-dat";

/// The pairs of one folder, by number.
#[derive(Default)]
pub(super) struct Spares {
    free: Mutex<Vec<u64>>,
    next: AtomicU64,
}

impl Spares {
    /// Whether a file is one of a pair.
    pub(super) fn is_one(path: &Path) -> bool {
        path.extension().is_some_and(|e| e == INDEX || e == DATA)
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<u64>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in a staging file's data and index, the data first. They lose their bytes before their names, so a spare never holds any.
    ///
    /// # Errors
    /// When the disk fails, or there are enough; then what is still called so is the caller's to remove.
    pub(super) fn keep(&self, root: &Path, data: &Path, index: &Path) -> io::Result<()> {
        if self.free().len() >= MOST {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        for (file, kind) in [(data, DATA), (index, INDEX)] {
            OpenOptions::new().write(true).truncate(true).open(file)?;
            fs::rename(file, path(root, number, kind))?;
        }
        self.free().push(number);
        Ok(())
    }

    /// Gives a pair the names of a staging file's data and index, in that order; `false` when there is none to give.
    pub(super) fn give(&self, root: &Path, data: &Path, index: &Path) -> bool {
        let Some(number) = self.free().pop() else { return false };
        fs::rename(path(root, number, DATA), data).is_ok() && fs::rename(path(root, number, INDEX), index).is_ok()
    }
}

fn path(root: &Path, number: u64, kind: &str) -> PathBuf {
    root.join(format!("{number}.{kind}"))
}
