//! The files inside of a ZIP archive: as much of that format as programs that paint need for theirs.

use std::io::{self, Read};

use flate2::read::DeflateDecoder;

use super::bytes::{Window, le16, le32};
use crate::types::ReadAt;

/// The end of an archive with the longest comment.
const MAX_END: u64 = 22 + 65_535;
/// Files that are looked through: a layer may be several.
const MAX_FILES: usize = 50_000;
const CENTRAL: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";
const END: &[u8] = b"PK\x05\x06";

/// A file in an archive, where its bytes lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Inner {
    at: u64,
    packed: u64,
    /// Stored as it is, or deflated.
    deflated: bool,
}

/// The file of that name, by the archive's own table; `None` when there is none, or it cannot be read here.
pub(super) fn entry(source: &dyn ReadAt, name: &[u8]) -> io::Result<Option<Inner>> {
    let mut w = Window::new(source);
    let from = w.len().saturating_sub(MAX_END);
    let Some(tail) = w.block(from, MAX_END)? else { return Ok(None) };
    // The last one: what looks like it may stand in a comment.
    let Some(end) = tail.windows(END.len()).rposition(|bytes| bytes == END) else { return Ok(None) };
    let end = tail.get(end..).unwrap_or_default();
    let (Some(count), Some(at)) = (le16(end, 10), le32(end, 16)) else { return Ok(None) };
    let mut at = u64::from(at);
    for _ in 0..usize::from(count).min(MAX_FILES) {
        let Some(head) = w.array::<46>(at)?.filter(|head| head.starts_with(CENTRAL)) else { return Ok(None) };
        let length = |at| le16(&head, at).map_or(0, u64::from);
        let (named, extra, comment) = (length(28), length(30), length(32));
        let stands = at.saturating_add(46);
        if w.get(stands, usize::try_from(named).unwrap_or(0))? == name {
            return local(&mut w, &head);
        }
        at = stands.saturating_add(named).saturating_add(extra).saturating_add(comment);
    }
    Ok(None)
}

/// Behind the file's own header, whose name and extra fields may be of other lengths than in the table.
fn local(w: &mut Window<'_>, central: &[u8]) -> io::Result<Option<Inner>> {
    let (Some(flags), Some(method), Some(packed), Some(at)) =
        (le16(central, 8), le16(central, 10), le32(central, 20), le32(central, 42))
    else {
        return Ok(None);
    };
    let Some(head) = w.array::<30>(u64::from(at))?.filter(|head| head.starts_with(LOCAL)) else { return Ok(None) };
    let length = |at| le16(&head, at).map_or(0, u64::from);
    let at = u64::from(at).saturating_add(30).saturating_add(length(26)).saturating_add(length(28));
    let is_sealed = flags & 1 != 0;
    Ok(match method {
        0 | 8 if !is_sealed => Some(Inner { at, packed: u64::from(packed), deflated: method == 8 }),
        _ => None,
    })
}

impl Inner {
    /// Its bytes, at most so many.
    pub fn read(&self, source: &dyn ReadAt, most: u64) -> io::Result<Vec<u8>> {
        let packed = Part { source, at: self.at, end: self.at.saturating_add(self.packed).min(source.len()) };
        let mut out = Vec::new();
        if self.deflated {
            DeflateDecoder::new(packed).take(most).read_to_end(&mut out)?;
        } else {
            packed.take(most).read_to_end(&mut out)?;
        }
        Ok(out)
    }

    /// Whether all of its bytes are there.
    pub fn is_whole(&self, source: &dyn ReadAt) -> bool {
        self.at.saturating_add(self.packed) <= source.len()
    }
}

/// A range of bytes, read from its start on.
struct Part<'a> {
    source: &'a dyn ReadAt,
    at: u64,
    end: u64,
}

impl Read for Part<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX).min(buf.len());
        let got = self.source.read_at(self.at, buf.get_mut(..left).unwrap_or_default())?;
        self.at = self.at.saturating_add(got as u64);
        Ok(got)
    }
}
