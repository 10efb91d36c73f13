//! AVIF and HEIC: which of a file's items is the picture, how large it is shown, in what colours, and what it says of itself.
//!
//! The pixels are another program's to decode ([`COMMAND`]): it gives them upright and cropped as the file says, so a size here is as shown.

mod items;

use std::borrow::Cow;
use std::io;

use super::bmff::head;
use super::bytes::{MAX_BLOCK, Window, be16, be32};
use super::found::{Found, strip_exif_prefix};
use super::png_colour::Colour;
use crate::types::ReadAt;
use items::{Item, Meta, Property};

/// Each may cost a window's read; there are about four.
const MAX_BOXES: usize = 1_000;
/// Bytes that are read of all that a file says of itself.
const MAX_TOLD: u64 = 2 * MAX_BLOCK as u64;

/// Whose box has content credentials (C2PA).
const CREDENTIALS: [u8; 16] =
    [0xd8, 0xfe, 0xc3, 0xd6, 0x1b, 0x0e, 0x48, 0x3c, 0x92, 0x97, 0x58, 0x28, 0x87, 0x7e, 0xc4, 0x81];

/// Whether it is one of the two.
#[must_use]
pub fn is_heif(format: &str) -> bool {
    matches!(format, "avif" | "heic")
}

/// What libvips is to do: its input is descriptor 0, and a PNG goes to descriptor 1. The operation by its name, so that no other reader of
/// its many sees the bytes; from above to below, for otherwise it lays what has more than 100 MB into a file of its own, which the sandbox
/// does not let it have; packed not at all, for it is read again at once.
pub const COMMAND: [&str; 5] =
    ["--vips-concurrency=1", "heifload", "--access=sequential", "/proc/self/fd/0", ".png[compression=0]"];

pub(super) fn walk(source: &dyn ReadAt) -> io::Result<Found> {
    let mut w = Window::new(source);
    let (len, mut at, mut meta, mut has_data) = (w.len(), 0, None, false);
    let mut found = Found::default();
    for _ in 0..MAX_BOXES {
        let Some((kind, body, next)) = head(&mut w, at, len)? else { break };
        match &kind {
            b"meta" if meta.is_none() => meta = w.block(body, next.saturating_sub(body))?,
            b"mdat" => has_data = true,
            b"uuid" => found.is_signed |= w.get(body, CREDENTIALS.len())? == CREDENTIALS,
            _ => {}
        }
        at = next;
    }
    let meta = meta.as_deref().and_then(Meta::read);
    found.complete = at == len && meta.is_some() && (has_data || meta.as_ref().is_some_and(|m| !m.data.is_empty()));
    let Some(meta) = meta else { return Ok(found) };
    picture(&meta, &mut found);
    let mut room = MAX_TOLD;
    for item in &meta.told {
        match content(&mut w, &meta, item, &mut room)? {
            Some(block) if &item.kind == b"Exif" => found.exif = exif(block).or(found.exif),
            Some(block) => found.xmp = Some(block),
            None => found.warn("metadata of the file lies outside of it, or is larger than 16 MiB, and was left out"),
        }
    }
    Ok(found)
}

/// What the properties of the first picture say.
fn picture(meta: &Meta<'_>, found: &mut Found) {
    let mut size = None;
    let mut colours = Colours::default();
    found.deep = meta.picture.iter().chain(&meta.tile).any(|property| is_deep(*property));
    for &(kind, body) in &meta.picture {
        match kind {
            b"ispe" => size = be32(body, 4).zip(be32(body, 8)),
            b"clap" => size = size.map(|whole| cropped(body).unwrap_or(whole)),
            b"irot" if body.first().is_some_and(|turns| turns & 1 == 1) => size = size.map(|(w, h)| (h, w)),
            b"colr" => colours.take(body),
            _ => {}
        }
    }
    // Of a picture in tiles some writers give the tiles its colours.
    if colours.is_empty() {
        meta.tile.iter().filter(|(kind, _)| *kind == b"colr").for_each(|(_, body)| colours.take(body));
    }
    (found.width, found.height) = (size.map(|size| size.0), size.map(|size| size.1));
    if let Some((primaries, transfer)) = colours.codes {
        found.colour.coded(primaries, transfer);
    }
    if found.colour.is_hdr() {
        found.unsupported = Some("a picture in HDR");
    } else if let Some(profile) = colours.profile {
        // Beside a profile the codes are for readers that know none.
        found.colour = Colour::default();
        found.icc = Some(profile.to_vec());
    }
}

/// What is said of colours; nothing of it is copied before all of it is known.
#[derive(Default)]
struct Colours<'a> {
    /// Primaries and transfer.
    codes: Option<(u8, u8)>,
    profile: Option<&'a [u8]>,
}

impl<'a> Colours<'a> {
    fn take(&mut self, body: &'a [u8]) {
        let code = |at: usize| be16(body, at).and_then(|code| u8::try_from(code).ok());
        match body.get(..4) {
            Some(b"nclx") => self.codes = code(4).zip(code(6)).or(self.codes),
            Some(b"prof" | b"rICC") => self.profile = body.get(4..),
            _ => {}
        }
    }

    const fn is_empty(&self) -> bool {
        self.codes.is_none() && self.profile.is_none()
    }
}

/// Whether its channels have more than 8 bits. The list of their depths may be missing; what sets up the decoder is not.
fn is_deep((kind, body): Property<'_>) -> bool {
    let bits = |at: usize| body.get(at).is_some_and(|bits| bits & 7 > 0);
    match kind {
        b"pixi" => body.get(5..).is_some_and(|bits| bits.iter().any(|bits| *bits > 8)),
        b"hvcC" => bits(17) || bits(18),
        b"av1C" => body.get(2).is_some_and(|flags| flags & 0x40 != 0),
        _ => false,
    }
}

/// Width and height of a clean aperture, which may be given in parts.
fn cropped(body: &[u8]) -> Option<(u32, u32)> {
    let side = |at: usize| be32(body, at)?.checked_div(be32(body, at.checked_add(4)?)?).filter(|side| *side > 0);
    side(0).zip(side(8))
}

/// The bytes of an item; `None` when they are not all there, or more than may be read of one, or of all.
fn content(w: &mut Window<'_>, meta: &Meta<'_>, item: &Item<'_>, room: &mut u64) -> io::Result<Option<Vec<u8>>> {
    let len = item.extents.iter().try_fold(0_u64, |sum, (_, len)| sum.checked_add(*len));
    let Some(len) = len.filter(|len| (1..=MAX_BLOCK as u64).contains(len)) else { return Ok(None) };
    let Some(left) = room.checked_sub(len) else { return Ok(None) };
    *room = left;
    let mut out = Vec::new();
    for &(at, len) in item.extents.iter().filter(|(_, len)| *len > 0) {
        let part = if item.is_within {
            let from = usize::try_from(at).unwrap_or(usize::MAX);
            let to = from.saturating_add(usize::try_from(len).unwrap_or(usize::MAX));
            meta.data.get(from..to).map(Cow::Borrowed)
        } else {
            w.block(at, len)?.filter(|part| part.len() as u64 == len).map(Cow::Owned)
        };
        let Some(part) = part else { return Ok(None) };
        out.extend_from_slice(&part);
    }
    Ok(Some(out))
}

/// The block behind the number of bytes that lie before it.
fn exif(mut block: Vec<u8>) -> Option<Vec<u8>> {
    let before = usize::try_from(be32(&block, 0)?).ok()?.checked_add(4)?;
    (before < block.len()).then(|| strip_exif_prefix(block.split_off(before)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests;
