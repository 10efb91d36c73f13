//! WebP chunks: size, profile, EXIF, XMP, and whether the file is as long as it says.

use std::io;

use super::bytes::{Window, le16, le32};
use super::found::{Found, strip_exif_prefix};
use crate::types::ReadAt;

const MAX_CHUNKS: usize = 50_000;

pub(super) fn walk(source: &dyn ReadAt) -> io::Result<Found> {
    let mut found = Found::default();
    let mut w = Window::new(source);
    let riff = w.array::<4>(4)?.map_or(0, u32::from_le_bytes);
    found.complete = u64::from(riff).saturating_add(8) <= w.len() && riff > 12;
    let mut at = 12u64;
    let (mut sized, mut is_extended, mut has_profile) = (false, false, false);
    for _ in 0..MAX_CHUNKS {
        let Some(head) = w.array::<8>(at)? else { break };
        let len = u64::from(le32(&head, 4).unwrap_or(0));
        let body = at.saturating_add(8);
        match &head[..4] {
            b"VP8X" => {
                let b = w.get(body, 10)?;
                let plus1 = |at: usize| {
                    let low = le16(b, at).map(u32::from)?;
                    let high = b.get(at.checked_add(2)?).copied().map(u32::from)?;
                    Some((low | high << 16).saturating_add(1))
                };
                (found.width, found.height) = (plus1(4), plus1(7));
                (sized, is_extended) = (true, true);
            }
            b"VP8 " if !sized => {
                let b = w.get(body, 10)?;
                (found.width, found.height) =
                    (le16(b, 6).map(|v| u32::from(v & 0x3fff)), le16(b, 8).map(|v| u32::from(v & 0x3fff)));
                sized = true;
            }
            b"VP8L" if !sized => {
                if let Some(bits) = le32(w.get(body, 5)?, 1) {
                    found.width = Some((bits & 0x3fff).saturating_add(1));
                    found.height = Some((bits >> 14 & 0x3fff).saturating_add(1));
                }
                sized = true;
            }
            // The first one counts, of a file that has an extended header, as for the decoder.
            b"ICCP" if is_extended && !has_profile && at < u64::from(riff).saturating_add(8) => {
                has_profile = true;
                match w.block(body, len)? {
                    Some(data) => found.icc = Some(data),
                    None => found.warn("the colour profile is larger than 16 MiB and was left out"),
                }
            }
            b"C2PA" => found.is_signed = true,
            b"EXIF" => match w.block(body, len)? {
                Some(data) => found.exif = Some(strip_exif_prefix(data)),
                None => found.warn("the EXIF block is larger than 16 MiB and was left out"),
            },
            b"XMP " => match w.block(body, len)? {
                Some(data) => found.xmp = Some(data),
                None => found.warn("the XMP packet is larger than 16 MiB and was left out"),
            },
            _ => {}
        }
        at = body.saturating_add(len).saturating_add(len & 1);
        if at >= w.len() {
            break;
        }
    }
    Ok(found)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [kind, &u32::try_from(body.len()).unwrap().to_le_bytes()[..], body].concat()
    }

    /// A file of these chunks, of which the header tells as many.
    fn profile(chunks: &[Vec<u8>], told: usize) -> Option<Vec<u8>> {
        let length = u32::try_from(4 + chunks[..told].concat().len()).unwrap();
        let file = [b"RIFF", &length.to_le_bytes()[..], b"WEBP", &chunks.concat()].concat();
        walk(&file).unwrap().icc
    }

    #[test]
    fn the_first_profile_counts_where_a_file_may_have_one() {
        let extended = chunk(b"VP8X", &[0x20, 0, 0, 0, 1, 0, 0, 1, 0, 0]);
        let [one, two] = [b"one ", b"two "].map(|body| chunk(b"ICCP", body));
        let picture = chunk(b"VP8 ", &[0; 10]);
        assert_eq!(profile(&[extended.clone(), one.clone(), two, picture.clone()], 4), Some(b"one ".to_vec()));
        assert_eq!(profile(&[picture.clone(), one.clone()], 2), None, "without an extended header");
        assert_eq!(profile(&[extended, picture, one], 2), None, "behind what the header tells of");
    }
}
