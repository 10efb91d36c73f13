//! A store in a folder. A new blob is written beside its place under a name that no blob has, then renamed; names spread over
//! sub-folders by the first characters of their last part.

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, CWD, RenameFlags, Timespec, Timestamps, renameat_with};

use super::{BlobError, BlobName, BlobStore, Put};
use crate::types::Timestamp;

/// Begins the names of files that are being written.
const TEMP: &str = ".new-";

/// A store in a folder.
pub struct LocalStore {
    root: PathBuf,
    folder: File,
    last: AtomicU64,
}

impl LocalStore {
    /// Opens the folder and removes what a crash left half-written.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn open(root: &Path) -> Result<Self, BlobError> {
        let folder = File::open(root)?;
        for entry in fs::read_dir(root)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(TEMP) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(Self { root: root.into(), folder, last: AtomicU64::new(0) })
    }

    fn path(&self, name: &BlobName) -> PathBuf {
        let (front, last) = name.as_str().rsplit_once('/').unwrap_or(("", name.as_str()));
        let fan = last.get(..2).unwrap_or(last);
        self.root.join(front).join(fan).join(last)
    }

    fn written(&self, path: &Path, bytes: &[u8]) -> Result<Temp, BlobError> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let n = self.last.fetch_add(1, Ordering::Relaxed);
        let temp = Temp(self.root.join(format!("{TEMP}{}-{n}", std::process::id())));
        File::create_new(&temp.0)?.write_all(bytes)?;
        Ok(temp)
    }
}

/// A file on its way; gone when it does not arrive.
struct Temp(PathBuf);

impl Drop for Temp {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl BlobStore for LocalStore {
    fn put_if_absent(&self, name: &BlobName, bytes: &[u8]) -> Result<Put, BlobError> {
        let path = self.path(name);
        if path.exists() {
            return Ok(Put::Existed);
        }
        let temp = self.written(&path, bytes)?;
        // The first of two writers wins. Not by a link: not every disk has them.
        match renameat_with(CWD, &temp.0, CWD, &path, RenameFlags::NOREPLACE).map_err(std::io::Error::from) {
            Ok(()) => Ok(Put::Stored),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(Put::Existed),
            Err(e) => Err(e.into()),
        }
    }

    fn replace(&self, name: &BlobName, bytes: &[u8]) -> Result<(), BlobError> {
        let path = self.path(name);
        let temp = self.written(&path, bytes)?;
        fs::rename(&temp.0, &path)?;
        Ok(())
    }

    fn read(&self, name: &BlobName, offset: u64, buf: &mut [u8]) -> Result<usize, BlobError> {
        let file = match File::open(self.path(name)) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(BlobError::Missing(name.to_string())),
            Err(e) => return Err(e.into()),
        };
        let mut got = 0;
        while got < buf.len() {
            match file.read_at(&mut buf[got..], offset + got as u64) {
                Ok(0) => break,
                Ok(n) => got += n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(got)
    }

    fn stat(&self, name: &BlobName) -> Result<Option<u64>, BlobError> {
        match fs::metadata(self.path(name)) {
            Ok(m) => Ok(Some(m.len())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    fn list(&self, below: &str, each: &mut dyn FnMut(BlobName)) -> Result<(), BlobError> {
        let mut folders = vec![self.root.join(below)];
        while let Some(folder) = folders.pop() {
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
                Err(e) => return Err(e.into()),
            };
            for entry in entries {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                    continue;
                }
                let path = entry.path();
                let Ok(relative) = path.strip_prefix(&self.root) else { continue };
                let parts: Vec<_> = relative.iter().map(|p| p.to_string_lossy().into_owned()).collect();
                // The part before the last is only there to spread the files.
                if let [front @ .., _fan, last] = parts.as_slice() {
                    let name = front.iter().chain([last]).cloned().collect::<Vec<_>>().join("/");
                    if let Ok(name) = BlobName::new(&name) {
                        each(name);
                    }
                }
            }
        }
        Ok(())
    }

    fn used(&self, name: &BlobName) -> Result<Option<Timestamp>, BlobError> {
        match fs::metadata(self.path(name)) {
            Ok(m) => {
                Ok(Some(Timestamp::from_nanos(m.mtime().saturating_mul(1_000_000_000).saturating_add(m.mtime_nsec()))))
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    fn touch(&self, name: &BlobName, now: Timestamp) -> Result<(), BlobError> {
        let (secs, nanos) = now.split();
        let time = Timespec { tv_sec: secs, tv_nsec: i64::from(nanos) };
        let times = Timestamps { last_access: time, last_modification: time };
        match rustix::fs::utimensat(CWD, self.path(name), &times, AtFlags::empty()).map_err(std::io::Error::from) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    fn delete(&self, name: &BlobName) -> Result<(), BlobError> {
        match fs::remove_file(self.path(name)) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    fn sync(&self) -> Result<(), BlobError> {
        #[expect(unsafe_code, reason = "std offers no syncfs")]
        // SAFETY: the descriptor is open for as long as `self.folder` lives.
        let result = unsafe { libc::syncfs(self.folder.as_raw_fd()) };
        if result == 0 { Ok(()) } else { Err(std::io::Error::last_os_error().into()) }
    }
}
