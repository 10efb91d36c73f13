//! Staging files: the bytes of a file that is being written, sealed, out of place, over the last version's bytes.
//!
//! A write seals its 4 KiB segments into fresh slots and then appends what lies where to the index, so a process killed in between
//! has lost nothing that was acknowledged. After a sync, slots that the synced state needs are not used again before the next sync; a
//! record whose slot does not verify after a power cut falls back to the record before it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;

use super::stage_log::{Entry, RECORD, Record};
use super::{BlobError, Reader};
use crate::crypto::{NONCE, Sealer, TAG};
use crate::rng::SharedEntropy;
use crate::types::{ContentId, NodeId, ReadAt, Timestamp};

/// Plain bytes per slot.
pub(super) const SLOT: usize = 4096;
/// Bytes of the index file's header.
pub(super) const HEADER: usize = 8 + 4 + 60 + 1 + 32 + 8;
pub(super) const MAGIC: &[u8; 8] = b"damfsS\x00\x01";
/// The index is written anew at a sync when it holds this many times what lives.
const SLACK: usize = 4;

#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    at: u64,
    nonce: [u8; NONCE],
    tag: [u8; TAG],
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    Slot(Slot),
    Zero,
}

/// One staging file.
pub struct Stage {
    pub(super) node: NodeId,
    pub(super) data: File,
    pub(super) index: File,
    pub(super) index_path: PathBuf,
    pub(super) index_len: u64,
    pub(super) header: [u8; HEADER],
    pub(super) log_key: [u8; 32],
    pub(super) sealer: Sealer,
    pub(super) entropy: SharedEntropy,
    pub(super) base: Option<(ContentId, Reader)>,
    /// Base bytes beyond this do not show.
    pub(super) base_len: u64,
    pub(super) len: u64,
    pub(super) mtime: Timestamp,
    pub(super) segments: BTreeMap<u64, Place>,
    /// Slots that the last synced state needs.
    pub(super) pinned: BTreeSet<u64>,
    pub(super) free: BTreeSet<u64>,
    pub(super) slots: u64,
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
        self.len
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// When it was last written or cut.
    #[must_use]
    pub fn mtime(&self) -> Timestamp {
        self.mtime
    }

    /// What it was made over.
    #[must_use]
    pub fn base(&self) -> Option<ContentId> {
        self.base.as_ref().map(|(id, _)| *id)
    }

    /// Bytes that the file's content takes: slots, and what still shows of the base.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        let slots = self.segments.values().filter(|p| matches!(p, Place::Slot(_))).count() as u64 * SLOT as u64;
        slots + self.base_len.min(self.len)
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

    pub(super) fn append(&mut self, records: &[Record]) -> Result<(), BlobError> {
        let mut bytes = Vec::with_capacity(records.len() * RECORD);
        for record in records {
            bytes.extend_from_slice(&record.to_bytes(&self.log_key));
        }
        self.index.write_all_at(&bytes, self.index_len)?;
        self.index_len += bytes.len() as u64;
        Ok(())
    }

