//! Media files made by other writers, and exports read back by other readers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod colour;
mod converted;
mod corpus;
mod documents;
mod exports;
mod formats;
mod hostile;
mod look;
mod matrix;
mod metadata;
mod previews;
mod quick;
mod recipes;
#[path = "../fuzz/targets.rs"]
mod targets;
mod tools;
mod video;
mod written;
