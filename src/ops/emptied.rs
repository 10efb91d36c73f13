//! Files that a save left empty: a new file that nothing was written to took the name of an asset that has versions.

use std::sync::{Arc, Mutex, PoisonError};

use super::live::Seen;
use super::probe::{self, Reading};
use super::versions::Next;
use super::{Library, OpsError};
use crate::catalog::{ChangeKind, NodeRow};
use crate::types::VersionId;

/// The change up to which there is nothing to settle: a library at rest is not searched at every beat.
#[derive(Debug, Default)]
pub(super) struct Emptied(Mutex<Option<u64>>);

impl Emptied {
    fn nothing_since(&self, committed: u64) -> bool {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) == Some(committed)
    }

    fn looked_at(&self, committed: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(committed);
    }
}

impl Library {
    /// Makes the empty version of each that has been quiet long enough. Bytes that are written later have their own.
    pub(super) fn settle_emptied(self: &Arc<Self>, quiet_ms: i64) -> Result<Vec<VersionId>, OpsError> {
        let committed = self.catalog.committed();
        if self.emptied.nothing_since(committed) {
            return Ok(Vec::new());
        }
        let now = self.clock.now();
        let (mut made, mut waits) = (Vec::new(), false);
        for node in self.catalog.read(|tx| tx.unwritten_nodes())? {
            let written = self.live.get(node.id).is_some_and(|file| file.has_writers() || file.seen().staged);
            if !written && now.ms_since(node.ctime) >= quiet_ms {
                made.extend(self.settle_unwritten(&node)?);
            } else {
                waits = true;
            }
        }
        if !waits {
            self.emptied.looked_at(committed);
        }
        Ok(made)
    }

    fn settle_unwritten(&self, row: &NodeRow) -> Result<Option<VersionId>, OpsError> {
        let nothing: Vec<u8> = Vec::new();
        let content = self.vault.add(&nothing)?;
        let made = self.catalog.write(|tx| -> Result<_, OpsError> {
            let Some(mut node) = tx.node(row.id)?.filter(|node| node == row) else { return Ok(None) };
            let asset = node.asset.map(|id| tx.asset(id)).transpose()?.flatten();
            // Without a version it is a placeholder still.
            let Some(asset) = asset.filter(|asset| asset.head.is_some()) else { return Ok(None) };
            let seen = Seen {
                size: 0,
                mtime: node.mtime,
                mtime_set: node.mtime_set,
                staged: false,
                stored: 0,
                nameless: false,
                written_by: None,
            };
            let reading = Reading { now: probe::read(&nothing), before: self.read_version(tx, asset.head)? };
            tx.put_content(&content)?;
            node.content = Some(content.id);
            let next = self.next_version(tx, asset, &mut node, &seen, &content, &reading)?;
            tx.put_node(&node)?;
            tx.change(ChangeKind::Node, &node.id.to_string())?;
            Ok(Some(next))
        })?;
        let Some(Next::Version(version, asset)) = made else { return Ok(None) };
        self.write_manifest(&asset, &version, &content);
        Ok(Some(version.id))
    }
}
