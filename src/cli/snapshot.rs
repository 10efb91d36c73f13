//! `dam snapshot`: a copy of the catalogue in the store.

use std::process::ExitCode;

use super::args::Global;
use super::{Done, backend, print};
use crate::ops::proto::Command;

/// Copies it.
pub fn run(global: &Global) -> Done {
    let value = backend::run(global, &[], |_| Ok(Command::Snapshot))?;
    if global.json {
        print::json(&value)?;
    } else {
        let size = print::bytes(value["size"].as_u64().unwrap_or(0));
        print::line(&format!("copied the catalogue ({size}) into the store"))?;
    }
    Ok(ExitCode::SUCCESS)
}
