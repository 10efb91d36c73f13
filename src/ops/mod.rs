//! What people do with a library: import, versions, members, checks. The command line and the daemon call the same functions.

mod actor;
pub mod assets;
pub mod assign;
pub mod bin;
pub mod conflicts;
pub mod denials;
mod emptied;
pub mod error;
pub mod filing;
pub mod find;
pub mod folders;
pub mod fsck;
pub mod history;
pub mod import;
pub mod inbox;
pub mod library;
pub mod live;
pub mod live_table;
pub mod mapped;
pub mod members;
pub mod mountinfo;
pub mod names;
pub mod notices;
pub mod probe;
pub mod proto;
pub mod record;
pub mod reserve;
pub mod restore;
pub mod rivals;
pub mod rules;
pub mod serve;
pub mod show;
mod sidecars;
mod strays;
mod sweep;
pub mod target;
pub mod trail;
pub mod tunnels;
pub mod undo;
pub mod value;
pub mod versions;
pub mod view_copy;
pub mod why;
pub mod wire;

pub use actor::Actor;
pub use error::OpsError;
pub use library::{Created, KeyChoice, Library, OpenError};
pub use serve::serve;

/// The audit chain of operations; one chain per writer.
pub(crate) const CHAIN: &str = "ops";
