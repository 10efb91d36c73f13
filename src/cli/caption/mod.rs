//! `dam caption`: what stands beside each export.

mod args;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use super::args::Global;
use super::{Done, backend, editor, failed, print};
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
    if global.json {
        let fault = read.as_ref().err().map(|e| e.0.as_str());
        print::json(&json!({ "file": file.to_string_lossy(), "fault": fault }))?;
    } else {
        match &read {
            Ok(book) => print::line(&format!("sections: {}", book.list().count()))?,
            Err(e) => print::note(&e.0),
        }
    }
    Ok(if read.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn edit(global: &Global) -> Done {
    let before = backend::run(global, &[], |_| Ok(Command::CaptionText))?;
    let base = before["text"].as_str().unwrap_or_default().to_owned();
    let check = |text: &str| Captions::parse(text, None).map(drop).map_err(|e| e.0);
    let Some((copy, text)) =
        editor::edit(&base, FILE, &|bytes| String::from_utf8(bytes).map_err(|e| e.to_string()), &check)?
    else {
        return Ok(ExitCode::SUCCESS);
    };
    let put = Command::CaptionPut { text, base };
    // Opened only now: nobody waits for an editor.
    let done = backend::run(global, &[], |_| Ok(put)).map_err(|failure| copy.kept_by(failure))?;
    if global.json {
        print::json(&done)?;
    } else {
        print::line(&format!("captions are made by {} sections", print::word(&done["sections"])))?;
    }
    Ok(ExitCode::SUCCESS)
}
