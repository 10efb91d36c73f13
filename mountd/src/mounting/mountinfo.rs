//! `/proc/self/mountinfo`, parsed.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::MountError;

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

/// The table, in mount order: of two lines with one path, the later covers the earlier.
pub fn read() -> Result<Vec<Line>, MountError> {
    let text = std::fs::read("/proc/self/mountinfo").map_err(MountError::Table)?;
    Ok(parse(&text))
}

/// The mount that is seen at exactly this path.
pub fn topmost<'a>(table: &'a [Line], path: &Path) -> Option<&'a Line> {
    table.iter().rev().find(|line| line.path == path)
}

/// Everywhere that a filesystem is mounted.
pub fn places_of(table: &[Line], device: DeviceNo) -> Vec<PathBuf> {
    table.iter().filter(|line| line.device == device).map(|line| line.path.clone()).collect()
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
