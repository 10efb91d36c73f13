//! Taking back: what a turn is, what comes back, what is left as it is.

use std::collections::BTreeMap;

use damfs::clock::Clock;
use damfs::fs::{FsError, FsResult, OpenMode, SetAttr, XattrMode};
use damfs::ops::proto::Assignment;
use damfs::ops::undo::{Ask, list, undo};
use damfs::ops::{Actor, OpsError, assign};
use proptest::prelude::*;
use serde_json::Value;

use crate::world::{User, World, of};

/// Taken back, by somebody.
fn take_back(world: &World, user: &User, ask: &Ask) -> Result<Value, OpsError> {
    undo(world.library(), &Actor::of(world.library(), &user.caller).unwrap(), ask)
}

/// The last turn, taken back whole.
fn back(world: &World, user: &User) -> String {
    let done = take_back(world, user, &Ask::default()).unwrap();
    assert_eq!(done["left"], serde_json::json!([]), "{done}");
    done["what"].as_str().unwrap().to_owned()
}

fn turns(world: &World, user: &User) -> Vec<Value> {
    let actor = Actor::of(world.library(), &user.caller).unwrap();
    list(world.library(), &actor, None, 10_000).unwrap()["turns"].as_array().unwrap().clone()
}

/// What turns are called, the last first.
fn told(world: &World, user: &User) -> Vec<String> {
    turns(world, user).iter().map(|turn| turn["what"].as_str().unwrap().to_owned()).collect()
}

/// Everything that is shown of the tree: ids, tags, modes, attributes, times of files, bytes.
fn state(world: &World) -> BTreeMap<String, String> {
    let me = world.me();
    let mut paths = Vec::new();
    me.list("", &mut paths);
    let mut out = BTreeMap::new();
    for (path, folder) in paths {
        let stat = me.stat(&path).unwrap();
        let ino = me.find(&path).unwrap();
        let xattr = me.mount.getxattr(&me.caller, ino, b"user.note").ok();
        let mut told = format!("{:o} {xattr:?}", stat.mode);
        if folder {
            told += &format!(" {ino}");
        } else {
            let asset = world.show(&path);
            let bytes = blake3::hash(&me.read(&path).unwrap());
            told += &format!(" {} {} {} {} {bytes}", asset["id"], asset["tag"], asset["rating"], asset["status"]);
        }
        out.insert(path, told);
    }
    out
}

fn chmod(user: &User, path: &str, mode: u32) -> FsResult<()> {
    let set = SetAttr { mode: Some(mode), ..SetAttr::default() };
    user.mount.setattr(&user.caller, user.find(path)?, set).map(drop)
}

fn note(user: &User, path: &str, text: &str) -> FsResult<()> {
    user.mount.setxattr(&user.caller, user.find(path)?, b"user.note", text.as_bytes(), XattrMode::Any)
}

fn tag(user: &User, path: &str, tags: &str) -> FsResult<()> {
    let ino = user.find(path)?;
    user.mount.setxattr(&user.caller, ino, b"user.xdg.tags", tags.as_bytes(), XattrMode::Any)
}

fn set(world: &World, user: &User, path: &str, facet: &str, value: &str) {
    let actor = Actor::of(world.library(), &user.caller).unwrap();
    let set = [Assignment { facet: facet.into(), value: value.into() }];
    assign::set(world.library(), &actor, of(&[format!("library/{path}")]), &set, &()).unwrap();
}

fn remove_all(user: &User, path: &str) {
    for (name, folder) in user.rows(path).into_iter().map(|row| (String::from_utf8(row.name).unwrap(), row.kind)) {
        let below = format!("{path}/{name}");
        if folder == damfs::types::FileKind::Dir { remove_all(user, &below) } else { user.unlink(&below).unwrap() }
    }
    user.rmdir(path).unwrap();
}

/// Two folders and three files that are versions, an hour ago.
fn world(dir: &std::path::Path) -> World {
    let world = World::new(dir);
    let me = world.me();
    me.mkdir("d1").unwrap();
    me.mkdir("d1/in").unwrap();
    me.write("a.png", &[1; 900]).unwrap();
    me.write("d1/b.png", &[2; 900]).unwrap();
    me.write("d1/in/c.txt", b"three").unwrap();
    world.wait(5);
    me.tag("d1/b.png", "beach,sea");
    set(&world, &me, "d1/b.png", "rating", "safe");
    set(&world, &me, "d1/b.png", "status.instagram", "approved");
    chmod(&me, "d1/b.png", 0o600).unwrap();
    chmod(&me, "d1/in", 0o2750).unwrap();
    note(&me, "d1/in", "mine").unwrap();
    note(&me, "a.png", "first").unwrap();
    world.wait(3600);
    world
}

