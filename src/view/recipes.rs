//! From an asset and a platform's placement to the recipe that renders it there.

use super::words::words_of;
use crate::catalog::{Asset, CatalogError, ReadTx, RenditionRow, VersionRow};
use crate::media::video::{CLIP_RENDERER, ClipFit, ClipRecipe, PREVIEW_RENDERER, preview_hash};
use crate::media::{Canvas, Fit, Focus, RENDERER, Recipe, Signed, SignerId, StillFormat, Words, is_heif};
use crate::policy::platforms::{self, Background, Placement, Watermark};
use crate::types::{ContentId, Timestamp};

/// When the shipped recipes last changed (2026-11-27, UTC): an export is never older than its recipe.
/// Move it with every change that makes other bytes of the same master.
pub const RECIPES_SINCE: Timestamp = Timestamp::from_secs(1_795_737_600);

/// Bytes of a pixel that nothing makes smaller, and a little for what is around them.
const RAW_PIXEL: u64 = 5;

/// JPEG quality before a byte limit asks for less; high enough that the platform's own encoder is what one sees.
const QUALITY: u8 = 90;

/// The format of a placement's stills: of the accepted ones that we write the first that meets the byte limit whatever the picture is, else
/// the first. `None` when we write none.
#[must_use]
pub fn still_format(placement: &Placement) -> Option<StillFormat> {
    let written = || placement.formats.iter().filter_map(|name| StillFormat::named(name));
    let side = |side: Option<u32>| side.map_or(u64::from(u32::MAX), u64::from);
    let raw = side(placement.width).saturating_mul(side(placement.height)).saturating_mul(RAW_PIXEL);
    let meets = |format: &StillFormat| format.has_quality() || placement.max_bytes.is_none_or(|most| raw <= most);
    written().find(meets).or_else(|| written().next())
}

/// The recipe of a version for a placement, which keeps the asset's focus in sight where it cuts. What is known to be generated is declared so,
/// and signed where somebody signs.
///
/// # Errors
/// When the catalogue cannot be read.
pub fn recipe_for(
    tx: &dyn ReadTx,
    asset: &Asset,
    version: &VersionRow,
    placement: &Placement,
    focus: Option<Focus>,
    signer: Option<SignerId>,
) -> Result<Recipe, CatalogError> {
    let words = words_of(tx, asset, version.content, placement)?;
    let recipe = still_recipe(placement, focus, is_generated(asset));
    let is_converted = version.format != recipe.format.name();
    let signed = signer.filter(|_| recipe.mark_ai && recipe.format.is_signable());
    let signed = signed.map(|by| Signed { by, asset: asset.id, version: version.n, is_converted });
    Ok(Recipe { words, signed, ..recipe })
}

/// What a placement asks of every still, of whatever asset.
#[must_use]
pub fn still_recipe(placement: &Placement, focus: Option<Focus>, mark_ai: bool) -> Recipe {
    Recipe {
        width: placement.width,
        height: placement.height,
        fit: match placement.fit {
            platforms::Fit::Crop => Fit::Crop,
            platforms::Fit::Pad => Fit::Pad,
            platforms::Fit::Any => Fit::Any,
        },
        focus: focus.filter(|_| placement.fit == platforms::Fit::Crop),
        attention: placement.attention && placement.fit == platforms::Fit::Crop,
        canvas: match placement.background {
            Background::Plain => Canvas::Plain,
            Background::Colour(colour) => Canvas::Colour(colour),
            Background::Blur => Canvas::Blur,
        },
        upscale: placement.upscale,
        sharpen: placement.sharpen.unwrap_or(0),
        watermark: placement.watermark.text().map(str::to_owned),
        format: still_format(placement).unwrap_or(StillFormat::Jpeg),
        max_bytes: placement.max_bytes,
        quality: QUALITY,
        mark_ai,
        words: Words::default(),
        signed: None,
    }
}

