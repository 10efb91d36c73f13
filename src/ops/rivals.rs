//! Two mounts that write one file: what the one has written when the other begins is a version of its own.
//!
//! Both write the same bytes, as two programs of one machine do. So that neither loses what it had written, a version is made between
//! them: when a handle of one mount begins to write what another has written and is no version yet, and when it goes on after the other
//! has closed. That is at most one version for each opening.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::json;

use super::conflicts::BYTES;
use super::live::Writer;
use super::live_table::LiveHandle;
use super::record::Hand;
use super::settle::Settled;
use super::{Library, OpsError, assign, trail};
use crate::catalog::{Asset, Conflict, WriteTx};
use crate::types::VersionId;

/// How often bytes that change meanwhile are tried again; the last time they stay as they are.
const TRIES: usize = 3;

impl Library {
    /// A number for a mount, unlike every other's of this process.
    #[must_use]
    pub fn new_mount(&self) -> u64 {
        self.mounts.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Whether there has never been more than one mount: nobody is another's rival then.
    #[must_use]
    pub fn has_one_mount(&self) -> bool {
        self.mounts.load(Ordering::Relaxed) < 2
    }

    /// Makes a version of what another mount has written to a file. Returns it when there was anything of an asset.
    ///
    /// # Errors
    /// When the store or the catalogue fails; nothing is lost then.
    pub fn part(self: &Arc<Self>, file: &LiveHandle) -> Result<Option<VersionId>, OpsError> {
        for _ in 0..TRIES {
            match self.settle_file(file)? {
                Settled::Version(id) => return Ok(Some(id)),
                Settled::Later => {}
                Settled::Same | Settled::Tagged(_) | Settled::Local => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Lists a version beside the one that a second writer makes.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn note_rival(&self, other: VersionId, by: Writer) -> Result<(), OpsError> {
        let now = self.clock.now();
        self.catalog.write(|tx| {
            let Some(version) = tx.version(other)? else { return Ok(()) };
            let Some(mut asset) = tx.asset(version.asset)? else { return Ok(()) };
            let conflict = Conflict {
                other: Some(version.n.to_string()),
                version: version.n.saturating_add(1),
                by: Some(by.member),
                at: now,
            };
            asset.conflicts.insert(BYTES.to_owned(), conflict);
            asset.changed = now.max(asset.changed);
            assign::store(tx, &asset)?;
            let hand = Hand::own(Some(by.member), now);
            Ok(trail::asset(tx, &hand, "conflict", asset.id, &json!({ "field": BYTES, "version": version.n }))?)
        })
    }
}

/// Bytes that turned out to be those of version `n` are at odds with it no more.
pub(super) fn agree(tx: &mut dyn WriteTx, mut asset: Asset, n: u32) -> Result<(), OpsError> {
    let same = |conflict: &Conflict| conflict.other.as_deref() == Some(n.to_string().as_str());
    if asset.conflicts.get(BYTES).is_some_and(same) {
        asset.conflicts.remove(BYTES);
        assign::store(tx, &asset)?;
    }
    Ok(())
}
