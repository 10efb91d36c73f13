//! Staging files: the bytes of a file that is being written, sealed, out of place, over the last version's bytes.
//!
//! A write seals its 4 KiB segments into fresh slots and then appends what lies where to the index, so a process killed in between
//! has lost nothing that was acknowledged. After a sync, slots that the synced state needs are not used again before the next sync; a
//! record whose slot does not verify after a power cut falls back to the record before it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::stage_log::{Entry, RECORD, Record};
use super::{BlobError, Reader};
use crate::crypto::{Keyring, NONCE, Sealer, TAG};
use crate::rng::SharedEntropy;
use crate::types::{ContentId, NodeId, ReadAt, Timestamp};

/// Plain bytes per slot.
const SLOT: usize = 4096;
/// Bytes of the index file's header.
const HEADER: usize = 8 + 4 + 60 + 1 + 32 + 8;
const MAGIC: &[u8; 8] = b"damfsS\x00\x01";
/// The index is written anew at a sync when it holds this many times what lives.
const SLACK: usize = 4;

/// The folder of staging files: `<node>.idx` and `<node>.dat` each.
pub struct StageDir {
    root: PathBuf,
    keyring: Arc<Keyring>,
    entropy: SharedEntropy,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    at: u64,
    nonce: [u8; NONCE],
    tag: [u8; TAG],
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Slot(Slot),
    Zero,
}

/// One staging file.
pub struct Stage {
    node: NodeId,
    data: File,
    index: File,
    index_path: PathBuf,
    index_len: u64,
    header: [u8; HEADER],
    log_key: [u8; 32],
    sealer: Sealer,
    entropy: SharedEntropy,
    base: Option<(ContentId, Reader)>,
    /// Base bytes beyond this do not show.
    base_len: u64,
    len: u64,
    mtime: Timestamp,
    segments: BTreeMap<u64, Place>,
    /// Slots that the last synced state needs.
    pinned: BTreeSet<u64>,
    free: BTreeSet<u64>,
    slots: u64,
    nonce: u64,
    nonce_salt: [u8; 4],
}

