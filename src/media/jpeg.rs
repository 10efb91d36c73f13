//! JPEG segments up to the picture data, and whether the end marker is there.

use std::io;

use super::bytes::{MAX_BLOCK, Window, be16, utf8_or_latin1};
use super::found::{Found, strip_exif_prefix};
use super::iptc;
use crate::types::ReadAt;

const MAX_SEGMENTS: usize = 20_000;
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const PHOTOSHOP: &[u8] = b"Photoshop 3.0\0";
/// How far back from the end of the file an end marker is looked for: trailing data behind it is common, gigabytes are not.
const MAX_TAIL: u64 = 64 * 1024 * 1024;

pub(super) fn walk(source: &dyn ReadAt) -> io::Result<Found> {
    let mut found = Found::default();
    let mut resources = Vec::new();
    let mut w = Window::new(source);
    let mut at = 2u64;
    let mut baseline_components = 0u8;
    for _ in 0..MAX_SEGMENTS {
        let Some([0xff, marker]) = w.array::<2>(at)? else { break };
        if marker == 0xff {
            at = at.saturating_add(1);
            continue;
        }
        if matches!(marker, 0x01 | 0xd0..=0xd8) {
            at = at.saturating_add(2);
            continue;
        }
        if marker == 0xd9 {
            break;
        }
        let Some(len) = w.array::<2>(at.saturating_add(2))?.map(u16::from_be_bytes).filter(|&l| l >= 2) else { break };
        let body = at.saturating_add(4);
        let next = at.saturating_add(2).saturating_add(u64::from(len));
        if marker == 0xda {
            let components = w.get(body, 1)?.first().copied().unwrap_or(0);
            // The decoder gives wrong colours for these: better none.
            if components < baseline_components {
                found.unsupported = Some("a JPEG with one scan per component");
            }
            found.complete = ends(source, next)?;
            break;
        }
        let data = usize::from(len.saturating_sub(2));
        match marker {
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let frame = w.get(body, 6)?;
                if marker <= 0xc1 {
                    baseline_components = frame.get(5).copied().unwrap_or(0);
                }
                found.height = be16(frame, 1).map(u32::from);
                found.width = be16(frame, 3).map(u32::from);
            }
            // JUMBF, whatever it is of: behind marker and number its box tells its length and name.
            0xeb => {
                let segment = w.get(body, data.min(16))?;
                found.is_signed |= segment.starts_with(b"JP") && segment.get(12..) == Some(b"jumb");
            }
            0xe1 | 0xed | 0xfe => {
                let segment = w.get(body, data)?.to_vec();
                keep(&mut found, &mut resources, marker, segment);
            }
            _ => {}
        }
        at = next;
    }
    if !resources.is_empty() {
        found.iptc = iptc::find(&resources).map(<[u8]>::to_vec);
    }
    Ok(found)
}

fn keep(found: &mut Found, resources: &mut Vec<u8>, marker: u8, segment: Vec<u8>) {
    match marker {
        0xe1 if segment.starts_with(b"Exif\0") && found.exif.is_none() => {
            found.exif = Some(strip_exif_prefix(segment));
        }
        0xe1 if found.xmp.is_none() => found.xmp = segment.strip_prefix(XMP).map(<[u8]>::to_vec),
        0xed => {
            // Resources longer than a segment go on in the next one.
            if let Some(part) = segment.strip_prefix(PHOTOSHOP)
                && resources.len().saturating_add(part.len()) <= MAX_BLOCK
            {
                resources.extend_from_slice(part);
            }
        }
        0xfe => {
            let text = segment.strip_suffix(b"\0").unwrap_or(&segment);
            found.text("Comment", utf8_or_latin1(text));
        }
        _ => {}
    }
}

/// Whether an end marker lies behind the start of the picture data. In that data FF is followed by 00 or a restart.
fn ends(source: &dyn ReadAt, from: u64) -> io::Result<bool> {
    let mut end = source.len();
    let stop = from.max(end.saturating_sub(MAX_TAIL));
    let mut buf = vec![0; 64 * 1024];
    while end > stop {
        let start = end.saturating_sub(buf.len() as u64).max(stop);
        // One byte more, for a marker across the edge of two pieces.
        let want = usize::try_from(end.saturating_sub(start)).unwrap_or(0).saturating_add(1).min(buf.len());
        let got = source.read_at(start, buf.get_mut(..want).unwrap_or_default())?;
        if buf.get(..got).unwrap_or_default().windows(2).any(|p| p == [0xff, 0xd9]) {
            return Ok(true);
        }
        if want == buf.len() && start > stop {
            end = start.saturating_add(1);
        } else {
            end = start;
        }
        if got == 0 {
            break;
        }
    }
    Ok(false)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_end_marker_is_found_anywhere_behind_the_picture_data() {
        for (len, at) in [(10usize, 3usize), (70_000, 65_535), (70_000, 4_463), (200_000, 65_536), (200_000, 199_998)] {
            let mut file = vec![0u8; len];
            assert!(!ends(&file, 2).unwrap());
            file[at] = 0xff;
            file[at + 1] = 0xd9;
            assert!(ends(&file, 2).unwrap(), "{len} {at}");
            assert!(!ends(&file, at as u64 + 1).unwrap(), "{len} {at}");
        }
    }
}
