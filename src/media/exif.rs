//! The few EXIF tags that matter, from a TIFF block walked with bounds.

use std::io;

use super::bytes::{Window, be16, be32, le16, le32, utf8_or_latin1};
use super::dates;
use crate::types::{ReadAt, Timestamp};

const MAX_TAGS: u16 = 512;
/// Most bytes of all values of one block: many tags may point to the same place.
const MAX_VALUES: u64 = 32 * 1024 * 1024;
const MAX_ASCII: usize = 64;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Exif {
    /// 1 to 8; 1 when there is none.
    pub orientation: u8,
    pub created: Option<Timestamp>,
    /// The bytes as found, encoding id included.
    pub user_comment: Option<Vec<u8>>,
    /// Every text tag of the first directory.
    pub ascii: Vec<(u16, String)>,
    pub xmp: Option<Vec<u8>>,
    pub iptc: Option<Vec<u8>>,
    pub icc: Option<Vec<u8>>,
    /// It has content credentials (C2PA).
    pub is_signed: bool,
    pub width: Option<u32>,
    pub height: Option<u32>,
    /// It says where the picture was taken.
    pub place: bool,
    /// No value lies behind the end of the block.
    pub whole: bool,
}

impl Exif {
    /// A text tag of the first directory.
    pub fn text(&self, tag: u16) -> Option<&str> {
        self.ascii.iter().find(|(t, _)| *t == tag).map(|(_, v)| v.as_str())
    }
}

struct Walker<'a> {
    w: Window<'a>,
    little: bool,
    out: Exif,
    original: Option<String>,
    offset: Option<String>,
    subsec: Option<String>,
    /// The place of the GPS directory.
    gps: Option<u32>,
    budget: u64,
}

/// Reads a TIFF block (or a TIFF file). A block that is none gives the defaults.
pub(super) fn read(source: &dyn ReadAt) -> io::Result<Exif> {
    let mut w = Window::new(source);
    let empty = Exif { orientation: 1, ..Exif::default() };
    let Some(head) = w.array::<8>(0)? else { return Ok(empty) };
    let little = match &head[..4] {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return Ok(empty),
    };
    let first = if little { le32(&head, 4) } else { be32(&head, 4) }.unwrap_or(0);
    let out = Exif { whole: true, ..empty };
    let mut walker =
        Walker { w, little, out, original: None, offset: None, subsec: None, gps: None, budget: MAX_VALUES };
    let sub = walker.directory(u64::from(first), true)?;
    if let Some(at) = walker.gps {
        walker.out.place = walker.has_place(u64::from(at))?;
    }
    if let Some(at) = sub {
        walker.directory(u64::from(at), false)?;
    }
    let Walker { mut out, original, offset, subsec, .. } = walker;
    out.created = original.and_then(|o| dates::exif(&o, offset.as_deref(), subsec.as_deref()));
    Ok(out)
}

