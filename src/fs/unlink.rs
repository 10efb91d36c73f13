//! Removing: in a folder a file goes to the trash, in a view it loses the view's value.

use std::ffi::OsStr;
use std::sync::Arc;

use serde_json::json;

use super::create::{ensure_local, keep_left};
use super::mount::{Mount, Place, local_folder};
use super::tagging::{removals, taken};
use super::writable::{refuse_place, writable};
use super::{FsError, FsResult};
use crate::access::Who;
use crate::catalog::{
    Asset, ChangeKind, EntryRow, NodeClass, NodeKind, NodeRow, ReadTx, TunnelHow, TunnelRow, WriteTx,
};
use crate::ops::Actor;
use crate::ops::assets::{self, Next, Removal};
use crate::ops::record::Hand;
use crate::ops::{assign, folders, retention, trail, tunnels};
use crate::policy::{Expr, Field, Verb};
use crate::types::{Caller, FileName};
use crate::view::identity::{CameBy, UnlinkFacts, UnlinkMeaning, UnlinkedAsset, on_unlink};
use crate::view::tree::{self, Dir, Item};

impl Mount {
    /// Removes a name.
    ///
    /// # Errors
    /// With a sentence for every refusal.
    pub fn unlink(&self, caller: &Caller, parent: u64, name: &OsStr) -> FsResult<()> {
        let who = self.who(caller)?;
        let removed = || self.with_reserve(|| self.unlink_as(&who, caller, parent, name));
        let result = Self::may_alter(&who).and_then(|()| removed());
        self.explain(&who, "unlink", result)
    }

    fn unlink_as(&self, who: &Arc<Who>, caller: &Caller, parent: u64, name: &OsStr) -> FsResult<()> {
        let name = FileName::try_from(name)?;
        let place = self.library.catalog.read(|tx| self.place(tx, who, parent))?;
        self.part_name(who, &place, &name)?;
        match place {
            Place::Folder(folder) => self.library.catalog.write(|tx| -> FsResult<()> {
                let entry = tx.entry(folder.id, &name)?.ok_or(FsError::NotFound)?;
                let node = tx.node(entry.node)?.ok_or(FsError::NotFound)?;
                let (node, _) = self.known(tx, who, node)?;
                self.remove_entry(tx, who, caller, &entry, &node)
            }),
            Place::View(dir) => self.unlink_in_view(who, caller, &dir, &name),
        }
    }

    fn remove_entry(
        &self,
        tx: &mut dyn WriteTx,
        who: &Who,
        caller: &Caller,
        entry: &EntryRow,
        node: &NodeRow,
    ) -> FsResult<()> {
        if node.kind == NodeKind::Dir {
            return Err(FsError::IsDir);
        }
        let hand = self.hand(who, caller);
        let now = hand.now;
        let asset = Self::asset_for(tx, node)?;
        let allowed = |verb| asset.as_ref().is_some_and(|a| self.library.gate.decide(who, verb, a).allowed);
        let (may_edit, may_delete) = (allowed(Verb::Edit), allowed(Verb::Delete));
        let own = asset.as_ref().map(|a| tunnels::came_by(tx, a.id, now)).transpose()?.flatten();
        let successor = own.as_ref().map(|own| self.successor(tx, caller, own)).transpose()?.flatten();
        let facts = UnlinkFacts {
            asset: asset.as_ref().map(|asset| UnlinkedAsset {
                worth_keeping: self.is_worth_keeping(node, asset, caller),
                came_by: own.as_ref().map(|own| CameBy {
                    how: own.how,
                    name_is_back: successor.is_some(),
                    same_process: own.process != 0 && own.process == caller.process,
                }),
            }),
            may_edit,
            may_delete,
        };
        let meaning = on_unlink(&facts);
        let Some(mut asset) = asset else {
            self.may_node(tx, who, Verb::Edit, node)?;
            trail::at(tx, &hand, "remove", (node, entry), json!({}))?;
            assets::unlink_entry(tx, entry, now)?;
            return Ok(assets::drop_if_nameless(tx, &self.library, node.id)?);
        };
        let removal = |how, kept| Removal { hand, process: caller.process, how, kept };
        match (meaning, own, successor) {
            (UnlinkMeaning::DropProvisional | UnlinkMeaning::LocalRemove, ..) => {
                self.drop_provisional(tx, &hand, (node, entry), &asset)
            }
            (UnlinkMeaning::GiveBack, Some(own), Some(mut heir)) => {
                assets::unlink_entry(tx, entry, now)?;
                assets::rebind(tx, &self.library, &mut asset, &mut heir, &hand, Next::Renamed(entry))?;
                Ok(assets::renamed(tx, &self.library, &mut asset, (&entry.name, &own.name), &hand)?)
            }
            (UnlinkMeaning::KeepTunnel(how), Some(own), _) => {
                Ok(assets::trash(tx, &self.library, &mut asset, entry, node, &removal(how, Some(&own)))?)
            }
            (UnlinkMeaning::Tunnel(how) | UnlinkMeaning::KeepTunnel(how), ..) => {
                Ok(assets::trash(tx, &self.library, &mut asset, entry, node, &removal(how, None))?)
            }
            // Says which rule decided, and that it was asked for.
            (UnlinkMeaning::Refuse | UnlinkMeaning::GiveBack, ..) => self.may(who, Verb::Delete, &asset),
        }
    }

