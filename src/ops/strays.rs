//! Scratch files that stayed: ten minutes after its last close one that is not empty is somebody's file.

use std::sync::{Arc, Mutex, PoisonError};

use super::folders::{self, Maker};
use super::trail::Origin;
use super::view_copy::added;
use super::{Library, OpsError, assets, assign, inbox};
use crate::access::Identity;
use crate::catalog::journal::Cause;
use crate::catalog::{CatalogError, EntryRow, NodeClass, NodeRow, WriteTx};
use crate::policy::Field;
use crate::types::{NodeId, Timestamp};
use crate::view::identity::SCRATCH_MS;
use crate::view::tree::{Dir, Tree};

impl Library {
    /// Makes assets of them.
    pub(super) fn sweep_scratch(self: &Arc<Self>) -> Result<(), OpsError> {
        let now = self.clock.now();
        if !self.scratch_swept.is_due(now) {
            return Ok(());
        }
        for node in self.catalog.read(|tx| tx.nodes_of_class(NodeClass::Scratch))? {
            // Its record moves at every close.
            let size = self.live.get(node.id).map_or(node.size, |file| file.seen().size);
            let open = self.live.get(node.id).is_some_and(|file| file.quiet_ms(now).is_none());
            if size == 0 || open || now.ms_since(node.ctime) < SCRATCH_MS {
                continue;
            }
            self.catalog.write(|tx| -> Result<(), OpsError> {
                let scratch = tx.node(node.id)?.filter(|n| n.class == NodeClass::Scratch && n.ctime == node.ctime);
                let Some(node) = scratch else { return Ok(()) };
                let Some(entry) = tx.names_of(node.id)?.into_iter().next() else { return Ok(()) };
                self.adopt_stray(tx, node, &entry, now)
            })?;
        }
        Ok(())
    }

    /// Below `library/` it stays where it is. One that is local to a view is filed, with what values of the view its maker may give.
    fn adopt_stray(
        &self,
        tx: &mut dyn WriteTx,
        mut node: NodeRow,
        entry: &EntryRow,
        now: Timestamp,
    ) -> Result<(), OpsError> {
        let maker = Maker { uid: node.uid, gid: node.gid, member: node.owner, cause: Cause::Unknown, now };
        let above = folders::ancestors(tx, entry.parent)?;
        let stayed = Origin { from: Some(entry), view: None };
        if above.last() == Some(&NodeId::LIBRARY) {
            return assets::adopt(tx, self, &mut node, entry, &maker, &stayed).map(drop);
        }
        let Some(path) = local_view(tx, &above)? else { return Ok(()) };
        let folder = inbox::unsorted(tx, &maker)?;
        let name = inbox::free_name(tx, folder, &entry.name)?;
        assets::unlink_entry(tx, entry, now)?;
        let filed = folders::link(tx, folder, &name, node.id, now)?;
        let origin = Origin { view: Some(&path), ..stayed };
        let mut asset = assets::adopt(tx, self, &mut node, &filed, &maker, &origin)?;
        if let Some(member) = maker.member
            && let Ok(who) = self.gate.who(&Identity::Member(member))
        {
            let sets = values(&Tree::new(tx, &who.subject, Some(member)).at(now), &path)?;
            let changes: Vec<_> =
                sets.into_iter().map(|(field, value)| (field.clone(), added(&field, &value))).collect();
            match assign::give(self, &who, tx, &mut asset, &changes, &maker.hand()) {
                Ok(()) => assign::store(tx, &asset)?,
                Err(OpsError::Refused { .. } | OpsError::Barred { .. } | OpsError::NoTerm { .. }) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

/// The path of the view that a folder is local to.
fn local_view(tx: &dyn WriteTx, above: &[NodeId]) -> Result<Option<String>, CatalogError> {
    let [.., local, NodeId::LOCALS] = above else { return Ok(None) };
    let path = tx.node(*local)?.and_then(|folder| folder.target);
    Ok(path.and_then(|path| String::from_utf8(path).ok()))
}

/// The values that a view gives; none when it is no longer there.
fn values(tree: &Tree<'_>, path: &str) -> Result<Vec<(Field, String)>, CatalogError> {
    match tree.walk(path)? {
        Some(Dir::Query(query)) => Ok(query.sets.into_iter().filter(|(field, _)| field.is_settable()).collect()),
        _ => Ok(Vec::new()),
    }
}

/// How often scratch files are looked at: ten minutes need no beat's precision.
const SCRATCH_SWEEP_MS: i64 = 10_000;

/// When they were looked at last.
#[derive(Debug, Default)]
pub(super) struct ScratchSwept(Mutex<Option<Timestamp>>);

impl ScratchSwept {
    fn is_due(&self, now: Timestamp) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|at| !(0..SCRATCH_SWEEP_MS).contains(&now.ms_since(at)));
        if due {
            *last = Some(now);
        }
        due
    }
}
