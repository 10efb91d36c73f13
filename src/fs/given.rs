//! The names of directories that the kernel may keep, on a personal mount: each `opendir` says whether they are still right, and whatever
//! changes takes them back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::NamesKept;
use super::listing::Snapshot;
use crate::types::Timestamp;

/// How long after it was given a listing is not asked for again. Less than the lifetime of the names and attributes that were given with it:
/// once those are over, listing again brings them all in a few replies.
const KEPT_MS: i64 = 500;
/// Directories whose names the kernel may hold.
const KEPT_DIRS: usize = 4_096;

/// The listings that the kernel may hold on a personal mount.
#[derive(Default)]
pub(super) struct Given(Mutex<HashMap<u64, Held>>);

/// What was given of a directory since the kernel last dropped its names.
#[derive(Default)]
struct Held {
    snapshot: Option<Weak<Snapshot>>,
    begun: Timestamp,
    /// Rows of more than one snapshot were given: the kernel may hold any.
    mixed: bool,
}

impl Given {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn open(&self, ino: u64, right: Option<&Arc<Snapshot>>, now: Timestamp) -> NamesKept {
        let mut given = self.lock();
        if let (Some(held), Some(right)) = (given.get(&ino), right)
            && !held.mixed
            && held.snapshot.as_ref().is_some_and(|s| s.as_ptr() == Arc::as_ptr(right))
            && now.ms_since(held.begun) < KEPT_MS
        {
            return NamesKept::Right;
        }
        if given.len() >= KEPT_DIRS && !given.contains_key(&ino) {
            return NamesKept::Never;
        }
        given.insert(ino, Held::default());
        NamesKept::Anew
    }

    /// Rows of a snapshot are given out to be kept. Whether the kernel may hold others beside them.
    pub(super) fn rows(&self, ino: u64, snapshot: &Arc<Snapshot>, now: Timestamp) -> bool {
        let mut given = self.lock();
        // Something changed since it was opened. The kernel may add this to what it holds all the same, and must drop it at the next change.
        let held = given.entry(ino).or_insert_with(|| Held { mixed: true, ..Held::default() });
        match &held.snapshot {
            None => {
                held.snapshot = Some(Arc::downgrade(snapshot));
                held.begun = now;
            }
            Some(first) => held.mixed |= first.as_ptr() != Arc::as_ptr(snapshot),
        }
        held.mixed
    }

    /// The directories whose names the kernel must drop now that something changed.
    pub(super) fn drop_all(&self) -> Vec<u64> {
        self.lock().drain().map(|(ino, _)| ino).collect()
    }
}
