//! `dam records export`: a tree of records written to a folder.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::args::RecordsExport;
use super::{LIBRARY, cannot};
use crate::cli::args::Global;
use crate::cli::{Done, Failure, backend, failed, misunderstood, print, whole};
use crate::ops::folders;
use crate::ops::proto::Command;
use crate::types::AssetId;

/// What a file is called that is not whole yet.
const UNFINISHED: &str = ".dam-records-";

/// Exports.
pub fn run(global: &Global, args: &RecordsExport) -> Done {
    let root = backend::root(global, &[])?;
    if backend::canonical(&args.dir).starts_with(&root) {
        return Err(failed("the folder lies in the library itself", "choose a folder elsewhere"));
    }
    let mut backend = backend::Backend::open(global, &root)?;
    let mut writer = Writer { dir: &args.dir, there: HashSet::new(), written: 0, same: 0 };
    let mut after: Option<AssetId> = None;
    loop {
        let page = backend.run(Command::Records { expr: args.query.clone(), after }, None)?;
        if !page["library"].is_null() {
            writer.put(Path::new(LIBRARY), &page["library"])?;
        }
        for row in page["records"].as_array().into_iter().flatten() {
            writer.put(&path(&row["file"])?, &row["record"])?;
        }
        match page["next"].as_str() {
            Some(id) => after = Some(id.parse().map_err(|_| misunderstood())?),
            None => break,
        }
    }
    let removed = if args.delete { writer.remove_others(&args.dir)? } else { 0 };
    let Writer { written, same, .. } = writer;
    if global.json {
        print::json(&json!({ "written": written, "same": same, "removed": removed }))?;
    } else {
        print::line(&format!("written {written}, as they were {same}, removed {removed}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A path below the folder, of the names that it tells; none leads out.
fn path(file: &Value) -> Result<PathBuf, Failure> {
    let names = file.as_str().into_iter().flat_map(|file| file.split('/'));
    let names = names.map(|name| crate::types::FileName::new(folders::unescape(name)?).ok());
    let path: Option<PathBuf> = names.map(|name| Some(name?.to_os_string())).collect();
    path.filter(|path| !path.as_os_str().is_empty()).ok_or_else(misunderstood)
}

struct Writer<'a> {
    dir: &'a Path,
    there: HashSet<PathBuf>,
    written: u64,
    same: u64,
}

impl Writer<'_> {
    /// One file, whole or not at all.
    fn put(&mut self, below: &Path, record: &Value) -> Result<(), Failure> {
        let path = self.dir.join(below);
        let text = format!("{record:#}\n");
        if fs::read(&path).is_ok_and(|there| there == text.as_bytes()) {
            self.same += 1;
        } else {
            whole::replace(&path, text.as_bytes(), UNFINISHED).map_err(|e| cannot("write", &path, &e))?;
            self.written += 1;
        }
        self.there.insert(path);
        Ok(())
    }

    /// Removes records that were not written now, and folders that are empty then. What is no record stays.
    fn remove_others(&self, folder: &Path) -> Result<u64, Failure> {
        let mut removed = 0;
        for entry in fs::read_dir(folder).map_err(|e| cannot("read", folder, &e))? {
            let entry = entry.map_err(|e| cannot("read", folder, &e))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(|e| cannot("read", &path, &e))?;
            if kind.is_dir() {
                removed += self.remove_others(&path)?;
                // Only an empty one goes.
                let _ = fs::remove_dir(&path);
            } else if kind.is_file() && entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                fs::remove_file(&path).map_err(|e| cannot("remove", &path, &e))?;
            } else if kind.is_file() && !self.there.contains(&path) && is_record(&path) {
                fs::remove_file(&path).map_err(|e| cannot("remove", &path, &e))?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

fn is_record(path: &Path) -> bool {
    let told = || serde_json::from_slice::<Value>(&fs::read(path).ok()?).ok();
    path.extension().is_some_and(|extension| extension == "json")
        && told().is_some_and(|told| told["record"].is_u64() && told["id"].is_string())
}
