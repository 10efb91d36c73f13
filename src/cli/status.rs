//! `dam status`: which libraries are mounted where, by whom.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::args::Global;
use super::{Done, backend, mounts, print};
use crate::ops::proto::Request;

/// Lists every damfs mount of the machine, or those of one library.
pub fn run(global: &Global) -> Done {
    let only = global.library.as_deref().map(backend::canonical);
    let mut libraries: BTreeSet<PathBuf> = mounts::all().into_iter().map(|m| m.library).collect();
    if let Some(root) = &only {
        libraries.retain(|library| library == root);
    }
    let mut rows: Vec<Value> = Vec::new();
    for library in libraries {
        let answer = match backend::daemon(&library) {
            Ok(Some(mut client)) => backend::ask(&mut client, &Request::Status, None),
            Ok(None) => Ok(Value::Null),
            Err(e) => Err(e),
        };
        let told = answer.as_ref().ok().and_then(|a| a.get("mounts").unwrap_or(a).as_array().cloned());
        if let Some(told) = told {
            rows.extend(told);
            continue;
        }
        // Nobody answers: what the kernel knows. The state says whether that is for us to see or a dead mount.
        let state = if answer.is_ok() { "dead" } else { "unknown" };
        for mount in mounts::of_library(&library) {
            let text = |p: &PathBuf| p.to_string_lossy().into_owned();
            rows.push(json!({
                "pid": null,
                "library": text(&mount.library),
                "mountpoint": text(&mount.mountpoint),
                "member": null,
                "shared": null,
                "state": state,
            }));
        }
    }
    if global.json {
        print::json(&json!({ "mounts": rows }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if rows.is_empty() {
        print::line("nothing is mounted")?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = print::table(&["library", "mountpoint", "member", "pid"]);
    for row in &rows {
        let member = match (row["state"].as_str(), row["shared"].as_bool()) {
            (Some(state), _) => state.to_owned(),
            (None, Some(true)) => "shared".to_owned(),
            _ => print::word(&row["member"]),
        };
        table.add_row([
            print::word(&row["library"]),
            print::word(&row["mountpoint"]),
            member,
            print::word(&row["pid"]),
        ]);
    }
    print::line(&table.to_string())?;
    Ok(ExitCode::SUCCESS)
}
