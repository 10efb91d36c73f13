//! `dam scout`: what is in some folders, before it is imported.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueHint};
use indicatif::{ProgressBar, ProgressStyle};

use super::args::Global;
use super::backend::{self, Backend};
use super::walk::{self, What};
use super::{Done, Failure, failed, not_found, print};
use crate::ops::proto::{Command, FailureKind};
use crate::ops::scout::{self, Inventory, Known, Scout};

#[derive(Debug, Args)]
pub struct ScoutArgs {
    /// Folders and files.
    #[arg(required = true, value_name = "DIR", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
}

/// Rows of a list that people are shown; with --json all of them.
const SHOWN: usize = 10;

/// So many files in a row that cannot be asked about are the library's fault.
const MOST_FAILED: usize = 20;

/// Looks at everything and tells of it.
pub fn run(global: &Global, args: &ScoutArgs) -> Done {
    let bar = bar(global);
    let mut scout = Scout::default();
    let library = backend::root(global, &[]).ok().filter(|root| root.join("damfs.toml").exists());
    let mut bytes = 0;
    for found in walk::files(&args.paths) {
        match &found.what {
            What::Missing => {
                return Err(not_found(format!("no such folder: {}", found.given), "name folders or files"));
            }
            What::Take if library.as_ref().is_some_and(|root| backend::canonical(&found.path).starts_with(root)) => {
                scout.leave_out();
            }
            What::Take => {
                bytes += scout.look(&found.path);
                bar.inc(1);
                bar.set_message(print::bytes(bytes));
            }
            What::Refused(why) => scout.broken(&found.path, why),
            What::LeftOut(_) => scout.leave_out(),
        }
    }
    let known = match &library {
        Some(root) => Some(known(global, root, &mut scout, &bar)?),
        None => None,
    };
    bar.set_message("comparing");
    let mut inventory = scout.finish(|| bar.tick());
    inventory.known = known;
    bar.finish_and_clear();
    if global.json {
        let value = serde_json::to_value(&inventory);
        print::json(
            &value.map_err(|e| failed(format!("a path cannot be told as JSON: {e}"), "run it without --json"))?,
        )?;
    } else {
        print::out(told(&inventory, &args.paths).as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn bar(global: &Global) -> ProgressBar {
    if global.json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {pos} files {msg}");
    ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}

/// Which of the files the library has already.
fn known(global: &Global, root: &Path, scout: &mut Scout, bar: &ProgressBar) -> Result<Vec<Known>, Failure> {
    let mut backend = Backend::open(global, root)?;
    let (mut known, mut broken) = (Vec::new(), Vec::new());
    let mut failed = 0;
    bar.set_message("asking the library");
    for path in scout.files() {
        bar.tick();
        let Ok(file) = scout::open(path) else { continue };
        let value = match backend.run(Command::Known, Some(file)) {
            // A disk with a bad spot is looked at to its end; a library that is gone is not.
            Err(failure) if failure.kind == FailureKind::Failed && failed < MOST_FAILED => {
                failed += 1;
                broken.push((path.to_owned(), failure.message));
                continue;
            }
            done => done?,
        };
        failed = 0;
        if let Some(library) = value["path"].as_str() {
            known.push(Known { path: path.to_owned(), library: library.to_owned() });
        }
    }
    for (path, why) in broken {
        scout.broken(&path, why);
    }
    Ok(known)
}

fn told(found: &Inventory, paths: &[PathBuf]) -> String {
    let mut out = format!("{} files, {}", found.all.files, print::bytes(found.all.bytes));
    if found.left_out > 0 {
        out += &format!("; left out {} (hidden, links, pipes, the library itself)", found.left_out);
    }
    out.push('\n');
    for (format, sum) in &found.formats {
        out += &format!("  {:<20} {:>8}  {}\n", format, sum.files, print::bytes(sum.bytes));
    }
    let by: Vec<String> = found.generators.iter().map(|(tool, files)| format!("{tool} {files}")).collect();
    let by = if by.is_empty() { String::new() } else { format!(": {}", by.join(", ")) };
    out += &format!("{} say how they were generated{}\n", found.generated, print::safe(&by));
    let same: usize = found.duplicates.iter().map(|same| same.files.len()).sum();
    out += &format!(
        "{same} files in {} sets of duplicates, {} to be saved\n",
        found.duplicates.len(),
        print::bytes(found.to_be_saved)
    );
    list(&mut out, found.duplicates.iter().map(|same| names(&same.files)));
    section(&mut out, "names that differ in case or marks alone", found.clashes.iter().map(|paths| names(paths)));
    let broken = found.broken.iter().map(|broken| format!("{}: {}", name(&broken.path), broken.why));
    section(&mut out, "broken or not readable", broken);
    section(&mut out, "sidecars without their file", found.sidecars_alone.iter().map(|path| name(path)));
    if let Some(known) = &found.known {
        let known = known.iter().map(|known| format!("{} is {}", name(&known.path), print::safe(&known.library)));
        section(&mut out, "in the library already", known);
    }
    let import: Vec<String> = paths.iter().map(|path| quoted(path)).collect();
    out += &format!("\nto take in what is a medium, each once:\n  dam import {}\n", import.join(" "));
    out
}

fn section(out: &mut String, what: &str, rows: impl ExactSizeIterator<Item = String>) {
    if rows.len() > 0 {
        *out += &format!("{} {what}\n", rows.len());
        list(out, rows);
    }
}

fn list(out: &mut String, rows: impl ExactSizeIterator<Item = String>) {
    let more = rows.len().saturating_sub(SHOWN);
    for row in rows.take(SHOWN) {
        *out += &format!("  {row}\n");
    }
    if more > 0 {
        *out += &format!("  and {more} more\n");
    }
}

fn name(path: &Path) -> String {
    print::safe(&path.to_string_lossy()).replace('\n', "\u{FFFD}")
}

fn names(paths: &[PathBuf]) -> String {
    let shown: Vec<String> = paths.iter().take(SHOWN).map(|path| name(path)).collect();
    let more = paths.len().saturating_sub(shown.len());
    shown.join(" = ") + &if more > 0 { format!(" and {more} more") } else { String::new() }
}

/// As a shell reads it.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+~".contains(c);
    if text.chars().all(is_plain) { text.into_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
