//! AVIF and HEIC: which of a file's items is the picture, how large it is shown, in what colours, and what it says of itself.
//!
//! The pixels are another program's to decode ([`COMMAND`]): it gives them upright and cropped as the file says, so a size here is as shown.

mod items;

use std::io;

use super::bmff::head;
use super::bytes::{MAX_BLOCK, Window, be16, be32};
use super::found::{Found, strip_exif_prefix};
use super::png_colour::Colour;
use crate::types::ReadAt;
use items::{Item, Meta};

const MAX_BOXES: usize = 10_000;

/// Whether it is one of the two.
#[must_use]
pub fn is_heif(format: &str) -> bool {
    matches!(format, "avif" | "heic")
}

/// What libvips is to do: its input is descriptor 0, and a PNG goes to descriptor 1. The operation by its name, so that no other reader of
/// its many sees the bytes; packed not at all, for it is read again at once.
pub const COMMAND: [&str; 4] = ["--vips-concurrency=1", "heifload", "/proc/self/fd/0", ".png[compression=0]"];

pub(super) fn walk(source: &dyn ReadAt) -> io::Result<Found> {
    let mut w = Window::new(source);
    let (len, mut at, mut meta, mut has_data) = (w.len(), 0, None, false);
    let mut found = Found::default();
    for _ in 0..MAX_BOXES {
        let Some((kind, body, next)) = head(&mut w, at, len)? else { break };
        match &kind {
            b"meta" if meta.is_none() => meta = w.block(body, next.saturating_sub(body))?,
            b"mdat" => has_data = true,
            _ => {}
        }
        at = next;
    }
    let meta = meta.as_deref().and_then(Meta::read);
    found.complete = at == len && meta.is_some() && (has_data || meta.as_ref().is_some_and(|m| !m.data.is_empty()));
    let Some(meta) = meta else { return Ok(found) };
    picture(&meta, &mut found);
    for item in &meta.items {
        let is_exif = &item.kind == b"Exif";
        if !is_exif && item.content_type != b"application/rdf+xml" {
            continue;
        }
        match content(&mut w, &meta, item)? {
            Some(block) if is_exif => found.exif = exif(block).or(found.exif),
            Some(block) => found.xmp = Some(block),
            None => found.warn("metadata of the file lies outside of it, or is larger than 16 MiB, and was left out"),
        }
    }
    Ok(found)
}

/// What the properties of the first picture say.
fn picture(meta: &Meta<'_>, found: &mut Found) {
    let mut size = None;
    let mut is_coloured = false;
    for (kind, body) in meta.properties_of(meta.primary) {
        match kind {
            b"ispe" => size = be32(body, 4).zip(be32(body, 8)),
            b"clap" => size = size.map(|whole| cropped(body).unwrap_or(whole)),
            b"irot" if body.first().is_some_and(|turns| turns & 1 == 1) => size = size.map(|(w, h)| (h, w)),
            b"pixi" => found.deep = body.get(5..).is_some_and(|bits| bits.iter().any(|bits| *bits > 8)),
            b"colr" => {
                is_coloured = true;
                colour(body, found);
            }
            _ => {}
        }
    }
    // Of a picture in tiles some writers give the tiles its colours.
    if !is_coloured && let Some((_, body)) = meta.properties.iter().find(|(kind, _)| *kind == b"colr") {
        colour(body, found);
    }
    (found.width, found.height) = (size.map(|size| size.0), size.map(|size| size.1));
    if found.colour.is_hdr() {
        found.unsupported = Some("a picture in HDR");
    } else if found.icc.is_some() {
        // Beside a profile the codes are for readers that know none.
        found.colour = Colour::default();
    }
}

/// Width and height of a clean aperture, which may be given in parts.
fn cropped(body: &[u8]) -> Option<(u32, u32)> {
    let side = |at: usize| be32(body, at)?.checked_div(be32(body, at.checked_add(4)?)?).filter(|side| *side > 0);
    side(0).zip(side(8))
}

fn colour(body: &[u8], found: &mut Found) {
    let code = |at: usize| be16(body, at).and_then(|code| u8::try_from(code).ok());
    match body.get(..4) {
        Some(b"nclx") => {
            if let Some((primaries, transfer)) = code(4).zip(code(6)) {
                found.colour.coded(primaries, transfer);
            }
        }
        Some(b"prof" | b"rICC") => found.icc = body.get(4..).map(<[u8]>::to_vec),
        _ => {}
    }
}

