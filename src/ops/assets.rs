//! The beginnings and ends of assets: a new record, the trash, and back.

use damfs_policy::workflow::DRAFT;
use serde_json::json;

use super::folders::{self, Maker};
use super::record::Hand;
use super::trail::{self, Origin};
use super::{Library, OpsError, follow, mapped, names, record, rules, stages, tunnels, verdicts};
use crate::catalog::{
    Asset, AssetState, CatalogError, ChangeKind, Counter, EntryRow, NodeClass, NodeRow, ReadTx, Trashed, TunnelHow,
    TunnelRow, WriteTx, view_stem,
};
use crate::types::{AssetId, FileName, NodeId, Timestamp};

/// A record for bytes that have just arrived: provisional until its first version.
///
/// # Errors
/// When the catalogue fails.
pub fn draft(
    tx: &dyn ReadTx,
    id: AssetId,
    ordinal: u64,
    name: &FileName,
    node: NodeId,
    maker: &Maker,
) -> Result<Asset, CatalogError> {
    let owner_name = match maker.member {
        Some(member) => tx.member(member)?.map(|m| m.name).unwrap_or_default(),
        None => String::new(),
    };
    let blank = record::blank(id, maker.now);
    let mut asset = Asset { ordinal, node: Some(node), owner: maker.member, owner_name, ..blank };
    names::name_after(tx, &mut asset, name, ordinal)?;
    Ok(asset)
}

/// Makes the asset of a node that has a name in a folder: the folder's rules apply. Returns the record as stored.
///
/// # Errors
/// When the catalogue fails.
pub fn adopt(
    tx: &mut dyn WriteTx,
    library: &Library,
    node: &mut NodeRow,
    entry: &EntryRow,
    maker: &Maker,
    origin: &Origin<'_>,
) -> Result<Asset, OpsError> {
    let ordinal = tx.next(Counter::Asset)?;
    let mut asset = draft(tx, library.new_asset_id()?, ordinal, &entry.name, node.id, maker)?;
    rules::apply_rules(tx, &mut asset, entry.parent, &maker.hand())?;
    node.class = NodeClass::Asset;
    node.asset = Some(asset.id);
    tx.put_node(node)?;
    mapped::absorb(tx, &mut asset, node.id, &library.gate.glossary())?;
    stages::enter(library, tx, &mut asset, DRAFT, &[], &maker.hand())?;
    tx.put_asset(&asset)?;
    names::mark_namesake(tx, &asset)?;
    let detail = origin.detail(tx, &asset, entry)?;
    trail::asset(tx, &maker.hand(), "create", asset.id, &detail)?;
    library.version_committed(tx, &mut asset, node)?;
    tx.change(ChangeKind::Node, &node.id.to_string())?;
    tx.change(ChangeKind::Asset, &asset.id.to_string())?;
    Ok(asset)
}

/// Takes a name out of its folder; the folder's times move with it.
///
/// # Errors
/// When the catalogue fails.
pub fn unlink_entry(tx: &mut dyn WriteTx, entry: &EntryRow, now: Timestamp) -> Result<(), CatalogError> {
    tx.remove_entry(entry.id)?;
    tx.change(ChangeKind::Entry, &folders::entry_change_id(entry.parent, &entry.name))?;
    touch_folder(tx, entry.parent, now)
}

/// A folder's content changed.
///
/// # Errors
/// When the catalogue fails.
pub fn touch_folder(tx: &mut dyn WriteTx, folder: NodeId, now: Timestamp) -> Result<(), CatalogError> {
    if let Some(mut row) = tx.node(folder)? {
        row.mtime = now;
        row.ctime = now;
        tx.put_node(&row)?;
        tx.change(ChangeKind::Node, &folder.to_string())?;
    }
    Ok(())
}

/// Who removes, and how.
#[derive(Debug, Clone, Copy)]
pub struct Removal<'a> {
    pub hand: Hand,
    /// The process whose new file may have the asset back.
    pub process: u32,
    pub how: TunnelHow,
    /// The tunnel of the asset's own name, when what goes is a backup name: that one goes on.
    pub kept: Option<&'a TunnelRow>,
}

/// Puts an asset in the trash: its name goes, bytes and record stay, and for 15 seconds the name brings it back.
///
/// # Errors
/// When the catalogue fails.
pub fn trash(
    tx: &mut dyn WriteTx,
    library: &Library,
    asset: &mut Asset,
    entry: &EntryRow,
    node: &NodeRow,
    removal: &Removal<'_>,
) -> Result<(), OpsError> {
    tunnels::leave_views(tx, asset.id)?;
    match removal.kept {
        Some(own) => tx.put_tunnel(&TunnelRow { how: removal.how, ..own.clone() })?,
        None => tunnels::remember(
            tx,
            library,
            &TunnelRow {
                parent: entry.parent,
                name: entry.name.clone(),
                asset: asset.id,
                node: node.id,
                process: removal.process,
                member: removal.hand.by,
                at: removal.hand.now,
                how: removal.how,
                taken: Vec::new(),
            },
        )?,
    }
    unlink_entry(tx, entry, removal.hand.now)?;
    asset.state = AssetState::Trashed;
    asset.trashed = Some(Trashed {
        at: removal.hand.now,
        parent: entry.parent,
        name: entry.name.as_bytes().to_vec(),
        by: removal.hand.by,
        with: None,
    });
    asset.changed = removal.hand.now;
    tx.put_asset(asset)?;
    tx.change(ChangeKind::Asset, &asset.id.to_string())?;
    let detail = json!({ "name": asset.view_name, "path": trail::path(tx, entry)? });
    Ok(trail::asset(tx, &removal.hand, "trash", asset.id, &detail)?)
}

