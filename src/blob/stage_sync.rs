//! What a staging file promises: syncs, what a restart takes up, and the index written anew.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;

use super::BlobError;
use super::stage::{HEADER, SLOT, Stage, read_full};
use super::stage_log::{self, Entry, RECORD, REOPENED, Record};
use super::stage_state::{Place, Replay, Slot};

/// The index is written anew at a sync when it holds this many times what lives.
const SLACK: usize = 4;

impl Stage {
    /// Takes up a log that was left. `false` when it was never begun.
    pub(super) fn take_up(&mut self, log: &[u8]) -> Result<bool, BlobError> {
        let (numbers, records): (Vec<_>, Vec<_>) =
            stage_log::parse(log, &self.log_key).into_iter().map(Option::unzip).unzip();
        let base_len = self.state.base_len;
        let Some(replay) = Replay::of(&records, base_len).map_err(|why| self.damaged(why))? else { return Ok(false) };
        let promised = replay.synced.live();
        let whole =
            |(segment, slot): (u64, Slot)| promised.contains(&slot.at) || self.open_slot(segment, &slot).is_ok();
        let cut = !replay.last.slots_of().all(whole);
        let (state, end) = if cut { (replay.synced, replay.synced_end) } else { (replay.last, replay.end) };
        let live = state.live();
        self.fresh = live.difference(&promised).copied().collect();
        self.released = promised.difference(&live).copied().collect();
        self.slots = self.files.get()?.data.metadata()?.len().div_ceil(SLOT as u64);
        self.slots = live.union(&promised).max().map_or(self.slots, |top| self.slots.max(top + 1));
        self.free = (0..self.slots).filter(|s| !live.contains(s) && !promised.contains(s)).collect();
        self.unsynced = end != replay.synced_end;
        // Whether a sync of it failed before, nobody knows any more.
        self.suspect = self.unsynced;
        self.state = state;
        // What is behind was given up: it must not be read again behind new records.
        self.last_number = numbers.into_iter().flatten().max().unwrap_or(0).saturating_add(REOPENED);
        self.index_len = HEADER as u64 + (end * RECORD) as u64;
        self.files.get()?.index.set_len(self.index_len)?;
        Ok(true)
    }

    /// Returns when everything written so far survives a power cut.
    ///
    /// # Errors
    /// When the disk fails; then every further sync first writes again what this one was to cover, or fails, too.
    pub fn sync(&mut self, _data_only: bool) -> Result<(), BlobError> {
        if !self.unsynced && self.named && !self.suspect {
            return Ok(());
        }
        let synced = if self.suspect { self.write_again() } else { self.flush() };
        if synced.is_err() {
            self.suspect = true;
            return synced;
        }
        self.suspect = false;
        self.unsynced = false;
        self.fresh.clear();
        self.free.extend(self.released.drain(..));
        self.tidy();
        Ok(())
    }

    fn flush(&mut self) -> Result<(), BlobError> {
        let files = self.files.get()?;
        files.data.sync_data()?;
        files.index.sync_data()?;
        // Only now: this record says that everything before it is on the disk.
        let (len, mtime) = (self.state.len, self.state.mtime);
        self.append(&[Record { entry: Entry::Synced, len, mtime }])?;
        files.index.sync_data()?;
        self.sync_folder()
    }

    /// After a failed sync: every slot that it was to cover is written again, as far as it still verifies, and so is the index.
    fn write_again(&mut self) -> Result<(), BlobError> {
        let files = self.files.get()?;
        for (segment, slot) in self.state.slots_of().filter(|(_, slot)| self.fresh.contains(&slot.at)) {
            let at = slot.at * SLOT as u64;
            let mut sealed = vec![0u8; SLOT];
            read_full(&files.data, &mut sealed, at)?;
            self.unseal(segment, &slot, &mut sealed.clone())?;
            files.data.write_all_at(&sealed, at)?;
        }
        files.data.sync_data()?;
        self.compact()
    }

    /// Gives back what the file does not need. What cannot be given back now stays for the next time: everything is synced all the same.
    fn tidy(&mut self) {
        let before = self.slots;
        while self.slots > 0 && self.free.remove(&(self.slots - 1)) {
            self.slots -= 1;
        }
        if self.slots < before {
            let _ = self.files.get().and_then(|files| files.data.set_len(self.slots * SLOT as u64));
        }
        let records = usize::try_from(self.index_len).unwrap_or(0).saturating_sub(HEADER) / RECORD;
        if records > 1024 && records > SLACK * (self.state.count() + 2) && self.compact().is_err() {
            let _ = fs::remove_file(self.new_index_path());
        }
    }

    fn new_index_path(&self) -> PathBuf {
        self.files.index_path.with_extension("new")
    }

    fn sync_folder(&mut self) -> Result<(), BlobError> {
        if !self.named
            && let Some(folder) = self.files.index_path.parent()
        {
            File::open(folder)?.sync_all()?;
            self.named = true;
        }
        Ok(())
    }

    /// Writes the index anew, with what lives only, and puts it in place of the old one. Right after a sync of the data: what it says is
    /// on the disk.
    fn compact(&mut self) -> Result<(), BlobError> {
        let path = self.new_index_path();
        let new = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        let (len, mtime) = (self.state.len, self.state.mtime);
        let record = |entry| Record { entry, len, mtime };
        let mut records = vec![record(Entry::Length { base: self.state.base_len })];
        records.extend(self.state.places().map(|(segment, place)| match place {
            Place::Slot(s) => record(Entry::Segment { segment, slot: s.at, nonce: s.nonce, tag: s.tag }),
            Place::Zero => record(Entry::Hole { from: segment, to: segment + 1 }),
        }));
        records.push(record(Entry::Synced));
        let log = self.encode(&records);
        let mut bytes = self.header.to_vec();
        bytes.extend_from_slice(&log);
        new.write_all_at(&bytes, 0)?;
        new.sync_data()?;
        fs::rename(&path, &self.files.index_path)?;
        self.files.replaced();
        self.index_len = bytes.len() as u64;
        self.torn = false;
        self.named = false;
        self.sync_folder()
    }
}
