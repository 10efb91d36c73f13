//! Making the catalogue again when it is lost or damaged: from the newest copy of it that verifies, and from the manifests of the versions
//! that are not in that. The old one is moved aside. All work is done in a folder of its own; the library changes at the end.

mod base;
mod merge;
mod staging;

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use self::base::{Base, Source};
use self::merge::Merged;
use self::staging::Staged;
use super::parts::Parts;
use super::proto::Failure;
use super::{CHAIN, OpsError};
use crate::audit;
use crate::clock::SharedClock;
use crate::rng::SharedEntropy;

/// The folder of the work.
const WORK: &str = "rebuild";

/// How it is to be made again.
#[derive(Debug, Clone, Copy)]
pub struct Rebuild<'a> {
    /// Also when the catalogue is healthy: what manifests tell of and it has not is put into it.
    pub force: bool,
    /// Says what would come of it and changes nothing.
    pub dry_run: bool,
    /// Who is the admin when nothing is left that tells of members: name and user id.
    pub admin: (&'a str, u32),
}

/// Makes the catalogue of a library again: `dam fsck --rebuild`. Nobody may have the library open.
///
/// # Errors
/// When the library is in use, its catalogue is healthy, or nothing whole came of it; nothing is changed then.
pub fn rebuild(
    root: &Path,
    key_file: Option<&Path>,
    clock: &SharedClock,
    entropy: &SharedEntropy,
    wish: Rebuild<'_>,
) -> Result<Value, Failure> {
    let parts = Parts::open(root, key_file, entropy).map_err(|e| Failure::from(&e))?;
    Ok(run(&parts, clock, entropy, wish)?)
}

fn run(parts: &Parts, clock: &SharedClock, entropy: &SharedEntropy, wish: Rebuild<'_>) -> Result<Value, OpsError> {
    let now = clock.now();
    let work = Work::begin(&parts.root)?;
    let base = base::choose(parts, &work, wish)?;
    let merged = merge::run(parts, &base, wish, (now, entropy.as_ref()))?;
    let staged = staging::run(parts, &base.catalog, wish.dry_run)?;
    let detail = json!({ "from": base.source.to_string(), "assets": merged.assets, "versions": merged.versions });
    base.catalog.write(|tx| audit::append(tx, CHAIN, now, "damfs", "catalogue.rebuild", &parts.info.id, &detail))?;
    let faults = base.catalog.check()?;
    if let Some(fault) = faults.first() {
        return Err(OpsError::failed(
            format!("the catalogue that was made again is not whole ({} faults): {fault}", faults.len()),
            "nothing was changed; report this",
        ));
    }
    let mut report = tell(&base, &merged, &staged, wish.dry_run);
    drop(base.catalog);
    if !wish.dry_run {
        for node in &staged.aside {
            parts.stages.put_aside(*node)?;
        }
        let old = work.install(&parts.root)?;
        report["old"] = json!(old);
    }
    Ok(report)
}

/// What people are told. Sentences that begin with a small letter stand for one thing each.
fn tell(base: &Base, merged: &Merged, staged: &Staged, dry_run: bool) -> Value {
    let mut lost = match &base.source {
        Source::Catalogue => Vec::new(),
        Source::Snapshot(name) => vec![format!(
            "of changes to tags, verdicts and remarks, guidelines and the board, folders, members, groups and second factors, names, links and the trash, and of the audit log since {}, what no later \
             version tells of",
            name.at()
        )],
        Source::Nothing => vec![
            "the audit log, guidelines and the board that were put in force, members, their roles and second factors, what groups give, folders without assets, folder rules, symbolic links, files that are no assets".into(),
            "of changes to tags, verdicts and remarks, names and the trash, what no later version tells of".into(),
        ],
    };
    lost.extend(merged.lost.iter().cloned());
    lost.extend(merged.stale.iter().map(|(platform, count)| {
        format!("the guideline of {platform} that approvals were given by: put it in force again, and judge anew what is stale now ({count})")
    }));
    lost.extend(staged.aside.iter().map(|node| {
        format!("node {node}: what was written to it after its last version is in stage/damaged, for nothing tells where it was")
    }));
    json!({
        "dry_run": dry_run,
        "was": base.was,
        "from": base.source.to_string(),
        "unusable": base.unusable,
        "assets_made": merged.assets,
        "versions_added": merged.versions,
        "never_were": merged.never_were,
        "placed": merged.placed,
        "staged": staged.kept,
        "lost": lost,
        "old": Value::Null,
    })
}

/// The folder of the work; gone with it.
struct Work(PathBuf);

impl Work {
    fn begin(root: &Path) -> Result<Self, OpsError> {
        let work = Self(root.join(WORK));
        remove(root)?;
        DirBuilder::new().mode(0o700).create(&work.0)?;
        Ok(work)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Where the new catalogue is made.
    fn catalog(&self) -> PathBuf {
        self.file("catalog.db")
    }

    /// Puts the new catalogue in the place of the old one, which is moved aside; gives the name of that. Without a `catalog.db` a library
    /// does not open, so a crash in between leaves nothing half-made in use.
    fn install(&self, root: &Path) -> Result<Option<String>, OpsError> {
        let made = self.catalog();
        if fs::metadata(with(&made, "-wal")).is_ok_and(|wal| wal.len() > 0) {
            return Err(OpsError::failed("the new catalogue is still in use", "nothing was changed; report this"));
        }
        File::open(&made)?.sync_all()?;
        let place = root.join("catalog.db");
        let aside = (1u32..).map(|n| format!("catalog.db.damaged-{n}")).find(|name| !root.join(name).exists());
        let Some(aside) = aside else {
            return Err(OpsError::failed("no free name", "remove old catalog.db.damaged-N"));
        };
        let mut moved = false;
        for side in ["", "-wal", "-shm"] {
            match fs::rename(with(&place, side), with(&root.join(&aside), side)) {
                Ok(()) => moved = true,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => return Err(e.into()),
            }
        }
        fs::rename(&made, &place)?;
        File::open(root)?.sync_all()?;
        Ok(moved.then_some(aside))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Removes what a killed one has left.
pub(super) fn remove(root: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(root.join(WORK)) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// A database's side file.
fn with(path: &Path, side: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(side);
    name.into()
}
