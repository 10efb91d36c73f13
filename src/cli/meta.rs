//! `dam meta`: what file and record say differently.

use std::process::ExitCode;

use super::args::{Global, MetaAction, MetaArgs};
use super::{Done, backend, print, target};
use crate::ops::proto::Command;

/// Tells or decides.
pub fn run(global: &Global, args: MetaArgs) -> Done {
    match args.action {
        MetaAction::Diff(what) => diff(global, &what.target),
        MetaAction::Resolve { target: name, field, take } => {
            let done = backend::run(global, &[&name], |root| {
                Ok(Command::MetaResolve { target: target::resolve(root, &name)?, field, take })
            })?;
            if global.json {
                print::json(&done)?;
            } else {
                print::line(&format!("decided: {}", print::word(&done["resolved"])))?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn diff(global: &Global, name: &str) -> Done {
    let value = backend::run(global, &[name], |root| Ok(Command::MetaDiff { target: target::resolve(root, name)? }))?;
    if global.json {
        print::json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    let fields = value["fields"].as_array().map_or(&[][..], Vec::as_slice);
    if fields.is_empty() {
        print::note("file and record agree");
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = print::table(&["field", "stands", "other", "since version", "by", "at"]);
    for field in fields {
        table.add_row(["field", "stands", "other", "version", "by", "at"].map(|key| print::word(&field[key])));
    }
    print::line(&table.to_string())?;
    Ok(ExitCode::SUCCESS)
}
