//! What the filesystem's methods take and give; the adapter converts these to and from the kernel's.

use std::time::Duration;

use crate::types::{Attr, FileKind, Timestamp};

/// What a lookup found, and how long the kernel may believe it.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub attr: Attr,
    pub entry_ttl: Duration,
    pub attr_ttl: Duration,
}

/// Attributes, and how long the kernel may believe them.
#[derive(Debug, Clone, Copy)]
pub struct Stat {
    pub attr: Attr,
    pub ttl: Duration,
}

/// An open file or directory.
#[derive(Debug, Clone, Copy)]
pub struct Opened {
    pub fh: u64,
    /// The kernel may keep what it cached of this file from before.
    pub keep_cache: bool,
    /// The kernel may not cache at all (size unknown until read, or caching forbidden).
    pub direct_io: bool,
    /// The file changed so lately that the kernel may know older attributes: it is to forget them before it hears of the opening.
    pub forget_attr: bool,
    /// Whether closing waits for [`super::Mount::flush`]: what was written may fail as late as then. Nobody waits who only reads.
    pub flushes: bool,
}

/// An open directory.
#[derive(Debug, Clone, Copy)]
pub struct OpenedDir {
    pub fh: u64,
    pub names: NamesKept,
}

/// What the kernel may do with the names of a directory that it opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamesKept {
    /// Ask for them, each time.
    Never,
    /// Drop what it has kept, and keep what it is given now.
    Anew,
    /// Go on with what it has kept.
    Right,
}

/// What `setattr` changes; `None` leaves a thing as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct SetAttr {
    pub mode: Option<u32>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub size: Option<u64>,
    pub atime: Option<TimeChange>,
    pub mtime: Option<TimeChange>,
    /// The handle the call came through.
    pub fh: Option<u64>,
}

/// A time to set.
#[derive(Debug, Clone, Copy)]
pub enum TimeChange {
    Now,
    At(Timestamp),
}

/// How a file is opened, decoded from the open flags.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenMode {
    pub read: bool,
    pub write: bool,
    pub truncate: bool,
    pub exclusive: bool,
}

/// One name of a listing. `cookie` is what the next `readdir` passes to go on behind it.
#[derive(Debug, Clone)]
pub struct Listed {
    pub cookie: u64,
    pub name: Vec<u8>,
    pub ino: u64,
    pub kind: FileKind,
    /// With `plus`: what a lookup would have said.
    pub entry: Option<Entry>,
}

/// Free space and limits.
#[derive(Debug, Clone, Copy)]
pub struct SpaceInfo {
    pub block_size: u32,
    pub blocks: u64,
    pub free: u64,
    pub available: u64,
    pub files: u64,
    pub files_free: u64,
}

/// What a node to be made by `mknod` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Special {
    File,
    Fifo,
    Socket,
    Device,
}

/// How an extended attribute is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XattrMode {
    Any,
    /// Fails when it exists.
    Create,
    /// Fails when it does not.
    Replace,
}

/// What the kernel should forget. Sent by the adapter's one notifier thread, which holds no lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invalidation {
    /// A name in a directory.
    Name { parent: u64, name: Vec<u8> },
    /// Attributes and, when `bytes`, cached pages.
    Inode { ino: u64, bytes: bool },
    /// Everything up to this change has been sent: see `Mount::told`.
    Reached { seq: u64 },
}

/// What an answer takes, and so which threads are to give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    Nothing,
    Render,
    /// A render of what another program decodes first, which may take long.
    Conversion,
    /// The preview of a clip, which takes longer still.
    Preview,
}

/// How a mount treats the kernel's caches and who it answers for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// One member; no other user id reaches the mount.
    Member(crate::types::MemberId),
    /// Each caller by user id.
    Everyone,
}