impl Walker<'_> {
    fn u16(&self, b: &[u8], at: usize) -> u16 {
        if self.little { le16(b, at) } else { be16(b, at) }.unwrap_or(0)
    }

    fn u32(&self, b: &[u8], at: usize) -> u32 {
        if self.little { le32(b, at) } else { be32(b, at) }.unwrap_or(0)
    }

    /// Reads one directory; gives the place of the Exif directory when it names one.
    fn directory(&mut self, at: u64, first: bool) -> io::Result<Option<u32>> {
        let Some(count) = self.w.array::<2>(at)? else {
            self.out.whole = false;
            return Ok(None);
        };
        let count = self.u16(&count, 0).min(MAX_TAGS);
        let mut sub = None;
        for i in 0..u64::from(count) {
            let Some(entry) = self.w.array::<12>(at.saturating_add(2).saturating_add(i.saturating_mul(12)))? else {
                self.out.whole = false;
                break;
            };
            let (tag, kind) = (self.u16(&entry, 0), self.u16(&entry, 2));
            let number = if kind == 3 { u32::from(self.u16(&entry, 8)) } else { self.u32(&entry, 8) };
            match tag {
                0x0100 if first => self.out.width = Some(number),
                0x0101 if first => self.out.height = Some(number),
                0x0112 if first => {
                    self.out.orientation = u8::try_from(number).ok().filter(|o| (1..=8).contains(o)).unwrap_or(1);
                }
                0x8769 if first => sub = Some(number),
                0x8825 if first => self.gps = Some(number),
                0x02bc if first => self.out.xmp = self.value(&entry)?,
                0x83bb if first => self.out.iptc = self.value(&entry)?,
                0x8773 if first => self.out.icc = self.value(&entry)?,
                0xcd41 if first => self.out.is_signed = true,
                0x9286 if self.out.user_comment.is_none() => self.out.user_comment = self.value(&entry)?,
                0x9003 => self.original = self.ascii(&entry)?,
                0x9011 => self.offset = self.ascii(&entry)?,
                0x9291 => self.subsec = self.ascii(&entry)?,
                _ if kind == 2 && first && self.out.ascii.len() < MAX_ASCII => {
                    if let Some(text) = self.ascii(&entry)? {
                        self.out.ascii.push((tag, text));
                    }
                }
                _ => {}
            }
        }
        Ok(sub)
    }

    /// Whether a GPS directory holds a latitude or a longitude: many hold no more than their version.
    fn has_place(&mut self, at: u64) -> io::Result<bool> {
        let Some(count) = self.w.array::<2>(at)? else { return Ok(false) };
        for i in 0..u64::from(self.u16(&count, 0).min(MAX_TAGS)) {
            let Some(entry) = self.w.array::<12>(at.saturating_add(2).saturating_add(i.saturating_mul(12)))? else {
                break;
            };
            if matches!(self.u16(&entry, 0), 0x0002 | 0x0004) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn ascii(&mut self, entry: &[u8; 12]) -> io::Result<Option<String>> {
        Ok(self.value(entry)?.map(|v| {
            let end = v.iter().position(|&c| c == 0).unwrap_or(v.len());
            utf8_or_latin1(v.get(..end).unwrap_or_default())
        }))
    }

    fn value(&mut self, entry: &[u8; 12]) -> io::Result<Option<Vec<u8>>> {
        let unit: u64 = match self.u16(entry, 2) {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 => 8,
            _ => return Ok(None),
        };
        let len = u64::from(self.u32(entry, 4)).saturating_mul(unit);
        if len <= 4 {
            return Ok(usize::try_from(len).ok().and_then(|l| entry[8..].get(..l)).map(<[u8]>::to_vec));
        }
        let at = u64::from(self.u32(entry, 8));
        if at.saturating_add(len) > self.w.len() {
            self.out.whole = false;
        }
        if len > self.budget || at >= self.w.len() {
            return Ok(None);
        }
        self.budget = self.budget.saturating_sub(len);
        self.w.block(at, len)
    }
}

/// The text of a UserComment: the eight-byte id says which encoding, the bytes say which byte order.
pub(super) fn user_comment(raw: &[u8]) -> String {
    let (id, rest) = raw.split_at(raw.len().min(8));
    let text = match id {
        b"UNICODE\0" => utf16(rest),
        b"ASCII\0\0\0" | b"\0\0\0\0\0\0\0\0" => utf8_or_latin1(rest),
        b"JIS\0\0\0\0\0" => String::from_utf8_lossy(rest).into_owned(),
        _ => utf8_or_latin1(raw),
    };
    text.replace('\0', "").trim().to_owned()
}

/// UTF-16 of either byte order. The order of the TIFF block is not that of the text: most writers disagree about it.
fn utf16(b: &[u8]) -> String {
    let (b, order) = match b {
        [0xfe, 0xff, rest @ ..] => (rest, Some(false)),
        [0xff, 0xfe, rest @ ..] => (rest, Some(true)),
        _ => (b, None),
    };
    let units = |little: bool| {
        b.chunks_exact(2).map(move |p| match (p, little) {
            ([x, y], true) => u16::from_le_bytes([*x, *y]),
            ([x, y], false) => u16::from_be_bytes([*x, *y]),
            _ => 0,
        })
    };
    // Latin text has a zero byte in every pair; for any other, the order that gives fewer impossible characters.
    let little = order.unwrap_or_else(|| {
        let zeros = |odd: usize| b.iter().skip(odd).step_by(2).filter(|&&c| c == 0).count();
        match zeros(1).cmp(&zeros(0)) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => {
                let odd = |l: bool| units(l).filter(|u| (0xd800..0xf900).contains(u) || *u >= 0xfff0).count();
                odd(true) < odd(false)
            }
        }
    });
    char::decode_utf16(units(little)).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn user_comments_of_every_writer_are_read() {
        for text in ["a cat, Steps: 20", "Ein Mädchen, 東京の猫", "東京の猫"] {
            for little in [false, true] {
                let mut raw = b"UNICODE\0".to_vec();
                for u in text.encode_utf16() {
                    raw.extend(if little { u.to_le_bytes() } else { u.to_be_bytes() });
                }
                if text.is_ascii() || text.contains(' ') {
                    assert_eq!(user_comment(&raw), text, "little {little}");
                }
            }
            for id in [&b"ASCII\0\0\0"[..], b"\0\0\0\0\0\0\0\0", b""] {
                let raw: Vec<u8> = id.iter().copied().chain(text.bytes()).chain([0, 0]).collect();
                assert_eq!(user_comment(&raw), text);
            }
        }
        assert_eq!(user_comment(b""), "");
        assert_eq!(user_comment(b"UNICODE\0"), "");
    }

    #[test]
    fn a_place_is_a_latitude_or_a_longitude() {
        let block = |tag: &[u8]| {
            let head = b"MM\0*\0\0\0\x08\0\x01\x88\x25\0\x04\0\0\0\x01\0\0\0\x1a\0\0\0\0\0\x01";
            read(&[&head[..], tag, b"\0\x01\0\0\0\x04\x02\x03\0\0"].concat()).unwrap().place
        };
        assert!(block(b"\0\x02") && block(b"\0\x04"));
        assert!(!block(b"\0\0"), "a version alone");
        assert!(!read(&b"MM\0*\0\0\0\x08\0\x01\x88\x25\0\x04\0\0\0\x01\xff\xff\xff\xff".to_vec()).unwrap().place);
    }

    #[test]
    fn a_block_that_points_nowhere_is_read_as_far_as_it_goes() {
        let mut block = b"MM\0*\0\0\0\x08\0\x02".to_vec();
        block.extend(b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0");
        block.extend(b"\x01\x0f\0\x02\xff\xff\xff\xff\xff\xff\xff\xff");
        let exif = read(&block).unwrap();
        assert_eq!(exif.orientation, 6);
        assert!(!exif.whole);
        assert_eq!(read(&b"II*\0\xff\xff\xff\xff".to_vec()).unwrap().orientation, 1);
    }
}
