//! `dam records import`: a tree of records put on the assets that they speak of.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use super::args::RecordsImport;
use super::{LIBRARY, cannot};
use crate::cli::args::Global;
use crate::cli::backend::{self, Backend};
use crate::cli::{Done, Failure, misunderstood, not_found, print};
use crate::ops::proto::Command;
use crate::ops::records::{Given, How, Outcome, Row, Shelf, read};
use crate::types::AssetId;

/// A batch, which is one transaction, ends with so many records or bytes, whichever comes first: it has to fit into a question.
const RECORDS: usize = 200;
const BYTES: usize = 4 << 20;

/// Imports.
pub fn run(global: &Global, args: &RecordsImport) -> Done {
    if !args.dir.is_dir() {
        return Err(not_found(format!("there is no folder {}", args.dir.display()), "name a folder of records"));
    }
    let mut files = Vec::new();
    below(&args.dir, &mut files)?;
    let root = backend::root(global, &[])?;
    let mut work = Work {
        dir: &args.dir,
        backend: Backend::open(global, &root)?,
        how: How { dry_run: args.dry_run, force: args.force, by_bytes: false },
        counts: HashMap::new(),
        taken: HashSet::new(),
        rows: Vec::new(),
        missing: Vec::new(),
        refused: 0,
        left: 0,
    };
    work.shelf()?;
    work.by_name(&files)?;
    work.by_bytes()?;
    work.report(global)
}

/// The records at and below a folder, in name order.
fn below(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let listing = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries = listing.map_err(|e| cannot("read", folder, &e))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let kind = entry.file_type().map_err(|e| cannot("read", &path, &e))?;
        if kind.is_dir() {
            below(&path, files)?;
        } else if kind.is_file() && path.extension().is_some_and(|ext| ext == "json") && !path.ends_with(LIBRARY) {
            files.push(path);
        }
    }
    Ok(())
}

struct Work<'a> {
    dir: &'a Path,
    backend: Backend,
    how: How,
    counts: HashMap<&'static str, u64>,
    /// Assets that a record was found for.
    taken: HashSet<AssetId>,
    rows: Vec<serde_json::Value>,
    /// Files whose records found no asset by id or path.
    missing: Vec<PathBuf>,
    refused: u64,
    /// Parts of records that could not be put.
    left: u64,
}

