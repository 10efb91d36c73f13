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
use super::walk::{self, Found};
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
    refused: Vec<(String, String)>,
    by_policy: u64,
    bytes: u64,
    files: Vec<serde_json::Value>,
}

/// Imports.
pub fn run(global: &Global, args: &ImportArgs) -> Done {
    let set = args.set.iter().map(|text| assignment(text)).collect::<Result<Vec<_>, _>>()?;
    // What is typed wrong is said before anything is read.
    ImportOptions::parse(args.into.as_deref(), &set, args.any)?;
    let root = backend::root(global, &[])?;
    let mut backend = Backend::open(global, &root)?;
    let started = Instant::now();
    let found = walk::files(&args.paths);
    if found.is_empty() {
        return Err(usage("there is no file to import", "hidden files and symbolic links are left out"));
    }
    let inside = backend::canonical(&root);
    let bar = bar(found.len(), global.json);
    let mut totals = Totals::default();
    let (readable, faults): (Vec<Found>, Vec<Found>) = found.into_iter().partition(|f| f.fault.is_none());
    for fault in faults {
        totals.refuse(&fault.given, fault.fault.as_deref().unwrap_or_default(), &bar);
    }
    let readable: Vec<Found> = readable
        .into_iter()
        .filter(|f| {
            let own = backend::canonical(&f.path).starts_with(&inside);
            if own {
                totals.refuse(&f.given, "it is a part of the library itself", &bar);
            }
            !own
        })
        .collect();
    match &mut backend {
        Backend::Local { library, caller } => {
            let actor = Actor::of(library, caller)?;
            let mut importer =
                Importer::new(library, &actor, ImportOptions::parse(args.into.as_deref(), &set, args.any)?);
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
        self.refused.push((given.to_owned(), reason.to_owned()));
    }

    /// The totals. Refused files do not fail an import that took or knew any.
    fn report(self, global: &Global, started: Instant) -> Done {
        let seconds = started.elapsed().as_secs_f64();
        let refused = self.refused.len();
        if global.json {
            print::json(&json!({
                "imported": self.imported,
                "known": self.known,
                "refused": refused,
                "bytes": self.bytes,
                "seconds": seconds,
                "files": self.files,
            }))?;
        } else {
            print::line(&format!(
                "imported {}, already there {}, refused {refused}, {} in {seconds:.1} s",
                self.imported,
                self.known,
                print::bytes(self.bytes)
            ))?;
        }
        let taken = self.imported + self.known > 0;
        let policy = u64::try_from(refused).is_ok_and(|n| n == self.by_policy);
        Ok(match (taken, policy) {
            (true, _) => ExitCode::SUCCESS,
            (false, true) => ExitCode::from(FailureKind::Refused.exit_code()),
            (false, false) => ExitCode::from(FailureKind::Failed.exit_code()),
        })
    }
}
