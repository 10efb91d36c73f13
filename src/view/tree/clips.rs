//! Clips in `platforms/`: shown when they are made, as a note that they are pending before, and not at all when they cannot be.

use std::sync::Arc;

use super::{Tree, exported};
use crate::catalog::{Asset, CatalogError, Outcome, ReadTx, VersionRow};
use crate::media::video::{CLIP_RENDERER, ClipRecipe};
use crate::policy::platforms::{Placement, PlacementKind};
use crate::types::Timestamp;
use crate::view::path::Item;
use crate::view::recipes::clip_recipe_for;

/// What a clip that is not made yet is called by behind its name.
pub(super) const PENDING: &str = ".pending";
/// What a finished one is called by.
pub(super) const EXTENSION: &str = "mp4";

/// What there is of a version's clip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClipState {
    Pending,
    Made {
        size: u64,
        hash: [u8; 32],
        /// When it was first made so.
        since: Timestamp,
    },
    /// It cannot be made, and why.
    Failed(String),
}

/// Whether a placement takes clips that we make: in MP4, which an empty cell takes too.
#[must_use]
pub fn takes_clips(placement: &Placement) -> bool {
    placement.kind == PlacementKind::Video
        && (placement.formats.is_empty() || placement.formats.iter().any(|format| format == EXTENSION))
}

/// What there is of a version's clip by a recipe.
///
/// # Errors
/// When the catalogue cannot be read.
pub fn clip_state(tx: &dyn ReadTx, version: &VersionRow, recipe: &ClipRecipe) -> Result<ClipState, CatalogError> {
    let tried = tx.rendition(version.content, &recipe.hash(), CLIP_RENDERER)?;
    Ok(match tried.map(|row| (row.outcome, row.since)) {
        None => ClipState::Pending,
        Some((Outcome::Made { size, hash, .. }, since)) => ClipState::Made { size, hash, since },
        Some((Outcome::Failed(reason), _)) => ClipState::Failed(reason),
    })
}

impl Tree<'_> {
    /// What a placement shows of an asset's clip, and what stands behind its stem.
    pub(super) fn clip(
        &self,
        asset: &Asset,
        placement: &Arc<Placement>,
    ) -> Result<Option<(Item, &'static str)>, CatalogError> {
        let Some(version) = exported(self.tx, asset, placement)? else { return Ok(None) };
        let recipe = clip_recipe_for(self.tx, asset, &version, placement)?;
        Ok(match clip_state(self.tx, &version, &recipe)? {
            ClipState::Made { size, hash, since } => {
                let (asset, placement) = (asset.clone(), Arc::clone(placement));
                Some((Item::Clip { asset, version, placement, size, hash, since }, "mp4"))
            }
            ClipState::Pending => Some((Item::Pending(asset.clone(), Arc::clone(placement)), "mp4.pending")),
            ClipState::Failed(_) => None,
        })
    }
}
