//! Copies of the catalogue in the store, sealed: what manifests do not say is made again from them.
//!
//! A copy is cut into parts; an object that says what they are comes last, when they are on the disk. Without it there is no snapshot.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Actor, Library, OpsError};
use crate::blob::{BlobError, ObjectKind, Vault};
use crate::catalog::sqlite::SqliteEngine;
use crate::types::Timestamp;

/// Plain bytes per part.
const PART: u64 = 16 << 20;
const DAY_S: i64 = 86_400;
/// How long after one that failed the next is tried.
const AGAIN_MS: i64 = 600_000;
/// A larger catalogue is not copied at the end of the daemon, when the last copy is less than a day old: nobody waits for it.
const AT_END: u64 = 64 << 20;
/// The last one of so many days and of so many weeks is kept.
const DAYS: usize = 7;
const WEEKS: usize = 4;
/// Where the copy is made. It is plain, so it does not stay.
const COPY: &str = "catalog.db.copy";

/// What a snapshot is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    snapshot: u32,
    at: Timestamp,
    /// The last change that is in it.
    change: u64,
    size: u64,
    /// BLAKE3 of the copy.
    hash: String,
    parts: u64,
}

/// A snapshot's name: the second that it was made in, and the last change that is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    secs: i64,
    change: u64,
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.secs, self.change)
    }
}

impl Name {
    fn parse(text: &str) -> Option<Self> {
        let (secs, change) = text.split_once('-')?;
        Some(Self { secs: secs.parse().ok()?, change: change.parse().ok()? })
    }

    /// When it was made.
    pub(super) const fn at(self) -> Timestamp {
        Timestamp::from_secs(self.secs)
    }

    /// The last change that is in it.
    pub(super) const fn change(self) -> u64 {
        self.change
    }
}

/// The snapshots in a store, the newest last, and the names of all their parts.
fn list(vault: &Vault) -> Result<(Vec<Name>, Vec<String>), BlobError> {
    let (mut heads, mut parts) = (Vec::new(), Vec::new());
    vault.objects(ObjectKind::Snapshot, &mut |name| match Name::parse(name) {
        Some(head) => heads.push(head),
        None => parts.push(name.to_owned()),
    })?;
    heads.sort_unstable();
    Ok((heads, parts))
}

/// The snapshots in a store, the newest first.
pub(super) fn newest_first(vault: &Vault) -> Result<Vec<Name>, BlobError> {
    let (mut heads, _) = list(vault)?;
    heads.reverse();
    Ok(heads)
}

/// Writes a snapshot's copy of the catalogue to a new file.
pub(super) fn restore(vault: &Vault, name: Name, to: &Path) -> Result<(), BlobError> {
    let what = format!("snapshot {name}");
    let damaged = |why: String| BlobError::Damaged { what: what.clone(), why };
    let head = vault.get_object(ObjectKind::Snapshot, &name.to_string())?;
    let head = head.ok_or_else(|| BlobError::Missing(what.clone()))?;
    let head: Head = serde_json::from_slice(&head).map_err(|e| damaged(e.to_string()))?;
    if head.snapshot > 1 {
        return Err(BlobError::NewerFormat(what));
    }
    let mut file = File::create_new(to)?;
    let mut hash = blake3::Hasher::new();
    for part in 0..head.parts {
        let packed = vault.get_object(ObjectKind::Snapshot, &format!("{name}.{part}"))?;
        let packed = packed.ok_or_else(|| damaged(format!("part {part} is missing")))?;
        let mut plain = Vec::new();
        ZlibDecoder::new(&packed[..]).take(PART).read_to_end(&mut plain).map_err(|e| damaged(e.to_string()))?;
        hash.update(&plain);
        file.write_all(&plain)?;
    }
    if hash.finalize().to_hex().as_str() != head.hash {
        return Err(damaged("its bytes are not those that were copied".into()));
    }
    Ok(())
}

/// Those that are kept, of names with the newest last: the last of each of seven days and of each of four weeks that have one.
fn kept(names: &[Name]) -> BTreeSet<Name> {
    let last_of = |unit: fn(i64) -> i64, most: usize| {
        let mut units = Vec::new();
        let mut chosen = Vec::new();
        for name in names.iter().rev() {
            let unit = unit(name.secs);
            if !units.contains(&unit) && units.len() < most {
                units.push(unit);
                chosen.push(*name);
            }
        }
        chosen
    };
    let days = last_of(|secs| secs.div_euclid(DAY_S), DAYS);
    // The epoch was a Thursday; weeks begin on Mondays.
    let weeks = last_of(|secs| (secs.div_euclid(DAY_S) + 3).div_euclid(7), WEEKS);
    days.into_iter().chain(weeks).collect()
}

/// When the next one is looked for.
#[derive(Debug, Default)]
pub(super) struct Due(Mutex<Option<Timestamp>>);

impl Due {
    fn is_past(&self, now: Timestamp) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_none_or(|at| now >= at)
    }

    fn set(&self, at: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }
}

impl Library {
    /// Makes a snapshot when the last one is a day old and something has changed since. May take seconds; a daemon calls it at every beat.
    pub fn snapshot_daily(&self) {
        let now = self.clock.now();
        if !self.snapshot_due.is_past(now) {
            return;
        }
        let made = self.last_snapshot().and_then(|last| match last {
            Some(last) if now.ms_since(last.at()) < DAY_S * 1_000 => Ok(last.at().plus_ms(DAY_S * 1_000)),
            last => self.snapshot_unless(last).map(|()| now.plus_ms(DAY_S * 1_000)),
        });
        self.snapshot_due.set(made.unwrap_or_else(|e| {
            tracing::warn!(error = %e, "the catalogue could not be copied into the store; it is tried again in ten minutes");
            now.plus_ms(AGAIN_MS)
        }));
    }

