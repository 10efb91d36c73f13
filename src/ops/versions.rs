//! Making versions: when the last dirty handle is closed and quiet has passed, the staged bytes become the next version.
//! Order: extents and manifest, one sync, one transaction that points at them; a crash in between leaves orphans for gc, never a hole.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::library::Library;
use super::live::{LiveError, LiveFile, LiveSource, Seen};
use super::live_table::LiveHandle;
use super::manifests::{FileFacts, Manifest};
use super::notices::Notice;
use super::probe::{self, Reading};
use super::record::Hand;
use super::{OpsError, conflicts, manifests, mapped, rivals, trail};
use crate::blob::BlobError;
use crate::catalog::{Asset, CatalogError, ChangeKind, Counter, NodeClass, NodeRow, ReadTx, VersionRow, WriteTx};
use crate::media::Probe;
use crate::types::{AssetId, Content, MemberId, NodeId, ReadAt, Timestamp, VersionId, VersionNo};
use crate::view::identity::QUIET_MS;

/// Quiet time after which bytes that are no version go into the store, so that nothing stays staged for ever.
const LOCAL_QUIET_MS: i64 = 60_000;
/// How long, and how often, a settle waits for the kernel to let go of what was closed.
const CLOSING_WAIT: Duration = Duration::from_millis(2);
const CLOSING_WAITS: u32 = 50;

/// From this length on a settle is not done by the beat.
const LONG: u64 = 64 << 20;

/// Waits a moment for the kernel to let go of what programs have closed.
fn let_close(mut closing: Vec<Arc<LiveFile>>) {
    for _ in 0..CLOSING_WAITS {
        closing.retain(|file| file.is_closing());
        if closing.is_empty() {
            return;
        }
        std::thread::sleep(CLOSING_WAIT);
    }
}

fn is_long(file: &LiveFile) -> bool {
    file.seen().size >= LONG
}

/// What became of staged bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// They are the next version.
    Version(VersionId),
    /// They are the same as the last version.
    Same,
    /// They were a copy of an asset into a view: the asset got the view's values.
    Tagged(AssetId),
    /// They are no asset's (scratch, lock, backup); after a minute they are in the store.
    Local,
    /// A writer came; later.
    Later,
}

/// What committed bytes are to their node's asset.
pub(super) enum Next {
    Version(VersionId),
    Same,
    /// There is none, or nothing of it yet.
    Local,
}

/// What nobody else has: a version's id and numbers, taken before anything is written that names it.
struct Ticket {
    id: VersionId,
    no: VersionNo,
    at: Timestamp,
}

/// A version that is about to be made: its manifest is written.
pub(super) struct Planned {
    reading: Reading,
    /// The version that it follows.
    head: Option<VersionId>,
    ticket: Ticket,
    /// `None`: the bytes are those of the version before.
    version: Option<VersionRow>,
}

impl Library {
    /// Brings back what a crash left: staged bytes, nodes that were open without a name.
    pub(super) fn recover(self: &Arc<Self>) -> Result<(), CatalogError> {
        for id in self.catalog.read(|tx| tx.orphan_nodes())? {
            self.catalog.write(|tx| tx.remove_node(id))?;
            self.remove_stage(id);
        }
        let staged = self.catalog.read(|tx| tx.staged_nodes())?;
        match self.stages.list() {
            // Killed between the first byte and the catalogue's word, or between that and the removal.
            Ok(there) => there.into_iter().filter(|id| !staged.contains(id)).for_each(|id| self.remove_stage(id)),
            Err(e) => tracing::warn!(error = %e, "the folder of staging files cannot be read"),
        }
        for id in staged {
            match self.live.open(self, id, None) {
                Ok(_) => {}
                // A power cut took what was never synced.
                Err(LiveError::StageMissing(_)) => self.forget_stage(id)?,
                Err(e) => {
                    tracing::error!(node = %id, error = %e, "staged bytes cannot be read; the last version stands; run `dam fsck`");
                }
            }
        }
        Ok(())
    }

