//! damfs: digital asset management as a mounted filesystem.
//!
//! Layers, each using only those below it (`tests/layering.rs` checks it):
//! `cli` -> `fs`, `ops` -> `view`, `access`, `audit` -> `catalog`, `blob`, `c2pa` -> `media`, `crypto` -> `types`.
//! The library never prints and never reads the environment; `cli` does both.

pub mod access;
pub mod audit;
pub mod blob;
#[cfg(feature = "c2pa")]
pub mod c2pa;
pub mod catalog;
pub mod cli;
pub mod clock;
pub mod crypto;
pub mod directory;
pub mod fs;
pub mod media;
pub mod ops;
pub mod rng;
pub mod types;
pub mod view;

pub use damfs_policy as policy;
