//! Krita's documents and OpenRaster: archives of layers, with the finished picture beside them as a PNG.

use std::io;

use super::found::Found;
use super::{Limits, MediaError, png, zip};
use crate::types::ReadAt;

const MERGED: &[u8] = b"mergedimage.png";
/// What comes before the pixels of a PNG: its size, its colours, its texts.
const HEAD: u64 = 1024 * 1024;

pub(super) fn walk(source: &dyn ReadAt) -> io::Result<Found> {
    let Some(merged) = zip::entry(source, MERGED)? else {
        return Ok(Found { unsupported: Some("a document without a merged picture"), ..Found::default() });
    };
    // What is packed wrongly is told by who decodes it.
    let head = merged.read(source, HEAD).unwrap_or_default();
    let found = if head.starts_with(b"\x89PNG") { png::walk(&head)? } else { Found::default() };
    Ok(Found { complete: merged.is_whole(source), ..found })
}

/// The PNG in it.
pub(super) fn merged(source: &dyn ReadAt, limits: &Limits) -> Result<Vec<u8>, MediaError> {
    let merged = zip::entry(source, MERGED)?.ok_or_else(|| MediaError::damaged("it has no merged picture"))?;
    let damaged = |e: io::Error| MediaError::damaged(format!("its merged picture cannot be unpacked: {e}"));
    let bytes = merged.read(source, limits.max_bytes.saturating_add(1)).map_err(damaged)?;
    if bytes.len() as u64 > limits.max_bytes {
        return Err(MediaError::too_large(format!("its merged picture has more than {} bytes", limits.max_bytes)));
    }
    Ok(bytes)
}
