//! What time does: names that did not come back, scratch files that stayed, quiet files that become versions, the inbox.

use std::sync::Arc;

use super::assets;
use super::folders::Maker;
use super::{CHAIN, Library, OpsError};
use crate::audit;
use crate::catalog::NodeClass;
use crate::types::NodeId;
use crate::view::identity::SCRATCH_MS;

/// One thing to do at each beat.
type Beat = fn(&Arc<Library>) -> Result<(), OpsError>;

impl Library {
    /// One beat; a daemon calls it four times a second. Troubles are logged, the next beat tries again.
    pub fn tick(self: &Arc<Self>) {
        let beats: [(&str, Beat); 5] = [
            ("settling", |l| l.settle_quiet().map(|_| ())),
            ("tunnels", Self::sweep_tunnels),
            ("scratch files", Self::sweep_scratch),
            ("inbox", Self::sweep_inbox),
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
        for file in self.live.all() {
            if file.seen().size == 0 || file.quiet_ms(now).is_none_or(|ms| ms < SCRATCH_MS) {
                continue;
            }
            self.catalog.write(|tx| -> Result<(), OpsError> {
                let Some(mut node) = tx.node(file.node)?.filter(|n| n.class == NodeClass::Scratch) else {
                    return Ok(());
                };
                let Some(entry) = tx.names_of(node.id)?.into_iter().next() else { return Ok(()) };
                let folders = super::folders::ancestors(tx, entry.parent)?;
                if folders.last() != Some(&NodeId::LIBRARY) {
                    return Ok(());
                }
                let maker = Maker { uid: node.uid, gid: node.gid, member: node.owner, now };
                let asset = assets::adopt(tx, self, &mut node, &entry.name, entry.parent, &maker)?;
                let actor = super::versions::actor_name(tx, node.owner)?;
                let detail = serde_json::json!({ "name": asset.view_name, "why": "a scratch file stayed" });
                audit::append(tx, CHAIN, now, &actor, "asset.create", &asset.id.to_string(), &detail)?;
                Ok(())
            })?;
        }
        Ok(())
    }
}
