//! The open descriptors of staging files: only so many at a time; the others are opened again when they are used.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Staging files that are open at a time: two descriptors each, half of what a process may have where nobody raised it.
const MOST: usize = 256;

/// The two files of a stage.
pub(super) struct Files {
    pub(super) data: File,
    pub(super) index: File,
}

impl Files {
    /// Opens what is there.
    pub(super) fn open(index: &Path, data: &Path) -> io::Result<Self> {
        let open = |path: &Path| OpenOptions::new().read(true).write(true).open(path);
        Ok(Self { index: open(index)?, data: open(data)? })
    }
}

#[derive(Default)]
struct Slot {
    files: Mutex<Option<Arc<Files>>>,
    used: AtomicBool,
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Which stages have their files open, the longest open first.
#[derive(Default)]
pub(super) struct OpenFiles(Mutex<VecDeque<Arc<Slot>>>);

impl OpenFiles {
    /// Takes one in, and closes the one that was not used for longest when there are too many. What is in use stays open until then.
    fn add(&self, slot: &Arc<Slot>) {
        let mut open = lock(&self.0);
        open.push_back(slot.clone());
        while open.len() > MOST {
            let Some(oldest) = open.pop_front() else { return };
            if oldest.used.swap(false, Ordering::Relaxed) {
                open.push_back(oldest);
            } else {
                lock(&oldest.files).take();
            }
        }
    }

    fn remove(&self, slot: &Arc<Slot>) {
        lock(&self.0).retain(|there| !Arc::ptr_eq(there, slot));
    }
}

/// One stage's files, open or not.
pub(super) struct StageFiles {
    pub(super) index_path: PathBuf,
    data_path: PathBuf,
    slot: Arc<Slot>,
    open: Arc<OpenFiles>,
}

impl StageFiles {
    pub(super) fn new(index_path: PathBuf, data_path: PathBuf, files: Files, open: Arc<OpenFiles>) -> Self {
        let slot = Arc::new(Slot { files: Mutex::new(Some(Arc::new(files))), used: AtomicBool::new(false) });
        open.add(&slot);
        Self { index_path, data_path, slot, open }
    }

    /// The files, opened when they are not.
    pub(super) fn get(&self) -> io::Result<Arc<Files>> {
        self.slot.used.store(true, Ordering::Relaxed);
        if let Some(files) = lock(&self.slot.files).as_ref() {
            return Ok(files.clone());
        }
        let files = Arc::new(Files::open(&self.index_path, &self.data_path)?);
        *lock(&self.slot.files) = Some(files.clone());
        self.open.remove(&self.slot);
        self.open.add(&self.slot);
        Ok(files)
    }

    /// Another file has an old one's name now.
    pub(super) fn replaced(&self) {
        lock(&self.slot.files).take();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
impl StageFiles {
    /// Puts other files in their place.
    pub(super) fn swap(&self, change: impl FnOnce(&mut Files) -> File) -> File {
        let mut slot = lock(&self.slot.files);
        let mut files = slot.take().and_then(Arc::into_inner).unwrap();
        let old = change(&mut files);
        *slot = Some(Arc::new(files));
        old
    }
}

impl Drop for StageFiles {
    fn drop(&mut self) {
        self.open.remove(&self.slot);
    }
}
