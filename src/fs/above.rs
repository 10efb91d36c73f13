//! What lies above a directory: what `..` is the number of.

use super::FsResult;
use super::inodes::ROOT;
use super::mount::{Mount, Place};
use crate::catalog::ReadTx;
use crate::ops::folders;
use crate::types::{AssetId, NodeId};
use crate::view::tree::{self, Dir};

impl Mount {
    /// The number of the directory above.
    pub(super) fn above(&self, place: &Place) -> FsResult<u64> {
        self.library.catalog.read(|tx| {
            let path = match place {
                Place::Folder(folder) => {
                    return Ok(folder_above(tx, folder.id)?.map_or(ROOT, |above| self.inodes.node(above)));
                }
                Place::View(dir) => path_above(tx, dir)?,
            };
            Ok(if path.is_empty() { ROOT } else { self.inodes.directory(&path) })
        })
    }
}

fn folder_above(tx: &dyn ReadTx, folder: NodeId) -> FsResult<Option<NodeId>> {
    Ok(tx.names_of(folder)?.first().map(|entry| entry.parent))
}

/// The canonical path of the virtual directory above another.
fn path_above(tx: &dyn ReadTx, dir: &Dir) -> FsResult<String> {
    let mirrored = |folder: NodeId, mirror: fn(NodeId) -> Dir| -> FsResult<Option<Dir>> {
        Ok(folder_above(tx, folder)?.map(mirror))
    };
    let above = match dir {
        Dir::VersionsTree(folder) => mirrored(*folder, Dir::VersionsTree)?,
        Dir::RecordsTree(folder) => mirrored(*folder, Dir::RecordsTree)?,
        Dir::WhyTree(folder) => mirrored(*folder, Dir::WhyTree)?,
        Dir::VersionsOf(asset) => Some(Dir::VersionsTree(home(tx, *asset)?)),
        _ => None,
    };
    let path = tree::path_of(above.as_ref().unwrap_or(dir));
    Ok(match above {
        Some(_) => path,
        None => path.rsplit_once('/').map_or_else(String::new, |(above, _)| above.to_owned()),
    })
}

/// The folder that an asset lies in.
fn home(tx: &dyn ReadTx, asset: AssetId) -> FsResult<NodeId> {
    let node = tx.asset(asset)?.and_then(|asset| asset.node);
    let entry = node.map(|node| folders::entry_of(tx, node)).transpose()?.flatten();
    Ok(entry.map_or(NodeId::LIBRARY, |entry| entry.parent))
}
