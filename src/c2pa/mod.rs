//! Content credentials (C2PA): a signed manifest in an export tells how the picture came to be and what was done to it, and whose certificate says so.
//! Neither a timestamp authority nor chance has a part in it: the same export is the same bytes each time.

mod boxes;
mod credentials;
mod embed;
mod manifest;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::cast_possible_truncation, reason = "tests")]
mod tests;

use ring::digest::{Context, SHA256};

pub use credentials::Credentials;

use crate::media::{Claim, StillFormat};
use embed::Room;
use manifest::Bound;

/// A length is told in the store that has it: with each try it stays or grows, and there are five ways to write a number.
const TRIES: usize = 8;

/// A finished file with a signed manifest.
///
/// # Errors
/// When the file is of a format without room for one, or is none of ours.
pub fn seal(file: &[u8], format: StillFormat, claim: &Claim<'_>, by: &Credentials) -> Result<Vec<u8>, String> {
    let room = Room::of(format, file).ok_or("there is no room for a manifest in it")?;
    let unsigned = *blake3::hash(file).as_bytes();
    let (mut length, mut pad) = (0, 0);
    for _ in 0..TRIES {
        let bound = Bound { start: room.at, length, pad, hash: [0; 32], unsigned };
        let store = manifest::store(claim, bound, by)?;
        // Whether the byte that fills up an odd chunk is the manifest's is not seen alike by all who check it.
        if !store.len().is_multiple_of(2) {
            pad ^= 1;
            continue;
        }
        let taken = room.wrapped(&store).len();
        if taken == length {
            let (before, behind) = room.around(length);
            let hash = hash(&before, behind);
            let store = room.wrapped(&manifest::store(claim, Bound { hash, ..bound }, by)?);
            return Ok([&before, &store[..], behind].concat());
        }
        length = taken;
    }
    Err("its manifest has no length".to_owned())
}

fn hash(before: &[u8], behind: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(before);
    context.update(behind);
    context.finish().as_ref().first_chunk().copied().unwrap_or_default()
}

/// What the manifest of a file is called, when it has one of ours.
#[must_use]
pub fn manifest_of(file: &[u8]) -> Option<String> {
    embed::store(file).and_then(boxes::first_label).map(str::to_owned)
}
