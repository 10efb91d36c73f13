//! Files in, content out: what comes back is what went in, or an error.

use std::sync::Arc;

use damfs::blob::{BlobError, BlobStore, Fail, Fault, FaultStore, MemoryStore, ObjectKind, Vault};
use damfs::crypto::{CryptoError, Keyring};
use damfs::types::ReadAt;

use super::{entropy, keyring, noise};

const SEGMENT: usize = 64 * 1024;

fn vault() -> (Vault, Arc<FaultStore<MemoryStore>>) {
    let store = Arc::new(FaultStore::new(MemoryStore::default()));
    (Vault::new(store.clone(), keyring(), entropy()), store)
}

fn read(vault: &Vault, content: &damfs::types::Content) -> std::io::Result<Vec<u8>> {
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
        assert_eq!(vault.check(&content, true).unwrap(), []);
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
    let name = damfs::blob::BlobName::new(&format!("extents/{}", content.extents[0].0)).unwrap();
    let mut stored = vec![0; usize::try_from(good.stat(&name).unwrap().unwrap()).unwrap()];
    good.read(&name, 0, &mut stored).unwrap();
    for at in (0..stored.len()).step_by(997).chain(0..120).chain(stored.len() - 20..stored.len()) {
        let mut bad = stored.clone();
        bad[at] ^= 1;
        let store = Arc::new(MemoryStore::default());
        store.replace(&name, &bad).unwrap();
        let vault = Vault::new(store, keyring.clone(), entropy());
        assert!(read(&vault, &content).is_err(), "byte {at}");
        assert_eq!(vault.check(&content, true).unwrap().len(), 1, "byte {at}");
    }
    let store = Arc::new(MemoryStore::default());
    store.replace(&name, &stored[..stored.len() - 1]).unwrap();
    let vault = Vault::new(store.clone(), keyring, entropy());
    assert!(read(&vault, &content).is_err(), "cut off");
    store.delete(&name).unwrap();
    assert_eq!(vault.check(&content, false).unwrap(), [Fault::Missing(content.extents[0].0)]);
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
