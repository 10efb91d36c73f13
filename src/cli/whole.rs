//! Files that are there as a whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A file that has no name yet but one of its own, beside the one that it will have; gone unless it gets that.
pub struct Whole {
    pub file: File,
    unfinished: PathBuf,
    kept: bool,
}

impl Whole {
    /// An empty one in a folder, which is made when it is not there.
    pub fn begin(folder: &Path, prefix: &str) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Self::within(folder, prefix, 0o666)
    }

    /// As [`Whole::begin`]; file and folder are for nobody but their owner.
    pub fn begin_private(folder: &Path, prefix: &str) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        Self::within(folder, prefix, 0o600)
    }

    fn within(folder: &Path, prefix: &str, mode: u32) -> io::Result<Self> {
        let unfinished = folder.join(format!("{prefix}{}", std::process::id()));
        // One that was left by who was killed.
        let _ = fs::remove_file(&unfinished);
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(&unfinished)?;
        Ok(Self { file, unfinished, kept: false })
    }

    /// Gives it its name, also for after a power cut.
    pub fn keep_as(self, path: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        self.name_as(path)
    }

    /// Gives it its name; what is in it may be lost in a power cut.
    pub fn name_as(mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.unfinished, path)?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.unfinished);
        }
    }
}

/// Puts a text in the place of a file.
pub fn replace(path: &Path, text: &[u8], prefix: &str) -> io::Result<()> {
    let mut whole = Whole::begin(path.parent().unwrap_or(Path::new(".")), prefix)?;
    whole.file.write_all(text)?;
    whole.keep_as(path)
}
