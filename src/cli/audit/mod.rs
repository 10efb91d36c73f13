//! `dam audit`: what is wrong with the metadata of assets, and who reaches them.

mod access;
mod args;

use std::process::ExitCode;

use serde_json::Value;

use super::args::Global;
use super::{Done, backend, print};
use args::AuditAction;
pub use args::AuditArgs;

use crate::ops::proto::Command;

/// Looks.
pub fn run(global: &Global, args: AuditArgs) -> Done {
    match args.action {
        AuditAction::Metadata { query, fix } => metadata(global, query, fix),
        AuditAction::Access { target, member, unused } => access::run(global, target.as_deref(), member, unused),
        AuditAction::SignOff => access::sign(global),
    }
}

/// Looks, and mends what is certain when asked to.
fn metadata(global: &Global, query: Option<String>, fix: bool) -> Done {
    let told = backend::run(global, &[], |_| Ok(Command::AuditMetadata { query, fix }))?;
    let counts = told["counts"].as_object();
    let code = if counts.is_some_and(|counts| !counts.is_empty()) { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    if global.json {
        print::json(&told)?;
        return Ok(code);
    }
    let findings = told["findings"].as_array().map_or(&[][..], Vec::as_slice);
    let lines: String = findings.iter().map(|found| format!("{}\n", line(found))).collect();
    print::out(lines.as_bytes())?;
    if told["more"].as_u64() > Some(0) {
        print::note(&format!("and {} more; ask for a part of them: dam audit metadata QUERY", told["more"]));
    }
    if told["fixed"].as_u64() > Some(0) {
        print::note(&format!("mended: {}; dam undo takes it back", told["fixed"]));
    }
    let counted = counts.into_iter().flatten().map(|(what, n)| format!("{what} {n}")).collect::<Vec<_>>().join(", ");
    let counted = if counted.is_empty() { "nothing is wrong".to_owned() } else { counted };
    print::note(&format!("looked at: {}; {counted}", told["assets"]));
    Ok(code)
}

/// Where, what, and what it should be.
fn line(found: &Value) -> String {
    let of = match (found["path"].as_str(), found["id"].as_str()) {
        (Some(path), _) => print::safe(path),
        (None, Some(id)) => id.to_owned(),
        (None, None) => "by/".to_owned() + &print::word(&found["field"]),
    };
    let [what, field, value] = ["what", "field", "value"].map(|key| print::word(&found[key]));
    let said = match (what.as_str(), found["instead"].as_str()) {
        ("missing", _) => format!("has no {field}"),
        ("unknown", Some(near)) => format!("{field}={value} is no term; did you mean {}?", print::safe(near)),
        ("unknown", None) => format!("{field}={value} is no term"),
        ("misspelt", near) => format!("{field}={value} looks like {}", print::safe(near.unwrap_or_default())),
        ("alias", term) => format!("{field}={value} is another name of {}", print::safe(term.unwrap_or_default())),
        ("retired", Some(term)) => format!("{field}={value} is retired; it is {} now", print::safe(term)),
        ("retired", None) => format!("{field}={value} is retired"),
        ("unused", _) => format!("{field}={value} was made and nothing has it"),
        ("gps", _) => "the file says where it was taken".to_owned(),
        ("export-gps", _) => format!("the export for {field} says where it was taken"),
        ("export-prompt", _) => format!("the export for {field} tells a prompt or a caption"),
        _ => format!("{what} {field} {value}"),
    };
    format!("{of}: {said}")
}