    /// The file that stands at an asset's own name again and may be its next version.
    fn successor(&self, tx: &dyn ReadTx, caller: &Caller, own: &TunnelRow) -> FsResult<Option<NodeRow>> {
        let Some(entry) = tx.entry(own.parent, &own.name)? else { return Ok(None) };
        let Some(node) = tx.node(entry.node)?.filter(|n| n.kind == NodeKind::File) else { return Ok(None) };
        let fresh = Self::asset_for(tx, &node)?
            .is_some_and(|there| there.id != own.asset && self.is_fresh(&node, &there, caller));
        Ok(fresh.then_some(node))
    }

    /// Whether something is lost with a file: not with one that was never published and is empty, or a program's own that it removes itself.
    pub(super) fn is_worth_keeping(&self, node: &NodeRow, asset: &Asset, caller: &Caller) -> bool {
        let size = self.library.live.get(node.id).map_or(node.size, |f| f.seen().size);
        let own = caller.process != 0 && node.made_by_process == caller.process;
        asset.head.is_some() || (size > 0 && !own)
    }

    /// A file that was never published goes for good.
    pub(super) fn drop_provisional(
        &self,
        tx: &mut dyn WriteTx,
        hand: &Hand,
        (node, entry): (&NodeRow, &EntryRow),
        asset: &Asset,
    ) -> FsResult<()> {
        trail::at(tx, hand, "drop", (node, entry), json!({ "name": asset.view_name }))?;
        assets::unlink_entry(tx, entry, hand.now)?;
        tx.put_node(&NodeRow { asset: None, class: NodeClass::Local, ..node.clone() })?;
        assets::discard(tx, asset)?;
        Ok(assets::drop_if_nameless(tx, &self.library, node.id)?)
    }

