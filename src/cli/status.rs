//! `dam status`: which libraries are mounted where, by whom.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::args::Global;
use super::{Done, backend, mounts, print};
use crate::ops::Library;
use crate::ops::proto::{FailureKind, Request};

/// Lists every damfs mount of the machine, or those of one library.
pub fn run(global: &Global) -> Done {
    let mut libraries: BTreeSet<PathBuf> = mounts::all().into_iter().map(|m| m.library).collect();
    if let Some(root) = backend::named(global) {
        Library::info_of(&root).map_err(|e| backend::explain(&e, &root))?;
        libraries.retain(|library| *library == root);
    }
    let mut rows: Vec<Value> = Vec::new();
    for library in libraries {
        let told = match backend::daemon(&library) {
            Ok(Some(mut client)) => backend::ask(&mut client, &Request::Status, None).map(Some),
            Ok(None) => Ok(None),
            Err(e) => {
                if e.kind != FailureKind::Refused {
                    print::note(&e.message);
                }
                Err(e)
            }
        };
        let known = told.as_ref().ok().and_then(|answer| answer.as_ref()?["mounts"].as_array().cloned());
        for mount in mounts::of_library(&library) {
            let text = |p: &PathBuf| p.to_string_lossy().into_owned();
            let mountpoint = text(&mount.mountpoint);
            if known.iter().flatten().any(|row| row["mountpoint"] == *mountpoint) {
                continue;
            }
            let state = match &told {
                // What the daemon does not tell of is another's, or was left by a daemon before it.
                Ok(Some(_)) if !mount.is_dead() => continue,
                Ok(_) => "dead",
                Err(e) if e.kind == FailureKind::Refused => "unknown",
                Err(_) => "no answer",
            };
            rows.push(json!({
                "pid": null,
                "library": text(&mount.library),
                "mountpoint": mountpoint,
                "member": null,
                "shared": null,
                "state": state,
            }));
        }
        rows.extend(known.into_iter().flatten());
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
