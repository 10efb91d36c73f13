//! Bytes: a store of immutable, sealed extents named by the keyed hash of what they hold, and staging files for what is being written.
//! The format on disk is written down in `FORMAT.md`.

mod blocks;
mod cache;
mod error;
mod fault;
mod frames;
mod local;
mod memory;
mod reader;
mod stage;
mod stage_dir;
mod stage_files;
mod stage_log;
mod stage_spare;
mod stage_state;
mod stage_sync;
#[cfg(test)]
mod stage_tests;
mod store;
mod trust;
mod vault;

pub use error::BlobError;
pub use fault::{Fail, FaultStore};
pub use local::LocalStore;
pub use memory::MemoryStore;
pub use reader::Reader;
pub use stage::Stage;
pub use stage_dir::StageDir;
pub use store::{BlobName, BlobStore, Put};
pub use vault::{Fault, ObjectKind, Vault};
