//! From what a person typed to the asset it means.

use super::{OpsError, folders};
use crate::catalog::{Asset, NodeClass, NodeKind, ReadTx};
use crate::types::AssetId;

/// The asset that a target means: an id, or a path below `library/`. Whether the caller may list it is the gate's question.
///
/// # Errors
/// [`OpsError::NotFound`], or [`OpsError::Usage`] for a folder.
pub fn asset(tx: &dyn ReadTx, target: &str) -> Result<Asset, OpsError> {
    let missing = || OpsError::NotFound(target.to_owned());
    if let Ok(id) = target.parse::<AssetId>() {
        return tx.asset(id)?.ok_or_else(missing);
    }
    let Ok(parts) = folders::parts(target) else { return Err(missing()) };
    if parts.is_empty() {
        return Err(folder(target));
    }
    let node = folders::resolve(tx, target)?.ok_or_else(missing)?;
    match (node.kind, node.asset) {
        (NodeKind::Dir, _) => Err(folder(target)),
        (_, Some(id)) => tx.asset(id)?.filter(|a| a.node == Some(node.id)).ok_or_else(missing),
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

fn folder(target: &str) -> OpsError {
    OpsError::usage(format!("`{target}` is a folder; this needs assets"), "give files; `dam find EXPR` lists them")
}
