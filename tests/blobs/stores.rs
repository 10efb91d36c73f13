//! What every store must do.

use damfs::blob::{BlobError, BlobName, BlobStore, Fail, FaultStore, LocalStore, MemoryStore, Put};
use damfs::types::Timestamp;

fn name(text: &str) -> BlobName {
    BlobName::new(text).unwrap()
}

fn all(store: &dyn BlobStore, name: &BlobName) -> Vec<u8> {
    let mut buf = vec![0; 100];
    let got = store.read(name, 0, &mut buf).unwrap();
    buf.truncate(got);
    buf
}

fn suite(store: &dyn BlobStore) {
    let (a, b) = (name("extents/abcdef"), name("extents/abxyz0"));
    assert_eq!(store.stat(&a).unwrap(), None);
    assert!(matches!(store.read(&a, 0, &mut [0]), Err(BlobError::Missing(_))));
    assert_eq!(store.put_if_absent(&a, b"first").unwrap(), Put::Stored);
    assert_eq!(store.put_if_absent(&a, b"second").unwrap(), Put::Existed, "the first wins");
    assert_eq!(all(store, &a), b"first");
    assert_eq!(store.stat(&a).unwrap(), Some(5));
    let mut part = [0; 3];
    assert_eq!(store.read(&a, 1, &mut part).unwrap(), 3);
    assert_eq!(&part, b"irs");
    assert_eq!(store.read(&a, 4, &mut part).unwrap(), 1, "fewer at the end");
    assert_eq!(store.read(&a, 9, &mut part).unwrap(), 0, "none behind it");
    store.replace(&a, b"third").unwrap();
    store.replace(&b, b"").unwrap();
    assert_eq!(all(store, &a), b"third");
    assert_eq!(store.stat(&b).unwrap(), Some(0));
    let now = Timestamp::from_nanos(1_790_000_000_123_456_789);
    store.touch(&b, now).unwrap();
    assert_eq!(store.used(&b).unwrap(), Some(now));
    store.replace(&name("manifests/x/1"), b"other").unwrap();
    let mut names = Vec::new();
    store.list("extents", &mut |n| names.push(n.to_string())).unwrap();
    names.sort();
    assert_eq!(names, ["extents/abcdef", "extents/abxyz0"]);
    store.sync().unwrap();
    store.delete(&a).unwrap();
    store.delete(&a).unwrap();
    assert_eq!(store.stat(&a).unwrap(), None);
    store.touch(&a, now).unwrap();
    assert_eq!(store.used(&a).unwrap(), None, "noting it makes nothing");
}

fn fails_whole(store: &FaultStore<impl BlobStore>) {
    let a = name("extents/ffff");
    store.fail_after(Fail::Full, 0);
    assert!(matches!(store.put_if_absent(&a, b"x"), Err(BlobError::Full)));
    assert_eq!(store.stat(&a).unwrap(), None, "nothing of a failed put is there");
    store.mend();
    assert_eq!(store.put_if_absent(&a, b"x").unwrap(), Put::Stored, "and it works the next time");
    store.fail_after(Fail::Sync, 0);
    assert!(store.sync().is_err());
    store.mend();
}

#[test]
fn every_store_is_a_store() {
    let dir = tempfile::tempdir().unwrap();
    suite(&LocalStore::open(dir.path()).unwrap());
    suite(&MemoryStore::default());
    suite(&FaultStore::new(MemoryStore::default()));
    let other = tempfile::tempdir().unwrap();
    fails_whole(&FaultStore::new(LocalStore::open(other.path()).unwrap()));
    fails_whole(&FaultStore::new(MemoryStore::default()));
}

#[test]
fn names_cannot_lead_out_of_the_store() {
    for bad in ["", "/", "a//b", "../a", "a/../b", "A", "a b", "a/.b", "a/b/c/d/e", &"x".repeat(300)] {
        assert!(BlobName::new(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_a_crash_left_half_written_goes_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(".new-1-2"), b"half").unwrap();
    LocalStore::open(dir.path()).unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
