//! `dam save` and `dam saved`: queries under names.

use std::process::ExitCode;

use serde_json::Value;

use super::args::{Global, SaveArgs};
use super::{Done, backend, print};
use crate::ops::proto::Command;

/// Keeps one, changes what is said of it, or lets go of it.
pub fn run(global: &Global, args: SaveArgs) -> Done {
    let SaveArgs { name, query, roles, until, remove } = args;
    let command = if remove {
        Command::SavedRemove { name }
    } else {
        Command::Save { name, query, roles: Some(roles).filter(|roles| !roles.is_empty()), until }
    };
    let value = backend::run(global, &[], |_| Ok(command))?;
    if global.json {
        print::json(&value)?;
    } else if remove {
        print::note(&format!("removed saved/{}", print::word(&value["removed"])));
    } else {
        table(std::slice::from_ref(&value))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Lists them.
pub fn list(global: &Global) -> Done {
    let value = backend::run(global, &[], |_| Ok(Command::SavedList))?;
    if global.json {
        print::json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows = value["saved"].as_array().cloned().unwrap_or_default();
    if rows.is_empty() {
        print::note("nothing is saved that you may see; keep a query with: dam save NAME QUERY");
    } else {
        table(&rows)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn table(rows: &[Value]) -> Result<(), super::Failure> {
    let mut table = print::table(&["name", "query", "owner", "for", "until"]);
    for row in rows {
        table.add_row(["name", "query", "owner", "for", "until"].map(|column| print::word(&row[column])));
    }
    print::line(&table.to_string())?;
    for row in rows.iter().filter(|row| !row["note"].is_null()) {
        print::note(&format!("saved/{}: {}", print::word(&row["name"]), print::word(&row["note"])));
    }
    Ok(())
}
