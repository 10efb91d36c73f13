//! A text of the library that people write: put in by an editor, or looked at as a file.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::args::Global;
use super::{Done, Failure, backend, editor, failed, print};
use crate::ops::proto::Command;
use crate::ops::spec;
use crate::policy::platforms::decode;
use crate::policy::{Platforms, Vocabulary};

/// A text of the library, as it is got, written and put in.
pub struct OwnText<'a> {
    pub file: &'a str,
    pub get: Command,
    /// Makes text of what an editor saves.
    pub read: &'a dyn Fn(Vec<u8>) -> Result<String, String>,
    pub check: &'a dyn Fn(&str) -> Result<(), String>,
    /// Another text in the place of the base.
    pub put: &'a dyn Fn(String, String) -> Command,
}

/// Has it edited and puts it in; what came of it, or `None` when nothing was changed.
pub fn change(global: &Global, own: OwnText<'_>) -> Result<Option<Value>, Failure> {
    let before = backend::run(global, &[], |_| Ok(own.get))?;
    let base = before["text"].as_str().unwrap_or_default().to_owned();
    let Some((copy, text)) = editor::edit(&base, own.file, own.read, own.check)? else { return Ok(None) };
    let put = (own.put)(text, base);
    // Opened only now: nobody waits for an editor.
    let done = backend::run(global, &[], |_| Ok(put)).map_err(|failure| copy.kept_by(failure))?;
    if global.json {
        print::json(&done)?;
    }
    Ok(Some(done))
}

/// Prints a text that is in force, as it was put there.
pub fn show(global: &Global, get: Command) -> Done {
    let value = backend::run(global, &[], |_| Ok(get))?;
    if global.json {
        print::json(&value)?;
    } else {
        print::line(value["text"].as_str().unwrap_or_default().trim_end_matches('\n'))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What a file that somebody names says.
pub fn of_file(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file)
        .map_err(|e| failed(format!("cannot read {}: {e}", file.display()), "name a file that is text"))
}

/// The platforms that queries may name in the library; `None` where only the library itself can tell.
pub fn vocabulary(global: &Global) -> Option<Vocabulary> {
    let table = fs::read(backend::root(global, &[]).ok()?.join(spec::FILE)).ok()?;
    Platforms::parse(&decode(&table)).ok().map(|table| table.vocabulary())
}

/// What is saved is text.
pub fn utf8(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|e| e.to_string())
}

/// Tells what a file says in a line, or what is wrong with it.
pub fn checked(global: &Global, file: &Path, read: Result<String, String>) -> Done {
    let done = if read.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    match read {
        read if global.json => print::json(&json!({ "file": file.to_string_lossy(), "fault": read.err() }))?,
        Ok(line) => print::line(&line)?,
        Err(fault) => print::note(&fault),
    }
    Ok(done)
}
