//! `damfs.toml`: what a folder needs to be known as a library.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::library::{FORMAT, Library, OpenError};
use super::retention::{LONGEST_DAYS, RECOVERY_DAYS};
use super::screen::ScreenInfo;
use super::signing::C2paInfo;
use super::value;

/// The file.
pub(super) const FILE: &str = "damfs.toml";

/// `damfs.toml`: what a folder needs to be known as a library.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LibraryInfo {
    /// Layout version.
    pub format: u32,
    /// The library's id; the key file carries it too.
    pub id: String,
    /// Whether its bytes are encrypted.
    pub sealed: bool,
    /// Who may see plain text of times: RFC 3339.
    pub created: String,
    /// How long the trash is kept, in days. People may change it; it is read when the library is opened.
    #[serde(default = "usual_days")]
    pub recovery_days: u32,
    /// How many bytes of rendered exports are kept; read when the library is opened.
    #[serde(default)]
    pub renditions_max: Bytes,
    /// The file that the heads of the audit log are told to, daily and at a daemon's beginning and end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_heads: Option<PathBuf>,
    /// Whether the audit log tells who opened what to read it.
    #[serde(default = "usually", skip_serializing_if = "is_usual")]
    pub audit_reads: bool,
    /// A program that looks at what is to be approved. The last ones: they are tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screen: Option<ScreenInfo>,
    /// The certificate that exports are signed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub c2pa: Option<C2paInfo>,
}

const fn usually() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_usual(audit_reads: &bool) -> bool {
    *audit_reads
}

const fn usual_days() -> u32 {
    RECOVERY_DAYS
}

impl LibraryInfo {
    const KEYS: [&str; 10] = [
        "format",
        "id",
        "sealed",
        "created",
        "recovery_days",
        "renditions_max",
        "audit_heads",
        "audit_reads",
        "screen",
        "c2pa",
    ];
}

/// A number of bytes as people write it: `20G`, in powers of 1024.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bytes(pub u64);

const UNITS: [(&str, u64); 5] = [("T", 1 << 40), ("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10), ("", 1)];

impl Default for Bytes {
    fn default() -> Self {
        Self(20 << 30)
    }
}

impl TryFrom<String> for Bytes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let found = UNITS.iter().find_map(|(unit, size)| {
            let number = text.strip_suffix(unit)?;
            let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
            number.parse::<u64>().ok().filter(|_| is_number)?.checked_mul(*size)
        });
        found.map(Self).ok_or_else(|| format!("`{text}` is no number of bytes; write \"20G\", or K, M, T"))
    }
}

impl From<Bytes> for String {
    fn from(Bytes(count): Bytes) -> Self {
        let unit = UNITS.iter().find(|(_, size)| count >= *size && count.is_multiple_of(*size));
        unit.map_or_else(|| count.to_string(), |(unit, size)| format!("{}{unit}", count / size))
    }
}

impl Library {
    /// Reads `damfs.toml`.
    ///
    /// # Errors
    /// When the folder is no library or a newer one.
    pub fn info_of(root: &Path) -> Result<LibraryInfo, OpenError> {
        let damaged = |why: String| OpenError::Damaged { path: root.into(), why };
        let text = fs::read_to_string(root.join(FILE)).map_err(|e| match e.kind() {
            std::io::ErrorKind::PermissionDenied => OpenError::Denied { path: root.into() },
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
                OpenError::NotALibrary { path: root.into() }
            }
            _ => damaged(e.to_string()),
        })?;
        let table: toml::Table = toml::from_str(&text).map_err(|e| damaged(e.message().to_owned()))?;
        // First: a newer layout may have keys that are not known here.
        let format = table.get("format").and_then(toml::Value::as_integer).and_then(|n| u32::try_from(n).ok());
        if let Some(found) = format.filter(|found| *found > FORMAT) {
            return Err(OpenError::NewerFormat { found });
        }
        if let Some(unknown) = table.keys().find(|key| !LibraryInfo::KEYS.contains(&key.as_str())) {
            return Err(damaged(value::nearest("key", unknown, LibraryInfo::KEYS.map(str::to_owned)).0));
        }
        if let Some(value) = table.get("renditions_max") {
            let text = value.as_str().map(str::to_owned).ok_or_else(|| "it is a number; write \"20G\"".to_owned());
            text.and_then(Bytes::try_from).map_err(|why| damaged(format!("renditions_max: {why}")))?;
        }
        let info: LibraryInfo = table.try_into().map_err(|e: toml::de::Error| damaged(e.message().to_owned()))?;
        if !(1..=LONGEST_DAYS).contains(&info.recovery_days) {
            return Err(damaged(format!("recovery_days is {}, and may be 1 to {LONGEST_DAYS}", info.recovery_days)));
        }
        if let Some(file) = info.audit_heads.as_ref().filter(|file| !file.is_absolute()) {
            return Err(damaged(format!("audit_heads is `{}`, and must be a path from the root", file.display())));
        }
        info.screen.as_ref().map_or(Ok(()), ScreenInfo::check).map_err(damaged)?;
        Ok(info)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_bytes_are_read_as_people_write_them() {
        for (text, bytes) in
            [("20G", 20 << 30), ("0", 0), ("1500", 1500), ("3K", 3 << 10), ("2M", 2 << 20), ("1T", 1 << 40)]
        {
            let read = Bytes::try_from(text.to_owned()).unwrap();
            assert_eq!((read.0, String::from(read)), (bytes, text.to_owned()));
        }
        for bad in ["", "G", "-1G", "1.5G", "20 G", "20GB", "20g", "99999999999999T"] {
            assert!(Bytes::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
