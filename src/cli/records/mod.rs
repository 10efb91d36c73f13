//! `dam records`: records as files.

mod args;
mod export;
mod import;

pub use args::RecordsArgs;

use std::io;
use std::path::Path;

use super::args::Global;
use super::{Done, Failure, failed};
use args::RecordsAction;

/// Runs.
pub fn run(global: &Global, args: RecordsArgs) -> Done {
    match args.action {
        RecordsAction::Export(args) => export::run(global, &args),
        RecordsAction::Import(args) => import::run(global, &args),
    }
}

/// What records do not say.
const LIBRARY: &str = ".library.json";

fn cannot(what: &str, path: &Path, e: &io::Error) -> Failure {
    failed(format!("cannot {what} {}: {e}", path.display()), "check the disk and the folder's permissions")
}
