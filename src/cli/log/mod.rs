//! `dam log`: what is on record.

mod args;

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::args::Global;
use super::{Done, Failure, backend, failed, print, target};
use args::LogAction;
pub use args::LogArgs;

use crate::ops::log::Ask;
use crate::ops::proto::Command;

/// So much of a row's detail fits a line.
const DETAIL: usize = 120;

/// Lists, verifies, tells heads.
pub fn run(global: &Global, args: LogArgs) -> Done {
    match &args.action {
        None => list(global, &args),
        Some(LogAction::Verify { heads }) => verify(global, heads.as_deref()),
        Some(LogAction::Head) => {
            let told = backend::run(global, &[], |_| Ok(Command::LogHead))?;
            if global.json {
                print::json(&told)?;
            } else {
                told["heads"].as_array().into_iter().flatten().try_for_each(|head| print::line(&print::word(head)))?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn list(global: &Global, args: &LogArgs) -> Done {
    let named: Vec<&str> = args.target.as_deref().into_iter().collect();
    let root = backend::root(global, &named)?;
    let target = args.target.as_deref().map(|path| target::resolve(&root, path)).transpose()?;
    let mut library = backend::Backend::open(global, &root)?;
    let mut rows = Vec::new();
    let mut before = None;
    let mut left = usize::try_from(args.limit).unwrap_or(usize::MAX);
    while left > 0 {
        let ask = Ask {
            target: target.clone(),
            member: args.member.clone(),
            since: args.since.clone(),
            denied: args.denied,
            reads: args.reads,
            before,
            limit: left,
        };
        let mut page = library.run(Command::Log(ask), None)?;
        if let Value::Array(page) = page["rows"].take() {
            left -= page.len().min(left);
            rows.extend(page);
        }
        before = page["next"].as_u64();
        if before.is_none() {
            break;
        }
    }
    if global.json {
        print::json(&json!({ "rows": rows, "next": before }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if rows.is_empty() {
        print::note("nothing of that is on record, as far as you may know");
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = print::table(&["when", "who", "what", "on", ""]);
    for row in &rows {
        let on = [&row["path"], &row["detail"]["path"], &row["on"]].into_iter().find(|on| on.is_string());
        table.add_row([
            print::word(&row["at"]),
            print::word(&row["who"]),
            print::word(&row["what"]),
            on.map(print::word).unwrap_or_default(),
            detail(&row["detail"]),
        ]);
    }
    print::line(&table.to_string())?;
    if before.is_some() {
        print::note("there is more; see it with --limit");
    }
    Ok(ExitCode::SUCCESS)
}

/// What a row says beside its path, on one line.
fn detail(detail: &Value) -> String {
    let fields = detail.as_object().into_iter().flatten().filter(|(key, value)| *key != "path" && !value.is_null());
    let said = |(key, value): (&String, &Value)| match value {
        Value::String(text) => format!("{key}: {text}"),
        other => format!("{key}: {other}"),
    };
    let line = fields.map(said).collect::<Vec<_>>().join(", ");
    let short: String = line.chars().take(DETAIL).collect();
    print::safe(&if short.len() < line.len() { format!("{short}...") } else { short })
}

fn verify(global: &Global, heads: Option<&Path>) -> Done {
    let heads = heads.map(lines).transpose()?.unwrap_or_default();
    let told = backend::run(global, &[], |_| Ok(Command::LogVerify { heads }))?;
    let faults = told["faults"].as_array().map_or(&[][..], Vec::as_slice);
    if global.json {
        print::json(&told)?;
    } else {
        for chain in told["chains"].as_array().into_iter().flatten() {
            print::line(&format!("{}: {} rows", print::word(&chain["chain"]), chain["rows"]))?;
        }
        faults.iter().for_each(|fault| print::note(&print::word(fault)));
        if faults.is_empty() {
            print::note(&format!("whole, and as {} heads told it", told["heads"]));
        }
    }
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The lines of a file, or of standard input.
pub(super) fn lines(file: &Path) -> Result<Vec<String>, Failure> {
    let text = if file.as_os_str() == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(file)
    };
    let text = text.map_err(|e| failed(format!("cannot read {}: {e}", file.display()), "name a file of heads"))?;
    Ok(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect())
}
