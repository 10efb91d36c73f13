//! Posting an alert to somebody's address: a few times, for a short while, and only there.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use damfs_policy::alerts::Webhook;
use rustls::crypto::ring;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Error};

/// For one try, from the name's resolution to the answer's head.
const LONGEST: Duration = Duration::from_secs(10);
/// Before each further try. With these, somebody is told within a minute or nobody is.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(10)];

/// Posts the alert as a line.
///
/// # Errors
/// Why nobody may have been told, without what is secret in the address.
pub(super) fn post(hook: &Webhook, alert: &str) -> Result<(), String> {
    let mut done = attempt(hook, alert);
    for pause in PAUSES {
        if done.as_ref().err().is_none_or(|fault| !fault.may_pass) {
            break;
        }
        std::thread::sleep(pause);
        done = attempt(hook, alert);
    }
    done.map_err(|fault| format!("{hook}: {}", fault.why))
}

struct Fault {
    why: String,
    /// Whether it is worth another try.
    may_pass: bool,
}

fn attempt(hook: &Webhook, alert: &str) -> Result<(), Fault> {
    let asked = agent().post(hook.url()).content_type("application/json").send(format!("{alert}\n"));
    match asked {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => {
            let status = answer.status();
            // Asked too often, or not able to just now.
            let may_pass = status.is_server_error() || [408, 425, 429].contains(&status.as_u16());
            Err(Fault { why: format!("it answered with status {}", status.as_u16()), may_pass })
        }
        Err(e) => Err(Fault { why: said(&e), may_pass: true }),
    }
}

/// What an error says that does not quote the address.
fn said(e: &Error) -> String {
    match e {
        Error::Timeout(_) => "it took more than ten seconds".to_owned(),
        Error::HostNotFound => "there is no such host".to_owned(),
        Error::ConnectionFailed => "it cannot be reached".to_owned(),
        Error::Io(e) => format!("it cannot be asked: {e}"),
        Error::Rustls(e) => format!("it is not trusted: {e}"),
        _ => "it cannot be asked, or its answer is none".to_owned(),
    }
}

/// One for all alerts: it reads the system's certificates once, follows nobody elsewhere, and asks nothing of the environment.
fn agent() -> Agent {
    static AGENT: OnceLock<Agent> = OnceLock::new();
    AGENT
        .get_or_init(|| {
            let found = rustls_native_certs::load_native_certs();
            found.errors.iter().for_each(|e| tracing::warn!(error = %e, "a certificate of the system cannot be read"));
            let trusted = found.certs.iter().map(|cert| Certificate::from_der(cert).to_owned()).collect::<Vec<_>>();
            let tls = TlsConfig::builder()
                .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
                .root_certs(RootCerts::Specific(Arc::new(trusted)))
                .build();
            let config = Agent::config_builder()
                .tls_config(tls)
                .timeout_global(Some(LONGEST))
                .http_status_as_error(false)
                .max_redirects(0)
                .max_redirects_will_error(false)
                .max_idle_connections(0)
                .max_response_header_size(16 << 10)
                .proxy(None)
                .user_agent("damfs")
                .build();
            config.new_agent()
        })
        .clone()
}
