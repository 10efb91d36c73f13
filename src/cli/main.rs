//! `dam`: the command line of damfs.

use std::process::ExitCode;

fn main() -> ExitCode {
    damfs::cli::run()
}
