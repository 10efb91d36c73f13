//! Failing disks, which only the inside of a staging file can bring about.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use super::stage::{SLOT, Stage};
use super::{BlobError, StageDir};
use crate::crypto::Keyring;
use crate::rng::{SharedEntropy, SystemEntropy};
use crate::types::{NodeId, ReadAt, Timestamp};

const NODE: NodeId = NodeId(77);
const NOW: Timestamp = Timestamp::EPOCH;

fn folder(root: &Path) -> StageDir {
    let entropy: SharedEntropy = Arc::new(SystemEntropy::new());
    let keyring = Keyring::create("0193a5c2-7d1e-7c3a-9f00-1b2c3d4e5f60", entropy.as_ref()).unwrap().keyring;
    StageDir::open(root, Arc::new(keyring), entropy).unwrap()
}

fn reopened(dir: &StageDir) -> Stage {
    dir.recover(NODE, &mut |id| Err(BlobError::Missing(id.to_string()))).unwrap().unwrap()
}

/// A descriptor that cannot be synced, written at a place, or cut.
fn pipe() -> File {
    File::from(OwnedFd::from(std::io::pipe().unwrap().1))
}

fn fail_a_sync(stage: &mut Stage) {
    let real = stage.files.swap(|f| std::mem::replace(&mut f.data, pipe()));
    assert!(stage.sync(false).is_err());
    stage.files.swap(|f| std::mem::replace(&mut f.data, real));
}

/// Regression: the kernel reports a write that it could not do once, so the second `fsync` of lost bytes was a success.
#[test]
fn a_sync_after_a_failed_one_does_not_trust_what_that_one_lost() {
    let root = tempfile::tempdir().unwrap();
    let dir = folder(root.path());
    let mut stage = dir.create(NODE, None, NOW).unwrap();
    stage.write_at(0, &[1; 2 * SLOT], NOW).unwrap();
    fail_a_sync(&mut stage);
    // The page that could not be written was dropped.
    File::options().write(true).open(root.path().join("77.dat")).unwrap().write_all_at(&[0; SLOT], 0).unwrap();
    for _ in 0..2 {
        assert!(stage.sync(false).is_err(), "bytes that are lost were called synced");
    }
    stage.write_at(0, &[2; SLOT], NOW).unwrap();
    stage.sync(false).unwrap();
    drop(stage);
    let mut bytes = [0; 2 * SLOT];
    reopened(&dir).read_at(0, &mut bytes).unwrap();
    assert_eq!((bytes[0], bytes[SLOT]), (2, 1));
}

#[test]
fn a_sync_after_a_failed_one_writes_everything_again() {
    let root = tempfile::tempdir().unwrap();
    let dir = folder(root.path());
    let mut stage = dir.create(NODE, None, NOW).unwrap();
    stage.write_at(0, &[1; SLOT], NOW).unwrap();
    fail_a_sync(&mut stage);
    let index = root.path().join("77.idx");
    let before = std::os::unix::fs::MetadataExt::ino(&index.metadata().unwrap());
    stage.sync(false).unwrap();
    assert_ne!(std::os::unix::fs::MetadataExt::ino(&index.metadata().unwrap()), before, "the index is a new file");
    stage.write_at(10, &[3; 5], NOW).unwrap();
    drop(stage);
    let mut bytes = [0; SLOT];
    reopened(&dir).read_at(0, &mut bytes).unwrap();
    assert_eq!((bytes[9], bytes[10], bytes[15]), (1, 3, 1));
}

/// What a failed append may have left is cut off before anything else is written.
#[test]
fn nothing_is_written_behind_an_append_that_could_not_be_taken_back() {
    let root = tempfile::tempdir().unwrap();
    let dir = folder(root.path());
    let mut stage = dir.create(NODE, None, NOW).unwrap();
    stage.write_at(0, &[1; SLOT], NOW).unwrap();
    let real = stage.files.swap(|f| std::mem::replace(&mut f.index, pipe()));
    let free = stage.free.len();
    assert!(stage.write_at(0, &[2; SLOT], NOW).is_err());
    assert!(stage.write_at(0, &[2; SLOT], NOW).is_err());
    assert_eq!(stage.free.len(), free + 1, "the slot of the failed write is free again");
    stage.files.swap(|f| std::mem::replace(&mut f.index, real));
    let left = stage.index_len;
    stage.files.get().unwrap().index.write_all_at(&[7; 400], left).unwrap();
    stage.write_at(0, &[3; SLOT], NOW).unwrap();
    assert_eq!(stage.files.get().unwrap().index.metadata().unwrap().len(), stage.index_len, "what was left is gone");
    drop(stage);
    let mut bytes = [0; SLOT];
    reopened(&dir).read_at(0, &mut bytes).unwrap();
    assert_eq!(bytes, [3; SLOT]);
}

/// Regression: what a failed append left behind stood right behind a later, shorter one, and came back after a kill.
#[test]
fn what_a_failed_append_left_does_not_come_back_behind_a_later_one() {
    let root = tempfile::tempdir().unwrap();
    let dir = folder(root.path());
    let mut stage = dir.create(NODE, None, NOW).unwrap();
    stage.write_at(0, &[1; 4 * SLOT], NOW).unwrap();
    stage.sync(false).unwrap();
    // All records of the failed write reached the disk, and neither did taking them back nor the news of it.
    let (before, state, free) = (stage.index_len, stage.state.clone(), stage.free.clone());
    stage.write_at(0, &[2; 4 * SLOT], NOW).unwrap();
    (stage.index_len, stage.state, stage.free) = (before, state, free);
    stage.released.clear();
    stage.free.extend(std::mem::take(&mut stage.fresh));
    stage.write_at(0, &[3; SLOT], NOW).unwrap();
    assert!(stage.files.get().unwrap().index.metadata().unwrap().len() > stage.index_len);
    drop(stage);
    let mut bytes = [0; 4 * SLOT];
    reopened(&dir).read_at(0, &mut bytes).unwrap();
    assert!(bytes[..SLOT] == [3; SLOT] && bytes[SLOT..] == [1; 3 * SLOT]);
}
