//! Renaming: the call in which saves, moves, tagging and restoring all arrive. What it means is decided by `view::identity` from
//! names, ages and who made what; here that meaning is carried out in one transaction.

use std::ffi::OsStr;
use std::sync::Arc;

use super::create::{ensure_local, folder_name, in_inbox, is_for_assets, library_entry, refuse_place, writable};
use super::mount::{Found, Mount, Place, local_folder};
use super::{FsError, FsResult};
use crate::access::Who;
use crate::catalog::{
    Asset, ChangeKind, EntryRow, NodeClass, NodeKind, NodeRow, ReadTx, TunnelHow, TunnelRow, WriteTx,
};
use crate::ops::assets::{self, Removal};
use crate::ops::folders::{self, Maker};
use crate::ops::{inbox, tunnels};
use crate::policy::{Field, Verb};
use crate::types::{AssetId, Caller, FileName, NodeId};
use crate::view::class::{NameClass, classify, classify_in, is_aside_for};
use crate::view::identity::{DstFacts, RenameFacts, RenameMeaning, is_fresh, on_rename};
use crate::view::tree::{Dir, Item, QueryDir, Tree};

/// What is being renamed.
enum Source {
    /// Something with an entry of its own: in a folder, or local to a view.
    Entry(EntryRow, Box<NodeRow>),
    /// An asset as a view shows it.
    Shown(Box<Asset>),
    /// An asset in the trash.
    Trashed(Box<Asset>),
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
    Retag { asset: AssetId, remove: Values, add: Values },
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
        let result = self.with_reserve(|| self.rename_as(&mover, parent, name, new_parent, new_name));
        self.explain(&who, "rename", result)
    }

    fn rename_as(&self, m: &Mover<'_>, parent: u64, name: &OsStr, new_parent: u64, new_name: &OsStr) -> FsResult<()> {
        let (name, new_name) = (FileName::try_from(name)?, FileName::try_from(new_name)?);
        let (from, to) = self.library.catalog.read(|tx| -> FsResult<(Place, Place)> {
            Ok((self.place(tx, m.who, parent)?, self.place(tx, m.who, new_parent)?))
        })?;
        let after = self.library.catalog.write(|tx| -> FsResult<After> {
            let source = self.source(tx, m, &from, &name, &to)?;
            match (source, &to) {
                (Source::Trashed(mut asset), Place::Folder(folder)) => {
                    self.restore(tx, m, &mut asset, folder, &new_name)?;
                    Ok(After::Nothing)
                }
                (Source::Trashed(_), Place::View(_)) => {
                    Err(FsError::NotPermitted("move it into library/ to restore it, then tag it".into()))
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
        if let After::Retag { asset, remove, add } = after {
            self.retag(m.who, m.caller, asset, &remove, &add)?;
        }
        Ok(())
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
                    let (node, _) = self.known(tx, m.who, node)?;
                    return Ok(Source::Entry(entry, Box::new(node)));
                }
                match Tree::new(tx, &m.who.subject, Some(m.who.id)).child(dir, name)? {
                    Some(Item::Asset(asset)) => Ok(Source::Shown(Box::new(asset))),
                    Some(Item::Trashed(asset)) => Ok(Source::Trashed(Box::new(asset))),
                    Some(Item::Dir(_)) => {
                        Err(FsError::NotPermitted("values are renamed with `dam`; a view's directories stay".into()))
                    }
                    // `mv` copies then, which is what is meant.
                    Some(Item::Version(..) | Item::Export(..) | Item::Record(_)) if matches!(to, Place::Folder(_)) => {
                        Err(FsError::CrossDevice("what damfs made or keeps is copied, not moved"))
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

    fn restore(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        asset: &mut Asset,
        folder: &NodeRow,
        name: &FileName,
    ) -> FsResult<()> {
        if in_inbox(tx, folder.id)? {
            return Err(FsError::NotPermitted("move it into library/ to restore it".into()));
        }
        self.may(m.who, Verb::Edit, asset)?;
        if tx.entry(folder.id, name)?.is_some() {
            return Err(FsError::Exists);
        }
        let old = asset.trashed.as_ref().and_then(|t| FileName::new(&t.name).ok());
        assets::restore(tx, asset, folder.id, name, Some(m.who.id), m.maker.now)?;
        match old {
            Some(old) => Ok(assets::follow_name(tx, asset, &old, name, m.maker.now)?),
            None => Ok(()),
        }
    }

    /// The asset of a node as the rules of saving see it.
    pub(super) fn asset_for(tx: &dyn ReadTx, node: &NodeRow) -> FsResult<Option<Asset>> {
        match node.asset.filter(|_| node.class == NodeClass::Asset) {
            Some(id) => Ok(tx.asset(id)?),
            None => Ok(None),
        }
    }

    /// Between folders of the tree, and from a view into one.
    fn within_tree(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        entry: EntryRow,
        mut node: NodeRow,
        folder: &NodeRow,
        new_name: &FileName,
    ) -> FsResult<()> {
        let there = tx.entry(folder.id, new_name)?;
        if there.as_ref().is_some_and(|t| t.node == node.id) {
            return Ok(());
        }
        let dst_node = there.as_ref().map(|t| self.occupant(tx, m.who, t)).transpose()?;
        if there.is_some() && m.no_replace {
            return Err(FsError::Exists);
        }
        if node.kind == NodeKind::Dir {
            return self.move_folder(tx, m, &entry, &node, folder, there, new_name);
        }
        self.may_node(tx, m.who, Verb::Edit, &node)?;
        let to_inbox = in_inbox(tx, folder.id)?;
        if to_inbox && node.class == NodeClass::Asset {
            return Err(FsError::NotPermitted("assets stay in library/; the inbox takes what is new".into()));
        }
        let asset = Self::asset_for(tx, &node)?;
        if dst_node.as_ref().is_some_and(|d| d.kind == NodeKind::Dir) {
            return Err(FsError::IsDir);
        }
        if let Some(dst) = &dst_node {
            self.may_node(tx, m.who, Verb::Edit, dst)?;
        }
        let dst_asset = dst_node.as_ref().map(|d| Self::asset_for(tx, d)).transpose()?.flatten();
        let tunnel = self.tunnel_for(tx, m.who, folder.id, new_name)?;
        let facts = RenameFacts {
            src_class: node.class,
            src_has_asset: asset.is_some(),
            src_fresh: asset.as_ref().is_none_or(|asset| self.is_fresh(&node, asset, m.caller)),
            dst: dst_node.as_ref().map(|d| DstFacts { class: d.class, has_asset: dst_asset.is_some() }),
            dst_name: classify_in(folder_name(tx, folder.id)?.as_ref(), new_name),
            dst_is_aside: is_aside_for(new_name, &entry.name),
            dst_tunnel: tunnel.as_ref().map(|t| (t.how, m.maker.now.ms_since(t.at))),
        };
        match on_rename(&facts) {
            RenameMeaning::NextVersion => {
                let (Some(there), Some(mut dst)) = (there, dst_asset) else { return Err(FsError::NotFound) };
                self.next_version(tx, m, &entry, &mut node, &there, &mut dst)
            }
            RenameMeaning::ComesBack => {
                let Some(mut back) = tunnel.map(|t| tx.asset(t.asset)).transpose()?.flatten() else {
                    return Err(FsError::NotFound);
                };
                if let Some(there) = &there {
                    self.clear_name(tx, m, there)?;
                }
                assets::unlink_entry(tx, &entry, m.maker.now)?;
                folders::link(tx, folder.id, new_name, node.id, m.maker.now)?;
                Ok(assets::rebind(tx, &self.library, &mut back, &mut node, m.maker.now)?)
            }
            RenameMeaning::MoveAside => {
                if let Some(there) = &there {
                    self.clear_name(tx, m, there)?;
                }
                self.tunnel(tx, m, &entry, &node, TunnelHow::Aside)?;
                self.move_entry(tx, m, &entry, folder.id, new_name, node.id)
            }
            RenameMeaning::Move | RenameMeaning::Replace => {
                if let Some(there) = &there {
                    self.replace(tx, m, there)?;
                }
                if asset.is_some() {
                    self.tunnel(tx, m, &entry, &node, TunnelHow::Moved)?;
                }
                self.move_entry(tx, m, &entry, folder.id, new_name, node.id)?;
                if let Some(mut asset) = asset {
                    assets::follow_name(tx, &mut asset, &entry.name, new_name, m.maker.now)?;
                }
                Ok(())
            }
            RenameMeaning::LocalMove => {
                if let Some(there) = &there {
                    self.clear_name(tx, m, there)?;
                }
                self.move_entry(tx, m, &entry, folder.id, new_name, node.id)?;
                if asset.is_none() && node.kind == NodeKind::File {
                    node.class = local_class(new_name, node.class);
                    tx.put_node(&node)?;
                }
                Ok(())
            }
            RenameMeaning::BecomesAsset => {
                if let Some(there) = &there {
                    self.clear_name(tx, m, there)?;
                }
                self.move_entry(tx, m, &entry, folder.id, new_name, node.id)?;
                if to_inbox {
                    node.class = NodeClass::Inbox;
                    return Ok(tx.put_node(&node)?);
                }
                self.may_create(tx, m.who, &m.maker, folder.id, new_name, &[])?;
                assets::adopt(tx, &self.library, &mut node, new_name, folder.id, &m.maker)?;
                Ok(())
            }
        }
    }

    /// Whether a file was made for this save: not published yet, or made minutes ago by the same program and given nothing by a person.
    pub(super) fn is_fresh(&self, node: &NodeRow, asset: &Asset, caller: &Caller) -> bool {
        let same = caller.process != 0 && node.made_by_process == caller.process;
        let touched = !(asset.tags.is_empty()
            && asset.personas.is_empty()
            && asset.campaigns.is_empty()
            && asset.status.is_empty()
            && asset.rating.is_none()
            && asset.notes.is_none());
        is_fresh(asset.head.is_some(), node.made_at, self.library.clock.now(), same, touched)
    }

    /// The save: the asset at the destination gets the source's bytes and keeps everything else.
    fn next_version(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        entry: &EntryRow,
        node: &mut NodeRow,
        there: &EntryRow,
        dst: &mut Asset,
    ) -> FsResult<()> {
        assets::unlink_entry(tx, entry, m.maker.now)?;
        tx.repoint_entry(there.id, node.id)?;
        tx.change(ChangeKind::Entry, &folders::entry_change_id(there.parent, &there.name))?;
        assets::touch_folder(tx, there.parent, m.maker.now)?;
        Ok(assets::rebind(tx, &self.library, dst, node, m.maker.now)?)
    }

    /// A name is to be taken by something else: an asset goes to the trash, anything else is gone.
    fn clear_name(&self, tx: &mut dyn WriteTx, m: &Mover<'_>, there: &EntryRow) -> FsResult<()> {
        let node = self.occupant(tx, m.who, there)?;
        if Self::asset_for(tx, &node)?.is_some() {
            return self.replace(tx, m, there);
        }
        self.may_node(tx, m.who, Verb::Edit, &node)?;
        assets::unlink_entry(tx, there, m.maker.now)?;
        Ok(assets::drop_if_nameless(tx, &self.library, there.node)?)
    }

    /// One established file is moved over another: the other goes to the trash.
    fn replace(&self, tx: &mut dyn WriteTx, m: &Mover<'_>, there: &EntryRow) -> FsResult<()> {
        let Some(node) = tx.node(there.node)? else { return Err(FsError::NotFound) };
        let Some(mut asset) = Self::asset_for(tx, &node)? else { return self.clear_name(tx, m, there) };
        self.may(m.who, Verb::Delete, &asset)?;
        let removal = Removal {
            member: Some(m.who.id),
            process: m.caller.process,
            now: m.maker.now,
            how: TunnelHow::Moved,
            kept: None,
        };
        assets::trash(tx, &mut asset, there, &node, &removal)?;
        Ok(assets::forget_tunnels(tx, asset.id)?)
    }

    fn move_entry(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        entry: &EntryRow,
        folder: NodeId,
        name: &FileName,
        node: NodeId,
    ) -> FsResult<()> {
        assets::unlink_entry(tx, entry, m.maker.now)?;
        folders::link(tx, folder, name, node, m.maker.now)?;
        // Who gives a copy in a view another place wants the copy.
        self.library.view_copies.remove(node);
        if let Some(mut row) = tx.node(node)? {
            row.ctime = m.maker.now;
            tx.put_node(&row)?;
            tx.change(ChangeKind::Node, &node.to_string())?;
        }
        Ok(())
    }

    fn tunnel(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        entry: &EntryRow,
        node: &NodeRow,
        how: TunnelHow,
    ) -> FsResult<()> {
        let Some(asset) = node.asset else { return Ok(()) };
        let tunnel = TunnelRow {
            parent: entry.parent,
            name: entry.name.clone(),
            asset,
            node: node.id,
            process: m.caller.process,
            member: Some(m.who.id),
            at: m.maker.now,
            how,
        };
        Ok(tunnels::remember(tx, &tunnel)?)
    }

    #[expect(clippy::too_many_arguments, reason = "all of them are who, from where and to where of one call")]
    fn move_folder(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        entry: &EntryRow,
        node: &NodeRow,
        folder: &NodeRow,
        there: Option<EntryRow>,
        new_name: &FileName,
    ) -> FsResult<()> {
        self.may_move(tx, m.who, node)?;
        if in_inbox(tx, folder.id)? != in_inbox(tx, entry.parent)? {
            return Err(FsError::CrossDevice("folders stay in library/ or in the inbox"));
        }
        if folders::ancestors(tx, folder.id)?.contains(&node.id) {
            return Err(FsError::Invalid("a folder cannot be moved into itself"));
        }
        if let Some(there) = there {
            let Some(dst) = tx.node(there.node)? else { return Err(FsError::NotFound) };
            if dst.kind != NodeKind::Dir {
                return Err(FsError::NotDir);
            }
            if tx.has_entries(dst.id)? {
                return Err(FsError::NotEmpty);
            }
            assets::unlink_entry(tx, &there, m.maker.now)?;
            tx.remove_node(dst.id)?;
        }
        self.move_entry(tx, m, entry, folder.id, new_name, node.id)
    }

    /// A file of a folder, or a local file of a view, gets a name in a view.
    fn move_into_view(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        entry: EntryRow,
        mut node: NodeRow,
        dir: &Dir,
        new_name: &FileName,
    ) -> FsResult<After> {
        let query = writable(dir)?;
        if node.kind == NodeKind::Dir {
            return Err(FsError::NotPermitted("folders stay in library/; a view takes files".into()));
        }
        if node.class == NodeClass::Asset && library_entry(tx, node.id)?.is_some_and(|e| e.id == entry.id) {
            let asset = tx.asset(node.asset.ok_or(FsError::NotFound)?)?.ok_or(FsError::NotFound)?;
            self.keeps_name(&asset, &entry.name, dir, new_name)?;
            return Ok(After::Retag { asset: asset.id, remove: Vec::new(), add: query.sets.clone() });
        }
        self.may_node(tx, m.who, Verb::Edit, &node)?;
        let local = ensure_local(tx, dir, &m.maker)?;
        if !is_for_assets(classify(new_name)) {
            if let Some(there) = tx.entry(local, new_name)? {
                if m.no_replace {
                    return Err(FsError::Exists);
                }
                self.clear_name(tx, m, &there)?;
            }
            self.move_entry(tx, m, &entry, local, new_name, node.id)?;
            node.class = local_class(new_name, node.class);
            tx.put_node(&node)?;
            return Ok(After::Nothing);
        }
        let tunnel = self.tunnel_for(tx, m.who, local, new_name)?.filter(|t| t.how == TunnelHow::AsideInView);
        let shown = match (&tunnel, self.in_view(tx, m.who, dir, new_name)) {
            (Some(t), _) => tx.asset(t.asset)?,
            (None, Ok(Found::Item(Item::Asset(asset)))) if m.no_replace => {
                let _ = asset;
                return Err(FsError::Exists);
            }
            (None, Ok(Found::Item(Item::Asset(asset)))) => Some(asset),
            (None, _) => None,
        };
        match shown {
            Some(mut asset) => {
                self.may(m.who, Verb::Edit, &asset)?;
                let (there, _) = home(tx, &asset)?;
                if tunnel.is_some() {
                    tx.remove_tunnel(local, new_name)?;
                }
                self.next_version(tx, m, &entry, &mut node, &there, &mut asset)?;
            }
            None => {
                self.may_create(tx, m.who, &m.maker, NodeId::LIBRARY, new_name, &query.sets)?;
                let folder = inbox::unsorted(tx, &m.maker)?;
                let free = inbox::free_name(tx, folder, new_name)?;
                self.move_entry(tx, m, &entry, folder, &free, node.id)?;
                let mut asset = assets::adopt(tx, &self.library, &mut node, &free, folder, &m.maker)?;
                super::create::apply_sets(tx, &mut asset, &query.sets, &m.maker)?;
                self.remember_alias(dir, new_name, asset.id);
            }
        }
        Ok(After::Nothing)
    }

    /// An asset that a view shows gets a name in a view: a backup name while it is saved, another value, or a new file name.
    #[expect(clippy::too_many_arguments, reason = "all of them are who, from where and to where of one call")]
    fn between_views(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        mut asset: Asset,
        old: &Dir,
        name: &FileName,
        dir: &Dir,
        new_name: &FileName,
    ) -> FsResult<After> {
        let (from, to) = (writable(old)?, writable(dir)?);
        if from.path == to.path {
            self.may(m.who, Verb::Edit, &asset)?;
            let (entry, mut node) = home(tx, &asset)?;
            if is_aside_for(new_name, name) || !is_for_assets(classify(new_name)) {
                return self.aside_in_view(tx, m, &asset, &node, dir, name, new_name);
            }
            let shown = match self.in_view(tx, m.who, dir, new_name) {
                Ok(Found::Item(Item::Asset(other))) if other.id != asset.id && !m.no_replace => Some(other),
                Ok(_) => return Err(FsError::Exists),
                Err(FsError::NotFound) => None,
                Err(e) => return Err(e),
            };
            if let Some(mut other) = shown {
                let (there, _) = home(tx, &other)?;
                if self.is_fresh(&node, &asset, m.caller) {
                    self.may(m.who, Verb::Edit, &other)?;
                    self.next_version(tx, m, &entry, &mut node, &there, &mut other)?;
                    return Ok(After::Nothing);
                }
                self.replace(tx, m, &there)?;
            }
            if tx.entry(entry.parent, new_name)?.is_some() {
                return Err(FsError::Exists);
            }
            self.move_entry(tx, m, &entry, entry.parent, new_name, node.id)?;
            assets::follow_name(tx, &mut asset, &entry.name, new_name, m.maker.now)?;
            self.remember_alias(dir, new_name, asset.id);
            return Ok(After::Nothing);
        }
        self.keeps_name(&asset, name, dir, new_name)?;
        let (remove, add) = exchange(from, to);
        Ok(After::Retag { asset: asset.id, remove, add })
    }

    /// Getting another value changes no name: one that the view would not show a moment later is refused.
    fn keeps_name(&self, asset: &Asset, name: &FileName, dir: &Dir, new_name: &FileName) -> FsResult<()> {
        if new_name.as_bytes() == asset.view_name.as_bytes() {
            return Ok(());
        }
        if new_name != name {
            return Err(FsError::NotPermitted(format!(
                "a file that gets a value keeps its name: move it as `{}`, then rename it",
                asset.view_name
            )));
        }
        self.remember_alias(dir, new_name, asset.id);
        Ok(())
    }

    /// In a view an asset's name is set aside: the library's name does not move, only this view hides it until it comes back.
    #[expect(clippy::too_many_arguments, reason = "all of them are who and what of one call")]
    fn aside_in_view(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        asset: &Asset,
        node: &NodeRow,
        dir: &Dir,
        name: &FileName,
        new_name: &FileName,
    ) -> FsResult<After> {
        let local = ensure_local(tx, dir, &m.maker)?;
        if let Some(there) = tx.entry(local, new_name)? {
            if m.no_replace {
                return Err(FsError::Exists);
            }
            self.clear_name(tx, m, &there)?;
        }
        folders::link(tx, local, new_name, node.id, m.maker.now)?;
        tx.put_tunnel(&TunnelRow {
            parent: local,
            name: name.clone(),
            asset: asset.id,
            node: node.id,
            process: m.caller.process,
            member: Some(m.who.id),
            at: m.maker.now,
            how: TunnelHow::AsideInView,
        })?;
        Ok(After::Nothing)
    }
}

/// Where an asset lives in the library.
fn home(tx: &dyn ReadTx, asset: &Asset) -> FsResult<(EntryRow, NodeRow)> {
    let id = asset.node.ok_or(FsError::NotFound)?;
    let entry = library_entry(tx, id)?.ok_or(FsError::NotFound)?;
    let node = tx.node(id)?.ok_or(FsError::NotFound)?;
    Ok((entry, node))
}

/// Values of fields, as a view sets them.
type Values = Vec<(Field, String)>;

/// Values that a move from one view to another takes and gives.
fn exchange(from: &QueryDir, to: &QueryDir) -> (Values, Values) {
    let remove = from.sets.iter().filter(|set| !to.sets.contains(set) && set.0.is_multi()).cloned().collect();
    let add = to.sets.iter().filter(|set| !from.sets.contains(set)).cloned().collect();
    (remove, add)
}

/// The class of a local file after it got another name.
fn local_class(name: &FileName, old: NodeClass) -> NodeClass {
    match classify(name) {
        NameClass::Scratch => NodeClass::Scratch,
        NameClass::Aside => NodeClass::Aside,
        NameClass::Lock | NameClass::Junk => NodeClass::Local,
        _ => old,
    }
}
