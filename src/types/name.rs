//! A directory entry's name, checked once.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Why bytes are not a file name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Empty, `.` or `..`.
    #[error("a file name may not be empty, `.` or `..`")]
    Reserved,
    /// Longer than 255 bytes.
    #[error("a file name may have 255 bytes at most; this one has {0}")]
    TooLong(usize),
    /// Holds `/` or NUL.
    #[error("a file name may not hold `/` or NUL")]
    BadByte,
}

/// One name: 1 to 255 bytes, any but `/` and NUL, not `.` or `..`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName(Box<[u8]>);

impl FileName {
    /// Longest name in bytes.
    pub const MAX: usize = 255;

    /// Checks the bytes.
    ///
    /// # Errors
    /// When they are no file name.
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, NameError> {
        let bytes = bytes.as_ref();
        match bytes {
            b"" | b"." | b".." => Err(NameError::Reserved),
            _ if bytes.len() > Self::MAX => Err(NameError::TooLong(bytes.len())),
            _ if bytes.iter().any(|&b| b == b'/' || b == 0) => Err(NameError::BadByte),
            _ => Ok(Self(bytes.into())),
        }
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The name as the operating system takes it.
    #[must_use]
    pub fn as_os_str(&self) -> &OsStr {
        OsStr::from_bytes(&self.0)
    }

    /// The name as the operating system takes it.
    #[must_use]
    pub fn to_os_string(&self) -> OsString {
        OsString::from_vec(self.0.to_vec())
    }

    /// For people: bytes that are no UTF-8 are replaced.
    #[must_use]
    pub fn to_text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }

    /// `name (n).ext`, for when the name is taken. The stem gives way first, then an extension that is longer than any real one.
    #[must_use]
    pub fn numbered(&self, n: u32) -> Self {
        let (stem, extension) = self.split_extension();
        let mut tail = format!(" ({n})").into_bytes();
        if let Some(extension) = extension {
            tail.push(b'.');
            tail.extend_from_slice(cut(extension, Self::MAX / 2));
        }
        let mut bytes = cut(stem, Self::MAX.saturating_sub(tail.len())).to_vec();
        bytes.extend_from_slice(&tail);
        Self(bytes.into())
    }

    /// The name with `tail` behind it, cut between two characters where both have no room in a name.
    #[must_use]
    pub fn with_tail(&self, tail: &str) -> Self {
        let mut bytes = cut(&self.0, Self::MAX.saturating_sub(tail.len())).to_vec();
        bytes.extend_from_slice(tail.as_bytes());
        Self(bytes.into())
    }

    /// The name up to its last dot, and the extension behind it without the dot. A leading dot starts no extension.
    #[must_use]
    pub fn split_extension(&self) -> (&[u8], Option<&[u8]>) {
        match self.0.iter().rposition(|&b| b == b'.') {
            Some(at) if at > 0 && at + 1 < self.0.len() => (&self.0[..at], Some(&self.0[at + 1..])),
            _ => (&self.0, None),
        }
    }
}

/// At most `room` bytes, not cut inside a character.
fn cut(bytes: &[u8], room: usize) -> &[u8] {
    let mut end = bytes.len().min(room);
    while end > 0 && end < bytes.len() && bytes[end] & 0xC0 == 0x80 {
        end -= 1;
    }
    &bytes[..end]
}

impl TryFrom<&OsStr> for FileName {
    type Error = NameError;
    fn try_from(name: &OsStr) -> Result<Self, NameError> {
        Self::new(name.as_bytes())
    }
}

impl TryFrom<&str> for FileName {
    type Error = NameError;
    fn try_from(name: &str) -> Result<Self, NameError> {
        Self::new(name.as_bytes())
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl fmt::Debug for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_once() {
        assert!(FileName::new(b"a.png").is_ok());
        assert!(FileName::new([0xff, 0xfe]).is_ok());
        assert!(FileName::new([b'a'; 255]).is_ok());
        assert_eq!(FileName::new([b'a'; 256]), Err(NameError::TooLong(256)));
        assert_eq!(FileName::new(b""), Err(NameError::Reserved));
        assert_eq!(FileName::new(b".."), Err(NameError::Reserved));
        assert_eq!(FileName::new(b"a/b"), Err(NameError::BadByte));
        assert_eq!(FileName::new(b"a\0b"), Err(NameError::BadByte));
    }

    #[test]
    fn extensions_split_at_the_last_dot() -> Result<(), NameError> {
        let split = |s: &str| -> Result<(String, Option<String>), NameError> {
            let name = FileName::new(s)?;
            let (stem, ext) = name.split_extension();
            let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
            Ok((text(stem), ext.map(text)))
        };
        assert_eq!(split("a.b.png")?, ("a.b".into(), Some("png".into())));
        assert_eq!(split(".hidden")?, (".hidden".into(), None));
        assert_eq!(split("dot.")?, ("dot.".into(), None));
        Ok(())
    }

    /// A name that is nearly all extension once made a number that did not fit, and a room below nothing.
    #[test]
    fn a_numbered_name_always_fits() -> Result<(), NameError> {
        let numbered = |name: &str, n| -> Result<String, NameError> { Ok(FileName::new(name)?.numbered(n).to_text()) };
        assert_eq!(numbered("a.png", 2)?, "a (2).png");
        assert_eq!(numbered("readme", 3)?, "readme (3)");
        let long = "x".repeat(253);
        for name in [format!("a.{long}"), format!("{long}.a"), "ü".repeat(127), format!("a.{}", "ü".repeat(126))] {
            let made = FileName::new(&name)?.numbered(u32::MAX);
            assert!(made.as_bytes().len() <= FileName::MAX, "{made}");
            assert!(std::str::from_utf8(made.as_bytes()).is_ok(), "{made}");
            assert_eq!(FileName::new(made.as_bytes())?, made);
        }
        Ok(())
    }
}
