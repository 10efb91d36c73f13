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
    if value["same_bytes"] == true {
        print::note(&format!("versions {} and {} have the same bytes", value["from"], value["to"]));
    }
    print::inherited(&value);
    let mut text = format!("--- version {}\n+++ version {}\n", value["from"], value["to"]);
    for field in value["fields"].as_array().into_iter().flatten() {
        for (sign, side) in [('-', "from"), ('+', "to")] {
            let said = print::word(&field[side]);
            if !said.is_empty() {
                let name = print::word(&field["field"]);
                text.push_str(&format!("{sign}{name:<12} {}\n", said.replace('\n', "\n              ")));
            }
        }
    }
    print::out(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
