//! The inbox: what is dropped here is read when it is complete, filed below `library/`, and reported.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::json;

use super::folders::{self, Maker};
use super::live::{LiveError, LiveSource};
use super::live_table::LiveHandle;
use super::record::Hand;
use super::trail::{self, Origin};
use super::{Library, OpsError, assets};
use crate::blob::BlobError;
use crate::catalog::journal::Cause;
use crate::catalog::{CatalogError, ChangeKind, Counter, InboxRow, NodeClass, NodeRow, WriteTx};
use crate::media::{self, MediaError};
use crate::types::{AssetId, Content, FileName, NodeId, Timestamp};

/// Quiet time after which a complete file is filed.
const COMPLETE_MS: i64 = 2_000;
/// Quiet time after which a file that never became complete is refused.
const PATIENCE_MS: i64 = 60_000;

enum Outcome {
    Filed,
    Duplicate(AssetId),
    Refused(String),
}

impl Library {
    /// Files what is complete and quiet. One file's fault is its refusal and keeps no other waiting; a fault of the library ends nothing
    /// for good: the next beat tries again.
    pub(super) fn sweep_inbox(self: &Arc<Self>) -> Result<(), OpsError> {
        let now = self.clock.now();
        for node in self.catalog.read(|tx| tx.nodes_of_class(NodeClass::Inbox))? {
            match self.consider(&node, now) {
                Ok(()) | Err(OpsError::Live(LiveError::Gone(_))) => {}
                // Reading stops then, whatever the file is.
                Err(_) if self.ending.load(Ordering::Relaxed) => return Ok(()),
                Err(e) if is_its_own(&e) => {
                    let refused = Outcome::Refused(format!("{e}; write it again"));
                    let stamp = self.stamp(&node);
                    self.catalog.write(|tx| self.conclude(tx, &node, &refused, &stamp, now))?;
                }
                Err(e) => tracing::warn!(node = %node.id, error = %e, "a file in the inbox has to wait"),
            }
        }
        Ok(())
    }

    fn consider(self: &Arc<Self>, node: &NodeRow, now: Timestamp) -> Result<(), OpsError> {
        if self.was_refused(node)? {
            return Ok(());
        }
        let file = self.live.open(self, node.id, None)?;
        let Some(quiet) = file.quiet_ms(now) else { return Ok(()) };
        if quiet < COMPLETE_MS || file.seen().size == 0 {
            return Ok(());
        }
        self.file_from_inbox(node, &file, quiet, now)
    }

    /// A refused file stays where it is and is not judged again until it is written again.
    fn was_refused(&self, node: &NodeRow) -> Result<bool, CatalogError> {
        Ok(self.catalog.read(|tx| tx.xattr(node.id, REFUSED))?.is_some_and(|at| at == self.stamp(node)))
    }

    fn stamp(&self, node: &NodeRow) -> Vec<u8> {
        let seen = self.live.get(node.id).map(|f| f.seen());
        let (size, mtime) = seen.map_or((node.size, node.mtime), |s| (s.size, s.mtime));
        format!("{size}:{}", mtime.as_nanos()).into_bytes()
    }

    fn file_from_inbox(
        self: &Arc<Self>,
        node: &NodeRow,
        file: &LiveHandle,
        quiet: i64,
        now: Timestamp,
    ) -> Result<(), OpsError> {
        let source = LiveSource { file, ending: &self.ending };
        let probed = match media::probe(&source) {
            Err(MediaError::Io(e)) => return Err(BlobError::Source(e).into()),
            probed => probed,
        };
        let complete = probed.as_ref().is_ok_and(|p| p.complete);
        if !complete && quiet < PATIENCE_MS {
            return Ok(());
        }
        let refusal = match &probed {
            Err(e) => Some(format!("{e}; files of any other kind go straight into library/")),
            Ok(_) if !complete => Some("the file ends before its picture does; write it again".to_owned()),
            Ok(_) => None,
        };
        let generation = file.generation();
        let content = self.vault.add(&source)?;
        if file.generation() != generation {
            return Ok(());
        }
        let outcome = match refusal {
            Some(why) => Outcome::Refused(why),
            None => match self.known(node, &content)? {
                Some(twin) => Outcome::Duplicate(twin),
                None => Outcome::Filed,
            },
        };
        let stamp = self.stamp(node);
        let conclude = || self.catalog.write(|tx| self.conclude(tx, node, &outcome, &stamp, now));
        match outcome {
            Outcome::Filed => {
                if conclude()? {
                    self.settle_file(file)?;
                }
            }
            Outcome::Duplicate(_) => {
                file.take_away(generation, conclude)?;
            }
            Outcome::Refused(_) => {
                conclude()?;
            }
        }
        Ok(())
    }

    /// An asset with these bytes that whoever dropped the file may list.
    fn known(&self, node: &NodeRow, content: &Content) -> Result<Option<AssetId>, CatalogError> {
        let who = node.owner.and_then(|m| self.gate.who(&crate::access::Identity::Member(m)).ok());
        self.catalog.read(|tx| {
            for id in tx.assets_with_content(content.id)? {
                if let (Some(asset), Some(who)) = (tx.asset(id)?, &who)
                    && asset.trashed.is_none()
                    && self.gate.decide(who, crate::policy::Verb::List, &asset).allowed
                {
                    return Ok(Some(id));
                }
            }
            Ok(None)
        })
    }

