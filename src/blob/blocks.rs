//! Long runs of zeros in long files. Whether a block is zero follows from its bytes, not from how they are kept, so that a sparse file and
//! its full copy are the same content.

use std::io;

use crate::types::{ExtentId, ReadAt};

/// Aligned blocks of this length are a hole when all of it is zero.
const BLOCK: u64 = 16 << 20;
/// Longest hole in one piece: lengths of extents are 32 bits.
const PIECE: u64 = 255 * BLOCK;
/// What is looked at first: bytes that are no hole hardly ever begin with more zeros.
const GLANCE: usize = 4096;
const LOOK: usize = 1 << 20;

/// The run of blocks that begins at `at`, a block's beginning: whether they are zero, and where it ends.
pub(super) fn run(source: &dyn ReadAt, at: u64) -> io::Result<(bool, u64)> {
    let len = source.len();
    let (zero, mut end) = block(source, at, len)?;
    while end < len {
        let (same, next) = block(source, end, len)?;
        if same != zero {
            break;
        }
        end = next;
    }
    Ok((zero, end))
}

/// Whether the block at `at` is zero, and where it ends; the zero ones that the source knows of are passed in one step.
fn block(source: &dyn ReadAt, at: u64, len: u64) -> io::Result<(bool, u64)> {
    let end = (at + BLOCK).min(len);
    let mut from = source.next_data(at).max(at);
    if from >= len {
        return Ok((true, len));
    }
    if from >= end {
        return Ok((true, from - from % BLOCK));
    }
    let mut buf = vec![0u8; GLANCE];
    while from < end {
        let want = usize::try_from(end - from).unwrap_or(LOOK).min(buf.len());
        let got = source.read_at(from, &mut buf[..want])?;
        if got == 0 || buf[..got].iter().any(|byte| *byte != 0) {
            return Ok((false, end));
        }
        from += got as u64;
        buf.resize(LOOK, 0);
    }
    Ok((true, end))
}

/// A run of zeros as extents.
pub(super) fn holes(len: u64) -> impl Iterator<Item = (ExtentId, u32)> {
    (0..len.div_ceil(PIECE)).map(move |i| {
        let piece = (len - i * PIECE).min(PIECE);
        (ExtentId::HOLE, u32::try_from(piece).unwrap_or(u32::MAX))
    })
}
