//! `dam fsck`: is everything there, and is it what it was?

use std::process::ExitCode;

use super::args::{FsckArgs, Global};
use super::{Done, backend, print};
use crate::ops::proto::{Command, FailureKind};

/// Checks. Faults give exit code 1.
pub fn run(global: &Global, args: &FsckArgs) -> Done {
    let report = backend::run(global, &[], |_| Ok(Command::Fsck { deep: args.deep }))?;
    let faults = report["faults"].as_array().cloned().unwrap_or_default();
    if global.json {
        print::json(&report)?;
    } else {
        for fault in &faults {
            print::line(&print::word(fault))?;
        }
        let how = if args.deep { "every byte hashed" } else { "extents present; --deep hashes every byte" };
        print::line(&format!(
            "{}: {} assets, {} contents, {} ({how})",
            if faults.is_empty() { "clean".to_owned() } else { format!("{} faults", faults.len()) },
            report["assets"],
            report["contents"],
            print::bytes(report["bytes"].as_u64().unwrap_or(0))
        ))?;
        if !faults.is_empty() {
            print::note("do not run gc; restore what is missing from a backup, or ask for help with this report");
        }
    }
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FailureKind::Failed.exit_code()) })
}
