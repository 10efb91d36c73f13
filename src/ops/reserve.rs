//! A little space kept back, so that a full disk can be emptied: even a removal writes to the catalogue.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use rustix::io::Errno;

/// What is kept back: some hundred removals.
const SIZE: u64 = 8 << 20;

/// What is copied for a while leaves so much to everybody else.
const LEFT: u64 = 256 << 20;

/// The file that keeps it.
pub struct Reserve {
    path: PathBuf,
    asked: Mutex<()>,
}

impl Reserve {
    pub(super) fn of(library: &Path) -> Self {
        Self { path: library.join("run/reserve"), asked: Mutex::default() }
    }

    /// Gives the space away; `false` when there is none.
    #[must_use]
    pub fn release(&self) -> bool {
        let released = std::fs::remove_file(&self.path).is_ok();
        if released {
            tracing::warn!("the disk is full; what was kept back for removals is used now");
        }
        released
    }

    /// Keeps the space back again when the disk has room enough. Without it everything else works.
    pub(super) fn keep(&self) -> io::Result<()> {
        if self.path.exists() {
            return Ok(());
        }
        if self.free()? < 4 * SIZE {
            return Ok(());
        }
        let file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.path)?;
        let kept = fallocate(&file, FallocateFlags::empty(), 0, SIZE);
        if let Err(e) = kept {
            std::fs::remove_file(&self.path)?;
            return Err(e.into());
        }
        Ok(())
    }

    /// Gives a file in the library's folder room for what is copied into it for a while, when enough is left then. One file after the other, so
    /// that no two count on the same room.
    ///
    /// # Errors
    /// When there is not enough.
    pub(super) fn give(&self, file: &File, bytes: u64) -> io::Result<()> {
        let one = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if self.free()? < bytes.saturating_add(LEFT) {
            let what = format!("the library's disk has no room for a copy of {bytes} bytes for a while");
            return Err(io::Error::new(io::ErrorKind::StorageFull, what));
        }
        let given = fallocate(file, FallocateFlags::KEEP_SIZE, 0, bytes.max(1));
        drop(one);
        match given {
            // A disk that gives none in advance may have less by then, and says so.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            given => Ok(given?),
        }
    }

    fn free(&self) -> io::Result<u64> {
        let space = statvfs(self.path.parent().unwrap_or(&self.path))?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_copy_has_its_room_beforehand_or_takes_none() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("run")).unwrap();
        let (reserve, file) = (Reserve::of(dir.path()), tempfile::tempfile_in(dir.path()).unwrap());
        // As much as there is leaves nothing to others.
        for bytes in [reserve.free().unwrap(), u64::MAX] {
            assert_eq!(reserve.give(&file, bytes).unwrap_err().kind(), io::ErrorKind::StorageFull);
            assert_eq!(file.metadata().unwrap().blocks(), 0);
        }
        reserve.give(&file, 1 << 20).unwrap();
        let given = file.metadata().unwrap();
        assert_eq!((given.len(), given.blocks() * 512 >= 1 << 20), (0, true));
        reserve.give(&file, 0).unwrap();
    }
}
