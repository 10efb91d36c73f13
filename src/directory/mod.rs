//! The users and groups of the system: the only source of who is in which. Everything else is handed a [`Directory`].

mod patient;
mod system;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use patient::Patient;
pub use system::SystemDirectory;

/// Somebody who has a user id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub login: String,
    /// Those of the groups asked for that he is in.
    pub groups: BTreeSet<String>,
    /// Those of them that nobody knows now: whether he is in one is not said.
    pub unknown: BTreeSet<String>,
}

/// Why the system cannot say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DirectoryError(pub String);

/// Tells whose a user id is and which groups he is in. It may have to ask another machine, so nothing is held while it is asked.
pub trait Directory: Send + Sync + 'static {
    /// Whose a user id is, and in which of these groups he is, by the system's databases: what groups a process has is its own to say. `None`
    /// when nobody knows it, which is no word yet that he is gone: of a database that is down the name service says the same.
    ///
    /// # Errors
    /// When the system cannot say; that is no answer, least of all that he is in none.
    fn person(&self, uid: u32, groups: &[String]) -> Result<Option<Person>, DirectoryError>;

    /// Whether there is a group of that name.
    ///
    /// # Errors
    /// When the system cannot say.
    fn has_group(&self, name: &str) -> Result<bool, DirectoryError>;
}

/// A shared directory.
pub type SharedDirectory = Arc<dyn Directory>;

/// Questions of strangers that are under way at once.
const OF_STRANGERS: usize = 2;

/// The system's own, for who is no member: whoever comes with many user ids keeps few waiting, and none of those that others ask.
#[must_use]
pub fn of_system_for_strangers() -> SharedDirectory {
    Arc::new(Patient::new(Arc::new(SystemDirectory)).at_most(OF_STRANGERS))
}

/// The system's own, which answers within a moment or not at all.
#[must_use]
pub fn of_system() -> SharedDirectory {
    Arc::new(Patient::new(Arc::new(SystemDirectory)))
}