/// The recipe of a version's clip for a placement that takes moving pictures.
///
/// # Errors
/// When the catalogue cannot be read.
pub fn clip_recipe_for(
    tx: &dyn ReadTx,
    asset: &Asset,
    version: &VersionRow,
    placement: &Placement,
) -> Result<ClipRecipe, CatalogError> {
    let words = words_of(tx, asset, version.content, placement)?;
    Ok(ClipRecipe { words, ..clip_recipe(placement, is_generated(asset)) })
}

/// What a placement asks of every clip, of whatever asset.
#[must_use]
pub fn clip_recipe(placement: &Placement, mark_ai: bool) -> ClipRecipe {
    ClipRecipe {
        width: placement.width,
        height: placement.height,
        fit: match placement.fit {
            platforms::Fit::Crop => ClipFit::Crop,
            platforms::Fit::Pad if placement.background == Background::Blur => ClipFit::Blur,
            platforms::Fit::Pad => ClipFit::Pad,
            platforms::Fit::Any => ClipFit::Any,
        },
        least_fps: placement.frame_rates.least,
        most_fps: placement.frame_rates.most,
        max_seconds: placement.max_seconds,
        max_bytes: placement.max_bytes,
        mark_ai,
        words: Words::default(),
    }
}

/// Whether an asset is known to be generated.
pub(super) fn is_generated(asset: &Asset) -> bool {
    asset.generator.is_some() || asset.likeness.as_deref() == Some("synthetic")
}

/// Since when a placement's exports are what they are.
#[must_use]
pub fn since(placement: &Placement) -> Timestamp {
    placement.since.map_or(RECIPES_SINCE, |since| RECIPES_SINCE.max(Timestamp::from_nanos(since)))
}

/// Whether another program has a part in a still, a new build of which may make it otherwise.
#[must_use]
pub fn is_converted(version: &VersionRow, recipe: &Recipe) -> bool {
    is_heif(&version.format) || recipe.format.is_converted()
}

/// When a still last changed: the version's time, or its recipe's if that is later. What a focus, a reader's mark, the record or a certificate makes, or another program
/// that may see or write it otherwise once, is as old as it was first made so; until then nobody has seen it.
#[must_use]
pub fn still_time(
    version: &VersionRow,
    placement: &Placement,
    recipe: &Recipe,
    made: Option<&RenditionRow>,
) -> Timestamp {
    let chosen = recipe.focus.is_some() || matches!(placement.watermark, Watermark::Mark(_));
    let follows =
        chosen || recipe.signed.is_some() || recipe.words.follow_the_record() || is_converted(version, recipe);
    let first = made.filter(|_| follows).map_or(Timestamp::EPOCH, |row| row.since);
    version.mtime.max(since(placement)).max(first)
}

/// The same of a finished clip that was first made so at some time.
#[must_use]
pub fn clip_time(version: &VersionRow, placement: &Placement, recipe: &ClipRecipe, first: Timestamp) -> Timestamp {
    let first = if recipe.words.follow_the_record() { first } else { Timestamp::EPOCH };
    version.mtime.max(since(placement)).max(first)
}

/// What a finished clip of a content is stored under. Other bytes, as another build of the encoder makes them, have another name.
#[must_use]
pub fn clip_name(content: ContentId, recipe: &ClipRecipe, hash: &[u8; 32]) -> String {
    let (recipe, hash) = (blake3::Hash::from_bytes(recipe.hash()).to_hex(), blake3::Hash::from_bytes(*hash).to_hex());
    format!("{content}-{recipe}-{CLIP_RENDERER}-{}", &hash[..16])
}

/// What the preview of a content with a mark is stored under.
#[must_use]
pub fn preview_name(content: ContentId, mark: &str) -> String {
    format!("{content}-{}-{PREVIEW_RENDERER}", blake3::Hash::from_bytes(preview_hash(Some(mark))).to_hex())
}

/// What the rendered bytes of a content are stored under.
#[must_use]
pub fn object_name(content: ContentId, recipe: &Recipe) -> String {
    format!("{content}-{}-{RENDERER}", blake3::Hash::from_bytes(recipe.hash()).to_hex())
}
