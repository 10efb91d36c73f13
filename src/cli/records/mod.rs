//! `dam records`: records as files.

mod args;
mod export;

pub use args::RecordsArgs;

use super::Done;
use super::args::Global;
use args::RecordsAction;

/// Runs.
pub fn run(global: &Global, args: RecordsArgs) -> Done {
    match args.action {
        RecordsAction::Export(args) => export::run(global, &args),
    }
}