    /// What becomes of it, in one transaction; `false` when it is not in the inbox any more.
    fn conclude(
        &self,
        tx: &mut dyn WriteTx,
        node: &NodeRow,
        outcome: &Outcome,
        stamp: &[u8],
        now: Timestamp,
    ) -> Result<bool, OpsError> {
        let Some(mut node) = tx.node(node.id)?.filter(|n| n.class == NodeClass::Inbox) else { return Ok(false) };
        let Some(entry) = tx.names_of(node.id)?.into_iter().next() else { return Ok(false) };
        let mut row = InboxRow {
            no: tx.next(Counter::Inbox)?,
            at: now,
            member: node.owner,
            name: entry.name.to_text(),
            outcome: String::new(),
            detail: String::new(),
            asset: None,
        };
        let hand = Hand::own(node.owner, now);
        match outcome {
            Outcome::Refused(why) => {
                tx.set_xattr(node.id, REFUSED, stamp)?;
                row.outcome = "refused".into();
                row.detail.clone_from(why);
                trail::at(tx, &hand, "refuse", (&node, &entry), json!({ "why": why }))?;
            }
            Outcome::Duplicate(twin) => {
                trail::at(tx, &hand, "drop", (&node, &entry), json!({ "twin": twin.to_string() }))?;
                assets::unlink_entry(tx, &entry, now)?;
                node.class = NodeClass::Local;
                tx.put_node(&node)?;
                tx.remove_node(node.id)?;
                row.outcome = "duplicate".into();
                row.asset = Some(*twin);
                row.detail = match tx.asset(*twin)?.and_then(|a| a.node) {
                    Some(n) => folders::path_of(tx, n)?.unwrap_or_default(),
                    None => String::new(),
                };
            }
            Outcome::Filed => {
                let maker = Maker { uid: node.uid, gid: node.gid, member: node.owner, cause: Cause::Unknown, now };
                let folder = unsorted(tx, &maker)?;
                let name = free_name(tx, folder, &entry.name)?;
                assets::unlink_entry(tx, &entry, now)?;
                let filed = folders::link(tx, folder, &name, node.id, now)?;
                tx.remove_xattr(node.id, REFUSED)?;
                let origin = Origin { from: Some(&entry), view: None };
                let asset = assets::adopt(tx, self, &mut node, &filed, &maker, &origin)?;
                row.outcome = "filed".into();
                row.asset = Some(asset.id);
                row.detail = folders::path_of(tx, node.id)?.unwrap_or_default();
            }
        }
        tx.add_inbox(&row)?;
        tx.change(ChangeKind::Inbox, "")?;
        Ok(true)
    }
}

/// Where the verdict on a refused file is kept; the kernel never asks for names in this space.
const REFUSED: &[u8] = b"damfs.inbox.refused";

/// `library/Unsorted/<yyyy>/<mm>`, where files without a place go.
///
/// # Errors
/// When the catalogue fails.
pub fn unsorted(tx: &mut dyn WriteTx, maker: &Maker) -> Result<NodeId, OpsError> {
    let (year, month, _) = maker.now.ymd();
    folders::ensure_folder(tx, &format!("Unsorted/{year:04}/{month:02}"), maker)
}

/// The name, or `name (2).ext` and so on when it is taken in the folder.
///
/// # Errors
/// When the catalogue fails.
pub fn free_name(tx: &dyn WriteTx, folder: NodeId, name: &FileName) -> Result<FileName, OpsError> {
    if tx.entry(folder, name)?.is_none() {
        return Ok(name.clone());
    }
    for n in 2..u32::MAX {
        let candidate = name.numbered(n);
        if tx.entry(folder, &candidate)?.is_none() {
            return Ok(candidate);
        }
    }
    Err(OpsError::failed("no free name in the folder", "give the file another name"))
}

/// Whether a fault is the file's own: trying again without writing it again would bring the same.
fn is_its_own(fault: &OpsError) -> bool {
    match fault {
        OpsError::Live(LiveError::StageMissing(_))
        | OpsError::Live(LiveError::Blob(BlobError::Damaged { .. } | BlobError::Missing(_)))
        | OpsError::Blob(BlobError::Source(_) | BlobError::Damaged { .. } | BlobError::Missing(_))
        | OpsError::Catalog(CatalogError::Constraint(_))
        | OpsError::Usage { .. }
        | OpsError::NoTerm { .. }
        | OpsError::Barred { .. }
        | OpsError::Failed { .. } => true,
        OpsError::Live(_)
        | OpsError::Blob(_)
        | OpsError::Catalog(_)
        | OpsError::NotFound(_)
        | OpsError::Unknown { .. }
        | OpsError::Refused { .. }
        | OpsError::Locked { .. }
        | OpsError::Several { .. }
        | OpsError::Access(_)
        | OpsError::Io(_) => false,
    }
}
