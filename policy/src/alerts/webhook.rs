//! Whom an alert is posted to. The path of such an address is mostly a secret: nobody but who posts is told of it.

use std::fmt;

/// An address, checked as far as a text can be.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    url: String,
    /// Up to where it may be told.
    told: usize,
}

/// Longer is none.
const LONGEST: usize = 2_000;

impl Webhook {
    /// Reads one: `https://`, or `http://` to this machine itself.
    ///
    /// # Errors
    /// What is wrong, without what may be secret.
    pub fn parse(url: &str) -> Result<Self, String> {
        if url.len() > LONGEST || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("an address is at most {LONGEST} letters of ASCII without blanks"));
        }
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // What stands before an @ is a secret, and misleads about who is asked.
        if authority.contains(['@', '\\']) {
            return Err("an address names no user; what is secret in it belongs into its path".to_owned());
        }
        let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':').or(port.is_empty().then_some(""))),
            None => authority.split_once(':').map_or((authority, Some("")), |(host, port)| (host, Some(port))),
        };
        if host.is_empty()
            || !port.is_some_and(|port| port.is_empty() || port.parse::<u16>().is_ok_and(|port| port > 0))
        {
            return Err("an address looks like https://example.com/path".to_owned());
        }
        match scheme {
            "https" => {}
            "http" if is_here(host) => {}
            "http" => return Err(format!("http:// to {host} could be read on its way; use https://")),
            _ => return Err("an address begins with https://".to_owned()),
        }
        Ok(Self { url: url.to_owned(), told: scheme.len() + "://".len() + authority.len() })
    }

    /// The whole address, for who posts.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// Whether a host is this machine.
fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for Webhook {
    /// Who is asked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.get(..self.told).unwrap_or_default())
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Webhook({self})")
    }
}
