//! The store of bytes: one suite for every store, the vault over them, and staging files against a plain vector.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod recovery;
mod stage;
mod stores;
mod torn;
mod vault;

use std::sync::Arc;

use damfs::crypto::Keyring;
use damfs::rng::{SharedEntropy, SystemEntropy};

fn entropy() -> SharedEntropy {
    Arc::new(SystemEntropy::new())
}

fn keyring() -> Arc<Keyring> {
    Arc::new(Keyring::create("0193a5c2-7d1e-7c3a-9f00-1b2c3d4e5f60", entropy().as_ref()).unwrap().keyring)
}

/// Bytes that do not repeat, the same for the same seed.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}
