//! Folders, links and backups: what the turn made goes, what it removed is made again under its own number.

use serde_json::json;

use super::places::{is_there, name_of};
use super::{Tried, Why, Work};
use crate::catalog::journal::{Relic, Spot, Step};
use crate::catalog::{ChangeKind, Counter, EntryRow, NodeClass, NodeKind, NodeRow, ReadTx, WriteTx};
use crate::ops::{OpsError, assets, bin, folders, inbox, trail};
use crate::types::NodeId;

/// Something that was removed: which, from where, as what.
pub(super) type Gone = (NodeId, Spot, Box<Relic>, Vec<Step>);

impl Work<'_> {
    /// What the turn made, the innermost folders first.
    pub(super) fn unmake_nodes(
        &mut self,
        tx: &mut dyn WriteTx,
        made: Vec<(NodeId, Spot, Vec<Step>)>,
    ) -> Result<(), OpsError> {
        let mut deep = Vec::with_capacity(made.len());
        for (id, spot, steps) in made {
            deep.push((folders::ancestors(tx, id)?.len(), id, spot, steps));
        }
        deep.sort_by_key(|(depth, id, ..)| std::cmp::Reverse((*depth, *id)));
        for (_, id, spot, steps) in deep {
            let tried = self.unmake_node(tx, id, &spot);
            self.settle(steps, tried)?;
        }
        Ok(())
    }

    fn unmake_node(&mut self, tx: &mut dyn WriteTx, id: NodeId, spot: &Spot) -> Result<Tried, OpsError> {
        let Some(node) = tx.node(id)? else { return Ok(Tried::Already) };
        let Some(entry) = name_of(tx, id)?.filter(|e| e.parent == spot.parent && e.name.as_bytes() == spot.name) else {
            return Ok(Tried::Changed);
        };
        if node.kind == NodeKind::File && !kept_elsewhere(tx, &node)? {
            return Err(OpsError::failed("its bytes are kept nowhere else", "remove it by hand"));
        }
        if node.kind == NodeKind::Dir && tx.has_entries(id)? {
            return Err(OpsError::failed("the folder is not empty", "move away what is in it"));
        }
        self.may_node(tx, &node)?;
        trail::at(tx, &self.hand, "remove", (&node, &entry), json!({}))?;
        assets::unlink_entry(tx, &entry, self.hand.now)?;
        if node.kind == NodeKind::Dir || self.dry {
            tx.remove_node(id)?;
        } else {
            assets::drop_if_nameless(tx, self.library, id)?;
        }
        Ok(Tried::Done)
    }

    /// What the turn removed, the outermost folders first.
    pub(super) fn remake(&mut self, tx: &mut dyn WriteTx, mut gone: Vec<Gone>) -> Result<(), OpsError> {
        while !gone.is_empty() {
            let all = gone.len();
            let mut waiting = Vec::new();
            for (id, spot, relic, steps) in gone {
                if is_there(tx, spot.parent)? {
                    let tried = self.remake_one(tx, id, &spot, &relic);
                    self.settle(steps, tried)?;
                } else {
                    waiting.push((id, spot, relic, steps));
                }
            }
            gone = waiting;
            if gone.len() == all {
                let why = Why::Said("the folder that it was in is gone".into());
                gone.drain(..).for_each(|(.., steps)| self.leave(steps, &why));
            }
        }
        Ok(())
    }

    fn remake_one(&mut self, tx: &mut dyn WriteTx, id: NodeId, spot: &Spot, relic: &Relic) -> Result<Tried, OpsError> {
        if name_of(tx, id)?.is_some_and(|entry| entry.parent == spot.parent && entry.name.as_bytes() == spot.name)
            && tx.node(id)?.is_some_and(|node| (node.kind, node.class) == (relic.kind, relic.class))
        {
            return Ok(Tried::Already);
        }
        let lost = relic.kind == NodeKind::File && relic.staged
            || relic.content.map(|content| tx.content(content)).transpose()?.is_some_and(|content| content.is_none());
        if lost {
            return Err(OpsError::failed("its bytes were never stored", "write it again"));
        }
        let wanted = spot.file_name().ok_or_else(|| OpsError::failed("its name cannot be read", "see dam fsck"))?;
        let there = tx.node(id)?;
        // A folder in a desktop's trash is what it was, closed.
        let closed = there.as_ref().is_some_and(|n| n.kind == NodeKind::Dir && n.class == NodeClass::Local);
        let number = match there {
            Some(_) if !closed => NodeId(tx.next(Counter::Node)?),
            _ => id,
        };
        let node = relic.row(number, self.hand.now);
        self.may_node(tx, &node)?;
        tx.put_node(&NodeRow { asset: node.asset.filter(|_| node.class == NodeClass::Aside), ..node.clone() })?;
        if closed {
            match tx.names_of(id)?.into_iter().next() {
                Some(at) if at.parent == spot.parent && at.name == wanted => {
                    return self.remade(tx, &node, &at);
                }
                _ if !self.dry => bin::leave(tx, self.library, id, self.hand.now)?,
                _ => {}
            }
        }
        let name = inbox::free_name(tx, spot.parent, &wanted)?;
        let entry = folders::link(tx, spot.parent, &name, number, self.hand.now)?;
        for (name, value) in &relic.xattrs {
            tx.set_xattr(number, name, value)?;
        }
        for rule in &relic.rules {
            tx.put_folder_rule(&crate::catalog::FolderRule { folder: number, ..rule.clone() })?;
        }
        self.remade(tx, &node, &entry)
    }

    fn remade(&mut self, tx: &mut dyn WriteTx, node: &NodeRow, entry: &EntryRow) -> Result<Tried, OpsError> {
        tx.change(ChangeKind::Node, &node.id.to_string())?;
        trail::at(tx, &self.hand, "create", (node, entry), json!({}))?;
        Ok(Tried::Done)
    }
}

/// Whether a backup's bytes are those of a version, so that it may go.
fn kept_elsewhere(tx: &dyn ReadTx, node: &NodeRow) -> Result<bool, OpsError> {
    if node.class != NodeClass::Aside || node.staged {
        return Ok(false);
    }
    let (Some(asset), Some(content)) = (node.asset, node.content) else { return Ok(false) };
    Ok(tx.versions(asset)?.iter().any(|version| version.content == content))
}
