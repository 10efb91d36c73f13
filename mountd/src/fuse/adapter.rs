//! fuser's trait over `damfs::fs::Mount`: each method decodes, calls and encodes; what a call means is decided there, not here.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use damfs::fs::FsError;
use fuser::{
    AccessFlags, BsdFileFlags, CopyFileRangeFlags, Errno, FileHandle, Filesystem, INodeNo, InitFlags, IoctlFlags,
    KernelConfig, LockOwner, OpenFlags, PollEvents, PollFlags, PollNotifier, RenameFlags, ReplyAttr, ReplyCreate,
    ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyIoctl, ReplyLseek, ReplyOpen,
    ReplyPoll, ReplyStatfs, ReplyWrite, ReplyXattr, Request, TimeOrNow, WriteFlags,
};
use tracing::debug;

use super::asker::{caller, caller_with_process};
use super::convert;
use super::dispatch::{Adapter, GENERATION, opener, send_empty, send_entry, send_opened, send_stat, send_xattr};
use super::guard::Op;

/// One page table's worth: what the kernel sends and takes at once at most.
const MAX_WRITE: u32 = 1 << 20;
const MAX_READAHEAD: u32 = 1 << 20;
/// Readahead and asynchronous requests under way; fuser's 16 starves parallel readers.
const MAX_BACKGROUND: u16 = 64;
/// Longest name, as `statfs` tells it.
const NAME_MAX: u32 = 255;

/// Asked for one by one: a kernel without one of them serves us all the same. Never WRITEBACK_CACHE (it makes the kernel ignore our
/// sizes and times) and no lock flags (the kernel's own locks are right within one mount). That who writes takes the set-user-ID bits away is
/// ours to do: the kernel would ask for `security.capability` before every write otherwise.
const WANTED: [InitFlags; 6] = [
    InitFlags::FUSE_HANDLE_KILLPRIV_V2,
    InitFlags::FUSE_PARALLEL_DIROPS,
    InitFlags::FUSE_ATOMIC_O_TRUNC,
    InitFlags::FUSE_ASYNC_DIO,
    InitFlags::FUSE_BIG_WRITES,
    InitFlags::FUSE_ASYNC_READ,
];

/// Where the kernel may believe attributes for a while, listings bring them. Never READDIRPLUS_AUTO: `find` and file managers read all names
/// before they look at the first, and the kernel would then ask for attributes name by name, several times slower.
const LISTED_WITH_ATTRIBUTES: InitFlags = InitFlags::FUSE_DO_READDIRPLUS;

impl Filesystem for Adapter {
    fn init(&mut self, _req: &Request, config: &mut KernelConfig) -> io::Result<()> {
        let listed = self.mount.is_believed().then_some(LISTED_WITH_ATTRIBUTES);
        for flag in WANTED.into_iter().chain(listed) {
            if config.add_capabilities(flag).is_err() {
                debug!(?flag, "the kernel does not offer this");
            }
        }
        let _ = config.set_max_write(MAX_WRITE);
        if let Err(most) = config.set_max_readahead(MAX_READAHEAD) {
            let _ = config.set_max_readahead(most);
        }
        let _ = config.set_max_background(MAX_BACKGROUND);
        Ok(())
    }

    fn lookup(&self, req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let op = Op::new("lookup", parent.0);
        op.guard(|| match self.mount.lookup(&caller(req), parent.0, name) {
            Err(FsError::NotFound) if !self.mount.negative_ttl().is_zero() => {
                reply.entry(&self.mount.negative_ttl(), &convert::negative(), GENERATION);
            }
            result => send_entry(op, result, reply),
        });
    }

    fn forget(&self, req: &Request, ino: INodeNo, nlookup: u64) {
        Op::new("forget", ino.0).guard(|| self.mount.forget(&caller(req), ino.0, nlookup));
    }

    fn getattr(&self, req: &Request, ino: INodeNo, _fh: Option<FileHandle>, reply: ReplyAttr) {
        let op = Op::new("getattr", ino.0);
        op.guard(|| {
            let (mount, caller) = (Arc::clone(&self.mount), caller(req));
            self.render(op, self.mount.stat_takes(ino.0), reply, move |reply| {
                send_stat(op, mount.getattr(&caller, ino.0), reply);
            });
        });
    }

