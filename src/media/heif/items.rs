//! The `meta` box: which of a file's items is the picture, what is said of it, and where lies what the file says of itself.
//!
//! Its lists may name anything any number of times: what is kept of them, and how often they are gone through, has limits of its own.

use std::collections::HashMap;

use super::super::bytes::be32;

/// A file of a phone in tiles has hundreds.
const MAX_ITEMS: usize = 20_000;
/// Items that the file says something of itself in.
const MAX_TOLD: usize = 16;
/// Pieces of all those together.
const MAX_EXTENTS: usize = 1_024;
/// An association names no more.
const MAX_PROPERTIES: usize = 0x7fff;
/// Properties of the picture; it has about six.
const MAX_OF_ONE: usize = 64;

/// A property by its kind, and its body.
pub(super) type Property<'a> = (&'a [u8; 4], &'a [u8]);

/// What one such box held.
pub(super) struct Meta<'a> {
    /// Items in which the file says something of itself.
    pub told: Vec<Item<'a>>,
    /// What is said of the picture, in its order.
    pub picture: Vec<Property<'a>>,
    /// What is said of the first item that it is made of, when it is made of others.
    pub tile: Vec<Property<'a>>,
    /// What lies within the box itself.
    pub data: &'a [u8],
}

#[derive(Default)]
pub(super) struct Item<'a> {
    id: u32,
    pub kind: [u8; 4],
    /// Of `mime`.
    content_type: &'a [u8],
    /// Where its bytes lie, and how many.
    pub extents: Vec<(u64, u64)>,
    /// They lie in the box itself, not in the file.
    pub is_within: bool,
}

impl Item<'_> {
    fn is_told(&self) -> bool {
        &self.kind == b"Exif" || self.content_type == b"application/rdf+xml"
    }
}

impl<'a> Meta<'a> {
    /// Reads the body of the box; `None` when it names no picture.
    pub fn read(body: &'a [u8]) -> Option<Self> {
        let inner = body.get(4..)?;
        // There is one of each.
        let first = |wanted: &[u8; 4]| Boxes(inner).find(|(kind, _)| *kind == wanted).map(|(_, body)| body);
        let (version, mut c) = Cursor::of(first(b"pitm")?)?;
        let primary = c.id(version > 0)?;
        let mut told = first(b"iinf").map(infos).unwrap_or_default();
        if let Some(places) = first(b"iloc") {
            let _ = locate(&mut told, places);
        }
        let said = first(b"iprp").unwrap_or_default();
        let properties: Vec<_> = Boxes(said)
            .find(|(kind, _)| *kind == b"ipco")
            .map(|(_, body)| Boxes(body).take(MAX_PROPERTIES).collect())
            .unwrap_or_default();
        let of = |id: u32| {
            let mut indices = Vec::new();
            for (_, body) in Boxes(said).filter(|(kind, _)| *kind == b"ipma") {
                let _ = associated(body, id, &mut indices);
            }
            indices.iter().filter_map(|index| properties.get(index.checked_sub(1)?).copied()).collect()
        };
        let tile = first(b"iref").and_then(|body| made_of(body, primary));
        let (picture, tile) = (of(primary), tile.map(of).unwrap_or_default());
        Some(Self { told, picture, tile, data: first(b"idat").unwrap_or_default() })
    }
}

fn infos(body: &[u8]) -> Vec<Item<'_>> {
    let Some((version, mut c)) = Cursor::of(body) else { return Vec::new() };
    if c.uint(if version == 0 { 2 } else { 4 }).is_none() {
        return Vec::new();
    }
    let all = Boxes(c.0).filter(|(kind, _)| *kind == b"infe").take(MAX_ITEMS);
    all.filter_map(|(_, body)| info(body).filter(Item::is_told)).take(MAX_TOLD).collect()
}

fn info(body: &[u8]) -> Option<Item<'_>> {
    let (version, mut c) = Cursor::of(body)?;
    let id = c.id(version > 2)?;
    c.take(2)?;
    let kind = c.take(4)?.try_into().ok()?;
    let mut texts = c.0.split(|byte| *byte == 0).skip(1);
    let content_type = texts.next().filter(|_| &kind == b"mime").unwrap_or_default();
    Some(Item { id, kind, content_type, ..Item::default() })
}

