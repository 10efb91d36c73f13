//! `dam glossary`: the library's own words.

mod args;

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{self, ExitCode};

use serde_json::{Value, json};

use super::args::Global;
use super::{Done, Failure, backend, environment, failed, print};
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
    let copy = Copy::of(&base)?;
    loop {
        let text = copy.edited().map_err(|failure| copy.kept_by(failure))?;
        if text == base {
            print::note("nothing was changed");
            return Ok(ExitCode::SUCCESS);
        }
        if let Err(e) = Glossary::parse(&text) {
            if again(&e.0).map_err(|failure| copy.kept_by(failure))? {
                continue;
            }
            return Err(copy.kept_by(failed(e.0, "nothing was changed")));
        }
        let put = Command::GlossaryPut { text, base };
        // Opened only now: nobody waits for an editor.
        let done = backend::run(global, &[], |_| Ok(put)).map_err(|failure| copy.kept_by(failure))?;
        return report(global, &done);
    }
}

fn report(global: &Global, done: &Value) -> Done {
    if global.json {
        print::json(done)?;
    } else {
        print::line(&format!("the glossary has {} terms", print::word(&done["terms"])))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether a person wants to mend his mistake; a script does not.
fn again(mistake: &str) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Ok(false);
    }
    print::note(mistake);
    let asked = |e: io::Error| failed(format!("cannot ask: {e}"), "run the command in a terminal");
    let mut err = io::stderr().lock();
    write!(err, "edit it again? [Y/n] ").and_then(|()| err.flush()).map_err(asked)?;
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer).map_err(asked)?;
    Ok(read > 0 && !answer.trim().to_lowercase().starts_with('n'))
}

/// A copy to edit; gone in the end unless it is kept.
struct Copy {
    path: PathBuf,
    kept: std::cell::Cell<bool>,
}

impl Copy {
    fn of(text: &str) -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("dam-{}-{FILE}", process::id()));
        let wrong =
            |e: io::Error| failed(format!("cannot write {}: {e}", path.display()), "set TMPDIR to a folder of yours");
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(wrong)?;
        file.write_all(text.as_bytes()).map_err(wrong)?;
        Ok(Self { path, kept: false.into() })
    }

    /// Runs the editor, as the shell reads its command, and gives what it leaves.
    fn edited(&self) -> Result<String, Failure> {
        let editor = environment("VISUAL").or_else(|| environment("EDITOR")).unwrap_or_else(|| "vi".into());
        let name = editor.display();
        let line = format!("{name} \"$1\"");
        let status = process::Command::new("/bin/sh").arg("-c").arg(line).arg("dam").arg(&self.path).status();
        match status {
            Ok(status) if status.success() => {}
            Ok(status) => {
                return Err(failed(format!("{name} ended with {status}"), "nothing was changed; set VISUAL or EDITOR"));
            }
            Err(e) => return Err(failed(format!("cannot run {name}: {e}"), "set VISUAL or EDITOR to an editor")),
        }
        fs::read_to_string(&self.path)
            .map_err(|e| failed(format!("cannot read {} again: {e}", self.path.display()), "nothing was changed"))
    }

    /// The copy stays, and the failure says where.
    fn kept_by(&self, failure: Failure) -> Failure {
        self.kept.set(true);
        let kept = format!("the edited text is {}", self.path.display());
        let hint = failure.hint.map_or_else(|| kept.clone(), |hint| format!("{hint}\n{kept}"));
        Failure { hint: Some(hint), ..failure }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        if !self.kept.get() {
            let _ = fs::remove_file(&self.path);
        }
    }
}
