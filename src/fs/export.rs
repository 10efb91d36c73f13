//! Exports: rendered when their size is asked for, remembered for good.

use std::sync::Arc;
use std::time::Duration;

use super::handles::{Handle, Pass, Rights, Target};
use super::inodes::{ExportRef, Virtual};
use super::mount::Mount;
use super::{FsError, FsResult, Opened, attr};
use crate::access::Who;
use crate::blob::{BlobError, ObjectKind};
use crate::catalog::{Asset, NodeRow, Outcome, ReadTx, RenditionRow, VersionRow};
use crate::media::{self, Limits, MediaError, RENDERER, Recipe};
use crate::ops::renditions::Rendered;
use crate::policy::Verb;
use crate::policy::platforms::Placement;
use crate::types::{AssetId, Attr, ReadAt, Timestamp, VersionId};
use crate::view::recipes;
use crate::view::tree::circulates;

/// How long a decode waits for others to give memory back; then the caller tries again.
const ROOM_WAIT: Duration = Duration::from_secs(20);

impl Mount {
    /// An export's asset as it is now, while the export may be had: the verdict may have been withdrawn, the role changed.
    pub(super) fn in_circulation(
        &self,
        tx: &dyn ReadTx,
        who: &Who,
        id: AssetId,
        version: &VersionRow,
        placement: &Placement,
    ) -> FsResult<Asset> {
        let asset = tx.asset(id)?.ok_or(FsError::NotFound)?;
        // As the row says it now, which may have another recipe: what is open goes on, as after an edit.
        let row = who.subject.platforms().get(&placement.platform, &placement.placement);
        let may = self.library.gate.allows(who, Verb::Export, &asset);
        let goes_on = row.is_some_and(|row| circulates(&asset, version, row));
        if may && goes_on { Ok(asset) } else { Err(FsError::NotFound) }
    }

    /// An export's attributes without rendering: exact when its size is known, an estimate (and `false`) otherwise.
    pub(super) fn export_attr(&self, export: &ExportRef) -> FsResult<(Attr, bool)> {
        let ino = self.inodes.export(export);
        let row = self.rendition(export)?;
        let size = row.as_ref().and_then(|row| match row.outcome {
            Outcome::Made { size, .. } => Some(size),
            Outcome::Failed(_) => None,
        });
        let shown = size.unwrap_or_else(|| export.recipe.estimate(export.version.width, export.version.height));
        Ok((attr::file(ino, shown, self.show, mtime(export, row.as_ref())), size.is_some()))
    }

    /// An export's attributes, exact: rendered when they are not known yet.
    pub(super) fn rendered_attr(&self, export: &ExportRef) -> FsResult<Attr> {
        let (attr, known) = self.export_attr(export)?;
        if known {
            return Ok(attr);
        }
        let bytes = self.render(export)?;
        let (shown, _) = self.export_attr(export)?;
        // Known from the bytes: a full disk may have kept the size from being remembered.
        Ok(attr::file(shown.ino, bytes.len() as u64, self.show, shown.mtime))
    }

    /// Whether the export's size is known.
    pub(super) fn is_sized(&self, export: &ExportRef) -> bool {
        matches!(self.rendition(export), Ok(Some(RenditionRow { outcome: Outcome::Made { .. }, .. })))
    }

    /// Whether the export's bytes are kept.
    pub(super) fn is_rendered(&self, export: &ExportRef) -> bool {
        let name = object_name(export);
        self.is_sized(export) && self.library.vault.has_object(ObjectKind::Rendition, &name).unwrap_or(false)
    }

    /// What came of rendering it, when that was tried.
    fn rendition(&self, export: &ExportRef) -> FsResult<Option<RenditionRow>> {
        let recipe = export.recipe.hash();
        Ok(self.library.catalog.read(|tx| tx.rendition(export.version.content, &recipe, RENDERER))?)
    }

    /// The quality that the export was written with, of formats that have one.
    pub(super) fn export_quality(&self, export: &ExportRef) -> FsResult<Option<u8>> {
        if !self.is_sized(export) {
            self.render(export)?;
        }
        Ok(self.rendition(export)?.and_then(|row| match row.outcome {
            Outcome::Made { quality, .. } => quality,
            Outcome::Failed(_) => None,
        }))
    }

    /// The bytes of an export: kept ones, or rendered now. The same content and recipe give the same bytes; if they should not, the
    /// fault is reported rather than a file whose size is a lie.
    pub(super) fn render(&self, export: &ExportRef) -> FsResult<Arc<Vec<u8>>> {
        let name = object_name(export);
        let known = match self.rendition(export)?.map(|row| row.outcome) {
            Some(Outcome::Failed(reason)) => return Err(no_export(export, &reason)),
            Some(Outcome::Made { hash, .. }) => Some(hash),
            None => None,
        };
        match self.library.vault.get_object(ObjectKind::Rendition, &name) {
            Ok(Some(bytes)) if known == Some(*blake3::hash(&bytes).as_bytes()) => {
                return Ok(Arc::new(bytes));
            }
            Ok(_) => {}
            Err(e @ BlobError::Damaged { .. }) => {
                tracing::warn!(error = %e, "a kept export is damaged; it is rendered again")
            }
            Err(e) => return Err(e.into()),
        }
        let media::Rendered { bytes, quality } = match self.render_now(&export.version, &export.recipe)? {
            Ok(rendered) => rendered,
            Err(e) if e.is_lasting() && known.is_none() => {
                let reason = e.to_string();
                self.remember(export, Outcome::Failed(reason.clone()))?;
                return Err(no_export(export, &reason));
            }
            Err(e) => return Err(e.into()),
        };
        let digest = *blake3::hash(&bytes).as_bytes();
        if known.is_some_and(|known| known != digest) {
            return Err(FsError::Io(format!("export {name} rendered differently than before; report this")));
        }
        let made = Outcome::Made { size: bytes.len() as u64, hash: digest, quality };
        if let Err(e) = self.keep(export, &name, &bytes, made) {
            tracing::warn!(error = %e, "an export could not be kept; it is rendered again when it is read again");
        }
        Ok(Arc::new(bytes))
    }

