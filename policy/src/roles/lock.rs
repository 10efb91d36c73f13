//! The second factor: what a member is kept from until he has given it.

use crate::expr::{Expr, Facts, Field};

/// For whom assets rated adult are behind the second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AdultGate {
    /// For members who have enrolled one.
    #[default]
    Enrolled,
    /// For everybody: who has not enrolled never reaches them.
    On,
}

impl AdultGate {
    /// Every one, by its name in `roles.toml`.
    pub(super) const NAMES: [(&'static str, Self); 2] = [("enrolled", Self::Enrolled), ("on", Self::On)];
}

/// How it stands with a member's second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Factor {
    /// He has enrolled none.
    None,
    /// He has one and has not given it lately.
    Locked,
    /// He has given it lately.
    Open,
}

impl Factor {
    /// Of a member who has one or none, and has given it lately or not.
    #[must_use]
    pub const fn of(enrolled: bool, unlocked: bool) -> Self {
        match (enrolled, unlocked) {
            (false, _) => Self::None,
            (true, false) => Self::Locked,
            (true, true) => Self::Open,
        }
    }

    /// What to do about one that is not open.
    pub(super) const fn remedy(self) -> &'static str {
        match self {
            Self::None => "enrol one first: dam member totp",
            Self::Locked | Self::Open => "give it first: dam unlock",
        }
    }
}

/// What keeps a member from assets rated adult.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// He has a second factor and has not given it lately: nor does he administer the library.
    Locked,
    /// The library asks for one and he has none.
    NotEnrolled,
}

impl Lock {
    /// What holds for a member as it stands with his second factor.
    #[must_use]
    pub const fn of(gate: AdultGate, factor: Factor) -> Option<Self> {
        match (gate, factor) {
            (_, Factor::Open) | (AdultGate::Enrolled, Factor::None) => None,
            (_, Factor::Locked) => Some(Self::Locked),
            (AdultGate::On, Factor::None) => Some(Self::NotEnrolled),
        }
    }

    /// The assets that are behind it.
    pub(super) fn hides() -> Expr {
        Expr::is(Field::Rating, "adult")
    }

    /// Whether an asset is of those that a lock may close before anybody, now or later.
    #[must_use]
    pub fn may_close(facts: &dyn Facts) -> bool {
        Self::hides().matches(facts)
    }

    /// Why he may not have `what`, and what to do about it.
    pub(super) fn refusal(self, what: &str) -> String {
        let factor = match self {
            Self::Locked => Factor::Locked,
            Self::NotEnrolled => Factor::None,
        };
        format!("{what} is behind the second factor; {}", factor.remedy())
    }
}
