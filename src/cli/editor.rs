//! A text of the library in an editor: a copy that is kept when what it says is not put in.

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process;

use super::{Failure, environment, failed, print};

/// What an editor makes of a text, with no mistake in it; `None` when it leaves it as it was. `read` makes text of what is saved.
pub fn edit(
    base: &str,
    file: &str,
    read: &dyn Fn(Vec<u8>) -> Result<String, String>,
    check: &dyn Fn(&str) -> Result<(), String>,
) -> Result<Option<(Copy, String)>, Failure> {
    let copy = Copy::of(base, file)?;
    loop {
        let text = copy.edited(read).map_err(|failure| copy.kept_by(failure))?;
        if text == base {
            print::note("nothing was changed");
            return Ok(None);
        }
        match check(&text) {
            Ok(()) => return Ok(Some((copy, text))),
            Err(mistake) if again(&mistake).map_err(|failure| copy.kept_by(failure))? => {}
            Err(mistake) => return Err(copy.kept_by(failed(mistake, "nothing was changed"))),
        }
    }
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
pub struct Copy {
    path: PathBuf,
    kept: std::cell::Cell<bool>,
}

impl Copy {
    fn of(text: &str, file: &str) -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("dam-{}-{file}", process::id()));
        let wrong =
            |e: io::Error| failed(format!("cannot write {}: {e}", path.display()), "set TMPDIR to a folder of yours");
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(wrong)?;
        file.write_all(text.as_bytes()).map_err(wrong)?;
        Ok(Self { path, kept: false.into() })
    }

    /// Runs the editor, as the shell reads its command, and gives what it leaves.
    fn edited(&self, read: &dyn Fn(Vec<u8>) -> Result<String, String>) -> Result<String, Failure> {
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
        fs::read(&self.path)
            .map_err(|e| e.to_string())
            .and_then(read)
            .map_err(|e| failed(format!("cannot read {} again: {e}", self.path.display()), "nothing was changed"))
    }

    /// The copy stays, and the failure says where.
    pub fn kept_by(&self, failure: Failure) -> Failure {
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
