//! `dam restore`: earlier versions and removed assets.

use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::args::{Global, RestoreArgs};
use super::backend::{self, Backend};
use super::{Done, Failure, print, target, usage};
use crate::ops::proto::Command;

/// Restores: each that can be.
pub fn run(global: &Global, args: &RestoreArgs) -> Done {
    if args.name.is_some() && args.targets.len() > 1 {
        return Err(usage("--as is one name, and there are several PATHs", "name one PATH, or leave --as out"));
    }
    let hints: Vec<&str> = args.targets.iter().map(String::as_str).collect();
    let root = backend::root(global, &hints)?;
    let mut backend = Backend::open(global, &root)?;
    let mut restored = Vec::new();
    let mut failed: Option<Failure> = None;
    for target in &args.targets {
        match one(&mut backend, &root, args, target) {
            Ok(done) if global.json => restored.push(done),
            Ok(done) => print::line(&sentence(target, &done))?,
            Err(failure) => {
                print::failure(&failure);
                failed.get_or_insert(failure);
            }
        }
    }
    if global.json {
        print::json(&json!({ "restored": restored }))?;
    }
    Ok(failed.map_or(ExitCode::SUCCESS, |failure| ExitCode::from(failure.kind.exit_code())))
}

fn one(backend: &mut Backend, root: &Path, args: &RestoreArgs, target: &str) -> Result<Value, Failure> {
    let target = target::resolve(root, target)?;
    backend
        .run(Command::Restore { target, version: args.version, into: args.into.clone(), name: args.name.clone() }, None)
}

fn sentence(target: &str, done: &Value) -> String {
    let path = print::word(&done["path"]);
    if done["restored"] != "trash" {
        return match done["version"].as_u64() {
            Some(n) => format!("{path}: version {n} is version {} again", done["restored"]),
            None => format!("{path}: its bytes are those of version {}; no version made", done["restored"]),
        };
    }
    let why = match (done["folder_gone"] == true, done["taken"] == true) {
        (true, _) => ": the folder that it was in is gone",
        (false, true) => ": its name is taken",
        (false, false) => "",
    };
    format!("{}: restored to {path}{why}", print::safe(target))
}