    fn setattr(
        &self,
        req: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        fh: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let op = Op::new("setattr", ino.0);
        op.guard(|| {
            let (mount, caller) = (Arc::clone(&self.mount), caller_with_process(req));
            let set = convert::set_attr(mode, uid, gid, size, atime, mtime, fh.map(u64::from));
            let work = move || send_stat(op, mount.setattr(&caller, ino.0, set), reply);
            // Cutting or growing a long file rewrites parts of it.
            if size.is_some() { self.long(op, work) } else { work() }
        });
    }

    fn readlink(&self, req: &Request, ino: INodeNo, reply: ReplyData) {
        let op = Op::new("readlink", ino.0);
        op.guard(|| match op.outcome(self.mount.readlink(&caller(req), ino.0)) {
            Ok(target) => reply.data(&target),
            Err(e) => reply.error(e),
        });
    }

    fn mknod(
        &self,
        req: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        _rdev: u32,
        reply: ReplyEntry,
    ) {
        let op = Op::new("mknod", parent.0);
        op.guard(|| {
            let made = convert::special(mode).and_then(|special| {
                let mode = convert::permission_bits(mode);
                self.mount.mknod(&caller_with_process(req), parent.0, name, special, mode)
            });
            send_entry(op, made, reply);
        });
    }

    fn mkdir(&self, req: &Request, parent: INodeNo, name: &OsStr, mode: u32, _umask: u32, reply: ReplyEntry) {
        let op = Op::new("mkdir", parent.0);
        op.guard(|| {
            let mode = convert::permission_bits(mode);
            send_entry(op, self.mount.mkdir(&caller_with_process(req), parent.0, name, mode), reply);
        });
    }

    fn unlink(&self, req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let op = Op::new("unlink", parent.0);
        op.guard(|| send_empty(op, self.mount.unlink(&caller_with_process(req), parent.0, name), reply));
    }

    fn rmdir(&self, req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let op = Op::new("rmdir", parent.0);
        op.guard(|| send_empty(op, self.mount.rmdir(&caller_with_process(req), parent.0, name), reply));
    }

    fn symlink(&self, req: &Request, parent: INodeNo, name: &OsStr, target: &Path, reply: ReplyEntry) {
        let op = Op::new("symlink", parent.0);
        op.guard(|| {
            let target = target.as_os_str().as_bytes();
            send_entry(op, self.mount.symlink(&caller_with_process(req), parent.0, name, target), reply);
        });
    }

    fn rename(
        &self,
        req: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let op = Op::new("rename", parent.0);
        op.guard(|| {
            let renamed = convert::no_replace(flags).and_then(|no_replace| {
                self.mount.rename(&caller_with_process(req), parent.0, name, newparent.0, newname, no_replace)
            });
            send_empty(op, renamed, reply);
        });
    }

    fn link(&self, req: &Request, ino: INodeNo, newparent: INodeNo, newname: &OsStr, reply: ReplyEntry) {
        let op = Op::new("link", ino.0);
        op.guard(|| send_entry(op, self.mount.link(&caller_with_process(req), ino.0, newparent.0, newname), reply));
    }

    fn open(&self, req: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        let op = Op::new("open", ino.0);
        op.guard(|| {
            let mode = convert::open_mode(flags.0);
            let (mount, caller) = (Arc::clone(&self.mount), opener(req, mode));
            let (forget_attr, thread) = (self.forget_attr(), req.pid());
            self.render(op, self.mount.open_takes(ino.0), reply, move |reply| {
                let opened = mount.open(&caller, thread, ino.0, mode);
                if opened.as_ref().is_ok_and(|opened| opened.forget_attr) {
                    forget_attr(ino.0);
                }
                send_opened(op, opened, reply);
            });
        });
    }

    fn create(
        &self,
        req: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        let op = Op::new("create", parent.0);
        op.guard(|| {
            let (bits, how) = (convert::permission_bits(mode), convert::open_mode(flags));
            match op.outcome(self.mount.create(&caller_with_process(req), parent.0, name, bits, how)) {
                Ok((entry, opened)) => reply.created(
                    &convert::shared_ttl(&entry),
                    &convert::attr(&entry.attr),
                    GENERATION,
                    FileHandle(opened.fh),
                    convert::fopen_flags(&opened),
                ),
                Err(e) => reply.error(e),
            }
        });
    }

