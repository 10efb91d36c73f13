//! Filesystem semantics on our own types: no FUSE here, so that everything can be tested without a mount.
//!
//! [`Mount`] is one mount of one library. Every method takes the caller first, resolves the inode, asks the gate, and runs at most one
//! catalogue transaction. Errors are [`FsError`]; only `error.rs` knows errno.

mod error;
mod types;

pub use error::{FsError, FsResult};
pub use types::*;
