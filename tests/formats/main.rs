//! Old libraries must open: each folder here holds what a former damfs wrote.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use damfs::blob::{LocalStore, ObjectKind, StageDir, Vault};
use damfs::crypto::Keyring;
use damfs::rng::{SharedEntropy, SystemEntropy};
use damfs::types::{Content, NodeId, ReadAt, Timestamp};

fn folder(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats").join(version)
}

fn entropy() -> SharedEntropy {
    Arc::new(SystemEntropy::new())
}

/// More than one segment, so that the order and the end of segments are in it.
fn picture() -> Vec<u8> {
    let mut bytes = vec![0; 70_000];
    blake3::Hasher::new_derive_key("damfs fixture v1").finalize_xof().fill(&mut bytes);
    bytes
}

fn read(source: &dyn ReadAt) -> Vec<u8> {
    let mut out = vec![0; usize::try_from(source.len()).unwrap()];
    source.read_at(0, &mut out).unwrap();
    out
}

/// Opens what `write` wrote, whichever damfs it was.
fn opens(from: &Path) {
    // Staging files are opened for writing: a copy, so that the fixture stays what it is.
    let copy = tempfile::tempdir().unwrap();
    fs::create_dir(copy.path().join("stage")).unwrap();
    for file in ["5.idx", "5.dat"] {
        fs::copy(from.join("stage").join(file), copy.path().join("stage").join(file)).unwrap();
    }
    let key = fs::read_to_string(from.join("library.key")).unwrap();
    let keyring = Arc::new(Keyring::open(&fs::read(from.join("keyring")).unwrap(), &key).unwrap());
    let vault = Vault::new(Arc::new(LocalStore::open(&from.join("store")).unwrap()), keyring.clone(), entropy());
    let content: Content = serde_json::from_slice(&fs::read(from.join("content.json")).unwrap()).unwrap();
    assert!(read(&vault.open(&content)) == picture());
    for (id, len) in &content.extents {
        assert_eq!(vault.check(*id, *len, true).unwrap(), None);
    }
    assert_eq!(vault.get_object(ObjectKind::Manifest, "asset/1").unwrap().unwrap(), b"{\"manifest\":1}");
    let stages = StageDir::open(&copy.path().join("stage"), keyring, entropy()).unwrap();
    let stage = stages.recover(NodeId(5), &mut |_| Ok(vault.open(&content))).unwrap().unwrap();
    let mut expected = picture();
    expected[100..104].copy_from_slice(b"edit");
    expected.truncate(69_000);
    assert!(read(&stage) == expected);
    assert_eq!(stage.mtime(), Timestamp::from_secs(3));
}

#[test]
fn version_1_opens() {
    opens(&folder("v1"));
}

#[test]
fn what_is_written_today_opens() {
    let today = tempfile::tempdir().unwrap();
    write(today.path());
    opens(today.path());
}

/// Wrote `v1`. A new version of the format gets a folder of its own, written by this once; old folders are never written again.
fn write(to: &Path) {
    fs::create_dir_all(to.join("store")).unwrap();
    let made = Keyring::create("01a20911-4dde-7e5f-b1b2-47c3aae71c77", entropy().as_ref()).unwrap();
    fs::write(to.join("library.key"), made.key_file.as_bytes()).unwrap();
    fs::write(to.join("keyring"), &made.sealed).unwrap();
    let keyring = Arc::new(made.keyring);
    let vault = Vault::new(Arc::new(LocalStore::open(&to.join("store")).unwrap()), keyring.clone(), entropy());
    let content = vault.add(&picture()).unwrap();
    fs::write(to.join("content.json"), serde_json::to_vec(&content).unwrap()).unwrap();
    vault.put_object(ObjectKind::Manifest, "asset/1", b"{\"manifest\":1}").unwrap();
    let stages = StageDir::open(&to.join("stage"), keyring, entropy()).unwrap();
    let base = Some((content.id, vault.open(&content)));
    let mut stage = stages.create(NodeId(5), base, Timestamp::from_secs(1)).unwrap();
    stage.write_at(100, b"edit", Timestamp::from_secs(2)).unwrap();
    stage.sync(false).unwrap();
    stage.set_len(69_000, Timestamp::from_secs(3)).unwrap();
}

#[test]
fn evidence_of_version_1_is_checked() {
    let file = fs::File::open(folder("v1").join("evidence.zip")).unwrap();
    let key = fs::read_to_string(folder("v1").join("evidence.pem")).unwrap();
    let told = damfs::ops::evidence::verify(file, Some(&key), &[]).unwrap();
    assert!(told["key_known"] == true && told["heads"] == 2, "{told}");
}
