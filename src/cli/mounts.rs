//! Which damfs mounts there are, as the kernel says.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// One mount of a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FuseMount {
    pub library: PathBuf,
    pub mountpoint: PathBuf,
}

/// Every damfs mount, in the order they were made.
pub fn all() -> Vec<FuseMount> {
    fs::read("/proc/self/mountinfo").map(|text| parse(&text)).unwrap_or_default()
}

/// The innermost damfs mount that a path lies in. The path must be absolute; it need not exist.
pub fn containing(path: &Path) -> Option<FuseMount> {
    all().into_iter().filter(|m| path.starts_with(&m.mountpoint)).max_by_key(|m| m.mountpoint.as_os_str().len())
}

/// The mount at exactly this place.
pub fn at(path: &Path) -> Option<FuseMount> {
    all().into_iter().rev().find(|m| m.mountpoint == path)
}

/// Whether anything at all is mounted at this place.
pub fn any_at(path: &Path) -> bool {
    let text = fs::read("/proc/self/mountinfo").unwrap_or_default();
    text.split(|&b| b == b'\n').filter_map(|line| line.split(|&b| b == b' ').nth(4)).any(|at| unescape(at) == path)
}

/// Mounts of one library.
pub fn of_library(root: &Path) -> Vec<FuseMount> {
    all().into_iter().filter(|m| m.library == root).collect()
}

/// Lines look like `36 35 98:0 / /mnt rw,noatime shared:1 - fuse.damfs /srv/studio rw,user_id=0`.
fn parse(text: &[u8]) -> Vec<FuseMount> {
    let mut mounts = Vec::new();
    for line in text.split(|&b| b == b'\n') {
        let fields: Vec<&[u8]> = line.split(|&b| b == b' ').collect();
        let Some(dash) = fields.iter().position(|f| *f == b"-") else { continue };
        if let (Some(mountpoint), Some(&b"fuse.damfs"), Some(source)) =
            (fields.get(4), fields.get(dash + 1), fields.get(dash + 2))
        {
            mounts.push(FuseMount { library: unescape(source), mountpoint: unescape(mountpoint) });
        }
    }
    mounts
}

/// The kernel writes space, tab, line feed and backslash as three octal digits.
fn unescape(text: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        let octal = tail.get(..3).and_then(|d| std::str::from_utf8(d).ok()).and_then(|d| u8::from_str_radix(d, 8).ok());
        match (byte, octal) {
            (b'\\', Some(code)) => {
                bytes.push(code);
                rest = &tail[3..];
            }
            _ => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
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

/// The path below a mount, as text for the library.
pub fn below(mount: &FuseMount, path: &Path) -> String {
    let rest = path.strip_prefix(&mount.mountpoint).unwrap_or(Path::new(""));
    String::from_utf8_lossy(rest.as_os_str().as_bytes()).into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn mountinfo_is_read_with_its_escapes() {
        let text = b"22 1 0:20 / /proc rw - proc proc rw\n\
            40 22 0:50 / /mnt/my\\040art rw,nosuid,nodev shared:5 master:1 - fuse.damfs /srv/a\\134b rw,user_id=0\n";
        let mounts = parse(text);
        assert_eq!(
            mounts,
            vec![FuseMount { library: PathBuf::from("/srv/a\\b"), mountpoint: PathBuf::from("/mnt/my art") }]
        );
    }
}
