//! `dam member`: who may do what.

mod args;

use std::process::ExitCode;

use serde_json::Value;

use super::args::Global;
use super::{Done, backend, print, usage};
use args::MemberAction;
pub use args::MemberArgs;

use crate::ops::proto::Command;

/// Adds, changes, lists.
pub fn run(global: &Global, args: MemberArgs) -> Done {
    let command = match args.action {
        MemberAction::Add { name, uid, role, scope } => Command::MemberAdd { name, uid, role, scope },
        MemberAction::Set { uid: None, role: None, scope: None, active: None, name } => {
            return Err(usage(
                format!("nothing to change of {name}"),
                "give --role, --scope, --uid or --active, for example: dam member set anna --role editor",
            ));
        }
        MemberAction::Set { name, uid, role, scope, active } => Command::MemberSet { name, role, scope, uid, active },
        MemberAction::List => Command::MemberList,
    };
    let value = backend::run(global, &[], |_| Ok(command))?;
    if global.json {
        print::json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Value> = match value["members"].as_array() {
        Some(members) => members.clone(),
        None => vec![value],
    };
    let mut table = print::table(&["name", "uid", "role", "scope", "active"]);
    for row in &rows {
        table.add_row([
            print::word(&row["name"]),
            print::word(&row["uid"]),
            print::word(&row["role"]),
            print::word(&row["scope"]),
            if row["active"].as_bool() == Some(true) { "yes".to_owned() } else { "no".to_owned() },
        ]);
    }
    print::line(&table.to_string())?;
    Ok(ExitCode::SUCCESS)
}
