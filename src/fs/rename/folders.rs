//! Folders move with everything in them.

use serde_json::json;

use super::Mover;
use crate::catalog::{EntryRow, NodeKind, NodeRow, WriteTx};
use crate::fs::create::in_inbox;
use crate::fs::mount::Mount;
use crate::fs::{FsError, FsResult};
use crate::ops::{assets, folders, trail};
use crate::types::FileName;

impl Mount {
    #[expect(clippy::too_many_arguments, reason = "all of them are who, from where and to where of one call")]
    pub(super) fn move_folder(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        entry: &EntryRow,
        node: &NodeRow,
        folder: &NodeRow,
        there: Option<EntryRow>,
        new_name: &FileName,
    ) -> FsResult<()> {
        self.may_move(tx, m.who, node)?;
        if in_inbox(tx, folder.id)? != in_inbox(tx, entry.parent)? {
            return Err(FsError::CrossDevice("folders stay in library/ or in the inbox"));
        }
        if folders::ancestors(tx, folder.id)?.contains(&node.id) {
            return Err(FsError::Invalid("a folder cannot be moved into itself"));
        }
        if let Some(there) = there {
            let Some(dst) = tx.node(there.node)? else { return Err(FsError::NotFound) };
            if dst.kind != NodeKind::Dir {
                return Err(FsError::NotDir);
            }
            if tx.has_entries(dst.id)? {
                return Err(FsError::NotEmpty);
            }
            trail::at(tx, &m.maker.hand(), "remove", (&dst, &there), json!({}))?;
            assets::unlink_entry(tx, &there, m.maker.now)?;
            tx.remove_node(dst.id)?;
        }
        self.move_only(tx, m, (node, entry), folder.id, new_name)
    }
}
