//! The roles in force, and which version of their text they are.

use std::ops::Deref;

use crate::policy::RoleBook;

/// The roles in force.
#[derive(Debug)]
pub struct Policy {
    /// The number of the version; what is decided names it.
    pub no: u64,
    pub book: RoleBook,
}

impl Deref for Policy {
    type Target = RoleBook;
    fn deref(&self) -> &RoleBook {
        &self.book
    }
}