    /// Reads the log; what is behind the first record that does not verify was never acknowledged.
    pub(super) fn replay(&mut self, log: &[u8]) -> Result<(), BlobError> {
        let mut before: BTreeMap<u64, Vec<Slot>> = BTreeMap::new();
        for bytes in log.chunks_exact(RECORD) {
            let Some(record) = Record::from_bytes(bytes, &self.log_key) else { break };
            self.index_len += RECORD as u64;
            match record.entry {
                Entry::Segment { segment, slot, nonce, tag } => {
                    let slot = Slot { at: slot, nonce, tag };
                    self.slots = self.slots.max(slot.at + 1);
                    before.entry(segment).or_default().push(slot);
                    self.segments.insert(segment, Place::Slot(slot));
                }
                Entry::Length { base } => {
                    self.base_len = self.base_len.min(base);
                    let first_gone = record.len.div_ceil(SLOT as u64);
                    self.segments.split_off(&first_gone);
                    before.split_off(&first_gone);
                }
                Entry::Hole { from, to } => {
                    let held: Vec<u64> = self.segments.range(from..to).map(|(s, _)| *s).collect();
                    for segment in held {
                        self.segments.remove(&segment);
                        before.remove(&segment);
                    }
                    for segment in from..self.base_len.div_ceil(SLOT as u64).min(to) {
                        self.segments.insert(segment, Place::Zero);
                    }
                }
                Entry::Synced => {}
            }
            self.len = record.len;
            self.mtime = record.mtime;
        }
        let mut bad = Vec::new();
        for (segment, place) in &self.segments {
            if let Place::Slot(slot) = place
                && self.open_slot(*segment, slot).is_err()
            {
                bad.push(*segment);
            }
        }
        for segment in bad {
            let older = before.remove(&segment).unwrap_or_default();
            let good = older.iter().rev().skip(1).find(|slot| self.open_slot(segment, slot).is_ok()).copied();
            match good {
                Some(slot) => self.segments.insert(segment, Place::Slot(slot)),
                // Never synced, so never promised: the base shows again.
                None => self.segments.remove(&segment),
            };
        }
        self.pinned = self.live_slots();
        self.free = (0..self.slots).filter(|s| !self.pinned.contains(s)).collect();
        Ok(())
    }

    fn live_slots(&self) -> BTreeSet<u64> {
        self.segments
            .values()
            .filter_map(|p| match p {
                Place::Slot(slot) => Some(slot.at),
                Place::Zero => None,
            })
            .collect()
    }

    fn segment_aad(segment: u64) -> [u8; 8] {
        segment.to_le_bytes()
    }

    fn open_slot(&self, segment: u64, slot: &Slot) -> Result<Vec<u8>, BlobError> {
        let mut bytes = vec![0u8; SLOT];
        let got = read_full(&self.data, &mut bytes, slot.at * SLOT as u64)?;
        bytes.truncate(got);
        self.sealer.open(slot.nonce, &Self::segment_aad(segment), &mut bytes, &slot.tag).map_err(|_| {
            BlobError::Damaged { what: format!("staging file {}", self.node), why: format!("segment {segment}") }
        })?;
        Ok(bytes)
    }

