//! What a power cut, a torn append or a changed byte leaves of a staging file: what was promised, or an error, never other bytes.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use damfs::types::{ReadAt, Timestamp};

use super::noise;
use super::stage::{Lab, NODE, all};

const SLOT: usize = 4096;
const HEADER: usize = 113;
const RECORD: usize = 88;
const NOW: Timestamp = Timestamp::EPOCH;

fn change(path: &Path, with: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    with(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn read(stage: &damfs::blob::Stage) -> std::io::Result<Vec<u8>> {
    let mut out = vec![0; usize::try_from(stage.len()).unwrap()];
    stage.read_at(0, &mut out)?;
    Ok(out)
}

#[test]
fn a_reopened_file_does_not_write_over_what_was_synced() {
    let root = tempfile::tempdir().unwrap();
    let lab = Lab::new(root.path(), b"");
    let mut stage = lab.begin();
    stage.write_at(0, &[1; SLOT], NOW).unwrap();
    stage.sync(false).unwrap();
    let synced = fs::read(root.path().join("77.dat")).unwrap();
    stage.write_at(0, &[2; SLOT], NOW).unwrap();
    drop(stage);
    let mut stage = lab.reopen();
    stage.write_at(4096, &[3; SLOT], NOW).unwrap();
    drop(stage);
    // The power cut: of the data only what was synced is on the disk, unless something was written over it.
    change(&root.path().join("77.dat"), |b| {
        assert!(b[..SLOT] == synced[..SLOT], "a synced slot was written again before the next sync");
        b[SLOT..].fill(0);
    });
    assert_eq!(all(&lab.reopen()), [1; SLOT]);
}

#[test]
fn a_cut_whose_new_bytes_were_lost_is_undone_too() {
    let root = tempfile::tempdir().unwrap();
    let old = noise(9000, 1);
    let lab = Lab::new(root.path(), &old);
    let mut stage = lab.begin();
    stage.set_len(0, NOW).unwrap();
    stage.write_at(0, &noise(9500, 2), NOW).unwrap();
    drop(stage);
    change(&root.path().join("77.dat"), |b| b.fill(0));
    assert!(all(&lab.reopen()) == old, "never synced: the last version stands, not a file of zeros");
}

#[test]
fn a_synced_slot_that_changed_is_an_error_and_not_older_bytes() {
    let root = tempfile::tempdir().unwrap();
    let lab = Lab::new(root.path(), &[9; 3 * SLOT]);
    let mut stage = lab.begin();
    stage.write_at(0, &[1; 2 * SLOT], NOW).unwrap();
    stage.sync(false).unwrap();
    drop(stage);
    for at in [0, SLOT + 7, 2 * SLOT - 1] {
        change(&root.path().join("77.dat"), |b| b[at] ^= 1);
        assert!(read(&lab.reopen()).is_err(), "byte {at}");
        change(&root.path().join("77.dat"), |b| b[at] ^= 1);
    }
    assert!(read(&lab.reopen()).unwrap()[..2 * SLOT] == [1; 2 * SLOT]);
}

#[test]
fn any_changed_byte_of_the_header_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    let base = noise(3 * SLOT, 3);
    let lab = Lab::new(root.path(), &base);
    let mut stage = lab.begin();
    stage.write_at(0, b"edit", NOW).unwrap();
    stage.sync(false).unwrap();
    drop(stage);
    let mut expected = base;
    expected[..4].copy_from_slice(b"edit");
    let index = root.path().join("77.idx");
    for at in 0..HEADER {
        for bit in [1u8, 0x80] {
            change(&index, |b| b[at] ^= bit);
            assert!(lab.try_reopen().is_err(), "byte {at}, bit {bit}");
            change(&index, |b| b[at] ^= bit);
        }
    }
    assert!(all(&lab.reopen()) == expected);
}

#[test]
fn a_changed_record_before_a_finished_sync_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    let lab = Lab::new(root.path(), b"");
    let mut stage = lab.begin();
    stage.write_at(0, &[1; SLOT], NOW).unwrap();
    stage.sync(false).unwrap();
    stage.write_at(4096, &[2; SLOT], NOW).unwrap();
    drop(stage);
    let index = root.path().join("77.idx");
    // Records: the beginning, the first segment, the sync, the second segment.
    for record in 0..2 {
        change(&index, |b| b[HEADER + record * RECORD + 70] ^= 1);
        assert!(lab.try_reopen().is_err(), "record {record}");
        change(&index, |b| b[HEADER + record * RECORD + 70] ^= 1);
    }
    assert_eq!(all(&lab.reopen()).len(), 2 * SLOT);
}

