//! What `stat` shows of each kind of thing. Pure.

use super::inodes::Inodes;
use super::mount::Show;
use crate::catalog::{NodeKind, NodeStat, VersionRow};
use crate::ops::live::Seen;
use crate::types::{Attr, FileKind, Timestamp};

/// A node of the tree; its live bytes know size and time better than the row.
#[must_use]
pub fn node(ino: u64, node: &NodeStat, live: Option<Seen>) -> Attr {
    let kind = match node.kind {
        NodeKind::File => FileKind::File,
        NodeKind::Dir => FileKind::Dir,
        NodeKind::Symlink => FileKind::Symlink,
        NodeKind::Fifo => FileKind::Fifo,
        NodeKind::Socket => FileKind::Socket,
    };
    let size = match node.kind {
        NodeKind::Symlink => node.size,
        NodeKind::Dir => 4096,
        _ => live.map_or(node.size, |l| l.size),
    };
    let mtime = live.map_or(node.mtime, |l| l.mtime);
    let stored = live.filter(|l| l.staged).map_or(size, |l| l.stored);
    Attr {
        ino,
        kind,
        size,
        blocks: if kind == FileKind::File { stored.div_ceil(512) } else { 0 },
        mode: node.mode & 0o7777,
        uid: node.uid,
        gid: node.gid,
        nlink: u32::from(!live.is_some_and(|l| l.nameless)),
        atime: node.atime,
        mtime,
        ctime: node.ctime.max(if live.is_some_and(|l| l.staged) { mtime } else { node.ctime }),
    }
}

/// A directory of the virtual tree.
#[must_use]
pub fn dir(ino: u64, writable: bool, show: Show, changed: Timestamp) -> Attr {
    Attr {
        ino,
        kind: FileKind::Dir,
        size: 4096,
        blocks: 0,
        mode: if writable { 0o755 } else { 0o555 },
        uid: show.uid,
        gid: show.gid,
        nlink: 1,
        atime: changed,
        mtime: changed,
        ctime: changed,
    }
}

/// A text made when it is read.
#[must_use]
pub fn text(ino: u64, size: u64, show: Show, mtime: Timestamp) -> Attr {
    file(ino, size, show, mtime)
}

/// A symbolic link that no node stands for.
#[must_use]
pub fn link(ino: u64, size: u64, show: Show, made: Timestamp) -> Attr {
    Attr { kind: FileKind::Symlink, blocks: 0, mode: 0o777, ..file(ino, size, show, made) }
}

/// An earlier version.
#[must_use]
pub fn version(inodes: &Inodes, version: &VersionRow, show: Show) -> Attr {
    file(inodes.version(version.no), version.size, show, version.mtime)
}

/// A read-only file.
#[must_use]
pub fn file(ino: u64, size: u64, show: Show, mtime: Timestamp) -> Attr {
    Attr {
        ino,
        kind: FileKind::File,
        size,
        blocks: size.div_ceil(512),
        mode: 0o444,
        uid: show.uid,
        gid: show.gid,
        nlink: 1,
        atime: mtime,
        mtime,
        ctime: mtime,
    }
}
