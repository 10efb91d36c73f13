//! The directory to mount at, checked before anything is done to it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxFlags};
use rustix::io::Errno;

use damfs::ops::mountinfo::{self, DeviceNo};

use super::{MountError, clear_dead};

/// An empty directory that is no mountpoint. Held by descriptor, so that what was checked is what gets mounted on.
#[derive(Debug)]
pub struct Place {
    /// Absolute, as the mount table will show it.
    pub path: PathBuf,
    directory: OwnedFd,
}

impl Place {
    /// Opens and checks a directory by its path.
    ///
    /// # Errors
    /// When it cannot be mounted on; says what to do.
    pub fn open(path: &Path) -> Result<Self, MountError> {
        let absolute = std::path::absolute(path).map_err(|e| unusable(path, e))?;
        let directory = open_directory(&absolute)?;
        Self::check(directory, &absolute)
    }

    /// Checks a directory that another process opened. `claimed` is the path that he gave, for messages alone.
    ///
    /// # Errors
    /// When it cannot be mounted on, or does not belong to `owner`; root may give any.
    pub fn from_descriptor(directory: OwnedFd, claimed: &Path, owner: u32) -> Result<Self, MountError> {
        let is_his = |directory: &OwnedFd| match rustix::fs::fstat(directory) {
            Ok(stat) if owner != 0 && stat.st_uid != owner => {
                let e = io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to another user");
                Err(unusable(claimed, e))
            }
            _ => Ok(()),
        };
        // Before anything is said about it, and again because a dead mount on it is replaced by what is below.
        is_his(&directory)?;
        let place = Self::check(directory, claimed)?;
        is_his(&place.directory)?;
        Ok(place)
    }

    fn check(mut directory: OwnedFd, named: &Path) -> Result<Self, MountError> {
        let path = real_path(&directory).map_err(|e| unusable(named, e))?;
        // The control protocol carries paths as text.
        if path.to_str().is_none() {
            return Err(MountError::NotText { path });
        }
        // What a daemon that died left behind is taken away, layer by layer; then the directory below is opened anew.
        while let Some(line) = mountinfo::topmost(&mountinfo::read().map_err(MountError::Table)?, &path).cloned() {
            if !line.is_dead() {
                let mounted = format!("{} ({})", line.source.to_string_lossy(), line.filesystem);
                return Err(MountError::Busy { path, mounted });
            }
            clear_dead(&path, &line)?;
            directory = open_directory(&path)?;
        }
        let stat = rustix::fs::fstat(&directory).map_err(|e| unusable(&path, e))?;
        if rustix::fs::FileType::from_raw_mode(stat.st_mode) != rustix::fs::FileType::Directory {
            return Err(MountError::NotDirectory { path });
        }
        if !is_empty(&directory).map_err(|e| unusable(&path, e))? {
            return Err(MountError::NotEmpty { path });
        }
        Ok(Self { path, directory })
    }

    /// A path that means this directory, wherever it is moved to; for the mount call alone.
    pub fn magic_path(&self) -> String {
        format!("/proc/self/fd/{}", self.directory.as_raw_fd())
    }

    /// The root of what is mounted here now, and its device. Asks the filesystem nothing: it need not run yet, and may refuse us.
    pub(super) fn mounted_root(&self) -> Result<(OwnedFd, DeviceNo), MountError> {
        // Up and down again crosses into the mount, which the descriptor itself does not.
        let name = self.path.file_name().ok_or_else(|| MountError::Missing { path: self.path.clone() })?;
        let up = rustix::fs::openat(&self.directory, "..", OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let root = up
            .and_then(|up| rustix::fs::openat(up, name, flags, Mode::empty()))
            .map_err(|e| unusable(&self.path, e))?;
        let device = device_of(root.as_fd()).map_err(|e| unusable(&self.path, e))?;
        if device == device_of(self.directory.as_fd()).map_err(|e| unusable(&self.path, e))? {
            return Err(unusable(&self.path, io::Error::other("the mount is not there; was the directory moved?")));
        }
        Ok((root, device))
    }
}

/// With no field wanted, a filesystem is not asked: the number is the kernel's own.
fn device_of(fd: BorrowedFd<'_>) -> Result<DeviceNo, Errno> {
    let stat = rustix::fs::statx(fd, "", AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC, StatxFlags::empty())?;
    Ok(DeviceNo { major: stat.stx_dev_major, minor: stat.stx_dev_minor })
}

fn open_directory(path: &Path) -> Result<OwnedFd, MountError> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match rustix::fs::openat(CWD, path, flags, Mode::empty()) {
        Ok(fd) => Ok(fd),
        Err(Errno::NOENT) => Err(MountError::Missing { path: path.to_owned() }),
        Err(Errno::NOTDIR) => Err(MountError::NotDirectory { path: path.to_owned() }),
        Err(e) => Err(unusable(path, e)),
    }
}

fn is_empty(directory: &OwnedFd) -> Result<bool, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let readable = rustix::fs::openat(directory, ".", flags, Mode::empty())?;
    for entry in rustix::fs::Dir::new(readable)? {
        if !matches!(entry?.file_name().to_bytes(), b"." | b"..") {
            return Ok(false);
        }
    }
    Ok(true)
}

fn real_path(directory: &OwnedFd) -> io::Result<PathBuf> {
    std::fs::read_link(format!("/proc/self/fd/{}", directory.as_raw_fd()))
}

fn unusable(path: &Path, e: impl Into<io::Error>) -> MountError {
    MountError::Place { path: path.to_owned(), source: e.into() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_empty_directory_will_do_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::open(dir.path()).unwrap();
        assert_eq!(place.path, dir.path().canonicalize().unwrap());
        assert!(matches!(place.mounted_root(), Err(MountError::Place { .. })), "nothing is mounted there");

        let missing = Place::open(&dir.path().join("missing"));
        assert!(matches!(missing, Err(MountError::Missing { .. })), "{missing:?}");
        let file = dir.path().join("file");
        std::fs::write(&file, b"").unwrap();
        let on_file = Place::open(&file);
        assert!(matches!(on_file, Err(MountError::NotDirectory { .. })), "{on_file:?}");
        let full = Place::open(dir.path());
        assert!(matches!(full, Err(MountError::NotEmpty { .. })), "{full:?}");
        let busy = Place::open(Path::new("/proc"));
        assert!(matches!(busy, Err(MountError::Busy { .. })), "{busy:?}");
    }

    #[test]
    fn a_passed_directory_must_be_its_givers() {
        let dir = tempfile::tempdir().unwrap();
        let fd = || open_directory(dir.path()).unwrap();
        let me = rustix::process::geteuid().as_raw();
        assert!(Place::from_descriptor(fd(), Path::new("/x"), me).is_ok());
        let stranger = Place::from_descriptor(fd(), Path::new("/x"), me + 1);
        assert!(matches!(stranger, Err(MountError::Place { .. })), "{stranger:?}");
        let file = tempfile::tempfile().unwrap();
        let not_a_directory = Place::from_descriptor(file.into(), Path::new("/x"), me);
        assert!(matches!(not_a_directory, Err(MountError::NotDirectory { .. })), "{not_a_directory:?}");
    }
}
