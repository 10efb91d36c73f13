//! `dam audit access`: who reaches what.

use std::process::ExitCode;

use serde_json::Value;

use crate::cli::args::Global;
use crate::cli::{Done, backend, print, target};
use crate::ops::proto::Command;

/// Asks, and shows a line for each member and verb that he has.
pub fn run(global: &Global, asset: Option<&str>, member: Option<String>, unused: Option<String>) -> Done {
    let places: Vec<&str> = asset.into_iter().collect();
    let told = backend::run(global, &places, |root| {
        let target = asset.map(|asset| target::resolve(root, asset)).transpose()?;
        Ok(Command::AuditAccess { target, member, unused })
    })?;
    if global.json {
        print::json(&told)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = print::table(&["member", "role", "verb", "reaches", "because", "last used"]);
    for row in told["rows"].as_array().into_iter().flatten().filter(|row| asset.is_some() || reaches(row)) {
        let [member, role, verb, because] = ["member", "role", "verb", "because"].map(|key| print::word(&row[key]));
        let held = if row["read_only"] == true { ", read-only" } else { "" };
        let reaches = match (row["assets"].as_u64(), row["allowed"].as_bool()) {
            (Some(assets), _) => format!("{assets} of {}", told["assets"]),
            (None, Some(true)) => "yes".to_owned(),
            (None, _) => "no".to_owned(),
        };
        let unused = if row["on_record"].as_bool() == Some(true) { "never" } else { "-" };
        let used = row["used"].as_str().map_or_else(|| unused.to_owned(), print::safe);
        table.add_row([member, role + held, verb, reaches, because, used]);
    }
    print::line(&table.to_string())?;
    let signed = &told["signed"];
    print::note(&match (signed["at"].as_str(), signed["due"] == true) {
        (Some(at), false) => format!("signed off at {at} by {}", print::word(&signed["by"])),
        (Some(at), true) => format!("signed off last at {at}, longer ago than a quarter: dam audit sign-off"),
        (None, _) => "never signed off: dam audit sign-off".to_owned(),
    });
    Ok(ExitCode::SUCCESS)
}

/// Signs.
pub fn sign(global: &Global) -> Done {
    let done = backend::run(global, &[], |_| Ok(Command::AuditSign))?;
    if global.json {
        print::json(&done)?;
    } else {
        let digest: String = print::word(&done["digest"]).chars().take(12).collect();
        print::line(&format!("signed off: {} rights, {digest}", done["rights"]))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn reaches(row: &Value) -> bool {
    row["assets"].as_u64() > Some(0) || row["allowed"].as_bool() == Some(true)
}