    fn unlink_in_view(&self, who: &Arc<Who>, caller: &Caller, dir: &Dir, name: &FileName) -> FsResult<()> {
        let local = self.library.catalog.write(|tx| -> FsResult<bool> {
            let Some(local) = local_folder(tx, dir)? else { return Ok(false) };
            let Some(entry) = tx.entry(local, name)? else { return Ok(false) };
            let node = tx.node(entry.node)?.ok_or(FsError::NotFound)?;
            if self.binned(tx, who, dir, &node)?.is_some() {
                return Ok(false);
            }
            let (node, _) = self.known(tx, who, node)?;
            self.may_node(tx, who, Verb::Edit, &node)?;
            let hand = self.hand(who, caller);
            assets::unlink_entry(tx, &entry, hand.now)?;
            let held = node.class == NodeClass::Asset;
            if !held {
                trail::at(tx, &hand, "remove", (&node, &entry), json!({}))?;
                assets::drop_if_nameless(tx, &self.library, entry.node)?;
            }
            Ok(true)
        })?;
        if local {
            return Ok(());
        }
        let item = self.library.catalog.read(|tx| -> FsResult<Item> {
            match self.tree(tx, who).child(dir, name)? {
                Some(item) => Ok(item),
                None => match self.in_view(tx, who, dir, name)? {
                    super::mount::Found::Item(item) => Ok(item),
                    super::mount::Found::Node(..) => Err(FsError::NotFound),
                },
            }
        })?;
        match item {
            Item::Asset(asset) => {
                let query = writable(dir)?;
                let last = query.sets.last().ok_or_else(|| {
                    FsError::NotPermitted("this view has no value to take away; remove the file in library/".into())
                })?;
                if asset.head.is_none() {
                    return self.unlink_new(who, caller, &asset);
                }
                let now = self.library.clock.now();
                if !self.library.brake.is_off(who.id, caller.process, now) {
                    return Err(FsError::Busy(format!(
                        "one program has taken `{}={}` and other values from many files in a moment; when that is meant: dam bulk allow --for 5m; to take it back: dam undo",
                        last.0, last.1
                    )));
                }
                let actor = Actor::of_who(&self.library, who.clone(), caller)?;
                let taken = std::slice::from_ref(last);
                let untagged = self.library.catalog.write(|tx| -> FsResult<bool> {
                    let edits = self.library.gate.allows(who, Verb::Edit, &asset);
                    if edits
                        && assign::lacks_only_tag(
                            &self.library,
                            &actor,
                            tx,
                            &asset,
                            &removals(who.subject.glossary(), &asset, taken)?,
                            now,
                        )?
                    {
                        // A part of saving: the asset loses nothing, and the name is back by itself when no file takes it.
                        let (by, at) = ((who.as_ref(), caller), (dir, name));
                        self.tunnel_in_view(tx, by, at, &asset, TunnelHow::AsideInView, Vec::new())?;
                        return Ok(false);
                    }
                    self.remember_removal(tx, who, caller, dir, name, &asset, last)?;
                    self.retag_in(tx, &actor, asset.id, taken, &[])?;
                    Ok(true)
                })?;
                if untagged {
                    self.library.brake.removed(who.id, caller.process, now);
                }
                Ok(())
            }
            Item::Trashed(asset) => self.purge(who, caller, asset),
            Item::Dir(_) | Item::Node(_) => Err(FsError::IsDir),
            Item::Export(..) | Item::Clip { .. } | Item::Pending(..) | Item::Caption(..) => Err(FsError::NotPermitted(
                "an export goes when its approval is withdrawn: dam set PATH status.PLATFORM=rejected".into(),
            )),
            _ => Err(match refuse_place(dir) {
                // Nothing that a view shows is removed by its name, as nothing is from an export's directory.
                FsError::ReadOnly(sentence) => FsError::NotPermitted(sentence),
                other => other,
            }),
        }
    }

    /// The program that removes a name from a view may bring it back with other bytes, and the directory stays as an emptied folder does.
    #[expect(clippy::too_many_arguments, reason = "all of them are who, where and what of one call")]
    fn remember_removal(
        &self,
        tx: &mut dyn WriteTx,
        who: &Who,
        caller: &Caller,
        dir: &Dir,
        name: &FileName,
        asset: &Asset,
        (field, value): &(Field, String),
    ) -> FsResult<()> {
        if tree::takes_words(field) && self.library.gate.allows(who, Verb::Tag, asset) {
            keep_left(tx, who, field, value)?;
        }
        let taken = taken(who.subject.glossary(), asset, field, value);
        self.tunnel_in_view(tx, (who, caller), (dir, name), asset, TunnelHow::RemovedInView, taken)
    }

    /// For a while a view's name leads back to the asset that it showed.
    pub(super) fn tunnel_in_view(
        &self,
        tx: &mut dyn WriteTx,
        (who, caller): (&Who, &Caller),
        (dir, name): (&Dir, &FileName),
        asset: &Asset,
        how: TunnelHow,
        taken: Vec<String>,
    ) -> FsResult<()> {
        let Some(node) = asset.node else { return Ok(()) };
        let maker = self.maker(who, caller);
        let parent = ensure_local(tx, dir, &maker)?;
        Ok(tx.put_tunnel(&TunnelRow {
            parent,
            name: name.clone(),
            asset: asset.id,
            node,
            process: caller.process,
            member: Some(who.id),
            at: maker.now,
            how,
            taken,
        })?)
    }

    /// A file that was just made in a view and is no asset yet is removed as in its folder.
    fn unlink_new(&self, who: &Arc<Who>, caller: &Caller, asset: &Asset) -> FsResult<()> {
        self.library.catalog.write(|tx| -> FsResult<()> {
            let node = asset.node.map(|n| tx.node(n)).transpose()?.flatten().ok_or(FsError::NotFound)?;
            let entry = folders::entry_of(tx, node.id)?.ok_or(FsError::NotFound)?;
            self.remove_entry(tx, who, caller, &entry, &node)
        })
    }

