//! The kernel's values to ours and back; pure.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use damfs::fs::{Entry, FsError, NamesKept, OpenMode, Opened, Seek, SetAttr, Special, TimeChange, XattrMode};
use damfs::types::{Attr, FileKind, Timestamp};
use fuser::{Errno, FileAttr, FileType, FopenFlags, INodeNo, RenameFlags, TimeOrNow, WriteFlags};

const NANOS: i64 = 1_000_000_000;
/// Bytes that one read of the kernel should ask for at least.
const PREFERRED_IO: u32 = 128 * 1024;

pub fn errno(e: &FsError) -> Errno {
    Errno::from_i32(e.errno())
}

pub fn kind(kind: FileKind) -> FileType {
    match kind {
        FileKind::File => FileType::RegularFile,
        FileKind::Dir => FileType::Directory,
        FileKind::Symlink => FileType::Symlink,
        FileKind::Fifo => FileType::NamedPipe,
        FileKind::Socket => FileType::Socket,
    }
}

pub fn attr(a: &Attr) -> FileAttr {
    FileAttr {
        ino: INodeNo(a.ino),
        size: a.size,
        blocks: a.blocks,
        atime: system_time(a.atime),
        mtime: system_time(a.mtime),
        ctime: system_time(a.ctime),
        crtime: UNIX_EPOCH,
        kind: kind(a.kind),
        perm: u16::try_from(permission_bits(a.mode)).unwrap_or(0),
        nlink: a.nlink,
        uid: a.uid,
        gid: a.gid,
        rdev: 0,
        blksize: PREFERRED_IO,
        flags: 0,
    }
}

/// A name that is not there, as an entry that the kernel may remember: inode 0.
pub fn negative() -> FileAttr {
    attr(&Attr {
        ino: 0,
        kind: FileKind::File,
        size: 0,
        blocks: 0,
        mode: 0,
        uid: 0,
        gid: 0,
        nlink: 0,
        atime: Timestamp::EPOCH,
        mtime: Timestamp::EPOCH,
        ctime: Timestamp::EPOCH,
    })
}

/// What is known of a directory's `.` and `..` rows, for which the kernel wants a number and a kind alone.
pub fn bare(ino: u64, of: FileKind) -> FileAttr {
    FileAttr { ino: INodeNo(ino), kind: kind(of), ..negative() }
}

/// The kernel takes one lifetime for a created or listed name and its attributes: the shorter one is true of both.
pub fn shared_ttl(entry: &Entry) -> Duration {
    entry.entry_ttl.min(entry.attr_ttl)
}

pub const fn permission_bits(mode: u32) -> u32 {
    mode & 0o7777
}

pub fn system_time(t: Timestamp) -> SystemTime {
    let (secs, nanos) = t.split();
    let whole = Duration::from_secs(secs.unsigned_abs());
    let base = if secs < 0 { UNIX_EPOCH.checked_sub(whole) } else { UNIX_EPOCH.checked_add(whole) };
    base.and_then(|base| base.checked_add(Duration::from_nanos(u64::from(nanos)))).unwrap_or(UNIX_EPOCH)
}

/// A time as fuser gives it. The kernel sends whole seconds rounded down and nanoseconds beyond them; fuser 0.18 takes both off the
/// epoch when the seconds are negative, so -1.2 s (-2 s and 0.8 s) arrives as -2.8 s. This puts the nanoseconds back on the right side.
pub fn timestamp(t: SystemTime) -> Timestamp {
    let nanos = match t.duration_since(UNIX_EPOCH) {
        Ok(after) => join(i64::try_from(after.as_secs()).unwrap_or(i64::MAX), after.subsec_nanos()),
        Err(before) => {
            let before = before.duration();
            let secs = i64::try_from(before.as_secs()).map_or(i64::MIN, |s| -s);
            join(secs, before.subsec_nanos())
        }
    };
    Timestamp::from_nanos(nanos)
}

fn join(secs: i64, nanos: u32) -> i64 {
    secs.saturating_mul(NANOS).saturating_add(i64::from(nanos))
}

fn time_change(t: TimeOrNow) -> TimeChange {
    match t {
        TimeOrNow::Now => TimeChange::Now,
        TimeOrNow::SpecificTime(t) => TimeChange::At(timestamp(t)),
    }
}

