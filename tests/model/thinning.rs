//! Thinning: what no rule of `versions.toml` keeps goes, what something rests on stays.

use std::path::Path;

use damfs::fs::{FsError, OpenMode};
use damfs::ops::proto::Command;
use damfs::ops::thin::thin;
use damfs::ops::undo::{Ask, undo};
use damfs::ops::{Actor, OpsError, conflicts, restore, serve};
use serde_json::{Value, json};

use crate::world::World;

const DAY: i64 = 24 * 3_600;
const NOTHING: &str = "newest = 1\nall = \"none\"\n";
const EVERYTHING: &str = "newest = 1\nall = \"forever\"\n";

fn rules(dir: &Path, text: &str) {
    std::fs::write(dir.join("studio/versions.toml"), text).unwrap();
}

/// A library under these rules, in which a day is enough to take something back.
fn studio(dir: &Path, text: &str) -> World {
    let mut world = World::new(dir);
    let file = dir.join("studio/damfs.toml");
    let info = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, info.replace("recovery_days = 30", "recovery_days = 1")).unwrap();
    rules(dir, text);
    world.open();
    world
}

/// Saves a file so often, a day apart; each version is one byte longer.
fn save(world: &World, path: &str, times: usize) {
    for _ in 0..times {
        let before = world.me().read(path).map_or(0, |bytes| bytes.len());
        world.me().write(path, &vec![7; before + 1]).unwrap();
        world.wait(3);
        world.wait(DAY);
    }
}

fn numbers(world: &World, path: &str) -> Vec<u64> {
    let record = world.show(path);
    record["versions"].as_array().unwrap().iter().map(|version| version["n"].as_u64().unwrap()).collect()
}

fn thinned(world: &World, targets: &[&str], dry_run: bool) -> Result<Value, OpsError> {
    let actor = Actor::of(world.library(), &world.me().caller).unwrap();
    let targets: Vec<String> = targets.iter().map(|target| (*target).to_owned()).collect();
    thin(world.library(), &actor, &targets, dry_run)
}

#[test]
fn the_daily_sweep_lets_go_of_what_no_rule_keeps() {
    let dir = tempfile::tempdir().unwrap();
    let world = studio(dir.path(), "newest = 2\nall = \"5 days\"\n");
    save(&world, "a.png", 4);
    assert_eq!(numbers(&world, "a.png"), [1, 2, 3, 4], "young ones stay");
    let stats = || ["/records/a.png.json", "a.png"].map(|path| world.me().stat(path).unwrap());
    let [before, file] = stats();
    for _ in 0..6 {
        world.wait(DAY);
    }
    assert_eq!(numbers(&world, "a.png"), [1, 3, 4]);
    let row = world.library().catalog.read(|tx| tx.audit_head("ops")).unwrap().unwrap();
    assert_eq!((row.actor.as_str(), row.action.as_str()), ("damfs", "asset.thin"));
    assert_eq!(serde_json::from_str::<Value>(&row.detail).unwrap(), json!({ "versions": [2], "size": 2 }));
    let [after, same] = stats();
    assert!(after.mtime > before.mtime && after.size < before.size, "its record is another");
    assert_eq!(same, file, "its file is not");
    save(&world, "a.png", 1);
    assert_eq!(numbers(&world, "a.png"), [1, 4, 5]);
    assert_eq!(world.faults(), json!([]));
}

#[test]
fn a_number_is_never_given_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = studio(dir.path(), NOTHING);
    save(&world, "a.png", 5);
    for _ in 0..3 {
        world.wait(DAY);
    }
    assert_eq!(numbers(&world, "a.png"), [1, 5]);
    world.open();
    save(&world, "a.png", 1);
    assert_eq!(numbers(&world, "a.png"), [1, 5, 6]);
    assert_eq!(world.me().names("/versions/a.png"), ["1.png", "5.png", "6.png"]);
    assert!(matches!(world.me().find("/versions/a.png/3.png"), Err(FsError::NotFound)));
}

