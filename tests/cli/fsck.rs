//! `dam fsck` and `dam settle`

use std::fs;

use crate::lab::Lab;

#[test]
fn a_library_in_use_is_clean() {
    let lab = Lab::with_two();
    lab.ok(&["set", "library/luna/beach.png", "rating=safe"]);
    let report = lab.json(&["fsck", "--deep"]);
    assert_eq!(report["clean"], true, "{report}");
    assert_eq!(report["assets"], 2);
    assert!(lab.ok(&["fsck"]).starts_with("clean: 2 assets"));
    assert_eq!(lab.ok(&["settle"]), "made 0 versions\n");
}

#[test]
fn damaged_and_missing_bytes_are_faults() {
    let lab = Lab::with_two();
    let store = Lab::files_below(&lab.library().join("store"));
    for file in &store {
        let mut bytes = fs::read(file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::remove_file(file).unwrap();
        fs::write(file, &bytes).unwrap();
    }
    let out = lab.dam(&["fsck", "--deep"]);
    assert_eq!(out.status.code(), Some(1));
    for file in &store {
        fs::remove_file(file).unwrap();
    }
    let out = lab.dam(&["--json", "fsck"]);
    assert_eq!(out.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(report["clean"], false);
    let faults = report["faults"].as_array().unwrap();
    assert!(!faults.is_empty());
    assert!(faults.iter().all(|f| !f.as_str().unwrap().contains("dam fsck")), "no advice to run what just ran");
}
