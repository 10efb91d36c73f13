//! What lies in a desktop's trash: assets of `trash/` under the names that the desktop gave them, and its own notes.

use super::create::ensure_local;
use super::mount::Mount;
use super::{FsError, FsResult};
use crate::access::Who;
use crate::catalog::{Asset, NodeClass, NodeRow, ReadTx, WriteTx};
use crate::ops::folders::{self, Maker};
use crate::policy::Verb;
use crate::types::{Caller, FileName};
use crate::view::bin::{Bin, BinPart};
use crate::view::tree::Dir;

/// The trashed asset that a local file of a directory stands for; none outside a desktop's trash.
pub(super) fn binned(tx: &dyn ReadTx, dir: &Dir, node: &NodeRow) -> FsResult<Option<Asset>> {
    match (dir, node.asset) {
        (Dir::Bin(_), Some(id)) if node.class == NodeClass::Asset => Ok(tx.asset(id)?),
        _ => Ok(None),
    }
}

/// Whether it is for a desktop's own files.
pub(super) fn takes_notes(bin: &Bin) -> bool {
    matches!(bin.part, BinPart::Top | BinPart::Info)
}

impl Mount {
    /// A note of the desktop's: a local file, whatever it is called.
    #[expect(clippy::too_many_arguments, reason = "all of them are who, where and what of one call")]
    pub(super) fn new_note(
        &self,
        tx: &mut dyn WriteTx,
        who: &Who,
        caller: &Caller,
        maker: &Maker,
        dir: &Dir,
        name: &FileName,
        mode: u32,
    ) -> FsResult<NodeRow> {
        Self::may_work(who)?;
        let folder = ensure_local(tx, dir, maker)?;
        if tx.entry(folder, name)?.is_some() {
            return Err(FsError::Exists);
        }
        let mut node = self.fresh_file(tx, caller, maker, mode)?;
        node.class = NodeClass::Local;
        tx.put_node(&node)?;
        folders::link(tx, folder, name, node.id, maker.now)?;
        Ok(node)
    }

    /// Whether he may let go of bytes before their time.
    pub(super) fn may_purge(who: &Who) -> FsResult<()> {
        if who.subject.allows_everything(Verb::Admin) {
            return Ok(());
        }
        Err(FsError::NotPermitted("the trash empties itself; only an admin removes from it".into()))
    }
}
