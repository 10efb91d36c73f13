//! The assets that a command of many is about: typed, named by a file or a pipe, found by a query.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueHint};
use serde_json::Value;

use super::args::Global;
use super::backend::{self, Backend};
use super::progress::Progress;
use super::{Done, Failure, failed, print, target, usage};
use crate::ops::proto::{Command, Selection};
use crate::ops::several::Faults;

/// Assets beside those that are typed.
#[derive(Debug, Args)]
pub struct Many {
    /// Also what this query finds.
    #[arg(short, long, value_name = "EXPR")]
    pub query: Option<String>,
    /// Also the paths and ids in this file, a line each; - is standard input.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files_from: Option<PathBuf>,
    /// They end with NUL, as dam find -0 prints them; without --files-from on standard input.
    #[arg(short = '0', long)]
    pub null: bool,
    /// Only say which would change.
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// Runs one command on all of them and says how many changed.
pub fn run(global: &Global, many: &Many, typed: &[&String], command: impl FnOnce(Selection, bool) -> Command) -> Done {
    let mut list = many.list()?;
    if typed.is_empty() && list.is_none() && many.query.is_none() {
        return Err(usage(
            "no PATH given",
            "name files, or choose them with --query EXPR or --files-from FILE (- is standard input)",
        ));
    }
    let first = list.as_mut().map(List::next).transpose()?.flatten();
    let hints = typed.iter().map(|path| OsStr::new(path.as_str())).chain(first.as_deref().map(OsStr::from_bytes));
    let root = backend::root_of(global, hints)?;
    let resolver = target::Resolver::new(&root);
    let mut faults = Faults::default();
    let mut of = typed.len();
    let mut targets = Vec::new();
    for path in typed {
        match resolver.resolve(path) {
            Ok(target) => targets.push(target),
            Err(failure) => faults.note_failure(failure, None),
        }
    }
    let named = match list {
        Some(list) => Some(resolved(list, first, &resolver, &mut faults, &mut of)?),
        None => None,
    };
    if let Some((failure, _)) = faults.into_failure(of) {
        return Err(failure);
    }
    let command = command(Selection { targets, query: many.query.clone() }, many.dry_run);
    let progress = Progress::new(global);
    let done = Backend::open(global, &root)?.run_telling(command, named, &progress);
    progress.end();
    report(global, &done?, many.dry_run)
}

/// How many records changed, or would.
fn report(global: &Global, done: &Value, dry_run: bool) -> Done {
    if global.json {
        print::json(done)?;
        return Ok(ExitCode::SUCCESS);
    }
    let (changed, unchanged) = (&done["changed"], &done["unchanged"]);
    if dry_run {
        let assets = done["assets"].as_array().map_or(&[][..], Vec::as_slice);
        let changes = assets.iter().filter(|asset| asset["changed"].as_array().is_some_and(|c| !c.is_empty()));
        let lines: String = changes
            .map(|asset| if asset["path"].is_null() { &asset["id"] } else { &asset["path"] })
            .map(|name| format!("{}\n", print::word(name)))
            .collect();
        print::out(lines.as_bytes())?;
        let told = lines.lines().count() as u64;
        let more = changed.as_u64().unwrap_or_default().saturating_sub(told);
        if more > 0 {
            print::line(&format!("and {more} more"))?;
        }
        print::line(&format!("would change {changed}, as it is {unchanged}"))?;
    } else {
        print::line(&format!("changed {changed}, as it was {unchanged}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Names in a file or a pipe.
struct List {
    names: Box<dyn BufRead>,
    end: u8,
}

impl Many {
    fn list(&self) -> Result<Option<List>, Failure> {
        let end = if self.null { 0 } else { b'\n' };
        let names: Box<dyn BufRead> = match &self.files_from {
            Some(path) if path != Path::new("-") => {
                let file = File::open(path).map_err(|e| {
                    failed(
                        format!("cannot read {}: {e}", path.display()),
                        "name a file of paths or ids, or - for a pipe",
                    )
                })?;
                Box::new(BufReader::new(file))
            }
            None if !self.null => return Ok(None),
            _ => Box::new(io::stdin().lock()),
        };
        Ok(Some(List { names, end }))
    }
}

impl List {
    /// The next name that is not empty.
    fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            let mut name = Vec::new();
            let read = self.names.read_until(self.end, &mut name);
            if read.map_err(|e| failed(format!("cannot read the names: {e}"), "nothing was changed"))? == 0 {
                return Ok(None);
            }
            name.pop_if(|last| *last == self.end);
            if !name.is_empty() {
                return Ok(Some(name));
            }
        }
    }
}

/// A file of what the names mean to the library, each ended by NUL.
fn resolved(
    mut list: List,
    first: Option<Vec<u8>>,
    resolver: &target::Resolver<'_>,
    faults: &mut Faults,
    of: &mut usize,
) -> Result<File, Failure> {
    let no_room = |e: io::Error| failed(format!("cannot keep the names: {e}"), "give fewer at a time");
    let file = rustix::fs::memfd_create("names", rustix::fs::MemfdFlags::CLOEXEC).map_err(|e| no_room(e.into()))?;
    let mut out = BufWriter::new(File::from(file));
    let mut next = first;
    while let Some(name) = next {
        *of += 1;
        match resolver.resolve_bytes(OsStr::from_bytes(&name)) {
            Ok(target) => out.write_all(&target).and_then(|()| out.write_all(&[0])).map_err(no_room)?,
            Err(failure) => faults.note_failure(failure, None),
        }
        next = list.next()?;
    }
    let mut file = out.into_inner().map_err(|e| no_room(e.into_error()))?;
    file.rewind().map_err(no_room)?;
    Ok(file)
}
