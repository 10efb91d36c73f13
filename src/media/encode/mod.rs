//! Files of pixels: the same pixels give the same bytes, with no time and no program in them. `packet` is the XMP that
//! they carry, all that they say of themselves.

mod avif;
mod gif;
mod jpeg;
mod plain;
mod png;
mod webp;

pub use avif::{COMMAND as AVIF_COMMAND, Encoder};
pub(super) use jpeg::write as jpeg;

use super::render::Raster;
use super::{MediaError, Recipe, StillFormat};

/// Below this a picture is too spoilt to be published.
const LOWEST_QUALITY: u8 = 20;
/// What most readers of JPEG and GIF can count.
const MAX_SIDE: u16 = u16::MAX;

/// A rendered export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    pub bytes: Vec<u8>,
    /// The quality that it was written with, 1 to 100; of formats that have one.
    pub quality: Option<u8>,
}

/// The picture as the recipe's format, of at most as many bytes as it allows. `sealed` is what becomes of a file that can be signed: what that adds
/// counts.
pub(super) fn encode(
    raster: &Raster,
    recipe: &Recipe,
    packet: Option<&str>,
    by: Option<&dyn Encoder>,
    sealed: &dyn Fn(Vec<u8>) -> Result<Vec<u8>, MediaError>,
) -> Result<Rendered, MediaError> {
    let (quality, max) = (recipe.quality.clamp(1, 100), recipe.max_bytes);
    match recipe.format {
        StillFormat::Jpeg => by_quality(quality, max, |quality| sealed(jpeg::write(raster, quality, packet)?)),
        StillFormat::WebP => by_quality(quality, max, |quality| sealed(webp::write(raster, quality, packet)?)),
        StillFormat::Png => first_within(max, png::EFFORTS, |effort| sealed(png::write(raster, effort, packet)?)),
        StillFormat::Gif => first_within(max, gif::COLOURS, |colours| gif::write(raster, colours, packet)),
        StillFormat::Bmp => first_within(max, [()], |()| plain::bmp(raster)),
        StillFormat::Tiff => first_within(max, [()], |()| plain::tiff(raster, packet)),
        StillFormat::Avif => {
            let by = by.ok_or_else(|| MediaError::Unwritable {
                format: recipe.format.name().to_owned(),
                why: "another program writes it, which is run by the daemon alone".to_owned(),
            })?;
            by_quality(quality, max, |quality| avif::write(raster, quality, packet, by))
        }
    }
}

fn fits(bytes: &[u8], max: Option<u64>) -> bool {
    max.is_none_or(|max| bytes.len() as u64 <= max)
}

/// The highest quality up to the wanted one whose file fits.
fn by_quality(
    wanted: u8,
    max: Option<u64>,
    write: impl Fn(u8) -> Result<Vec<u8>, MediaError>,
) -> Result<Rendered, MediaError> {
    let first = write(wanted)?;
    if fits(&first, max) {
        return Ok(Rendered { bytes: first, quality: Some(wanted) });
    }
    let (mut low, mut high) = (LOWEST_QUALITY.min(wanted), wanted);
    let mut best = None;
    let mut smallest = first.len();
    while low < high {
        let middle = low.midpoint(high);
        let bytes = write(middle)?;
        smallest = smallest.min(bytes.len());
        if fits(&bytes, max) {
            best = Some(Rendered { bytes, quality: Some(middle) });
            low = middle.saturating_add(1);
        } else {
            high = middle;
        }
    }
    best.ok_or_else(|| too_large(smallest, "at the lowest quality", max))
}

/// The first of several ways, each of which spends more on a smaller file.
fn first_within<T>(
    max: Option<u64>,
    ways: impl IntoIterator<Item = T>,
    write: impl Fn(T) -> Result<Vec<u8>, MediaError>,
) -> Result<Rendered, MediaError> {
    let mut smallest = usize::MAX;
    for way in ways {
        let bytes = write(way)?;
        if fits(&bytes, max) {
            return Ok(Rendered { bytes, quality: None });
        }
        smallest = smallest.min(bytes.len());
    }
    Err(too_large(smallest, "at the least", max))
}

fn too_large(smallest: usize, how: &str, max: Option<u64>) -> MediaError {
    MediaError::too_large(format!(
        "the export has {smallest} bytes {how}, {} are allowed; ask for a smaller width or height, or for another format",
        max.unwrap_or(0)
    ))
}

/// A side as formats with 16 bits for it count it.
fn side(n: u32, format: &str) -> Result<u16, MediaError> {
    u16::try_from(n).map_err(|_| MediaError::too_large(format!("{n} pixels; {format} allows {MAX_SIDE} a side")))
}

fn failed(format: &str, e: impl std::fmt::Display) -> MediaError {
    MediaError::damaged(format!("the {format} cannot be written: {e}"))
}
