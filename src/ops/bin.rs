//! What lies in a desktop's trash has a name there until it leaves `trash/`, by whatever way.

use super::{Library, OpsError, assets, folders};
use crate::catalog::{EntryRow, ReadTx, WriteTx};
use crate::types::{NodeId, Timestamp};
use crate::view::bin;

/// Takes every name of a node away; with one in a desktop's trash goes the note that stands beside it.
///
/// # Errors
/// When the catalogue fails.
pub fn leave(tx: &mut dyn WriteTx, library: &Library, node: NodeId, now: Timestamp) -> Result<(), OpsError> {
    for entry in tx.names_of(node)? {
        assets::unlink_entry(tx, &entry, now)?;
        if let Some(note) = note_of(tx, &entry)? {
            assets::unlink_entry(tx, &note, now)?;
            assets::drop_if_nameless(tx, library, note.node)?;
        }
    }
    Ok(())
}

fn note_of(tx: &dyn ReadTx, entry: &EntryRow) -> Result<Option<EntryRow>, OpsError> {
    let path = tx.node(entry.parent)?.and_then(|folder| folder.target).and_then(|path| String::from_utf8(path).ok());
    let (Some(notes), Some(name)) = (path.and_then(|path| bin::notes_beside(&path)), bin::note_name(&entry.name))
    else {
        return Ok(None);
    };
    match tx.entry(NodeId::LOCALS, &folders::local_name(&notes)?)? {
        Some(folder) => Ok(tx.entry(folder.node, &name)?),
        None => Ok(None),
    }
}
