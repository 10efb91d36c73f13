//! Staging files beside a catalogue that was made again: what is newer than a file's last version stays its bytes.

use std::collections::BTreeSet;

use crate::blob::{BlobError, Reader};
use crate::catalog::{Catalog, CatalogError, NodeKind};
use crate::ops::OpsError;
use crate::ops::parts::Parts;
use crate::types::{ContentId, NodeId};

/// What became of them.
pub(super) struct Staged {
    pub kept: usize,
    /// Those that no file of the catalogue can have.
    pub aside: Vec<NodeId>,
}

/// Ties them to the nodes that the catalogue has. Nothing is moved yet.
pub(super) fn run(parts: &Parts, catalog: &Catalog, dry_run: bool) -> Result<Staged, OpsError> {
    let (mut kept, mut aside) = (BTreeSet::new(), Vec::new());
    for id in parts.stages.list()? {
        let file = catalog.read(|tx| tx.node(id))?.is_some_and(|row| row.kind == NodeKind::File);
        match file && (dry_run || opens(parts, catalog, id)?) {
            true => {
                kept.insert(id);
            }
            false => aside.push(id),
        }
    }
    let staged: BTreeSet<_> = catalog.read(|tx| tx.staged_nodes())?.into_iter().collect();
    catalog.write(|tx| {
        for id in kept.symmetric_difference(&staged) {
            if let Some(mut row) = tx.node(*id)? {
                row.staged = kept.contains(id);
                tx.put_node(&row)?;
            }
        }
        Ok::<_, CatalogError>(())
    })?;
    Ok(Staged { kept: kept.len(), aside })
}

fn opens(parts: &Parts, catalog: &Catalog, id: NodeId) -> Result<bool, OpsError> {
    let mut base = |content: ContentId| -> Result<Reader, BlobError> {
        let found = catalog.read(|tx| tx.content(content));
        let found: Result<_, CatalogError> = found;
        match found {
            Ok(Some(content)) => Ok(parts.vault.open(&content)),
            Ok(None) => Err(BlobError::Missing(format!("content {content}"))),
            Err(e) => Err(BlobError::Io(std::io::Error::other(e))),
        }
    };
    match parts.stages.recover(id, &mut base) {
        Ok(stage) => Ok(stage.is_some()),
        Err(BlobError::Damaged { .. } | BlobError::Missing(_)) => Ok(false),
        Err(e) => Err(e.into()),
    }
}