    /// Makes versions of everything that is written and closed, at once. Returns what was made. Waits a moment for files that
    /// their programs have closed and the kernel has not.
    ///
    /// # Errors
    /// When the store or the catalogue fails; what was not reached stays staged.
    pub fn settle(self: &Arc<Self>) -> Result<Vec<VersionId>, OpsError> {
        let_close(self.live.all());
        let mut made = self.settle_ripe(0, |_| true)?;
        made.extend(self.settle_emptied(0)?);
        Ok(made)
    }

    /// The same of one file.
    ///
    /// # Errors
    /// As [`Library::settle`].
    pub(super) fn settle_node(self: &Arc<Self>, node: NodeId) -> Result<(), OpsError> {
        let_close(self.live.get(node).into_iter().collect());
        self.settle_ripe(0, |file| file.node == node).map(drop)
    }

    /// The same for short files, to be done in a moment.
    ///
    /// # Errors
    /// As [`Library::settle`].
    pub(super) fn settle_short(self: &Arc<Self>, quiet_ms: i64) -> Result<Vec<VersionId>, OpsError> {
        let mut made = self.settle_ripe(quiet_ms, |file| !is_long(file))?;
        made.extend(self.settle_emptied(quiet_ms)?);
        Ok(made)
    }

    /// The same for long files that have been quiet long enough. May take minutes, unless the library ends.
    pub fn settle_long(self: &Arc<Self>) {
        if let Err(e) = self.settle_ripe(QUIET_MS, is_long) {
            tracing::warn!(error = %e, "settling long files: this beat failed; the next one tries again");
        }
    }

