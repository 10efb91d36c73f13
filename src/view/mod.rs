//! What is shown where, and what names mean: the grammar of the virtual tree, view names, name classes, and what a save is.
//! Reads only, and knows nothing of FUSE.

pub mod bin;
pub mod captions;
pub mod class;
pub mod identity;
pub mod naming;
mod path;
pub mod recipes;
pub mod tree;
mod words;