impl Work<'_> {
    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(self.dir).unwrap_or(path).display().to_string()
    }

    /// Says what could not be done with a file.
    fn tell(&mut self, file: &str, what: &str, why: &str) {
        print::note(&format!("{}: {}", print::safe(file), print::safe(why)));
        self.rows.push(json!({ "file": file, "outcome": what, "why": why }));
    }

    fn refuse(&mut self, path: &Path, why: &str) {
        self.refused += 1;
        let file = self.shown(path);
        self.tell(&file, "refused", why);
    }

    /// A file's record, unless there is something wrong with it.
    fn record(&mut self, path: &Path, told: bool) -> Option<(Given, usize)> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(e) => {
                self.refuse(path, &format!("cannot be read: {e}"));
                return None;
            }
        };
        let file = self.shown(path);
        match read(&text) {
            Ok(record) => {
                for key in record.unknown.iter().filter(|_| told) {
                    self.left += 1;
                    self.tell(&file, "left", &format!("`{key}` is not known here and is left"));
                }
                Some((Given { file, record: Box::new(record.record), asset: None }, text.len()))
            }
            Err(why) => {
                self.refuse(path, &why);
                None
            }
        }
    }

    fn shelf(&mut self) -> Result<(), Failure> {
        let path = self.dir.join(LIBRARY);
        if !path.exists() {
            return Ok(());
        }
        let text = fs::read(&path).map_err(|e| cannot("read", &path, &e))?;
        match Shelf::read(&text) {
            Ok(shelf) => {
                let done = self.backend.run(Command::RecordsShelf { shelf, how: self.how }, None)?;
                for why in done["left"].as_array().into_iter().flatten().filter_map(|why| why.as_str()) {
                    self.left += 1;
                    self.tell(LIBRARY, "left", why);
                }
            }
            Err(why) => self.refuse(&path, &why),
        }
        Ok(())
    }

    fn by_name(&mut self, files: &[PathBuf]) -> Result<(), Failure> {
        let mut batch: Vec<(PathBuf, Given)> = Vec::new();
        let mut bytes = 0;
        for path in files {
            if let Some((given, length)) = self.record(path, true) {
                batch.push((path.clone(), given));
                bytes += length;
            }
            if batch.len() >= RECORDS || bytes >= BYTES {
                self.send(std::mem::take(&mut batch))?;
                bytes = 0;
            }
        }
        self.send(batch)
    }

    fn send(&mut self, batch: Vec<(PathBuf, Given)>) -> Result<(), Failure> {
        let (paths, given): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        for (path, row) in paths.into_iter().zip(self.ask(given, self.how)?) {
            match row.outcome {
                Outcome::Missing => self.missing.push(path),
                _ => self.count(row),
            }
        }
        Ok(())
    }

    fn ask(&mut self, records: Vec<Given>, how: How) -> Result<Vec<Row>, Failure> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let mut answer = self.backend.run(Command::RecordsImport { records, how }, None)?;
        serde_json::from_value(answer["records"].take()).map_err(|_| misunderstood())
    }

    /// What found no asset by its name may have another name here: the one asset with its bytes that is no other record's.
    fn by_bytes(&mut self) -> Result<(), Failure> {
        let missing = std::mem::take(&mut self.missing);
        for paths in missing.chunks(RECORDS) {
            let given: Vec<Given> = paths.iter().filter_map(|path| Some(self.record(path, false)?.0)).collect();
            let look = How { by_bytes: true, dry_run: true, ..self.how };
            let found = self.ask(given.clone(), look)?;
            let mut ask = Vec::new();
            for (given, row) in given.into_iter().zip(found) {
                match row.at.filter(|id| !self.taken.contains(id)) {
                    Some(id) => ask.push(Given { asset: Some(id), ..given }),
                    None => self.count(Row { outcome: Outcome::Missing, ..row }),
                }
            }
            for row in self.ask(ask, self.how)? {
                self.count(row);
            }
        }
        Ok(())
    }

    fn count(&mut self, row: Row) {
        self.taken.extend(row.at);
        self.taken.extend(row.id);
        let (word, why) = match row.outcome {
            Outcome::Put => ("put", None),
            Outcome::Same => ("same", None),
            Outcome::Newer => (
                "newer",
                Some(
                    "it was changed here since, or has other bytes, and is left; --force puts the record all the same",
                ),
            ),
            Outcome::Missing => ("missing", Some("there is no asset with its id, its path or its bytes")),
            Outcome::Trashed => ("trashed", Some("its asset lies in the trash; bring that back first: dam restore")),
        };
        *self.counts.entry(word).or_insert(0) += 1;
        for why in &row.left {
            self.left += 1;
            self.tell(&row.file, "left", why);
        }
        match why {
            Some(why) => self.tell(&row.file, word, why),
            None => self.rows.push(json!({ "file": row.file, "outcome": word, "id": row.id })),
        }
    }

    /// The totals. What is not as the records say fails the import, however many others were put.
    fn report(self, global: &Global) -> Done {
        let count = |word| self.counts.get(word).copied().unwrap_or(0);
        let [put, same, newer, missing, trashed] = ["put", "same", "newer", "missing", "trashed"].map(count);
        if global.json {
            print::json(&json!({
                "put": put,
                "same": same,
                "newer": newer,
                "missing": missing,
                "trashed": trashed,
                "refused": self.refused,
                "left": self.left,
                "files": self.rows,
            }))?;
        } else {
            let verb = if self.how.dry_run { "would put" } else { "put" };
            print::line(&format!(
                "{verb} {put}, as they were {same}, changed here since {newer}, without an asset {}, refused {}",
                missing + trashed,
                self.refused
            ))?;
        }
        let whole = newer + missing + trashed + self.refused + self.left == 0;
        Ok(if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
