//! The catalogue: what exists, what it is called, what is known of it. Bytes live in `blob`.
//!
//! [`Engine`] is the row store: small typed operations inside one transaction. `sqlite/` keeps it on disk, `memory.rs`
//! in maps; both run one conformance suite. Callers reach it through [`Catalog`]: `read` and `write` run one closure
//! in one transaction; a closure may be run again when two writers collide, so it has no effect but on its transaction.
//! Every write appends what it changed to the change feed, the only source of cache invalidation.

mod error;
mod facts;
mod groups;
mod handle;
mod index;
pub mod journal;
mod keys;
mod looks;
pub mod memory;
mod record_diff;
mod recorder;
mod rows;
mod rules;
pub mod sqlite;
mod turns;
mod tx;

pub use error::CatalogError;
pub use facts::{AssetFacts, duplicate};
pub use groups::{GroupRow, GroupSeat};
pub use handle::{Catalog, ChangeListener};
pub use keys::{Key, KeyValue};
pub use looks::NEAR;
pub use rows::*;
pub use rules::view_stem;
pub use tx::{Counter, Engine, ReadTx, WriteTx, Xattr};
