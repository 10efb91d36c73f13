//! Staging files: the bytes of a file that is being written, sealed, out of place, over the last version's bytes.
//!
//! A write seals its 4 KiB segments into fresh slots and then appends what lies where to the index, so a process killed in between
//! has lost nothing that was acknowledged. Slots that the last finished sync needs are not used again before the next one, not even
//! after a restart. When a slot that came after it does not verify, a power cut has happened: the file is again what was synced, or the last
//! version when nothing was.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::stage_files::StageFiles;
use super::stage_log::{Entry, RECORD, Record};
use super::stage_state::{Place, Slot, State};
use super::{BlobError, Reader};
use crate::crypto::{NONCE, Sealer};
use crate::rng::SharedEntropy;
use crate::types::{ContentId, NodeId, ReadAt, Timestamp};

/// Plain bytes per slot.
pub(super) const SLOT: usize = 4096;
/// Bytes of the index file's header.
pub(super) const HEADER: usize = 8 + 4 + 60 + 1 + 32 + 8;
pub(super) const MAGIC: &[u8; 8] = b"damfsS\x00\x01";
/// From so many slots on a write takes them in a row, so that it is one write of the disk.
const LONG: usize = 16;
/// Slots that one read of the disk gets at most.
const RUN: usize = 64;

/// One staging file.
pub struct Stage {
    pub(super) node: NodeId,
    pub(super) files: StageFiles,
    pub(super) index_len: u64,
    /// The number of the last record that was written, or was to be.
    pub(super) last_number: u64,
    /// Whether a failed append may have left something behind `index_len`: it goes before anything else is appended.
    pub(super) torn: bool,
    pub(super) header: [u8; HEADER],
    pub(super) log_key: [u8; 32],
    pub(super) sealer: Sealer,
    pub(super) entropy: SharedEntropy,
    pub(super) base: Option<(ContentId, Reader)>,
    pub(super) state: State,
    /// Slots written since the last finished sync: free as soon as nothing needs them.
    pub(super) fresh: BTreeSet<u64>,
    /// Slots that only the synced state needs: free after the next sync.
    pub(super) released: Vec<u64>,
    pub(super) free: BTreeSet<u64>,
    /// Slots in the data file.
    pub(super) slots: u64,
    /// Whether something came after the last finished sync.
    pub(super) unsynced: bool,
    /// Whether a sync failed since the last finished one. The kernel says so once and takes its pages for clean from then on: all that
    /// came after the finished sync has to be written again before another sync means anything.
    pub(super) suspect: bool,
    /// Whether the folder that names the files was synced.
    pub(super) named: bool,
    pub(super) nonce: u64,
    pub(super) nonce_salt: [u8; 4],
}

