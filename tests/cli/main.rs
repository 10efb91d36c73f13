//! The command line on libraries opened in place: no mount, no daemon. One file per command.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_possible_truncation, reason = "tests")]

mod caption;
mod complete;
mod evidence;
mod export;
mod find;
mod fsck;
mod glossary;
mod help;
mod import;
mod init;
mod lab;
mod log;
mod member;
mod mount;
mod policy;
mod rebuild;
mod records;
mod restore;
mod review;
mod save;
mod scout;
mod set;
mod show;
mod spec;
mod tag;
mod thin;
mod versions;
mod why;
