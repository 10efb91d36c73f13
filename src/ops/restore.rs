//! Bringing back: an earlier version as the next one, a removed asset out of the trash.

use std::sync::Arc;

use damfs_policy::Verb;
use serde_json::{Value, json};

use super::assets::{self, Next};
use super::history::numbered;
use super::target::{self, Knows};
use super::versions::moved_on;
use super::{Actor, Library, OpsError, bin, folders, inbox, tunnels};
use crate::catalog::{Asset, ChangeKind, Counter, NodeClass, NodeRow, WriteTx};
use crate::types::{FileName, NodeId};

/// Where an asset goes that is taken out of the trash; else to where it was.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// A folder below `library/`, made when it is missing.
    pub into: Option<String>,
    /// A file name.
    pub name: Option<String>,
}

/// Brings one thing back: `dam restore`.
///
/// # Errors
/// [`OpsError::NotFound`], [`OpsError::Unknown`] for a version that is not there, [`OpsError::Refused`] for who may not edit the asset,
/// [`OpsError::Usage`] when there is nothing to bring back, [`OpsError::Failed`] when the file is in use or the name taken.
pub fn restore(
    library: &Arc<Library>,
    actor: &Actor,
    name: &str,
    version: Option<u32>,
    place: &Place,
) -> Result<Value, OpsError> {
    let found = library.catalog.read(|tx| target::find(library, actor, tx, name))?;
    let trashed = found.asset.trashed.is_some();
    let named = found.version.map(|version| version.n);
    match version.or(named) {
        Some(n) if named.is_some_and(|named| named != n) => {
            Err(OpsError::usage(format!("`{name}` is not version {n}"), "give the one or the other"))
        }
        Some(_) if trashed => {
            Err(OpsError::usage(format!("`{name}` is in the trash"), "take it out first, without --version"))
        }
        Some(_) if place.into.is_some() || place.name.is_some() => Err(OpsError::usage(
            "a version comes back to where its asset is",
            "--into and --as are for what lies in the trash",
        )),
        Some(n) => next_version(library, actor, &found.asset, n, name),
        None if trashed => library.catalog.write(|tx| from_trash(library, actor, tx, &found.asset, place, name)),
        None => Err(OpsError::usage(
            format!("`{name}` is not in the trash"),
            format!("an earlier version: dam restore --version N {name}; which there are: dam versions {name}"),
        )),
    }
}

/// An earlier version becomes the next one. What is written to the file by then is a version before that.
fn next_version(library: &Arc<Library>, actor: &Actor, asset: &Asset, n: u32, name: &str) -> Result<Value, OpsError> {
    actor.must(library, Verb::Edit, asset, name)?;
    if let Some(node) = asset.node {
        library.settle_node(node)?;
    }
    let (_, path, made) = library.catalog.write(|tx| save(library, actor, tx, asset, n, name))?;
    Ok(json!({
        "id": asset.id.to_string(),
        "path": path,
        "restored": n,
        "version": made,
    }))
}

/// What a save of a version made: the asset, its path, and the version's number, unless its bytes are those that the asset has.
pub(super) type Saved = (Asset, Option<String>, Option<u32>);