#[test]
fn records_behind_a_torn_one_do_not_come_back() {
    let root = tempfile::tempdir().unwrap();
    let lab = Lab::new(root.path(), b"");
    let mut stage = lab.begin();
    stage.write_at(0, b"one", NOW).unwrap();
    stage.write_at(3, b"two", NOW).unwrap();
    stage.write_at(6, b"three", NOW).unwrap();
    drop(stage);
    change(&root.path().join("77.idx"), |b| b[HEADER + 2 * RECORD] ^= 1);
    let mut stage = lab.reopen();
    assert_eq!(all(&stage), b"", "nothing was synced, and the slots of the first write were used again");
    stage.write_at(0, b"ONE", NOW).unwrap();
    drop(stage);
    assert_eq!(all(&lab.reopen()), b"ONE", "a record that was given up is read again");
}

#[test]
fn what_was_never_begun_is_not_there() {
    let root = tempfile::tempdir().unwrap();
    let lab = Lab::new(root.path(), b"");
    drop(lab.begin());
    let index = root.path().join("77.idx");
    let whole = fs::read(&index).unwrap();
    for bytes in [vec![], whole[..60].to_vec(), whole[..150].to_vec(), vec![0; whole.len()]] {
        fs::write(&index, &bytes).unwrap();
        assert!(lab.try_reopen().unwrap().is_none(), "{} bytes", bytes.len());
    }
}

#[test]
fn large_writes_use_freed_slots_and_an_emptied_file_gives_its_space_back() {
    let root = tempfile::tempdir().unwrap();
    let lab = Lab::new(root.path(), b"");
    let mut stage = lab.begin();
    let data = root.path().join("77.dat");
    for round in 0..12 {
        stage.write_at(0, &noise(1 << 20, round), NOW).unwrap();
        if round % 3 == 0 {
            stage.sync(true).unwrap();
        }
    }
    assert!(fs::metadata(&data).unwrap().len() <= 4 << 20, "the data file grows with every rewrite");
    assert_eq!(stage.stored_bytes(), 1 << 20);
    stage.set_len(0, NOW).unwrap();
    stage.sync(true).unwrap();
    assert_eq!(fs::metadata(&data).unwrap().len(), 0);
}

#[test]
fn a_long_log_is_written_anew_and_keeps_what_it_says() {
    let root = tempfile::tempdir().unwrap();
    let base = noise(40 * SLOT, 4);
    let lab = Lab::new(root.path(), &base);
    let mut stage = lab.begin();
    let mut model = base;
    stage.zero_range(8 * 4096, 16 * 4096, NOW).unwrap();
    model[8 * SLOT..24 * SLOT].fill(0);
    for n in 0..1500u32 {
        let at = usize::try_from(n % 5).unwrap() * SLOT;
        stage.write_at(at as u64, &n.to_le_bytes(), Timestamp::from_secs(i64::from(n))).unwrap();
        model[at..at + 4].copy_from_slice(&n.to_le_bytes());
    }
    stage.sync(true).unwrap();
    let index = root.path().join("77.idx");
    assert!(fs::metadata(&index).unwrap().len() < 50 * RECORD as u64);
    let synced = fs::read(root.path().join("77.dat")).unwrap();
    // What follows is torn away by a power cut; what was synced is there, in the new index as in the old.
    stage.write_at(0, &[7; SLOT], NOW).unwrap();
    drop(stage);
    let mut stage = lab.reopen();
    assert_eq!(all(&stage)[..SLOT], [7; SLOT]);
    stage.write_at(100 * 4096, b"x", NOW).unwrap();
    drop(stage);
    change(&root.path().join("77.dat"), |b| *b = synced);
    let stage = lab.reopen();
    assert!(all(&stage) == model);
    assert_eq!(stage.mtime(), Timestamp::from_secs(1499));
}