/// What `setattr` asks for.
pub fn set_attr(
    mode: Option<u32>,
    uid: Option<u32>,
    gid: Option<u32>,
    size: Option<u64>,
    atime: Option<TimeOrNow>,
    mtime: Option<TimeOrNow>,
    fh: Option<u64>,
) -> SetAttr {
    SetAttr {
        mode: mode.map(permission_bits),
        uid,
        gid,
        size,
        atime: atime.map(time_change),
        mtime: mtime.map(time_change),
        fh,
    }
}

pub fn open_mode(flags: i32) -> OpenMode {
    // Access mode 3 asks for the right to both; it is decided as both.
    let (read, write) = match flags & libc::O_ACCMODE {
        libc::O_RDONLY => (true, false),
        libc::O_WRONLY => (false, true),
        _ => (true, true),
    };
    OpenMode { read, write, truncate: flags & libc::O_TRUNC != 0, exclusive: flags & libc::O_EXCL != 0 }
}

/// What the kernel may keep of a directory's names.
pub fn dir_flags(names: NamesKept) -> FopenFlags {
    match names {
        NamesKept::Never => FopenFlags::empty(),
        NamesKept::Anew => FopenFlags::FOPEN_CACHE_DIR,
        NamesKept::Right => FopenFlags::FOPEN_CACHE_DIR | FopenFlags::FOPEN_KEEP_CACHE,
    }
}

pub fn fopen_flags(opened: &Opened) -> FopenFlags {
    let mut flags = FopenFlags::empty();
    flags.set(FopenFlags::FOPEN_KEEP_CACHE, opened.keep_cache);
    flags.set(FopenFlags::FOPEN_DIRECT_IO, opened.direct_io);
    flags.set(FopenFlags::FOPEN_NOFLUSH, !opened.flushes);
    flags
}

/// Whether a write goes to the end. That of a page that a program mapped has the place of the page, however the file was opened; and
/// `F_SETFL` may have changed what the file was opened with.
pub fn appends(flags: i32, write_flags: WriteFlags) -> bool {
    flags & libc::O_APPEND != 0 && !write_flags.contains(WriteFlags::FUSE_WRITE_CACHE)
}

/// Whether a rename may not replace. Exchanges and whiteouts are no operation here.
pub fn no_replace(flags: RenameFlags) -> Result<bool, FsError> {
    if flags.difference(RenameFlags::RENAME_NOREPLACE).is_empty() {
        Ok(flags.contains(RenameFlags::RENAME_NOREPLACE))
    } else {
        Err(FsError::Invalid("only RENAME_NOREPLACE is known"))
    }
}

/// What `mknod` is asked to make.
pub fn special(mode: u32) -> Result<Special, FsError> {
    match mode & libc::S_IFMT {
        0 | libc::S_IFREG => Ok(Special::File),
        libc::S_IFIFO => Ok(Special::Fifo),
        libc::S_IFSOCK => Ok(Special::Socket),
        libc::S_IFCHR | libc::S_IFBLK => Ok(Special::Device),
        _ => Err(FsError::Invalid("no such kind of file")),
    }
}

pub fn seek(whence: i32) -> Result<Seek, FsError> {
    match whence {
        libc::SEEK_DATA => Ok(Seek::Data),
        libc::SEEK_HOLE => Ok(Seek::Hole),
        _ => Err(FsError::Invalid("only SEEK_DATA and SEEK_HOLE are asked of a filesystem")),
    }
}

pub fn xattr_mode(flags: i32) -> Result<XattrMode, FsError> {
    match flags {
        0 => Ok(XattrMode::Any),
        libc::XATTR_CREATE => Ok(XattrMode::Create),
        libc::XATTR_REPLACE => Ok(XattrMode::Replace),
        _ => Err(FsError::Invalid("unknown flags for an extended attribute")),
    }
}

/// How a value or list of extended attributes is answered: the kernel asks with size 0 for the length alone.
#[derive(Debug, PartialEq, Eq)]
pub enum XattrAnswer {
    Length(u32),
    Value(Vec<u8>),
}

pub fn xattr_answer(value: Vec<u8>, room: u32) -> Result<XattrAnswer, FsError> {
    let length = u32::try_from(value.len()).map_err(|_| FsError::Range)?;
    match room {
        0 => Ok(XattrAnswer::Length(length)),
        room if length > room => Err(FsError::Range),
        _ => Ok(XattrAnswer::Value(value)),
    }
}

#[cfg(test)]
#[path = "convert_tests.rs"]
mod tests;