/// As a program does that saves by rename: a new file takes the name, so that who reads the old one reads it to its end.
///
/// # Errors
/// As [`restore`]; nothing was changed then.
pub(super) fn save(
    library: &Library,
    actor: &Actor,
    tx: &mut dyn WriteTx,
    asset: &Asset,
    n: u32,
    name: &str,
) -> Result<Saved, OpsError> {
    let missing = || OpsError::NotFound(name.to_owned());
    let mut asset = tx.asset(asset.id)?.ok_or_else(missing)?;
    actor.must(library, Verb::Edit, &asset, name)?;
    let versions = tx.versions(asset.id)?;
    let wanted = numbered(&versions, n, name)?;
    let entry = asset.node.map(|node| folders::entry_of(tx, node)).transpose()?.flatten().ok_or_else(missing)?;
    let old = tx.node(entry.node)?.ok_or_else(missing)?;
    if old.staged || library.live.get(old.id).is_some_and(|file| file.has_writers()) {
        return Err(OpsError::failed(
            format!("`{name}` is being written"),
            "close it in the program that has it open, then run the command again",
        ));
    }
    let path = folders::path_of(tx, old.id)?;
    let last = versions.last().unwrap_or(wanted);
    if last.content == wanted.content {
        return Ok((asset, path, None));
    }
    let now = library.clock.now();
    let mut node = NodeRow {
        id: NodeId(tx.next(Counter::Node)?),
        class: NodeClass::Plain,
        size: wanted.size,
        atime: now,
        mtime: moved_on(last, wanted.size, now),
        ctime: now,
        content: Some(wanted.content),
        asset: None,
        owner: Some(actor.member.id),
        made_by_process: 0,
        made_at: now,
        mtime_set: false,
        ..old
    };
    tx.put_node(&node)?;
    tx.repoint_entry(entry.id, node.id)?;
    tx.change(ChangeKind::Entry, &folders::entry_change_id(entry.parent, &entry.name))?;
    assets::touch_folder(tx, entry.parent, now)?;
    assets::rebind(tx, library, &mut asset, &mut node, &actor.hand(now), Next::Version(n))?;
    let made = asset.head.map(|head| tx.version(head)).transpose()?.flatten();
    Ok((asset, path, made.map(|version| version.n)))
}

/// Out of the trash, with everything that is known of it.
fn from_trash(
    library: &Library,
    actor: &Actor,
    tx: &mut dyn WriteTx,
    asset: &Asset,
    place: &Place,
    name: &str,
) -> Result<Value, OpsError> {
    let gone = || OpsError::NotFound(name.to_owned());
    let mut asset = tx.asset(asset.id)?.ok_or_else(gone)?;
    actor.must(library, Verb::Edit, &asset, name)?;
    let was = asset.trashed.clone().ok_or_else(gone)?;
    let Some(node) = asset.node else {
        return Err(OpsError::failed(
            format!("`{name}` was removed for good"),
            "its record is what is left: dam show shows it",
        ));
    };
    let now = library.clock.now();
    let parent = match &place.into {
        Some(folder) => chosen(library, actor, tx, folder)?,
        None => tunnels::home(tx, &asset, was.parent, now)?,
    };
    let wanted = match &place.name {
        Some(name) => FileName::try_from(name.as_str())?,
        None => FileName::new(was.name)?,
    };
    let free = inbox::free_name(tx, parent, &wanted)?;
    if place.name.is_some() && free != wanted {
        return Err(OpsError::failed(format!("`{wanted}` is taken there"), "choose another name with --as"));
    }
    bin::leave(tx, library, node, now)?;
    assets::restore(tx, library, &mut asset, parent, &free, &actor.hand(now))?;
    Ok(json!({
        "id": asset.id.to_string(),
        "path": folders::path_of_asset(tx, &asset)?,
        "restored": "trash",
        "taken": free != wanted,
        "folder_gone": place.into.is_none() && parent != was.parent,
    }))
}

/// The folder that was asked for, made when it is missing. One that the caller may not know of is not there.
fn chosen(library: &Library, actor: &Actor, tx: &mut dyn WriteTx, folder: &str) -> Result<NodeId, OpsError> {
    let mut at = NodeId::LIBRARY;
    for part in folders::parts(folder)? {
        let Some(entry) = tx.entry(at, &part)? else { break };
        let node = tx.node(entry.node)?;
        let known = node.map(|node| target::knows(&library.gate, tx, actor.who(), &node)).transpose()?;
        if matches!(known, None | Some(Knows::No)) {
            return Err(OpsError::NotFound(folder.to_owned()));
        }
        at = entry.node;
    }
    folders::ensure_folder(tx, folder, &actor.maker(library.clock.now()))
}
