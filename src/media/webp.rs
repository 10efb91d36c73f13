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
    let mut sized = false;
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
                sized = true;
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
            // The first one counts, as for the decoder.
            b"ICCP" if found.icc.is_none() => match w.block(body, len)? {
                Some(data) => found.icc = Some(data),
                None => found.warn("the colour profile is larger than 16 MiB and was left out"),
            },
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
