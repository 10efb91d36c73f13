//! One span, one log line and one panic barrier around every request.

use std::panic::{AssertUnwindSafe, catch_unwind};

use damfs::fs::{FsError, FsResult};
use fuser::Errno;
use tracing::{debug, error};

use super::convert;

/// What a request is, for the log: never a name or a payload, which may hold a prompt.
#[derive(Debug, Clone, Copy)]
pub struct Op {
    pub name: &'static str,
    pub ino: u64,
}

impl Op {
    pub const fn new(name: &'static str, ino: u64) -> Self {
        Self { name, ino }
    }

    /// Runs a handler. When it panics, its reply is dropped by the unwinding, which answers EIO; the mount lives on.
    ///
    /// Unwind safety: a handler shares state with others only behind the library's own locks, which recover from poisoning.
    pub fn guard(self, handler: impl FnOnce()) {
        let _span = tracing::debug_span!("fuse", op = self.name, ino = self.ino).entered();
        if catch_unwind(AssertUnwindSafe(handler)).is_err() {
            error!(op = self.name, ino = self.ino, "a handler panicked; its caller gets EIO, the mount goes on");
        }
    }

    /// Turns an outcome of the filesystem into what the kernel gets, and logs what is worth it.
    pub fn outcome<T>(self, result: FsResult<T>) -> Result<T, Errno> {
        result.map_err(|e| self.refuse(&e))
    }

    fn refuse(self, e: &FsError) -> Errno {
        if e.is_fault() {
            error!(op = self.name, ino = self.ino, error = %e, "the store failed");
        } else {
            debug!(op = self.name, ino = self.ino, errno = e.errno(), "refused");
        }
        convert::errno(e)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_the_request_alone() {
        struct Reply<'a>(&'a mut bool);
        impl Drop for Reply<'_> {
            fn drop(&mut self) {
                *self.0 = true;
            }
        }
        let mut dropped = false;
        let reply = Reply(&mut dropped);
        Op::new("lookup", 1).guard(move || {
            let _reply = reply;
            panic!("in a test");
        });
        assert!(dropped, "the reply goes with the panic, which answers the caller");
    }

    #[test]
    fn refusals_keep_their_number() {
        let op = Op::new("open", 7);
        let refused: Result<(), Errno> = op.outcome(Err(FsError::denied(damfs::policy::Verb::Edit, "library", "no")));
        assert_eq!(refused.unwrap_err().code(), libc::EACCES);
        assert_eq!(op.outcome(Ok(3)).unwrap(), 3);
    }
}
