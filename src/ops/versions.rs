//! What a version is: what its bytes say, what it makes of the record, and its rows. [`super::settle`] makes versions of staged bytes.

use std::sync::Arc;

use super::library::Library;
use super::live::{LiveError, Seen};
use super::manifests::{FileFacts, Manifest};
use super::notices::Notice;
use super::probe::{self, Reading};
use super::record::{Changed, Hand};
use super::{OpsError, conflicts, looks, manifests, mapped, rivals, stages, trail, verdicts};
use crate::blob::BlobError;
use crate::catalog::{
    Asset, CatalogError, ChangeKind, Counter, NodeClass, NodeKind, NodeRow, ReadTx, VersionRow, WriteTx, duplicate,
};
use crate::media::Probe;
use crate::types::{Content, MemberId, NodeId, ReadAt, Timestamp, VersionId, VersionNo};

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
        let mut staged = self.catalog.read(|tx| tx.staged_nodes())?;
        let there = self.stages.list().unwrap_or_else(|e| {
            tracing::warn!(error = %e, "the folder of staging files cannot be read");
            Vec::new()
        });
        for id in there {
            if staged.contains(&id) {
                continue;
            }
            // Killed between the first byte and the catalogue's word, or between that and the removal.
            if self.take_up_stage(id)? { staged.push(id) } else { self.remove_stage(id) }
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

    /// Says in the catalogue that a node has staged bytes, when it has no others; else whether it has is said already.
    fn take_up_stage(&self, node: NodeId) -> Result<bool, CatalogError> {
        self.catalog.write(|tx| match tx.node(node)? {
            Some(row) if row.kind == NodeKind::File && row.content.is_none() => {
                tx.put_node(&NodeRow { staged: true, ..row })?;
                Ok(true)
            }
            _ => Ok(false),
        })
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
        let reading = Reading { now: probe::read(source), before, glossary: self.gate.glossary() };
        // In a transaction of its own: the number is durable before the manifest names it.
        let no = self.catalog.write(|tx| tx.next(Counter::Version))?;
        let now = self.clock.now();
        let ticket = Ticket { id: VersionId::make(now, self.entropy.as_ref())?, no: VersionNo(no), at: now };
        let mut node = NodeRow { mtime: seen.mtime, mtime_set: seen.mtime_set, ..row.clone() };
        let manifest = self.catalog.read(|tx| -> Result<_, OpsError> {
            let Some(drafted) = draft(self, tx, &mut asset, &mut node, seen, content, &reading, &ticket)? else {
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
        let drafted = draft(self, tx, &mut asset, node, seen, content, &planned.reading, &planned.ticket)?;
        match drafted {
            drafted if drafted.as_ref().map(|drafted| &drafted.version) != planned.version.as_ref() => Ok(None),
            None => {
                if let Some(last) = tx.versions(asset.id)?.pop() {
                    rivals::agree(tx, asset, last.n)?;
                }
                Ok(Some(Next::Same))
            }
            Some(mut drafted) => {
                let was = asset.clone();
                if first {
                    mapped::absorb(tx, &mut asset, node.id, &self.gate.glossary())?;
                }
                let doubted = verdicts::doubt(self, &was, &mut asset, &[]);
                let is_doubted = !doubted.is_empty();
                drafted.changed.extend(doubted);
                tx.put_content(content)?;
                if self.publish(tx, &mut asset, node.id, &drafted, &planned.reading.now)? || is_doubted {
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
        if !drafted.changed.is_empty() {
            let told = |c: &Changed| serde_json::json!({ "facet": c.field, "old": c.old, "new": c.new });
            detail["changed"] = drafted.changed.iter().map(told).collect();
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
        let reading = Reading { now: probe::read(&self.vault.open(&content)), before, glossary: self.gate.glossary() };
        let now = self.clock.now();
        let ticket = Ticket {
            id: VersionId::make(now, self.entropy.as_ref())?,
            no: VersionNo(tx.next(Counter::Version)?),
            at: now,
        };
        let last = tx.versions(asset.id)?.pop();
        let drafted = head_of(self, tx, asset, last.as_ref(), (node.owner, node.mtime), &content, &reading, &ticket)?;
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
    /// What the bytes before were judged to be, and these are not yet.
    changed: Vec<Changed>,
}

/// The version that a node's bytes would be, and what it makes of the record and of the node's times; `None` when they are the last
/// version's.
#[expect(clippy::too_many_arguments, reason = "all of them are what the version is made of")]
fn draft(
    library: &Library,
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
    let was = asset.clone();
    if asset.head.is_none() {
        // Attributes were set by somebody; what the file says by itself only fills what is empty.
        mapped::read_off(tx, asset, node.id, &reading.glossary)?;
    }
    let doubted = verdicts::doubt(library, &was, asset, &[]);
    let by = seen.written_by.map(|by| by.member).or(node.owner);
    let mut drafted = head_of(library, tx, asset, last.as_ref(), (by, node.mtime), content, reading, ticket)?;
    drafted.changed.extend(doubted);
    Ok(Some(drafted))
}

/// Makes a version of these bytes the head of the record, with what they say. What the bytes before it were judged to be ends with them.
#[expect(clippy::too_many_arguments, reason = "all of them are what the version is made of")]
fn head_of(
    library: &Library,
    tx: &dyn ReadTx,
    asset: &mut Asset,
    last: Option<&VersionRow>,
    (by, mtime): (Option<MemberId>, Timestamp),
    content: &Content,
    reading: &Reading,
    ticket: &Ticket,
) -> Result<Drafted, OpsError> {
    let was = asset.clone();
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
    asset.duplicate = Some(duplicate(content.id));
    asset.colours = looks::colours(tx, content.id)?;
    asset.changed = ticket.at;
    let mut changed = match before {
        Some(_) => stages::judge_again(library, tx, asset, &Hand::own(by, ticket.at))?,
        None => Vec::new(),
    };
    changed.extend(verdicts::doubt(library, &was, asset, &[]));
    Ok(Drafted { version, before, at_odds, changed })
}
