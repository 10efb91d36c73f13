//! A text that people keep in the library's folder, and whether it has become another since it was read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A file that has become another: its number, size and time.
pub(super) type Stamp = (u64, u64, i64, i64);

/// One such text.
#[derive(Debug)]
pub(super) struct OwnText {
    name: &'static str,
    seen: Mutex<Seen>,
}

/// What is known of it.
#[derive(Debug, Default)]
pub(super) struct Seen {
    stamp: Option<Stamp>,
    fault: Option<String>,
    /// How it stood at the last beat, when that is not how it was read.
    moving: Option<Option<Stamp>>,
}

impl Seen {
    /// It was read as it stood then, with what is wrong with it.
    pub fn read(&mut self, stamp: Option<Stamp>, fault: Option<String>) {
        *self = Self { stamp, fault, moving: None };
    }
}

impl OwnText {
    /// The text of that name, as it stands now.
    pub fn new(root: &Path, name: &'static str) -> Self {
        let text = Self::unread(name);
        let stamp = text.stamp(root);
        text.seen().read(stamp, None);
        text
    }

    /// The text of that name, which has yet to be read.
    pub const fn unread(name: &'static str) -> Self {
        Self { name, seen: Mutex::new(Seen { stamp: None, fault: None, moving: None }) }
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is wrong with it.
    pub fn fault(&self) -> Option<String> {
        self.seen().fault.clone()
    }

    pub fn stamp(&self, root: &Path) -> Option<Stamp> {
        let meta = fs::metadata(root.join(self.name)).ok()?;
        Some((meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec()))
    }

    /// How it stands, when that is not how it was read, and it stood so at the last beat: of what is being written the first half would be
    /// read as the whole.
    pub fn changed(&self, root: &Path, seen: &mut Seen) -> Option<Option<Stamp>> {
        let now = self.stamp(root);
        let before = std::mem::replace(&mut seen.moving, (now != seen.stamp).then_some(now));
        (before.is_some() && before == seen.moving).then_some(now)
    }

    /// What stands in it; `None` when it is not there.
    pub fn bytes(&self, root: &Path) -> io::Result<Option<Vec<u8>>> {
        match fs::read(root.join(self.name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// As [`OwnText::bytes`], of one that was there: that it is gone may be an editor saving it.
    ///
    /// # Errors
    /// The sentence for people.
    pub fn must(&self, root: &Path) -> Result<Vec<u8>, String> {
        fs::read(root.join(self.name)).map_err(|e| self.unreadable(&e))
    }

    pub fn unreadable(&self, e: &io::Error) -> String {
        format!("{} cannot be read: {e}", self.name)
    }

    /// Puts another in its place: all of it or nothing, also after a power cut.
    pub fn replace(&self, root: &Path, text: &str) -> io::Result<()> {
        let fresh = root.join(format!("{}.new", self.name));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, root.join(self.name))?;
        File::open(root)?.sync_all()
    }
}