    fn settle_ripe(
        self: &Arc<Self>,
        quiet_ms: i64,
        wanted: impl Fn(&LiveFile) -> bool,
    ) -> Result<Vec<VersionId>, OpsError> {
        let now = self.clock.now();
        let mut made = Vec::new();
        let mut failed = None;
        let mut ripe = self.live.all();
        ripe.retain(|file| file.is_ripe(now, quiet_ms) && wanted(file));
        ripe.sort_by_key(|file| file.seen().size);
        for file in ripe {
            let settled = match self.live.open(self, file.node, None) {
                Ok(held) => self.settle_file(&held),
                Err(LiveError::Gone(_)) => continue,
                Err(e) => Err(e.into()),
            };
            match settled {
                Ok(Settled::Version(id)) => made.push(id),
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
    pub fn settle_file(self: &Arc<Self>, file: &LiveHandle) -> Result<Settled, OpsError> {
        let _one = file.settling();
        if !file.seen().staged {
            return Ok(Settled::Same);
        }
        let Some(row) = self.catalog.read(|tx| tx.node(file.node))? else { return Ok(Settled::Local) };
        let asset = self.asset_of(&row)?;
        // A placeholder is none yet: browsers put an empty file before the download.
        let published = asset.as_ref().is_some_and(|asset| asset.head.is_some() || file.seen().size > 0);
        if !published && file.quiet_ms(self.clock.now()).is_none_or(|ms| ms < LOCAL_QUIET_MS) {
            file.rest(LOCAL_QUIET_MS);
            return Ok(Settled::Local);
        }
        let generation = file.generation();
        // Short ones are done at the end, too.
        let never = AtomicBool::new(false);
        let ending = if is_long(file) { &self.ending } else { &never };
        let source = LiveSource { file, ending };
        let content = match self.vault.add(&source) {
            Err(_) if ending.load(Ordering::Relaxed) => return Ok(Settled::Later),
            added => added?,
        };
        if file.generation() != generation {
            return Ok(Settled::Later);
        }
        let planned = match asset.filter(|_| published) {
            None => None,
            Some(asset) => {
                if let Some(twin) = self.view_copy_twin(&row, &content)? {
                    return self.merge_view_copy(file, generation, &row, twin);
                }
                Some(self.plan(asset, &row, &file.seen(), &content, &LiveSource { file, ending: &never })?)
            }
        };
        self.vault.sync(&[&content])?;
        self.commit_bytes(file, generation, &row, &content, planned.as_ref())
    }

    /// What a version says of itself.
    pub(super) fn read_version(
        &self,
        tx: &dyn ReadTx,
        version: Option<VersionId>,
    ) -> Result<Option<Probe>, CatalogError> {
        let Some(version) = version.map(|id| tx.version(id)).transpose()?.flatten() else { return Ok(None) };
        Ok(tx.content(version.content)?.map(|content| probe::read(&self.vault.open(&content))))
    }

    pub(super) fn asset_of(&self, row: &NodeRow) -> Result<Option<Asset>, CatalogError> {
        match row.asset.filter(|_| row.class == NodeClass::Asset) {
            Some(id) => self.catalog.read(|tx| tx.asset(id)),
            None => Ok(None),
        }
    }

    /// Reads the bytes that are to be an asset's next version and writes the manifest of it; the next sync covers that.
    pub(super) fn plan(
        &self,
        mut asset: Asset,
        row: &NodeRow,
        seen: &Seen,
        content: &Content,
        source: &dyn ReadAt,
    ) -> Result<Planned, OpsError> {
        let head = asset.head;
        let before = self.catalog.read(|tx| self.read_version(tx, head))?;
        let reading = Reading { now: probe::read(source), before };
        // In a transaction of its own: the number is durable before the manifest names it.
        let no = self.catalog.write(|tx| tx.next(Counter::Version))?;
        let now = self.clock.now();
        let ticket = Ticket { id: VersionId::make(now, self.entropy.as_ref())?, no: VersionNo(no), at: now };
        let mut node = NodeRow { mtime: seen.mtime, mtime_set: seen.mtime_set, ..row.clone() };
        let manifest = self.catalog.read(|tx| -> Result<_, OpsError> {
            let Some(drafted) = draft(tx, &mut asset, &mut node, seen, content, &reading, &ticket)? else {
                return Ok(None);
            };
            let generation = probe::generation_after(tx.generation(asset.id)?, drafted.version.n, &reading.now);
            let file = FileFacts::of(tx, &node)?;
            Ok(Some(Manifest::new(asset.clone(), generation, drafted.version, content.clone(), Some(file))))
        })?;
        if let Some(manifest) = &manifest {
            self.put_manifest(manifest)?;
        }
        Ok(Planned { reading, head, ticket, version: manifest.map(|manifest| manifest.version) })
    }

    /// The transaction that points at the bytes, with the file's bytes held still. Bytes of an asset have their version planned.
    fn commit_bytes(
        &self,
        file: &LiveFile,
        generation: u64,
        row: &NodeRow,
        content: &Content,
        planned: Option<&Planned>,
    ) -> Result<Settled, OpsError> {
        let mut io = file.lock_io();
        if io.generation != generation {
            return Ok(Settled::Later);
        }
        let made = self.catalog.write(|tx| -> Result<_, OpsError> {
            let Some(mut node) = tx.node(row.id)? else { return Ok(None) };
            if node.class != row.class || node.asset != row.asset {
                return Ok(None);
            }
            let seen = file.seen();
            node.content = Some(content.id);
            node.staged = false;
            node.size = content.size;
            node.mtime = seen.mtime;
            let id = node.asset.filter(|_| node.class == NodeClass::Asset);
            let asset = id.map(|id| tx.asset(id)).transpose()?.flatten();
            let published = asset.is_some_and(|asset| asset.head.is_some() || content.size > 0);
            let version = match planned {
                Some(planned) if published => self.next_version(tx, &mut node, &seen, content, planned)?,
                None if !published => {
                    tx.put_content(content)?;
                    Some(Next::Local)
                }
                _ => None,
            };
            let Some(version) = version else { return Ok(None) };
            tx.put_node(&node)?;
            tx.change(ChangeKind::Node, &node.id.to_string())?;
            Ok(Some((seen.mtime, node.mtime, version)))
        })?;
        let Some((before, after, version)) = made else { return Ok(Settled::Later) };
        // The staged bytes may have been synced on a program's word: they go only when what replaces them is as durable.
        self.catalog.barrier()?;
        file.committed(self, &mut io, (content.id, self.vault.open(content)), (before, after));
        drop(io);
        if !matches!(version, Next::Local) {
            // It is an asset of its own now, whatever is written to it later.
            self.view_copies.remove(row.id);
        }
        Ok(match version {
            Next::Local => Settled::Local,
            Next::Same => Settled::Same,
            Next::Version(id) => Settled::Version(id),
        })
    }

    /// Publishes a node's newly committed bytes as its asset's version; `node` gets the times that follow. `None`, and nothing changed, when
    /// they would not be what was planned and what the manifest says.
    pub(super) fn next_version(
        &self,
        tx: &mut dyn WriteTx,
        node: &mut NodeRow,
        seen: &Seen,
        content: &Content,
        planned: &Planned,
    ) -> Result<Option<Next>, OpsError> {
        let asset = node.asset.map(|id| tx.asset(id)).transpose()?.flatten();
        let Some(mut asset) = asset.filter(|asset| asset.head == planned.head) else { return Ok(None) };
        let first = asset.head.is_none();
        let drafted = draft(tx, &mut asset, node, seen, content, &planned.reading, &planned.ticket)?;
        match drafted {
            drafted if drafted.as_ref().map(|drafted| &drafted.version) != planned.version.as_ref() => Ok(None),
            None => {
                if let Some(last) = tx.versions(asset.id)?.pop() {
                    rivals::agree(tx, asset, last.n)?;
                }
                Ok(Some(Next::Same))
            }
            Some(drafted) => {
                if first {
                    mapped::absorb(tx, &mut asset, node.id)?;
                }
                tx.put_content(content)?;
                if self.publish(tx, &mut asset, node.id, &drafted, &planned.reading.now)? {
                    manifests::owe(tx, &drafted.version)?;
                }
                Ok(Some(Next::Version(drafted.version.id)))
            }
        }
    }

    /// Puts a version and its record into the catalogue, in the caller's transaction. Whether sidecars had more to say to the record.
    fn publish(
        &self,
        tx: &mut dyn WriteTx,
        asset: &mut Asset,
        node: NodeId,
        drafted: &Drafted,
        probe: &Probe,
    ) -> Result<bool, OpsError> {
        let version = &drafted.version;
        tx.add_version(version)?;
        tx.put_asset(asset)?;
        let said = asset.clone();
        self.read_sidecars(tx, asset, node, version, drafted.before)?;
        probe::keep_generation(tx, asset.id, version.n, probe)?;
        tx.change(ChangeKind::Asset, &asset.id.to_string())?;
        let mut detail = serde_json::json!({ "n": version.n, "content": version.content, "size": version.size });
        if !drafted.at_odds.is_empty() {
            detail["conflict"] = drafted.at_odds.clone().into();
        }
        let hand = Hand::own(version.made_by, version.made_at);
        trail::append(tx, &hand, "version.commit", &asset.id.to_string(), &detail)?;
        Ok(*asset != said)
    }

    /// Bytes that were committed before they became this asset's are its next version at once, in the caller's transaction.
    ///
    /// # Errors
    /// When the catalogue fails, or its content is not there.
    pub(super) fn version_committed(
        &self,
        tx: &mut dyn WriteTx,
        asset: &mut Asset,
        node: &NodeRow,
    ) -> Result<(), OpsError> {
        let Some(id) = node.content.filter(|_| !node.staged) else { return Ok(()) };
        let head = asset.head.map(|head| tx.version(head)).transpose()?.flatten();
        if head.as_ref().is_some_and(|head| head.content == id) {
            return Ok(());
        }
        let missing = || CatalogError::Constraint(format!("content {id} of node {} is not in the catalogue", node.id));
        let content = tx.content(id)?.ok_or_else(missing)?;
        if head.is_none() && content.size == 0 {
            return Ok(());
        }
        let before = self.read_version(tx, asset.head)?;
        let reading = Reading { now: probe::read(&self.vault.open(&content)), before };
        let now = self.clock.now();
        let ticket = Ticket {
            id: VersionId::make(now, self.entropy.as_ref())?,
            no: VersionNo(tx.next(Counter::Version)?),
            at: now,
        };
        let last = tx.versions(asset.id)?.pop();
        let drafted = head_of(asset, last.as_ref(), node.owner, node.mtime, &content, &reading, &ticket);
        self.publish(tx, asset, node.id, &drafted, &reading.now)?;
        Ok(manifests::owe(tx, &drafted.version)?)
    }

    /// From now on the last version stands for the node.
    fn forget_stage(&self, node: NodeId) -> Result<(), CatalogError> {
        self.catalog.write(|tx| {
            let Some(mut row) = tx.node(node)? else { return Ok(()) };
            row.staged = false;
            tx.put_node(&row)
        })
    }

    /// A damaged staging file would make its file unusable for good: it is put aside and said, and the last version stands.
    pub(super) fn set_stage_aside(&self, node: NodeId, why: &BlobError) -> Result<(), LiveError> {
        self.stages.put_aside(node)?;
        self.forget_stage(node)?;
        let names = self.catalog.read(|tx| tx.names_of(node))?;
        let name = names.first().map_or_else(|| node.to_string(), |entry| entry.name.to_string());
        tracing::error!(%node, error = %why, "staged bytes are damaged; they are kept in stage/damaged, the last version stands");
        self.notices.add(Notice {
            at: self.clock.now(),
            member: None,
            op: "open".into(),
            sentence: format!(
                "{name}: what was written since its last version is damaged and was put into stage/damaged of the library; the last \
                 version stands; save it again"
            ),
        });
        Ok(())
    }

    /// Removes a node's staging file. One that stays is removed at the next start.
    pub(super) fn remove_stage(&self, node: NodeId) {
        if let Err(e) = self.stages.remove(node) {
            tracing::warn!(%node, error = %e, "a staging file could not be removed");
        }
    }
}

/// The time that the version after `last` has. rsync compares size and whole seconds: a version of equal size must move the second.
pub(super) fn moved_on(last: &VersionRow, size: u64, mtime: Timestamp) -> Timestamp {
    if last.size == size { mtime.max(last.mtime.plus_ms(1_000)) } else { mtime }
}

/// A version, and the fields of the record that it is at odds with.
struct Drafted {
    version: VersionRow,
    /// The version before.
    before: Option<VersionId>,
    at_odds: Vec<String>,
}

/// The version that a node's bytes would be, and what it makes of the record and of the node's times; `None` when they are the last
/// version's.
fn draft(
    tx: &dyn ReadTx,
    asset: &mut Asset,
    node: &mut NodeRow,
    seen: &Seen,
    content: &Content,
    reading: &Reading,
    ticket: &Ticket,
) -> Result<Option<Drafted>, OpsError> {
    let last = tx.versions(asset.id)?.pop();
    if let Some(last) = last.as_ref().filter(|last| last.content == content.id) {
        if !seen.mtime_set {
            node.mtime = last.mtime;
        }
        return Ok(None);
    }
    if let Some(last) = last.as_ref().filter(|_| !seen.mtime_set) {
        node.mtime = moved_on(last, content.size, node.mtime);
    }
    node.ctime = ticket.at;
    if asset.head.is_none() {
        // Attributes were set by somebody; what the file says by itself only fills what is empty.
        mapped::read_off(tx, asset, node.id)?;
    }
    let by = seen.written_by.map(|by| by.member).or(node.owner);
    Ok(Some(head_of(asset, last.as_ref(), by, node.mtime, content, reading, ticket)))
}

/// Makes a version of these bytes the head of the record, with what they say.
fn head_of(
    asset: &mut Asset,
    last: Option<&VersionRow>,
    by: Option<MemberId>,
    mtime: Timestamp,
    content: &Content,
    reading: &Reading,
    ticket: &Ticket,
) -> Drafted {
    let lost = probe::apply_probe(asset, reading);
    let probe = &reading.now;
    let version = VersionRow {
        id: ticket.id,
        no: ticket.no,
        asset: asset.id,
        n: last.map_or(1, |last| last.n.saturating_add(1)),
        content: content.id,
        size: content.size,
        mtime,
        made_at: ticket.at,
        made_by: by,
        format: probe.format.clone(),
        kind: probe.kind.clone(),
        width: probe.width,
        height: probe.height,
        orientation: probe.orientation,
    };
    let at_odds = lost.iter().map(|lost| lost.field.clone()).collect();
    conflicts::keep(asset, lost, version.n, by, ticket.at);
    let before = asset.head.replace(version.id);
    asset.changed = ticket.at;
    Drafted { version, before, at_odds }
}
