//! Structured logs to standard error, and panics into them.

use std::io::{self, IsTerminal, Write};

use tracing::{Metadata, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

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

/// What asks webhooks logs their addresses whole, and paths of such addresses are secrets: nothing of it is heard, whatever the variable says.
fn may_be_heard(what: &Metadata<'_>) -> bool {
    !what.target().starts_with("ureq")
}

fn logger<W>(json: bool, filter: EnvFilter, to: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(to)
        .log_internal_errors(false)
        .with_span_events(FmtSpan::NONE)
        .with_ansi(io::stderr().is_terminal());
    let heard = filter_fn(may_be_heard);
    if json { Box::new(logs.json().finish().with(heard)) } else { Box::new(logs.finish().with(heard)) }
}

/// Starts logging. A panic's message may hold what a person wrote, so only its place is logged; and it goes out by one write past the
/// logger, which may be what panicked.
pub fn start(json: bool) {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(USUAL));
    let started = logger(json, filter, || Lossy).try_init();
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(line)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Regression: with `trace` the path of a webhook, which is a secret, was in the daemon's log.
    #[test]
    fn nothing_of_what_asks_webhooks_is_logged_whatever_is_asked_for() {
        for directives in ["trace", "trace,ureq=trace", "ureq::run=trace,ureq_proto::client=debug,damfs=trace", "info"]
        {
            for json in [false, true] {
                let kept = Kept::default();
                let to = kept.clone();
                let logger = logger(json, EnvFilter::new(directives), move || to.clone());
                tracing::subscriber::with_default(logger, || {
                    tracing::trace!(target: "ureq::run", "POST https://example.org/s3cret");
                    tracing::debug!(target: "ureq_proto::client", "POST /s3cret HTTP/1.1");
                    tracing::error!(target: "ureq", "s3cret");
                    tracing::info!(target: "damfs::ops", "heard");
                });
                let said = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
                assert!(said.contains("heard") && !said.contains("s3cret"), "{directives}: {said}");
            }
        }
    }
}
