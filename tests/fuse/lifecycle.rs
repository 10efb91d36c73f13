//! Mounting and unmounting: what goes wrong says what to do.

use std::fs;

use crate::harness::*;

#[test]
fn a_library_is_mounted_once_for_each_member() {
    let mut s = Studio::mounted();
    let other = s.path("other");
    fs::create_dir(&other).unwrap();
    let (code, said) = s.dam_fails(["mount", s.library().to_str().unwrap(), other.to_str().unwrap()]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("mounted already") && said.contains("mnt"), "{said}");
    s.dam(["member", "add", "rita", "--role", "client-reviewer"]);
    s.mount("rita", &["--as", "rita"]);
    let status: serde_json::Value = serde_json::from_str(&s.dam(["status", "--json"])).unwrap();
    let mine: Vec<_> =
        status["mounts"].as_array().unwrap().iter().filter(|m| m["library"] == s.library().to_str().unwrap()).collect();
    assert_eq!(mine.len(), 2);
    assert!(mine.iter().any(|m| m["member"] == "rita"));
    s.unmount();
    assert!(!s.mnt("library").exists());
}

#[test]
fn bad_mountpoints_and_keys_are_told_apart() {
    let mut s = Studio::new();
    let library = s.library();
    let lib = library.to_str().unwrap();
    let missing = s.path("missing");
    let (code, said) = s.dam_fails(["mount", lib, missing.to_str().unwrap()]);
    assert!(code != 0 && said.contains("missing") && said.contains("mkdir"), "{said}");
    let full = s.path("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("x"), b"x").unwrap();
    let (code, said) = s.dam_fails(["mount", lib, full.to_str().unwrap()]);
    assert!(code != 0 && said.contains("not empty"), "{said}");
    let empty = s.path("empty");
    fs::create_dir(&empty).unwrap();
    let (code, said) = s.dam_fails(["mount", "--key-file", "/nonexistent.key", lib, empty.to_str().unwrap()]);
    assert!(code != 0 && said.contains("key"), "{said}");
    let other = Studio::new();
    let key = sh(&format!("find {} -name '*.key'", other.dir.path().display()));
    let (code, said) = s.dam_fails(["mount", "--key-file", key.trim(), lib, empty.to_str().unwrap()]);
    assert!(code != 0 && said.contains("key"), "{said}");
    let (code, said) = s.dam_fails(["mount", s.path("in").to_str().unwrap(), empty.to_str().unwrap()]);
    assert!(code != 0 && said.contains("not a damfs library"), "{said}");
    s.mount("mnt", &[]);
    let (code, said) = s.dam_fails(["mount", other.library().to_str().unwrap(), s.mnt("").to_str().unwrap()]);
    assert!(code != 0 && (said.contains("busy") || said.contains("mounted")), "{said}");
}

#[test]
fn commands_work_while_mounted_and_when_not() {
    let mut s = Studio::mounted();
    fs::write(s.mnt("library/a.png"), png(64, 64, 1)).unwrap();
    s.settle();
    s.dam(["tag", "add", "beach", s.mnt("library/a.png").to_str().unwrap()]);
    assert_eq!(s.find("tag=beach"), ["library/a.png"]);
    s.unmount();
    assert_eq!(s.find("tag=beach"), ["library/a.png"]);
    s.dam(["tag", "remove", "beach", "library/a.png"]);
    assert_eq!(s.find("tag=beach").len(), 0);
}

/// Regression: the daemon still had the library's lock for a moment after its last mount was gone.
#[test]
fn unmounting_and_mounting_again_at_once_works() {
    let mut s = Studio::mounted();
    for i in 0..8u8 {
        fs::write(s.mnt(format!("library/{i}.png")), png(64, 64, i)).unwrap();
        s.remount();
    }
    assert_eq!(names(&s.mnt("library")).len(), 8);
}
