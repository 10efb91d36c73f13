//! `dam restore`

use serde_json::{Value, json};

use crate::lab::{Lab, png};

const BEACH: &str = "library/luna/beach.png";
const CITY: &str = "library/luna/city.png";

/// Where a removed asset lies.
fn trash(lab: &Lab, id: &str) -> String {
    let record = lab.json(&["show", id]);
    format!("trash/{}/{}", &record["trashed"].as_str().unwrap()[..10], record["view_name"].as_str().unwrap())
}

fn id(lab: &Lab, path: &str) -> String {
    lab.json(&["show", path])["id"].as_str().unwrap().to_owned()
}

fn contents(lab: &Lab, path: &str) -> Vec<Value> {
    let versions = lab.json(&["versions", path])["versions"].as_array().unwrap().clone();
    versions.into_iter().map(|v| v["content"].clone()).collect()
}

#[test]
fn an_earlier_version_becomes_the_next_one() {
    let lab = Lab::with_two();
    let before = lab.json(&["show", BEACH]);
    lab.overwrite(BEACH, &png(48, 32, 9, None));
    let done = lab.json(&["restore", "--version", "1", BEACH])["restored"][0].clone();
    assert_eq!((&done["restored"], &done["version"], &done["path"]), (&json!(1), &json!(3), &json!(BEACH)));
    let all = contents(&lab, BEACH);
    assert_eq!((all.len(), &all[2]), (3, &all[0]), "history only grows");
    let after = lab.json(&["show", BEACH]);
    for same in ["id", "width", "size", "prompt", "tag", "persona", "view_name"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    assert_eq!(lab.json(&["diff", BEACH, "1", "3"])["same_bytes"], true);
    let words = lab.ok(&["restore", "versions/luna/beach.png/1.png"]);
    assert!(words.contains("no version made"), "{words}");
    assert_eq!(contents(&lab, BEACH).len(), 3);
    let words = lab.ok(&["restore", "versions/luna/beach.png/2.png"]);
    assert_eq!(words, "library/luna/beach.png: version 4 is version 2 again\n");
    lab.ok(&["fsck", "--deep"]);
}

/// Equal sizes within a second look the same to rsync.
#[test]
fn a_version_of_equal_size_is_at_least_a_second_younger() {
    let lab = Lab::with_two();
    let bytes = std::fs::read(lab.path("in/beach.png")).unwrap();
    let mut other = bytes.clone();
    *other.last_mut().unwrap() ^= 1;
    lab.overwrite(BEACH, &other);
    lab.ok(&["restore", "--version", "1", BEACH]);
    let versions = lab.json(&["versions", BEACH])["versions"].clone();
    let time = |n: usize| versions[n]["mtime"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(time(2).duration_since(time(1)) >= jiff::SignedDuration::from_secs(1), "{versions}");
}

#[test]
fn a_verdict_stays_with_the_version_that_it_was_given_for() {
    let lab = Lab::with_two();
    lab.ok(&["set", BEACH, "status.instagram=approved"]);
    lab.overwrite(BEACH, &png(48, 32, 9, None));
    lab.ok(&["set", BEACH, "status.x=rejected", "-m", "not this one"]);
    lab.ok(&["restore", "--version", "1", BEACH]);
    let status = lab.json(&["show", BEACH])["status"].clone();
    assert_eq!((&status["instagram"]["value"], &status["instagram"]["version"]), (&json!("approved"), &json!(1)));
    assert_eq!(status["x"]["version"], 2, "the bytes that come back were not rejected");
}

#[test]
fn what_was_removed_comes_back_with_all_that_is_known_of_it() {
    let lab = Lab::with_two();
    lab.ok(&["set", BEACH, "tag=sea", "status.instagram=approved"]);
    lab.overwrite(BEACH, &png(48, 32, 9, None));
    let before = lab.json(&["show", BEACH]);
    let id = id(&lab, BEACH);
    lab.remove(BEACH);
    lab.fails(3, &["show", BEACH]);
    let words = lab.ok(&["restore", &trash(&lab, &id)]);
    assert!(words.ends_with("restored to library/luna/beach.png\n"), "{words}");
    let mut after = lab.json(&["show", BEACH]);
    after["changed"] = before["changed"].clone();
    assert_eq!(after, before);
    lab.remove(BEACH);
    assert_eq!(lab.json(&["restore", &id])["restored"][0]["path"], BEACH, "by its id");
}

#[test]
fn a_taken_name_or_a_missing_folder_is_said() {
    let lab = Lab::with_two();
    let beach = id(&lab, BEACH);
    lab.remove(BEACH);
    lab.image("in/beach.png", 7);
    lab.ok(&["import", lab.path("in/beach.png").to_str().unwrap(), "--into", "luna"]);
    assert!(lab.fails(1, &["restore", &beach, "--as", "city.png"]).contains("taken"));
    let words = lab.ok(&["restore", &beach]);
    assert!(words.ends_with("restored to library/luna/beach (2).png: its name is taken\n"), "{words}");
    assert_eq!(lab.json(&["show", &beach])["view_name"], "beach (2).png");

    lab.remove("library/luna/beach (2).png");
    lab.ok(&["restore", &beach, "--into", "kept/best", "--as", "sand.png"]);
    assert_eq!(id(&lab, "library/kept/best/sand.png"), beach);
    assert!(lab.fails(2, &["restore", &beach, "--into", "kept"]).contains("not in the trash"));

    lab.remove("library/kept/best/sand.png");
    lab.in_mount("library/kept/best", |mount, caller, folder, name| mount.rmdir(caller, folder, name));
    let words = lab.ok(&["restore", &beach]);
    assert!(words.contains("library/Unsorted/") && words.contains("gone"), "{words}");
}

#[test]
fn of_several_each_is_brought_back_that_can_be() {
    let lab = Lab::with_two();
    let (beach, city) = (id(&lab, BEACH), id(&lab, CITY));
    lab.remove(BEACH);
    lab.remove(CITY);
    let said = lab.fails(3, &["restore", &beach, "library/luna/none.png", &city]);
    assert!(said.contains("none.png"), "{said}");
    assert_eq!((id(&lab, BEACH), id(&lab, CITY)), (beach, city));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let lab = Lab::with_two();
    lab.overwrite(BEACH, &png(48, 32, 9, None));
    assert!(lab.fails(2, &["restore", BEACH]).contains("--version"));
    assert!(lab.fails(3, &["restore", BEACH, "--version", "9"]).contains("dam versions"));
    lab.fails(2, &["restore", BEACH, "--version", "1", "--into", "x"]);
    lab.fails(2, &["restore", "versions/luna/beach.png/1.png", "--as", "x.png"]);
    lab.fails(2, &["restore", "versions/luna/beach.png/1.png", "--version", "2"]);
    lab.fails(2, &["restore", BEACH, CITY, "--as", "x.png"]);
    lab.fails(2, &["restore"]);
    let beach = id(&lab, BEACH);
    lab.remove(BEACH);
    assert!(lab.fails(2, &["restore", &beach, "--version", "1"]).contains("trash"));
    lab.fails(2, &["restore", &beach, "--into", "../out"]);
    lab.fails(2, &["restore", &beach, "--as", "a/b.png"]);
    assert_eq!(contents(&lab, &beach).len(), 2);
}