#[test]
fn a_removed_tree_comes_back_as_it_was_and_goes_again() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let before = state(&world);
    let file = world.me().stat("d1/b.png").unwrap();
    let rm = world.me().in_process(40);
    remove_all(&rm, "d1");
    assert_eq!(told(&world, &rm)[0], "removed 2 files and 2 folders below library/d1");
    let dry = take_back(&world, &rm, &Ask { dry_run: true, ..Ask::default() }).unwrap();
    assert_eq!(dry["what"], "brought back 2 files and 2 folders below library/d1");
    assert_eq!(state(&world).len(), 1, "only said");
    // At once: the names are in their tunnels still.
    assert_eq!(back(&world, &rm), "brought back 2 files and 2 folders below library/d1");
    assert_eq!(state(&world), before);
    let now = world.me().stat("d1/b.png").unwrap();
    assert_eq!((now.ino, now.mtime), (file.ino, file.mtime));
    assert_eq!(world.versions("d1/b.png"), 1);
    world.wait(60);
    assert_eq!(state(&world), before, "nothing is left of the tunnels");
    assert_eq!(back(&world, &rm), "took away 2 files and 2 folders below library/d1");
    assert_eq!(world.me().names(""), ["a.png"]);
    assert_eq!(back(&world, &rm), "brought back 2 files and 2 folders below library/d1");
    assert_eq!(state(&world), before);
    assert_eq!(world.faults(), serde_json::json!([]));
}

/// Its files have their times; when a folder changed last is when it came back.
#[test]
fn a_folder_that_comes_back_has_the_time_of_that_moment() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let rm = world.me().in_process(40);
    let (folder, file) = (rm.stat("d1/in").unwrap(), rm.stat("d1/b.png").unwrap());
    remove_all(&rm, "d1");
    world.wait(3600);
    back(&world, &rm);
    let (after, kept) = (rm.stat("d1/in").unwrap(), rm.stat("d1/b.png").unwrap());
    assert_eq!((after.ino, after.mtime), (folder.ino, world.clock.now()));
    assert_eq!(kept.mtime, file.mtime);
}

#[test]
fn a_turn_is_what_a_process_does_without_a_pause() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let (mv, other) = (world.me().in_process(40), world.me().in_process(41));
    let had = turns(&world, &mv).len();
    mv.rename("a.png", "d1/a.png").unwrap();
    other.mkdir("d2").unwrap();
    mv.rename("d1/b.png", "b.png").unwrap();
    world.clock.advance_ms(2_500);
    mv.mkdir("d3").unwrap();
    let new: Vec<String> = told(&world, &mv).into_iter().rev().skip(had).collect();
    assert_eq!(new, ["moved 2 files below library", "added library/d2", "added library/d3"]);
}

#[test]
fn a_new_file_and_its_version_are_one_turn() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let cp = world.me().in_process(40);
    let had = turns(&world, &cp).len();
    cp.write("new.png", &[9; 700]).unwrap();
    world.wait(30);
    assert_eq!(turns(&world, &cp).len(), had + 1);
    assert_eq!(back(&world, &cp), "took away library/new.png");
    assert!(cp.find("new.png").is_err());
    assert_eq!(back(&world, &cp), "brought back library/new.png");
    assert_eq!(cp.read("new.png").unwrap(), [9; 700]);
}

/// As editors save: a temporary renamed onto the file, one by a name that people could give (`sed -i` makes such now and then), a backup
/// and a new file, in place.
#[test]
fn a_save_is_one_turn_and_its_bytes_go_back() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let before = state(&world);
    let saves: [fn(&User) -> FsResult<()>; 4] = [
        |gedit| {
            gedit.write("d1/.goutputstream-AB12CD", &[7; 700])?;
            gedit.rename("d1/.goutputstream-AB12CD", "d1/b.png")
        },
        |sed| {
            sed.write("d1/sediments", &[9; 700])?;
            chmod(sed, "d1/sediments", 0o640)?;
            chmod(sed, "d1/sediments", 0o600)?;
            sed.rename("d1/sediments", "d1/b.png")
        },
        |vim| {
            vim.rename("d1/b.png", "d1/b.png~")?;
            vim.write("d1/b.png", &[8; 700])
        },
        |cat| cat.write("d1/b.png", &[6; 700]),
    ];
    for (process, save) in saves.into_iter().enumerate() {
        let editor = world.me().in_process(40 + u32::try_from(process).unwrap());
        let had = turns(&world, &editor).len();
        save(&editor).unwrap();
        world.wait(30);
        let versions = world.versions("d1/b.png");
        assert_eq!(turns(&world, &editor).len(), had + 1, "save {process}: {:?}", told(&world, &editor));
        back(&world, &editor);
        assert_eq!(world.versions("d1/b.png"), versions + 1, "history only grows");
        world.wait(30);
        assert_eq!(state(&world), before, "save {process}");
    }
}

