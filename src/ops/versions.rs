//! Making versions: when the last dirty handle is closed and quiet has passed, the staged bytes become the next version.
//! Order: extents, one sync, the manifest, then one transaction that points at them; a crash in between leaves orphans for gc, never a hole.

use std::sync::Arc;

use super::library::Library;
use super::live::{LiveFile, LiveSource};
use super::{CHAIN, OpsError, mapped, probe as probes};
use crate::audit;
use crate::blob::ObjectKind;
use crate::catalog::{Asset, CatalogError, ChangeKind, Counter, NodeClass, NodeRow, VersionRow, WriteTx};
use crate::media::{self, Probe};
use crate::types::{AssetId, Content, MemberId, NodeId, Timestamp, VersionId, VersionNo};
use crate::view::identity::QUIET_MS;

/// What became of staged bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// They are the next version.
    Version(VersionId),
    /// They are the same as the last version.
    Same,
    /// They were a copy of an asset into a view: the asset got the view's values.
    Tagged(AssetId),
    /// They are no asset's (scratch, lock, backup) and stay as they are.
    Local,
    /// A writer came; later.
    Later,
}

impl Library {
    /// Brings back what a crash left: staged bytes, nodes that were open without a name.
    pub(super) fn recover(self: &Arc<Self>) -> Result<(), CatalogError> {
        for id in self.catalog.read(|tx| tx.orphan_nodes())? {
            self.catalog.write(|tx| tx.remove_node(id))?;
            if let Err(e) = self.stages.remove(id) {
                tracing::warn!(node = %id, error = %e, "a staging file could not be removed");
            }
        }
        for id in self.catalog.read(|tx| tx.staged_nodes())? {
            let Some(row) = self.catalog.read(|tx| tx.node(id))? else { continue };
            match self.live.load(self, &row) {
                Ok(file) if file.seen().staged => {}
                // Killed between the catalogue's word and the first byte: there is nothing staged.
                Ok(_) => self.catalog.write(|tx| -> Result<(), CatalogError> {
                    if let Some(mut row) = tx.node(id)? {
                        row.staged = false;
                        tx.put_node(&row)?;
                    }
                    Ok(())
                })?,
                Err(e) => {
                    tracing::error!(node = %id, error = %e, "staged bytes cannot be read; the last version stands; run `dam fsck`");
                }
            }
        }
        Ok(())
    }

    /// Makes versions of everything that is written and closed, at once. Returns how many were made.
    ///
    /// # Errors
    /// When the store or the catalogue fails; what was not reached stays staged.
    pub fn settle(self: &Arc<Self>) -> Result<u64, OpsError> {
        self.settle_ripe(0)
    }

    /// The same for what has been quiet long enough.
    ///
    /// # Errors
    /// As [`Library::settle`].
    pub fn settle_quiet(self: &Arc<Self>) -> Result<u64, OpsError> {
        self.settle_ripe(QUIET_MS)
    }

    fn settle_ripe(self: &Arc<Self>, quiet_ms: i64) -> Result<u64, OpsError> {
        let now = self.clock.now();
        let mut made = 0;
        let mut failed = None;
        for file in self.live.all() {
            if !file.is_ripe(now, quiet_ms) {
                continue;
            }
            match self.settle_file(&file) {
                Ok(Settled::Version(_)) => made += 1,
                Ok(_) => {}
                Err(e) => {
                    tracing::error!(node = %file.node, error = %e, "a version could not be made; its bytes stay staged");
                    failed = Some(e);
                }
            }
        }
        failed.map_or(Ok(made), Err)
    }

