//! Names that were set aside or removed: for 15 seconds they bring their asset back, then it is decided for good.

use std::sync::Arc;

use super::folders::{self, Maker};
use super::notices::Notice;
use super::record::Hand;
use super::{Library, OpsError, assets, inbox, names};
use crate::catalog::journal::Cause;
use crate::catalog::{Asset, CatalogError, ChangeKind, NodeKind, ReadTx, TunnelHow, TunnelRow, WriteTx};
use crate::types::{AssetId, NodeId, Timestamp};
use crate::view::identity::{ExpiryMeaning, TUNNEL_MS, is_young, on_tunnel_expired};

impl Library {
    /// Names that did not come back. Each in a transaction of its own: one that cannot work must not keep the others.
    pub(super) fn sweep_tunnels(self: &Arc<Self>) -> Result<(), OpsError> {
        let now = self.clock.now();
        let old = now.plus_ms(-TUNNEL_MS);
        for tunnel in self.catalog.read(|tx| tx.tunnels_before(old))? {
            match self.follow(&tunnel) {
                Err(OpsError::Catalog(e @ (CatalogError::Full | CatalogError::Conflict))) => return Err(e.into()),
                Err(e) => {
                    tracing::error!(asset = %tunnel.asset, error = %e, "what lies beside a file could not go along with it")
                }
                Ok(()) => {}
            }
            let sentence = match self.catalog.write(|tx| expire(tx, self, &tunnel, now)) {
                Ok(None) => continue,
                Ok(Some(sentence)) => sentence,
                Err(OpsError::Catalog(e @ (CatalogError::Full | CatalogError::Conflict))) => return Err(e.into()),
                Err(e) => {
                    tracing::error!(asset = %tunnel.asset, error = %e, "a removed name could not be put back; its asset stays in the trash");
                    self.catalog.write(|tx| {
                        tx.remove_tunnel(tunnel.parent, &tunnel.name)?;
                        names::let_go(tx, tunnel.asset)
                    })?;
                    format!("`{}` could not be put back; it is in the trash", tunnel.name)
                }
            };
            self.notices.add(Notice { at: now, member: tunnel.member, op: "unlink".into(), sentence });
        }
        Ok(())
    }
}

impl Library {
    /// Takes along at once what lies beside names that went away, but for those that were set aside: a save may be on its way.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn follow_all(&self) -> Result<(), OpsError> {
        let soon = self.clock.now().plus_ms(1);
        for tunnel in self.catalog.read(|tx| tx.tunnels_before(soon))? {
            if tunnel.how != TunnelHow::Aside {
                self.follow(&tunnel)?;
            }
        }
        Ok(())
    }
}

/// Does what the end of a tunnel means. Returns a sentence for who removed the name, when it is back.
fn expire(
    tx: &mut dyn WriteTx,
    library: &Library,
    tunnel: &TunnelRow,
    now: Timestamp,
) -> Result<Option<String>, OpsError> {
    // It may have been used since it was listed.
    if tx.tunnel(tunnel.parent, &tunnel.name)?.as_ref() != Some(tunnel) {
        return Ok(None);
    }
    tx.remove_tunnel(tunnel.parent, &tunnel.name)?;
    // In a view the name is shown again from now on.
    tx.change(ChangeKind::Entry, &folders::entry_change_id(tunnel.parent, &tunnel.name))?;
    let Some(asset) = tx.asset(tunnel.asset)? else { return Ok(None) };
    match on_tunnel_expired(tunnel.how, asset.trashed.is_none()) {
        ExpiryMeaning::Drop => Ok(names::let_go(tx, asset.id).map(|()| None)?),
        ExpiryMeaning::ViewBackupsGo => Ok((drop_view_backups(tx, tunnel)? == 0).then(|| {
            format!(
                "`{}` shows in its view again: no file took its name, and it has the view's value as before",
                tunnel.name
            )
        })),
        ExpiryMeaning::PutBack => {
            let at = put_back(tx, library, asset, tunnel, now)?;
            Ok(Some(format!("`{}` was put back at {at}: your role may edit it but not delete it", tunnel.name)))
        }
    }
}

