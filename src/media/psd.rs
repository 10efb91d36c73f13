//! Photoshop's documents: what stands before the layers, and where the finished picture lies behind them.

use std::io;

use super::bytes::{Window, be16, be32};
use super::found::Found;
use crate::types::ReadAt;

const MAX_RESOURCES: usize = 10_000;
/// Image resources that are read.
const IPTC: u16 = 0x0404;
const ICC: u16 = 0x040f;
const VERSION: u16 = 0x0421;
const EXIF: u16 = 0x0422;
const XMP: u16 = 0x0424;

/// What the header says, and where the sections are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Document {
    /// With lengths of 64 bits.
    pub large: bool,
    pub channels: u16,
    pub width: u32,
    pub height: u32,
    /// Bits of a channel.
    pub depth: u16,
    pub mode: u16,
    /// Where the colour table lies, when there is one.
    pub table: u64,
    /// The first channel behind the colours says how opaque the finished picture is.
    pub alpha: bool,
    /// Where the finished picture lies.
    pub pixels: u64,
    resources: (u64, u64),
}

impl Document {
    /// `None` for a header that is cut short.
    pub fn read(source: &dyn ReadAt) -> io::Result<Option<Self>> {
        let mut w = Window::new(source);
        let Some(head) = w.array::<26>(0)? else { return Ok(None) };
        let word = |at| be16(&head, at).unwrap_or(0);
        let long = |at| be32(&head, at).unwrap_or(0);
        let large = word(4) == 2;
        let mut section = |at: u64| -> io::Result<Option<(u64, u64)>> {
            let length = w.array::<4>(at)?.map(u32::from_be_bytes);
            Ok(length.map(|length| (at.saturating_add(4), u64::from(length))))
        };
        let Some((table, length)) = section(26)? else { return Ok(None) };
        let Some(resources) = section(table.saturating_add(length))? else { return Ok(None) };
        let at = resources.0.saturating_add(resources.1);
        let wide = if large { 8 } else { 4 };
        let mut number = |at: u64| -> io::Result<Option<u64>> {
            Ok(if large {
                w.array::<8>(at)?.map(u64::from_be_bytes)
            } else {
                w.array::<4>(at)?.map(|b| u64::from(u32::from_be_bytes(b)))
            })
        };
        let Some(layers) = number(at)? else { return Ok(None) };
        let inside = number(at.saturating_add(wide))?.filter(|_| layers > 0).unwrap_or(0);
        // A negative count of layers: the picture they make has transparent parts.
        let count = w.array::<2>(at.saturating_add(wide).saturating_add(wide))?.map(i16::from_be_bytes);
        Ok(Some(Self {
            large,
            channels: word(12),
            height: long(14),
            width: long(18),
            depth: word(22),
            mode: word(24),
            table,
            alpha: inside > 0 && count.is_some_and(|count| count < 0),
            pixels: at.saturating_add(wide).saturating_add(layers),
            resources,
        }))
    }
}

pub(super) fn walk(source: &dyn ReadAt) -> io::Result<Found> {
    let mut found = Found::default();
    let Some(document) = Document::read(source)? else { return Ok(found) };
    (found.width, found.height) = (Some(document.width), Some(document.height));
    found.deep = document.depth > 8;
    // The finished picture ends the file, and nobody says where.
    found.complete = document.pixels.saturating_add(2) < source.len();
    let (mut at, length) = document.resources;
    let end = at.saturating_add(length).min(source.len());
    let mut w = Window::new(source);
    for _ in 0..MAX_RESOURCES {
        let Some(head) = w.array::<7>(at)?.filter(|head| head.starts_with(b"8BIM") && at < end) else { break };
        let name = u64::from(head[6]).saturating_add(1);
        let size = at.saturating_add(6).saturating_add(name).saturating_add(name & 1);
        let Some(length) = w.array::<4>(size)?.map(|b| u64::from(u32::from_be_bytes(b))) else { break };
        let body = size.saturating_add(4);
        let next = body.saturating_add(length).saturating_add(length & 1);
        if next > end.saturating_add(1) {
            break;
        }
        let id = be16(&head, 4).unwrap_or(0);
        match id {
            VERSION if w.get(body, 5)?.get(4) == Some(&0) => {
                found.unsupported =
                    Some("a document that was saved without a merged picture (\"maximize compatibility\")");
            }
            IPTC | ICC | EXIF | XMP => match w.block(body, length)? {
                Some(data) => match id {
                    IPTC => found.iptc = Some(data),
                    ICC => found.icc = Some(data),
                    EXIF => found.exif = Some(data),
                    _ => found.xmp = Some(data),
                },
                None => found.warn("an image resource is larger than 16 MiB and was left out"),
            },
            _ => {}
        }
        at = next;
    }
    Ok(found)
}
