//! `dam diff`: what two versions of an asset say differently.

use std::process::ExitCode;

use super::args::{DiffArgs, Global};
use super::{Done, backend, print, target};
use crate::ops::proto::Command;

/// Compares.
pub fn run(global: &Global, args: &DiffArgs) -> Done {
    let value = backend::run(global, &[&args.target], |root| {
        Ok(Command::Diff { target: target::resolve(root, &args.target)?, from: args.from, to: args.to })
    })?;
    if global.json {
        print::json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    let (from, to) = (format!("version {}", value["from"]), format!("version {}", value["to"]));
    if value["same_bytes"] == true {
        print::note(&format!("{from} and {to} have the same bytes"));
    }
    let fields = value["fields"].as_array().map_or(&[][..], Vec::as_slice);
    if fields.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = print::table(&["field", &from, &to]);
    for field in fields {
        table.add_row([&field["field"], &field["from"], &field["to"]].map(print::word));
    }
    print::line(&table.to_string())?;
    Ok(ExitCode::SUCCESS)
}
