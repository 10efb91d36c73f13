//! Which damfs mounts there are, and what a path means in one.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::ops::mountinfo::{self, Line};

/// One mount of a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FuseMount {
    pub library: PathBuf,
    pub mountpoint: PathBuf,
    line: Line,
}

impl FuseMount {
    fn of(line: Line) -> Option<Self> {
        let source = line.is_ours().then(|| PathBuf::from(&line.source))?;
        Some(Self { library: source, mountpoint: line.path.clone(), line })
    }

    /// Cuts its connection, as far as this user may.
    pub fn abort(&self) {
        let _ = mountinfo::abort(&self.line);
    }

    /// Whether its daemon died. Asks the mount, which waits for a daemon that is only stuck: ask that one first.
    pub fn is_dead(&self) -> bool {
        self.line.is_dead()
    }
}

/// Every damfs mount, in the order they were made.
pub fn all() -> Vec<FuseMount> {
    mountinfo::read().unwrap_or_default().into_iter().filter_map(FuseMount::of).collect()
}

/// The innermost damfs mount that a path lies in, with the path as seen there: a symbolic link is followed when the path itself lies in none.
pub fn locate(path: &Path) -> Option<(FuseMount, PathBuf)> {
    let mounts = all();
    locate_among(&mounts, path).map(|(mount, path)| (mount.clone(), path))
}

/// As [`locate`], among mounts that are known.
pub fn locate_among<'m>(mounts: &'m [FuseMount], path: &Path) -> Option<(&'m FuseMount, PathBuf)> {
    if mounts.is_empty() {
        return None;
    }
    let inside = |path: PathBuf| Some((containing(mounts, &path)?, path));
    inside(absolute(path)).or_else(|| inside(path.canonicalize().ok()?))
}

/// The innermost damfs mount that a path lies in. The path must be absolute; it need not exist.
fn containing<'m>(mounts: &'m [FuseMount], path: &Path) -> Option<&'m FuseMount> {
    let around = mounts.iter().filter(|m| path.starts_with(&m.mountpoint));
    around.max_by_key(|m| m.mountpoint.as_os_str().len())
}

/// The mount at exactly this place.
pub fn at(path: &Path) -> Option<FuseMount> {
    let table = mountinfo::read().unwrap_or_default();
    mountinfo::topmost(&table, path).cloned().and_then(FuseMount::of)
}

/// Whether anything at all is mounted at this place.
pub fn any_at(path: &Path) -> bool {
    mountinfo::read().is_ok_and(|table| mountinfo::topmost(&table, path).is_some())
}

/// Mounts of one library.
pub fn of_library(root: &Path) -> Vec<FuseMount> {
    all().into_iter().filter(|m| m.library == root).collect()
}

/// A path from the root, without asking the filesystem about its last part: a dead mount answers nothing.
pub fn absolute(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut clean = PathBuf::new();
    for part in whole.components() {
        match part {
            std::path::Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    // The folder above may be reached through a symbolic link; mounts are listed by their true path.
    match (clean.parent(), clean.file_name()) {
        (Some(parent), Some(name)) => parent.canonicalize().map_or(clean.clone(), |p| p.join(name)),
        _ => clean,
    }
}

/// The path below a mount.
pub fn below<'p>(mount: &FuseMount, path: &'p Path) -> &'p [u8] {
    path.strip_prefix(&mount.mountpoint).map_or(OsStr::new(""), Path::as_os_str).as_bytes()
}
