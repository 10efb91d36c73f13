//! What a staging file shows at one moment, and how its log leads there. Pure: no bytes, no disk.

use std::collections::{BTreeMap, BTreeSet};

use super::stage::SLOT;
use super::stage_log::{Entry, Record};
use crate::crypto::{NONCE, TAG};
use crate::types::Timestamp;

const SEGMENT: u64 = SLOT as u64;

/// Where the sealed bytes of a segment lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) at: u64,
    pub(super) nonce: [u8; NONCE],
    pub(super) tag: [u8; TAG],
}

/// Where a segment's bytes are, when they are not the base's (or, behind the base, zero).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Slot(Slot),
    Zero,
}

/// What the file shows.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) len: u64,
    /// Base bytes beyond this do not show. Never more than `len`.
    pub(super) base_len: u64,
    pub(super) mtime: Timestamp,
    segments: BTreeMap<u64, Place>,
    /// How many segments lie in slots.
    slots: u64,
    /// Base bytes that slots and zeros stand before.
    covered: u64,
}

impl State {
    /// The base and nothing else.
    pub(super) fn new(base_len: u64, mtime: Timestamp) -> Self {
        Self { len: base_len, base_len, mtime, segments: BTreeMap::new(), slots: 0, covered: 0 }
    }

    pub(super) fn get(&self, segment: u64) -> Option<Place> {
        self.segments.get(&segment).copied()
    }

    pub(super) fn places(&self) -> impl Iterator<Item = (u64, Place)> + '_ {
        self.segments.iter().map(|(s, p)| (*s, *p))
    }

    /// The first slot at or behind a segment.
    pub(super) fn next_slot(&self, segment: u64) -> Option<u64> {
        self.segments.range(segment..).find(|(_, p)| matches!(p, Place::Slot(_))).map(|(s, _)| *s)
    }

    /// Segments that do not show the base.
    pub(super) fn count(&self) -> usize {
        self.segments.len()
    }

    /// The slots that it needs.
    pub(super) fn live(&self) -> BTreeSet<u64> {
        self.slots_of().map(|(_, slot)| slot.at).collect()
    }

    pub(super) fn slots_of(&self) -> impl Iterator<Item = (u64, Slot)> + '_ {
        self.segments.iter().filter_map(|(segment, place)| match place {
            Place::Slot(slot) => Some((*segment, *slot)),
            Place::Zero => None,
        })
    }

    /// Bytes that it takes: slots, and what shows of the base.
    pub(super) fn stored_bytes(&self) -> u64 {
        self.slots * SEGMENT + self.base_len - self.covered
    }

    fn base_part(&self, segment: u64) -> u64 {
        self.base_len.saturating_sub(segment * SEGMENT).min(SEGMENT)
    }

    fn put(&mut self, segment: u64, place: Place, gone: &mut Vec<u64>) {
        self.slots += u64::from(matches!(place, Place::Slot(_)));
        match self.segments.insert(segment, place) {
            Some(old) => self.forget(old, gone),
            None => self.covered += self.base_part(segment),
        }
    }

    fn forget(&mut self, place: Place, gone: &mut Vec<u64>) {
        if let Place::Slot(slot) = place {
            self.slots -= 1;
            gone.push(slot.at);
        }
    }

    fn take(&mut self, segment: u64, gone: &mut Vec<u64>) {
        if let Some(place) = self.segments.remove(&segment) {
            self.covered -= self.base_part(segment);
            self.forget(place, gone);
        }
    }

    /// Does what a record says; gives the slots that are not needed any more.
    pub(super) fn apply(&mut self, record: &Record) -> Vec<u64> {
        let mut gone = Vec::new();
        match record.entry {
            Entry::Segment { segment, slot, nonce, tag } => {
                self.put(segment, Place::Slot(Slot { at: slot, nonce, tag }), &mut gone);
            }
            Entry::Length { base } => {
                for place in self.segments.split_off(&record.len.div_ceil(SEGMENT)).into_values() {
                    self.forget(place, &mut gone);
                }
                self.base_len = self.base_len.min(base);
                self.covered = self.segments.keys().map(|s| self.base_part(*s)).sum();
            }
            Entry::Hole { from, to } => {
                let held: Vec<u64> = self.segments.range(from..to).map(|(s, _)| *s).collect();
                held.into_iter().for_each(|segment| self.take(segment, &mut gone));
                // Behind the base a missing segment is zero by itself.
                for segment in from..self.base_len.div_ceil(SEGMENT).min(to) {
                    self.put(segment, Place::Zero, &mut gone);
                }
            }
            Entry::Synced => {}
        }
        self.len = record.len;
        self.mtime = record.mtime;
        gone
    }
}

/// Two moments of a file that was left: what was promised, and what was there last.
pub(super) struct Replay {
    pub(super) synced: State,
    /// Records up to and with the last finished sync.
    pub(super) synced_end: usize,
    pub(super) last: State,
    /// Records up to the first that does not verify.
    pub(super) end: usize,
}

impl Replay {
    /// Reads a log; `None` stands for a record that does not verify. `Ok(None)` when not even the first one was written.
    /// A record is appended for a finished sync only after everything before it is durable: one that does not verify there was changed.
    pub(super) fn of(records: &[Option<Record>], base_len: u64) -> Result<Option<Self>, &'static str> {
        let sync = records.iter().rposition(|r| matches!(r, Some(Record { entry: Entry::Synced, .. })));
        let end = records.iter().position(Option::is_none).unwrap_or(records.len());
        if sync.is_some_and(|at| end < at) {
            return Err("its index is not what was synced");
        }
        let Some(first) = records.first().copied().flatten() else { return Ok(None) };
        // The first record says what create found: the base, whole. That much the last version promises.
        let synced_end = sync.map_or(1, |at| at + 1);
        let mut state = State::new(base_len, first.mtime);
        let mut synced = state.clone();
        for (at, record) in records[..end].iter().flatten().enumerate() {
            state.apply(record);
            if at + 1 == synced_end {
                synced = state.clone();
            }
        }
        Ok(Some(Self { synced, synced_end, last: state, end }))
    }
}
