//! Back to where things were. Names are taken away first and given then, so that what changed places can change back.

use std::collections::BTreeMap;

use damfs_policy::Verb;

use super::{Tried, Why, Work};
use crate::catalog::journal::{Change, Pair, Relic, Spot, Step, Thing};
use crate::catalog::{Asset, AssetState, EntryRow, NodeKind, NodeRow, ReadTx, TunnelHow, WriteTx};
use crate::ops::assets::{self, Removal};
use crate::ops::{OpsError, bin, folders, inbox, names, trail, tunnels};
use crate::types::{AssetId, NodeId};

/// What happened to one thing's place, and to its node.
#[derive(Default)]
struct Way {
    place: Option<Pair<Option<Spot>>>,
    node: Option<Pair<Option<Box<Relic>>>>,
    steps: Vec<Step>,
}

/// A thing whose name was taken away and is to be given back.
struct Loose {
    steps: Vec<Step>,
    asset: Option<Asset>,
    node: NodeRow,
    from: EntryRow,
    to: Spot,
}

impl Work<'_> {
    pub(super) fn places(&mut self, tx: &mut dyn WriteTx, steps: Vec<Step>) -> Result<(), OpsError> {
        let mut ways: BTreeMap<Thing, Way> = BTreeMap::new();
        for step in steps {
            let way = ways.entry(step.thing.clone()).or_default();
            match &step.change {
                Change::Place(place) => way.place = Some(place.clone()),
                Change::Node(node) => way.node = Some(node.clone()),
                _ => {}
            }
            way.steps.push(step);
        }
        let mut loose = Vec::new();
        let (mut trashed, mut unmade, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        for (thing, way) in ways {
            let steps = way.steps;
            let (was, is) = way.place.map_or((None, None), |place| (place.was, place.is));
            match (thing, was, is) {
                (Thing::Asset(id), Some(to), Some(from)) => {
                    let tried = self.loosen_asset(tx, id, &from, &to, &steps, &mut loose);
                    self.sort(steps, tried)?;
                }
                (Thing::Asset(id), None, Some(from)) => {
                    let tried = self.unmake_asset(tx, id, &from);
                    self.settle(steps, tried)?;
                }
                (Thing::Asset(id), Some(to), None) => trashed.push((id, to, steps)),
                (Thing::Node(id), Some(to), Some(from)) => {
                    let tried = self.loosen_node(tx, id, &from, &to, &steps, &mut loose);
                    self.sort(steps, tried)?;
                }
                (Thing::Node(id), None, Some(from)) => unmade.push((id, from, steps)),
                (Thing::Node(id), Some(to), None) => {
                    if let Some(Pair { was: Some(relic), .. }) = way.node {
                        gone.push((id, to, relic, steps));
                    }
                }
                _ => {}
            }
        }
        self.unmake_nodes(tx, unmade)?;
        let (gone_folders, gone_files): (Vec<_>, Vec<_>) =
            gone.into_iter().partition(|(_, _, relic, _)| relic.kind == NodeKind::Dir);
        self.remake(tx, gone_folders)?;
        self.tie(tx, loose)?;
        for (id, to, steps) in trashed {
            let tried = self.bring_back(tx, id, &to);
            self.settle(steps, tried)?;
        }
        self.remake(tx, gone_files)
    }

    /// As [`Work::settle`], of what is only begun.
    fn sort(&mut self, steps: Vec<Step>, tried: Result<Tried, OpsError>) -> Result<(), OpsError> {
        match tried {
            Ok(Tried::Done) => Ok(()),
            tried => self.settle(steps, tried),
        }
    }

    fn loosen_asset(
        &mut self,
        tx: &mut dyn WriteTx,
        id: AssetId,
        from: &Spot,
        to: &Spot,
        steps: &[Step],
        loose: &mut Vec<Loose>,
    ) -> Result<Tried, OpsError> {
        let Some(asset) = tx.asset(id)? else { return Ok(Tried::Changed) };
        let Some(entry) = entry_of(tx, &asset)? else { return Ok(Tried::Changed) };
        match standing(&entry, from, to) {
            Tried::Done => {}
            other => return Ok(other),
        }
        self.may(Verb::Edit, &asset)?;
        let Some(node) = tx.node(entry.node)? else { return Ok(Tried::Changed) };
        assets::unlink_entry(tx, &entry, self.hand.now)?;
        assets::forget_tunnels(tx, id)?;
        loose.push(Loose { steps: steps.to_vec(), asset: Some(asset), node, from: entry, to: to.clone() });
        Ok(Tried::Done)
    }

    fn loosen_node(
        &mut self,
        tx: &mut dyn WriteTx,
        id: NodeId,
        from: &Spot,
        to: &Spot,
        steps: &[Step],
        loose: &mut Vec<Loose>,
    ) -> Result<Tried, OpsError> {
        let (Some(node), Some(entry)) = (tx.node(id)?, name_of(tx, id)?) else { return Ok(Tried::Changed) };
        match standing(&entry, from, to) {
            Tried::Done => {}
            other => return Ok(other),
        }
        self.may_node(tx, &node)?;
        assets::unlink_entry(tx, &entry, self.hand.now)?;
        loose.push(Loose { steps: steps.to_vec(), asset: None, node, from: entry, to: to.clone() });
        Ok(Tried::Done)
    }

    /// Gives loose things their names: those first whose folder is there. What has no folder to go back to stays where it was.
    fn tie(&mut self, tx: &mut dyn WriteTx, mut loose: Vec<Loose>) -> Result<(), OpsError> {
        while !loose.is_empty() {
            let mut waiting = Vec::new();
            let all = loose.len();
            for thing in loose {
                if is_there(tx, thing.to.parent)? {
                    let to = thing.to.parent;
                    self.tie_one(tx, thing, to)?;
                } else {
                    waiting.push(thing);
                }
            }
            loose = waiting;
            if loose.len() < all {
                continue;
            }
            // Folders that would lie in themselves, and what was in folders that are gone.
            for thing in std::mem::take(&mut loose) {
                match &thing.asset {
                    Some(asset) => {
                        let home = tunnels::home(tx, asset, thing.to.parent, self.hand.now)?;
                        self.tie_one(tx, thing, home)?;
                    }
                    None => {
                        let name = inbox::free_name(tx, thing.from.parent, &thing.from.name)?;
                        folders::link(tx, thing.from.parent, &name, thing.node.id, self.hand.now)?;
                        self.leave(thing.steps, &Why::Said("the folder that it was in is gone".into()));
                    }
                }
            }
        }
        Ok(())
    }

    fn tie_one(&mut self, tx: &mut dyn WriteTx, thing: Loose, parent: NodeId) -> Result<(), OpsError> {
        let wanted = thing.to.file_name().unwrap_or_else(|| thing.from.name.clone());
        let name = inbox::free_name(tx, parent, &wanted)?;
        let to = folders::link(tx, parent, &name, thing.node.id, self.hand.now)?;
        trail::moved(tx, &self.hand, (&thing.node, &thing.from), (&thing.node, &to))?;
        if let Some(mut asset) = thing.asset.map(|asset| tx.asset(asset.id)).transpose()?.flatten() {
            assets::renamed(tx, self.library, &mut asset, (&thing.from.name, &name), &self.hand)?;
        }
        self.done.extend(thing.steps);
        Ok(())
    }

    /// What the turn made, or took out of the trash, goes there.
    fn unmake_asset(&mut self, tx: &mut dyn WriteTx, id: AssetId, from: &Spot) -> Result<Tried, OpsError> {
        let Some(mut asset) = tx.asset(id)? else { return Ok(Tried::Already) };
        if asset.state == AssetState::Trashed {
            return Ok(Tried::Already);
        }
        let Some(entry) = entry_of(tx, &asset)? else { return Ok(Tried::Changed) };
        if !stands(&entry, from) {
            return Ok(Tried::Changed);
        }
        self.may(Verb::Delete, &asset)?;
        let Some(node) = tx.node(entry.node)? else { return Ok(Tried::Changed) };
        let removal = Removal { hand: self.hand, process: 0, how: TunnelHow::Moved, kept: None };
        assets::trash(tx, self.library, &mut asset, &entry, &node, &removal)?;
        // A new file of that name is no save of this one.
        assets::forget_tunnels(tx, id)?;
        names::let_go(tx, id)?;
        Ok(Tried::Done)
    }

    /// Out of the trash, to where it was: to a free name beside it when that is taken, below Unsorted when its folder is gone.
    fn bring_back(&mut self, tx: &mut dyn WriteTx, id: AssetId, to: &Spot) -> Result<Tried, OpsError> {
        let Some(mut asset) = tx.asset(id)? else {
            return Err(OpsError::failed("it never had a version; nothing of it is left", "make it again"));
        };
        if asset.state != AssetState::Trashed {
            let back = entry_of(tx, &asset)?.is_some_and(|entry| stands(&entry, to));
            return Ok(if back { Tried::Already } else { Tried::Changed });
        }
        let Some(node) = asset.node else {
            return Err(OpsError::failed("it was removed for good", "its record is what is left: dam show shows it"));
        };
        self.may(Verb::Edit, &asset)?;
        if !self.dry {
            bin::leave(tx, self.library, node, self.hand.now)?;
        }
        let parent = tunnels::home(tx, &asset, to.parent, self.hand.now)?;
        let wanted = to.file_name().ok_or_else(|| OpsError::failed("its name cannot be read", "see dam fsck"))?;
        let name = inbox::free_name(tx, parent, &wanted)?;
        assets::restore(tx, self.library, &mut asset, parent, &name, &self.hand)?;
        Ok(Tried::Done)
    }
}

