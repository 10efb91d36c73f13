//! Files that a save left empty: a new file that nothing was written to took the name of an asset that has versions.

use std::sync::Arc;

use super::live::Seen;
use super::versions::Next;
use super::{Library, OpsError};
use crate::catalog::{ChangeKind, NodeRow};
use crate::types::VersionId;

impl Library {
    /// Makes the empty version of each that has been quiet long enough. Bytes that are written later have their own.
    pub(super) fn settle_emptied(self: &Arc<Self>, quiet_ms: i64) -> Result<Vec<VersionId>, OpsError> {
        let committed = self.catalog.committed();
        if self.emptied.is_at(committed) {
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
            self.emptied.set(committed);
        }
        Ok(made)
    }

    fn settle_unwritten(&self, row: &NodeRow) -> Result<Option<VersionId>, OpsError> {
        let nothing: Vec<u8> = Vec::new();
        let content = self.vault.add(&nothing)?;
        let seen = Seen {
            size: 0,
            mtime: row.mtime,
            mtime_set: row.mtime_set,
            staged: false,
            stored: 0,
            nameless: false,
            unrecorded: false,
            written_by: None,
        };
        let asset = self.asset_of(row)?;
        // Without a version it is a placeholder still.
        let Some(asset) = asset.filter(|asset| asset.head.is_some()) else { return Ok(None) };
        let planned = self.plan(asset, row, &seen, &content, &nothing)?;
        self.vault.sync(&[&content])?;
        let made = self.catalog.write(|tx| -> Result<_, OpsError> {
            let Some(mut node) = tx.node(row.id)?.filter(|node| node == row) else { return Ok(None) };
            node.content = Some(content.id);
            let next = self.next_version(tx, &mut node, &seen, &content, &planned)?;
            if next.is_some() {
                tx.put_node(&node)?;
                tx.change(ChangeKind::Node, &node.id.to_string())?;
            }
            Ok(next)
        })?;
        Ok(match made {
            Some(Next::Version(id)) => Some(id),
            _ => None,
        })
    }
}
