//! Files in, content out: what comes back is what went in, or an error.

use std::sync::Arc;

use damfs::blob::{
    BlobError, BlobName, BlobStore, Fail, Fault, FaultStore, LocalStore, MemoryStore, ObjectKind, Vault,
};
use damfs::crypto::{CryptoError, Keyring};
use damfs::types::{Content, ReadAt};

use super::{entropy, keyring, noise};

const SEGMENT: usize = 64 * 1024;

fn vault() -> (Vault, Arc<FaultStore<MemoryStore>>) {
    let store = Arc::new(FaultStore::new(MemoryStore::default()));
    (Vault::new(store.clone(), keyring(), entropy()), store)
}

fn check(vault: &Vault, content: &Content, deep: bool) -> Result<Vec<Fault>, BlobError> {
    content.extents.iter().filter_map(|(id, len)| vault.check(*id, *len, deep).transpose()).collect()
}

fn name_of(content: &Content) -> BlobName {
    BlobName::new(&format!("extents/{}", content.extents[0].0)).unwrap()
}

fn read(vault: &Vault, content: &Content) -> std::io::Result<Vec<u8>> {
    let reader = vault.open(content);
    let mut out = vec![0; usize::try_from(reader.len()).unwrap()];
    let got = reader.read_at(0, &mut out)?;
    out.truncate(got);
    Ok(out)
}

#[test]
fn every_length_comes_back() {
    let (vault, _) = vault();
    for len in [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT + 7, (16 << 20) + 1] {
        let bytes = noise(len, 1);
        let content = vault.add(&bytes).unwrap();
        assert_eq!(content.size, len as u64);
        assert_eq!(content.extents.len() > 1, len > 16 << 20);
        assert!(read(&vault, &content).unwrap() == bytes, "{len}");
        let reader = vault.open(&content);
        for (at, n) in [(0, 10), (SEGMENT - 5, 10), (len / 2, SEGMENT * 2), (len, 5), (len.saturating_sub(3), 9)] {
            let mut buf = vec![0; n];
            let got = reader.read_at(at as u64, &mut buf).unwrap();
            let end = (at + n).min(len);
            assert!(buf[..got] == bytes[at.min(len)..end.max(at.min(len))], "{len}: {n} bytes from {at}");
        }
        assert_eq!(check(&vault, &content, true).unwrap(), []);
    }
}

#[test]
fn the_same_bytes_are_stored_once_and_an_edit_stores_little() {
    let store = Arc::new(MemoryStore::default());
    let vault = Vault::new(store.clone(), keyring(), entropy());
    let mut bytes = noise(40 << 20, 2);
    let first = vault.add(&bytes).unwrap();
    let held = store.total();
    assert_eq!(vault.add(&bytes).unwrap(), first);
    assert_eq!(store.total(), held, "nothing is stored twice");
    bytes[20 << 20..21 << 20].copy_from_slice(&noise(1 << 20, 3));
    let second = vault.add(&bytes).unwrap();
    assert!(store.total() - held < 24 << 20, "an edit of 1 MiB stored {}", store.total() - held);
    assert!(read(&vault, &second).unwrap() == bytes);
}

#[test]
fn any_changed_byte_is_an_error_and_never_wrong_bytes() {
    let (keyring, bytes) = (keyring(), noise(SEGMENT + 100, 4));
    let good = Arc::new(MemoryStore::default());
    let content = Vault::new(good.clone(), keyring.clone(), entropy()).add(&bytes).unwrap();
    let name = name_of(&content);
    let mut stored = vec![0; usize::try_from(good.stat(&name).unwrap().unwrap()).unwrap()];
    good.read(&name, 0, &mut stored).unwrap();
    for at in (0..stored.len()).step_by(997).chain(0..120).chain(stored.len() - 20..stored.len()) {
        let mut bad = stored.clone();
        bad[at] ^= 1;
        let store = Arc::new(MemoryStore::default());
        store.replace(&name, &bad).unwrap();
        let vault = Vault::new(store, keyring.clone(), entropy());
        assert!(read(&vault, &content).is_err(), "byte {at}");
        assert_eq!(check(&vault, &content, true).unwrap().len(), 1, "byte {at}");
    }
    let store = Arc::new(MemoryStore::default());
    store.replace(&name, &stored[..stored.len() - 1]).unwrap();
    let vault = Vault::new(store.clone(), keyring, entropy());
    assert!(read(&vault, &content).is_err(), "cut off");
    store.delete(&name).unwrap();
    assert_eq!(check(&vault, &content, false).unwrap(), [Fault::Missing(content.extents[0].0)]);
}

#[test]
fn a_full_disk_stores_nothing_that_is_pointed_at_and_the_next_try_works() {
    let (vault, store) = vault();
    let bytes = noise(20 << 20, 5);
    store.fail_after(Fail::Full, 1);
    assert!(matches!(vault.add(&bytes), Err(BlobError::Full)));
    store.mend();
    let content = vault.add(&bytes).unwrap();
    assert!(read(&vault, &content).unwrap() == bytes);
    store.fail_after(Fail::Read, 0);
    assert!(read(&Vault::new(store.clone(), keyring(), entropy()), &content).is_err());
}

#[test]
fn objects_are_replaced_whole_and_bound_to_their_names() {
    let (vault, _) = vault();
    assert_eq!(vault.get_object(ObjectKind::Manifest, "a/1").unwrap(), None);
    vault.put_object(ObjectKind::Manifest, "a/1", b"one").unwrap();
    vault.put_object(ObjectKind::Manifest, "a/1", b"two").unwrap();
    assert_eq!(vault.get_object(ObjectKind::Manifest, "a/1").unwrap().unwrap(), b"two");
    assert_eq!(vault.get_object(ObjectKind::Rendition, "a/1").unwrap(), None);
    vault.remove_object(ObjectKind::Manifest, "a/1").unwrap();
    assert_eq!(vault.get_object(ObjectKind::Manifest, "a/1").unwrap(), None);
}

