//! What is worth telling somebody at once. The rules of `alerts.toml` say how many of a thing one member may do within a time.

mod book;
#[cfg(test)]
mod tests;
mod watch;

pub use book::AlertsError;
pub use watch::{Firing, Watch};

use crate::roles::When;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deed {
    /// The bytes of an asset were opened to read them.
    Download,
    /// Something was refused.
    Denial,
    /// An asset was changed, moved or removed.
    Change,
}

impl Deed {
    const NAMES: [(&'static str, Self); 3] =
        [("downloads", Self::Download), ("denials", Self::Denial), ("changes", Self::Change)];

    /// As a rule names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Download => "downloads",
            Self::Denial => "denials",
            Self::Change => "changes",
        }
    }
}

/// What happens beside telling it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reaction {
    #[default]
    Tell,
    /// The member is shut out.
    Suspend,
}

impl Reaction {
    const NAMES: [(&'static str, Self); 2] = [("tell", Self::Tell), ("suspend", Self::Suspend)];
}

/// One rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    pub name: String,
    pub on: Deed,
    /// How many are still in order.
    pub more_than: usize,
    /// Nanoseconds.
    pub within: i64,
    /// When it is counted; always without.
    pub hours: Option<When>,
    /// Members whom it does not watch.
    pub except: Vec<String>,
    /// A program and its arguments; empty for none.
    pub command: Vec<String>,
    pub reaction: Reaction,
}

impl Alert {
    /// Whether it counts what that member does at a moment.
    fn counts(&self, event: &Event<'_>) -> bool {
        self.on == event.deed
            && self.except.iter().all(|name| name != event.member)
            && self.hours.as_ref().is_none_or(|hours| hours.holds(event.at))
    }
}

/// All rules of a library.
#[derive(Debug, Clone, PartialEq)]
pub struct Alerts {
    text: String,
    rules: Vec<Alert>,
}

impl Alerts {
    /// As they are written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The rules, in the order of their names.
    #[must_use]
    pub fn rules(&self) -> &[Alert] {
        &self.rules
    }

    /// What is older than this says nothing any more.
    #[must_use]
    pub fn longest(&self) -> i64 {
        self.rules.iter().map(|rule| rule.within).max().unwrap_or(0)
    }
}

/// Something that a member did.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    /// Nanoseconds.
    pub at: i64,
    pub member: &'a str,
    pub deed: Deed,
    /// What is counted once however often it comes: an asset, or the number of a try.
    pub of: &'a str,
}