fn stands(entry: &EntryRow, at: &Spot) -> bool {
    entry.parent == at.parent && entry.name.as_bytes() == at.name
}

/// Whether what was moved is where it was moved to, and is to go back.
fn standing(entry: &EntryRow, from: &Spot, to: &Spot) -> Tried {
    if stands(entry, to) {
        Tried::Already
    } else if stands(entry, from) {
        Tried::Done
    } else {
        Tried::Changed
    }
}

/// The name of an asset that is not in the trash.
fn entry_of(tx: &dyn ReadTx, asset: &Asset) -> Result<Option<EntryRow>, OpsError> {
    match asset.node.filter(|_| asset.state != AssetState::Trashed) {
        Some(node) => Ok(folders::entry_of(tx, node)?),
        None => Ok(None),
    }
}

/// The name of what is no asset, in a folder of people's.
pub(super) fn name_of(tx: &dyn ReadTx, node: NodeId) -> Result<Option<EntryRow>, OpsError> {
    for entry in tx.names_of(node)? {
        let top = folders::ancestors(tx, entry.parent)?.last().copied();
        if matches!(top, Some(NodeId::LIBRARY | NodeId::INBOX)) {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

/// Whether a folder is one of people's, somewhere below the top.
pub(super) fn is_there(tx: &dyn ReadTx, folder: NodeId) -> Result<bool, OpsError> {
    let row = tx.node(folder)?.filter(|row| row.kind == NodeKind::Dir);
    let top = row.map(|row| folders::ancestors(tx, row.id)).transpose()?.and_then(|line| line.last().copied());
    Ok(matches!(top, Some(NodeId::LIBRARY | NodeId::INBOX)))
}