#[test]
fn keys_open_their_own_library_alone() {
    let (one, two) = ("0193a5c2-7d1e-7c3a-9f00-1b2c3d4e5f60", "0193a5c2-7d1e-7c3a-9f00-1b2c3d4e5f61");
    let e = entropy();
    let made = Keyring::create(one, e.as_ref()).unwrap();
    let opened = Keyring::open(&made.sealed, &made.key_file).unwrap();
    assert_eq!(opened.extent_id(b"x"), made.keyring.extent_id(b"x"));
    let again = Keyring::create(one, e.as_ref()).unwrap();
    assert!(matches!(Keyring::open(&made.sealed, &again.key_file), Err(CryptoError::WrongKey)));
    let other = Keyring::create(two, e.as_ref()).unwrap();
    assert!(matches!(Keyring::open(&made.sealed, &other.key_file), Err(CryptoError::OtherLibrary { .. })));
    assert!(matches!(Keyring::open(&made.sealed, "rubbish"), Err(CryptoError::NotAKeyFile)));
    assert!(matches!(Keyring::open(b"{}", &made.key_file), Err(CryptoError::Damaged(_))));
    assert!(Keyring::open_plain(&made.sealed).is_err(), "a sealed library is not opened without its key");
    let plain = Keyring::plain(one, e.as_ref()).unwrap();
    assert_eq!(Keyring::open_plain(&plain.sealed).unwrap().extent_id(b"x"), plain.keyring.extent_id(b"x"));
    assert!(!format!("{opened:?}").contains(made.key_file.split(' ').next_back().unwrap().trim()));
}

/// Regression: what had an extent's name counted as stored, so good bytes were swallowed by a file that a power cut had left empty.
#[test]
fn bytes_that_are_added_again_mend_a_damaged_extent() {
    let (keyring, bytes) = (keyring(), noise(2 * SEGMENT, 6));
    let store = Arc::new(MemoryStore::default());
    let vault = || Vault::new(store.clone(), keyring.clone(), entropy());
    let content = vault().add(&bytes).unwrap();
    let name = name_of(&content);
    let mut stored = vec![0; usize::try_from(store.stat(&name).unwrap().unwrap()).unwrap()];
    store.read(&name, 0, &mut stored).unwrap();
    let mut flipped = stored.clone();
    flipped[SEGMENT + 200] ^= 1;
    for bad in [&[][..], &vec![0; stored.len()], &stored[..stored.len() - 1], &flipped] {
        store.replace(&name, bad).unwrap();
        let vault = vault();
        let reader = vault.open(&content);
        assert!(reader.read_at(0, &mut vec![0; bytes.len()]).is_err(), "and its header is known to the vault");
        assert_eq!(vault.add(&bytes).unwrap(), content);
        vault.sync(&[&content]).unwrap();
        assert!(read(&vault, &content).unwrap() == bytes);
        assert_eq!(check(&vault, &content, true).unwrap(), []);
        let mut out = vec![0; bytes.len()];
        reader.read_at(0, &mut out).unwrap();
        assert!(out == bytes, "one that was open before reads it, too");
    }
}

/// Regression: the disk reports a write that it could not do once; the try after it committed extents that were never written.
#[test]
fn after_a_failed_sync_nothing_that_it_was_to_cover_is_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(FaultStore::new(LocalStore::open(dir.path()).unwrap()));
    let vault = Vault::new(store.clone(), keyring(), entropy());
    let (first, second) = (noise(100, 7), noise(200, 8));
    let safe = vault.add(&first).unwrap();
    vault.sync(&[&safe]).unwrap();
    let content = vault.add(&second).unwrap();
    let place = |content: &Content| {
        let id = content.extents[0].0.to_string();
        std::os::unix::fs::MetadataExt::ino(&dir.path().join("extents").join(&id[..2]).join(&id).metadata().unwrap())
    };
    let (safe_place, old_place) = (place(&safe), place(&content));
    store.fail_after(Fail::Sync, 0);
    assert!(vault.sync(&[&content]).is_err());
    store.mend();
    assert!(matches!(vault.sync(&[&content]), Err(BlobError::Unsynced(_))), "the disk does not tell again");
    vault.sync(&[&safe]).unwrap();
    vault.add(&first).unwrap();
    assert_eq!(vault.add(&second).unwrap(), content);
    assert_ne!(place(&content), old_place, "it was written again");
    assert_eq!(place(&safe), safe_place, "what an earlier sync covered was not");
    vault.sync(&[&content, &safe]).unwrap();
    assert!(read(&vault, &content).unwrap() == second);
}

/// Regression: only the header was looked at, so an extent whose end was missing was clean.
#[test]
fn a_cut_off_extent_is_seen_without_reading_it() {
    let (vault, store) = vault();
    for len in [0, 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT] {
        let content = vault.add(&noise(len, 10)).unwrap();
        assert_eq!(check(&vault, &content, false).unwrap(), [], "{len}");
        let Some((id, _)) = content.extents.first() else { continue };
        let name = name_of(&content);
        let mut stored = vec![0; usize::try_from(store.stat(&name).unwrap().unwrap()).unwrap()];
        store.read(&name, 0, &mut stored).unwrap();
        store.replace(&name, &stored[..stored.len() - 1]).unwrap();
        assert_eq!(check(&vault, &content, false).unwrap(), [Fault::Length(*id)], "{len}");
    }
}
