//! Renaming: the call in which saves, moves, tagging and restoring all arrive. What it means is decided by `view::identity` from
//! names, ages and who made what; here that meaning is carried out in one transaction.

mod aside;
mod bin;
mod files;
mod folders;
mod save;
mod trash;
mod values;
mod views;

use std::ffi::OsStr;
use std::sync::Arc;

use self::aside::{is_same, stays_aside};
use self::views::{Values, home};
use super::mount::{Found, Mount, Place, local_folder};
use super::writable::refuse_place;
use super::{FsError, FsResult};
use crate::access::Who;
use crate::catalog::{Asset, ChangeKind, EntryRow, NodeClass, NodeKind, NodeRow, ReadTx, WriteTx};
use crate::ops::folders::{Maker, link};
use crate::ops::{assets, trail};
use crate::policy::Field;
use crate::types::{AssetId, Caller, FileName, NodeId};
use crate::view::tree::saved::Saved;
use crate::view::tree::{Dir, Item};

/// What is being renamed.
enum Source {
    /// Something with an entry of its own: in a folder, or local to a view.
    Entry(EntryRow, Box<NodeRow>),
    /// An asset as a view shows it.
    Shown(Box<Asset>),
    /// An asset in the trash.
    Trashed(Box<Asset>),
    /// The directory of a value.
    Value(Field, String),
    /// A saved query.
    Saved(Box<Saved>),
}

/// Who renames, once for the whole call.
struct Mover<'a> {
    who: &'a Arc<Who>,
    caller: &'a Caller,
    maker: Maker,
    no_replace: bool,
}

/// What has to be done outside the transaction.
enum After {
    Nothing,
    /// A view's directory is another now.
    Moved {
        was: Option<Box<Dir>>,
        is: Option<Box<Dir>>,
    },
    Retag {
        asset: AssetId,
        left: Values,
        add: Values,
    },
}

impl Mount {
    /// Renames.
    ///
    /// # Errors
    /// With a sentence for every refusal.
    pub fn rename(
        &self,
        caller: &Caller,
        parent: u64,
        name: &OsStr,
        new_parent: u64,
        new_name: &OsStr,
        no_replace: bool,
    ) -> FsResult<()> {
        let who = self.who(caller)?;
        let mover = Mover { who: &who, caller, maker: self.maker(&who, caller), no_replace };
        let moved = || self.with_reserve(|| self.rename_as(&mover, parent, name, new_parent, new_name));
        let result = Self::may_alter(&who).and_then(|()| moved());
        self.explain(&who, "rename", result)
    }

    fn rename_as(&self, m: &Mover<'_>, parent: u64, name: &OsStr, new_parent: u64, new_name: &OsStr) -> FsResult<()> {
        let (name, new_name) = (FileName::try_from(name)?, FileName::try_from(new_name)?);
        let (from, to) = self.library.catalog.read(|tx| -> FsResult<(Place, Place)> {
            Ok((self.place(tx, m.who, parent)?, self.place(tx, m.who, new_parent)?))
        })?;
        self.part_name(m.who, &from, &name)?;
        let parted = self.part_name(m.who, &to, &new_name)?;
        let after = self.library.catalog.write(|tx| -> FsResult<After> {
            let mut source = self.source(tx, m, &from, &name, &to)?;
            let mut name = name.clone();
            if is_same(&from, &to) && name == new_name {
                return Ok(After::Nothing);
            }
            if let Source::Entry(entry, node) = &source
                && !matches!(&to, Place::View(Dir::Bin(_)))
                && let Some(asset) = Self::held(tx, entry, node)?
            {
                if stays_aside(&from, &to, &new_name) {
                    self.move_held(tx, m, (entry, &asset), &new_name)?;
                    return Ok(After::Nothing);
                }
                let Some(shown) = self.take_up(tx, m, &asset, &to, &new_name)? else { return Ok(After::Nothing) };
                (source, name) = (Source::Shown(Box::new(asset)), shown);
            }
            match (source, &to) {
                (source, Place::View(dir @ Dir::Bin(bin))) => {
                    self.move_into_bin(tx, m, source, (&from, &name), (dir, bin.part, &new_name))?;
                    Ok(After::Nothing)
                }
                (Source::Value(field, value), to) => {
                    let was = self.directory(tx, m.who, &from, &name)?;
                    self.rename_value(tx, m, (&field, &value), to, &new_name)?;
                    Ok(After::Moved { was, is: self.directory(tx, m.who, to, &new_name)? })
                }
                (Source::Saved(saved), Place::View(Dir::Saved)) => {
                    let was = self.directory(tx, m.who, &from, &name)?;
                    self.rename_saved(tx, (m.who, m.caller), &saved, &new_name, m.no_replace)?;
                    Ok(After::Moved { was, is: self.directory(tx, m.who, &to, &new_name)? })
                }
                (Source::Saved(_), _) => Err(FsError::NotPermitted("a saved query stays in saved/".into())),
                (Source::Trashed(mut asset), Place::Folder(folder)) => {
                    self.restore(tx, m, &mut asset, folder, &new_name)?;
                    Ok(After::Nothing)
                }
                (Source::Trashed(_), Place::View(_)) => {
                    Err(FsError::NotPermitted("move it into library/ to restore it, then tag it".into()))
                }
                (Source::Entry(entry, node), Place::Folder(folder))
                    if node.class == NodeClass::Local && node.kind == NodeKind::Dir =>
                {
                    self.folder_from_bin(tx, m, &entry, *node, folder, &new_name)?;
                    Ok(After::Nothing)
                }
                (Source::Entry(entry, node), Place::Folder(folder)) => {
                    self.within_tree(tx, m, entry, *node, folder, &new_name)?;
                    Ok(After::Nothing)
                }
                (Source::Entry(entry, node), Place::View(dir)) => {
                    self.move_into_view(tx, m, entry, *node, dir, &new_name)
                }
                (Source::Shown(asset), Place::Folder(folder)) => {
                    let (entry, node) = home(tx, &asset)?;
                    self.within_tree(tx, m, entry, node, folder, &new_name)?;
                    Ok(After::Nothing)
                }
                (Source::Shown(asset), Place::View(dir)) => {
                    let Place::View(old) = &from else { return Err(FsError::NotFound) };
                    self.between_views(tx, m, *asset, old, &name, dir, &new_name)
                }
            }
        })?;
        if let Some(parted) = parted {
            self.note_parted(m.who, &parted)?;
        }
        match after {
            After::Nothing => Ok(()),
            After::Moved { was, is } => {
                if let (Some(was), Some(is)) = (was, is) {
                    self.inodes.follow(&was, *is);
                }
                Ok(())
            }
            After::Retag { asset, left, add } => self.retag(m.who, m.caller, asset, &left, &add),
        }
    }

