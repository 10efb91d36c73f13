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

/// What keeps a member from assets rated adult.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// He has a second factor and has not given it lately: nor does he administer the library.
    Locked,
    /// The library asks for one and he has none.
    NotEnrolled,
}

impl Lock {
    /// What holds for a member who has a second factor or none, and has given it lately or not.
    #[must_use]
    pub fn of(gate: AdultGate, enrolled: bool, unlocked: bool) -> Option<Self> {
        match (gate, enrolled, unlocked) {
            (_, true, true) | (AdultGate::Enrolled, false, _) => None,
            (_, true, false) => Some(Self::Locked),
            (AdultGate::On, false, _) => Some(Self::NotEnrolled),
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
        let remedy = match self {
            Self::Locked => "give it first: dam unlock",
            Self::NotEnrolled => "enrol one first: dam member totp",
        };
        format!("{what} is behind the second factor; {remedy}")
    }
}
