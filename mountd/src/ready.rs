//! Telling who started us how it went: one line of JSON, once, and the service manager too.

use std::fs::File;
use std::io::Write;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use damfs::ops::proto::Failure;
use serde_json::json;
use tracing::{debug, error};

/// The descriptor to tell it on; unused when it is dropped, which tells as much as a failure.
pub struct Ready(Option<File>);

impl Ready {
    /// Takes the descriptor over.
    ///
    /// # Errors
    /// When it is not open.
    pub fn new(fd: Option<RawFd>) -> std::io::Result<Self> {
        let Some(fd) = fd else { return Ok(Self(None)) };
        // Opened anew first, which fails for what is no descriptor of ours.
        std::fs::metadata(format!("/proc/self/fd/{fd}"))?;
        #[expect(unsafe_code, reason = "a descriptor that was inherited can be taken over in no other way")]
        // SAFETY: it is open, checked above; it was given to this process for this purpose, and called once, before any thread starts.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        // The helpers that we start shall not keep it open.
        rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC)?;
        Ok(Self(Some(File::from(fd))))
    }

    /// It works.
    pub fn done(self) {
        if let Err(e) = sd_notify::notify(&[sd_notify::NotifyState::Ready]) {
            debug!(error = %e, "the service manager was not told");
        }
        self.write(&json!({ "ok": true, "pid": std::process::id() }));
    }

    /// It does not.
    pub fn failed(self, failure: &Failure) {
        error!(hint = failure.hint, "{}", failure.message);
        self.write(&json!({
            "ok": false,
            "message": failure.message,
            "hint": failure.hint,
            "exit": failure.kind.exit_code(),
        }));
    }

    fn write(self, line: &serde_json::Value) {
        let Some(mut file) = self.0 else { return };
        if let Err(e) = writeln!(file, "{line}") {
            debug!(error = %e, "nobody waits to hear that we are ready");
        }
    }
}