/// The bytes of an item; `None` when they are not all there, or too many.
fn content(w: &mut Window<'_>, meta: &Meta<'_>, item: &Item) -> io::Result<Option<Vec<u8>>> {
    let mut out = Vec::new();
    for &(at, len) in &item.extents {
        let Some(room) = MAX_BLOCK.checked_sub(out.len()) else { return Ok(None) };
        let Some(len) = usize::try_from(len).ok().filter(|len| *len <= room) else { return Ok(None) };
        if item.is_within {
            let from = usize::try_from(at).unwrap_or(usize::MAX);
            let Some(part) = meta.data.get(from..from.saturating_add(len)) else { return Ok(None) };
            out.extend_from_slice(part);
        } else {
            let Some(part) = w.block(at, len as u64)?.filter(|part| part.len() == len) else { return Ok(None) };
            out.extend(part);
        }
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
mod tests {
    use super::*;

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&u32::try_from(body.len() + 8).unwrap().to_be_bytes()[..], kind, body].concat()
    }

    /// A file of one picture, whose properties are these; the first is associated first.
    fn file(properties: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
        let ipco: Vec<u8> = properties.iter().flat_map(|(kind, body)| boxed(kind, body)).collect();
        let count = u8::try_from(properties.len()).unwrap();
        let mut ipma = vec![0, 0, 0, 0, 0, 0, 0, 1, 0, 1, count];
        ipma.extend((1..=count).map(|n| n | 0x80));
        let iprp = [boxed(b"ipco", &ipco), boxed(b"ipma", &ipma)].concat();
        let infe = boxed(b"infe", b"\x02\0\0\0\0\x01\0\0av01\0");
        let iinf = boxed(b"iinf", &[&[0, 0, 0, 0, 0, 1][..], &infe].concat());
        let meta = [&[0; 4][..], &boxed(b"pitm", &[0, 0, 0, 0, 0, 1]), &iinf, &boxed(b"iprp", &iprp)].concat();
        [boxed(b"ftyp", b"avif\0\0\0\0avif"), boxed(b"meta", &meta), boxed(b"mdat", &[0; 8])].concat()
    }

    fn ispe(w: u32, h: u32) -> (&'static [u8; 4], Vec<u8>) {
        (b"ispe", [&[0; 4][..], &w.to_be_bytes(), &h.to_be_bytes()].concat())
    }

    fn nclx(primaries: u8, transfer: u8) -> (&'static [u8; 4], Vec<u8>) {
        (b"colr", [&b"nclx"[..], &[0, primaries, 0, transfer, 0, 1, 0x80]].concat())
    }

    #[test]
    fn a_size_is_as_it_is_shown() {
        let clap: Vec<u8> = [400u32, 1, 300, 1, 0, 1, 0, 1].into_iter().flat_map(u32::to_be_bytes).collect();
        let turned = |turns: u8| (b"irot", vec![turns]);
        for (properties, size) in [
            (vec![ispe(640, 480)], (640, 480)),
            (vec![ispe(640, 480), turned(1)], (480, 640)),
            (vec![ispe(640, 480), turned(2)], (640, 480)),
            (vec![ispe(640, 480), (b"clap", clap.clone()), turned(3)], (300, 400)),
            (vec![ispe(640, 480), (b"imir", vec![1])], (640, 480)),
        ] {
            let found = walk(&file(&properties)).unwrap();
            assert_eq!((found.width, found.height, found.complete), (Some(size.0), Some(size.1), true));
        }
        let whole = file(&[ispe(640, 480)]);
        assert!(!walk(&whole[..whole.len() - 1].to_vec()).unwrap().complete);
        assert_eq!(walk(&b"\0\0\0\x10ftypavif".to_vec()).unwrap().width, None);
    }

    #[test]
    fn colours_are_as_the_codes_say_and_beyond_a_screens_refused() {
        let of = |properties: &[(&[u8; 4], Vec<u8>)]| walk(&file(properties)).unwrap();
        for same in [(1, 13), (1, 1), (2, 2), (1, 6)] {
            assert!(of(&[ispe(1, 1), nclx(same.0, same.1)]).colour.profile().is_none(), "{same:?}");
        }
        assert!(of(&[ispe(1, 1), nclx(12, 13)]).colour.profile().is_some());
        for bright in [16, 18] {
            assert!(of(&[ispe(1, 1), nclx(9, bright)]).unsupported.unwrap().contains("HDR"));
        }
        let found = of(&[ispe(1, 1), (b"pixi", vec![0, 0, 0, 0, 3, 10, 10, 10]), (b"colr", b"profABC".to_vec())]);
        assert_eq!((found.deep, found.icc.as_deref()), (true, Some(&b"ABC"[..])));
    }
}
