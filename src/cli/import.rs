//! `dam import`: files and folders into the library.

use std::fs::File;
use std::io::IsTerminal;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::args::{Global, ImportArgs};
use super::backend::Backend;
use super::set::assignment;
use super::walk::{self, Found, What};
use super::{Done, Failure, backend, print, usage};
use crate::ops::Actor;
use crate::ops::import::{ImportOptions, Imported, Importer, OpenFile, Outcome};
use crate::ops::proto::{Assignment, Command, FailureKind};
use crate::types::Timestamp;

/// What happened so far.
#[derive(Default)]
struct Totals {
    imported: u64,
    known: u64,
    refused: u64,
    by_policy: u64,
    missing: u64,
    left_out: u64,
    bytes: u64,
    files: Vec<serde_json::Value>,
}

/// Imports.
pub fn run(global: &Global, args: &ImportArgs) -> Done {
    let set = args.set.iter().map(|text| assignment(text)).collect::<Result<Vec<_>, _>>()?;
    // What is typed wrong is said before anything is read.
    ImportOptions::parse(args.into.as_deref(), &set, args.any, args.copies)?;
    let root = backend::root(global, &[])?;
    let started = Instant::now();
    let found = walk::files(&args.paths);
    if found.iter().all(|f| matches!(f.what, What::LeftOut(_))) {
        return Err(usage("there is no file to import", "hidden files, symbolic links and pipes are left out"));
    }
    let inside = backend::canonical(&root);
    let bar = bar(found.iter().filter(|f| !matches!(f.what, What::LeftOut(_))).count(), global.json);
    let mut totals = Totals::default();
    let mut readable = Vec::with_capacity(found.len());
    for file in found {
        match &file.what {
            What::Take if backend::canonical(&file.path).starts_with(&inside) => {
                totals.refuse(&file.given, "it is a part of the library itself", &bar);
            }
            What::Take => readable.push(file),
            What::LeftOut(why) => totals.leave_out(&file.given, why),
            What::Missing => {
                totals.missing += 1;
                totals.refuse(&file.given, "there is no such file", &bar);
            }
            What::Refused(why) => totals.refuse(&file.given, why, &bar),
        }
    }
    // Opened after the walk, which may take long: a daemon ends a silent call.
    let mut backend = Backend::open(global, &root)?;
    match &mut backend {
        Backend::Local { library, caller } => {
            let actor = Actor::of(library, caller)?;
            let options = ImportOptions::parse(args.into.as_deref(), &set, args.any, args.copies)?;
            let mut importer = Importer::new(library, &actor, options);
            for file in &readable {
                match open(&file.path) {
                    Ok((open, mtime)) => match OpenFile::new(open) {
                        Ok(bytes) => {
                            for outcome in importer.take(&file.given, mtime, &bytes)? {
                                totals.add(outcome, &bar);
                            }
                        }
                        Err(e) => totals.refuse(&file.given, &format!("cannot be read: {e}"), &bar),
                    },
                    Err(e) => totals.refuse(&file.given, &format!("cannot be read: {e}"), &bar),
                }
            }
            for outcome in importer.finish()? {
                totals.add(outcome, &bar);
            }
        }
        remote @ Backend::Remote(_) => {
            for file in &readable {
                match open(&file.path) {
                    Ok((open, mtime)) => {
                        let result = one(remote, file, open, mtime, args, &set)?;
                        totals.add(Outcome { given: file.given.clone(), result }, &bar);
                    }
                    Err(e) => totals.refuse(&file.given, &format!("cannot be read: {e}"), &bar),
                }
            }
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    totals.report(global, started)
}

fn one(
    backend: &mut Backend,
    file: &Found,
    open: File,
    mtime: Timestamp,
    args: &ImportArgs,
    set: &[Assignment],
) -> Result<Imported, Failure> {
    let command = Command::Import {
        path: file.given.clone(),
        into: args.into.clone(),
        set: set.to_vec(),
        mtime: mtime.as_nanos(),
        any: args.any,
        copies: args.copies,
    };
    let value = backend.run(command, Some(open))?;
    serde_json::from_value(value)
        .map_err(|e| super::failed(format!("the daemon's answer is not understood: {e}"), "use one version of damfs"))
}

fn open(path: &Path) -> std::io::Result<(File, Timestamp)> {
    let file = File::open(path)?;
    let meta = file.metadata()?;
    let nanos = meta.mtime().saturating_mul(1_000_000_000).saturating_add(meta.mtime_nsec());
    Ok((file, Timestamp::from_nanos(nanos)))
}

fn bar(files: usize, quiet: bool) -> Option<ProgressBar> {
    if quiet || !std::io::stderr().is_terminal() || !print::to_terminal() {
        return None;
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {msg}").ok()?;
    Some(ProgressBar::new(u64::try_from(files).unwrap_or(u64::MAX)).with_style(style))
}

impl Totals {
    fn add(&mut self, outcome: Outcome, bar: &Option<ProgressBar>) {
        let mut row = json!(outcome.result);
        if let Some(map) = row.as_object_mut() {
            map.insert("given".to_owned(), json!(outcome.given));
        }
        match outcome.result {
            Imported::Imported { size, .. } => {
                self.imported += 1;
                self.bytes += size;
            }
            Imported::Known { .. } => self.known += 1,
            Imported::Refused { reason, policy } => {
                if policy {
                    self.by_policy += 1;
                }
                return self.refuse(&outcome.given, &reason, bar);
            }
        }
        self.files.push(row);
        if let Some(bar) = bar {
            bar.inc(1);
        }
    }

    fn refuse(&mut self, given: &str, reason: &str, bar: &Option<ProgressBar>) {
        let text = format!("refused {}: {reason}", print::safe(given));
        match bar {
            Some(bar) => {
                bar.suspend(|| print::note(&text));
                bar.inc(1);
            }
            None => print::note(&text),
        }
        self.files.push(json!({ "outcome": "refused", "reason": reason, "given": given }));
        self.refused += 1;
    }

    fn leave_out(&mut self, given: &str, reason: &str) {
        self.files.push(json!({ "outcome": "left-out", "reason": reason, "given": given }));
        self.left_out += 1;
    }

    /// The totals, and the exit code: refused files fail an import, however many others it took.
    fn report(self, global: &Global, started: Instant) -> Done {
        let seconds = started.elapsed().as_secs_f64();
        let refused = self.refused;
        if global.json {
            print::json(&json!({
                "imported": self.imported,
                "known": self.known,
                "refused": refused,
                "left_out": self.left_out,
                "bytes": self.bytes,
                "seconds": seconds,
                "files": self.files,
            }))?;
        } else {
            let left_out = if self.left_out > 0 { format!(", left out {}", self.left_out) } else { String::new() };
            print::line(&format!(
                "imported {}, already there {}, refused {refused}{left_out}, {} in {seconds:.1} s",
                self.imported,
                self.known,
                print::bytes(self.bytes)
            ))?;
        }
        let all = |n: u64| self.imported + self.known == 0 && n == refused;
        let failed = if refused == 0 {
            return Ok(ExitCode::SUCCESS);
        } else if all(self.by_policy) {
            FailureKind::Refused
        } else if all(self.missing) {
            FailureKind::NotFound
        } else {
            FailureKind::Failed
        };
        Ok(ExitCode::from(failed.exit_code()))
    }
}