/// In a view the name only seemed to go; its backup names in the view go now. Returns how many there were.
fn drop_view_backups(tx: &mut dyn WriteTx, tunnel: &TunnelRow) -> Result<usize, OpsError> {
    let mut gone = 0;
    for entry in tx.names_of(tunnel.node)? {
        let local = tx.names_of(entry.parent)?.first().is_some_and(|e| e.parent == NodeId::LOCALS);
        if local {
            tx.remove_entry(entry.id)?;
            gone += 1;
        }
    }
    Ok(gone)
}

/// Views in which an asset's name was set aside forget that: it goes to the trash, or somewhere else.
///
/// # Errors
/// When the catalogue fails.
pub fn leave_views(tx: &mut dyn WriteTx, asset: AssetId) -> Result<(), OpsError> {
    for tunnel in tx.tunnels_of(asset)?.into_iter().filter(|tunnel| tunnel.how == TunnelHow::AsideInView) {
        drop_view_backups(tx, &tunnel)?;
        tx.remove_tunnel(tunnel.parent, &tunnel.name)?;
        tx.change(ChangeKind::Entry, &folders::entry_change_id(tunnel.parent, &tunnel.name))?;
    }
    Ok(())
}

/// An asset that was removed by one who may not delete it returns: to its name, to a free one beside it, or to Unsorted when its folder
/// is gone. Returns its path.
fn put_back(
    tx: &mut dyn WriteTx,
    library: &Library,
    mut asset: Asset,
    tunnel: &TunnelRow,
    now: Timestamp,
) -> Result<String, OpsError> {
    let parent = home(tx, &asset, tunnel.parent, now)?;
    let name = inbox::free_name(tx, parent, &tunnel.name)?;
    assets::restore(tx, library, &mut asset, parent, &name, &Hand::own(None, now))?;
    let path = folders::path_of_asset(tx, &asset)?;
    Ok(path.unwrap_or_else(|| name.to_text()))
}

/// Where an asset goes back to: the folder that it was in, or Unsorted when that is gone.
///
/// # Errors
/// When the catalogue fails.
pub(super) fn home(tx: &mut dyn WriteTx, asset: &Asset, was: NodeId, now: Timestamp) -> Result<NodeId, OpsError> {
    let folder = tx.node(was)?.filter(|n| n.kind == NodeKind::Dir);
    if folder.is_some() && folders::ancestors(tx, was)?.last() == Some(&NodeId::LIBRARY) {
        return Ok(was);
    }
    let owner = asset.node.map(|n| tx.node(n)).transpose()?.flatten();
    let (uid, gid) = owner.map_or((0, 0), |n| (n.uid, n.gid));
    inbox::unsorted(tx, &Maker { uid, gid, member: asset.owner, cause: Cause::Unknown, now })
}

/// Remembers that a name goes away, before it does. What waits at that name to be put back is put back now: the new row takes its place.
///
/// # Errors
/// When the catalogue fails.
pub fn remember(tx: &mut dyn WriteTx, library: &Library, tunnel: &TunnelRow) -> Result<(), OpsError> {
    let waiting = tx.tunnel(tunnel.parent, &tunnel.name)?.filter(|old| old.asset != tunnel.asset);
    let displaced = waiting.as_ref().map(|old| old.asset);
    if let Some(old) = waiting.filter(|old| old.how == TunnelHow::RemovedWithoutDelete)
        && let Some(asset) = tx.asset(old.asset)?.filter(|a| a.trashed.is_some())
    {
        put_back(tx, library, asset, &old, tunnel.at)?;
    }
    tx.put_tunnel(tunnel)?;
    match displaced {
        Some(asset) => Ok(names::let_go(tx, asset)?),
        None => Ok(()),
    }
}

/// The tunnel through which an asset came to where it is: that of its own name. What happened in views moved no name.
///
/// # Errors
/// When the catalogue fails.
pub fn came_by(tx: &dyn ReadTx, asset: AssetId, now: Timestamp) -> Result<Option<TunnelRow>, CatalogError> {
    let in_view = |how| matches!(how, TunnelHow::AsideInView | TunnelHow::RemovedInView);
    let tunnels = tx.tunnels_of(asset)?.into_iter();
    Ok(tunnels.filter(|t| is_young(t.at, now) && !in_view(t.how)).max_by_key(|t| t.at))
}
