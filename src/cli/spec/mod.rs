//! `dam spec`: what each platform accepts.

mod args;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::args::Global;
use super::own_text::{self, OwnText};
use super::{Done, backend, failed, print};
use args::SpecAction;
pub use args::SpecArgs;

use crate::ops::proto::Command;
use crate::ops::spec::{DUE_DAYS, FILE};
use crate::policy::Platforms;
use crate::policy::platforms::{Fault, PlatformsError, decode};

/// Lists, checks, reviews, edits.
pub fn run(global: &Global, args: SpecArgs) -> Done {
    match args.action.unwrap_or(SpecAction::List { platform: None }) {
        SpecAction::List { platform } => list(global, platform),
        SpecAction::Check { file } => check(global, file),
        SpecAction::Review => review(global),
        SpecAction::Edit => edit(global),
    }
}

fn rows(global: &Global, platform: Option<String>) -> Result<Vec<Value>, super::Failure> {
    let mut value = backend::run(global, &[], |_| Ok(Command::SpecList { platform: platform.clone() }))?;
    Ok(match value["rows"].take() {
        Value::Array(rows) => rows,
        _ => Vec::new(),
    })
}

fn list(global: &Global, platform: Option<String>) -> Done {
    let rows = rows(global, platform)?;
    if global.json {
        print::json(&json!({ "rows": rows }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table =
        print::table(&["platform", "placement", "kind", "size", "fit", "formats", "most bytes", "adult", "verified"]);
    for row in &rows {
        let side = |key: &str| if row[key].is_null() { "any".to_owned() } else { print::word(&row[key]) };
        let size = format!("{}x{}", side("width"), side("height"));
        let [platform, placement, kind, fit, formats, bytes, adult, verified] =
            ["platform", "placement", "kind", "fit", "formats", "max_bytes", "adult_allowed", "verified"]
                .map(|key| print::word(&row[key]));
        let verified = if row["due"] == json!(true) { format!("{verified} (due)") } else { verified };
        table.add_row([platform, placement, kind, size, fit, formats, bytes, adult, verified]);
    }
    print::line(&table.to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// Reads the file itself, so that a draft can be checked anywhere.
fn check(global: &Global, file: Option<PathBuf>) -> Done {
    let file = match file {
        Some(file) => file,
        None => backend::root(global, &[])?.join(FILE),
    };
    let bytes = fs::read(&file).map_err(|e| {
        failed(format!("cannot read {}: {e}", file.display()), "name another file: dam spec check FILE")
    })?;
    let read = Platforms::parse(&decode(&bytes));
    if global.json {
        let fault = |fault: &Fault| json!({ "row": fault.row, "column": fault.column, "reason": fault.reason });
        let faults: Vec<Value> = read.as_ref().err().map(|e| e.0.iter().map(fault).collect()).unwrap_or_default();
        let count = read.as_ref().map_or(0, |table| table.all().count());
        print::json(&json!({ "file": file.to_string_lossy(), "rows": count, "faults": faults }))?;
    } else {
        match &read {
            Ok(table) => print::line(&format!("rows: {}", table.all().count()))?,
            Err(PlatformsError(faults)) => faults.iter().for_each(|fault| print::note(&fault.to_string())),
        }
    }
    Ok(if read.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn review(global: &Global) -> Done {
    let due: Vec<Value> = rows(global, None)?.into_iter().filter(|row| row["due"] == json!(true)).collect();
    if global.json {
        print::json(&json!({ "rows": due }))?;
    } else if due.is_empty() {
        print::note(&format!("every row was looked at within {DUE_DAYS} days"));
    } else {
        let mut table = print::table(&["platform", "placement", "verified", "source"]);
        for row in &due {
            table.add_row(["platform", "placement", "verified", "source"].map(|key| print::word(&row[key])));
        }
        print::line(&table.to_string())?;
    }
    Ok(if due.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn edit(global: &Global) -> Done {
    let own = OwnText {
        file: FILE,
        get: Command::SpecText,
        read: &|bytes: Vec<u8>| Ok(decode(&bytes)),
        check: &|text| Platforms::parse(text).map(drop).map_err(|e| e.to_string()),
        put: &|text, base| Command::SpecPut { text, base },
    };
    let Some(done) = own_text::change(global, own)?.filter(|_| !global.json) else { return Ok(ExitCode::SUCCESS) };
    for (what, key) in [("new", "added"), ("gone", "removed"), ("changed", "changed")] {
        for row in done[key].as_array().map_or(&[][..], Vec::as_slice) {
            print::line(&format!("{what}: {}", print::word(row)))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
