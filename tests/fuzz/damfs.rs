//! The part of the library that reads bytes of strangers, compiled alone: with the fuzzer's counters the whole takes half an hour.

#[path = "../../src/media/mod.rs"]
pub mod media;
#[path = "../../src/rng.rs"]
pub mod rng;
#[path = "../../src/types/mod.rs"]
pub mod types;

pub use damfs_policy as policy;