#[test]
fn what_was_changed_since_is_left_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let anna = world.member("anna", 1001, "editor", None);
    let me = world.me().in_process(40);
    tag(&me, "d1/b.png", "night").unwrap();
    set(&world, &me, "d1/b.png", "rating", "adult");
    world.wait(10);
    me.rename("a.png", "z.png").unwrap();
    me.rename("d1/in/c.txt", "c.txt").unwrap();
    world.wait(10);
    anna.rename("z.png", "y.png").unwrap();
    let done = take_back(&world, &me, &Ask::default()).unwrap();
    let left = done["left"].as_array().unwrap();
    assert_eq!(left.len(), 1, "{done}");
    assert!(left[0]["why"].as_str().unwrap().starts_with("changed since by anna at 2026-"), "{left:?}");
    assert_eq!(me.names(""), ["d1", "y.png"]);
    assert_eq!(me.names("d1/in"), ["c.txt"]);
}

#[test]
fn what_others_gave_meanwhile_stays() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let anna = world.member("anna", 1001, "editor", None);
    let me = world.me();
    world.wait(10);
    tag(&me, "d1/b.png", "beach,night").unwrap();
    world.wait(10);
    tag(&anna, "d1/b.png", "anna").unwrap();
    back(&world, &me);
    assert_eq!(world.show("d1/b.png")["tag"], serde_json::json!(["anna", "beach", "sea"]));
}

#[test]
fn a_taken_name_and_a_folder_that_is_gone_are_no_obstacle() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let me = world.me().in_process(40);
    let id = me.id("d1/b.png");
    me.unlink("d1/b.png").unwrap();
    world.wait(60);
    me.in_process(41).write("d1/b.png", &[5; 50]).unwrap();
    world.wait(10);
    let removal = turns(&world, &me)[1]["turn"].as_u64();
    let done = take_back(&world, &me, &Ask { turn: removal, ..Ask::default() }).unwrap();
    assert_eq!(done["left"], serde_json::json!([]));
    assert_eq!(me.id("d1/b (2).png"), id);
    world.wait(10);
    me.unlink("d1/in/c.txt").unwrap();
    world.wait(60);
    let removal = turns(&world, &me)[0]["turn"].as_u64();
    remove_all(&me.in_process(42), "d1/in");
    take_back(&world, &me, &Ask { turn: removal, ..Ask::default() }).unwrap();
    assert!(world.me().find("Unsorted").is_ok());
}

#[test]
fn what_changed_places_changes_back() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let before = state(&world);
    let me = world.me().in_process(40);
    me.rename("a.png", "t.png").unwrap();
    me.rename("d1/b.png", "a.png").unwrap();
    me.rename("t.png", "d1/b.png").unwrap();
    me.mkdir("d2").unwrap();
    me.rename("d1", "d2/d1").unwrap();
    back(&world, &me);
    assert_eq!(state(&world), before);
}

#[test]
fn members_take_back_their_own_and_admins_everybodys() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let anna = world.member("anna", 1001, "editor", None);
    tag(&anna, "a.png", "anna").unwrap();
    world.wait(10);
    let me = world.me();
    tag(&me, "a.png", "mine,anna").unwrap();
    let mine = turns(&world, &me)[0]["turn"].as_u64();
    assert_eq!(turns(&world, &anna).len(), 1);
    let denied = take_back(&world, &anna, &Ask { turn: mine, ..Ask::default() });
    assert!(matches!(denied, Err(OpsError::Unknown { .. })), "{denied:?}");
    let denied = take_back(&world, &anna, &Ask { of: Some("root".into()), ..Ask::default() });
    assert!(matches!(denied, Err(OpsError::Refused { .. })), "{denied:?}");
    take_back(&world, &me, &Ask { of: Some("anna".into()), ..Ask::default() }).unwrap();
    assert_eq!(world.show("a.png")["tag"], serde_json::json!(["mine"]));
}

