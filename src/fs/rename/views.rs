//! A file gets a name in a view: that tags it, saves it, or makes it an asset with the view's values.

use super::files::local_class;
use super::{After, Mover};
use crate::catalog::{Asset, EntryRow, NodeClass, NodeKind, NodeRow, ReadTx, TunnelRow, WriteTx};
use crate::fs::create::{apply_sets, ensure_local, give_back, is_for_assets};
use crate::fs::mount::{Found, Mount, local_folder};
use crate::fs::writable::{saved_in, writable};
use crate::fs::{FsError, FsResult};
use crate::ops::record;
use crate::ops::trail::{self, Origin};
use crate::ops::value::FacetChange;
use crate::ops::{assets, folders, inbox};
use crate::policy::{Field, Verb};
use crate::types::{FileName, NodeId};
use crate::view::class::{classify, is_aside_for};
use crate::view::tree::{Dir, Item, QueryDir, board};

impl Mount {
    /// A file of a folder, or a local file of a view, gets a name in a view.
    pub(super) fn move_into_view(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        entry: EntryRow,
        mut node: NodeRow,
        dir: &Dir,
        new_name: &FileName,
    ) -> FsResult<After> {
        let query = saved_in(dir)?;
        if node.kind == NodeKind::Dir {
            return Err(FsError::NotPermitted("folders stay in library/; a view takes files".into()));
        }
        if node.class == NodeClass::Asset && folders::entry_of(tx, node.id)?.is_some_and(|e| e.id == entry.id) {
            let asset = tx.asset(node.asset.ok_or(FsError::NotFound)?)?.ok_or(FsError::NotFound)?;
            let query = writable(dir)?;
            self.keeps_name(tx, m, &asset, &entry.name, dir, new_name)?;
            return Ok(After::Retag { asset: asset.id, left: Vec::new(), add: query.sets.clone() });
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
            let to = self.move_entry(tx, m, &entry, local, new_name, node.id)?;
            let old = node.clone();
            node.ctime = m.maker.now;
            node.class = local_class(classify(new_name), node.class);
            tx.put_node(&node)?;
            trail::moved(tx, &m.maker.hand(), (&old, &entry), (&node, &to))?;
            return Ok(After::Nothing);
        }
        let tunnel = self.comes_back(tx, m, dir, new_name)?;
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
                let (there, _) = home(tx, &asset)?;
                self.save_in_view(tx, m, (&entry, &mut node), &there, &mut asset, tunnel.as_ref(), query)?;
            }
            None => {
                let query = writable(dir)?;
                self.may_create(tx, m.who, &m.maker, NodeId::LIBRARY, new_name, &query.sets)?;
                let folder = inbox::unsorted(tx, &m.maker)?;
                let free = inbox::free_name(tx, folder, new_name)?;
                let to = self.move_entry(tx, m, &entry, folder, &free, node.id)?;
                node.ctime = m.maker.now;
                let origin = Origin { from: Some(&entry), view: Some(&query.path) };
                let mut asset = assets::adopt(tx, &self.library, &mut node, &to, &m.maker, &origin)?;
                apply_sets(&self.library, m.who, tx, &mut asset, &query.sets, &m.maker)?;
                self.remember_alias(dir, new_name, asset.id);
            }
        }
        Ok(After::Nothing)
    }

    /// An asset that a view shows gets a name in a view: a backup name while it is saved, another value, or a new file name.
    #[expect(clippy::too_many_arguments, reason = "all of them are who, from where and to where of one call")]
    pub(super) fn between_views(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        mut asset: Asset,
        old: &Dir,
        name: &FileName,
        dir: &Dir,
        new_name: &FileName,
    ) -> FsResult<After> {
        if let (Ok(from), Ok(to)) = (saved_in(old), saved_in(dir))
            && from.path == to.path
            && (is_aside_for(new_name, name) || !is_for_assets(classify(new_name)))
        {
            self.may(m.who, Verb::Edit, &asset)?;
            let (_, node) = home(tx, &asset)?;
            return self.aside_in_view(tx, m, (&asset, &node), dir, name, new_name);
        }
        if let (Dir::Query(from), Dir::Query(to)) = (old, dir)
            && let Some(stage) = board::stage_of(to).filter(|_| board::is_board(from) && from.path != to.path)
        {
            self.keeps_name(tx, m, &asset, name, dir, new_name)?;
            let add = vec![(Field::Stage, stage.to_owned())];
            return Ok(After::Retag { asset: asset.id, left: Vec::new(), add });
        }
        let to = writable(dir)?;
        let from = left(old, to)?;
        if from.path == to.path {
            self.may(m.who, Verb::Edit, &asset)?;
            let (entry, mut node) = home(tx, &asset)?;
            let bare = without(tx, &asset, from, m)?;
            let fresh = self.is_fresh(&node, &bare, m.caller);
            let tunnel = self.comes_back(tx, m, dir, new_name)?.filter(|_| fresh);
            let shown = match (&tunnel, self.in_view(tx, m.who, dir, new_name)) {
                (Some(tunnel), _) => tx.asset(tunnel.asset)?,
                (None, Ok(Found::Item(Item::Asset(other)))) if other.id != asset.id && !m.no_replace => Some(other),
                (None, Ok(_)) => return Err(FsError::Exists),
                (None, Err(FsError::NotFound)) => None,
                (None, Err(e)) => return Err(e),
            };
            if let Some(mut other) = shown {
                let (there, _) = home(tx, &other)?;
                if fresh {
                    // What a temporary has from lying in the view is nothing that the asset is to get.
                    tx.put_asset(&bare)?;
                    self.save_in_view(tx, m, (&entry, &mut node), &there, &mut other, tunnel.as_ref(), to)?;
                    return Ok(After::Nothing);
                }
                self.replace(tx, m, &there)?;
            }
            if tx.entry(entry.parent, new_name)?.is_some() {
                return Err(FsError::Exists);
            }
            self.move_only(tx, m, (&node, &entry), entry.parent, new_name)?;
            assets::renamed(tx, &self.library, &mut asset, (&entry.name, new_name), &m.maker.hand())?;
            self.remember_alias(dir, new_name, asset.id);
            return Ok(After::Nothing);
        }
        self.keeps_name(tx, m, &asset, name, dir, new_name)?;
        let (left, add) = exchange(from, to);
        Ok(After::Retag { asset: asset.id, left, add })
    }

    /// What had a name in a view a moment ago, if a file that takes the name now is its next version.
    fn comes_back(&self, tx: &dyn ReadTx, m: &Mover<'_>, dir: &Dir, name: &FileName) -> FsResult<Option<TunnelRow>> {
        let Some(local) = local_folder(tx, dir)? else { return Ok(None) };
        self.comes_back_to(tx, m.who, m.caller, local, name)
    }

    /// The save in a view: the asset keeps its name in the library and its values.
    #[expect(clippy::too_many_arguments, reason = "all of them are who and what of one call")]
    fn save_in_view(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        (entry, node): (&EntryRow, &mut NodeRow),
        there: &EntryRow,
        asset: &mut Asset,
        tunnel: Option<&TunnelRow>,
        view: &QueryDir,
    ) -> FsResult<()> {
        self.may(m.who, Verb::Edit, asset)?;
        if let Some(tunnel) = tunnel {
            tx.remove_tunnel(tunnel.parent, &tunnel.name)?;
        }
        self.next_version(tx, m, entry, node, there, asset)?;
        match tunnel {
            Some(tunnel) => {
                self.library.brake.came_back(m.who.id, m.caller.process);
                give_back(tx, &self.library, tunnel, asset, view, &m.maker)
            }
            None => Ok(()),
        }
    }

    /// Getting another value changes no name: one that the view would not show a moment later is refused.
    fn keeps_name(
        &self,
        tx: &dyn ReadTx,
        m: &Mover<'_>,
        asset: &Asset,
        name: &FileName,
        dir: &Dir,
        new_name: &FileName,
    ) -> FsResult<()> {
        let shown = self.tree(tx, m.who).name_of(asset)?;
        if new_name.as_bytes() == shown.as_bytes() {
            return Ok(());
        }
        if new_name != name {
            return Err(FsError::NotPermitted(format!(
                "a file that gets a value keeps its name: move it as `{shown}`, then rename it"
            )));
        }
        self.remember_alias(dir, new_name, asset.id);
        Ok(())
    }
}