    fn read(
        &self,
        req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let op = Op::new("read", ino.0);
        op.guard(|| {
            let (mount, caller) = (Arc::clone(&self.mount), caller(req));
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            self.render(op, self.mount.read_takes(fh.0), reply, move |reply| {
                match op.outcome(mount.read(&caller, fh.0, offset, size)) {
                    // More than asked for would be taken for a broken reply.
                    Ok(bytes) => reply.data(bytes.get(..size).unwrap_or(&bytes)),
                    Err(e) => reply.error(e),
                }
            });
        });
    }

    fn write(
        &self,
        req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        data: &[u8],
        write_flags: WriteFlags,
        flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let op = Op::new("write", ino.0);
        let append = convert::appends(flags.0, write_flags);
        op.guard(|| match op.outcome(self.mount.write(&caller(req), fh.0, offset, data, append)) {
            Ok(n) => reply.written(u32::try_from(n).unwrap_or(u32::MAX)),
            Err(e) => reply.error(e),
        });
    }

    fn flush(&self, req: &Request, ino: INodeNo, fh: FileHandle, _lock_owner: LockOwner, reply: ReplyEmpty) {
        let op = Op::new("flush", ino.0);
        op.guard(|| send_empty(op, self.mount.flush(&caller(req), fh.0), reply));
    }

    fn release(
        &self,
        req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        let op = Op::new("release", ino.0);
        op.guard(|| {
            let released = self.mount.release(&caller(req), fh.0);
            let settle = released.as_ref().ok().copied().flatten();
            send_empty(op, released.map(drop), reply);
            if let Some(node) = settle {
                let mount = Arc::clone(&self.mount);
                self.long(op, move || mount.settle(node));
            }
        });
    }

    fn fsync(&self, req: &Request, ino: INodeNo, fh: FileHandle, datasync: bool, reply: ReplyEmpty) {
        let op = Op::new("fsync", ino.0);
        op.guard(|| {
            let (mount, caller) = (Arc::clone(&self.mount), caller(req));
            self.long(op, move || send_empty(op, mount.fsync(&caller, fh.0, datasync), reply));
        });
    }

    fn fallocate(
        &self,
        req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        let op = Op::new("fallocate", ino.0);
        op.guard(|| {
            let (mount, caller) = (Arc::clone(&self.mount), caller(req));
            self.long(op, move || send_empty(op, mount.fallocate(&caller, fh.0, offset, length, mode), reply));
        });
    }

    fn lseek(&self, req: &Request, ino: INodeNo, fh: FileHandle, offset: i64, whence: i32, reply: ReplyLseek) {
        let op = Op::new("lseek", ino.0);
        op.guard(|| {
            let (mount, caller) = (Arc::clone(&self.mount), caller(req));
            self.render(op, self.mount.seek_takes(fh.0), reply, move |reply| {
                let found = convert::seek(whence).and_then(|whence| {
                    let found = mount.seek(&caller, fh.0, offset, whence)?;
                    i64::try_from(found).map_err(|_| FsError::TooLarge)
                });
                match op.outcome(found) {
                    Ok(at) => reply.offset(at),
                    Err(e) => reply.error(e),
                }
            });
        });
    }

    fn opendir(&self, req: &Request, ino: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        let op = Op::new("opendir", ino.0);
        op.guard(|| match op.outcome(self.mount.opendir(&caller(req), ino.0)) {
            Ok(opened) => reply.opened(FileHandle(opened.fh), convert::dir_flags(opened.names)),
            Err(e) => reply.error(e),
        });
    }

    fn readdir(&self, req: &Request, ino: INodeNo, fh: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let op = Op::new("readdir", ino.0);
        op.guard(|| {
            let listed = self.mount.readdir(&caller(req), fh.0, offset, false, &mut |row| {
                !reply.add(INodeNo(row.ino), row.cookie, convert::kind(row.kind), OsStr::from_bytes(&row.name))
            });
            match op.outcome(listed) {
                Ok(()) => reply.ok(),
                Err(e) => reply.error(e),
            }
        });
    }

    fn readdirplus(&self, req: &Request, ino: INodeNo, fh: FileHandle, offset: u64, mut reply: ReplyDirectoryPlus) {
        let op = Op::new("readdirplus", ino.0);
        op.guard(|| {
            let listed = self.mount.readdir(&caller(req), fh.0, offset, true, &mut |row| {
                // Only `.` and `..` come without an entry; the kernel takes no attributes from those rows.
                let (ttl, attr) = match &row.entry {
                    Some(entry) => (convert::shared_ttl(entry), convert::attr(&entry.attr)),
                    None => (std::time::Duration::ZERO, convert::bare(row.ino, row.kind)),
                };
                let name = std::ffi::OsString::from_vec(row.name);
                !reply.add(INodeNo(row.ino), row.cookie, name, &ttl, &attr, GENERATION)
            });
            match op.outcome(listed) {
                Ok(()) => reply.ok(),
                Err(e) => reply.error(e),
            }
        });
    }