    /// Makes a snapshot at the end of the daemon, when something has changed since the last one.
    pub(super) fn snapshot_at_end(&self) -> Result<(), OpsError> {
        let last = self.last_snapshot()?;
        let fresh = last.is_some_and(|last| self.clock.now().ms_since(last.at()) < DAY_S * 1_000);
        let large = fs::metadata(self.root().join("catalog.db"))?.len() > AT_END;
        if fresh && large { Ok(()) } else { self.snapshot_unless(last) }
    }

    fn last_snapshot(&self) -> Result<Option<Name>, OpsError> {
        Ok(newest_first(&self.vault)?.first().copied())
    }

    fn snapshot_unless(&self, last: Option<Name>) -> Result<(), OpsError> {
        let change = self.catalog.read(|tx| tx.last_change())?;
        if last.is_some_and(|last| last.change == change) {
            return Ok(());
        }
        self.make_snapshot().map(drop)
    }

    fn make_snapshot(&self) -> Result<(Name, Head), OpsError> {
        let _one = self.snapshotting.lock().unwrap_or_else(PoisonError::into_inner);
        let copy = Copy::of(self.root())?;
        let change = SqliteEngine::open(&copy.0).and_then(|engine| {
            let mut change = 0;
            crate::catalog::Engine::read(&engine, &mut |tx| {
                change = tx.last_change()?;
                Ok(())
            })?;
            Ok(change)
        })?;
        let at = self.clock.now();
        let name = Name { secs: at.split().0, change };
        let mut file = File::open(&copy.0)?;
        let (mut size, mut hash, mut parts) = (0, blake3::Hasher::new(), 0);
        loop {
            let mut plain = Vec::new();
            (&mut file).take(PART).read_to_end(&mut plain)?;
            if plain.is_empty() {
                break;
            }
            hash.update(&plain);
            size += plain.len() as u64;
            let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
            packer.write_all(&plain)?;
            self.vault.put_object(ObjectKind::Snapshot, &format!("{name}.{parts}"), &packer.finish()?)?;
            parts += 1;
        }
        self.vault.sync(&[])?;
        let head = Head { snapshot: 1, at, change, size, hash: hash.finalize().to_hex().to_string(), parts };
        let text = serde_json::to_vec(&head).map_err(std::io::Error::from)?;
        self.vault.put_object(ObjectKind::Snapshot, &name.to_string(), &text)?;
        self.vault.sync(&[])?;
        self.drop_old_snapshots()?;
        Ok((name, head))
    }

    /// Heads go before their parts: what has a head is whole.
    fn drop_old_snapshots(&self) -> Result<(), BlobError> {
        let (names, parts) = list(&self.vault)?;
        let kept = kept(&names);
        for name in names.iter().filter(|name| !kept.contains(name)) {
            self.vault.remove_object(ObjectKind::Snapshot, &name.to_string())?;
        }
        let belongs = |part: &str| part.split_once('.').and_then(|(head, _)| Name::parse(head));
        for part in parts.iter().filter(|part| belongs(part).is_none_or(|head| !kept.contains(&head))) {
            self.vault.remove_object(ObjectKind::Snapshot, part)?;
        }
        Ok(())
    }

    /// Removes the plain copy that a killed process has left.
    pub(super) fn remove_copy(root: &Path) {
        drop(Copy(root.join(COPY)));
    }
}

/// The plain copy; gone when it has been read.
struct Copy(std::path::PathBuf);

impl Copy {
    fn of(root: &Path) -> Result<Self, OpsError> {
        Library::remove_copy(root);
        let copy = Self(root.join(COPY));
        SqliteEngine::copy(&root.join("catalog.db"), &copy.0)?;
        Ok(copy)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        for side in ["", "-wal", "-shm", "-journal"] {
            let _ = fs::remove_file(format!("{}{side}", self.0.display()));
        }
    }
}

/// Makes a snapshot now: `dam snapshot`.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin; when the store or the catalogue fails.
pub fn snapshot(library: &Library, actor: &Actor) -> Result<Value, OpsError> {
    actor.must_be_admin("copy the catalogue")?;
    let (name, head) = library.make_snapshot()?;
    Ok(json!({ "snapshot": name.to_string(), "at": head.at.to_string(), "size": head.size }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn seven_days_and_four_weeks_are_kept() {
        // Two a day for sixty days, the last one on a Sunday (1970-03-01).
        let names: Vec<_> = (0..120).map(|n| Name { secs: n * DAY_S / 2, change: u64::try_from(n).unwrap() }).collect();
        let days: Vec<_> = kept(&names).iter().map(|name| name.secs / DAY_S).collect();
        assert_eq!(days, [38, 45, 52, 53, 54, 55, 56, 57, 58, 59]);
        assert!(kept(&names).iter().all(|name| name.change % 2 == 1), "the last of each day");
        assert_eq!(kept(&names[..1]).len(), 1);
        assert!(kept(&[]).is_empty());
    }

    #[test]
    fn after_years_of_rest_the_newest_ones_stay() {
        let names: Vec<_> = (0..9).map(|n| Name { secs: n * 400 * DAY_S, change: 1 }).collect();
        assert_eq!(kept(&names).len(), 7);
    }
}
