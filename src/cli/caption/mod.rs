//! `dam caption`: what stands beside each export.

mod args;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use super::args::Global;
use super::own_text::{self, OwnText};
use super::{Done, backend, failed, print};
use args::CaptionAction;
pub use args::CaptionArgs;

use crate::ops::captions::FILE;
use crate::ops::proto::Command;
use crate::ops::spec;
use crate::policy::platforms::decode;
use crate::policy::{Captions, Platforms};

/// Lists, checks, edits.
pub fn run(global: &Global, args: CaptionArgs) -> Done {
    match args.action.unwrap_or(CaptionAction::List) {
        CaptionAction::List => list(global),
        CaptionAction::Check { file } => check(global, file),
        CaptionAction::Edit => edit(global),
    }
}

fn list(global: &Global) -> Done {
    let value = backend::run(global, &[], |_| Ok(Command::CaptionList))?;
    if global.json {
        print::json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = print::table(&["for", "disclosure", "link", "hashtags"]);
    for row in value["sections"].as_array().into_iter().flatten() {
        let [section, disclosure, link, hashtags] =
            ["section", "disclosure", "link", "hashtags"].map(|key| print::word(&row[key]));
        let section = if section.is_empty() { "every platform".to_owned() } else { section };
        table.add_row([section, disclosure, link, hashtags]);
    }
    print::line(&table.to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// Reads the file itself, so that a draft can be checked anywhere; in a library by the platforms of its own.
fn check(global: &Global, file: Option<PathBuf>) -> Done {
    let root = backend::root(global, &[]);
    let table = root.as_ref().ok().and_then(|root| fs::read(root.join(spec::FILE)).ok());
    let platforms = table.and_then(|bytes| Platforms::parse(&decode(&bytes)).ok());
    let file = match file {
        Some(file) => file,
        None => root?.join(FILE),
    };
    let text = fs::read_to_string(&file).map_err(|e| {
        failed(format!("cannot read {}: {e}", file.display()), "name another file: dam caption check FILE")
    })?;
    let read = Captions::parse(&text, platforms.as_ref());
    let line = read.map(|book| format!("sections: {}", book.list().count()));
    own_text::checked(global, &file, line.map_err(|e| e.0))
}

fn edit(global: &Global) -> Done {
    let own = OwnText {
        file: FILE,
        get: Command::CaptionText,
        read: &own_text::utf8,
        check: &|text| Captions::parse(text, None).map(drop).map_err(|e| e.0),
        put: &|text, base| Command::CaptionPut { text, base },
    };
    if let Some(done) = own_text::change(global, own)?.filter(|_| !global.json) {
        print::line(&format!("captions are made by {} sections", print::word(&done["sections"])))?;
    }
    Ok(ExitCode::SUCCESS)
}
