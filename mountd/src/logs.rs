//! Structured logs to standard error, and panics into them.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// What the level is read from, as `info` or `damfs=debug,fuser=warn`.
const VARIABLE: &str = "DAM_LOG";
const USUAL: &str = "info,fuser=error";

/// Starts logging. A panic's message may hold what a person wrote, so only its place is logged.
pub fn start(json: bool) {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(USUAL));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE)
        .with_ansi(std::io::stderr().is_terminal());
    let started = if json { logs.json().try_init() } else { logs.try_init() };
    std::panic::set_hook(Box::new(|info| {
        let at = info.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        tracing::error!(at, thread = thread.name().unwrap_or("?"), "panicked");
    }));
    if let Err(e) = started {
        tracing::debug!(error = %e, "logging was started before");
    }
}
