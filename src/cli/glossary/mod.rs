//! `dam glossary`: the library's own words.

mod args;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use super::args::Global;
use super::own_text::{self, OwnText};
use super::{Done, backend, failed, print};
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
    own_text::checked(global, &file, read.map(|glossary| counted(&glossary)).map_err(|e| e.0))
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
    let own = OwnText {
        file: FILE,
        get: Command::GlossaryText,
        read: &own_text::utf8,
        check: &|text| Glossary::parse(text).map(drop).map_err(|e| e.0),
        put: &|text, base| Command::GlossaryPut { text, base },
    };
    if let Some(done) = own_text::change(global, own)?.filter(|_| !global.json) {
        print::line(&format!("the glossary has {} terms", print::word(&done["terms"])))?;
    }
    Ok(ExitCode::SUCCESS)
}
