//! Krita's documents and OpenRaster: archives of layers, with the finished picture beside them as a PNG.

use std::io;

use super::found::Found;
use super::{MediaError, png, zip};
use crate::types::ReadAt;

const MERGED: &[u8] = b"mergedimage.png";
/// What comes before the pixels of a PNG: its size, its colours, its texts.
const HEAD: u64 = 1024 * 1024;
/// What a PNG may have beside its pixels.
const SLACK: u64 = 16 * 1024 * 1024;

pub(super) fn walk(source: &dyn ReadAt) -> io::Result<Found> {
    let Some(merged) = zip::entry(source, MERGED)? else {
        return Ok(Found { unsupported: Some("a document without a merged picture"), ..Found::default() });
    };
    // What is packed wrongly is told by who decodes it.
    let head = match merged.read(source, HEAD) {
        Ok(head) => head,
        Err(e) if is_its_own(&e) => Vec::new(),
        Err(e) => return Err(e),
    };
    let found = if head.starts_with(b"\x89PNG") { png::walk(&head)? } else { Found::default() };
    Ok(Found { complete: merged.is_whole(source), ..found })
}

/// The most bytes of the PNG in it, by the size that the picture has: so much memory is asked for before it is unpacked.
pub(super) fn unpacked((w, h): (u32, u32), pixel: u64) -> u64 {
    u64::from(w).saturating_mul(u64::from(h)).saturating_mul(pixel).saturating_add(SLACK)
}

/// The PNG in it; it has so many bytes at most.
pub(super) fn merged(source: &dyn ReadAt, most: u64) -> Result<Vec<u8>, MediaError> {
    let merged = zip::entry(source, MERGED)?.ok_or_else(|| MediaError::damaged("it has no merged picture"))?;
    let bytes = merged.read(source, most.saturating_add(1)).map_err(|e| match is_its_own(&e) {
        true => MediaError::damaged(format!("its merged picture cannot be unpacked: {e}")),
        false => e.into(),
    })?;
    if bytes.len() as u64 > most {
        return Err(MediaError::too_large(format!("its merged picture unpacks to more than {most} bytes")));
    }
    Ok(bytes)
}

/// Whether what is packed is at fault, and not who reads it.
fn is_its_own(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof)
}
