//! `platforms/`: what is approved for a platform, as the files it accepts.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::super::captions::{CAPTION, caption_of};
use super::super::naming::split;
use super::super::path::encode;
use super::super::recipes::{object_name, recipe_for, still_format};
use super::clips::{EXTENSION, PENDING, takes_clips};
use super::{Dir, FILES, Item, PAGE, Page, Tree, WhyTarget, is_trashed, not_trashed};
use crate::catalog::{Asset, AssetFacts, AssetState, CatalogError, Outcome, ReadTx, VersionRow};
use crate::media::{MediaError, RENDERER, Recipe, SignerId, StillFormat, suits};
use crate::policy::platforms::{Adult, Fit, Placement, PlacementKind};
use crate::policy::{Expr, Field, Verb};
use crate::types::FileName;

/// The attribute that tells which point of a picture a crop keeps in sight.
pub const FOCUS: &[u8] = b"user.dam.focus";

/// The extension of a placement's exports. `None` when it takes no format that we write.
#[must_use]
pub fn export_extension(placement: &Placement) -> Option<&'static str> {
    if placement.kind == PlacementKind::Video {
        return takes_clips(placement).then_some(EXTENSION);
    }
    still_format(placement).map(StillFormat::extension)
}

/// How a version is made for a placement, by the focus that its asset's file has, and signed by whom.
///
/// # Errors
/// When the catalogue cannot be read.
pub fn recipe_of(
    tx: &dyn ReadTx,
    asset: &Asset,
    version: &VersionRow,
    placement: &Placement,
    signer: Option<SignerId>,
) -> Result<Recipe, CatalogError> {
    let node = asset.node.filter(|_| placement.fit == Fit::Crop);
    let focus = node.map(|node| tx.xattr(node, FOCUS)).transpose()?.flatten();
    let focus = focus.and_then(|text| std::str::from_utf8(&text).ok()?.parse().ok());
    recipe_for(tx, asset, version, placement, focus, signer)
}

/// The stem of the view name of the asset whose export a name is, or the caption beside it.
#[must_use]
pub fn export_stem<'a>(placement: &Placement, name: &'a str) -> Option<&'a str> {
    if let Some(stem) = name.strip_suffix(CAPTION) {
        return Some(stem);
    }
    let finished = name.strip_suffix(PENDING).filter(|_| placement.kind == PlacementKind::Video);
    match split(finished.unwrap_or(name)) {
        (stem, Some(ext)) if export_extension(placement) == Some(ext) => Some(stem),
        _ => None,
    }
}

/// Whether a version may stand in a placement: approved for the platform in just this version, of the placement's kind, not taken out of
/// circulation, let in by the platform's guideline, and adult only where adult content is known to be allowed. Who may see it is another question.
#[must_use]
pub fn circulates(asset: &Asset, version: &VersionRow, placement: &Placement) -> bool {
    let approved =
        asset.status.get(&placement.platform).is_some_and(|v| v.value == "approved" && v.version == Some(version.id));
    let out = is_trashed(asset) || asset.state == AssetState::Expired;
    let adult = asset.rating.as_deref() == Some("adult");
    let kind = match placement.kind {
        PlacementKind::Image => "image",
        PlacementKind::Video => "video",
    };
    let kept_out = adult && !takes_adult(placement) || placement.refusal(&AssetFacts(asset)).is_some();
    approved && !out && version.asset == asset.id && version.kind == kind && !kept_out
}

/// What is not rendered for want of another program, or of a certificate in date, and the reasons: masters of these formats, exports as AVIF, and what
/// is to be signed.
#[derive(Debug, Clone, Default)]
pub struct Lacks {
    pub masters: BTreeMap<&'static str, String>,
    pub avif: Option<String>,
    pub signed: Option<Unsigned>,
}

/// Why nothing is signed now, and of which names what was signed before is kept.
#[derive(Clone)]
pub struct Unsigned {
    pub why: String,
    pub is_kept: Arc<dyn Fn(&str) -> bool + Send + Sync>,
}

impl fmt::Debug for Unsigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Unsigned").field(&self.why).finish()
    }
}