    /// The bytes of a trashed asset are let go of before the recovery window ends; an admin's decision.
    fn purge(&self, who: &Who, caller: &Caller, asset: Asset) -> FsResult<()> {
        Self::may_purge(who)?;
        let hand = self.hand(who, caller);
        Ok(self.library.catalog.write(|tx| retention::purge(tx, &self.library, &hand, asset.id))?)
    }

    /// Removes an empty folder, or a word that nothing uses.
    ///
    /// # Errors
    /// [`FsError::NotEmpty`] also when what is in it is hidden from the caller.
    pub fn rmdir(&self, caller: &Caller, parent: u64, name: &OsStr) -> FsResult<()> {
        let who = self.who(caller)?;
        let removed = || self.with_reserve(|| self.rmdir_as(&who, caller, parent, name));
        let result = Self::may_alter(&who).and_then(|()| removed());
        self.explain(&who, "rmdir", result)
    }

    fn remove_folder(&self, tx: &mut dyn WriteTx, who: &Who, hand: &Hand, entry: &EntryRow) -> FsResult<()> {
        let node = tx.node(entry.node)?.ok_or(FsError::NotFound)?;
        let (node, _) = self.known(tx, who, node)?;
        if node.kind != NodeKind::Dir {
            return Err(FsError::NotDir);
        }
        Self::may_work(who)?;
        if tx.has_entries(node.id)? {
            return Err(FsError::NotEmpty);
        }
        trail::at(tx, hand, "remove", (&node, entry), json!({}))?;
        assets::unlink_entry(tx, entry, hand.now)?;
        Ok(tx.remove_node(node.id)?)
    }

    fn rmdir_as(&self, who: &Who, caller: &Caller, parent: u64, name: &OsStr) -> FsResult<()> {
        let name = FileName::try_from(name)?;
        let hand = self.hand(who, caller);
        let place = self.library.catalog.read(|tx| self.place(tx, who, parent))?;
        match place {
            Place::Folder(folder) => self.library.catalog.write(|tx| -> FsResult<()> {
                let entry = tx.entry(folder.id, &name)?.ok_or(FsError::NotFound)?;
                self.remove_folder(tx, who, &hand, &entry)
            }),
            Place::View(Dir::Saved) => self.remove_saved(who, caller, &name),
            Place::View(dir) => {
                let local = self.library.catalog.write(|tx| -> FsResult<bool> {
                    let Some(local) = local_folder(tx, &dir)? else { return Ok(false) };
                    let Some(entry) = tx.entry(local, &name)? else { return Ok(false) };
                    match dir {
                        Dir::Bin(_) => self.purge_folder(tx, who, &hand, &entry)?,
                        _ => self.remove_folder(tx, who, &hand, &entry)?,
                    }
                    Ok(true)
                })?;
                if local {
                    return Ok(());
                }
                let (field, value) = tree::new_word(&dir, &name).ok_or_else(|| refuse_place(&dir))?;
                let glossary = who.subject.glossary();
                let value = glossary.canonical(&field, &value);
                Self::may_change_words(who, &field, &value)?;
                self.library.catalog.write(|tx| -> FsResult<()> {
                    let used = glossary.widen(&Expr::is(field.clone(), value.clone()));
                    let has_below = self.tree(tx, who).has_words_below(&field, &value)?;
                    if has_below || tx.count(&used.clone().and(who.subject.filter(Verb::List)))? > 0 {
                        return Err(FsError::NotEmpty);
                    }
                    // In hidden use the word is not there for him, but for one that he made himself.
                    let mut vocabularies = vec![tree::own_words(&field, who.id)];
                    if tx.count(&used)? == 0 {
                        vocabularies.push(field.to_string());
                    }
                    let mut removed = false;
                    for vocabulary in vocabularies {
                        // It may have been made under a name that is an alias by now.
                        for word in tx.vocabulary(&vocabulary)? {
                            removed |=
                                glossary.canonical(&field, &word) == value && tx.remove_word(&vocabulary, &word)?;
                        }
                    }
                    if !removed {
                        return Err(FsError::NotFound);
                    }
                    trail::word(tx, &hand, "remove", &field, &value)?;
                    Ok(tx.change(ChangeKind::Word, &field.to_string())?)
                })
            }
        }
    }
}
