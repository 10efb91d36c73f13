//! The `meta` box: the items of a file, where they lie, and what is said of them.

use super::super::bytes::be32;

/// A file of a phone in tiles has hundreds.
const MAX_ITEMS: usize = 20_000;
const MAX_EXTENTS: usize = 4_096;

/// What one such box held.
pub(super) struct Meta<'a> {
    pub primary: u32,
    pub items: Vec<Item>,
    pub properties: Vec<(&'a [u8; 4], &'a [u8])>,
    associations: Vec<(u32, usize)>,
    /// What lies within the box itself.
    pub data: &'a [u8],
}

#[derive(Default)]
pub(super) struct Item {
    id: u32,
    pub kind: [u8; 4],
    /// Of `mime`.
    pub content_type: Vec<u8>,
    /// Where its bytes lie, and how many.
    pub extents: Vec<(u64, u64)>,
    /// They lie in the box itself, not in the file.
    pub is_within: bool,
}

impl<'a> Meta<'a> {
    /// Reads the body of the box; `None` when it names no picture.
    pub fn read(body: &'a [u8]) -> Option<Self> {
        let mut meta =
            Self { primary: 0, items: Vec::new(), properties: Vec::new(), associations: Vec::new(), data: &[] };
        let mut primary = None;
        let mut places = None;
        for (kind, body) in Boxes(body.get(4..)?) {
            match kind {
                b"pitm" => primary = Cursor::of(body).and_then(|(version, mut c)| c.id(version > 0)),
                b"iinf" => meta.infos(body),
                b"iloc" => places = Some(body),
                b"idat" => meta.data = body,
                b"iprp" => meta.said(body),
                _ => {}
            }
        }
        meta.primary = primary?;
        // The list of items may come after the list of places.
        if let Some(places) = places {
            meta.places(places);
        }
        Some(meta)
    }

    /// What is said of an item, in its order.
    pub fn properties_of(&self, id: u32) -> impl Iterator<Item = (&'a [u8; 4], &'a [u8])> {
        let of_it = self.associations.iter().filter(move |(of, _)| *of == id);
        of_it.filter_map(|(_, index)| self.properties.get(index.checked_sub(1)?).copied())
    }

    fn infos(&mut self, body: &'a [u8]) {
        let Some((version, mut c)) = Cursor::of(body) else { return };
        if c.uint(if version == 0 { 2 } else { 4 }).is_none() {
            return;
        }
        for (_, body) in Boxes(c.0).filter(|(kind, _)| *kind == b"infe").take(MAX_ITEMS) {
            self.items.extend(Cursor::of(body).and_then(|(version, c)| info(version, c)));
        }
    }

    fn said(&mut self, body: &'a [u8]) {
        for (kind, body) in Boxes(body) {
            match kind {
                b"ipco" => self.properties.extend(Boxes(body).take(MAX_ITEMS)),
                b"ipma" => drop(self.associate(body)),
                _ => {}
            }
        }
    }

    fn associate(&mut self, body: &[u8]) -> Option<()> {
        let (version, mut c) = Cursor::of(body)?;
        let is_wide = body.get(3)? & 1 == 1;
        for _ in 0..c.count(4, MAX_ITEMS)? {
            let id = c.id(version > 0)?;
            for _ in 0..c.uint(1)? {
                let index = if is_wide { c.uint(2)? & 0x7fff } else { c.uint(1)? & 0x7f };
                self.associations.push((id, usize::try_from(index).ok()?));
            }
        }
        Some(())
    }

    fn places(&mut self, body: &[u8]) -> Option<()> {
        let (version, mut c) = Cursor::of(body)?;
        let (sizes, more) = (c.uint(1)?, c.uint(1)?);
        let nibble = |byte: u64, high: bool| usize::try_from(if high { byte >> 4 } else { byte & 15 }).ok();
        let (offset, length, base) = (nibble(sizes, true)?, nibble(sizes, false)?, nibble(more, true)?);
        let index = if version > 0 { nibble(more, false)? } else { 0 };
        for _ in 0..c.count(if version < 2 { 2 } else { 4 }, MAX_ITEMS)? {
            let id = c.id(version > 1)?;
            let method = if version > 0 { c.uint(2)? & 15 } else { 0 };
            c.take(2)?;
            let from = c.uint(base)?;
            let mut extents = Vec::new();
            for _ in 0..c.count(2, MAX_EXTENTS)? {
                c.take(index)?;
                extents.push((from.checked_add(c.uint(offset)?)?, c.uint(length)?));
            }
            // Nothing is read that is made of other items.
            if let Some(item) = self.items.iter_mut().find(|item| item.id == id).filter(|_| method < 2) {
                (item.extents, item.is_within) = (extents, method == 1);
            }
        }
        Some(())
    }
}

fn info(version: u8, mut c: Cursor<'_>) -> Option<Item> {
    let id = c.id(version > 2)?;
    c.take(2)?;
    let kind = c.take(4)?.try_into().ok()?;
    let mut texts = c.0.split(|byte| *byte == 0).skip(1);
    let content_type = texts.next().filter(|_| &kind == b"mime").map(<[u8]>::to_vec);
    Some(Item { id, kind, content_type: content_type.unwrap_or_default(), ..Item::default() })
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
