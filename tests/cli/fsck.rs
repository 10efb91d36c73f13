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

/// Regression: fsck never looked at manifests, though it was promised to make lost ones again.
#[test]
fn lost_and_damaged_manifests_are_made_again() {
    let lab = Lab::with_two();
    let below = lab.library().join("store/manifests");
    let manifests = Lab::files_below(&below);
    assert_eq!(manifests.len(), 2);
    for file in &manifests {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert_eq!(file.parent().unwrap(), below.join(&name[..2]), "in a folder that it shares with others");
    }
    fs::remove_file(&manifests[0]).unwrap();
    fs::write(&manifests[1], b"").unwrap();
    let report = lab.json(&["fsck"]);
    assert_eq!((&report["clean"], &report["manifests_made"]), (&true.into(), &2.into()), "{report}");
    assert_eq!(Lab::files_below(&below), manifests);
    assert_eq!(lab.json(&["fsck"])["manifests_made"], 0);
}