/// Takes an asset out of the trash and gives it a name, which its record follows.
///
/// # Errors
/// When the name is taken, or the catalogue fails.
pub fn restore(
    tx: &mut dyn WriteTx,
    library: &Library,
    asset: &mut Asset,
    parent: NodeId,
    name: &FileName,
    hand: &Hand,
) -> Result<(), CatalogError> {
    let Some(node) = asset.node else {
        return Err(CatalogError::Constraint(format!("the bytes of asset {} were purged", asset.id)));
    };
    forget_tunnels(tx, asset.id)?;
    names::take_turn(tx, asset)?;
    let old = asset.trashed.take().and_then(|trashed| FileName::new(trashed.name).ok());
    asset.state = AssetState::Active;
    asset.changed = hand.now;
    tx.put_asset(asset)?;
    if let Some(old) = &old {
        renamed(tx, library, asset, (old, name), hand)?;
    }
    let entry = folders::link(tx, parent, name, node, hand.now)?;
    tx.change(ChangeKind::Asset, &asset.id.to_string())?;
    let detail = json!({ "name": asset.view_name, "path": trail::path(tx, &entry)? });
    trail::asset(tx, hand, "restore", asset.id, &detail)?;
    match old {
        Some(old) => follow::come_back(tx, library, asset.id, &old, (parent, name), hand),
        None => Ok(()),
    }
}

/// No name brings this asset back any more.
///
/// # Errors
/// When the catalogue fails.
pub fn forget_tunnels(tx: &mut dyn WriteTx, asset: AssetId) -> Result<(), CatalogError> {
    for tunnel in tx.tunnels_of(asset)? {
        tx.remove_tunnel(tunnel.parent, &tunnel.name)?;
    }
    Ok(())
}

/// A record that never had a version goes for good.
///
/// # Errors
/// When the catalogue fails, or it has versions.
pub fn discard(tx: &mut dyn WriteTx, asset: &Asset) -> Result<(), CatalogError> {
    forget_tunnels(tx, asset.id)?;
    tx.remove_asset(asset.id)?;
    names::left_stem(tx, view_stem(&asset.view_name), asset.id)
}

/// Where an asset's next bytes come from.
#[derive(Debug, Clone, Copy)]
pub enum Next<'a> {
    /// They are being written under its own name.
    Written,
    /// A file that had this name.
    Renamed(&'a EntryRow),
    /// Its own version of that number.
    Version(u32),
}

/// A save: an asset gets the node of a new file, which has its name by now. The old node loses its part; its extended attributes stay with
/// the asset. A version follows when the new node settles; bytes that are committed already are one at once.
///
/// # Errors
/// When the catalogue fails.
pub fn rebind(
    tx: &mut dyn WriteTx,
    library: &Library,
    asset: &mut Asset,
    node: &mut NodeRow,
    hand: &Hand,
    next: Next<'_>,
) -> Result<(), OpsError> {
    let before = asset.clone();
    let old = asset.node.filter(|old| *old != node.id);
    let mut detail = json!({ "path": folders::path_of(tx, node.id)? });
    let what = match next {
        Next::Written => "save",
        Next::Renamed(from) => {
            detail["from"] = trail::path(tx, from)?.into();
            "save"
        }
        Next::Version(n) => {
            detail["version"] = n.into();
            "restore"
        }
    };
    if let Some(provisional) = node.asset.filter(|id| *id != asset.id) {
        let row = NodeRow { asset: None, class: NodeClass::Scratch, ..node.clone() };
        tx.put_node(&row)?;
        drop_provisional(tx, provisional, asset, hand)?;
        detail["was"] = provisional.to_string().into();
    }
    trail::asset(tx, hand, what, asset.id, &detail)?;
    if let Some(old) = old {
        for (name, value) in tx.xattrs(old)? {
            if tx.xattr(node.id, &name)?.is_none() {
                tx.set_xattr(node.id, &name, &value)?;
            }
        }
    }
    node.class = NodeClass::Asset;
    node.asset = Some(asset.id);
    node.ctime = hand.now;
    tx.put_node(node)?;
    mapped::absorb(tx, asset, node.id, &library.gate.glossary())?;
    // What the file brought along was there when nobody asked.
    verdicts::doubt_on_record(library, tx, &before, asset, hand)?;
    asset.node = Some(node.id);
    let was = if asset.state == AssetState::Trashed {
        names::take_turn(tx, asset)?;
        asset.state = AssetState::Active;
        asset.trashed.take()
    } else {
        None
    };
    asset.changed = hand.now;
    forget_tunnels(tx, asset.id)?;
    tx.put_asset(asset)?;
    library.version_committed(tx, asset, node)?;
    tx.change(ChangeKind::Asset, &asset.id.to_string())?;
    tx.change(ChangeKind::Node, &node.id.to_string())?;
    if let Some(old) = old {
        release_node(tx, library, old, asset.id)?;
    }
    let was = was.and_then(|was| FileName::new(was.name).ok());
    if let Some((was, entry)) = was.zip(folders::entry_of(tx, node.id)?) {
        follow::come_back(tx, library, asset.id, &was, (entry.parent, &entry.name), hand)?;
    }
    Ok(())
}