/// The view that a file is moved out of into another one. One that shows what has no value of a field shows it no more once it has one.
fn left<'d>(old: &'d Dir, to: &QueryDir) -> FsResult<&'d QueryDir> {
    match old {
        Dir::Query(query) if !query.lacks.is_empty() => {
            let gives = |lacked: &Field| {
                let is_it = |field: &Field| {
                    field == lacked || (*lacked == Field::AnyStatus && matches!(field, Field::Status(_)))
                };
                to.sets.iter().any(|(field, _)| is_it(field))
            };
            if query.lacks.iter().all(gives) {
                return Ok(query);
            }
            Err(FsError::NotPermitted(format!(
                "what has the values of `{}` is shown in `{}` all the same: copy it there",
                to.path, query.path
            )))
        }
        _ => writable(old),
    }
}

/// An asset without the values that it has from lying in a view: those are no person's.
fn without(tx: &dyn ReadTx, asset: &Asset, view: &QueryDir, m: &Mover<'_>) -> FsResult<Asset> {
    let mut bare = asset.clone();
    let hand = m.maker.hand();
    for (field, value) in &view.sets {
        record::set(tx, &mut bare, field, &FacetChange::Remove(value.clone()), &hand)?;
    }
    Ok(bare)
}

/// Where an asset lives in the library.
pub(super) fn home(tx: &dyn ReadTx, asset: &Asset) -> FsResult<(EntryRow, NodeRow)> {
    let id = asset.node.ok_or(FsError::NotFound)?;
    let entry = folders::entry_of(tx, id)?.ok_or(FsError::NotFound)?;
    let node = tx.node(id)?.ok_or(FsError::NotFound)?;
    Ok((entry, node))
}

/// Values of fields, as a view sets them.
pub(super) type Values = Vec<(Field, String)>;

/// Values that an asset leaves and gets by a move from one view to another.
fn exchange(from: &QueryDir, to: &QueryDir) -> (Values, Values) {
    let is_replaced = |field: &Field| to.sets.iter().any(|(other, _)| other == field);
    let leaves = |field: &Field| field.is_multi() || is_replaced(field);
    let left = from.sets.iter().filter(|set| !to.sets.contains(set) && leaves(&set.0)).cloned().collect();
    let add = to.sets.iter().filter(|set| !from.sets.contains(set)).cloned().collect();
    (left, add)
}
