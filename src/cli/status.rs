//! `dam status`: which libraries are mounted where, by whom.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread::{self, ScopedJoinHandle};

use serde_json::{Value, json};

use super::args::Global;
use super::{Done, Failure, backend, failed, mounts, print};
use crate::ops::Library;
use crate::ops::proto::{FailureKind, Request};

/// Lists every damfs mount of the machine, or those of one library.
pub fn run(global: &Global) -> Done {
    let mut libraries: BTreeSet<PathBuf> = mounts::all().into_iter().map(|m| m.library).collect();
    if let Some(root) = backend::named(global) {
        Library::info_of(&root).map_err(|e| backend::explain(&e, &root))?;
        libraries.retain(|library| *library == root);
    }
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    for (library, told) in libraries.iter().zip(ask_all(&libraries)) {
        rows.extend(mounts_of(library, &told));
        let of = told.as_ref().ok().and_then(|answer| answer.as_ref()?["faults"].as_array());
        for fault in of.into_iter().flatten() {
            faults.push(json!({ "library": library.to_string_lossy(), "fault": fault }));
        }
    }
    for fault in faults.iter().filter(|_| !global.json) {
        let (library, fault) = (print::word(&fault["library"]), print::word(&fault["fault"]));
        print::note(&format!("{library}: {fault}"));
    }
    if global.json {
        print::json(&json!({ "mounts": rows, "faults": faults }))?;
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

/// What a library's daemon says of its mounts; nothing when there is no daemon.
type Told = Result<Option<Value>, Failure>;

/// Asks every library's daemon at once: one that is stuck does not keep the answer about another waiting.
fn ask_all(libraries: &BTreeSet<PathBuf>) -> Vec<Told> {
    thread::scope(|scope| {
        let asked: Vec<_> =
            libraries.iter().map(|library| thread::Builder::new().spawn_scoped(scope, move || ask(library))).collect();
        asked
            .into_iter()
            .map(|one| match one.map(ScopedJoinHandle::join) {
                Ok(Ok(told)) => told,
                Ok(Err(_)) => Err(unasked("its thread broke")),
                Err(e) => Err(unasked(&e.to_string())),
            })
            .collect()
    })
}

fn unasked(why: &str) -> Failure {
    failed(format!("a daemon could not be asked: {why}"), "run the command again")
}

fn ask(library: &Path) -> Told {
    match backend::daemon(library)? {
        Some(mut client) => backend::ask(&mut client, &Request::Status, None).map(Some),
        None => Ok(None),
    }
}

/// The rows of a library's mounts: as its daemon tells of them, and as the machine does where it cannot.
fn mounts_of(library: &Path, told: &Told) -> Vec<Value> {
    if let Err(e) = told
        && e.kind != FailureKind::Refused
    {
        print::note(&e.message);
    }
    let known = told.as_ref().ok().and_then(|answer| answer.as_ref()?["mounts"].as_array().cloned());
    let mut rows = Vec::new();
    for mount in mounts::of_library(library) {
        let text = |p: &PathBuf| p.to_string_lossy().into_owned();
        let mountpoint = text(&mount.mountpoint);
        if known.iter().flatten().any(|row| row["mountpoint"] == *mountpoint) {
            continue;
        }
        let state = match told {
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
    rows
}