    /// Remembers an export's bytes, and what came of it.
    fn keep(&self, export: &ExportRef, name: &str, bytes: &[u8], made: Outcome) -> FsResult<()> {
        self.library.vault.put_object(ObjectKind::Rendition, name, bytes)?;
        self.remember(export, made)
    }

    /// Remembers for good what came of rendering; what cannot be rendered is no longer listed.
    fn remember(&self, export: &ExportRef, outcome: Outcome) -> FsResult<()> {
        let told = matches!(outcome, Outcome::Failed(_)).then_some(export.asset.id);
        let what = Rendered { content: export.version.content, recipe: export.recipe.hash(), renderer: RENDERER };
        Ok(self.library.remember_rendition(what, &outcome, told)?)
    }

    fn render_now(&self, version: &VersionRow, recipe: &Recipe) -> FsResult<Result<media::Rendered, MediaError>> {
        let content = self
            .library
            .catalog
            .read(|tx| tx.content(version.content))?
            .ok_or_else(|| FsError::Io(format!("content {} is not in the catalogue", version.content)))?;
        let reader = self.library.vault.open(&content);
        self.decoding(&reader, || media::render(&reader, recipe, &Limits::default()))
    }

    /// Does what decodes a picture when there is memory for it beside the others.
    fn decoding<T>(
        &self,
        source: &dyn ReadAt,
        decode: impl FnOnce() -> Result<T, MediaError>,
    ) -> FsResult<Result<T, MediaError>> {
        let bytes = match media::decoded_bytes(source) {
            Ok(bytes) => bytes,
            Err(e) => return Ok(Err(e)),
        };
        let _share = self.library.decodes.take(bytes, ROOM_WAIT).ok_or(FsError::TryAgain)?;
        Ok(decode())
    }

    /// Whether he may see a marked proxy of the asset but not its bytes.
    pub(super) fn views_only(&self, who: &Who, asset: &Asset) -> bool {
        let gate = &self.library.gate;
        asset.kind == "image"
            && asset.head.is_some()
            && !gate.decide(who, Verb::Download, asset).allowed
            && gate.decide(who, Verb::View, asset).allowed
    }

    /// What a member who may only view is shown in place of an asset's file: another inode, and a size known without rendering.
    pub(super) fn proxy_attr(
        &self,
        who: &Who,
        asset: &Asset,
        node: &NodeRow,
    ) -> Option<(Attr, Duration, Option<Virtual>)> {
        let version = asset.head.filter(|_| self.views_only(who, asset))?;
        Some((self.proxy_of(who, version, node.mtime), self.ttl(), Some(Virtual::Proxy(asset.id, version))))
    }

    pub(super) fn proxy_of(&self, who: &Who, version: VersionId, mtime: Timestamp) -> Attr {
        attr::file(self.inodes.proxy(version, who.id), media::PROXY_BYTES, self.show, mtime)
    }

    /// Opens the marked proxy of an asset.
    pub(super) fn open_proxy(&self, who: &Arc<Who>, ino: u64, asset: &Asset, epoch: u64) -> FsResult<Opened> {
        let version = self
            .library
            .catalog
            .read(|tx| match asset.head {
                Some(head) => tx.version(head),
                None => Ok(None),
            })?
            .ok_or(FsError::NotFound)?;
        let content = self
            .library
            .catalog
            .read(|tx| tx.content(version.content))?
            .ok_or_else(|| FsError::Io(format!("content {} is not in the catalogue", version.content)))?;
        let reader = self.library.vault.open(&content);
        let bytes = self.decoding(&reader, || media::proxy(&reader, &who.subject.name, &Limits::default()))??;
        let gate = Rights::new(Some(Pass::new(who.clone(), Verb::View, Target::Asset(asset.id), epoch)), None);
        let fh = self.handles.add(ino, Handle::Proxy { bytes, gate });
        Ok(Opened { fh, keep_cache: false, direct_io: false, forget_attr: false })
    }
}

fn object_name(export: &ExportRef) -> String {
    recipes::object_name(export.version.content, &export.recipe)
}

fn no_export(export: &ExportRef, reason: &str) -> FsError {
    let ExportRef { asset, placement, .. } = export;
    FsError::NoExport(format!("{} for {}/{}: {reason}", asset.view_name, placement.platform, placement.placement))
}

/// When an export last changed: the version's time, or its recipe's if that is later. What a focus makes is as old as it was first made so; until
/// then nobody has seen it.
fn mtime(export: &ExportRef, made: Option<&RenditionRow>) -> Timestamp {
    let focused = made.filter(|_| export.recipe.focus.is_some()).map_or(Timestamp::EPOCH, |row| row.since);
    export.version.mtime.max(recipes::since(&export.placement)).max(focused)
}
