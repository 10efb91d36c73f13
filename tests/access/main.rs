//! What each member may know and do, on the filesystem's own methods: many members, many refusals, no kernel.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod alerts;
mod attributes;
mod board;
mod captions;
mod commands;
mod conflicts;
mod copies;
mod duplicates;
mod exports;
mod factor;
mod families;
mod findings;
mod generated;
mod glossary;
mod guidelines;
mod handles;
mod hidden;
mod listing;
mod local_files;
mod log;
mod names;
mod offboard;
mod places;
mod policy;
mod reach;
mod reads;
mod records;
mod records_back;
mod saved;
mod shifts;
mod similar;
mod spec;
mod stills;
mod thinning;
mod thumbs;
mod trail;
mod values;
mod verdicts;
mod viewers;
mod views;
mod whence;
mod words;
mod world;
mod written;