#[test]
fn stored_bytes_count_each_place_once() {
    let root = tempfile::tempdir().unwrap();
    let lab = Lab::new(root.path(), &noise(10_000, 5));
    let mut stage = lab.begin();
    assert_eq!(stage.stored_bytes(), 10_000);
    stage.write_at(0, &[1; SLOT], NOW).unwrap();
    assert_eq!(stage.stored_bytes(), 10_000, "one segment of the base is covered by a slot");
    stage.write_at(8192, &[1; SLOT], NOW).unwrap();
    assert_eq!(stage.stored_bytes(), 3 * 4096);
    stage.zero_range(4096, 4096, NOW).unwrap();
    assert_eq!(stage.stored_bytes(), 2 * 4096);
    stage.set_len(1 << 40, NOW).unwrap();
    assert_eq!(stage.stored_bytes(), 2 * 4096, "a hole takes nothing");
    stage.set_len(0, NOW).unwrap();
    assert_eq!(stage.stored_bytes(), 0);
    stage.set_len(10_000, NOW).unwrap();
    assert_eq!(stage.stored_bytes(), 0);
    drop(stage);
    assert_eq!(lab.reopen().stored_bytes(), 0);
}

#[test]
fn leftovers_of_a_removal_go_at_the_next_start() {
    let root = tempfile::tempdir().unwrap();
    for left in ["5.dat", "5.gone", "6.new", "0.spare-dat", "0.spare-idx"] {
        fs::write(root.path().join(left), b"left").unwrap();
    }
    let lab = Lab::new(root.path(), b"");
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    drop(lab.begin());
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
}

/// A pair of files that a removal emptied serves the next staging file, and shows nothing of what it held.
#[test]
fn the_files_of_a_removed_one_are_used_again_empty() {
    let root = tempfile::tempdir().unwrap();
    let lab = Lab::new(root.path(), b"");
    let mut stage = lab.begin();
    stage.write_at(0, &[7; 9 * SLOT], NOW).unwrap();
    stage.sync(false).unwrap();
    drop(stage);
    let number = |name: &str| fs::metadata(root.path().join(name)).unwrap().ino();
    let before = [number("77.dat"), number("77.idx")];
    lab.dir.remove(NODE).unwrap();
    assert_eq!(lab.dir.list().unwrap(), []);
    assert!(fs::read_dir(root.path()).unwrap().all(|file| file.unwrap().metadata().unwrap().len() == 0));
    let mut stage = lab.begin();
    assert_eq!([number("77.dat"), number("77.idx")], before);
    stage.write_at(SLOT as u64, &[8; 3], NOW).unwrap();
    drop(stage);
    let stage = lab.anew(root.path()).reopen();
    let mut bytes = vec![1; 2 * SLOT];
    assert_eq!(stage.read_at(0, &mut bytes).unwrap(), SLOT + 3);
    assert_eq!(bytes[..SLOT], [0; SLOT]);
    assert_eq!(bytes[SLOT..SLOT + 3], [8; 3]);
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
}

/// Regression: a data file without its index was taken for the rest of a removal and deleted, synced bytes and all.
#[test]
fn a_lost_index_is_damage_and_a_removal_is_not() {
    let root = tempfile::tempdir().unwrap();
    let lab = Lab::new(root.path(), b"");
    let (index, data) = (root.path().join("77.idx"), root.path().join("77.dat"));
    let mut stage = lab.begin();
    stage.write_at(0, &[1; SLOT], NOW).unwrap();
    stage.sync(false).unwrap();
    drop(stage);
    let whole = fs::read(&index).unwrap();
    let bytes = fs::read(&data).unwrap();
    let lab = lab.anew(root.path());
    for cut in [Some(vec![]), Some(whole[..100].to_vec()), Some(vec![0; whole.len()]), None] {
        match &cut {
            Some(left) => fs::write(&index, left).unwrap(),
            None => fs::remove_file(&index).unwrap(),
        }
        let lab = lab.anew(root.path());
        assert!(lab.try_reopen().is_err(), "{cut:?}");
        assert_eq!(fs::read(&data).unwrap(), bytes, "{cut:?}: it is still there");
    }
    let lab = lab.anew(root.path());
    lab.dir.put_aside(NODE).unwrap();
    assert!(lab.try_reopen().unwrap().is_none());
    assert_eq!(lab.dir.aside().unwrap().into_iter().collect::<Vec<_>>(), [NODE]);
    assert_eq!(fs::read(root.path().join("damaged/77-1.dat")).unwrap(), bytes);
    // A removal that was killed half-way.
    let mut stage = lab.begin();
    stage.write_at(0, &[2; SLOT], NOW).unwrap();
    drop(stage);
    fs::rename(&index, root.path().join("77.gone")).unwrap();
    let lab = lab.anew(root.path());
    assert!(lab.try_reopen().unwrap().is_none());
    assert_eq!(lab.dir.list().unwrap(), []);
}
