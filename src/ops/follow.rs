//! What lies beside a file goes along with it: sidecars, and the `._N` that macOS keeps. Late, when it is decided where the file is: a
//! program that renames or removes both finds both.

use super::assets::{self, Removal};
use super::record::Hand;
use super::sidecars::{master, with_stem};
use super::{Library, OpsError, folders, trail};
use crate::access::{Identity, Who};
use crate::catalog::{
    Asset, CatalogError, ChangeKind, EntryRow, NodeClass, NodeRow, ReadTx, TunnelHow, TunnelRow, WriteTx,
};
use crate::policy::Verb;
use crate::types::{AssetId, FileName, NodeId, Timestamp};
use crate::view::class::{NameClass, apple_double, classify, sidecar_of};

/// Where a file is now.
enum Gone {
    To(NodeId, FileName),
    ToTheTrash,
}

impl Library {
    /// Takes along what was left beside a name whose file has gone. What belongs to another file there stays, and so does what finds its
    /// name taken, or what he who moved the file may not move.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub(super) fn follow(&self, tunnel: &TunnelRow) -> Result<(), OpsError> {
        if !matches!(tunnel.how, TunnelHow::Aside | TunnelHow::Moved | TunnelHow::Removed)
            || self.catalog.read(|tx| left_behind(tx, tunnel))?.is_empty()
        {
            return Ok(());
        }
        let Some(who) = tunnel.member.and_then(|member| self.gate.who(&Identity::Member(member)).ok()) else {
            return Ok(());
        };
        let now = self.clock.now();
        self.catalog.write(|tx| -> Result<(), OpsError> {
            // It may have been used since it was listed.
            if tx.tunnel(tunnel.parent, &tunnel.name)?.as_ref() != Some(tunnel) {
                return Ok(());
            }
            let Some(master) = tx.asset(tunnel.asset)? else { return Ok(()) };
            let gone = match (master.trashed.is_some(), master.node) {
                (true, _) => Gone::ToTheTrash,
                (false, Some(node)) => match folders::entry_of(tx, node)? {
                    Some(entry) if classify(&entry.name) != NameClass::Sidecar => Gone::To(entry.parent, entry.name),
                    _ => return Ok(()),
                },
                (false, None) => return Ok(()),
            };
            for entry in left_behind(tx, tunnel)? {
                self.take_along(tx, &who, (tunnel, &master), &entry, &gone, now)?;
            }
            Ok(())
        })
    }

    fn take_along(
        &self,
        tx: &mut dyn WriteTx,
        who: &Who,
        (tunnel, master): (&TunnelRow, &Asset),
        entry: &EntryRow,
        gone: &Gone,
        now: Timestamp,
    ) -> Result<(), OpsError> {
        let Some(node) = tx.node(entry.node)? else { return Ok(()) };
        let verb = if matches!(gone, Gone::To(..)) { Verb::Edit } else { Verb::Delete };
        let asset = node.asset.filter(|_| node.class == NodeClass::Asset).map(|id| tx.asset(id)).transpose()?.flatten();
        let may = match &asset {
            Some(asset) => self.gate.decide(who, verb, asset).allowed,
            None => node.owner == Some(who.id) || who.subject.allows_everything(verb),
        };
        if !may {
            return Ok(());
        }
        match (gone, asset) {
            (Gone::To(folder, name), asset) => {
                let Some(to) = along(&entry.name, &tunnel.name, name) else { return Ok(()) };
                if tx.entry(*folder, &to)?.is_some() {
                    return Ok(());
                }
                move_along(tx, self, (entry, &node), asset, (*folder, &to), &Hand::own(Some(who.id), now))
            }
            (Gone::ToTheTrash, Some(mut asset)) => {
                let removal =
                    Removal { hand: Hand::own(Some(who.id), now), process: 0, how: TunnelHow::Removed, kept: None };
                assets::trash(tx, self, &mut asset, entry, &node, &removal)?;
                if let Some(trashed) = &mut asset.trashed {
                    trashed.with = Some(master.id);
                }
                Ok(tx.put_asset(&asset)?)
            }
            (Gone::ToTheTrash, None) => {
                assets::unlink_entry(tx, entry, now)?;
                Ok(assets::drop_if_nameless(tx, self, node.id)?)
            }
        }
    }
}

