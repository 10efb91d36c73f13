//! Into the trash by renaming over, and out of it by moving.

use serde_json::json;

use super::Mover;
use crate::catalog::{Asset, EntryRow, NodeRow, TunnelHow, WriteTx};
use crate::fs::create::in_inbox;
use crate::fs::mount::Mount;
use crate::fs::{FsError, FsResult};
use crate::ops::assets::{self, Removal};
use crate::ops::{bin, names, trail};
use crate::policy::Verb;
use crate::types::FileName;

impl Mount {
    /// Moved out of the trash an asset is back.
    pub(super) fn restore(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        asset: &mut Asset,
        folder: &NodeRow,
        name: &FileName,
    ) -> FsResult<()> {
        if in_inbox(tx, folder.id)? {
            return Err(FsError::NotPermitted("move it into library/ to restore it".into()));
        }
        self.may(m.who, Verb::Edit, asset)?;
        if tx.entry(folder.id, name)?.is_some() {
            return Err(FsError::Exists);
        }
        if let Some(node) = asset.node {
            bin::leave(tx, &self.library, node, m.maker.now)?;
        }
        Ok(assets::restore(tx, &self.library, asset, folder.id, name, &m.maker.hand())?)
    }

    /// A name is to be taken by something else: an asset goes to the trash, anything else is gone.
    pub(super) fn clear_name(&self, tx: &mut dyn WriteTx, m: &Mover<'_>, there: &EntryRow) -> FsResult<()> {
        let node = self.occupant(tx, m.who, there)?;
        if let Some(asset) = Self::held(tx, there, &node)? {
            self.may(m.who, Verb::Edit, &asset)?;
            return Ok(assets::unlink_entry(tx, there, m.maker.now)?);
        }
        if Self::asset_for(tx, &node)?.is_some() {
            return self.replace(tx, m, there);
        }
        self.may_node(tx, m.who, Verb::Edit, &node)?;
        trail::at(tx, &m.maker.hand(), "remove", (&node, there), json!({}))?;
        assets::unlink_entry(tx, there, m.maker.now)?;
        Ok(assets::drop_if_nameless(tx, &self.library, there.node)?)
    }

    /// One established file is moved over another: the other goes to the trash, or for good when nothing is lost with it.
    pub(super) fn replace(&self, tx: &mut dyn WriteTx, m: &Mover<'_>, there: &EntryRow) -> FsResult<()> {
        let Some(node) = tx.node(there.node)? else { return Err(FsError::NotFound) };
        let Some(mut asset) = Self::asset_for(tx, &node)? else { return self.clear_name(tx, m, there) };
        if !self.is_worth_keeping(&node, &asset, m.caller) {
            self.may(m.who, Verb::Edit, &asset)?;
            return self.drop_provisional(tx, &m.maker.hand(), (&node, there), &asset);
        }
        self.may(m.who, Verb::Delete, &asset)?;
        let (hand, process) = (m.maker.hand(), m.caller.process);
        let removal = Removal { hand, process, how: TunnelHow::Moved, kept: None };
        assets::trash(tx, &self.library, &mut asset, there, &node, &removal)?;
        assets::forget_tunnels(tx, asset.id)?;
        Ok(names::let_go(tx, asset.id)?)
    }
}
