//! Structured logs to standard error, and panics into them.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// What the level is read from, as `info` or `damfs=debug,fuser=warn`.
const VARIABLE: &str = "DAM_LOG";
const USUAL: &str = "info,fuser=error";

/// Standard error, as far as it takes anything. The log lies on the library's disk: on a full one a line is lost, and nothing else is.
struct Lossy;

impl Write for Lossy {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let _ = io::stderr().write_all(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Starts logging. A panic's message may hold what a person wrote, so only its place is logged; and it goes out by one write past the
/// logger, which may be what panicked.
pub fn start(json: bool) {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(USUAL));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Lossy)
        .log_internal_errors(false)
        .with_span_events(FmtSpan::NONE)
        .with_ansi(io::stderr().is_terminal());
    let started = if json { logs.json().try_init() } else { logs.try_init() };
    std::panic::set_hook(Box::new(move |info| {
        let at = info.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or("?");
        let line = if json {
            serde_json::json!({ "level": "ERROR", "fields": { "message": "panicked", "at": at, "thread": thread } })
                .to_string()
        } else {
            format!("ERROR panicked at={at:?} thread={thread:?}")
        };
        let _ = rustix::io::write(io::stderr(), format!("{line}\n").as_bytes());
    }));
    if let Err(e) = started {
        tracing::debug!(error = %e, "logging was started before");
    }
}
