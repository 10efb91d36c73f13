//! Writing what another mount has just written: neither loses anything (`ops::rivals`).

use std::sync::atomic::Ordering;

use super::handles::OpenFile;
use super::mount::{Mount, Place};
use super::{FsError, FsResult};
use crate::access::Who;
use crate::catalog::NodeRow;
use crate::ops::live::{LiveError, Writer};
use crate::ops::live_table::LiveHandle;
use crate::types::{AssetId, FileName, MemberId, NodeId, VersionId};
use crate::view::tree::Item;

/// A version that was made of what another mount had written, and whose node its bytes were.
pub(super) struct Parted {
    pub(super) version: VersionId,
    asset: AssetId,
    node: NodeId,
}

impl Mount {
    /// Who writes through this mount.
    pub(super) fn writer(&self, member: MemberId) -> Writer {
        Writer { member, mount: self.number }
    }

    /// Before a handle writes.
    pub(super) fn begin(&self, file: &OpenFile) -> FsResult<()> {
        let first = !file.began.swap(true, Ordering::Relaxed);
        match file.live.rival(self.number) {
            None => Ok(()),
            // Both go on at a time: their bytes mix, as those of two programs do.
            Some(true) if !first => Ok(()),
            Some(_) => self.part(&file.live, file.by, !first || file.live.generation() != file.generation),
        }
    }

    /// Makes a version of what another mount has written, if it has. It is listed as a conflict when the other still writes, or when the
    /// one who writes now has not seen it.
    pub(super) fn part(&self, file: &LiveHandle, by: Writer, unseen: bool) -> FsResult<()> {
        let Some(writes) = file.rival(self.number) else { return Ok(()) };
        match self.library.part(file)? {
            Some(version) if writes || unseen => Ok(self.library.note_rival(version, by)?),
            _ => Ok(()),
        }
    }

    /// Before a name goes to other bytes: the same of the file that has it.
    pub(super) fn part_name(&self, who: &Who, place: &Place, name: &FileName) -> FsResult<Option<Parted>> {
        if self.library.has_one_mount() {
            return Ok(None);
        }
        let node = self.library.catalog.read(|tx| -> FsResult<Option<NodeRow>> {
            let id = match place {
                Place::Folder(folder) => tx.entry(folder.id, name)?.map(|entry| entry.node),
                Place::View(dir) => match self.in_view(tx, who, dir, name) {
                    Ok(super::mount::Found::Item(Item::Asset(asset))) => asset.node,
                    _ => None,
                },
            };
            let rival = |id: &NodeId| self.library.live.get(*id).is_some_and(|file| file.rival(self.number).is_some());
            Ok(id.filter(rival).map(|id| tx.node(id)).transpose()?.flatten())
        })?;
        let Some((node, asset)) = node.and_then(|node| Some((node.id, node.asset?))) else { return Ok(None) };
        let version = match self.library.live.open(&self.library, node, None) {
            Ok(file) => self.library.part(&file)?,
            Err(LiveError::Gone(_)) => None,
            Err(e) => return Err(e.into()),
        };
        Ok(version.map(|version| Parted { version, asset, node }))
    }

    /// Behind a rename: other bytes are the asset's now, so the version is listed as a conflict.
    pub(super) fn note_parted(&self, who: &Who, parted: &Parted) -> FsResult<()> {
        let asset = self.library.catalog.read(|tx| tx.asset(parted.asset))?.ok_or(FsError::NotFound)?;
        if asset.trashed.is_none() && asset.node.is_some_and(|node| node != parted.node) {
            self.library.note_rival(parted.version, self.writer(who.id))?;
        }
        Ok(())
    }
}