/// The record of a file that turned out to be another asset's next version: facets it was given go along, the rest is dropped.
/// One that had a version of its own stays, as one whose file was purged: its bytes are the heir's now.
fn drop_provisional(tx: &mut dyn WriteTx, id: AssetId, heir: &mut Asset, hand: &Hand) -> Result<(), CatalogError> {
    let Some(mut old) = tx.asset(id)? else { return Ok(()) };
    heir.tags.extend(old.tags.iter().cloned());
    if old.head.is_none() {
        heir.notes = heir.notes.take().or_else(|| old.notes.clone());
        heir.stars = heir.stars.or(old.stars);
        for (name, text) in &old.properties {
            heir.properties.entry(name.clone()).or_insert_with(|| text.clone());
        }
        discard(tx, &old)?;
        // It may have been the last namesake.
        heir.marked_name = tx.asset(heir.id)?.and_then(|heir| heir.marked_name);
        return Ok(());
    }
    old.node = None;
    old.state = AssetState::Trashed;
    old.trashed = Some(Trashed {
        at: heir.changed,
        parent: NodeId::LIBRARY,
        name: old.view_name.as_bytes().to_vec(),
        by: hand.by,
        with: None,
    });
    old.named = None;
    old.changed = heir.changed;
    forget_tunnels(tx, id)?;
    tx.put_asset(&old)?;
    tx.change(ChangeKind::Asset, &id.to_string())?;
    trail::asset(tx, hand, "trash", id, &json!({ "name": old.view_name }))
}

/// A node that an asset has left: kept as a backup while it has a name, gone otherwise.
fn release_node(tx: &mut dyn WriteTx, library: &Library, node: NodeId, asset: AssetId) -> Result<(), CatalogError> {
    let Some(mut row) = tx.node(node)? else { return Ok(()) };
    if !tx.names_of(node)?.is_empty() {
        row.class = NodeClass::Aside;
        row.asset = Some(asset);
        tx.put_node(&row)?;
        return tx.change(ChangeKind::Node, &node.to_string());
    }
    drop_if_nameless(tx, library, node)
}

/// Removes a node that is no asset's once its last name is gone; for those who have it open it stays until they close it.
///
/// # Errors
/// When the catalogue fails.
pub fn drop_if_nameless(tx: &mut dyn WriteTx, library: &Library, node: NodeId) -> Result<(), CatalogError> {
    if !tx.names_of(node)?.is_empty() {
        return Ok(());
    }
    if !library.live.get(node).is_some_and(|file| file.lose_name()) {
        return tx.remove_node(node);
    }
    let Some(mut row) = tx.node(node)? else { return Ok(()) };
    row.class = NodeClass::Local;
    row.asset = None;
    tx.put_node(&row)?;
    tx.change(ChangeKind::Node, &node.to_string())
}

/// [`follow_name`], whoever gives the name: approvals that a word of the new name throws into doubt are asked anew.
///
/// # Errors
/// When the catalogue fails.
pub fn renamed(
    tx: &mut dyn WriteTx,
    library: &Library,
    asset: &mut Asset,
    (old, new): (&FileName, &FileName),
    hand: &Hand,
) -> Result<(), CatalogError> {
    let before = asset.clone();
    follow_name(tx, asset, old, new, hand.now)?;
    let named = asset.clone();
    verdicts::doubt_on_record(library, tx, &before, asset, hand)?;
    if *asset != named { tx.put_asset(asset) } else { Ok(()) }
}

/// The record follows its file's new name; moving between folders changes nothing.
///
/// # Errors
/// When the catalogue fails.
pub fn follow_name(
    tx: &mut dyn WriteTx,
    asset: &mut Asset,
    old: &FileName,
    new: &FileName,
    now: Timestamp,
) -> Result<(), CatalogError> {
    if old == new {
        return Ok(());
    }
    asset.changed = now;
    names::rename(tx, asset, new)?;
    tx.change(ChangeKind::Asset, &asset.id.to_string())
}
