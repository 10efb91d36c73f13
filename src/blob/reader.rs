//! Reading whole files: from an offset to extents to segments, each verified.

use std::io;
use std::sync::Arc;

use super::BlobError;
use super::frames::{Frame, HEADER, SEGMENT};
use super::vault::{Shared, extent_name};
use crate::types::{Content, ExtentId, ReadAt};

/// Verified random access to some content. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    shared: Arc<Shared>,
    content: Arc<Content>,
    /// Where each extent begins.
    starts: Arc<Vec<u64>>,
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>, content: &Content) -> Self {
        let mut starts = Vec::with_capacity(content.extents.len());
        let mut at = 0u64;
        for (_, len) in &content.extents {
            starts.push(at);
            at += u64::from(*len);
        }
        Self { shared, content: Arc::new(content.clone()), starts: Arc::new(starts) }
    }

    fn frame(&self, extent: ExtentId) -> Result<Arc<Frame>, BlobError> {
        if let Some(frame) = self.shared.cache.frame(extent) {
            return Ok(frame);
        }
        let name = extent_name(extent)?;
        let mut header = [0u8; HEADER];
        let got = self.shared.store.read(&name, 0, &mut header)?;
        let frame = Arc::new(Frame::open(&self.shared.keyring, name.as_str().as_bytes(), &header[..got])?);
        self.shared.cache.put_frame(extent, frame.clone());
        Ok(frame)
    }

    /// Opens some segments of an extent that follow each other, with one read of the store, straight towards the caller.
    fn segments(
        &self,
        extent: ExtentId,
        frame: &Frame,
        first: u64,
        buf: &mut [u8],
        skip: usize,
    ) -> Result<usize, BlobError> {
        let last_wanted = (first * SEGMENT as u64 + (skip + buf.len()) as u64).min(frame.len);
        let count = last_wanted.div_ceil(SEGMENT as u64).saturating_sub(first).max(1);
        if count == 1 {
            let bytes = self.segment(extent, frame, first)?;
            let part = bytes.get(skip..).unwrap_or_default();
            let n = part.len().min(buf.len());
            buf[..n].copy_from_slice(&part[..n]);
            return Ok(n);
        }
        let (from, _) = frame.stored(first);
        let (end, end_len) = frame.stored(first + count - 1);
        let total = usize::try_from(end - from).unwrap_or(0) + end_len;
        let mut stored = vec![0u8; total];
        let got = self.shared.store.read(&extent_name(extent)?, from, &mut stored)?;
        stored.truncate(got);
        let mut filled = 0;
        let mut rest: &mut [u8] = &mut stored;
        for segment in first..first + count {
            let (_, len) = frame.stored(segment);
            let (part, more) = rest
                .split_at_mut_checked(len)
                .ok_or_else(|| BlobError::Damaged { what: format!("extent {extent}"), why: "it is cut off".into() })?;
            rest = more;
            let n = frame.open_segment(segment, part)?;
            let from = if segment == first { skip } else { 0 };
            let plain = part.get(from..n).unwrap_or_default();
            let take = plain.len().min(buf.len() - filled);
            buf[filled..filled + take].copy_from_slice(&plain[..take]);
            filled += take;
            // Small sequential reads go on in the last segment.
            if segment + 1 == first + count && take < plain.len() {
                self.shared.cache.put(extent, segment, Arc::new(part[..n].to_vec()));
            }
        }
        Ok(filled)
    }

    fn segment(&self, extent: ExtentId, frame: &Frame, segment: u64) -> Result<Arc<Vec<u8>>, BlobError> {
        if let Some(bytes) = self.shared.cache.get(extent, segment) {
            return Ok(bytes);
        }
        let (at, len) = frame.stored(segment);
        let mut stored = vec![0u8; len];
        let got = self.shared.store.read(&extent_name(extent)?, at, &mut stored)?;
        stored.truncate(got);
        let n = frame.open_segment(segment, &mut stored)?;
        stored.truncate(n);
        let bytes = Arc::new(stored);
        self.shared.cache.put(extent, segment, bytes.clone());
        Ok(bytes)
    }

    /// Extents from that of an offset on, each with its beginning.
    fn extents_from(&self, offset: u64) -> impl Iterator<Item = (ExtentId, u64)> + '_ {
        let first = self.starts.partition_point(|s| *s <= offset).saturating_sub(1);
        self.starts.iter().zip(&self.content.extents).skip(first).map(|(start, (id, _))| (*id, *start))
    }

    /// The first hole at or behind an offset; the end is one.
    #[must_use]
    pub fn next_hole(&self, offset: u64) -> u64 {
        let hole = self.extents_from(offset).find(|(id, _)| *id == ExtentId::HOLE);
        hole.map_or(self.content.size, |(_, start)| start.max(offset))
    }

    fn fill(&self, offset: u64, buf: &mut [u8]) -> Result<usize, BlobError> {
        let mut filled = 0;
        while filled < buf.len() {
            let at = offset + filled as u64;
            if at >= self.content.size {
                break;
            }
            let index = self.starts.partition_point(|s| *s <= at) - 1;
            let (extent, len) = self.content.extents[index];
            let within = at - self.starts[index];
            if extent == ExtentId::HOLE {
                let room = usize::try_from(u64::from(len) - within).unwrap_or(usize::MAX).min(buf.len() - filled);
                buf[filled..filled + room].fill(0);
                filled += room;
                continue;
            }
            let frame = self.frame(extent)?;
            if frame.len != u64::from(len) {
                return Err(BlobError::Damaged { what: format!("extent {extent}"), why: "its length is wrong".into() });
            }
            let room = usize::try_from(u64::from(len) - within).unwrap_or(usize::MAX).min(buf.len() - filled);
            let skip = usize::try_from(within % SEGMENT as u64).unwrap_or(0);
            let first = within / SEGMENT as u64;
            let out = &mut buf[filled..filled + room];
            let n = match self.segments(extent, &frame, first, out, skip) {
                Err(BlobError::Damaged { .. }) => {
                    // It may have been stored anew, under another key, since its header was read.
                    self.shared.cache.forget_frame(extent);
                    self.segments(extent, &*self.frame(extent)?, first, out, skip)?
                }
                other => other?,
            };
            if n == 0 {
                return Err(BlobError::Damaged { what: format!("extent {extent}"), why: "it is cut off".into() });
            }
            filled += n;
        }
        Ok(filled)
    }
}

impl ReadAt for Reader {
    fn len(&self) -> u64 {
        self.content.size
    }

    fn next_data(&self, offset: u64) -> u64 {
        let data = self.extents_from(offset).find(|(id, _)| *id != ExtentId::HOLE);
        data.map_or(self.content.size, |(_, start)| start).max(offset)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        Ok(self.fill(offset, buf)?)
    }
}
