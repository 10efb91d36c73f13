//! From what a person typed to the asset it means, and what a member may know of the tree.

use super::{Actor, Library, OpsError, folders};
use crate::access::{Gate, Who};
use crate::catalog::{Asset, CatalogError, NodeClass, NodeKind, NodeRow, ReadTx};
use crate::policy::{Verb, platforms};
use crate::types::{AssetId, NodeId};
use crate::view::tree::{self, Tree};

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
    let placement = platforms::shipped().get(platform, placement);
    match placement.and_then(|placement| tree::export_stem(placement, name)) {
        Some(stem) => Tree::new(tx, &who.subject, Some(who.id)).with_stem(stem),
        None => Ok(None),
    }
}

/// The asset that a target means: an id, a path below `library/`, or an export's.
///
/// # Errors
/// [`OpsError::NotFound`], also for what the caller may not list; [`OpsError::Usage`] for a folder or a local file that he may.
pub fn asset(library: &Library, actor: &Actor, tx: &dyn ReadTx, target: &str) -> Result<Asset, OpsError> {
    let missing = || OpsError::NotFound(target.to_owned());
    let found = if let Ok(id) = target.parse::<AssetId>() {
        tx.asset(id)?.ok_or_else(missing)?
    } else if let Some(asset) = exported(tx, actor.who(), target)? {
        asset
    } else {
        let Ok(parts) = folders::parts(target) else { return Err(missing()) };
        if parts.is_empty() {
            return Err(folder(target));
        }
        let node = folders::resolve(tx, target)?.ok_or_else(missing)?;
        if matches!(knows(&library.gate, tx, actor.who(), &node)?, Knows::No) {
            return Err(missing());
        }
        match (node.kind, node.asset) {
            (NodeKind::Dir, _) => return Err(folder(target)),
            (_, Some(id)) => tx.asset(id)?.filter(|a| a.node == Some(node.id)).ok_or_else(missing)?,
            (_, None) => {
                return Err(OpsError::usage(
                    format!("`{target}` is a local file, not an asset"),
                    match node.class {
                        NodeClass::Scratch => "it becomes one ten minutes after its last close, when it is still there",
                        NodeClass::Inbox => "it becomes one when it is filed",
                        _ => "lock, backup and system files, links and pipes never become one",
                    },
                ));
            }
        }
    };
    actor.must(library, Verb::List, &found, target)?;
    Ok(found)
}

fn folder(target: &str) -> OpsError {
    OpsError::usage(format!("`{target}` is a folder; this needs assets"), "give files; `dam find EXPR` lists them")
}