fn move_along(
    tx: &mut dyn WriteTx,
    library: &Library,
    (entry, node): (&EntryRow, &NodeRow),
    asset: Option<Asset>,
    (folder, name): (NodeId, &FileName),
    hand: &Hand,
) -> Result<(), OpsError> {
    assets::unlink_entry(tx, entry, hand.now)?;
    let to = folders::link(tx, folder, name, node.id, hand.now)?;
    tx.put_node(&NodeRow { ctime: hand.now, ..node.clone() })?;
    tx.change(ChangeKind::Node, &node.id.to_string())?;
    if let Some(mut asset) = asset {
        assets::renamed(tx, library, &mut asset, (&entry.name, name), hand)?;
    }
    Ok(trail::moved(tx, hand, (node, entry), (node, &to))?)
}

/// What lies beside the name that went away, and belongs to nothing that is there. A sidecar has none of its own.
fn left_behind(tx: &dyn ReadTx, tunnel: &TunnelRow) -> Result<Vec<EntryRow>, CatalogError> {
    let (folder, name) = (tunnel.parent, &tunnel.name);
    let mut found = Vec::new();
    if classify(name) == NameClass::Sidecar {
        return Ok(found);
    }
    let free = tx.entry(folder, name)?.is_none();
    let stem = name.split_extension().0;
    for entry in tx.entries_named(folder, &[stem, b".".as_slice()].concat())? {
        let of = sidecar_of(&entry.name).filter(|of| (free && of == name) || of.as_bytes() == stem);
        if let Some(of) = of
            && tx.node(entry.node)?.is_some_and(|n| n.class == NodeClass::Asset && n.asset != Some(tunnel.asset))
            && master(tx, folder, &entry.name)?.is_none()
            && with_stem(tx, folder, &of)?.is_empty()
        {
            found.push(entry);
        }
    }
    if free && let Some(double) = apple_double(name) {
        found.extend(tx.entry(folder, &double)?);
    }
    Ok(found)
}

/// The name that something beside `old` has beside `new`.
fn along(beside: &FileName, old: &FileName, new: &FileName) -> Option<FileName> {
    if apple_double(old).as_ref() == Some(beside) {
        return apple_double(new);
    }
    let of = sidecar_of(beside)?;
    let end = beside.as_bytes().get(of.as_bytes().len()..)?;
    let begin = match of.as_bytes() {
        whole if whole == old.as_bytes() => new.as_bytes(),
        stem if stem == old.split_extension().0 => new.split_extension().0,
        _ => return None,
    };
    FileName::new([begin, end].concat()).ok()
}

/// An asset is back from the trash: what went there along with it comes back to its side.
///
/// # Errors
/// When the catalogue fails.
pub(super) fn come_back(
    tx: &mut dyn WriteTx,
    library: &Library,
    master: AssetId,
    was: &FileName,
    (folder, name): (NodeId, &FileName),
    hand: &Hand,
) -> Result<(), CatalogError> {
    for id in tx.trashed_with(master)? {
        let Some(mut asset) = tx.asset(id)? else { continue };
        let old = asset.trashed.as_ref().and_then(|trashed| FileName::new(trashed.name.clone()).ok());
        let Some(to) = old.and_then(|old| along(&old, was, name)) else { continue };
        if asset.node.is_some() && tx.entry(folder, &to)?.is_none() {
            assets::restore(tx, library, &mut asset, folder, &to, hand)?;
        }
    }
    Ok(())
}
