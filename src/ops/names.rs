//! Who goes by which name in views: every change of that, and what it does to namesakes.

use super::folders;
use crate::catalog::{Asset, AssetState, CatalogError, ChangeKind, Counter, ReadTx, WriteTx, view_stem};
use crate::types::{AssetId, FileName};
use crate::view::naming;

/// Names a record after its file. Once it is stored, [`mark_namesake`].
///
/// # Errors
/// When the catalogue fails.
pub(super) fn name_after(tx: &dyn ReadTx, asset: &mut Asset, file: &FileName, turn: u64) -> Result<(), CatalogError> {
    (asset.view_name, asset.marked_name) = naming::names(tx, file, asset.id)?;
    asset.named = Some(turn);
    Ok(())
}

/// A stored asset has another id: its marked name comes from that.
///
/// # Errors
/// When the catalogue fails.
pub(super) fn name_anew(tx: &dyn ReadTx, asset: &mut Asset) -> Result<(), CatalogError> {
    let entry = asset.node.map(|node| folders::entry_of(tx, node)).transpose()?.flatten();
    if let Some(entry) = entry {
        (asset.view_name, asset.marked_name) = naming::names(tx, &entry.name, asset.id)?;
    }
    Ok(())
}

/// A namesake that had its stem for itself until this asset came needs a marked name as well.
///
/// # Errors
/// When the catalogue fails.
pub(super) fn mark_namesake(tx: &mut dyn WriteTx, asset: &Asset) -> Result<(), CatalogError> {
    if asset.marked_name.is_none() {
        return Ok(());
    }
    let other = tx.namesake(view_stem(&asset.view_name), asset.id)?;
    let Some(mut other) = other.filter(|other| other.marked_name.is_none()) else { return Ok(()) };
    other.marked_name = Some(naming::marked_name(tx, &other.view_name, other.id)?);
    tx.put_asset(&other)?;
    tx.change(ChangeKind::Asset, &other.id.to_string())
}

/// Stores a record under its file's new name. With another stem it comes behind all that are named so already.
///
/// # Errors
/// When the catalogue fails.
pub(super) fn rename(tx: &mut dyn WriteTx, asset: &mut Asset, file: &FileName) -> Result<(), CatalogError> {
    let left = view_stem(&asset.view_name).to_owned();
    (asset.view_name, asset.marked_name) = naming::names(tx, file, asset.id)?;
    let moved = view_stem(&asset.view_name) != left;
    if moved {
        asset.named = Some(tx.next(Counter::Asset)?);
    }
    tx.put_asset(asset)?;
    mark_namesake(tx, asset)?;
    if moved { left_stem(tx, &left, asset.id) } else { Ok(()) }
}

/// An asset has left a stem: the last one that has it needs no marked name any more. The feed says of one for all namesakes that they may
/// have other names.
///
/// # Errors
/// When the catalogue fails.
pub(super) fn left_stem(tx: &mut dyn WriteTx, stem: &str, id: AssetId) -> Result<(), CatalogError> {
    let Some(mut other) = tx.namesake(stem, id)? else { return Ok(()) };
    if view_stem(&other.view_name) == stem && tx.namesake(stem, other.id)?.is_none() {
        other.marked_name = None;
        tx.put_asset(&other)?;
    }
    tx.change(ChangeKind::Asset, &other.id.to_string())
}

/// An asset comes back from the trash: one that had let go of its name comes behind all that are named so by now.
///
/// # Errors
/// When the catalogue fails.
pub(super) fn take_turn(tx: &mut dyn WriteTx, asset: &mut Asset) -> Result<(), CatalogError> {
    if asset.named.is_none() {
        asset.named = Some(tx.next(Counter::Asset)?);
    }
    Ok(())
}

/// An asset in the trash that no tunnel brings back lets go of its name: whoever comes goes first.
///
/// # Errors
/// When the catalogue fails.
pub fn let_go(tx: &mut dyn WriteTx, id: AssetId) -> Result<(), CatalogError> {
    let trashed = tx.asset(id)?.filter(|asset| asset.state == AssetState::Trashed && asset.named.is_some());
    let Some(mut asset) = trashed else { return Ok(()) };
    if !tx.tunnels_of(id)?.is_empty() {
        return Ok(());
    }
    asset.named = None;
    tx.put_asset(&asset)?;
    tx.change(ChangeKind::Asset, &id.to_string())
}