/// Where these items lie.
fn locate(items: &mut [Item<'_>], body: &[u8]) -> Option<()> {
    let mut wanted: HashMap<u32, &mut Item<'_>> = items.iter_mut().map(|item| (item.id, item)).collect();
    let (version, mut c) = Cursor::of(body)?;
    let (sizes, more) = (c.uint(1)?, c.uint(1)?);
    let nibble = |byte: u64, high: bool| usize::try_from(if high { byte >> 4 } else { byte & 15 }).ok();
    let (offset, length, base) = (nibble(sizes, true)?, nibble(sizes, false)?, nibble(more, true)?);
    let index = if version > 0 { nibble(more, false)? } else { 0 };
    let mut room = MAX_EXTENTS;
    for _ in 0..c.count(if version < 2 { 2 } else { 4 }, MAX_ITEMS)? {
        let id = c.id(version > 1)?;
        let method = if version > 0 { c.uint(2)? & 15 } else { 0 };
        c.take(2)?;
        let from = c.uint(base)?;
        let count = c.count(2, usize::MAX)?;
        // Nothing is read that is made of other items. Each lies in one place.
        let Some(item) = wanted.remove(&id).filter(|_| method < 2) else {
            c.take(count.checked_mul(index + offset + length)?)?;
            continue;
        };
        item.is_within = method == 1;
        room = room.checked_sub(count)?;
        for _ in 0..count {
            c.take(index)?;
            item.extents.push((from.checked_add(c.uint(offset)?)?, c.uint(length)?));
        }
    }
    Some(())
}

/// The first item that one is made of.
fn made_of(body: &[u8], whole: u32) -> Option<u32> {
    let (version, c) = Cursor::of(body)?;
    Boxes(c.0).filter(|(kind, _)| *kind == b"dimg").find_map(|(_, body)| {
        let mut c = Cursor(body);
        let is_it = c.id(version > 0)? == whole && c.uint(2)? > 0;
        if is_it { c.id(version > 0) } else { None }
    })
}

/// Adds the numbers of the properties of one item.
fn associated(body: &[u8], of: u32, to: &mut Vec<usize>) -> Option<()> {
    let (version, mut c) = Cursor::of(body)?;
    let is_wide = body.get(3)? & 1 == 1;
    for _ in 0..c.count(4, MAX_ITEMS)? {
        let id = c.id(version > 0)?;
        let count = c.count(1, usize::MAX)?;
        let mut named = Cursor(c.take(if is_wide { count * 2 } else { count })?);
        if id != of {
            continue;
        }
        while let Some(index) = if is_wide { named.uint(2) } else { named.uint(1) } {
            let index = if is_wide { index & 0x7fff } else { index & 0x7f };
            if to.len() < MAX_OF_ONE {
                to.push(usize::try_from(index).ok()?);
            }
        }
    }
    Some(())
}

/// The boxes of a range, as far as they are whole.
struct Boxes<'a>(&'a [u8]);

impl<'a> Iterator for Boxes<'a> {
    type Item = (&'a [u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let size = usize::try_from(be32(self.0, 0)?).ok()?;
        let size = if size == 0 { self.0.len() } else { size };
        let (this, rest) = self.0.split_at_checked(size)?;
        let (kind, body) = this.get(4..)?.split_first_chunk()?;
        self.0 = rest;
        Some((kind, body))
    }
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    /// The version of a full box, and what comes behind its flags.
    fn of(body: &'a [u8]) -> Option<(u8, Self)> {
        Some((*body.first()?, Self(body.get(4..)?)))
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of so many bytes, up to eight; of none it is zero.
    fn uint(&mut self, size: usize) -> Option<u64> {
        (size <= 8).then_some(())?;
        Some(self.take(size)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn count(&mut self, size: usize, most: usize) -> Option<usize> {
        Some(usize::try_from(self.uint(size)?).ok()?.min(most))
    }

    fn id(&mut self, is_wide: bool) -> Option<u32> {
        u32::try_from(self.uint(if is_wide { 4 } else { 2 })?).ok()
    }
}
