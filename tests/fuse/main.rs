//! Operations on real mounts, through the real commands. Needs root and /dev/fuse; without them each test fails with a sentence.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod access;
mod board;
mod clips;
mod converted;
mod crash;
mod exports;
mod groups;
mod harness;
mod imports;
mod inbox;
mod leaks;
mod lifecycle;
mod listing;
mod members;
mod metadata;
mod offboard;
mod operations;
mod paths;
mod posix;
mod previews;
mod rsync;
mod saved;
mod saves;
mod screen;
mod similar;
mod thumbs;
mod trash_versions;
mod undo;
mod unlock;
mod unmount;
mod users;
mod viewing;
mod views;
mod written;