pub(super) fn read_full(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut got = 0;
    while got < buf.len() {
        match file.read_at(&mut buf[got..], offset + got as u64) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(got)
}

impl Stage {
    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.state.len
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.state.len == 0
    }

    /// When it was last written or cut.
    #[must_use]
    pub fn mtime(&self) -> Timestamp {
        self.state.mtime
    }

    /// What it was made over.
    #[must_use]
    pub fn base(&self) -> Option<ContentId> {
        self.base.as_ref().map(|(id, _)| *id)
    }

    /// Bytes that the file's content takes: slots, and what still shows of the base.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        self.state.stored_bytes()
    }

    /// Nonces are a random salt per opening and a count: none is used twice with this file's key.
    pub(super) fn fresh_nonces(&mut self) -> Result<(), BlobError> {
        let mut start = [0u8; 8];
        self.entropy.fill(&mut self.nonce_salt)?;
        self.entropy.fill(&mut start)?;
        self.nonce = u64::from_le_bytes(start);
        Ok(())
    }

    fn next_nonce(&mut self) -> [u8; NONCE] {
        self.nonce = self.nonce.wrapping_add(1);
        let mut out = [0; NONCE];
        out[..4].copy_from_slice(&self.nonce_salt);
        out[4..].copy_from_slice(&self.nonce.to_le_bytes());
        out
    }

    pub(super) fn damaged(&self, why: impl Into<String>) -> BlobError {
        BlobError::Damaged { what: format!("staging file {}", self.node), why: why.into() }
    }

    /// Appends to the log and then does what it says: nothing of it is there when the disk refuses.
    pub(super) fn append(&mut self, records: &[Record]) -> Result<(), BlobError> {
        self.mend()?;
        let bytes = self.encode(records);
        let files = self.files.get()?;
        if let Err(e) = files.index.write_all_at(&bytes, self.index_len) {
            // Whole records of it may be there: a restart must not take them up.
            self.torn = files.index.set_len(self.index_len).is_err();
            return Err(e.into());
        }
        self.index_len += bytes.len() as u64;
        for record in records {
            if let Entry::Segment { slot, .. } = record.entry {
                self.fresh.insert(slot);
            }
            for slot in self.state.apply(record) {
                if self.fresh.remove(&slot) {
                    self.free.insert(slot);
                } else {
                    self.released.push(slot);
                }
            }
        }
        self.unsynced = true;
        Ok(())
    }

    fn mend(&mut self) -> Result<(), BlobError> {
        if self.torn {
            self.files.get()?.index.set_len(self.index_len)?;
            self.torn = false;
        }
        Ok(())
    }

    pub(super) fn encode(&mut self, records: &[Record]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(records.len() * RECORD);
        for record in records {
            self.last_number += 1;
            bytes.extend_from_slice(&record.to_bytes(&self.log_key, self.last_number));
        }
        bytes
    }

    pub(super) fn open_slot(&self, segment: u64, slot: &Slot) -> Result<Vec<u8>, BlobError> {
        let mut bytes = vec![0u8; SLOT];
        if read_full(&self.files.get()?.data, &mut bytes, slot.at * SLOT as u64)? < SLOT {
            return Err(self.damaged(format!("segment {segment} is cut off")));
        }
        self.unseal(segment, slot, &mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn unseal(&self, segment: u64, slot: &Slot, bytes: &mut [u8]) -> Result<(), BlobError> {
        self.sealer
            .open(slot.nonce, &segment.to_le_bytes(), bytes, &slot.tag)
            .map_err(|_| self.damaged(format!("segment {segment}")))
    }

    /// The base's bytes from an offset on, zero where it has or shows none.
    fn read_base(&self, offset: u64, buf: &mut [u8]) -> Result<(), BlobError> {
        buf.fill(0);
        if let Some((_, base)) = &self.base
            && offset < self.state.base_len
        {
            let n = usize::try_from(self.state.base_len - offset).unwrap_or(usize::MAX).min(buf.len());
            if base.read_at(offset, &mut buf[..n])? < n {
                return Err(self.damaged("its base is cut off"));
            }
        }
        Ok(())
    }

    /// The plain bytes of one segment, as long as a slot.
    fn segment(&self, segment: u64) -> Result<Vec<u8>, BlobError> {
        match self.state.get(segment) {
            Some(Place::Slot(slot)) => self.open_slot(segment, &slot),
            Some(Place::Zero) => Ok(vec![0; SLOT]),
            None => {
                let mut bytes = vec![0; SLOT];
                self.read_base(segment * SLOT as u64, &mut bytes)?;
                Ok(bytes)
            }
        }
    }

    /// Writes; nothing of it is there when it fails. Bytes between the old end and `offset` are zero.
    ///
    /// # Errors
    /// [`BlobError::Full`] and the like.
    pub fn write_at(&mut self, offset: u64, data: &[u8], now: Timestamp) -> Result<(), BlobError> {
        if data.is_empty() {
            return Ok(());
        }
        if offset > self.state.len {
            self.clear_tail()?;
        }
        let end = offset + data.len() as u64;
        let segments = offset / SLOT as u64..end.div_ceil(SLOT as u64);
        // What a failed append left behind must be gone before the slots that it names are used again.
        self.mend()?;
        let slots = self.take_slots(usize::try_from(segments.end - segments.start).unwrap_or(usize::MAX));
        let wrote = self.seal(segments.start, &slots, offset, data, now).and_then(|(sealed, records)| {
            self.put_slots(&slots, &sealed)?;
            self.append(&records)
        });
        if wrote.is_err() {
            self.free.extend(slots);
        }
        wrote
    }

    /// The sealed segments from `first` on with `data` in them, and the records that say so.
    fn seal(
        &mut self,
        first: u64,
        slots: &[u64],
        offset: u64,
        data: &[u8],
        now: Timestamp,
    ) -> Result<(Vec<u8>, Vec<Record>), BlobError> {
        let end = offset + data.len() as u64;
        let mut sealed = vec![0u8; slots.len() * SLOT];
        let mut records = Vec::with_capacity(slots.len());
        for ((segment, slot), out) in (first..).zip(slots).zip(sealed.chunks_exact_mut(SLOT)) {
            let start = segment * SLOT as u64;
            let from = usize::try_from(offset.saturating_sub(start)).unwrap_or(0);
            let to = usize::try_from((end - start).min(SLOT as u64)).unwrap_or(SLOT);
            if from > 0 || to < SLOT {
                out.copy_from_slice(&self.segment(segment)?);
                // What lies behind the old end does not show, whatever the segment held before it was cut.
                let shown = usize::try_from(self.state.len.saturating_sub(start).min(SLOT as u64)).unwrap_or(SLOT);
                out[shown..].fill(0);
            }
            let source = usize::try_from((start + from as u64) - offset).unwrap_or(0);
            out[from..to].copy_from_slice(&data[source..source + (to - from)]);
            let nonce = self.next_nonce();
            let tag = self.sealer.seal(nonce, &segment.to_le_bytes(), out)?;
            // Records may be torn behind any of them: none may show more than has been written up to it, or what was cut once shows again.
            let len = self.state.len.max(end.min(start + SLOT as u64));
            records.push(Record { entry: Entry::Segment { segment, slot: *slot, nonce, tag }, len, mtime: now });
        }
        Ok((sealed, records))
    }

    /// What the last segment holds behind the end, from before a cut, must not show when the file grows.
    fn clear_tail(&mut self) -> Result<(), BlobError> {
        let (segment, keep) =
            (self.state.len / SLOT as u64, usize::try_from(self.state.len % SLOT as u64).unwrap_or(0));
        if keep == 0 || !matches!(self.state.get(segment), Some(Place::Slot(_))) {
            return Ok(());
        }
        let bytes = self.segment(segment)?;
        self.write_at(segment * SLOT as u64, &bytes[..keep], self.state.mtime)
    }

    fn take_slots(&mut self, count: usize) -> Vec<u64> {
        let mut out = Vec::with_capacity(count);
        if count < LONG || self.free.len() >= count {
            while out.len() < count {
                match self.free.pop_first() {
                    Some(slot) => out.push(slot),
                    None => break,
                }
            }
        }
        while out.len() < count {
            out.push(self.slots);
            self.slots += 1;
        }
        out
    }

    fn put_slots(&self, slots: &[u64], sealed: &[u8]) -> Result<(), BlobError> {
        let files = self.files.get()?;
        let mut at = 0;
        while at < slots.len() {
            let mut run = 1;
            while at + run < slots.len() && slots[at + run] == slots[at] + run as u64 {
                run += 1;
            }
            files.data.write_all_at(&sealed[at * SLOT..(at + run) * SLOT], slots[at] * SLOT as u64)?;
            at += run;
        }
        Ok(())
    }

    /// Cuts or extends; what is added is zero.
    ///
    /// # Errors
    /// [`BlobError::Full`] and the like.
    pub fn set_len(&mut self, len: u64, now: Timestamp) -> Result<(), BlobError> {
        if len > self.state.len {
            self.clear_tail()?;
        }
        let base = self.state.base_len.min(len);
        self.append(&[Record { entry: Entry::Length { base }, len, mtime: now }])
    }

    /// Makes a range inside the file zero; whole segments give their space back.
    ///
    /// # Errors
    /// [`BlobError::Full`] and the like.
    pub fn zero_range(&mut self, offset: u64, len: u64, now: Timestamp) -> Result<(), BlobError> {
        let end = offset.saturating_add(len).min(self.state.len);
        if offset >= end {
            return Ok(());
        }
        let slot = SLOT as u64;
        let (from, to) = (offset.div_ceil(slot), end / slot);
        let zeros = |start: u64, stop: u64| vec![0; usize::try_from(stop - start).unwrap_or(0)];
        if from >= to {
            return self.write_at(offset, &zeros(offset, end), now);
        }
        for (start, stop) in [(offset, from * slot), (to * slot, end)] {
            if start < stop {
                self.write_at(start, &zeros(start, stop), now)?;
            }
        }
        self.append(&[Record { entry: Entry::Hole { from, to }, len: self.state.len, mtime: now }])
    }

    /// The first data at or behind `offset`.
    #[must_use]
    pub fn seek_data(&self, offset: u64) -> Option<u64> {
        let slot = SLOT as u64;
        let mut at = offset;
        while at < self.state.len {
            let segment = at / slot;
            match self.state.get(segment) {
                Some(Place::Slot(_)) => return Some(at),
                None if at < self.state.base_len => {
                    // What shows of the base may be a hole; a slot may lie before its end.
                    let base = self.base.as_ref().map_or(at, |(_, base)| base.next_data(at)).min(self.state.base_len);
                    let slot_at = self.state.next_slot(segment).map_or(u64::MAX, |s| s * slot);
                    let next = base.min(slot_at);
                    if next < (segment + 1) * slot && next < self.state.base_len {
                        return Some(next);
                    }
                    at = next;
                }
                Some(Place::Zero) => at = (segment + 1) * slot,
                None => {
                    return self
                        .state
                        .next_slot(segment)
                        .map(|s| (s * slot).max(offset))
                        .filter(|s| *s < self.state.len);
                }
            }
        }
        None
    }

    /// The first hole at or behind `offset`; the end is one.
    #[must_use]
    pub fn seek_hole(&self, offset: u64) -> u64 {
        let slot = SLOT as u64;
        let mut at = offset;
        while at < self.state.len {
            let segment = at / slot;
            match self.state.get(segment) {
                Some(Place::Slot(_)) => at = (segment + 1) * slot,
                None if segment * slot < self.state.base_len => at = (segment + 1) * slot,
                _ => return at,
            }
        }
        self.state.len
    }

    /// Segments from `first` on that can be read in one go: slots in a row, or none at all.
    fn run(&self, first: u64, most: usize) -> (Vec<Slot>, usize) {
        let mut slots: Vec<Slot> = Vec::new();
        let mut count = 0;
        while count < most.min(RUN) {
            match self.state.get(first + count as u64) {
                Some(Place::Slot(slot)) if count == slots.len() => match slots.last() {
                    Some(last) if last.at + 1 != slot.at => break,
                    _ => slots.push(slot),
                },
                None if slots.is_empty() => {}
                Some(Place::Zero) if count == 0 => return (slots, 1),
                _ => break,
            }
            count += 1;
        }
        (slots, count)
    }

    fn fill(&self, offset: u64, buf: &mut [u8]) -> Result<(), BlobError> {
        let mut filled = 0;
        while filled < buf.len() {
            let at = offset + filled as u64;
            let (first, skip) = (at / SLOT as u64, usize::try_from(at % SLOT as u64).unwrap_or(0));
            let (slots, count) = self.run(first, (skip + buf.len() - filled).div_ceil(SLOT));
            let take = (count * SLOT - skip).min(buf.len() - filled);
            let out = &mut buf[filled..filled + take];
            if let Some(start) = slots.first() {
                let mut bytes = vec![0u8; count * SLOT];
                let got = read_full(&self.files.get()?.data, &mut bytes, start.at * SLOT as u64)?;
                if got < bytes.len() {
                    return Err(self.damaged(format!("its data ends before segment {}", first + (got / SLOT) as u64)));
                }
                for ((segment, slot), part) in (first..).zip(&slots).zip(bytes.chunks_exact_mut(SLOT)) {
                    self.unseal(segment, slot, part)?;
                }
                out.copy_from_slice(&bytes[skip..skip + take]);
            } else if self.state.get(first).is_some() {
                out.fill(0);
            } else {
                self.read_base(at, out)?;
            }
            filled += take;
        }
        Ok(())
    }
}

impl ReadAt for Stage {
    fn len(&self) -> u64 {
        self.state.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        if offset >= self.state.len {
            return Ok(0);
        }
        let n = usize::try_from(self.state.len - offset).unwrap_or(usize::MAX).min(buf.len());
        self.fill(offset, &mut buf[..n])?;
        Ok(n)
    }
}
