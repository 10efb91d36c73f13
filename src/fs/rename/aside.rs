//! Names that are set aside in a view: the library's name does not move, only this view hides it until it comes back. Until then the backup name
//! is one more name of the asset's file, local to the view.

use super::Mover;
use crate::catalog::{Asset, EntryRow, NodeClass, NodeRow, ReadTx, TunnelHow, WriteTx};
use crate::fs::create::{ensure_local, is_for_assets};
use crate::fs::mount::{Found, Mount, Place};
use crate::fs::{FsError, FsResult};
use crate::ops::{folders, tunnels};
use crate::policy::Verb;
use crate::types::FileName;
use crate::view::class::classify;
use crate::view::tree::{Dir, Item, path_of};

use super::After;

impl Mount {
    /// An asset's name is set aside.
    pub(super) fn aside_in_view(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        (asset, node): (&Asset, &NodeRow),
        dir: &Dir,
        name: &FileName,
        new_name: &FileName,
    ) -> FsResult<After> {
        let local = ensure_local(tx, dir, &m.maker)?;
        if let Some(there) = tx.entry(local, new_name)? {
            if m.no_replace {
                return Err(FsError::Exists);
            }
            self.clear_name(tx, m, &there)?;
        }
        folders::link(tx, local, new_name, node.id, m.maker.now)?;
        let (by, at) = ((m.who.as_ref(), m.caller), (dir, name));
        self.tunnel_in_view(tx, by, at, asset, TunnelHow::AsideInView, Vec::new())?;
        Ok(After::Nothing)
    }

    /// The asset whose name is set aside, when what is renamed is its backup name in a view.
    pub(super) fn held(tx: &dyn ReadTx, entry: &EntryRow, node: &NodeRow) -> FsResult<Option<Asset>> {
        if node.class != NodeClass::Asset || folders::entry_of(tx, node.id)?.is_none_or(|home| home.id == entry.id) {
            return Ok(None);
        }
        Ok(node.asset.map(|id| tx.asset(id)).transpose()?.flatten())
    }

    /// A backup name gets another one of its kind.
    pub(super) fn move_held(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        (entry, asset): (&EntryRow, &Asset),
        new_name: &FileName,
    ) -> FsResult<()> {
        self.may(m.who, Verb::Edit, asset)?;
        if let Some(there) = tx.entry(entry.parent, new_name)? {
            if m.no_replace {
                return Err(FsError::Exists);
            }
            self.clear_name(tx, m, &there)?;
        }
        self.move_entry(tx, m, entry, entry.parent, new_name, entry.node).map(drop)
    }

    /// Moved to any other name, the asset itself moves: nothing is set aside any more. Returns the name that the view shows, unless that is where
    /// it goes.
    pub(super) fn take_up(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        asset: &Asset,
        to: &Place,
        new_name: &FileName,
    ) -> FsResult<Option<FileName>> {
        self.may(m.who, Verb::Edit, asset)?;
        tunnels::leave_views(tx, asset.id)?;
        if let Place::View(dir) = to
            && let Ok(Found::Item(Item::Asset(there))) = self.in_view(tx, m.who, dir, new_name)
            && there.id == asset.id
        {
            return Ok(None);
        }
        Ok(Some(FileName::new(self.tree(tx, m.who).name_of(asset)?)?))
    }
}

/// Whether a rename stays among the backup names of one view.
pub(super) fn stays_aside(from: &Place, to: &Place, new_name: &FileName) -> bool {
    is_same(from, to) && !is_for_assets(classify(new_name))
}

/// Whether both are one view.
pub(super) fn is_same(from: &Place, to: &Place) -> bool {
    let (Place::View(from), Place::View(to)) = (from, to) else { return false };
    path_of(from) == path_of(to)
}
