//! Which mounts there are, as the kernel says, and whether anybody answers for one.

use std::ffi::OsString;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::{fmt, io};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxFlags};
use rustix::io::Errno;
use rustix::mount::UnmountFlags;
use rustix::process::{Gid, Uid};

/// The type that `findmnt` and `/proc/mounts` show of our mounts.
pub const FILESYSTEM: &str = "fuse.damfs";

/// A filesystem's device number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceNo {
    pub major: u32,
    pub minor: u32,
}

impl fmt::Display for DeviceNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.major, self.minor)
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub device: DeviceNo,
    pub path: PathBuf,
    pub filesystem: String,
    pub source: OsString,
    /// The user and group whom a FUSE mount answers.
    pub user: Option<(u32, u32)>,
}

impl Line {
    /// Whether it is a mount of a damfs library, whose folder is the source.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.filesystem == FILESYSTEM
    }

    /// Whether nobody answers for the mount any more. Asked past the kernel's cache, which outlives a daemon, and as the user whom the
    /// mount answers where that can be, for anybody else is refused dead or alive.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let Ok(root) = rustix::fs::openat(CWD, &self.path, flags, Mode::empty()) else { return false };
        let answer = match self.user {
            Some((uid, gid)) if rustix::process::geteuid().is_root() => stat_as(&root, uid, gid),
            _ => stat(root.as_fd()),
        };
        matches!(answer, Err(e) if e.kind() == io::ErrorKind::NotConnected)
    }
}

/// The table, in mount order: of two lines with one path, the later covers the earlier.
///
/// # Errors
/// When `/proc` is not there.
pub fn read() -> io::Result<Vec<Line>> {
    Ok(parse(&std::fs::read("/proc/self/mountinfo")?))
}

/// The mount that is seen at exactly this path.
#[must_use]
pub fn topmost<'a>(table: &'a [Line], path: &Path) -> Option<&'a Line> {
    table.iter().rev().find(|line| line.path == path)
}

/// Everywhere that a filesystem is mounted.
#[must_use]
pub fn places_of(table: &[Line], device: DeviceNo) -> Vec<PathBuf> {
    table.iter().filter(|line| line.device == device).map(|line| line.path.clone()).collect()
}

/// Cuts the connection of a FUSE mount: who waits for an answer gets an error. Done through the kernel's control filesystem, or by root without it;
/// then a mount that nothing uses is gone, too.
///
/// # Errors
/// When neither may be used.
pub fn abort(line: &Line) -> io::Result<()> {
    let control = format!("/sys/fs/fuse/connections/{}/abort", line.device.minor);
    let told = std::fs::OpenOptions::new().write(true).open(control).and_then(|mut file| file.write_all(b"1"));
    told.or_else(|_| match rustix::mount::unmount(&line.path, UnmountFlags::FORCE | UnmountFlags::NOFOLLOW) {
        // A mount in use refuses to go, but its connection is cut by then.
        Ok(()) | Err(Errno::BUSY) => Ok(()),
        Err(e) => Err(e.into()),
    })
}

/// Asks for a directory's attributes as that user and group; only root can be another than himself.
///
/// # Errors
/// What the filesystem answers; `NotConnected` when nobody does.
pub fn stat_as(root: &OwnedFd, uid: u32, gid: u32) -> io::Result<()> {
    if rustix::process::geteuid().as_raw() == uid && rustix::process::getegid().as_raw() == gid {
        return stat(root.as_fd());
    }
    // Ids belong to a thread in Linux: this one takes them and ends with them.
    std::thread::scope(|scope| {
        let asking = std::thread::Builder::new().name("probe".into()).spawn_scoped(scope, || {
            let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
            rustix::thread::set_thread_res_gid(gid, gid, gid)?;
            rustix::thread::set_thread_res_uid(uid, uid, uid)?;
            stat(root.as_fd())
        })?;
        asking.join().unwrap_or_else(|_| Err(io::Error::other("the probe panicked")))
    })
}

fn stat(root: BorrowedFd<'_>) -> io::Result<()> {
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_FORCE_SYNC;
    rustix::fs::statx(root, "", flags, StatxFlags::BASIC_STATS)?;
    Ok(())
}

/// Lines that are none are left out.
fn parse(text: &[u8]) -> Vec<Line> {
    text.split(|&b| b == b'\n').filter_map(parse_line).collect()
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw`
fn parse_line(line: &[u8]) -> Option<Line> {
    let fields: Vec<&[u8]> = line.split(|&b| b == b' ').collect();
    let device = std::str::from_utf8(fields.get(2)?).ok()?;
    let (major, minor) = device.split_once(':')?;
    let device = DeviceNo { major: major.parse().ok()?, minor: minor.parse().ok()? };
    let path = PathBuf::from(unescape(fields.get(4)?));
    let dash = fields.iter().skip(6).position(|field| *field == b"-")? + 6;
    let filesystem = String::from_utf8_lossy(fields.get(dash + 1)?).into_owned();
    let source = unescape(fields.get(dash + 2)?);
    let options = fields.get(dash + 3).and_then(|f| std::str::from_utf8(f).ok()).unwrap_or_default();
    let user = number(options, "user_id=").zip(number(options, "group_id="));
    Some(Line { device, path, filesystem, source, user })
}

fn number(options: &str, key: &str) -> Option<u32> {
    options.split(',').find_map(|option| option.strip_prefix(key)?.parse().ok())
}

/// Blank, tab, line break and backslash are written as `\` and three octal digits.
fn unescape(field: &[u8]) -> OsString {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, tail)) = rest.split_first() {
        let octal = (first == b'\\').then(|| tail.get(..3)).flatten().and_then(|digits| {
            let text = std::str::from_utf8(digits).ok()?;
            u8::from_str_radix(text, 8).ok()
        });
        match octal {
            Some(byte) => {
                out.push(byte);
                rest = tail.get(3..).unwrap_or_default();
            }
            None => {
                out.push(first);
                rest = tail;
            }
        }
    }
    OsString::from_vec(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
        90 22 0:55 / /home/a/my\\040photos rw,nosuid,nodev - fuse.damfs /srv/lib\\134x rw,user_id=1000,group_id=100\n\
        91 22 0:56 / /mnt rw shared:4 master:2 - tmpfs tmpfs rw\n\
        92 91 0:57 / /mnt rw - fuse.damfs /srv/other rw\n\
        nonsense\n";

    #[test]
    fn lines_are_parsed_and_unescaped() {
        let table = parse(TABLE);
        assert_eq!(table.len(), 4);
        let ours = topmost(&table, Path::new("/home/a/my photos")).unwrap();
        assert_eq!((ours.filesystem.as_str(), ours.source.to_str().unwrap()), ("fuse.damfs", "/srv/lib\\x"));
        assert_eq!((ours.device.to_string().as_str(), ours.user), ("0:55", Some((1000, 100))));
        assert_eq!(topmost(&table, Path::new("/")).unwrap().user, None);
    }

    #[test]
    fn the_later_of_two_mounts_is_seen() {
        let table = parse(TABLE);
        assert_eq!(topmost(&table, Path::new("/mnt")).unwrap().filesystem, "fuse.damfs");
        assert!(topmost(&table, Path::new("/mn")).is_none());
        assert_eq!(places_of(&table, DeviceNo { major: 0, minor: 56 }), [PathBuf::from("/mnt")]);
        assert!(places_of(&table, DeviceNo { major: 7, minor: 0 }).is_empty());
    }

    #[test]
    fn this_machine_has_a_root() {
        assert!(topmost(&read().unwrap(), Path::new("/")).is_some());
    }
}
