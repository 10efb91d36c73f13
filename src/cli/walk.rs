//! The files that `dam import` takes: folders walked in name order. What is passed over is told, too.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// One file to take, or a path that is not taken.
#[derive(Debug)]
pub struct Found {
    pub path: PathBuf,
    /// Name with folders below the folder that was given; for people alone where it is not taken.
    pub given: String,
    pub what: What,
}

/// What a path is to an import.
#[derive(Debug, PartialEq, Eq)]
pub enum What {
    Take,
    /// Passed over by rule: hidden, or no file.
    LeftOut(&'static str),
    /// A PATH that is not there.
    Missing,
    /// To be taken, and cannot be.
    Refused(String),
}

/// Everything at and below the paths given, each folder sorted.
pub fn files(paths: &[PathBuf]) -> Vec<Found> {
    let mut found = Vec::new();
    for path in paths {
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => below(path, "", &mut found),
            Ok(meta) if meta.is_file() => found.push(file(path.clone(), "")),
            Ok(_) => found.push(shown(path, What::Refused("not a regular file".to_owned()))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => found.push(shown(path, What::Missing)),
            Err(e) => found.push(unreadable(path, &e)),
        }
    }
    found
}

fn below(folder: &Path, prefix: &str, found: &mut Vec<Found>) {
    let listing = match fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(e) => return found.push(unreadable(folder, &e)),
    };
    let mut entries = Vec::new();
    for entry in listing {
        match entry {
            Ok(entry) => entries.push(entry),
            Err(e) => found.push(unreadable(folder, &e)),
        }
    }
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let name = entry.file_name();
        if name.as_bytes().starts_with(b".") {
            found.push(shown(&path, What::LeftOut("hidden")));
            continue;
        }
        match (entry.file_type(), name.to_str()) {
            (Ok(kind), Some(name)) if kind.is_dir() => below(&path, &joined(prefix, name), found),
            (Ok(kind), None) if kind.is_dir() => found.push(shown(&path, What::Refused(NO_TEXT.to_owned()))),
            (Ok(kind), _) if kind.is_file() => found.push(file(path, prefix)),
            (Ok(kind), _) => {
                let what = if kind.is_symlink() { "a symbolic link" } else { "a pipe, socket or device" };
                found.push(shown(&path, What::LeftOut(what)));
            }
            (Err(e), _) => found.push(unreadable(&path, &e)),
        }
    }
}

/// A library keeps such names, but an import is told of by text: no other name is made up for a file.
const NO_TEXT: &str = "its name is not UTF-8; rename it, or copy it into a mount, which keeps the name";

fn file(path: PathBuf, prefix: &str) -> Found {
    match path.file_name().and_then(|name| name.to_str()) {
        Some(name) => Found { given: joined(prefix, name), what: What::Take, path },
        None => shown(&path, What::Refused(NO_TEXT.to_owned())),
    }
}

fn joined(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") }
}

fn shown(path: &Path, what: What) -> Found {
    Found { path: path.to_owned(), given: path.display().to_string(), what }
}

fn unreadable(path: &Path, why: &io::Error) -> Found {
    shown(path, What::Refused(format!("cannot be read: {why}")))
}
