//! Every write to a staging file since its last finished sync, torn once: what is there afterwards was there at some moment, whole.

use std::fs;
use std::path::Path;

use damfs::blob::Stage;
use damfs::types::Timestamp;
use proptest::prelude::*;

use super::noise;
use super::stage::{Lab, all};

const SLOT: usize = 4096;
const RECORD: usize = 88;
const NOW: Timestamp = Timestamp::EPOCH;

#[derive(Debug, Clone)]
enum Op {
    Write(u16, u16, u8),
    SetLen(u16),
    Zero(u16, u16),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0u16..40_000, 1u16..14_000, any::<u8>()).prop_map(|(at, len, byte)| Op::Write(at, len, byte)),
        1 => (0u16..50_000).prop_map(Op::SetLen),
        1 => (0u16..40_000, 1u16..20_000).prop_map(|(at, len)| Op::Zero(at, len)),
    ]
}

fn run(stage: &mut Stage, op: &Op) {
    match op {
        Op::Write(at, len, byte) => {
            stage.write_at(u64::from(*at), &noise(usize::from(*len), (*byte).into()), NOW).unwrap();
        }
        Op::SetLen(len) => stage.set_len(u64::from(*len), NOW).unwrap(),
        Op::Zero(at, len) => stage.zero_range(u64::from(*at), u64::from(*len), NOW).unwrap(),
    }
}

/// What the two files of a staging file are at some moment, and what it shows then.
#[derive(Clone)]
struct Moment {
    data: Vec<u8>,
    index: Vec<u8>,
    shown: Vec<u8>,
}

impl Moment {
    fn of(root: &Path, stage: &Stage) -> Self {
        let read = |name: &str| fs::read(root.join(name)).unwrap();
        Self { data: read("77.dat"), index: read("77.idx"), shown: all(stage) }
    }
}

/// What a staging file with these bytes shows when it is opened after a power cut.
fn found(lab: &Lab, root: &Path, data: &[u8], index: &[u8]) -> Vec<u8> {
    fs::write(root.join("77.dat"), data).unwrap();
    fs::write(root.join("77.idx"), index).unwrap();
    all(&lab.anew(root).reopen())
}

/// Slots that a moment wrote anew, with what the earlier one had in their place.
fn written<'a>(was: &'a [u8], is: &'a [u8]) -> impl Iterator<Item = (usize, Vec<u8>)> + 'a {
    is.chunks(SLOT).enumerate().filter_map(|(slot, new)| {
        let at = slot * SLOT;
        let old: Vec<u8> = (at..at + new.len()).map(|at| was.get(at).copied().unwrap_or(0)).collect();
        (old != new).then_some((at, old))
    })
}

/// Whether each segment is one that the earlier or the later moment shows: the beginning of a call that was not answered.
fn between(found: &[u8], was: &[u8], is: &[u8]) -> bool {
    let segment = |bytes: &[u8], at: usize| {
        let mut out: Vec<u8> = bytes.iter().skip(at).take(SLOT).copied().collect();
        out.resize(SLOT.min(found.len() - at), 0);
        out
    };
    let whole = |at: usize| [was, is].iter().any(|bytes| segment(bytes, at) == segment(found, at));
    found.len() >= was.len().min(is.len())
        && found.len() <= was.len().max(is.len())
        && (0..found.len()).step_by(SLOT).all(whole)
}

fn tear_each(synced: bool, before: &[Op], after: &[Op]) -> Result<usize, TestCaseError> {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let lab = Lab::new(root, &noise(30_000, 1));
    let mut stage = lab.begin();
    for op in before {
        run(&mut stage, op);
    }
    if synced {
        stage.sync(false).unwrap();
    }
    let fallback = if synced { all(&stage) } else { noise(30_000, 1) };
    let mut moments = vec![Moment::of(root, &stage)];
    for op in after {
        run(&mut stage, op);
        moments.push(Moment::of(root, &stage));
    }
    drop(stage);
    let mut torn = 0;
    for pair in moments.windows(2) {
        let [was, is] = pair else { continue };
        // The index reached the disk, and of one slot a part.
        for (at, old) in written(&was.data, &is.data) {
            for kept in [0, SLOT / 8, SLOT / 2, SLOT - 1] {
                let mut data = is.data.clone();
                let end = data.len().min(at + SLOT);
                data[at + kept.min(end - at)..end].copy_from_slice(&old[kept.min(old.len())..]);
                if data == is.data {
                    continue;
                }
                let shown = found(&lab, root, &data, &is.index);
                prop_assert!(shown == fallback || shown == is.shown, "slot {at} torn behind {kept} bytes");
                torn += 1;
            }
        }
        // The slots reached the disk, and of the records a part.
        for end in (was.index.len()..is.index.len()).step_by(RECORD / 4) {
            let mut index = is.index[..end].to_vec();
            let cut = found(&lab, root, &is.data, &index);
            prop_assert!(cut == fallback || between(&cut, &was.shown, &is.shown), "records torn at {end}");
            // The file grew, and a part of it was not written.
            index.resize(is.index.len(), 0);
            prop_assert!(found(&lab, root, &is.data, &index) == cut, "records zero from {end}");
            torn += 2;
        }
    }
    Ok(torn)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_write_since_the_last_sync_is_torn_once(
        synced: bool,
        before in prop::collection::vec(op(), 0..6),
        after in prop::collection::vec(op(), 1..6),
    ) {
        tear_each(synced, &before, &after)?;
    }
}

#[test]
fn a_torn_write_over_a_cut_tail_shows_nothing_of_what_was_cut() {
    let save = [Op::Write(0, 9_000, 3), Op::SetLen(5_000), Op::Write(4_000, 10_000, 4)];
    assert!(tear_each(true, &[Op::Write(0, 12_000, 2)], &save).unwrap() > 30);
}
