//! What time does: names that did not come back, scratch files that stayed, quiet files that become versions, the inbox.

use std::sync::Arc;

use super::assets;
use super::folders::Maker;
use super::notices::Notice;
use super::{CHAIN, Library, OpsError};
use crate::audit;
use crate::catalog::{NodeClass, TunnelHow, TunnelRow, WriteTx};
use crate::types::NodeId;
use crate::view::identity::{SCRATCH_MS, TUNNEL_MS};

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

    /// Names that were set aside or removed and did not come back.
    fn sweep_tunnels(self: &Arc<Self>) -> Result<(), OpsError> {
        let now = self.clock.now();
        let old = now.plus_ms(-TUNNEL_MS);
        if self.catalog.read(|tx| tx.tunnels_before(old))?.is_empty() {
            return Ok(());
        }
        let put_back = self.catalog.write(|tx| -> Result<Vec<TunnelRow>, OpsError> {
            let mut put_back = Vec::new();
            for tunnel in tx.tunnels_before(old)? {
                tx.remove_tunnel(tunnel.parent, &tunnel.name)?;
                match tunnel.how {
                    // The file was really renamed to its backup name, really moved, or really removed.
                    TunnelHow::Aside | TunnelHow::Moved | TunnelHow::Removed => {}
                    TunnelHow::AsideInView => Self::drop_view_backups(tx, &tunnel)?,
                    TunnelHow::RemovedWithoutDelete => {
                        let Some(mut asset) = tx.asset(tunnel.asset)? else { continue };
                        if asset.trashed.is_some() && tx.entry(tunnel.parent, &tunnel.name)?.is_none() {
                            assets::restore(tx, &mut asset, tunnel.parent, &tunnel.name, None, now)?;
                            put_back.push(tunnel);
                        }
                    }
                }
            }
            Ok(put_back)
        })?;
        for tunnel in put_back {
            self.notices.add(Notice {
                at: now,
                member: tunnel.member,
                op: "unlink".into(),
                sentence: format!("`{}` was put back: your role may edit it but not delete it", tunnel.name),
            });
        }
        Ok(())
    }

    /// In a view the name only seemed to go; its backup name in the view goes now.
    fn drop_view_backups(tx: &mut dyn WriteTx, tunnel: &TunnelRow) -> Result<(), OpsError> {
        for entry in tx.names_of(tunnel.node)? {
            let local = tx.names_of(entry.parent)?.first().is_some_and(|e| e.parent == NodeId::LOCALS);
            if local {
                tx.remove_entry(entry.id)?;
            }
        }
        Ok(())
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
