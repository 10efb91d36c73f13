//! Into a desktop's trash, and about in it. Out of it is out of `trash/`.

use super::files::local_class;
use super::views::home;
use super::{Mover, Source};
use crate::catalog::{ChangeKind, EntryRow, NodeClass, NodeKind, NodeRow, TunnelHow, WriteTx};
use crate::fs::create::{ensure_local, in_inbox};
use crate::fs::mount::{Mount, Place, local_folder};
use crate::fs::writable::refuse_place;
use crate::fs::{FsError, FsResult};
use crate::ops::{assets, bin, folders, trail};
use crate::policy::Verb;
use crate::types::{FileName, NodeId};
use crate::view::bin::BinPart;
use crate::view::class::classify;
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
                let whole = match &source {
                    Source::Entry(_, node) => node.kind == NodeKind::Dir,
                    _ => true,
                };
                if part == BinPart::Expunged && whole {
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
            return self.folder_to_bin(tx, m, entry, node, dir, name);
        }
        let to = free(tx, m, dir, name)?;
        if let Some(asset) = Self::asset_for(tx, &node)? {
            // What a view sets aside has its own name in the library still.
            let (entry, node) = home(tx, &asset)?;
            self.trash_as(tx, m, &entry, to, name)?;
            // A hint that brings nothing back: what lies beside the name goes along when it ends.
            return self.tunnel(tx, m, &entry, &node, TunnelHow::Moved);
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

    /// An asset goes to the trash and has a name there.
    fn trash_as(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        entry: &EntryRow,
        folder: NodeId,
        name: &FileName,
    ) -> FsResult<()> {
        self.replace(tx, m, entry)?;
        self.library.view_copies.remove(entry.node);
        bin::leave(tx, &self.library, entry.node, m.maker.now)?;
        folders::link(tx, folder, name, entry.node, m.maker.now)?;
        Ok(())
    }

    /// A folder goes with everything in it, each asset by its own right, or not at all.
    fn folder_to_bin(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        entry: &EntryRow,
        node: NodeRow,
        dir: &Dir,
        name: &FileName,
    ) -> FsResult<()> {
        self.may_move(tx, m.who, &node)?;
        if in_inbox(tx, entry.parent)? {
            return Err(FsError::CrossDevice("what waits in the inbox is trashed file by file"));
        }
        let to = free(tx, m, dir, name)?;
        for (entry, inner) in folders::below(tx, node.id)? {
            if Self::asset_for(tx, &inner)?.is_some() {
                self.trash_as(tx, m, &entry, entry.parent, &entry.name).map_err(|e| match e {
                    FsError::NotFound => {
                        FsError::denied(Verb::Delete, node.id, "not everything in this folder is yours to delete")
                    }
                    e => e,
                })?;
                continue;
            }
            if inner.kind != NodeKind::Dir {
                self.may_node(tx, m.who, Verb::Edit, &inner)?;
            }
            if inner.kind == NodeKind::Dir || inner.class == NodeClass::Scratch {
                tx.put_node(&NodeRow { class: NodeClass::Local, ..inner })?;
            }
        }
        tx.put_node(&NodeRow { class: NodeClass::Local, ..node.clone() })?;
        self.move_only(tx, m, (&node, entry), to, name)
    }

    /// A trashed folder comes back with what is still in it.
    pub(super) fn folder_from_bin(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        entry: &EntryRow,
        node: NodeRow,
        folder: &NodeRow,
        name: &FileName,
    ) -> FsResult<()> {
        Self::may_work(m.who)?;
        if in_inbox(tx, folder.id)? {
            return Err(FsError::NotPermitted("move it into library/ to restore it".into()));
        }
        if tx.entry(folder.id, name)?.is_some() {
            return Err(FsError::Exists);
        }
        let now = m.maker.now;
        bin::leave(tx, &self.library, node.id, now)?;
        let to = folders::link(tx, folder.id, name, node.id, now)?;
        let open = NodeRow { class: NodeClass::Plain, ctime: now, ..node };
        tx.put_node(&open)?;
        for (entry, inner) in folders::below(tx, open.id)? {
            if let Some(mut asset) = Self::asset_for(tx, &inner)? {
                self.may(m.who, Verb::Edit, &asset)?;
                bin::leave(tx, &self.library, inner.id, now)?;
                assets::restore(tx, &self.library, &mut asset, entry.parent, &entry.name, &m.maker.hand())?;
            } else if inner.class == NodeClass::Local {
                let class = if inner.kind == NodeKind::Dir {
                    NodeClass::Plain
                } else {
                    local_class(classify(&entry.name), inner.class)
                };
                tx.put_node(&NodeRow { class, ..inner })?;
            }
        }
        tx.change(ChangeKind::Node, &open.id.to_string())?;
        Ok(trail::moved(tx, &m.maker.hand(), (&open, entry), (&open, &to))?)
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
