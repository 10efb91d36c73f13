//! Records as a tree of texts: with the files of `library/` a whole backup. What `records/` of a mount shows, `dam records export` writes.

mod export;
mod shelf;

pub use export::export;
pub use shelf::Shelf;
