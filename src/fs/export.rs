//! Exports of pictures: which still an export is, and what of it a program sees.

use std::sync::Arc;

use super::inodes::ExportRef;
use super::mount::Mount;
use super::{FsError, FsResult, attr};
use crate::access::Who;
use crate::catalog::{Asset, Outcome, ReadTx, RenditionRow, VersionRow};
use crate::ops::signing::manifest_of;
use crate::ops::stills::{Still, StillError};
use crate::policy::Verb;
use crate::policy::platforms::Placement;
use crate::types::{AssetId, Attr};
use crate::view::recipes;
use crate::view::tree::{self, circulates};

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
        let goes_on = row.is_some_and(|row| {
            // Who has a mark reads nothing without it, whoever opened it before his role had one.
            let marked = who.subject.mark().is_none() || row.watermark.text() == placement.watermark.text();
            marked && circulates(&asset, version, row)
        });
        if may && goes_on { Ok(asset) } else { Err(FsError::NotFound) }
    }

    /// What an asset has in a placement's circulation now, while he may have it.
    pub(super) fn exported(
        &self,
        tx: &dyn ReadTx,
        who: &Who,
        id: AssetId,
        placement: &Placement,
    ) -> FsResult<(Asset, VersionRow)> {
        let asset = tx.asset(id)?.ok_or(FsError::NotFound)?;
        let version = tree::exported(tx, &asset, placement)?.ok_or(FsError::NotFound)?;
        Ok((self.in_circulation(tx, who, id, &version, placement)?, version))
    }

    /// An export's attributes without rendering: exact when its size is known, an estimate (and `false`) otherwise.
    pub(super) fn export_attr(&self, export: &ExportRef) -> FsResult<(Attr, bool)> {
        let ino = self.inodes.export(export);
        let row = self.library.still_row(&still(export))?;
        let size = row.as_ref().and_then(|row| match row.outcome {
            Outcome::Made { size, .. } => Some(size),
            Outcome::Failed(_) => None,
        });
        let shown = size.unwrap_or_else(|| export.recipe.estimate(export.version.width, export.version.height));
        Ok((
            attr::file(
                ino,
                shown,
                self.show,
                recipes::still_time(&export.version, &export.placement, &export.recipe, row.as_ref()),
            ),
            size.is_some(),
        ))
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
        let row = self.library.still_row(&still(export));
        matches!(row, Ok(Some(RenditionRow { outcome: Outcome::Made { .. }, .. })))
    }

    /// Whether the export's bytes are kept.
    pub(super) fn is_rendered(&self, export: &ExportRef) -> bool {
        self.is_sized(export) && self.library.is_still_kept(&still(export)).unwrap_or(false)
    }

    /// The quality that the export was written with, of formats that have one.
    pub(super) fn export_quality(&self, export: &ExportRef) -> FsResult<Option<u8>> {
        if !self.is_sized(export) {
            self.render(export)?;
        }
        Ok(self.library.still_row(&still(export))?.and_then(|row| match row.outcome {
            Outcome::Made { quality, .. } => quality,
            Outcome::Failed(_) => None,
        }))
    }

    /// What the manifest is called that the export is signed by. Nothing is rendered where nobody signs.
    pub(super) fn export_manifest(&self, export: &ExportRef) -> FsResult<Option<String>> {
        let is_signed = export.recipe.signed.is_some();
        let bytes = is_signed.then(|| self.render(export)).transpose()?;
        Ok(bytes.and_then(|bytes| manifest_of(&bytes)))
    }

    /// The bytes of an export: kept ones, or rendered now.
    pub(super) fn render(&self, export: &ExportRef) -> FsResult<Arc<Vec<u8>>> {
        self.library.still(&still(export)).map_err(|e| match e {
            StillError::Lasting(reason) => no_export(export, &reason),
            other => other.into(),
        })
    }
}

fn still(export: &ExportRef) -> Still {
    Still { asset: export.asset.id, content: export.version.content, recipe: export.recipe.clone() }
}

fn no_export(export: &ExportRef, reason: &str) -> FsError {
    let ExportRef { asset, placement, .. } = export;
    FsError::NoExport(format!("{} for {}/{}: {reason}", asset.view_name, placement.platform, placement.placement))
}
