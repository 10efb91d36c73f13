//! `dam glossary`: the library's own words.

mod args;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use super::args::Global;
use super::{Done, backend, editor, failed, print};
use args::GlossaryAction;
pub use args::GlossaryArgs;

use crate::ops::glossary::FILE;
use crate::ops::proto::Command;
use crate::policy::Glossary;

/// Lists, checks, edits.
pub fn run(global: &Global, args: GlossaryArgs) -> Done {
    match args.action.unwrap_or(GlossaryAction::List) {
        GlossaryAction::List => list(global),
        GlossaryAction::Check { file } => check(global, file),
        GlossaryAction::Edit => edit(global),
    }
}

fn list(global: &Global) -> Done {
    let value = backend::run(global, &[], |_| Ok(Command::Glossary))?;
    if global.json {
        print::json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    let terms = value["terms"].as_array().map_or(&[][..], Vec::as_slice);
    if terms.is_empty() {
        print::note("the glossary has no term that you are told of");
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = print::table(&["field", "term", "uses", "aliases", "implies", "definition", "owner"]);
    for term in terms {
        let name = match (term["replaced_by"].as_str(), term["retired"].as_bool()) {
            (Some(other), _) => format!("{} (retired: {})", print::word(&term["term"]), print::safe(other)),
            (None, Some(true)) => format!("{} (retired)", print::word(&term["term"])),
            _ => print::word(&term["term"]),
        };
        let [field, uses, aliases, implies, definition, owner] =
            ["field", "uses", "aliases", "implies", "definition", "owner"].map(|key| print::word(&term[key]));
        table.add_row([field, name, uses, aliases, implies, definition, owner]);
    }
    print::line(&table.to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// Reads the file itself: a library whose glossary has a mistake does not open.
fn check(global: &Global, file: Option<PathBuf>) -> Done {
    let file = match file {
        Some(file) => file,
        None => backend::root(global, &[])?.join(FILE),
    };
    let text = fs::read_to_string(&file).map_err(|e| {
        failed(format!("cannot read {}: {e}", file.display()), "name another file: dam glossary check FILE")
    })?;
    let read = Glossary::parse(&text);
    if global.json {
        let fault = read.as_ref().err().map(|e| e.0.as_str());
        print::json(&json!({ "file": file.to_string_lossy(), "fault": fault }))?;
    } else {
        match &read {
            Ok(glossary) => print::line(&counted(glossary))?,
            Err(e) => print::note(&e.0),
        }
    }
    Ok(if read.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn counted(glossary: &Glossary) -> String {
    let terms: usize = Glossary::FIELDS.iter().map(|field| glossary.terms(field).count()).sum();
    let strict = Glossary::FIELDS.iter().filter(|field| glossary.is_strict(field)).map(ToString::to_string);
    let strict = strict.collect::<Vec<_>>().join(", ");
    if strict.is_empty() {
        format!("terms: {terms}")
    } else {
        format!("terms: {terms}; no other word is taken for {strict}")
    }
}

fn edit(global: &Global) -> Done {
    let before = backend::run(global, &[], |_| Ok(Command::GlossaryText))?;
    let base = before["text"].as_str().unwrap_or_default().to_owned();
    let check = |text: &str| Glossary::parse(text).map(drop).map_err(|e| e.0);
    let Some((copy, text)) =
        editor::edit(&base, FILE, &|bytes| String::from_utf8(bytes).map_err(|e| e.to_string()), &check)?
    else {
        return Ok(ExitCode::SUCCESS);
    };
    let put = Command::GlossaryPut { text, base };
    // Opened only now: nobody waits for an editor.
    let done = backend::run(global, &[], |_| Ok(put)).map_err(|failure| copy.kept_by(failure))?;
    if global.json {
        print::json(&done)?;
    } else {
        print::line(&format!("the glossary has {} terms", print::word(&done["terms"])))?;
    }
    Ok(ExitCode::SUCCESS)
}