/// Each step goes through the gate as it is now.
#[test]
fn a_right_that_was_withdrawn_takes_nothing_back() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let anna = world.member("anna", 1001, "editor", None);
    tag(&anna, "a.png", "anna").unwrap();
    world.member("anna", 1001, "backup", None);
    let done = take_back(&world, &anna, &Ask::default()).unwrap();
    assert_eq!((done["done"].as_u64(), done["left"].as_array().unwrap().len()), (Some(0), 1), "{done}");
    assert_eq!(world.show("a.png")["tag"], serde_json::json!(["anna"]));
    world.member("anna", 1001, "editor", Some("client=acme"));
    let none = take_back(&world, &anna, &Ask::default());
    assert!(matches!(none, Err(OpsError::Unknown { .. })), "what he may not list any more is no turn: {none:?}");
}

#[test]
fn turns_live_through_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = world(dir.path());
    let before = state(&world);
    remove_all(&world.me().in_process(40), "d1");
    world.open();
    let me = world.me();
    back(&world, &me);
    assert_eq!(state(&world), before);
}

#[test]
fn links_backups_and_attributes_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let me = world.me().in_process(40);
    let (parent, name) = me.split("d1/link").unwrap();
    me.mount.symlink(&me.caller, parent, name, b"in/c.txt").unwrap();
    world.wait(10);
    me.rename("d1/b.png", "d1/b.png.bak").unwrap();
    me.write("d1/b.png", &[3; 30]).unwrap();
    world.wait(90);
    let (link, kept) = (me.find("d1/link").unwrap(), me.read("d1/b.png.bak").unwrap());
    me.unlink("d1/link").unwrap();
    me.unlink("d1/b.png.bak").unwrap();
    chmod(&me, "d1/in", 0o700).unwrap();
    note(&me, "d1/in", "changed").unwrap();
    back(&world, &me);
    assert_eq!(me.find("d1/link").unwrap(), link);
    assert_eq!(me.mount.readlink(&me.caller, link).unwrap(), b"in/c.txt");
    assert_eq!(me.read("d1/b.png.bak").unwrap(), kept);
    assert_eq!(me.stat("d1/in").unwrap().mode & 0o7777, 0o2750);
    let noted = me.mount.getxattr(&me.caller, me.find("d1/in").unwrap(), b"user.note").unwrap();
    assert_eq!(noted, b"mine");
}

#[derive(Debug, Clone)]
enum Op {
    Write(u8, u8),
    Save(u8, u8),
    SaveWithBackup(u8, u8),
    Rename(u8, u8),
    Unlink(u8),
    Mkdir(u8),
    Rmdir(u8),
    Chmod(u8, u16),
    Note(u8, u8),
    Tag(u8, u8),
    Rating(u8, u8),
    Wait(u8),
}

const PLACES: [&str; 9] = ["a.png", "b.png", "d1/a.png", "d1/b.png", "d1/in/c.txt", "d2/x.png", "d1", "d1/in", "d2"];

fn place(n: u8) -> &'static str {
    PLACES[usize::from(n) % PLACES.len()]
}

fn op() -> impl Strategy<Value = Op> {
    let (at, to, byte) = (0u8..9, 0u8..9, any::<u8>());
    prop_oneof![
        3 => (at.clone(), byte).prop_map(|(at, byte)| Op::Write(at, byte)),
        2 => (at.clone(), byte).prop_map(|(at, byte)| Op::Save(at, byte)),
        1 => (at.clone(), byte).prop_map(|(at, byte)| Op::SaveWithBackup(at, byte)),
        4 => (at.clone(), to).prop_map(|(at, to)| Op::Rename(at, to)),
        3 => at.clone().prop_map(Op::Unlink),
        1 => at.clone().prop_map(Op::Mkdir),
        2 => at.clone().prop_map(Op::Rmdir),
        1 => (at.clone(), 0u16..0o1000).prop_map(|(at, mode)| Op::Chmod(at, mode | 0o400)),
        1 => (at.clone(), byte).prop_map(|(at, byte)| Op::Note(at, byte)),
        2 => (at.clone(), byte).prop_map(|(at, byte)| Op::Tag(at, byte)),
        1 => (at, byte).prop_map(|(at, byte)| Op::Rating(at, byte)),
        2 => (3u8..40).prop_map(Op::Wait),
    ]
}

