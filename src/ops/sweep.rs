//! What time does: names that did not come back, scratch files that stayed, quiet files that become versions, the inbox.

use std::sync::{Arc, Mutex, PoisonError};

use super::assets;
use super::folders::Maker;
use super::trail::Origin;
use super::{Library, OpsError};
use crate::catalog::NodeClass;
use crate::types::{NodeId, Timestamp};
use crate::view::identity::{QUIET_MS, SCRATCH_MS};

/// One thing to do at each beat.
type Beat = fn(&Arc<Library>) -> Result<(), OpsError>;

impl Library {
    /// One beat; a daemon calls it four times a second. Troubles are logged, the next beat tries again.
    pub fn tick(self: &Arc<Self>) {
        let beats: [(&str, Beat); 6] = [
            ("settling", |l| l.settle_short(QUIET_MS).map(|_| ())),
            ("tunnels", Self::sweep_tunnels),
            ("scratch files", Self::sweep_scratch),
            ("inbox", Self::sweep_inbox),
            ("keeping space back", |l| Ok(l.reserve.keep()?)),
            ("refusals", |l| Ok(l.write_denials()?)),
        ];
        for (what, beat) in beats {
            if let Err(e) = beat(self) {
                tracing::warn!(error = %e, "{what}: this beat failed; the next one tries again");
            }
        }
    }

    /// A scratch file that is still there ten minutes after its last close and not empty is somebody's file.
    fn sweep_scratch(self: &Arc<Self>) -> Result<(), OpsError> {
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
                let Some(mut node) = scratch else { return Ok(()) };
                let Some(entry) = tx.names_of(node.id)?.into_iter().next() else { return Ok(()) };
                let folders = super::folders::ancestors(tx, entry.parent)?;
                if folders.last() != Some(&NodeId::LIBRARY) {
                    return Ok(());
                }
                let maker = Maker { uid: node.uid, gid: node.gid, member: node.owner, now };
                let stayed = Origin { from: Some(&entry), view: None };
                assets::adopt(tx, self, &mut node, &entry, &maker, &stayed)?;
                Ok(())
            })?;
        }
        Ok(())
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
