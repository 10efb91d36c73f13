//! GIF, BMP and TIFF: the little that is read of them.

use std::io;

use super::bytes::{Window, le16, le32, utf8_or_latin1};
use super::exif;
use super::found::Found;
use crate::types::ReadAt;

const MAX_BLOCKS: usize = 200_000;

pub(super) fn gif(source: &dyn ReadAt) -> io::Result<Found> {
    let mut found = Found::default();
    let mut w = Window::new(source);
    let Some(head) = w.array::<13>(0)? else { return Ok(found) };
    (found.width, found.height) = (le16(&head, 6).map(u32::from), le16(&head, 8).map(u32::from));
    let mut at = 13u64.saturating_add(table(head[10]));
    // A step is one block or one sub-block, so that neither can be repeated without end.
    let mut steps = 0usize;
    while steps < MAX_BLOCKS {
        steps = steps.saturating_add(1);
        let Some([kind, label]) = w.array::<2>(at)? else {
            found.complete = w.array::<1>(at)? == Some([0x3b]);
            break;
        };
        let comment = (kind, label) == (0x21, 0xfe);
        at = match kind {
            0x21 => at.saturating_add(2),
            0x2c => match w.array::<10>(at)? {
                Some(image) => at.saturating_add(11).saturating_add(table(image[9])),
                None => break,
            },
            0x3b => {
                found.complete = true;
                break;
            }
            _ => break,
        };
        let mut text = Vec::new();
        while steps < MAX_BLOCKS {
            steps = steps.saturating_add(1);
            let Some([len]) = w.array::<1>(at)? else { break };
            if comment && text.len() < 1024 * 1024 {
                text.extend_from_slice(w.get(at.saturating_add(1), usize::from(len))?);
            }
            at = at.saturating_add(1).saturating_add(u64::from(len));
            if len == 0 {
                break;
            }
        }
        if !text.is_empty() {
            found.text("Comment", utf8_or_latin1(&text));
        }
    }
    Ok(found)
}

fn table(flags: u8) -> u64 {
    if flags & 0x80 == 0 { 0 } else { 3u64 << (u32::from(flags & 7).saturating_add(1)) }
}

pub(super) fn bmp(source: &dyn ReadAt) -> io::Result<Found> {
    let mut found = Found::default();
    let mut w = Window::new(source);
    let Some(head) = w.array::<26>(0)? else { return Ok(found) };
    if le32(&head, 14) == Some(12) {
        (found.width, found.height) = (le16(&head, 18).map(u32::from), le16(&head, 20).map(u32::from));
    } else {
        // The height is signed: negative means that the rows run downwards.
        found.width = le32(&head, 18);
        found.height = le32(&head, 22).map(|h| if h > 0x7fff_ffff { h.wrapping_neg() } else { h });
    }
    let size = u64::from(le32(&head, 2).unwrap_or(0));
    found.complete = size == 0 || size <= w.len();
    Ok(found)
}

pub(super) fn tiff(source: &dyn ReadAt) -> io::Result<Found> {
    let exif = exif::read(source)?;
    Ok(Found {
        width: exif.width,
        height: exif.height,
        xmp: exif.xmp,
        iptc: exif.iptc,
        // The decoder gives up a profile that is large beside the picture.
        icc: exif.icc,
        complete: exif.whole && exif.width.is_some(),
        deep: true,
        is_signed: exif.is_signed,
        ..Found::default()
    })
}
