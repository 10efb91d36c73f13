//! One suite per trait, run on every implementation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod catalog;
mod catalog_generation;
mod catalog_index;
mod catalog_journal;
mod catalog_looks;
mod catalog_members;
mod catalog_names;
mod catalog_query;
mod catalog_rows;
mod catalog_sqlite;
mod catalog_turns;
mod catalog_versions;
mod samples;
