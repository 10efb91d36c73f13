//! MP4 and its kin: size of the picture, the texts of generators, and whether the boxes fill the file.

use std::io;

use super::bytes::{Window, be16, be32, utf8_or_latin1};
use super::found::Found;
use super::video::XMP_BOX;
use crate::types::ReadAt;

const MAX_BOXES: usize = 50_000;

struct Walk<'a> {
    w: Window<'a>,
    found: Found,
    boxes: usize,
    keys: Vec<String>,
    seen_moov: bool,
    seen_media: bool,
}

pub(super) fn walk(source: &dyn ReadAt) -> io::Result<Found> {
    let w = Window::new(source);
    let len = w.len();
    let mut walk = Walk { w, found: Found::default(), boxes: 0, keys: Vec::new(), seen_moov: false, seen_media: false };
    let whole = walk.boxes(0, len, 0)?;
    walk.found.complete = whole && walk.seen_moov && walk.seen_media;
    Ok(walk.found)
}

/// The kind of a box, where its body begins, and where the next one does; `None` when it is not all there.
pub(super) fn head(w: &mut Window<'_>, at: u64, end: u64) -> io::Result<Option<([u8; 4], u64, u64)>> {
    let Some(head) = w.array::<8>(at)? else { return Ok(None) };
    let (header, size) = match be32(&head, 0).unwrap_or(0) {
        0 => (8, end.saturating_sub(at)),
        1 => match w.array::<8>(at.saturating_add(8))? {
            Some(large) => (16, u64::from_be_bytes(large)),
            None => return Ok(None),
        },
        n => (8, u64::from(n)),
    };
    let next = at.saturating_add(size);
    let is_whole = size >= header && next <= end;
    Ok(is_whole.then_some(([head[4], head[5], head[6], head[7]], at.saturating_add(header), next)))
}

impl Walk<'_> {
    /// Walks the boxes of one range; whether they fill it exactly.
    fn boxes(&mut self, mut at: u64, end: u64, depth: usize) -> io::Result<bool> {
        while at < end {
            self.boxes = self.boxes.saturating_add(1);
            if self.boxes > MAX_BOXES || depth > 12 {
                return Ok(false);
            }
            let Some((kind, body, next)) = head(&mut self.w, at, end)? else { return Ok(false) };
            self.one(&kind, body, next, depth)?;
            at = next;
        }
        Ok(true)
    }

    fn one(&mut self, kind: &[u8; 4], body: u64, end: u64, depth: usize) -> io::Result<()> {
        let deeper = depth.saturating_add(1);
        match kind {
            b"mdat" | b"moof" => self.seen_media = true,
            b"moov" | b"trak" | b"udta" => {
                self.seen_moov |= kind == b"moov";
                self.boxes(body, end, deeper)?;
            }
            // QuickTime's has no version in front of its boxes, MP4's has.
            b"meta" => {
                let quicktime = self.w.get(body.saturating_add(4), 4)? == b"hdlr";
                self.boxes(body.saturating_add(if quicktime { 0 } else { 4 }), end, deeper)?;
            }
            b"tkhd" => self.track(body)?,
            b"uuid" if self.w.array::<16>(body)? == Some(XMP_BOX) => {
                let at = body.saturating_add(16);
                match self.w.block(at, end.saturating_sub(at))? {
                    Some(packet) => self.found.xmp = Some(packet),
                    None => self.found.warn("the XMP packet is larger than 16 MiB and was left out"),
                }
            }
            b"keys" => self.read_keys(body, end)?,
            b"ilst" => self.items(body, end)?,
            _ => {}
        }
        Ok(())
    }

    fn track(&mut self, body: u64) -> io::Result<()> {
        let b = self.w.get(body, 96)?;
        let at: usize = if b.first() == Some(&1) { 88 } else { 76 };
        let matrix = at.saturating_sub(36);
        let whole = |b: &[u8], at: usize| be32(b, at).map(|v| v >> 16).filter(|v| *v > 0);
        let size = (whole(b, at), whole(b, at.saturating_add(4)));
        let turned = be32(b, matrix) == Some(0) && be32(b, matrix.saturating_add(4)).is_some_and(|v| v != 0);
        if let (Some(w), Some(h)) = size
            && self.found.width.is_none()
        {
            (self.found.width, self.found.height) = if turned { (Some(h), Some(w)) } else { (Some(w), Some(h)) };
        }
        Ok(())
    }

    fn read_keys(&mut self, body: u64, end: u64) -> io::Result<()> {
        let mut at = body.saturating_add(8);
        while at < end && self.keys.len() < 256 {
            let Some(head) = self.w.array::<8>(at)? else { break };
            let size = u64::from(be32(&head, 0).unwrap_or(0));
            if size < 8 {
                break;
            }
            let len = usize::try_from(size.saturating_sub(8)).unwrap_or(0).min(256);
            let key = utf8_or_latin1(self.w.get(at.saturating_add(8), len)?);
            self.keys.push(key);
            at = at.saturating_add(size);
        }
        Ok(())
    }

    fn items(&mut self, body: u64, end: u64) -> io::Result<()> {
        let mut at = body;
        for _ in 0..256 {
            let Some(head) = self.w.array::<8>(at)? else { break };
            let size = u64::from(be32(&head, 0).unwrap_or(0));
            let next = at.saturating_add(size);
            if size < 24 || next > end {
                break;
            }
            let index = usize::try_from(be32(&head, 4).unwrap_or(0)).unwrap_or(0);
            let key = match &head[4..] {
                b"\xa9cmt" => Some("Comment".to_owned()),
                _ => index.checked_sub(1).and_then(|i| self.keys.get(i)).cloned(),
            };
            let data = self.w.get(at.saturating_add(8), 16)?;
            let text = data.get(4..8) == Some(b"data") && be16(data, 10) == Some(1);
            if let Some(key) = key.filter(|_| text) {
                match self.w.block(at.saturating_add(24), size.saturating_sub(24))? {
                    Some(value) => self.found.text(key, utf8_or_latin1(&value)),
                    None => self.found.warn("a text of the container is larger than 16 MiB and was left out"),
                }
            }
            at = next;
        }
        Ok(())
    }
}
