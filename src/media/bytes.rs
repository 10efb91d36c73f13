//! Bounded reading of bytes that may lie about their lengths.

use std::io;

use crate::types::ReadAt;

const WINDOW: usize = 64 * 1024;

/// Most bytes of one metadata block that are ever held.
pub(super) const MAX_BLOCK: usize = 16 * 1024 * 1024;

/// Reads small pieces through one buffer, so that a walk over many headers does not fetch the same block again and again.
pub(super) struct Window<'a> {
    source: &'a dyn ReadAt,
    start: u64,
    buf: Vec<u8>,
}

impl<'a> Window<'a> {
    pub fn new(source: &'a dyn ReadAt) -> Self {
        Self { source, start: 0, buf: Vec::new() }
    }

    pub fn len(&self) -> u64 {
        self.source.len()
    }

    /// At most `want` (and at most 64 KiB) bytes from `at` on; fewer only at the end.
    pub fn get(&mut self, at: u64, want: usize) -> io::Result<&[u8]> {
        let want = want.min(WINDOW);
        let end = self.start.saturating_add(self.buf.len() as u64);
        if at < self.start || at.saturating_add(want as u64) > end {
            let mut buf = std::mem::take(&mut self.buf);
            buf.resize(WINDOW, 0);
            let got = self.source.read_at(at, &mut buf)?;
            buf.truncate(got);
            self.buf = buf;
            self.start = at;
        }
        let from = usize::try_from(at.saturating_sub(self.start)).unwrap_or(usize::MAX).min(self.buf.len());
        let to = from.saturating_add(want).min(self.buf.len());
        Ok(self.buf.get(from..to).unwrap_or_default())
    }

    /// Exactly `N` bytes, or `None` when the file ends before.
    pub fn array<const N: usize>(&mut self, at: u64) -> io::Result<Option<[u8; N]>> {
        Ok(self.get(at, N)?.try_into().ok())
    }

    /// A whole block; shorter when the file ends before. `None` when it is larger than [`MAX_BLOCK`].
    pub fn block(&mut self, at: u64, len: u64) -> io::Result<Option<Vec<u8>>> {
        let len = len.min(self.len().saturating_sub(at));
        let Some(len) = usize::try_from(len).ok().filter(|&l| l <= MAX_BLOCK) else {
            return Ok(None);
        };
        let mut out = vec![0; len];
        let got = self.source.read_at(at, &mut out)?;
        out.truncate(got);
        Ok(Some(out))
    }
}

/// Big-endian 16 bits at an offset.
pub(super) fn be16(b: &[u8], at: usize) -> Option<u16> {
    b.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_be_bytes)
}

/// Big-endian 32 bits at an offset.
pub(super) fn be32(b: &[u8], at: usize) -> Option<u32> {
    b.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_be_bytes)
}

/// Little-endian 16 bits at an offset.
pub(super) fn le16(b: &[u8], at: usize) -> Option<u16> {
    b.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
}

/// Little-endian 32 bits at an offset.
pub(super) fn le32(b: &[u8], at: usize) -> Option<u32> {
    b.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

/// UTF-8 when it is UTF-8, else every byte is a Latin-1 character.
pub(super) fn utf8_or_latin1(b: &[u8]) -> String {
    match std::str::from_utf8(b) {
        Ok(s) => s.to_owned(),
        Err(_) => b.iter().map(|&c| char::from(c)).collect(),
    }
}

/// Where a short needle first occurs.
pub(super) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len().max(1)).position(|w| w == needle)
}
