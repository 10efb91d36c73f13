//! From what a person typed to the asset it means, and what a member may know of the tree.

use super::{Actor, Library, OpsError, folders, history};
use crate::access::{Gate, Who};
use crate::catalog::{Asset, CatalogError, NodeClass, NodeKind, NodeRow, ReadTx, VersionRow};
use crate::policy::Verb;
use crate::types::{AssetId, FileName, NodeId};
use crate::view::tree::{self, Dir, Item, Tree};

/// Whether a member may know of a node.
#[derive(Debug)]
pub enum Knows {
    /// It is not there for him.
    No,
    /// He may; with its asset when deciding took it.
    Yes(Option<Box<Asset>>),
}

/// Whether a member may know of a node: what is of an asset as the gate says of that asset, a folder by what it holds or who made it, a
/// local file when it is his own. Who lists everything knows them all.
///
/// # Errors
/// When the catalogue fails.
pub fn knows(gate: &Gate, tx: &dyn ReadTx, who: &Who, node: &NodeRow) -> Result<Knows, CatalogError> {
    if who.subject.allows_everything(Verb::List) {
        return Ok(Knows::Yes(None));
    }
    if let Some(id) = node.asset {
        return Ok(match tx.asset(id)? {
            Some(asset) if gate.allows(who, Verb::List, &asset) => Knows::Yes(Some(Box::new(asset))),
            _ => Knows::No,
        });
    }
    let visible = match node.kind {
        NodeKind::Dir => node.id == NodeId::INBOX || tree::folder_visible(tx, &who.subject, Some(who.id), node.id)?,
        _ => node.owner == Some(who.id),
    };
    Ok(if visible { Knows::Yes(None) } else { Knows::No })
}

/// The asset that a path below `platforms/` speaks of, whether it is shown there or not.
fn exported(tx: &dyn ReadTx, who: &Who, target: &str) -> Result<Option<Asset>, CatalogError> {
    let parts: Vec<&str> = target.split('/').collect();
    let ["platforms", platform, placement, name] = parts[..] else { return Ok(None) };
    let placement = who.subject.platforms().get(platform, placement);
    match placement.and_then(|placement| tree::export_stem(placement, name)) {
        Some(stem) => Tree::new(tx, &who.subject, Some(who.id)).with_stem(stem),
        None => Ok(None),
    }
}

/// What a target means: an asset, or one version of it.
#[derive(Debug)]
pub struct Found {
    pub asset: Asset,
    /// When it is a path of one below `versions/`.
    pub version: Option<VersionRow>,
}

impl From<Asset> for Found {
    fn from(asset: Asset) -> Self {
        Self { asset, version: None }
    }
}

/// What a path below `versions/` or `trash/` shows.
fn shown(tx: &dyn ReadTx, who: &Who, target: &str) -> Result<Option<Item>, CatalogError> {
    let tree = Tree::new(tx, &who.subject, Some(who.id));
    let mut item = Item::Dir(Dir::Root);
    for part in target.split('/').filter(|part| !part.is_empty()) {
        let (Item::Dir(dir), Ok(name)) = (&item, FileName::try_from(part)) else { return Ok(None) };
        match tree.child(dir, &name)? {
            Some(child) => item = child,
            None => return Ok(None),
        }
    }
    Ok(Some(item))
}

/// Why a name below `versions/` of an asset shows nothing, when it is a version's number.
fn no_version(tx: &dyn ReadTx, who: &Who, target: &str) -> Result<Option<OpsError>, CatalogError> {
    let Some((dir, name)) = target.rsplit_once('/') else { return Ok(None) };
    let n = name.split('.').next().and_then(|n| n.parse().ok());
    match (shown(tx, who, dir)?, n) {
        (Some(Item::Dir(Dir::VersionsOf(id))), Some(n)) => Ok(history::numbered(&tx.versions(id)?, n, dir).err()),
        _ => Ok(None),
    }
}

/// The asset that a path below `library/` leads to.
fn placed(library: &Library, actor: &Actor, tx: &dyn ReadTx, path: &[u8]) -> Result<Option<Asset>, OpsError> {
    let target = &*String::from_utf8_lossy(path);
    let Ok(parts) = folders::parts(path) else { return Ok(None) };
    if parts.is_empty() {
        return Err(folder(target));
    }
    let Some(node) = folders::node_at(tx, &parts)? else { return Ok(None) };
    if matches!(knows(&library.gate, tx, actor.who(), &node)?, Knows::No) {
        return Ok(None);
    }
    match (node.kind, node.asset.filter(|_| node.class == NodeClass::Asset)) {
        (NodeKind::Dir, _) => Err(folder(target)),
        (_, Some(id)) => Ok(tx.asset(id)?.filter(|a| a.node == Some(node.id))),
        (_, None) => Err(OpsError::usage(
            format!("`{target}` is a local file, not an asset"),
            match node.class {
                NodeClass::Scratch => "it becomes one ten minutes after its last close, when it is still there",
                NodeClass::Inbox => "it becomes one when it is filed",
                _ => "lock, backup and system files, links and pipes never become one",
            },
        )),
    }
}

/// What a target means: an id, or a path below `library/`, `platforms/`, `versions/` or `trash/`.
///
/// # Errors
/// [`OpsError::NotFound`], also for what the caller may not list; [`OpsError::Usage`] for a folder or a local file that he may.
pub fn find(library: &Library, actor: &Actor, tx: &dyn ReadTx, target: &str) -> Result<Found, OpsError> {
    let missing = || OpsError::NotFound(target.to_owned());
    let asset = |found: Option<Asset>| found.map(Found::from).ok_or_else(missing);
    let found = if let Ok(id) = target.parse::<AssetId>() {
        asset(tx.asset(id)?)?
    } else if let Some(export) = exported(tx, actor.who(), target)? {
        export.into()
    } else if matches!(target.split('/').next(), Some("versions" | "trash")) {
        match shown(tx, actor.who(), target)? {
            Some(Item::Version(asset, version)) => Found { asset, version: Some(version) },
            Some(Item::Trashed(asset)) => asset.into(),
            Some(Item::Dir(Dir::VersionsOf(id))) => asset(tx.asset(id)?)?,
            Some(Item::Dir(_)) => return Err(folder(target)),
            _ => return Err(no_version(tx, actor.who(), target)?.unwrap_or_else(missing)),
        }
    } else {
        asset(placed(library, actor, tx, target.as_bytes())?)?
    };
    actor.must(library, Verb::List, &found.asset, target)?;
    Ok(found)
}

/// The asset that a target means.
///
/// # Errors
/// As [`find`].
pub fn asset(library: &Library, actor: &Actor, tx: &dyn ReadTx, target: &str) -> Result<Asset, OpsError> {
    Ok(find(library, actor, tx, target)?.asset)
}

/// As [`asset`], also of names that are no text, which a path below `library/` may hold.
///
/// # Errors
/// As [`find`].
pub fn asset_at(library: &Library, actor: &Actor, tx: &dyn ReadTx, target: &[u8]) -> Result<Asset, OpsError> {
    if let Ok(text) = std::str::from_utf8(target) {
        return asset(library, actor, tx, text);
    }
    let name = String::from_utf8_lossy(target).into_owned();
    let asset = placed(library, actor, tx, target)?.ok_or_else(|| OpsError::NotFound(name.clone()))?;
    actor.must(library, Verb::List, &asset, &name)?;
    Ok(asset)
}

fn folder(target: &str) -> OpsError {
    OpsError::usage(format!("`{target}` is a folder; this needs assets"), "give files; `dam find EXPR` lists them")
}
