//! Filesystem semantics on our own types: no FUSE here, so that everything can be tested without a mount.
//!
//! [`Mount`] is one mount of one library. Every method takes the caller first, resolves the inode, asks the gate, and runs at most one
//! catalogue transaction for what it changes. Errors are [`FsError`]; only `error.rs` knows errno.

mod above;
mod attr;
mod believed;
mod bin;
mod clips;
mod create;
mod dir;
mod error;
mod explain;
mod export;
mod feed;
mod given;
mod handles;
mod inodes;
mod listing;
mod mount;
mod open;
mod proxies;
mod rename;
mod rights;
mod rivals;
mod saved;
mod setattr;
mod shown;
mod statfs;
mod tagging;
mod text;
mod types;
mod unlink;
mod writable;
mod xattr;

pub use error::{Denial, FsError, FsResult};
pub use inodes::ROOT;
pub use mount::{Mount, Show};
pub use open::Seek;
pub use types::*;
