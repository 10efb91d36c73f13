//! What is worth telling somebody at once. The rules of `alerts.toml` say how many of a thing one member may do within a time.

mod book;
#[cfg(test)]
mod tests;
mod watch;
mod webhook;

pub use book::AlertsError;
pub use watch::{Firing, Watch};
pub use webhook::Webhook;

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
    /// An asset's bytes were replaced, or it was removed.
    Rewrite,
}

impl Deed {
    const NAMES: [(&'static str, Self); 4] = [
        ("downloads", Self::Download),
        ("denials", Self::Denial),
        ("changes", Self::Change),
        ("rewrites", Self::Rewrite),
    ];

    /// As a rule names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Download => "downloads",
            Self::Denial => "denials",
            Self::Change => "changes",
            Self::Rewrite => "rewrites",
        }
    }

    /// Whether assets are counted.
    const fn is_of_assets(self) -> bool {
        !matches!(self, Self::Denial)
    }
}

/// What happens beside telling it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reaction {
    #[default]
    Tell,
    /// The member is shut out.
    Suspend,
    /// The member looks on: his mounts take no more changes.
    ReadOnly,
}

impl Reaction {
    const NAMES: [(&'static str, Self); 3] =
        [("tell", Self::Tell), ("suspend", Self::Suspend), ("read-only", Self::ReadOnly)];
}

/// How many are still in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    Count(usize),
    /// Of the assets that the member may list, and never fewer than so many.
    Share {
        percent: usize,
        at_least: usize,
    },
}

impl Limit {
    /// The most that any rule lets somebody do: so many are remembered of each member.
    pub(crate) const MOST: usize = 100_000;

    /// Whether so many are too many. What he may list is asked only when it matters.
    fn is_passed(self, number: usize, listed: impl FnOnce() -> usize) -> bool {
        match self {
            Self::Count(most) => number > most,
            Self::Share { at_least, .. } if number <= at_least => false,
            Self::Share { percent, .. } => {
                number > Self::MOST || number.saturating_mul(100) > percent.saturating_mul(listed())
            }
        }
    }
}

/// One rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    pub name: String,
    pub on: Deed,
    pub more_than: Limit,
    /// Nanoseconds.
    pub within: i64,
    /// When it is counted; always without.
    pub hours: Option<When>,
    /// Members whom it does not watch.
    pub except: Vec<String>,
    /// A program and its arguments; empty for none.
    pub command: Vec<String>,
    pub webhook: Option<Webhook>,
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
