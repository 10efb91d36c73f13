//! What `stat` shows.

use super::Timestamp;

/// What an inode is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Symlink,
    /// A named pipe (local nodes only).
    Fifo,
    /// A socket (local nodes only).
    Socket,
}

/// The attributes of one inode. `blocks` is in units of 512 bytes; `mode` holds the permission bits alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attr {
    /// Inode number.
    pub ino: u64,
    /// What it is.
    pub kind: FileKind,
    /// Length in bytes.
    pub size: u64,
    /// Space taken, in 512-byte units.
    pub blocks: u64,
    /// Permission bits, 0 to 0o7777.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Always 1 for files; 2 for directories.
    pub nlink: u32,
    /// Last access.
    pub atime: Timestamp,
    /// Last change of the bytes.
    pub mtime: Timestamp,
    /// Last change of anything shown here, or of a tag.
    pub ctime: Timestamp,
}

/// A mode as a write by somebody without root's rights leaves it, and a change of the owner. Without the group's right to execute the
/// set-group-ID bit once meant a lock, and stays.
#[must_use]
pub const fn without_set_id(mode: u32) -> u32 {
    if mode & 0o010 == 0 { mode & !0o4000 } else { mode & !0o6000 }
}
