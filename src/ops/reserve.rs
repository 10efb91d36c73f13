//! A little space kept back, so that a full disk can be emptied: even a removal writes to the catalogue.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate, statvfs};

/// What is kept back: some hundred removals.
const SIZE: u64 = 8 << 20;

/// The file that keeps it.
pub struct Reserve {
    path: PathBuf,
}

impl Reserve {
    pub(super) fn of(library: &Path) -> Self {
        Self { path: library.join("run/reserve") }
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
        let folder = self.path.parent().unwrap_or(&self.path);
        let space = statvfs(folder)?;
        if space.f_bavail.saturating_mul(space.f_frsize) < 4 * SIZE {
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
}