    /// Makes a version of one file's staged bytes.
    ///
    /// # Errors
    /// As [`Library::settle`].
    pub fn settle_file(self: &Arc<Self>, file: &Arc<LiveFile>) -> Result<Settled, OpsError> {
        let Some(row) = self.catalog.read(|tx| tx.node(file.node))? else {
            self.live.let_go(self, file);
            return Ok(Settled::Local);
        };
        if row.class != NodeClass::Asset {
            return Ok(Settled::Local);
        }
        let Some(asset) = self.asset_of(&row)? else { return Ok(Settled::Local) };
        if asset.head.is_none() && file.seen().size == 0 {
            // A placeholder: browsers put an empty file before the download.
            return Ok(Settled::Local);
        }
        let generation = file.generation();
        let source = LiveSource(file);
        let content = self.vault.add(&source)?;
        if file.generation() != generation {
            return Ok(Settled::Later);
        }
        if let Some(twin) = self.view_copy_twin(&row, &content)?
            && self.merge_view_copy(file, &row, twin)?
        {
            return Ok(Settled::Tagged(twin));
        }
        let head = self.catalog.read(|tx| match asset.head {
            Some(head) => tx.version(head),
            None => Ok(None),
        })?;
        if let Some(head) = head.filter(|h| h.content == content.id) {
            self.unstage(file, generation, &row, &content, head.mtime)?;
            return Ok(Settled::Same);
        }
        let probe = media::probe(&source).unwrap_or_else(|_| probes::nothing());
        self.vault.sync()?;
        self.commit_version(file, generation, &row, &content, &probe)
    }

    fn asset_of(&self, row: &NodeRow) -> Result<Option<Asset>, CatalogError> {
        match row.asset {
            Some(id) => self.catalog.read(|tx| tx.asset(id)),
            None => Ok(None),
        }
    }

    /// The transaction that points at the bytes, with the file's bytes held still.
    fn commit_version(
        self: &Arc<Self>,
        file: &Arc<LiveFile>,
        generation: u64,
        row: &NodeRow,
        content: &Content,
        probe: &Probe,
    ) -> Result<Settled, OpsError> {
        let now = self.clock.now();
        let id = VersionId::make(now, self.entropy.as_ref())?;
        let mut io = file.lock_io();
        if io.generation != generation {
            return Ok(Settled::Later);
        }
        let seen = file.seen();
        let made = self.catalog.write(|tx| -> Result<Option<(VersionRow, Asset)>, CatalogError> {
            let Some(mut node) = tx.node(row.id)? else { return Ok(None) };
            if node.class != NodeClass::Asset || node.asset != row.asset {
                return Ok(None);
            }
            let Some(mut asset) = node.asset.map(|id| tx.asset(id)).transpose()?.flatten() else { return Ok(None) };
            let earlier = tx.versions(asset.id)?;
            let mut mtime = seen.mtime;
            // rsync compares size and whole seconds: a version of equal size must move the second.
            if let Some(last) = earlier.last().filter(|l| l.size == content.size && !seen.mtime_set) {
                mtime = mtime.max(last.mtime.plus_ms(1_000));
            }
            let version = VersionRow {
                id,
                no: VersionNo(tx.next(Counter::Version)?),
                asset: asset.id,
                n: next_n(&earlier),
                content: content.id,
                size: content.size,
                mtime,
                made_at: now,
                made_by: node.owner,
                format: probe.format.clone(),
                kind: probe.kind.clone(),
                width: probe.width,
                height: probe.height,
                orientation: probe.orientation,
            };
            tx.put_content(content)?;
            tx.add_version(&version)?;
            probes::apply_probe(&mut asset, probe);
            if asset.head.is_none() {
                mapped::absorb(tx, &mut asset, node.id)?;
            }
            asset.head = Some(id);
            asset.changed = now;
            tx.put_asset(&asset)?;
            node.content = Some(content.id);
            node.staged = false;
            node.size = content.size;
            node.mtime = mtime;
            node.ctime = now;
            tx.put_node(&node)?;
            tx.change(ChangeKind::Node, &node.id.to_string())?;
            tx.change(ChangeKind::Asset, &asset.id.to_string())?;
            let actor = actor_name(tx, node.owner)?;
            audit::append(
                tx,
                CHAIN,
                now,
                &actor,
                "version.commit",
                &asset.id.to_string(),
                &serde_json::json!({ "n": version.n, "content": content.id, "size": content.size }),
            )?;
            Ok(Some((version, asset)))
        })?;
        let Some((version, asset)) = made else { return Ok(Settled::Later) };
        // The staged bytes may have been synced on a program's word: they go only when the version is as durable.
        self.catalog.barrier()?;
        file.committed(&mut io, content.id, self.vault.open(content), version.mtime);
        drop(io);
        self.write_manifest(&asset, &version, content);
        self.remove_stage(row.id);
        self.live.let_go(self, file);
        Ok(Settled::Version(version.id))
    }