    /// The view's directory under a name.
    fn directory(&self, tx: &dyn ReadTx, who: &Who, place: &Place, name: &FileName) -> FsResult<Option<Box<Dir>>> {
        let Place::View(dir) = place else { return Ok(None) };
        Ok(match self.tree(tx, who).child(dir, name)? {
            Some(Item::Dir(dir)) => Some(Box::new(dir)),
            _ => None,
        })
    }

    fn source(&self, tx: &dyn ReadTx, m: &Mover<'_>, from: &Place, name: &FileName, to: &Place) -> FsResult<Source> {
        match from {
            Place::Folder(folder) => {
                let entry = tx.entry(folder.id, name)?.ok_or(FsError::NotFound)?;
                let node = tx.node(entry.node)?.ok_or(FsError::NotFound)?;
                let (node, _) = self.known(tx, m.who, node)?;
                Ok(Source::Entry(entry, Box::new(node)))
            }
            Place::View(dir) => {
                if let Some(local) = local_folder(tx, dir)?
                    && let Some(entry) = tx.entry(local, name)?
                {
                    let node = tx.node(entry.node)?.ok_or(FsError::NotFound)?;
                    return Ok(match self.binned(tx, m.who, dir, &node)? {
                        Some(Item::Trashed(asset)) => Source::Trashed(Box::new(asset)),
                        Some(_) => Source::Entry(entry, Box::new(node)),
                        None => Source::Entry(entry, Box::new(self.known(tx, m.who, node)?.0)),
                    });
                }
                match self.tree(tx, m.who).child(dir, name)? {
                    Some(Item::Asset(asset)) => Ok(Source::Shown(Box::new(asset))),
                    Some(Item::Trashed(asset)) => Ok(Source::Trashed(Box::new(asset))),
                    // `mv` copies then, which is what is meant.
                    Some(_) if matches!(to, Place::Folder(_)) && is_copied(dir) => {
                        Err(FsError::CrossDevice("what damfs made or keeps is copied, not moved"))
                    }
                    Some(Item::Dir(_)) if *dir == Dir::Saved => {
                        Ok(Source::Saved(Box::new(self.saved_as(tx, m.who, name)?)))
                    }
                    Some(Item::Dir(_)) if matches!(dir, Dir::By | Dir::Field(_) | Dir::Query(_) | Dir::Find) => {
                        values::of_directory(dir, name)
                    }
                    Some(_) => Err(refuse_place(dir)),
                    None => match self.in_view(tx, m.who, dir, name)? {
                        Found::Item(Item::Asset(asset)) => Ok(Source::Shown(Box::new(asset))),
                        _ => Err(FsError::NotFound),
                    },
                }
            }
        }
    }

    /// Gives a node another name, and no part in anything but that. Returns the name.
    fn move_entry(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        entry: &EntryRow,
        folder: NodeId,
        name: &FileName,
        node: NodeId,
    ) -> FsResult<EntryRow> {
        assets::unlink_entry(tx, entry, m.maker.now)?;
        let to = link(tx, folder, name, node, m.maker.now)?;
        // Who gives a copy in a view another place wants the copy.
        self.library.view_copies.remove(node);
        if let Some(mut row) = tx.node(node)? {
            row.ctime = m.maker.now;
            tx.put_node(&row)?;
            tx.change(ChangeKind::Node, &node.to_string())?;
        }
        Ok(to)
    }

    /// As [`Mount::move_entry`], with the audit row of a rename that is nothing else.
    fn move_only(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        (node, entry): (&NodeRow, &EntryRow),
        folder: NodeId,
        name: &FileName,
    ) -> FsResult<()> {
        let to = self.move_entry(tx, m, entry, folder, name, node.id)?;
        Ok(trail::moved(tx, &m.maker.hand(), (node, entry), (node, &to))?)
    }
}

/// Whether what a directory shows, directories too, is made or kept by damfs for people to copy.
fn is_copied(dir: &Dir) -> bool {
    matches!(
        dir,
        Dir::Platforms
            | Dir::Platform(_)
            | Dir::Placement(..)
            | Dir::VersionsTree(_)
            | Dir::VersionsOf(_)
            | Dir::RecordsTree(_)
    )
}
