//! `dam settle`: versions now.

use std::process::ExitCode;

use super::args::Global;
use super::{Done, backend, print};
use crate::ops::proto::Command;

/// Settles.
pub fn run(global: &Global) -> Done {
    let value = backend::run(global, &[], |_| Ok(Command::Settle))?;
    if global.json {
        print::json(&value)?;
    } else {
        let n = value["versions"].as_u64().unwrap_or(0);
        print::line(&format!("made {n} version{}", if n == 1 { "" } else { "s" }))?;
    }
    Ok(ExitCode::SUCCESS)
}