#[test]
fn what_something_rests_on_stays() {
    let dir = tempfile::tempdir().unwrap();
    let world = studio(dir.path(), EVERYTHING);
    let me = world.me();
    let run = |command| serve(world.library(), &me.caller, command, None).unwrap();
    let set = |target: &str, facet: &str, value: &str| {
        let set = vec![damfs::ops::proto::Assignment { facet: facet.into(), value: value.into() }];
        run(Command::Set { what: vec![target.into()].into(), set, dry_run: false, why: None });
    };
    for path in ["approved.png", "trashed.png", "held.png", "plain.png"] {
        save(&world, path, 2);
        if path == "approved.png" {
            set("library/approved.png", "status.instagram", "approved");
        }
        save(&world, path, 3);
    }
    set("library/held.png", "state", "held");
    let trashed = me.id("trashed.png");

    // Two mounts write at a time: versions 2 and 3 are at odds.
    let other = world.member("eddy", 1001, "editor", None);
    save(&world, "rivals.png", 1);
    let cut = OpenMode { write: true, truncate: true, ..OpenMode::default() };
    let (first, second) = (me.open("rivals.png", cut).unwrap(), other.open("rivals.png", cut).unwrap());
    first.write(0, b"of the first").unwrap();
    second.write(0, b"of the second").unwrap();
    first.close().unwrap();
    second.close().unwrap();
    world.wait(DAY);
    save(&world, "rivals.png", 3);
    me.unlink("trashed.png").unwrap();
    world.wait(3_600);

    rules(dir.path(), NOTHING);
    world.clock.advance_ms(2 * DAY * 1_000);
    let done = thinned(&world, &[], false).unwrap();
    assert_eq!(numbers(&world, "approved.png"), [1, 2, 5]);
    assert_eq!(numbers(&world, "held.png"), [1, 2, 3, 4, 5]);
    assert_eq!(numbers(&world, "plain.png"), [1, 5]);
    assert_eq!(numbers(&world, "rivals.png"), [1, 2, 3, 6]);
    assert_eq!(done["versions"], 3 + 2 + 2, "{done}");
    let actor = Actor::of(world.library(), &me.caller).unwrap();
    let waiting = conflicts::diff(world.library(), &actor, "library/rivals.png").unwrap();
    assert_eq!((&waiting["fields"][0]["other"], &waiting["fields"][0]["version"]), (&json!("2"), &json!(3)));

    restore::restore(world.library(), &actor, &trashed, None, &restore::Place::default()).unwrap();
    assert_eq!(numbers(&world, "trashed.png"), [1, 2, 3, 4, 5], "the trash gives back what it got");
    assert_eq!(thinned(&world, &["library/trashed.png"], false).unwrap()["assets"][0]["versions"], json!([2, 3, 4]));
    assert_eq!(world.faults(), json!([]));
}

#[test]
fn what_can_be_taken_back_stays_until_it_cannot() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    rules(dir.path(), NOTHING);
    let me = world.me();
    save(&world, "a.png", 3);
    for _ in 0..20 {
        world.wait(DAY);
    }
    assert_eq!(numbers(&world, "a.png"), [1, 2, 3]);
    let actor = Actor::of(world.library(), &me.caller).unwrap();
    undo(world.library(), &actor, &Ask::default()).unwrap();
    assert_eq!((me.read("a.png").unwrap(), numbers(&world, "a.png")), (vec![7; 2], vec![1, 2, 3, 4]));
    for _ in 0..29 {
        world.wait(DAY);
    }
    assert_eq!(numbers(&world, "a.png"), [1, 3, 4], "what was taken back can be done again");
    for _ in 0..3 {
        world.wait(DAY);
    }
    assert_eq!(numbers(&world, "a.png"), [1, 4]);
}

