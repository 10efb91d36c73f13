//! What people do with a library: import, versions, members, checks. The command line and the daemon call the same functions.

pub mod assets;
pub mod denials;
pub mod inbox;
pub mod library;
pub mod live;
pub mod mapped;
pub mod notices;
pub mod proto;
pub mod recipes;
mod sweep;
pub mod versions;
pub mod view_copy;