fn run(world: &World, me: &User, op: &Op) -> FsResult<()> {
    let is_file = |path: &str| me.stat(path).is_ok_and(|stat| stat.kind == damfs::types::FileKind::File);
    match op {
        Op::Write(at, byte) => me.write(place(*at), &[*byte; 600])?,
        Op::Save(at, byte) if is_file(place(*at)) => {
            let temporary = if byte % 2 == 0 { format!("{}.Ab3Xk9", place(*at)) } else { "sediments".to_owned() };
            me.write(&temporary, &[*byte; 600])?;
            chmod(me, &temporary, me.stat(place(*at))?.mode & 0o7777)?;
            me.rename(&temporary, place(*at))?;
        }
        Op::SaveWithBackup(at, byte) if is_file(place(*at)) => {
            let mode = me.stat(place(*at))?.mode & 0o7777;
            me.rename(place(*at), &format!("{}~", place(*at)))?;
            me.write(place(*at), &[*byte; 600])?;
            chmod(me, place(*at), mode)?;
            me.unlink(&format!("{}~", place(*at)))?;
        }
        Op::Rename(at, to) => me.rename(place(*at), place(*to))?,
        Op::Unlink(at) => me.unlink(place(*at))?,
        Op::Mkdir(at) => me.mkdir(place(*at))?,
        Op::Rmdir(at) => me.rmdir(place(*at))?,
        Op::Chmod(at, mode) => chmod(me, place(*at), u32::from(*mode))?,
        Op::Note(at, byte) => note(me, place(*at), &byte.to_string())?,
        Op::Tag(at, byte) if is_file(place(*at)) => tag(me, place(*at), &format!("t{}", byte % 5))?,
        Op::Rating(at, byte) if is_file(place(*at)) => {
            set(world, me, place(*at), "rating", ["safe", "suggestive", "adult"][usize::from(byte % 3)]);
        }
        Op::Wait(seconds) => world.wait(i64::from(*seconds)),
        _ => {}
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 600, ..ProptestConfig::default() })]

    /// Every turn, taken back in turn, gives what was there at first.
    #[test]
    fn all_turns_taken_back_are_the_first_state(ops in prop::collection::vec(op(), 1..25)) {
        let dir = tempfile::tempdir().unwrap();
        let world = world(dir.path());
        let before = state(&world);
        let had = turns(&world, &world.me()).len();
        for (process, op) in (40u32..).zip(&ops) {
            if let Err(FsError::Io(e)) = run(&world, &world.me().in_process(process), op) {
                panic!("{op:?}: {e}");
            }
            // A version that is made of a file in the trash belongs to it there.
            world.library().settle().unwrap();
        }
        world.library().settle().unwrap();
        let all = turns(&world, &world.me());
        for turn in &all[..all.len() - had] {
            let done = take_back(&world, &world.me(), &Ask { turn: turn["turn"].as_u64(), ..Ask::default() }).unwrap();
            prop_assert_eq!(&done["left"], &serde_json::json!([]), "{} of {:?}", turn, ops);
        }
        prop_assert_eq!(state(&world), before);
        prop_assert_eq!(world.library().catalog.check().unwrap(), Vec::<String>::new());
        world.wait(60);
        prop_assert_eq!(world.faults(), serde_json::json!([]));
    }
}

/// A save by rename that leaves the mode as it was changes nothing until its version is made.
#[test]
fn a_save_and_anothers_save_at_once_are_two_turns() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let had = turns(&world, &world.me()).len();
    for (process, op) in (40u32..).zip([Op::Save(0, 0), Op::Write(4, 1), Op::Mkdir(8), Op::Write(4, 2)]) {
        run(&world, &world.me().in_process(process), &op).unwrap();
        world.library().settle().unwrap();
    }
    let new: Vec<String> = told(&world, &world.me()).into_iter().rev().skip(had).collect();
    let expected =
        ["saved library/a.png", "saved library/d1/in/c.txt", "added library/d2", "saved library/d1/in/c.txt"];
    assert_eq!(new, expected);
}

/// A file that is open when its making is taken back is read and written to its end.
#[test]
fn an_open_file_stays_open() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let me = world.me().in_process(40);
    let file = me.create("new.png", OpenMode { read: true, ..OpenMode::default() }).unwrap();
    file.write(0, b"begun").unwrap();
    back(&world, &me);
    assert!(me.find("new.png").is_err());
    file.write(5, b" and ended").unwrap();
    assert_eq!(file.read().unwrap(), b"begun and ended");
    file.close().unwrap();
    back(&world, &me);
    assert_eq!(me.read("new.png").unwrap(), b"begun and ended");
}
