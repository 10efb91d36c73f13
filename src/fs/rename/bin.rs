//! Into a desktop's trash, and about in it. Out of it is out of `trash/`.

use super::views::home;
use super::{Mover, Source};
use crate::catalog::{EntryRow, NodeClass, NodeKind, NodeRow, WriteTx};
use crate::fs::create::{ensure_local, refuse_place};
use crate::fs::mount::{Mount, Place, local_folder};
use crate::fs::{FsError, FsResult};
use crate::ops::{bin, folders, trail};
use crate::policy::Verb;
use crate::types::{FileName, NodeId};
use crate::view::bin::BinPart;
use crate::view::tree::Dir;

impl Mount {
    pub(super) fn move_into_bin(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        source: Source,
        (from, name): (&Place, &FileName),
        (dir, part, new_name): (&Dir, BinPart, &FileName),
    ) -> FsResult<()> {
        let old = match from {
            Place::View(Dir::Bin(bin)) => Some(bin.part),
            _ => None,
        };
        match (part, old, source) {
            (BinPart::Files, None, Source::Entry(entry, node)) => self.move_to_bin(tx, m, &entry, *node, dir, new_name),
            (BinPart::Files, None, Source::Shown(asset)) => {
                let (entry, node) = home(tx, &asset)?;
                self.move_to_bin(tx, m, &entry, node, dir, new_name)
            }
            (BinPart::Top | BinPart::Info, Some(BinPart::Top | BinPart::Info), Source::Entry(entry, node))
                if node.kind != NodeKind::Dir =>
            {
                self.move_note(tx, m, &entry, &node, dir, new_name)
            }
            (BinPart::Files | BinPart::Expunged, Some(BinPart::Files), source) => {
                if part == BinPart::Expunged && matches!(source, Source::Trashed(_)) {
                    Self::may_purge(m.who)?;
                }
                self.move_in_bin(tx, m, (from, name), dir, new_name)
            }
            _ => Err(refuse_place(dir)),
        }
    }

    /// Trashes: an asset as any other way of removing it does; a local file waits as it is.
    fn move_to_bin(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        entry: &EntryRow,
        node: NodeRow,
        dir: &Dir,
        name: &FileName,
    ) -> FsResult<()> {
        if node.kind == NodeKind::Dir {
            return Err(FsError::CrossDevice(
                "a folder goes to the trash file by file: delete it (`rm -r`), which trashes",
            ));
        }
        let asset = Self::asset_for(tx, &node)?;
        let to = free(tx, m, dir, name)?;
        if let Some(asset) = asset {
            // What a view sets aside has its own name in the library still.
            let (entry, _) = home(tx, &asset)?;
            self.replace(tx, m, &entry)?;
            self.library.view_copies.remove(node.id);
            bin::leave(tx, &self.library, node.id, m.maker.now)?;
            folders::link(tx, to, name, node.id, m.maker.now)?;
            return Ok(());
        }
        self.may_node(tx, m.who, Verb::Edit, &node)?;
        let to = self.move_entry(tx, m, entry, to, name, node.id)?;
        let mut waits = tx.node(node.id)?.ok_or(FsError::NotFound)?;
        if matches!(waits.class, NodeClass::Scratch | NodeClass::Inbox) {
            waits.class = NodeClass::Local;
            tx.put_node(&waits)?;
        }
        Ok(trail::moved(tx, &m.maker.hand(), (&node, entry), (&waits, &to))?)
    }

    fn move_in_bin(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        (from, name): (&Place, &FileName),
        dir: &Dir,
        new_name: &FileName,
    ) -> FsResult<()> {
        let Place::View(old) = from else { return Err(FsError::NotFound) };
        let there = local_folder(tx, old)?.map(|folder| tx.entry(folder, name)).transpose()?.flatten();
        let entry = there.ok_or(FsError::NotFound)?;
        let to = free(tx, m, dir, new_name)?;
        self.move_entry(tx, m, &entry, to, new_name, entry.node).map(drop)
    }

    /// A desktop writes its notes beside their names and renames them.
    fn move_note(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        entry: &EntryRow,
        node: &NodeRow,
        dir: &Dir,
        name: &FileName,
    ) -> FsResult<()> {
        let to = ensure_local(tx, dir, &m.maker)?;
        if let Some(there) = tx.entry(to, name)? {
            if there.node == node.id {
                return Ok(());
            }
            if m.no_replace {
                return Err(FsError::Exists);
            }
            self.clear_name(tx, m, &there)?;
        }
        self.move_entry(tx, m, entry, to, name, node.id).map(drop)
    }
}

/// The folder of what lies in this part of a trash, where the name is free.
fn free(tx: &mut dyn WriteTx, m: &Mover<'_>, dir: &Dir, name: &FileName) -> FsResult<NodeId> {
    let folder = ensure_local(tx, dir, &m.maker)?;
    match tx.entry(folder, name)? {
        Some(_) => Err(FsError::Exists),
        None => Ok(folder),
    }
}