impl Lacks {
    /// Why a version is not rendered by a recipe.
    #[must_use]
    pub fn of(&self, version: &VersionRow, recipe: &Recipe) -> Option<String> {
        let read = self.masters.get(version.format.as_str());
        let read = read.map(|why| MediaError::Unavailable { format: version.format.clone(), why: why.clone() });
        let written = self.avif.as_ref().filter(|_| recipe.format == StillFormat::Avif);
        let signed = self.signed.as_ref().filter(|_| recipe.signed.is_some()).map(|lacking| &lacking.why);
        read.or(written.or(signed).map(|why| unwritable(recipe, why))).map(|e| e.to_string())
    }

    /// Why what was made by a recipe is not there again once its bytes were let go of.
    fn of_made(&self, version: &VersionRow, recipe: &Recipe) -> Option<String> {
        let lacking = self.signed.as_ref().filter(|_| recipe.signed.is_some())?;
        let is_kept = (lacking.is_kept)(&object_name(version.content, recipe));
        (!is_kept).then(|| unwritable(recipe, &lacking.why).to_string())
    }
}

fn unwritable(recipe: &Recipe, why: &str) -> MediaError {
    MediaError::Unwritable { format: recipe.format.name().to_owned(), why: why.to_owned() }
}

/// Why a version has no export by a recipe: it is too small for it, it was tried and cannot be rendered, or it was not and there is no program
/// to read or to write it by, or it is not kept and cannot be signed any more.
///
/// # Errors
/// When the catalogue cannot be read.
pub fn unrenderable(
    tx: &dyn ReadTx,
    version: &VersionRow,
    recipe: &Recipe,
    lacks: &Lacks,
) -> Result<Option<String>, CatalogError> {
    if let Some(size) = version.width.zip(version.height)
        && let Err(e) = suits(size, recipe)
    {
        return Ok(Some(e.to_string()));
    }
    let tried = tx.rendition(version.content, &recipe.hash(), RENDERER)?;
    Ok(match tried.map(|row| row.outcome) {
        Some(Outcome::Failed(reason)) => Some(reason),
        Some(Outcome::Made { .. }) => lacks.of_made(version, recipe),
        None => lacks.of(version, recipe),
    })
}

/// The version that an asset has in a placement's circulation, whether it can be rendered or not.
///
/// # Errors
/// When the catalogue cannot be read.
pub fn exported(tx: &dyn ReadTx, asset: &Asset, placement: &Placement) -> Result<Option<VersionRow>, CatalogError> {
    let Some(id) = asset.status.get(&placement.platform).and_then(|v| v.version) else { return Ok(None) };
    Ok(tx.version(id)?.filter(|version| circulates(asset, version, placement)))
}

/// Whether adult content may stand there: not sourced is not allowed.
#[must_use]
pub fn takes_adult(placement: &Placement) -> bool {
    match placement.adult_allowed {
        Adult::Yes | Adult::Labelled | Adult::Restricted => true,
        Adult::No | Adult::Unknown => false,
    }
}

