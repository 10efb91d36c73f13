//! Where a manifest store stands in a file: JPEG segments, a PNG chunk, a RIFF chunk.

use super::boxes::HEADER;
use crate::media::StillFormat;

/// Most bytes of a store in one segment of a JPEG, whose length has 16 bits and counts what stands before them.
const SEGMENT: usize = 64_000;
/// Of a JPEG segment: that it is of JPEG XT's boxes, and of the first of them.
const BOXES: [u8; 4] = [b'J', b'P', 0, 1];
/// Signature and first chunk of a PNG.
const PNG_HEAD: usize = 33;

/// A file with room for a store.
pub(super) struct Room<'a> {
    format: StillFormat,
    file: &'a [u8],
    /// Where it goes.
    pub at: usize,
}

impl<'a> Room<'a> {
    /// `None` for a format that has none, and for what is no file of ours.
    pub(super) fn of(format: StillFormat, file: &'a [u8]) -> Option<Self> {
        let at = match format {
            StillFormat::Jpeg => behind_texts(file)?,
            StillFormat::Png => file.get(..PNG_HEAD)?.len(),
            StillFormat::WebP => file.len(),
            StillFormat::Gif | StillFormat::Bmp | StillFormat::Tiff | StillFormat::Avif => return None,
        };
        Some(Self { format, file, at })
    }

    /// A store, which has an even length, as it stands there.
    pub(super) fn wrapped(&self, store: &[u8]) -> Vec<u8> {
        let length = u32::try_from(store.len()).unwrap_or(u32::MAX);
        match self.format {
            StillFormat::Jpeg => segments(store),
            StillFormat::Png => {
                let named = [b"caBX", store].concat();
                [&length.to_be_bytes()[..], &named, &crc(&named).to_be_bytes()].concat()
            }
            // Of an even length, it needs nothing behind it.
            _ => [b"C2PA", &length.to_le_bytes()[..], store].concat(),
        }
    }

    /// What stands before a store that takes so many bytes, and behind it.
    pub(super) fn around(&self, taken: usize) -> (Vec<u8>, &'a [u8]) {
        let (before, behind) = self.file.split_at_checked(self.at).unwrap_or((self.file, &[]));
        let mut before = before.to_vec();
        if self.format == StillFormat::WebP {
            let whole = u32::try_from((self.file.len() + taken).saturating_sub(HEADER)).unwrap_or(u32::MAX);
            before.iter_mut().skip(4).zip(whole.to_le_bytes()).for_each(|(to, from)| *to = from);
        }
        (before, behind)
    }
}

/// Behind the segments with which a JPEG tells of itself.
fn behind_texts(file: &[u8]) -> Option<usize> {
    let mut at = 2;
    while let [0xff, 0xe0..=0xe2, high, low] = file.get(at..at + 4)? {
        at += 2 + usize::from(u16::from_be_bytes([*high, *low]));
    }
    Some(at)
}

/// In each segment the header of the outermost box stands again.
fn segments(store: &[u8]) -> Vec<u8> {
    let (header, content) = store.split_at_checked(HEADER).unwrap_or((store, &[]));
    let mut out = Vec::with_capacity(store.len() + 64);
    for (part, no) in content.chunks(SEGMENT).zip(1_u32..) {
        let length = 2 + BOXES.len() + 4 + header.len() + part.len();
        out.extend_from_slice(&[0xff, 0xeb]);
        out.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
        out.extend_from_slice(&BOXES);
        out.extend_from_slice(&no.to_be_bytes());
        out.extend_from_slice(header);
        out.extend_from_slice(part);
    }
    out
}

/// The store of a file that has one; of a JPEG its first segment.
pub(super) fn store(file: &[u8]) -> Option<&[u8]> {
    if file.starts_with(b"\xff\xd8") {
        let at = behind_texts(file)?;
        let length = usize::from(u16::from_be_bytes(*file.get(at + 2..)?.first_chunk()?));
        let segment = file.get(at..at + 2 + length)?;
        return segment.strip_prefix(b"\xff\xeb")?.get(2..)?.strip_prefix(&BOXES)?.get(4..);
    }
    if file.starts_with(b"\x89PNG") {
        let length = usize::try_from(u32::from_be_bytes(*file.get(PNG_HEAD..)?.first_chunk()?)).ok()?;
        let chunk = file.get(PNG_HEAD + 4..PNG_HEAD.checked_add(length)?.checked_add(8)?)?;
        return chunk.strip_prefix(b"caBX");
    }
    let mut chunks = file.strip_prefix(b"RIFF").and_then(|file| file.get(4..)?.strip_prefix(b"WEBP"))?;
    loop {
        let length = usize::try_from(u32::from_le_bytes(*chunks.get(4..)?.first_chunk()?)).ok()?;
        let body = chunks.get(HEADER..)?;
        if chunks.starts_with(b"C2PA") {
            return body.get(..length);
        }
        chunks = body.get(length.checked_add(length & 1)?..)?;
    }
}

/// As PNG has it.
fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}
