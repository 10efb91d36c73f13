//! Two mounts that write one file at the same time.

use damfs::fs::OpenMode;
use damfs::ops::{Actor, conflicts};
use damfs::types::Caller;
use serde_json::{Value, json};

use crate::world::{User, World};

const WRITE: OpenMode = OpenMode { write: true, truncate: false, read: false, exclusive: false };
const CUT: OpenMode = OpenMode { truncate: true, ..WRITE };

fn studio(dir: &std::path::Path) -> (World, User, User) {
    let world = World::new(dir);
    let (a, b) = (world.me(), world.member("eddy", 1001, "editor", None));
    a.write("f.txt", b"old").unwrap();
    world.wait(3);
    world.wait(3_600);
    (world, a, b)
}

/// What each version holds, and which one is listed beside the one that stands.
fn told(world: &World, user: &User) -> (Vec<String>, Value) {
    world.wait(3);
    let n = world.versions("f.txt");
    let text = |n: usize| String::from_utf8(user.read(&format!("/versions/f.txt/{n}.txt")).unwrap()).unwrap();
    let actor = Actor::of(world.library(), &Caller { uid: 0, gid: 0, process: 7 }).unwrap();
    let fields = conflicts::diff(world.library(), &actor, "library/f.txt").unwrap()["fields"].clone();
    assert_eq!(world.faults(), json!([]));
    ((1..=n).map(text).collect(), fields)
}

fn at_odds(fields: &Value) -> [&Value; 4] {
    assert_eq!(fields.as_array().unwrap().len(), 1, "{fields}");
    ["field", "stands", "other", "by"].map(|key| &fields[0][key])
}

#[test]
fn two_writers_in_place_keep_both_versions() {
    let dir = tempfile::tempdir().unwrap();
    let (world, a, b) = studio(dir.path());
    let first = a.open("f.txt", CUT).unwrap();
    first.write(0, b"of a").unwrap();
    let second = b.open("f.txt", CUT).unwrap();
    second.write(0, b"of b, longer").unwrap();
    first.close().unwrap();
    second.close().unwrap();
    let (texts, fields) = told(&world, &a);
    assert_eq!(texts, ["old", "of a", "of b, longer"]);
    assert_eq!(at_odds(&fields), [&json!("bytes"), &json!("3"), &json!("2"), &json!("eddy")]);
    assert_eq!(a.names("/by/conflict/bytes"), ["f.txt"]);

    let actor = Actor::of(world.library(), &a.caller).unwrap();
    conflicts::resolve(world.library(), &actor, "library/f.txt", Some("bytes"), "other").unwrap();
    let (texts, fields) = told(&world, &a);
    assert_eq!((texts.last().unwrap().as_str(), fields), ("of a", json!([])));
    assert_eq!(a.read("f.txt").unwrap(), b"of a");
}

#[test]
fn who_goes_on_after_the_other_has_closed_keeps_what_that_one_wrote() {
    let dir = tempfile::tempdir().unwrap();
    let (world, a, b) = studio(dir.path());
    let first = a.open("f.txt", WRITE).unwrap();
    first.write(0, b"aaa").unwrap();
    let second = b.open("f.txt", CUT).unwrap();
    second.write(0, b"bbb").unwrap();
    second.close().unwrap();
    first.write(1, b"A").unwrap();
    first.write(2, b"A").unwrap();
    first.close().unwrap();
    let (texts, fields) = told(&world, &a);
    assert_eq!(texts, ["old", "aaa", "bbb", "bAA"]);
    assert_eq!(at_odds(&fields), [&json!("bytes"), &json!("4"), &json!("3"), &json!("root")]);
}

#[test]
fn a_save_by_rename_keeps_what_another_mount_has_written() {
    for place in ["", "/by/tag/x/"] {
        let dir = tempfile::tempdir().unwrap();
        let (world, a, b) = studio(dir.path());
        a.tag("f.txt", "x");
        let id = a.id("f.txt");
        let first = a.open("f.txt", CUT).unwrap();
        first.write(0, b"of a").unwrap();
        b.write(&format!("{place}.f.txt.Xk3f9Q"), b"of b").unwrap();
        b.rename(&format!("{place}.f.txt.Xk3f9Q"), &format!("{place}f.txt")).unwrap();
        first.close().unwrap();
        let (texts, fields) = told(&world, &a);
        assert_eq!((texts, a.id("f.txt")), (vec!["old".to_owned(), "of a".into(), "of b".into()], id));
        assert_eq!(at_odds(&fields), [&json!("bytes"), &json!("3"), &json!("2"), &json!("eddy")], "{place}");
    }
}

#[test]
fn a_name_that_is_removed_keeps_what_another_mount_has_written() {
    let dir = tempfile::tempdir().unwrap();
    let (world, a, b) = studio(dir.path());
    a.write("f.txt", b"of a").unwrap();
    let (b, id) = (b.in_process(9), a.id("f.txt"));
    b.rename("f.txt", "f.txt~").unwrap();
    b.write("f.txt", b"of b").unwrap();
    b.unlink("f.txt~").unwrap();
    let (texts, _) = told(&world, &a);
    assert_eq!((texts, a.id("f.txt")), (vec!["old".to_owned(), "of a".into(), "of b".into()], id));
}

#[test]
fn who_has_seen_what_the_other_wrote_is_at_odds_with_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let (world, a, b) = studio(dir.path());
    a.write("f.txt", b"of a").unwrap();
    b.write("f.txt", b"of b").unwrap();
    let (texts, fields) = told(&world, &a);
    assert_eq!((texts, fields), (vec!["old".to_owned(), "of a".into(), "of b".into()], json!([])));
    // One mount alone makes one version of several sessions.
    a.write("f.txt", b"half").unwrap();
    a.write("f.txt", b"whole").unwrap();
    assert_eq!(told(&world, &a).0.len(), 4);
}

#[test]
fn bytes_that_are_the_same_in_the_end_are_no_conflict() {
    let dir = tempfile::tempdir().unwrap();
    let (world, a, b) = studio(dir.path());
    let first = a.open("f.txt", CUT).unwrap();
    first.write(0, b"same").unwrap();
    let second = b.open("f.txt", CUT).unwrap();
    second.write(0, b"same").unwrap();
    second.close().unwrap();
    first.close().unwrap();
    let (texts, fields) = told(&world, &a);
    assert_eq!((texts, fields), (vec!["old".to_owned(), "same".into()], json!([])));
}