#[test]
fn a_thinning_is_no_turn() {
    let dir = tempfile::tempdir().unwrap();
    let world = studio(dir.path(), EVERYTHING);
    save(&world, "a.png", 4);
    let turns = || world.library().catalog.read(|tx| tx.journal_after(0, 1_000)).unwrap();
    let before = turns();
    rules(dir.path(), NOTHING);
    world.clock.advance_ms(2 * DAY * 1_000);
    assert_eq!(thinned(&world, &[], false).unwrap()["versions"], 2);
    assert_eq!(turns(), before);
}

#[test]
fn who_has_one_open_reads_it_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let world = studio(dir.path(), EVERYTHING);
    save(&world, "a.png", 4);
    let me = world.me();
    let open = me.open("/versions/a.png/2.png", OpenMode { read: true, ..OpenMode::default() }).unwrap();
    let ino = me.find("/versions/a.png/2.png").unwrap();
    rules(dir.path(), NOTHING);
    world.clock.advance_ms(2 * DAY * 1_000);
    thinned(&world, &["library/a.png"], false).unwrap();
    assert_eq!(open.read().unwrap(), [7; 2]);
    open.close().unwrap();
    assert!(me.mount.getattr(&me.caller, ino).is_err());
    assert!(me.mount.open(&me.caller, 0, ino, OpenMode { read: true, ..OpenMode::default() }).is_err());
}

#[test]
fn a_file_that_cannot_be_read_thins_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = studio(dir.path(), NOTHING);
    save(&world, "a.png", 6);
    assert_eq!(numbers(&world, "a.png"), [1, 5, 6]);
    rules(dir.path(), "newest = 1\nal = \"forever\"\n");
    save(&world, "a.png", 2);
    assert_eq!(numbers(&world, "a.png"), [1, 5, 6, 7, 8], "what was meant is not known");
    let fault = world.library().thinning_fault().unwrap();
    assert_eq!(
        fault,
        "versions.toml line 2: unknown key `al`; did you mean `all`? known: newest, all, hourly, daily, weekly, monthly"
    );
    for dry_run in [false, true] {
        let refusal = thinned(&world, &[], dry_run).unwrap_err();
        assert!(matches!(&refusal, OpsError::Failed { message, .. } if *message == fault), "{refusal}");
    }
    world.open();
    save(&world, "a.png", 3);
    assert_eq!(numbers(&world, "a.png"), [1, 5, 6, 7, 8, 9, 10, 11], "nor at the start");
    rules(dir.path(), NOTHING);
    assert_eq!(world.library().thinning_fault(), None);
    save(&world, "a.png", 2);
    assert_eq!(numbers(&world, "a.png"), [1, 12, 13], "once mended it is read without a restart");
}

#[test]
fn a_library_without_the_file_has_the_shipped_rules() {
    let dir = tempfile::tempdir().unwrap();
    let world = studio(dir.path(), NOTHING);
    let file = dir.path().join("studio/versions.toml");
    std::fs::remove_file(&file).unwrap();
    save(&world, "a.png", 5);
    for _ in 0..400 {
        world.wait(DAY);
    }
    assert_eq!((numbers(&world, "a.png"), world.library().thinning_fault()), (vec![1, 2, 3, 4, 5], None));
    for more in 0..20 {
        world.me().write("a.png", &vec![8; 50 + more]).unwrap();
        world.wait(60);
    }
    for _ in 0..29 {
        world.wait(DAY);
    }
    let left: Vec<u64> = [1, 5].into_iter().chain(6..=25).collect();
    assert_eq!(numbers(&world, "a.png"), left, "all for thirty days; of a month long ago the last one");
    for _ in 0..4 {
        world.wait(DAY);
    }
    let left: Vec<u64> = [1, 5].into_iter().chain(16..=25).collect();
    assert_eq!(numbers(&world, "a.png"), left, "then one a day, and ten at least");
}