impl Tree<'_> {
    /// A placement that we render for.
    pub(super) fn placement(&self, platform: &str, placement: &str) -> Option<&Arc<Placement>> {
        self.platforms.get(platform, placement).filter(|p| self.renders_for(p))
    }

    fn renders_for(&self, placement: &Placement) -> bool {
        export_extension(placement).is_some() && (self.clips || placement.kind == PlacementKind::Image)
    }

    pub(super) fn exporting_platform(&self, platform: &str) -> Option<String> {
        let found = self.platforms.platforms().find(|p| *p == platform)?;
        self.platforms.placements(found).any(|p| self.renders_for(p)).then(|| found.to_owned())
    }

    pub(super) fn list_platforms(&self, page: &mut Page) {
        let names = self.platforms.platforms().filter_map(|p| self.exporting_platform(p));
        page.add_values(names.filter_map(|p| Some((encode(&p)?, Dir::Platform(p)))).collect());
    }

    pub(super) fn list_placements(&self, platform: &str, page: &mut Page) {
        let found = self.platforms.placements(platform).filter(|p| self.renders_for(p));
        let row =
            |p: &Arc<Placement>| Some((encode(&p.placement)?, Dir::Placement(p.platform.clone(), p.placement.clone())));
        page.add_values(found.filter_map(row).collect());
    }

    /// What the member may export, as far as a query can tell; [`circulates`] says the rest.
    fn exportable(&self, placement: &Placement) -> Expr {
        let mut expr = Expr::is(Field::Status(placement.platform.clone()), "approved");
        if !takes_adult(placement) {
            expr = expr.and(Expr::Not(Box::new(Expr::is(Field::Rating, "adult"))));
        }
        self.visible(&expr.and(placement.admits())).and(self.subject.filter(Verb::Export)).and(not_trashed())
    }

    /// What stands beside what is shown of an asset. One that cannot be made is not there; `dam why` says the reason.
    fn caption(&self, asset: &Asset, placement: &Arc<Placement>) -> Option<Item> {
        let text = caption_of(self.captions.as_ref()?, asset, placement).ok()?;
        text.map(|_| Item::Caption(asset.clone(), Arc::clone(placement)))
    }

    /// What is shown of an asset, and what stands behind its stem: what cannot be rendered is not.
    fn shown(&self, asset: &Asset, placement: &Arc<Placement>) -> Result<Option<(Item, &'static str)>, CatalogError> {
        if placement.kind == PlacementKind::Video {
            return self.clip(asset, placement);
        }
        let (Some(version), Some(ext)) = (exported(self.tx, asset, placement)?, export_extension(placement)) else {
            return Ok(None);
        };
        let recipe = recipe_of(self.tx, asset, &version, placement, self.signer)?;
        let failed = unrenderable(self.tx, &version, &recipe, &self.lacks)?.is_some();
        Ok((!failed).then(|| (Item::Export(asset.clone(), version, Arc::clone(placement)), ext)))
    }

    pub(super) fn export_child(
        &self,
        platform: &str,
        placement: &str,
        text: &str,
    ) -> Result<Option<Item>, CatalogError> {
        let Some(placement) = self.placement(platform, placement) else { return Ok(None) };
        let Some(stem) = export_stem(placement, text) else { return Ok(None) };
        let Some(asset) = self.with_stem(stem)? else { return Ok(None) };
        if !self.tx.finds(&self.exportable(placement), asset.id)? {
            return Ok(None);
        }
        let shown = self.shown(&asset, placement)?;
        if text.ends_with(CAPTION) {
            return Ok(shown.and_then(|_| self.caption(&asset, placement)));
        }
        // One that is finished is no longer pending.
        Ok(shown.filter(|(_, suffix)| text[stem.len()..].strip_prefix('.') == Some(suffix)).map(|(item, _)| item))
    }

    /// What stands in `.dam/why/` for a place below `platforms/`: for each asset that may be listed the reason, whether it is shown or not.
    pub(super) fn why_export_child(
        &self,
        place: &Dir,
        name: &FileName,
        text: &str,
    ) -> Result<Option<Item>, CatalogError> {
        let Dir::Placement(platform, placement) = place else {
            let child = self.child(place, name)?;
            return Ok(child.and_then(|item| match item {
                Item::Dir(dir) => Some(Item::Dir(Dir::WhyExports(Box::new(dir)))),
                _ => None,
            }));
        };
        let stem = self.placement(platform, placement).and_then(|placement| export_stem(placement, text));
        match stem.map(|stem| self.with_stem(stem)).transpose()?.flatten() {
            Some(asset) if self.is_visible(&asset)? => Ok(Some(Item::Why(WhyTarget::Asset(asset.id)))),
            _ => Ok(None),
        }
    }

    pub(super) fn list_exports(&self, platform: &str, placement: &str, page: &mut Page) -> Result<(), CatalogError> {
        let Some(placement) = self.placement(platform, placement) else { return Ok(()) };
        let expr = self.exportable(placement);
        // Each has two names in a row: one that was listed alone comes again, for its caption.
        let mut after = (page.files_after() / 2).saturating_sub(1);
        while !page.is_full() {
            let assets = self.tx.find(&expr, after, PAGE)?;
            let ended = assets.len() < PAGE;
            for asset in assets {
                after = asset.ordinal;
                if let Some((item, suffix)) = self.shown(&asset, placement)? {
                    let stem = split(self.name_of(&asset)?).0.to_owned();
                    let cookie = FILES + asset.ordinal * 2;
                    page.add(cookie, FileName::new(format!("{stem}.{suffix}")).ok(), || item);
                    if let Some(caption) = self.caption(&asset, placement) {
                        page.add(cookie + 1, FileName::new(format!("{stem}{CAPTION}")).ok(), || caption);
                    }
                }
            }
            if ended {
                break;
            }
        }
        Ok(())
    }
}
