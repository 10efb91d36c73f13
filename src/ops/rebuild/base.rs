//! What the new catalogue begins with: the old one when it is healthy, the newest snapshot that verifies, or nothing.

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::{Rebuild, Work, with};
use crate::catalog::sqlite::SqliteEngine;
use crate::catalog::{Catalog, CatalogError};
use crate::ops::OpsError;
use crate::ops::parts::Parts;
use crate::ops::snapshots::{self, Name};
use crate::types::NodeId;

/// Where it comes from.
pub(super) enum Source {
    Catalogue,
    Snapshot(Name),
    Nothing,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Catalogue => f.write_str("the catalogue itself"),
            Self::Snapshot(name) => write!(f, "the snapshot of {}", name.at()),
            Self::Nothing => f.write_str("manifests alone"),
        }
    }
}

/// The catalogue that manifests are put into.
pub(super) struct Base {
    pub catalog: Catalog,
    pub source: Source,
    /// What is wrong with the old one; `None` when nothing is.
    pub was: Option<String>,
    /// Snapshots that do not verify, and why.
    pub unusable: Vec<String>,
}

/// Chooses, and puts it into the work's place. The old catalogue is looked at in a copy: opening a damaged one would change it.
pub(super) fn choose(parts: &Parts, work: &Work, wish: Rebuild<'_>) -> Result<Base, OpsError> {
    let old = copy_of(&parts.root.join("catalog.db"), &work.file("old.db"))?;
    let judged = if old { judge(&work.file("old.db"))? } else { Err("it is not there".to_owned()) };
    if judged.is_ok() && !wish.force {
        return Err(OpsError::failed(
            "the catalogue is healthy: there is nothing to make again",
            "check the rest with: dam fsck --deep; with --force what only the store knows is put into it",
        ));
    }
    let mut unusable = Vec::new();
    let mut snapshot = None;
    for name in snapshots::newest_first(&parts.vault)? {
        let file = work.file("snapshot.db");
        let whole = match snapshots::restore(&parts.vault, name, &file) {
            Ok(()) => judge(&file)?.map(drop),
            Err(e) => Err(e.to_string()),
        };
        match whole {
            Ok(()) => {
                snapshot = Some(name);
                break;
            }
            Err(why) => {
                unusable.push(format!("the snapshot of {}: {why}", name.at()));
                [""; 1].iter().chain(&["-wal", "-shm"]).try_for_each(|side| absent_is_fine(&with(&file, side)))?;
            }
        }
    }
    let was = judged.as_ref().err().cloned();
    let source = match (judged, snapshot) {
        (Ok(change), Some(name)) if name.change() > change => Source::Snapshot(name),
        (Ok(_), _) => Source::Catalogue,
        (Err(_), Some(name)) => Source::Snapshot(name),
        (Err(_), None) => Source::Nothing,
    };
    let engine = match source {
        Source::Catalogue => taken(work, "old.db")?,
        Source::Snapshot(_) => taken(work, "snapshot.db")?,
        Source::Nothing => SqliteEngine::create(&work.catalog())?,
    };
    let catalog = Catalog::new(Arc::new(engine));
    Ok(Base { catalog, source, was, unusable })
}

fn taken(work: &Work, name: &str) -> Result<SqliteEngine, OpsError> {
    fs::rename(work.file(name), work.catalog())?;
    Ok(SqliteEngine::open(&work.catalog())?)
}

/// Copies a database with its log; `false` when there is none.
fn copy_of(from: &Path, to: &Path) -> Result<bool, OpsError> {
    for side in ["", "-wal"] {
        match fs::copy(with(from, side), with(to, side)) {
            Ok(_) => {}
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && side.is_empty() => return Ok(false),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(true)
}

/// The last change that is in a healthy catalogue, or what is wrong with it. A newer one is for a newer damfs.
fn judge(path: &Path) -> Result<Result<u64, String>, OpsError> {
    let looked = SqliteEngine::open(path).and_then(|engine| {
        let catalog = Catalog::new(Arc::new(engine));
        if let Some(fault) = catalog.check()?.first() {
            return Err(CatalogError::Damaged(fault.clone()));
        }
        catalog.read(|tx| match tx.node(NodeId::LIBRARY)? {
            Some(_) => tx.last_change(),
            None => Err(CatalogError::Damaged("it has no library folder".into())),
        })
    });
    match looked {
        Ok(change) => Ok(Ok(change)),
        Err(e @ CatalogError::NewerSchema { .. }) => Err(e.into()),
        Err(CatalogError::Damaged(why)) => Ok(Err(why)),
        Err(e) => Ok(Err(e.to_string())),
    }
}

fn absent_is_fine(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}