    fn releasedir(&self, req: &Request, ino: INodeNo, fh: FileHandle, _flags: OpenFlags, reply: ReplyEmpty) {
        let op = Op::new("releasedir", ino.0);
        op.guard(|| send_empty(op, self.mount.releasedir(&caller(req), fh.0), reply));
    }

    fn fsyncdir(&self, req: &Request, ino: INodeNo, fh: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        let op = Op::new("fsyncdir", ino.0);
        op.guard(|| {
            let (mount, caller) = (Arc::clone(&self.mount), caller(req));
            self.long(op, move || send_empty(op, mount.fsyncdir(&caller, fh.0), reply));
        });
    }

    fn statfs(&self, req: &Request, ino: INodeNo, reply: ReplyStatfs) {
        let op = Op::new("statfs", ino.0);
        op.guard(|| match op.outcome(self.mount.statfs(&caller(req))) {
            Ok(s) => {
                let (bsize, frsize) = (s.block_size, s.block_size);
                reply.statfs(s.blocks, s.free, s.available, s.files, s.files_free, bsize, NAME_MAX, frsize);
            }
            Err(e) => reply.error(e),
        });
    }

    fn setxattr(
        &self,
        req: &Request,
        ino: INodeNo,
        name: &OsStr,
        value: &[u8],
        flags: i32,
        _position: u32,
        reply: ReplyEmpty,
    ) {
        let op = Op::new("setxattr", ino.0);
        op.guard(|| {
            let set = convert::xattr_mode(flags)
                .and_then(|mode| self.mount.setxattr(&caller_with_process(req), ino.0, name.as_bytes(), value, mode));
            send_empty(op, set, reply);
        });
    }

    fn getxattr(&self, req: &Request, ino: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        let op = Op::new("getxattr", ino.0);
        op.guard(|| {
            let (mount, caller, name) = (Arc::clone(&self.mount), caller(req), name.as_bytes().to_vec());
            self.render(op, self.mount.getxattr_takes(ino.0, &name), reply, move |reply| {
                send_xattr(op, mount.getxattr(&caller, ino.0, &name), size, reply);
            });
        });
    }

    fn listxattr(&self, req: &Request, ino: INodeNo, size: u32, reply: ReplyXattr) {
        let op = Op::new("listxattr", ino.0);
        op.guard(|| send_xattr(op, self.mount.listxattr(&caller(req), ino.0), size, reply));
    }

    fn removexattr(&self, req: &Request, ino: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let op = Op::new("removexattr", ino.0);
        op.guard(|| {
            send_empty(op, self.mount.removexattr(&caller_with_process(req), ino.0, name.as_bytes()), reply);
        });
    }

    fn access(&self, req: &Request, ino: INodeNo, mask: AccessFlags, reply: ReplyEmpty) {
        let op = Op::new("access", ino.0);
        op.guard(|| send_empty(op, self.mount.access(&caller(req), ino.0, mask.bits()), reply));
    }

    // The three below are asked once; the kernel then does without, and no program sees this number.

    fn copy_file_range(
        &self,
        _req: &Request,
        _ino_in: INodeNo,
        _fh_in: FileHandle,
        _offset_in: u64,
        _ino_out: INodeNo,
        _fh_out: FileHandle,
        _offset_out: u64,
        _len: u64,
        _flags: CopyFileRangeFlags,
        reply: ReplyWrite,
    ) {
        reply.error(Errno::ENOSYS);
    }

    fn poll(
        &self,
        _req: &Request,
        _ino: INodeNo,
        _fh: FileHandle,
        _ph: PollNotifier,
        _events: PollEvents,
        _flags: PollFlags,
        reply: ReplyPoll,
    ) {
        reply.error(Errno::ENOSYS);
    }

    fn ioctl(
        &self,
        _req: &Request,
        _ino: INodeNo,
        _fh: FileHandle,
        _flags: IoctlFlags,
        _cmd: u32,
        _in_data: &[u8],
        _out_size: u32,
        reply: ReplyIoctl,
    ) {
        reply.error(Errno::ENOTTY);
    }
}
