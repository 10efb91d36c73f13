//! `dam thin`

use std::fs;

use serde_json::{Value, json};

use crate::lab::{Lab, png};

const BEACH: &str = "library/luna/beach.png";

/// beach.png with versions 2 to 6, made 70 to 66 days ago.
fn saved() -> Lab {
    let lab = Lab::with_two();
    for n in 0..5 {
        lab.overwrite_earlier(BEACH, &png(24, 32, 10 + n, None), 70 - i64::from(n));
    }
    lab
}

fn rules(lab: &Lab, text: &str) {
    fs::write(lab.library().join("versions.toml"), text).unwrap();
}

fn numbers(lab: &Lab) -> Vec<u64> {
    let told = lab.json(&["versions", BEACH]);
    told["versions"].as_array().unwrap().iter().map(|version| version["n"].as_u64().unwrap()).collect()
}

#[test]
fn a_library_is_made_with_the_shipped_rules() {
    let lab = saved();
    let shipped = damfs::policy::ThinningRules::TEMPLATE;
    assert_eq!(fs::read_to_string(lab.library().join("versions.toml")).unwrap(), shipped);
    assert_eq!(lab.ok(&["thin"]), "versions.toml keeps every version\n");
    assert_eq!(lab.json(&["thin"]), json!({ "dry_run": false, "assets": [], "versions": 0, "size": 0 }));
}

#[test]
fn what_would_go_is_what_goes() {
    let lab = saved();
    rules(&lab, "newest = 2\nall = \"none\"\n");
    let would = lab.json(&["thin", "--dry-run"]);
    assert_eq!(would["assets"][0]["versions"], json!([2, 3, 4]));
    assert_eq!((&would["assets"][0]["left"], &would["versions"]), (&json!(3), &json!(3)));
    let words = lab.ok(&["thin", "--dry-run", BEACH]);
    assert!(
        words.starts_with("library/luna/beach.png: 2, 3, 4 (3 left)\nversions would be thinned out: 3 ("),
        "{words}"
    );
    assert_eq!(numbers(&lab), [1, 2, 3, 4, 5, 6]);
    assert_eq!(lab.json(&["thin", "library/luna/city.png"])["versions"], 0);
    let done = lab.json(&["thin"]);
    assert_eq!((&done["assets"], &done["size"]), (&would["assets"], &would["size"]));
    assert_eq!(numbers(&lab), [1, 5, 6]);
    assert_eq!(lab.json(&["thin"])["versions"], 0);
    lab.ok(&["fsck", "--deep"]);
}

#[test]
fn a_thinned_version_is_not_found_and_says_so() {
    let lab = saved();
    rules(&lab, "newest = 1\nall = \"none\"\n");
    lab.ok(&["thin"]);
    let gap = "versions/luna/beach.png/3.png";
    for command in
        [&["restore", "--version", "3", BEACH][..], &["diff", BEACH, "3"], &["versions", gap], &["restore", gap]]
    {
        let said = lab.fails(3, command);
        assert!(
            said.contains("version 3 of `") && said.contains("was thinned out") && said.contains("dam versions"),
            "{said}"
        );
    }
    assert!(lab.fails(3, &["diff", BEACH, "9"]).contains("has no version 9"));
    let diff = lab.json(&["diff", BEACH]);
    assert_eq!((&diff["from"], &diff["to"]), (&json!(1), &json!(6)), "the one before is the one that is left");
    assert_eq!(lab.json(&["restore", "--version", "1", BEACH])["restored"][0]["version"], 7);
    assert_eq!(numbers(&lab), [1, 6, 7]);
}

#[test]
fn wrong_rules_and_wrong_targets_thin_nothing() {
    let lab = saved();
    rules(&lab, "newest = 1\nal = \"none\"\n");
    let said = lab.fails(1, &["thin"]);
    assert!(
        said.contains("versions.toml line 2: unknown key `al`; did you mean `all`?") && said.contains("mend"),
        "{said}"
    );
    rules(&lab, "newest = 1\nall = \"none\"\n");
    lab.fails(3, &["thin", BEACH, "library/luna/none.png"]);
    assert!(lab.fails(2, &["thin", BEACH, "library/luna"]).contains("folder"));
    assert!(lab.fails(2, &["thin", "versions/luna/beach.png/2.png"]).contains("version 2 alone"));
    assert_eq!(numbers(&lab), [1, 2, 3, 4, 5, 6]);
}

fn bytes_of(lab: &Lab) -> Value {
    lab.json(&["versions", BEACH])["versions"].as_array().unwrap().last().unwrap()["content"].clone()
}

#[test]
fn a_rebuild_brings_a_thinned_version_back_as_an_earlier_one_at_most() {
    for snapshots in [None, Some("before"), Some("after")] {
        let lab = saved();
        rules(&lab, "newest = 1\nall = \"none\"\n");
        if snapshots == Some("before") {
            lab.ok(&["snapshot"]);
        }
        let current = bytes_of(&lab);
        lab.ok(&["thin"]);
        lab.ok(&["fsck", "--deep"]);
        if snapshots == Some("after") {
            lab.ok(&["snapshot"]);
        }
        fs::remove_file(lab.library().join("catalog.db")).unwrap();
        lab.ok(&["fsck", "--rebuild"]);
        let expected = if snapshots == Some("after") { vec![1, 6] } else { vec![1, 2, 3, 4, 5, 6] };
        assert_eq!((numbers(&lab), bytes_of(&lab)), (expected, current), "snapshots: {snapshots:?}");
        lab.ok(&["fsck", "--deep"]);
        lab.ok(&["thin"]);
        assert_eq!(numbers(&lab), [1, 6], "and it is thinned again");
    }
}
