//! What lies in a desktop's trash: assets of `trash/` under the names that the desktop gave them, and its own notes.

use serde_json::json;

use super::create::ensure_local;
use super::mount::Mount;
use super::{FsError, FsResult};
use crate::access::Who;
use crate::catalog::{EntryRow, NodeClass, NodeKind, NodeRow, ReadTx, WriteTx};
use crate::ops::folders::{self, Maker};
use crate::ops::record::Hand;
use crate::ops::{assets, bin, retention, trail};
use crate::policy::Verb;
use crate::types::{Caller, FileName};
use crate::view::bin::{Bin, BinPart};
use crate::view::tree::{Dir, Item};

/// Whether it is for a desktop's own files.
pub(super) fn takes_notes(bin: &Bin) -> bool {
    matches!(bin.part, BinPart::Top | BinPart::Info)
}

impl Mount {
    /// What a local name of a directory stands for beyond itself: in a desktop's trash a trashed asset, or a closed folder.
    pub(super) fn binned(&self, tx: &dyn ReadTx, who: &Who, dir: &Dir, node: &NodeRow) -> FsResult<Option<Item>> {
        let Dir::Bin(bin) = dir else { return Ok(None) };
        if node.kind == NodeKind::Dir {
            return Ok(Some(Item::Dir(Dir::Bin(bin.part(BinPart::Folder(node.id))))));
        }
        match Self::asset_for(tx, node)? {
            Some(asset) if !self.library.gate.allows(who, Verb::List, &asset) => Err(FsError::NotFound),
            asset => Ok(asset.map(Item::Trashed)),
        }
    }

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

    /// A trashed folder goes for good with everything in it, which takes an admin; an empty one by whose it is.
    pub(super) fn purge_folder(&self, tx: &mut dyn WriteTx, who: &Who, hand: &Hand, entry: &EntryRow) -> FsResult<()> {
        let folder = tx.node(entry.node)?.filter(|node| node.kind == NodeKind::Dir).ok_or(FsError::NotDir)?;
        let below = folders::below(tx, folder.id)?;
        if !below.is_empty() {
            Self::may_purge(who)?;
        }
        for (entry, node) in below.iter().rev() {
            if let Some(asset) = Self::asset_for(tx, node)? {
                retention::purge(tx, &self.library, hand, asset.id)?;
                continue;
            }
            trail::at(tx, hand, "remove", (node, entry), json!({}))?;
            assets::unlink_entry(tx, entry, hand.now)?;
            match node.kind {
                NodeKind::Dir => tx.remove_node(node.id)?,
                _ => assets::drop_if_nameless(tx, &self.library, node.id)?,
            }
        }
        trail::at(tx, hand, "remove", (&folder, entry), json!({}))?;
        bin::leave(tx, &self.library, folder.id, hand.now)?;
        Ok(tx.remove_node(folder.id)?)
    }
}
