//! The index of a staging file: an append-only log of fixed records, each with a number and a checksum keyed by the file's own key.
//! A record that was cut off by a crash ends the log, and so does one whose number does not ascend: a failed append left it behind.

use crate::crypto::{NONCE, TAG};
use crate::types::Timestamp;

/// Bytes of one record.
pub(super) const RECORD: usize = 88;
/// What the checksum covers.
const BODY: usize = 72;
/// The numbers of the records begin so far behind the last one when a file is opened again: none that was lost in between is met again.
pub(super) const REOPENED: u64 = 1 << 32;

/// Reads a log; `None` stands for a record that does not verify. Gives the number of each.
pub(super) fn parse(log: &[u8], key: &[u8; 32]) -> Vec<Option<(u64, Record)>> {
    let mut last = 0;
    let records = log.chunks_exact(RECORD).map(|bytes| {
        let (number, record) = Record::from_bytes(bytes, key).filter(|(number, _)| *number > last)?;
        last = number;
        Some((number, record))
    });
    records.collect()
}

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// A segment lies in a slot, sealed under this nonce with this tag.
    Segment { segment: u64, slot: u64, nonce: [u8; NONCE], tag: [u8; TAG] },
    /// The file has this length; of the base, bytes beyond `base` do not show any more.
    Length { base: u64 },
    /// These segments are zero again.
    Hole { from: u64, to: u64 },
    /// Everything up to here survived a sync.
    Synced,
}

/// A record: what it says, the file's length and time from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) entry: Entry,
    pub(super) len: u64,
    pub(super) mtime: Timestamp,
}

impl Record {
    pub(super) fn to_bytes(self, key: &[u8; 32], number: u64) -> [u8; RECORD] {
        let mut out = [0u8; RECORD];
        let (kind, a, b) = match self.entry {
            Entry::Segment { segment, slot, nonce, tag } => {
                out[32..44].copy_from_slice(&nonce);
                out[44..60].copy_from_slice(&tag);
                (1u32, segment, slot)
            }
            Entry::Length { base } => (2, base, 0),
            Entry::Hole { from, to } => (3, from, to),
            Entry::Synced => (4, 0, 0),
        };
        out[..8].copy_from_slice(&a.to_le_bytes());
        out[8..16].copy_from_slice(&b.to_le_bytes());
        out[16..24].copy_from_slice(&self.len.to_le_bytes());
        out[24..32].copy_from_slice(&self.mtime.as_nanos().to_le_bytes());
        out[60..64].copy_from_slice(&kind.to_le_bytes());
        out[64..BODY].copy_from_slice(&number.to_le_bytes());
        let sum = blake3::keyed_hash(key, &out[..BODY]);
        out[BODY..].copy_from_slice(&sum.as_bytes()[..16]);
        out
    }

    fn from_bytes(bytes: &[u8], key: &[u8; 32]) -> Option<(u64, Self)> {
        let bytes: &[u8; RECORD] = bytes.try_into().ok()?;
        if blake3::keyed_hash(key, &bytes[..BODY]).as_bytes()[..16] != bytes[BODY..] {
            return None;
        }
        let word = |at: usize| {
            let mut eight = [0; 8];
            eight.copy_from_slice(&bytes[at..at + 8]);
            u64::from_le_bytes(eight)
        };
        let mut mtime = [0; 8];
        mtime.copy_from_slice(&bytes[24..32]);
        let mut kind = [0; 4];
        kind.copy_from_slice(&bytes[60..64]);
        let entry = match u32::from_le_bytes(kind) {
            1 => {
                let (mut nonce, mut tag) = ([0; NONCE], [0; TAG]);
                nonce.copy_from_slice(&bytes[32..44]);
                tag.copy_from_slice(&bytes[44..60]);
                Entry::Segment { segment: word(0), slot: word(8), nonce, tag }
            }
            2 => Entry::Length { base: word(0) },
            3 => Entry::Hole { from: word(0), to: word(8) },
            4 => Entry::Synced,
            _ => return None,
        };
        let mtime = Timestamp::from_nanos(i64::from_le_bytes(mtime));
        Some((word(64), Self { entry, len: word(16), mtime }))
    }
}
