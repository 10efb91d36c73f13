//! `dam init`

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::lab::Lab;

#[test]
fn a_library_is_sealed_and_its_key_lies_outside() {
    let lab = Lab::empty();
    let library = lab.library();
    let said = lab.ok(&["init", library.to_str().unwrap()]);
    assert!(said.contains("loses the library's files") && said.contains("catalogue"), "{said}");
    assert!(fs::read_to_string(library.join("README.txt")).unwrap().contains("is not encrypted"));
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

#[test]
fn a_library_is_not_made_inside_another_nor_in_place_of_a_file() {
    let lab = Lab::new();
    for inside in ["studio/store/x", "studio/new/deeper"] {
        let said = lab.fails(2, &["init", inside]);
        assert!(said.contains("inside the library"), "{said}");
        assert!(!lab.path(inside).exists());
    }
    lab.file("notes.txt", b"mine");
    assert!(lab.fails(2, &["init", "notes.txt"]).contains("notes.txt is not a folder"));
    assert_eq!(Lab::files_below(&lab.config()).len(), 1, "no key is left of what was refused");
}

#[test]
fn a_folder_that_is_there_keeps_its_mode() {
    let lab = Lab::empty();
    let mode = |name: &str| fs::metadata(lab.path(name)).unwrap().permissions().mode() & 0o777;
    for (name, old) in [("closed", 0o700), ("open", 0o755)] {
        fs::create_dir(lab.path(name)).unwrap();
        fs::set_permissions(lab.path(name), fs::Permissions::from_mode(old)).unwrap();
        lab.ok(&["init", name]);
        assert_eq!(mode(name), old);
    }
    lab.ok(&["init", "new"]);
    assert_eq!((mode("new"), mode("new/run"), mode("new/store")), (0o711, 0o711, 0o700));
}

#[test]
fn a_damaged_library_is_no_missing_one() {
    let lab = Lab::new();
    fs::write(lab.library().join("damfs.toml"), b"format = ").unwrap();
    let found = lab.fails(1, &["find", "kind=image"]);
    assert!(found.contains("damfs.toml") && found.contains("backup") && !found.contains("dam init"), "{found}");
    fs::create_dir(lab.path("mnt")).unwrap();
    let library = lab.library();
    assert_eq!(lab.fails(1, &["mount", library.to_str().unwrap(), "mnt"]), found);
}

/// Regression: a library of a newer layout with a new key was called damaged.
#[test]
fn a_wrong_key_is_named_and_a_newer_layout_is_no_damage() {
    let lab = Lab::new();
    let path = lab.library().join("damfs.toml");
    let good = fs::read_to_string(&path).unwrap();
    fs::write(&path, good.replace("sealed", "seald")).unwrap();
    let found = lab.fails(1, &["find", "kind=image"]);
    assert!(found.contains("unknown key `seald`; did you mean `sealed`?"), "{found}");
    fs::write(&path, format!("{}compressed = true\n", good.replace("format = 1", "format = 2"))).unwrap();
    let newer = lab.fails(1, &["find", "kind=image"]);
    assert!(newer.contains("newer") && !newer.contains("compressed"), "{newer}");
}

#[test]
fn a_lost_run_folder_is_made_anew() {
    let lab = Lab::with_two();
    fs::remove_dir_all(lab.library().join("run")).unwrap();
    assert_eq!(lab.ok(&["find", "kind=image"]).lines().count(), 2);
}
