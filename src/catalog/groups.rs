//! Groups of the system whose people are members, and which members are in them.

use crate::types::{MemberId, Timestamp};

/// What the people of a group may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRow {
    /// As the system calls it.
    pub name: String,
    /// Its role; of several all of them, with commas between.
    pub role: String,
    /// A query ANDed with every verb that comes by the group.
    pub scope: Option<String>,
    pub since: Timestamp,
    /// The first moment at which nobody may anything by it.
    pub ends: Option<Timestamp>,
}

impl GroupRow {
    /// The names of its roles.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.role.split(',')
    }

    /// Whether it gives anything at a moment.
    #[must_use]
    pub fn gives(&self, now: Timestamp) -> bool {
        self.ends.is_none_or(|end| now < end)
    }
}

/// That a member is in a group, as the system said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSeat {
    pub member: MemberId,
    pub group: String,
    /// When it said so last, or a few minutes before.
    pub seen: Timestamp,
}
