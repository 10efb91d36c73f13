//! What this run knows of the extents in the store: which were verified or stored since it began, and which of those a sync has covered.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::types::ExtentId;

/// Durable extents remembered at most; one that was forgotten is read and verified when it is added again.
const KEPT: usize = 1 << 19;

/// How far an extent is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Stored or verified, and no sync has ended since.
    Added,
    /// Survives a power cut.
    Durable,
    /// A sync that was to cover it failed: its file may look right and not be on the disk.
    Suspect,
}

#[derive(Default)]
struct Known {
    standing: HashMap<ExtentId, Standing>,
    /// Those that are only added, for the next sync.
    added: HashSet<ExtentId>,
}

/// The standing of each extent that was added in this run.
#[derive(Default)]
pub(super) struct Trust(Mutex<Known>);

impl Trust {
    fn held(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn of(&self, id: ExtentId) -> Option<Standing> {
        self.held().standing.get(&id).copied()
    }

    pub(super) fn add(&self, id: ExtentId) {
        let mut known = self.held();
        known.standing.insert(id, Standing::Added);
        known.added.insert(id);
    }

    /// Those that a sync which begins now covers.
    pub(super) fn added(&self) -> Vec<ExtentId> {
        self.held().added.iter().copied().collect()
    }

    /// A sync that began when these were there has ended well.
    pub(super) fn settle(&self, covered: &[ExtentId]) {
        let mut known = self.held();
        if known.standing.len() > KEPT {
            known.standing.retain(|_, standing| *standing != Standing::Durable);
        }
        for id in covered {
            known.added.remove(id);
            known.standing.insert(*id, Standing::Durable);
        }
    }

    /// A sync has failed.
    pub(super) fn doubt(&self) {
        let mut known = self.held();
        for id in std::mem::take(&mut known.added) {
            known.standing.insert(id, Standing::Suspect);
        }
    }
}
