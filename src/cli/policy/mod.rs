//! `dam policy`: who may do what.

mod args;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::Value;

use super::args::Global;
use super::own_text::{self, OwnText};
use super::{Done, Failure, backend, print};
use args::PolicyAction;
pub use args::PolicyArgs;

use crate::ops::policy::FILE;
use crate::ops::proto::{Command, FailureKind};
use crate::policy::RoleBook;

/// Lists, shows, checks, compares, puts in force, edits, tests.
pub fn run(global: &Global, args: PolicyArgs) -> Done {
    match args.action.unwrap_or(PolicyAction::List) {
        PolicyAction::List => list(global),
        PolicyAction::Show { version } => show(global, version),
        PolicyAction::Check { file } => check(global, file),
        PolicyAction::Diff { file } => diff(global, file.as_deref()),
        PolicyAction::Apply { file } => apply(global, file.as_deref()),
        PolicyAction::Edit => edit(global),
        PolicyAction::Test { file, policy } => test(global, file.as_deref(), policy.as_deref()),
    }
}

fn read(file: Option<&Path>) -> Result<Option<String>, Failure> {
    file.map(own_text::of_file).transpose()
}

fn rows<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn list(global: &Global) -> Done {
    let value = backend::run(global, &[], |_| Ok(Command::PolicyList))?;
    if global.json {
        print::json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = print::table(&["version", "since", "by", "digest", ""]);
    for row in rows(&value, "versions") {
        let [version, at, by, digest] = ["version", "at", "by", "digest"].map(|key| print::word(&row[key]));
        let in_force = if row["version"] == value["in_force"] { "in force" } else { "" };
        table.add_row([version, at, by, digest.chars().take(12).collect(), in_force.to_owned()]);
    }
    print::line(&table.to_string())?;
    Ok(ExitCode::SUCCESS)
}

fn show(global: &Global, version: Option<u64>) -> Done {
    own_text::show(global, Command::PolicyShow { version })
}

fn check(global: &Global, file: Option<PathBuf>) -> Done {
    let text = read(file.as_deref())?;
    let (root, file) = match (backend::root(global, &[]), file) {
        (Ok(root), file) => (Some(root.clone()), file.unwrap_or_else(|| root.join(FILE))),
        (Err(_), Some(file)) => (None, file),
        (Err(failure), None) => return Err(failure),
    };
    let counted = |roles: &Value| format!("roles: {roles}");
    let read = match (root, text) {
        (Some(root), text) => checked(backend::Backend::open(global, &root)?.run(Command::PolicyCheck { text }, None))?
            .map(|answer| counted(&answer["roles"])),
        (None, text) => RoleBook::parse(&text.unwrap_or_default())
            .map(|book| counted(&book.names().count().into()))
            .map_err(|e| e.0),
    };
    own_text::checked(global, &file, read)
}

/// What is wrong with a text; other failures are none of it.
fn checked(answer: Result<Value, Failure>) -> Result<Result<Value, String>, Failure> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(failure) if failure.kind == FailureKind::Usage => Ok(Err(failure.message)),
        Err(failure) => Err(failure),
    }
}

fn diff(global: &Global, file: Option<&Path>) -> Done {
    let text = read(file)?;
    let value = backend::run(global, &[], |_| Ok(Command::PolicyDiff { text }))?;
    if global.json {
        print::json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    difference(&value)?;
    if !rows(&value, "members").is_empty() {
        let mut table = print::table(&["member", "verb", "assets gained", "assets lost"]);
        for row in rows(&value, "members") {
            table.add_row(["member", "verb", "gains", "loses"].map(|key| print::word(&row[key])));
        }
        print::line(&table.to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What changes, by role and verb.
fn difference(value: &Value) -> Result<(), Failure> {
    if rows(value, "settings").is_empty() && rows(value, "roles").is_empty() {
        print::note("it allows what the policy in force allows");
        return Ok(());
    }
    let arrow = |row: &Value| format!("{} -> {}", print::word(&row["before"]), print::word(&row["after"]));
    for row in rows(value, "settings") {
        print::line(&format!("{}: {}", print::word(&row["key"]), arrow(row)))?;
    }
    for role in rows(value, "roles") {
        let kind = match role["kind"].as_str() {
            Some("new") => " (new)",
            Some("gone") => " (gone)",
            _ => "",
        };
        print::line(&format!("role {}{kind}", print::word(&role["role"])))?;
        for verb in rows(role, "verbs") {
            print::line(&format!(
                "  {} {}: {}",
                print::word(&verb["effect"]),
                print::word(&verb["verb"]),
                arrow(verb)
            ))?;
        }
        if let Some(watermark) = role.get("watermark") {
            let said = |side: &str| watermark[side].as_str().map_or_else(|| "none".to_owned(), print::safe);
            print::line(&format!("  watermark: {} -> {}", said("before"), said("after")))?;
        }
    }
    Ok(())
}

fn apply(global: &Global, file: Option<&Path>) -> Done {
    let text = read(file)?;
    let value = backend::run(global, &[], |_| Ok(Command::PolicyApply { text, base: None }))?;
    if global.json {
        print::json(&value)?;
    } else {
        applied(&value)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn applied(value: &Value) -> Result<(), Failure> {
    if value["applied"].as_bool() == Some(true) {
        difference(value)?;
        print::line(&format!("version {} is in force", value["version"]))
    } else {
        print::line(&format!("version {} is this text, and in force already", value["version"]))
    }
}

fn edit(global: &Global) -> Done {
    let check = |text: &str| {
        let ask = Command::PolicyCheck { text: Some(text.to_owned()) };
        backend::run(global, &[], |_| Ok(ask)).map(drop).map_err(|failure| failure.message)
    };
    let own = OwnText {
        file: FILE,
        get: Command::PolicyText,
        read: &own_text::utf8,
        check: &check,
        put: &|text, base| Command::PolicyApply { text: Some(text), base: Some(base) },
    };
    if let Some(done) = own_text::change(global, own)?.filter(|_| !global.json) {
        applied(&done)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn test(global: &Global, cases: Option<&Path>, policy: Option<&Path>) -> Done {
    let (cases, text) = (read(cases)?, read(policy)?);
    let value = backend::run(global, &[], |_| Ok(Command::PolicyTest { cases, text }))?;
    let failed = rows(&value, "failed");
    if global.json {
        print::json(&value)?;
    } else {
        for row in failed {
            let was = if row["allowed"].as_bool() == Some(true) { "allowed" } else { "refused" };
            let [name, verb, reason] = ["name", "verb", "reason"].map(|key| print::word(&row[key]));
            print::line(&format!("line {}: {name}: {verb} is {was}: {reason}", row["line"]))?;
        }
        print::note(&format!("cases: {}; decided otherwise: {}", value["cases"], failed.len()));
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