    /// The plain bytes of one segment, as long as a slot.
    fn segment(&self, segment: u64) -> Result<Vec<u8>, BlobError> {
        match self.segments.get(&segment) {
            Some(Place::Slot(slot)) => self.open_slot(segment, slot),
            Some(Place::Zero) => Ok(vec![0; SLOT]),
            None => {
                let mut bytes = vec![0; SLOT];
                let from = segment * SLOT as u64;
                if let Some((_, base)) = &self.base
                    && from < self.base_len
                {
                    let n = usize::try_from((self.base_len - from).min(SLOT as u64)).unwrap_or(SLOT);
                    let got = base.read_at(from, &mut bytes[..n])?;
                    if got < n {
                        return Err(BlobError::Damaged {
                            what: format!("staging file {}", self.node),
                            why: "its base".into(),
                        });
                    }
                }
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
        if offset > self.len {
            self.clear_tail()?;
        }
        let end = offset + data.len() as u64;
        let (first, last) = (offset / SLOT as u64, (end - 1) / SLOT as u64);
        let count = usize::try_from(last - first + 1).unwrap_or(usize::MAX);
        let slots = self.take_slots(count);
        let len = self.len.max(end);
        let mut sealed = vec![0u8; count * SLOT];
        let mut records = Vec::with_capacity(count);
        for (at, (segment, slot)) in (first..=last).zip(&slots).enumerate() {
            let out = &mut sealed[at * SLOT..(at + 1) * SLOT];
            let start = segment * SLOT as u64;
            let from = usize::try_from(offset.saturating_sub(start)).unwrap_or(0);
            let to = usize::try_from((end - start).min(SLOT as u64)).unwrap_or(SLOT);
            if from > 0 || to < SLOT {
                out.copy_from_slice(&self.segment(segment)?);
                // What lies behind the old end does not show, whatever the segment held before it was cut.
                let shown = usize::try_from(self.len.saturating_sub(start).min(SLOT as u64)).unwrap_or(SLOT);
                out[shown..].fill(0);
            }
            let source = usize::try_from((start + from as u64) - offset).unwrap_or(0);
            out[from..to].copy_from_slice(&data[source..source + (to - from)]);
            let nonce = self.next_nonce();
            let tag = self.sealer.seal(nonce, &Self::segment_aad(segment), out)?;
            records.push(Record { entry: Entry::Segment { segment, slot: *slot, nonce, tag }, len, mtime: now });
        }
        if let Err(e) = self.put_slots(&slots, &sealed).and_then(|()| self.append(&records)) {
            self.free.extend(slots);
            return Err(e);
        }
        for record in &records {
            if let Entry::Segment { segment, slot, nonce, tag } = record.entry {
                let old = self.segments.insert(segment, Place::Slot(Slot { at: slot, nonce, tag }));
                self.let_go(old);
            }
        }
        self.len = len;
        self.mtime = now;
        Ok(())
    }

    /// What the last segment holds behind the end, from before a cut, must not show when the file grows.
    fn clear_tail(&mut self) -> Result<(), BlobError> {
        let (segment, keep) = (self.len / SLOT as u64, usize::try_from(self.len % SLOT as u64).unwrap_or(0));
        if keep == 0 || !matches!(self.segments.get(&segment), Some(Place::Slot(_))) {
            return Ok(());
        }
        let bytes = self.segment(segment)?;
        self.write_at(segment * SLOT as u64, &bytes[..keep], self.mtime)
    }

    fn let_go(&mut self, place: Option<Place>) {
        if let Some(Place::Slot(slot)) = place
            && !self.pinned.contains(&slot.at)
        {
            self.free.insert(slot.at);
        }
    }

    fn take_slots(&mut self, count: usize) -> Vec<u64> {
        let mut out = Vec::with_capacity(count);
        // A long write gets slots in a row, so that it is one write of the disk.
        while count < 16 && out.len() < count {
            match self.free.pop_first() {
                Some(slot) => out.push(slot),
                None => break,
            }
        }
        while out.len() < count {
            out.push(self.slots);
            self.slots += 1;
        }
        out
    }

    fn put_slots(&self, slots: &[u64], sealed: &[u8]) -> Result<(), BlobError> {
        let mut at = 0;
        while at < slots.len() {
            let mut run = 1;
            while at + run < slots.len() && slots[at + run] == slots[at] + run as u64 {
                run += 1;
            }
            self.data.write_all_at(&sealed[at * SLOT..(at + run) * SLOT], slots[at] * SLOT as u64)?;
            at += run;
        }
        Ok(())
    }

    /// Cuts or extends; what is added is zero.
    ///
    /// # Errors
    /// [`BlobError::Full`] and the like.
    pub fn set_len(&mut self, len: u64, now: Timestamp) -> Result<(), BlobError> {
        if len > self.len {
            self.clear_tail()?;
        }
        let base = self.base_len.min(len);
        self.append(&[Record { entry: Entry::Length { base }, len, mtime: now }])?;
        self.base_len = base;
        for (_, place) in self.segments.split_off(&len.div_ceil(SLOT as u64)) {
            self.let_go(Some(place));
        }
        self.len = len;
        self.mtime = now;
        Ok(())
    }

    /// Makes a range inside the file zero; whole segments give their space back.
    ///
    /// # Errors
    /// [`BlobError::Full`] and the like.
    pub fn zero_range(&mut self, offset: u64, len: u64, now: Timestamp) -> Result<(), BlobError> {
        let end = offset.saturating_add(len).min(self.len);
        if offset >= end {
            return Ok(());
        }
        let slot = SLOT as u64;
        let (from, to) = (offset.div_ceil(slot), end / slot);
        if from >= to {
            let zeros = vec![0; usize::try_from(end - offset).unwrap_or(0)];
            return self.write_at(offset, &zeros, now);
        }
        for (start, stop) in [(offset, from * slot), (to * slot, end)] {
            if start < stop {
                self.write_at(start, &vec![0; usize::try_from(stop - start).unwrap_or(0)], now)?;
            }
        }
        self.append(&[Record { entry: Entry::Hole { from, to }, len: self.len, mtime: now }])?;
        let held: Vec<u64> = self.segments.range(from..to).map(|(s, _)| *s).collect();
        for segment in held {
            let old = self.segments.remove(&segment);
            self.let_go(old);
        }
        // Beyond the base a missing segment is zero by itself.
        let shown = self.base_len.div_ceil(slot).min(to);
        for segment in from..shown {
            self.segments.insert(segment, Place::Zero);
        }
        self.mtime = now;
        Ok(())
    }

    /// Returns when everything written so far survives a power cut.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn sync(&mut self, _data_only: bool) -> Result<(), BlobError> {
        self.data.sync_data()?;
        self.append(&[Record { entry: Entry::Synced, len: self.len, mtime: self.mtime }])?;
        self.index.sync_data()?;
        self.pinned = self.live_slots();
        self.free = (0..self.slots).filter(|s| !self.pinned.contains(s)).collect();
        let records = usize::try_from(self.index_len).unwrap_or(0).saturating_sub(HEADER) / RECORD;
        if records > 1024 && records > SLACK * (self.segments.len() + 2) {
            self.compact()?;
        }
        Ok(())
    }

    /// Writes the index anew, with what lives only, and puts it in place of the old one.
    fn compact(&mut self) -> Result<(), BlobError> {
        let path = self.index_path.with_extension("new");
        let new = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        let (len, mtime) = (self.len, self.mtime);
        let mut records = vec![Record { entry: Entry::Length { base: self.base_len }, len, mtime }];
        for (segment, place) in &self.segments {
            let entry = match place {
                Place::Slot(s) => Entry::Segment { segment: *segment, slot: s.at, nonce: s.nonce, tag: s.tag },
                Place::Zero => Entry::Hole { from: *segment, to: *segment + 1 },
            };
            records.push(Record { entry, len, mtime });
        }
        let mut bytes = self.header.to_vec();
        for record in &records {
            bytes.extend_from_slice(&record.to_bytes(&self.log_key));
        }
        new.write_all_at(&bytes, 0)?;
        new.sync_data()?;
        fs::rename(&path, &self.index_path)?;
        self.index = new;
        self.index_len = bytes.len() as u64;
        Ok(())
    }

    /// The first data at or behind `offset`.
    #[must_use]
    pub fn seek_data(&self, offset: u64) -> Option<u64> {
        let slot = SLOT as u64;
        let mut at = offset;
        while at < self.len {
            let segment = at / slot;
            match self.segments.get(&segment) {
                Some(Place::Slot(_)) => return Some(at),
                None if at < self.base_len => return Some(at),
                Some(Place::Zero) => at = (segment + 1) * slot,
                None => {
                    let next = self.segments.range(segment..).find(|(_, p)| matches!(p, Place::Slot(_)));
                    return next.map(|(s, _)| (s * slot).max(offset)).filter(|at| *at < self.len);
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
        while at < self.len {
            let segment = at / slot;
            match self.segments.get(&segment) {
                Some(Place::Slot(_)) => at = (segment + 1) * slot,
                None if segment * slot < self.base_len => at = (segment + 1) * slot,
                _ => return at,
            }
        }
        self.len
    }
}

impl ReadAt for Stage {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        if offset >= self.len {
            return Ok(0);
        }
        let n = usize::try_from(self.len - offset).unwrap_or(usize::MAX).min(buf.len());
        let mut filled = 0;
        while filled < n {
            let at = offset + filled as u64;
            let (segment, skip) = (at / SLOT as u64, usize::try_from(at % SLOT as u64).unwrap_or(0));
            let bytes = self.segment(segment)?;
            let take = (SLOT - skip).min(n - filled);
            buf[filled..filled + take].copy_from_slice(&bytes[skip..skip + take]);
            filled += take;
        }
        Ok(n)
    }
}