    /// Bytes that already were a version of a record given up for this one become this one's next version, in the caller's transaction.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn adopt_version(
        &self,
        tx: &mut dyn WriteTx,
        asset: &mut Asset,
        node: &mut NodeRow,
        was: &VersionRow,
    ) -> Result<(), OpsError> {
        let now = self.clock.now();
        let earlier = tx.versions(asset.id)?;
        if earlier.last().is_some_and(|last| last.content == was.content) {
            return Ok(());
        }
        let version = VersionRow {
            id: VersionId::make(now, self.entropy.as_ref())?,
            no: VersionNo(tx.next(Counter::Version)?),
            asset: asset.id,
            n: next_n(&earlier),
            made_at: now,
            ..was.clone()
        };
        tx.add_version(&version)?;
        asset.head = Some(version.id);
        asset.kind.clone_from(&was.kind);
        asset.format.clone_from(&was.format);
        (asset.width, asset.height, asset.orientation) = (was.width, was.height, was.orientation);
        tx.put_asset(asset)?;
        let actor = actor_name(tx, node.owner)?;
        let detail = serde_json::json!({ "n": version.n, "content": was.content, "size": was.size });
        Ok(audit::append(tx, CHAIN, now, &actor, "version.commit", &asset.id.to_string(), &detail)?)
    }

    /// The staged bytes turned out to be the committed ones.
    fn unstage(
        self: &Arc<Self>,
        file: &Arc<LiveFile>,
        generation: u64,
        row: &NodeRow,
        content: &Content,
        mtime: Timestamp,
    ) -> Result<(), OpsError> {
        let mut io = file.lock_io();
        if io.generation != generation {
            return Ok(());
        }
        let seen = file.seen();
        let mtime = if seen.mtime_set { seen.mtime } else { mtime };
        self.catalog.write(|tx| -> Result<(), CatalogError> {
            if let Some(mut node) = tx.node(row.id)? {
                tx.put_content(content)?;
                node.content = Some(content.id);
                node.staged = false;
                node.size = content.size;
                node.mtime = mtime;
                tx.put_node(&node)?;
                tx.change(ChangeKind::Node, &node.id.to_string())?;
            }
            Ok(())
        })?;
        self.vault.sync()?;
        self.catalog.barrier()?;
        file.committed(&mut io, content.id, self.vault.open(content), mtime);
        drop(io);
        self.remove_stage(row.id);
        self.live.let_go(self, file);
        Ok(())
    }

    /// The version in words beside its bytes, so that the catalogue can be made again from the store.
    /// After the commit: a manifest that is missing is made again by fsck, one that speaks of nothing would be worse.
    pub(super) fn write_manifest(&self, asset: &Asset, version: &VersionRow, content: &Content) {
        let manifest = serde_json::json!({ "manifest": 1, "asset": asset, "version": version, "content": content });
        let name = format!("{}/{}", asset.id, version.n);
        if let Err(e) = self.vault.put_object(ObjectKind::Manifest, &name, manifest.to_string().as_bytes()) {
            tracing::warn!(asset = %asset.id, error = %e, "a manifest could not be written; `dam fsck` makes it again");
        }
    }

    fn remove_stage(&self, node: NodeId) {
        if let Err(e) = self.stages.remove(node) {
            tracing::warn!(%node, error = %e, "a staging file could not be removed");
        }
    }
}

/// The name that the audit log shows for a member.
///
/// # Errors
/// When the catalogue fails.
pub fn actor_name(tx: &dyn WriteTx, member: Option<MemberId>) -> Result<String, CatalogError> {
    Ok(match member {
        Some(id) => tx.member(id)?.map_or_else(|| id.to_string(), |m| m.name),
        None => "damfs".to_owned(),
    })
}

fn next_n(earlier: &[VersionRow]) -> u32 {
    earlier.last().map_or(1, |last| last.n.saturating_add(1))
}