impl StageDir {
    /// Opens the folder.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open(root: &Path, keyring: Arc<Keyring>, entropy: SharedEntropy) -> Result<Self, BlobError> {
        fs::create_dir_all(root)?;
        Ok(Self { root: root.into(), keyring, entropy })
    }

    fn paths(&self, node: NodeId) -> (PathBuf, PathBuf) {
        (self.root.join(format!("{node}.idx")), self.root.join(format!("{node}.dat")))
    }

    /// The nodes that have a staging file.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list(&self) -> Result<Vec<NodeId>, BlobError> {
        let mut out = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            let name = entry?.file_name();
            let id = name.to_str().and_then(|n| n.strip_suffix(".idx")).and_then(|n| n.parse().ok());
            out.extend(id.map(NodeId));
        }
        out.sort_unstable();
        Ok(out)
    }

    /// Begins a staging file that shows the base's bytes.
    ///
    /// # Errors
    /// When the disk is full, or there is no randomness.
    pub fn create(&self, node: NodeId, base: Option<(ContentId, Reader)>, now: Timestamp) -> Result<Stage, BlobError> {
        let (index_path, data_path) = self.paths(node);
        let mut key = Zeroizing::new([0u8; 32]);
        self.entropy.fill(&mut *key)?;
        let (epoch, wrapped) = self.keyring.wrap_key(&key, &aad(node), self.entropy.as_ref())?;
        let base_len = base.as_ref().map_or(0, |(_, r)| r.len());
        let mut header = [0u8; HEADER];
        header[..8].copy_from_slice(MAGIC);
        header[8..12].copy_from_slice(&epoch.to_le_bytes());
        header[12..72].copy_from_slice(&wrapped);
        if let Some((id, _)) = &base {
            header[72] = 1;
            header[73..105].copy_from_slice(&id.0);
        }
        header[105..].copy_from_slice(&base_len.to_le_bytes());
        let open =
            |path: &Path| OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path);
        let (data, index) = (open(&data_path)?, open(&index_path)?);
        let log_key = blake3::derive_key("damfs stage index v1", &*key);
        let mut stage = Stage {
            node,
            data,
            index,
            index_path,
            index_len: HEADER as u64,
            header,
            log_key,
            sealer: Sealer::new(&key, self.keyring.is_sealed())?,
            entropy: self.entropy.clone(),
            base,
            base_len,
            len: base_len,
            mtime: now,
            segments: BTreeMap::new(),
            pinned: BTreeSet::new(),
            free: BTreeSet::new(),
            slots: 0,
            nonce: 0,
            nonce_salt: [0; 4],
        };
        stage.fresh_nonces()?;
        let first = Record { entry: Entry::Length { base: base_len }, len: base_len, mtime: now };
        stage.index.write_all_at(&header, 0)?;
        stage.append(&[first])?;
        Ok(stage)
    }

    /// Opens a staging file that was left; `None` when there is none or it was never begun. `open_base` opens what it was made over.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn recover(
        &self,
        node: NodeId,
        open_base: &mut dyn FnMut(ContentId) -> Result<Reader, BlobError>,
    ) -> Result<Option<Stage>, BlobError> {
        let (index_path, data_path) = self.paths(node);
        let open = |path: &Path| OpenOptions::new().read(true).write(true).open(path);
        let (index, data) = match (open(&index_path), open(&data_path)) {
            (Ok(index), Ok(data)) => (index, data),
            (Err(e), _) | (_, Err(e)) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            (Err(e), _) | (_, Err(e)) => return Err(e.into()),
        };
        let log = read_all(&index)?;
        if log.len() < HEADER + RECORD {
            return Ok(None);
        }
        let mut header = [0u8; HEADER];
        header.copy_from_slice(&log[..HEADER]);
        let damaged = |why: &str| BlobError::Damaged { what: format!("staging file {node}"), why: why.into() };
        if header[..7] != MAGIC[..7] {
            return Err(damaged("it does not begin as it should"));
        }
        if header[7] > MAGIC[7] {
            return Err(BlobError::NewerFormat(format!("staging file {node}")));
        }
        let (mut epoch, mut wrapped, mut id, mut base_len) = ([0; 4], [0; 60], [0; 32], [0; 8]);
        epoch.copy_from_slice(&header[8..12]);
        wrapped.copy_from_slice(&header[12..72]);
        id.copy_from_slice(&header[73..105]);
        base_len.copy_from_slice(&header[105..]);
        let key = self
            .keyring
            .unwrap_key(u32::from_le_bytes(epoch), &wrapped, &aad(node))
            .map_err(|e| damaged(&e.to_string()))?;
        let base = if header[72] == 1 { Some((ContentId(id), open_base(ContentId(id))?)) } else { None };
        let base_len = u64::from_le_bytes(base_len);
        let mut stage = Stage {
            node,
            data,
            index,
            index_path,
            index_len: HEADER as u64,
            header,
            log_key: blake3::derive_key("damfs stage index v1", &*key),
            sealer: Sealer::new(&key, self.keyring.is_sealed())?,
            entropy: self.entropy.clone(),
            base,
            base_len,
            len: base_len,
            mtime: Timestamp::EPOCH,
            segments: BTreeMap::new(),
            pinned: BTreeSet::new(),
            free: BTreeSet::new(),
            slots: 0,
            nonce: 0,
            nonce_salt: [0; 4],
        };
        stage.fresh_nonces()?;
        stage.replay(&log[HEADER..])?;
        Ok(Some(stage))
    }

    /// Removes a node's staging file; none is fine.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn remove(&self, node: NodeId) -> Result<(), BlobError> {
        let (index, data) = self.paths(node);
        for path in [index, data] {
            match fs::remove_file(path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e.into()),
                _ => {}
            }
        }
        Ok(())
    }
}

fn aad(node: NodeId) -> Vec<u8> {
    format!("damfs stage v1\n{node}").into_bytes()
}

fn read_all(file: &File) -> io::Result<Vec<u8>> {
    let len = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    let mut out = vec![0; len];
    let got = read_full(file, &mut out, 0)?;
    out.truncate(got);
    Ok(out)
}

fn read_full(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
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
    fn fresh_nonces(&mut self) -> Result<(), BlobError> {
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

    fn append(&mut self, records: &[Record]) -> Result<(), BlobError> {
        let mut bytes = Vec::with_capacity(records.len() * RECORD);
        for record in records {
            bytes.extend_from_slice(&record.to_bytes(&self.log_key));
        }
        self.index.write_all_at(&bytes, self.index_len)?;
        self.index_len += bytes.len() as u64;
        Ok(())
    }

    /// Reads the log; what is behind the first record that does not verify was never acknowledged.
    fn replay(&mut self, log: &[u8]) -> Result<(), BlobError> {
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
