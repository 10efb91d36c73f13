//! The files that `dam import` takes: folders walked in name order, hidden ones left out, symbolic links not followed.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// One file to take, or a path that cannot be read.
#[derive(Debug)]
pub struct Found {
    pub path: PathBuf,
    /// Name with folders below the folder that was given; where no UTF-8, bytes are replaced.
    pub given: String,
    pub fault: Option<String>,
}

/// Every file below the paths given, each folder sorted.
pub fn files(paths: &[PathBuf]) -> Vec<Found> {
    let mut found = Vec::new();
    for path in paths {
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => below(path, "", &mut found),
            Ok(meta) => {
                let fault = (!meta.is_file()).then(|| "not a regular file".to_owned());
                let given = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
                found.push(Found { path: path.clone(), given, fault });
            }
            Err(e) => found.push(fault(path, &e)),
        }
    }
    found
}

fn below(folder: &Path, prefix: &str, found: &mut Vec<Found>) {
    let listing = match fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(e) => return found.push(fault(folder, &e)),
    };
    let mut entries = Vec::new();
    for entry in listing {
        match entry {
            Ok(entry) => entries.push(entry),
            Err(e) => found.push(fault(folder, &e)),
        }
    }
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        if name.as_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        let given = if prefix.is_empty() {
            name.to_string_lossy().into_owned()
        } else {
            format!("{prefix}/{}", name.to_string_lossy())
        };
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => below(&path, &given, found),
            Ok(kind) if kind.is_file() => found.push(Found { path, given, fault: None }),
            Ok(_) => {}
            Err(e) => found.push(fault(&path, &e)),
        }
    }
}

fn fault(path: &Path, why: &std::io::Error) -> Found {
    Found { path: path.to_owned(), given: path.display().to_string(), fault: Some(format!("cannot be read: {why}")) }
}
