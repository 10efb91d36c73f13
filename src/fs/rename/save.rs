//! Saving by renaming: whose bytes a new file's are, and how long an old name leads back.

use super::Mover;
use crate::catalog::{Asset, ChangeKind, EntryRow, NodeClass, NodeRow, ReadTx, TunnelHow, TunnelRow, WriteTx};
use crate::fs::FsResult;
use crate::fs::mount::Mount;
use crate::ops::assets::{self, Next};
use crate::ops::{folders, tunnels};
use crate::types::Caller;
use crate::view::identity::is_fresh;

impl Mount {
    /// The asset of a node as the rules of saving see it.
    pub(in crate::fs) fn asset_for(tx: &dyn ReadTx, node: &NodeRow) -> FsResult<Option<Asset>> {
        match node.asset.filter(|_| node.class == NodeClass::Asset) {
            Some(id) => Ok(tx.asset(id)?),
            None => Ok(None),
        }
    }

    /// Whether a file was made for this save: not published yet, or made minutes ago by the same program and given nothing by a person.
    pub(in crate::fs) fn is_fresh(&self, node: &NodeRow, asset: &Asset, caller: &Caller) -> bool {
        let same = caller.process != 0 && node.made_by_process == caller.process;
        let touched = !(asset.tags.is_empty()
            && asset.personas.is_empty()
            && asset.campaigns.is_empty()
            && asset.status.is_empty()
            && asset.rating.is_none()
            && asset.stars.is_none()
            && asset.notes.is_none());
        // What is saved has a new node; the asset is no newer for that.
        let made_at = node.made_at.min(asset.imported);
        is_fresh(asset.head.is_some(), made_at, self.library.clock.now(), same, touched)
    }

    /// The save: the asset at the destination gets the source's bytes and keeps everything else.
    pub(super) fn next_version(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        entry: &EntryRow,
        node: &mut NodeRow,
        there: &EntryRow,
        dst: &mut Asset,
    ) -> FsResult<()> {
        self.library.view_copies.remove(node.id);
        assets::unlink_entry(tx, entry, m.maker.now)?;
        tx.repoint_entry(there.id, node.id)?;
        tx.change(ChangeKind::Entry, &folders::entry_change_id(there.parent, &there.name))?;
        assets::touch_folder(tx, there.parent, m.maker.now)?;
        Ok(assets::rebind(tx, &self.library, dst, node, &m.maker.hand(), Next::Renamed(entry))?)
    }

    /// For a while the name that a file leaves leads back to its asset.
    pub(super) fn tunnel(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        entry: &EntryRow,
        node: &NodeRow,
        how: TunnelHow,
    ) -> FsResult<()> {
        let Some(asset) = node.asset else { return Ok(()) };
        let tunnel = TunnelRow {
            parent: entry.parent,
            name: entry.name.clone(),
            asset,
            node: node.id,
            process: m.caller.process,
            member: Some(m.who.id),
            at: m.maker.now,
            how,
            taken: Vec::new(),
        };
        Ok(tunnels::remember(tx, &self.library, &tunnel)?)
    }
}
