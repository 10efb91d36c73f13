//! `dam member`: who may do what.

mod args;

use std::process::ExitCode;

use serde_json::Value;

use super::args::Global;
use super::backend::Backend;
use super::progress::Progress;
use super::{Done, backend, factor, print, usage};
pub use args::MemberArgs;
use args::{MemberAction, UserId};

use crate::ops::groups::GroupChange;
use crate::ops::members::MemberChange;
use crate::ops::proto::Command;

/// Adds, changes, lists.
pub fn run(global: &Global, args: MemberArgs) -> Done {
    let command = match args.action {
        MemberAction::Add { group: Some(group), role, scope, ends, .. } => {
            Command::GroupAdd { group, new: GroupChange { role: Some(role), scope, ends } }
        }
        MemberAction::Add { name, uid, role, scope, ends, .. } => {
            Command::MemberAdd { name: name.unwrap_or_default(), uid, role, scope, ends }
        }
        MemberAction::Set {
            uid: None,
            role: None,
            scope: None,
            active: None,
            ends: None,
            read_only: None,
            name,
            group,
        } => {
            return Err(usage(
                format!("nothing to change of {}", name.or(group).unwrap_or_default()),
                "give --role, --scope, --uid, --ends, --active or --read-only, for example: dam member set anna --role editor",
            ));
        }
        MemberAction::Set { group: Some(group), role, scope, ends, .. } => {
            Command::GroupSet { group, change: GroupChange { role, scope, ends } }
        }
        MemberAction::Set { name, uid, role, scope, active, ends, read_only, .. } => {
            let no_uid = matches!(uid, Some(UserId::Nobody));
            let uid = uid.and_then(|uid| if let UserId::Of(uid) = uid { Some(uid) } else { None });
            let change = MemberChange { role, scope, uid, no_uid, active, ends, read_only };
            Command::MemberSet { name: name.unwrap_or_default(), change }
        }
        MemberAction::Remove { group } => Command::GroupRemove { group },
        MemberAction::Offboard { name, to } => return offboard(global, name, to),
        MemberAction::List => Command::MemberList,
        MemberAction::Totp { remove: false, .. } => return factor::enrol(global),
        MemberAction::Totp { remove: true, name } => return factor::remove(global, name),
    };
    let value = backend::run(global, &[], |_| Ok(command))?;
    if global.json {
        print::json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    let groups = value["groups"].as_array().filter(|_| value["members"].is_array()).cloned().unwrap_or_default();
    let rows: Vec<Value> = match value["members"].as_array() {
        Some(members) => members.iter().chain(&groups).cloned().collect(),
        None => vec![value],
    };
    // A change of a member tells nothing of his second factor.
    let told = rows.iter().any(|row| row.get("second_factor").is_some());
    let factor = told.then_some("second factor");
    let head: Vec<&str> = ["name", "uid", "role", "scope", "active", "ends"].into_iter().chain(factor).collect();
    let mut table = print::table(&head);
    for row in &rows {
        let active = match (row["active"].as_bool(), row["read_only"].as_bool()) {
            (Some(true), Some(true)) => "read-only",
            (Some(true), _) => "yes",
            _ => "no",
        };
        let group = row["group"].as_str().map(|group| format!("@{}", print::safe(group)));
        let active = if group.is_some() { "" } else { active };
        let mut cells: Vec<String> = ["uid", "scope", "ends"].map(|key| print::word(&row[key])).into();
        cells.insert(0, group.unwrap_or_else(|| print::word(&row["name"])));
        cells.insert(2, roles(row));
        cells.insert(4, active.to_owned());
        cells.extend(told.then(|| second_factor(&row["second_factor"])));
        table.add_row(cells);
    }
    print::line(&table.to_string())?;
    if let Some(unknown) = rows.iter().find(|row| row["known"] == false) {
        let group = print::word(&unknown["group"]);
        print::note(&format!("this machine knows no group {group} now; it gives its roles as soon as there is one"));
    }
    Ok(ExitCode::SUCCESS)
}

/// His own, and those that groups give him.
fn roles(row: &Value) -> String {
    let own = print::word(&row["role"]);
    let groups = row["groups"].as_array().into_iter().flatten();
    let by = groups.map(|group| {
        let within = group["scope"].as_str().map(|scope| format!(" in {}", print::safe(scope))).unwrap_or_default();
        format!("{} by @{}{within}", print::word(&group["role"]), print::word(&group["group"]))
    });
    Some(own).filter(|own| !own.is_empty()).into_iter().chain(by).collect::<Vec<_>>().join("; ")
}

fn offboard(global: &Global, name: String, to: String) -> Done {
    let root = backend::root(global, &[])?;
    let progress = Progress::new(global);
    let command = Command::MemberOffboard { name, to };
    let done = Backend::open(global, &root)?.run_telling(command, None, &progress);
    progress.end();
    let value = done?;
    if global.json {
        print::json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    let [name, to] = ["member", "to"].map(|key| print::word(&value[key]));
    print::line(&format!(
        "{name} is out; {to} has {} assets and {} saved queries of his",
        value["assets"], value["saved"]
    ))?;
    if !value["board"].is_null() {
        print::note(&format!("the board names {name} as a reviewer still; name somebody else: dam workflow edit"));
    }
    Ok(ExitCode::SUCCESS)
}

fn second_factor(row: &Value) -> String {
    match (row, &row["unlocked_until"]) {
        (Value::Null, _) => String::new(),
        (_, Value::String(until)) => format!("open until {until}"),
        _ => "locked".to_owned(),
    }
}
