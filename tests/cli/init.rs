//! `dam init`

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::lab::Lab;

#[test]
fn a_library_is_sealed_and_its_key_lies_outside() {
    let lab = Lab::empty();
    let library = lab.library();
    let said = lab.ok(&["init", library.to_str().unwrap()]);
    assert!(said.contains("loses the library"), "{said}");
    let keys = Lab::files_below(&lab.config());
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert!(said.contains(keys[0].to_str().unwrap()), "{said}");
    assert_eq!(fs::metadata(&keys[0]).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(Lab::files_below(&library).iter().all(|f| f.extension().is_none_or(|e| e != "key")));
    assert!(library.join("damfs.toml").is_file());
}

#[test]
fn whoever_makes_it_is_its_admin() {
    let lab = Lab::new();
    let members = lab.json(&["member", "list"]);
    assert_eq!(members["members"].as_array().unwrap().len(), 1);
    assert_eq!(members["members"][0]["role"], "admin");
    assert_eq!(members["members"][0]["uid"], u64::from(rustix::process::getuid().as_raw()));
}

#[test]
fn a_key_inside_the_library_is_refused() {
    let lab = Lab::empty();
    let library = lab.library();
    let key = library.join("my.key");
    let said = lab.fails(2, &["init", library.to_str().unwrap(), "--key-file", key.to_str().unwrap()]);
    assert!(said.contains("inside the library"), "{said}");
    assert!(!library.exists());
}

#[test]
fn the_key_goes_where_it_is_told_and_is_asked_for() {
    let lab = Lab::empty();
    let library = lab.library();
    let key = lab.path("stick/studio.key");
    lab.ok(&["init", library.to_str().unwrap(), "--key-file", key.to_str().unwrap()]);
    assert!(key.is_file());
    let said = lab.fails(1, &["member", "list"]);
    assert!(said.contains("--key-file"), "{said}");
    lab.ok(&["--key-file", key.to_str().unwrap(), "member", "list"]);
}

#[test]
fn an_old_key_is_never_overwritten() {
    let lab = Lab::empty();
    let key = lab.file("studio.key", b"precious");
    let library = lab.library();
    lab.fails(1, &["init", library.to_str().unwrap(), "--key-file", key.to_str().unwrap()]);
    assert_eq!(fs::read(&key).unwrap(), b"precious");
    assert!(!library.join("damfs.toml").exists());
}

#[test]
fn a_wrong_key_is_told_apart_from_a_missing_one() {
    let lab = Lab::new();
    let other = lab.path("other");
    let key = lab.path("other.key");
    lab.ok(&["init", other.to_str().unwrap(), "--key-file", key.to_str().unwrap()]);
    let wrong = lab.fails(1, &["--key-file", key.to_str().unwrap(), "member", "list"]);
    let none = lab.path("none.key");
    let missing = lab.fails(1, &["--key-file", none.to_str().unwrap(), "member", "list"]);
    assert_ne!(wrong, missing);
    assert!(missing.contains("none.key"), "{missing}");
}

#[test]
fn a_library_is_not_made_twice_nor_among_files() {
    let lab = Lab::new();
    let library = lab.library();
    lab.fails(1, &["init", library.to_str().unwrap()]);
    assert_eq!(Lab::files_below(&lab.config()).len(), 1);
    lab.file("full/notes.txt", b"mine");
    let full = lab.path("full");
    let said = lab.fails(1, &["init", full.to_str().unwrap()]);
    assert!(said.contains("empty"), "{said}");
    assert_eq!(Lab::files_below(&lab.config()).len(), 1);
}

#[test]
fn without_encryption_there_is_no_key() {
    let lab = Lab::empty();
    let library = lab.library();
    let made = lab.json(&["init", library.to_str().unwrap(), "--no-encryption"]);
    assert_eq!(made["sealed"], false);
    assert!(made["key_file"].is_null());
    assert!(!lab.config().exists());
    lab.ok(&["member", "list"]);
    let key = lab.path("k");
    lab.fails(2, &["init", "other", "--no-encryption", "--key-file", key.to_str().unwrap()]);
}
