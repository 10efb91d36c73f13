//! Where a request is worked on, and how an outcome becomes a reply.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use damfs::fs::{Entry, FsError, FsResult, Mount, OpenMode, Opened, Stat, Takes};
use damfs::types::Caller;
use fuser::{
    Errno, FileHandle, Generation, INodeNo, Notifier, ReplyAttr, ReplyData, ReplyEmpty, ReplyEntry, ReplyLseek,
    ReplyOpen, ReplyXattr, Request,
};
use tracing::debug;

use super::asker::{caller, caller_with_process};
use super::convert::{self, XattrAnswer};
use super::guard::Op;
use super::pool::Pool;

/// Inode numbers are never reused, so every inode is of its first generation.
pub const GENERATION: Generation = Generation(0);

/// One mount's side of the kernel.
pub struct Adapter {
    pub(super) mount: Arc<Mount>,
    pool: Arc<Pool>,
    notifier: Arc<OnceLock<Notifier>>,
}

impl Adapter {
    pub fn new(mount: Arc<Mount>, pool: Arc<Pool>) -> Self {
        Self { mount, pool, notifier: Arc::default() }
    }

    /// Where the way to the kernel goes once there is one.
    pub fn notifier(&self) -> Arc<OnceLock<Notifier>> {
        Arc::clone(&self.notifier)
    }

    /// Has the kernel forget the attributes that it believes of a file, at once. Of all notifications this one alone takes no lock of the kernel that a request
    /// may hold, so that a handler may send it before it replies.
    pub fn forget_attr(&self) -> impl Fn(u64) + Send + use<> {
        let (mount, notifier) = (Arc::clone(&self.mount), Arc::clone(&self.notifier));
        move |ino| {
            if let Some(notifier) = notifier.get()
                && let Err(e) = mount.take_back_attr(ino, || notifier.inval_inode(INodeNo(ino), -1, 0))
            {
                debug!(ino, error = %e, "the kernel keeps attributes a moment longer");
            }
        }
    }

    /// Runs what takes a render on the pool, and EAGAIN when that is full; here what takes nothing.
    pub fn render<R: Fails + Send + 'static>(
        &self,
        op: Op,
        takes: Takes,
        reply: R,
        work: impl FnOnce(R) + Send + 'static,
    ) {
        let crew = match takes {
            Takes::Nothing => return work(reply),
            Takes::Render => &self.pool.renders,
            Takes::Conversion => &self.pool.conversions,
            Takes::Preview => &self.pool.previews,
        };
        // The reply travels in a slot, so that it can be taken back from a job that found no room.
        let slot = Arc::new(Mutex::new(Some(reply)));
        let take = |slot: &Mutex<Option<R>>| slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        let theirs = Arc::clone(&slot);
        let job = Box::new(move || {
            op.guard(|| {
                if let Some(reply) = take(&theirs) {
                    work(reply);
                }
            });
        });
        if crew.submit(job).is_err() {
            debug!(op = op.name, ino = op.ino, "too many renders are waiting");
            if let Some(reply) = take(&slot) {
                reply.fail(convert::errno(&FsError::TryAgain));
            }
        }
    }

    /// Runs what takes long and may not be refused: on threads of its own, or here when there is no room.
    pub fn long(&self, op: Op, work: impl FnOnce() + Send + 'static) {
        self.pool.sync(Box::new(move || op.guard(work)));
    }
}

/// Replies that can say no.
pub trait Fails {
    fn fail(self, errno: Errno);
}

macro_rules! fails {
    ($($reply:ty),+ $(,)?) => {$(
        impl Fails for $reply {
            fn fail(self, errno: Errno) {
                self.error(errno);
            }
        }
    )+};
}

fails!(ReplyAttr, ReplyOpen, ReplyData, ReplyXattr, ReplyLseek);

pub fn send_empty(op: Op, result: FsResult<()>, reply: ReplyEmpty) {
    match op.outcome(result) {
        Ok(()) => reply.ok(),
        Err(e) => reply.error(e),
    }
}

pub fn send_entry(op: Op, result: FsResult<Entry>, reply: ReplyEntry) {
    match op.outcome(result) {
        Ok(entry) => {
            reply.entry_with_ttls(&entry.attr_ttl, &entry.entry_ttl, &convert::attr(&entry.attr), GENERATION);
        }
        Err(e) => reply.error(e),
    }
}

pub fn send_stat(op: Op, result: FsResult<Stat>, reply: ReplyAttr) {
    match op.outcome(result) {
        Ok(stat) => reply.attr(&stat.ttl, &convert::attr(&stat.attr)),
        Err(e) => reply.error(e),
    }
}

pub fn send_opened(op: Op, result: FsResult<Opened>, reply: ReplyOpen) {
    match op.outcome(result) {
        Ok(opened) => reply.opened(FileHandle(opened.fh), convert::fopen_flags(&opened)),
        Err(e) => reply.error(e),
    }
}

pub fn send_xattr(op: Op, result: FsResult<Vec<u8>>, room: u32, reply: ReplyXattr) {
    match op.outcome(result.and_then(|value| convert::xattr_answer(value, room))) {
        Ok(XattrAnswer::Length(n)) => reply.size(n),
        Ok(XattrAnswer::Value(value)) => reply.data(&value),
        Err(e) => reply.error(e),
    }
}

/// The caller of an open: his process matters only to one that may write.
pub fn opener(req: &Request, mode: OpenMode) -> Caller {
    if mode.write || mode.truncate { caller_with_process(req) } else { caller(req) }
}
