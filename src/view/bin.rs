//! The desktop's trash directory at the mount's top (`.Trash-<uid>`), in the parts that the freedesktop.org specification gives it.

use crate::types::{FileName, MemberId, NodeId};

/// A directory of one member's desktop trash: how file managers reach `trash/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bin {
    pub member: MemberId,
    /// The user id in its name: its owner, as `stat` shows.
    pub uid: u32,
    pub part: BinPart,
}

/// What a directory of a desktop's trash holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinPart {
    /// The other three, and files of the desktop's own (`directorysizes`).
    Top,
    /// What was trashed, under the names that the desktop chose.
    Files,
    /// For each of them a note of the desktop's: `<name>.trashinfo`.
    Info,
    /// What GVfs moves here to purge it.
    Expunged,
    /// A folder that was trashed, closed: what was in it comes back with it, and lies in `trash/` file by file.
    Folder(NodeId),
}

impl Bin {
    /// What a name at the mount's top is to this member and user.
    #[must_use]
    pub fn named(name: &FileName, member: MemberId, uid: u32) -> Option<Self> {
        let own = name.as_bytes() == format!(".Trash-{uid}").as_bytes();
        own.then_some(Self { member, uid, part: BinPart::Top })
    }

    /// Another part of the same.
    #[must_use]
    pub const fn part(self, part: BinPart) -> Self {
        Self { part, ..self }
    }

    /// Its path: a member's trash is one, whatever user id he comes with.
    #[must_use]
    pub(super) fn path(self) -> String {
        let top = format!(".Trash#{}", self.member);
        match self.part {
            BinPart::Top => top,
            BinPart::Files => top + FILES,
            BinPart::Info => top + INFO,
            BinPart::Expunged => top + "/expunged",
            BinPart::Folder(node) => format!("{top}{FILES}/#{node}"),
        }
    }
}

const FILES: &str = "/files";
const INFO: &str = "/info";

/// The path of the notes beside the files of that path.
#[must_use]
pub fn notes_beside(files: &str) -> Option<String> {
    let top = files.strip_suffix(FILES).filter(|top| top.starts_with(".Trash#"))?;
    Some(format!("{top}{INFO}"))
}

/// What the desktop calls the note of a trashed name.
#[must_use]
pub fn note_name(name: &FileName) -> Option<FileName> {
    FileName::new([name.as_bytes(), b".trashinfo".as_slice()].concat()).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_trash_is_its_users_own() {
        let member = MemberId::from_bytes([7; 16]);
        let named = |name: &str| Bin::named(&FileName::new(name).unwrap(), member, 1000);
        assert_eq!(named(".Trash-1000"), Some(Bin { member, uid: 1000, part: BinPart::Top }));
        for other in [".Trash", ".Trash-1001", ".Trash-01000", ".Trash-1000x", ".Trash-"] {
            assert_eq!(named(other), None, "{other}");
        }
    }

    #[test]
    fn notes_lie_beside_their_files() {
        let bin = Bin { member: MemberId::from_bytes([7; 16]), uid: 1, part: BinPart::Files };
        assert_eq!(notes_beside(&bin.path()), Some(bin.part(BinPart::Info).path()));
        assert_eq!(notes_beside(&bin.part(BinPart::Expunged).path()), None);
        assert_eq!(notes_beside("by/tag/files"), None);
    }
}
