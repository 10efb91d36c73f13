//! Members who look on: put there by a rule of alerts or by an admin, on every call and command, until another admin lifts it.

use std::fs;

use damfs::fs::{FsResult, Seek, SetAttr, Special};
use damfs::ops::log::Ask;
use damfs::ops::members::MemberChange;
use damfs::ops::proto::{Command, FailureKind};
use damfs::ops::records::{How, Shelf};
use serde_json::Value;

use crate::world::{Seat, World, assign, errno};

const MIRA: u32 = 1001;
const OLGA: u32 = 1002;
const A: &str = "library/acme/a.png";
const BRAKE: &str = "[alert.brake]\non = \"rewrites\"\nmore_than = \"40%\"\nat_least = 3\nwithin = \"10 minutes\"\naction = \"read-only\"\n";

/// Twelve assets; mira may do with them what content creators may, and olga administers beside root.
fn stage(rules: &str) -> (World, Seat) {
    let (world, admin) = World::studio();
    for n in 0..10 {
        admin.write(&format!("library/acme/{n}.png"), format!("bytes {n}").as_bytes()).unwrap();
    }
    world.settle();
    world.member("olga", OLGA, "admin", None);
    let mira = world.member("mira", MIRA, "content-creator", None);
    fs::write(world.library.root().join("alerts.toml"), rules).unwrap();
    world.watches();
    (world, mira)
}

fn set(world: &World, by: u32, name: &str, read_only: bool) -> Result<Value, FailureKind> {
    let command = Command::MemberSet {
        name: name.into(),
        change: MemberChange { read_only: Some(read_only), ..MemberChange::default() },
    };
    world.serve(by, command).map_err(|failure| failure.kind)
}

fn is_read_only(world: &World, name: &str) -> bool {
    let told = world.serve(0, Command::MemberList).unwrap();
    let of = |row: &&Value| row["name"] == name;
    told["members"].as_array().unwrap().iter().find(of).unwrap()["read_only"] == true
}

fn rows(world: &World, what: &str) -> Vec<Value> {
    let told = world.serve(0, Command::Log(Ask { limit: 1_000, ..Ask::default() })).unwrap();
    told["rows"].as_array().unwrap().iter().filter(|row| row["what"] == what).cloned().collect()
}

fn rewrite(world: &World, by: &Seat, which: std::ops::Range<u32>, with: &str) {
    for n in which {
        by.overwrite(&format!("library/acme/{n}.png"), format!("{with} {n}").as_bytes()).unwrap();
    }
    world.settle();
    world.watches();
}

#[test]
fn every_call_that_changes_something_is_refused_and_reading_is_not() {
    let (world, mira) = stage("");
    mira.mkdir("library/acme/folder").unwrap();
    let open = mira.open(A, true, true).unwrap();
    mira.pwrite(open, b"acme").unwrap();
    set(&world, 0, "mira", true).unwrap();
    let (parent, name) = mira.split("library/acme/new.png").unwrap();
    let mode = |mode| SetAttr { mode: Some(mode), ..SetAttr::default() };
    let ino = mira.find(A).unwrap();
    let refused = [
        errno(mira.pwrite(open, b"other")),
        errno(mira.mount.fallocate(&mira.caller, open, 0, 100, 0)),
        errno(mira.open(A, false, true)),
        errno(mira.write("library/acme/new.png", b"new")),
        errno(mira.write("library/acme/.new.swp", b"new")),
        errno(mira.write("by/client/acme/new.png", b"new")),
        errno(mira.write("inbox/new.png", b"new")),
        errno(mira.mkdir("library/acme/other")),
        errno(mira.mkdir("by/tag/word")),
        errno(mira.rmdir("library/acme/folder")),
        errno(mira.rename(A, "library/acme/b.png")),
        errno(mira.rename("by/client/acme/a.png", "by/client/globex/a.png")),
        errno(mira.unlink(A)),
        errno(mira.unlink("by/client/acme/a.png")),
        errno(mira.setattr(A, mode(0o600))),
        errno(mira.setattr(A, SetAttr { size: Some(0), ..SetAttr::default() })),
        errno(mira.setxattr(A, "user.xdg.tags", "beach")),
        errno(mira.removexattr(A, "user.xdg.tags")),
        errno(mira.mount.symlink(&mira.caller, parent, name, b"a.png").map(drop)),
        errno(mira.mount.mknod(&mira.caller, parent, name, Special::Fifo, 0o644).map(drop)),
        errno(mira.mount.link(&mira.caller, ino, parent, name).map(drop)),
        errno(mira.mount.access(&mira.caller, ino, 2)),
    ];
    assert_eq!(refused, [libc::EROFS; 22]);
    assert_eq!(mira.pread(open).unwrap(), b"acme");
    assert_eq!(mira.read("library/acme/1.png").unwrap(), b"bytes 1");
    mira.mount.access(&mira.caller, ino, 4).unwrap();
    mira.close(open);
    let said = |file: &str| String::from_utf8(mira.read(file).unwrap()).unwrap();
    assert!(said(".dam/status").contains("read-only you are read-only"), "{}", said(".dam/status"));
    assert!(said(".dam/errors").contains("dam member set NAME --read-only false"), "{}", said(".dam/errors"));
    let why = |by| world.serve(by, Command::Why { target: A.into(), as_member: None }).unwrap()["read_only"] == true;
    assert!(why(MIRA) && !why(0));
    set(&world, 0, "mira", false).unwrap();
    mira.overwrite(A, b"mine again").unwrap();
}

/// Regression: what was refused to who looks on left no row, so that nothing was told of a program that went on trying.
#[test]
fn each_refused_call_is_on_record_once_and_counts_as_a_denial() {
    let rule = "[alert.tries]\non = \"denials\"\nmore_than = 5\nwithin = \"10 minutes\"\n";
    let (world, mira) = stage(rule);
    let open = mira.open(A, true, true).unwrap();
    set(&world, 0, "mira", true).unwrap();
    let asset = world.serve(0, Command::Show { target: A.into() }).unwrap()["id"].clone();
    type Refused = (&'static str, fn(&Seat, u64) -> FsResult<()>);
    let calls: [Refused; 7] = [
        ("write", |s, fh| s.pwrite(fh, b"x")),
        ("open", |s, _| s.open(A, true, true).map(drop)),
        ("create", |s, _| s.write("library/acme/new.png", b"new")),
        ("unlink", |s, _| s.unlink(A)),
        ("rename", |s, _| s.rename(A, "library/acme/b.png")),
        ("setxattr", |s, _| s.setxattr(A, "user.xdg.tags", "beach")),
        ("truncate", |s, fh| s.setattr(A, SetAttr { size: Some(0), fh: Some(fh), ..SetAttr::default() })),
    ];
    for (n, (what, call)) in calls.iter().enumerate() {
        assert_eq!(errno(call(&mira, open)), libc::EROFS, "{what}");
        world.library.write_denials().unwrap();
        let told = rows(&world, "deny.edit");
        assert!(told.len() == n + 1 && told[0]["who"] == "mira", "{what}: {told:?}");
        assert!(told[0]["detail"]["reason"].as_str().unwrap().starts_with("you are read-only"), "{told:?}");
        // What is open is named.
        assert!(*what != "write" || told[0]["on"] == asset, "{told:?}");
    }
    world.watches();
    assert_eq!(rows(&world, "alert.fire").len(), 1, "more than five denials");
    mira.close(open);
}

/// Regression: a program that may read what it has open was not told where its bytes are.
#[test]
fn where_the_bytes_are_is_told_of_what_may_still_be_read() {
    let (world, mira) = stage("");
    let (both, writes) = (mira.open(A, true, true).unwrap(), mira.open(A, false, true).unwrap());
    set(&world, 0, "mira", true).unwrap();
    let seek = |fh, whence| mira.mount.seek(&mira.caller, fh, 0, whence);
    assert_eq!(seek(both, Seek::Data).unwrap(), 0);
    assert_eq!(seek(both, Seek::Hole).unwrap(), b"acme".len() as u64);
    assert_eq!(errno(seek(writes, Seek::Data)), libc::EROFS);
    mira.close(both);
    mira.close(writes);
}

#[test]
fn commands_that_change_files_or_records_are_refused_and_decisions_are_not() {
    let (world, _mira) = stage("");
    let text = world.roles_text();
    world.roles(&format!("{text}\n[role.judge.allow]\nlist = \"*\"\ntag = \"*\"\nreview = \"*\"\n"));
    world.member("judy", 1003, "judge", None);
    set(&world, 0, "judy", true).unwrap();
    let assigned = |words: &[&str], dry_run| Command::Set {
        what: vec![A.into()].into(),
        set: assign(words),
        dry_run,
        why: Some("looked at".into()),
    };
    let tag = Command::Tag { what: vec![A.into()].into(), tag: "beach".into(), remove: false, dry_run: false };
    let restore = Command::Restore { target: A.into(), version: Some(1), into: None, name: None };
    let undo = Command::Undo { turn: None, of: None, dry_run: false };
    for command in [assigned(&["tag=+x"], false), assigned(&["status.x=approved", "tag=+x"], false), tag, restore, undo]
    {
        assert_eq!(world.kind(1003, command.clone()), FailureKind::Refused, "{command:?}");
    }
    world.serve(1003, assigned(&["tag=+x"], true)).unwrap();
    world.serve(1003, assigned(&["status.x=approved"], false)).unwrap();
    assert!(rows(&world, "deny.edit").len() == 5);
}

/// Regression: a query was kept and removed by command by whom the mount refuses the same.
#[test]
fn what_the_mount_would_change_no_command_does() {
    let (world, _mira) = stage("");
    let save =
        |name: &str| Command::Save { name: name.into(), query: Some("client=acme".into()), roles: None, until: None };
    world.serve(OLGA, save("kept")).unwrap();
    set(&world, 0, "olga", true).unwrap();
    let shelf = || Shelf { library: 1, folders: Vec::new(), words: Default::default(), saved: Vec::new() };
    let thin = |dry_run| Command::Thin { targets: vec![A.into()], dry_run };
    let refused = [
        save("other"),
        Command::SavedRemove { name: "kept".into() },
        Command::Import { path: "new.png".into(), into: None, set: Vec::new(), mtime: 0, any: true, copies: false },
        thin(false),
        Command::FolderRule { folder: "library/acme".into(), set: assign(&["tag=x"]) },
        Command::MetaResolve { target: A.into(), field: None, take: "file".into() },
        Command::AuditMetadata { query: None, fix: true },
        Command::RecordsImport { records: Vec::new(), how: How::default() },
        Command::RecordsShelf { shelf: shelf(), how: How::default() },
    ];
    for command in refused {
        let failure = world.serve(OLGA, command.clone()).unwrap_err();
        assert!(
            failure.kind == FailureKind::Refused && failure.message.contains("you are read-only"),
            "{command:?}: {failure}"
        );
    }
    let dry = How { dry_run: true, ..How::default() };
    let saved = world.serve(OLGA, Command::SavedList).unwrap();
    assert!(saved.to_string().contains("kept") && !saved.to_string().contains("other"), "{saved}");
    for command in [
        thin(true),
        Command::AuditMetadata { query: None, fix: false },
        Command::RecordsShelf { shelf: shelf(), how: dry },
    ] {
        if let Err(failure) = world.serve(OLGA, command.clone()) {
            assert!(!failure.message.contains("you are read-only"), "{command:?}: {failure}");
        }
    }
}

#[test]
fn how_far_he_reaches_is_told_with_that_he_looks_on() {
    let (world, _) = stage("");
    let told = |world: &World| {
        let ask = Command::AuditAccess { target: None, member: Some("mira".into()), unused: None };
        let rows = world.serve(0, ask).unwrap()["rows"].as_array().unwrap().clone();
        rows.iter().map(|row| row["read_only"].as_bool().unwrap()).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(told(&world), [false].into());
    set(&world, 0, "mira", true).unwrap();
    assert_eq!(told(&world), [true].into());
}

#[test]
fn nobody_lifts_his_own_and_it_outlives_a_restart() {
    let (world, mira) = stage("");
    set(&world, 0, "olga", true).unwrap();
    set(&world, 0, "mira", true).unwrap();
    drop(mira);
    let world = world.reopen();
    assert!(is_read_only(&world, "olga") && is_read_only(&world, "mira"));
    assert_eq!(set(&world, OLGA, "olga", false), Err(FailureKind::Refused));
    assert_eq!(set(&world, MIRA, "mira", false), Err(FailureKind::Refused), "he is no admin");
    assert_eq!(errno(world.seat(MIRA).overwrite(A, b"x")), libc::EROFS);
    // What else he administers is his still.
    set(&world, OLGA, "mira", false).unwrap();
    set(&world, 0, "olga", false).unwrap();
    assert!(!is_read_only(&world, "olga") && !is_read_only(&world, "mira"));
    let told = rows(&world, "member.set");
    assert!(told.iter().any(|row| row["detail"]["new"]["read_only"] == true), "{told:?}");
}

#[test]
fn who_rewrites_more_than_a_share_of_what_he_may_list_looks_on() {
    let (world, mira) = stage(BRAKE);
    let open = mira.open(A, false, true).unwrap();
    // 40 % of twelve: four are in order.
    rewrite(&world, &mira, 0..4, "other");
    assert!(!is_read_only(&world, "mira") && rows(&world, "alert.fire").is_empty());
    rewrite(&world, &mira, 4..5, "other");
    assert!(is_read_only(&world, "mira"));
    assert_eq!(errno(mira.pwrite(open, b"x")), libc::EROFS, "through what is open, too");
    assert_eq!(errno(mira.unlink("library/acme/9.png")), libc::EROFS);
    let told = rows(&world, "member.read-only");
    assert!(told.len() == 1 && told[0]["who"] == "damfs" && told[0]["detail"]["alert"] == "brake", "{told:?}");
    // What he has done is taken back by an admin.
    let turns = world.serve(0, Command::Turns { of: Some("mira".into()), limit: 10 }).unwrap();
    assert!(turns["turns"].as_array().is_some_and(|turns| !turns.is_empty()), "{turns}");
    set(&world, 0, "mira", false).unwrap();
    mira.overwrite(A, b"mine again").unwrap();
}

#[test]
fn removing_counts_and_tags_moves_and_new_files_do_not() {
    let (world, mira) = stage(BRAKE);
    for n in 0..10 {
        mira.setxattr(&format!("library/acme/{n}.png"), "user.xdg.tags", "beach").unwrap();
        mira.rename(&format!("library/acme/{n}.png"), &format!("library/acme/m{n}.png")).unwrap();
        mira.write(&format!("library/acme/new{n}.png"), format!("new {n}").as_bytes()).unwrap();
    }
    world.settle();
    world.watches();
    assert!(!is_read_only(&world, "mira"), "{:?}", rows(&world, "alert.fire"));
    let own: Vec<String> = (0..10).map(|n| format!("library/acme/new{n}.png")).collect();
    own.iter().for_each(|path| mira.unlink(path).unwrap());
    // A name may come back within a quarter of a minute.
    world.clock.advance_ms(16_000);
    world.watches();
    assert!(is_read_only(&world, "mira"), "{:?}", rows(&world, "alert.fire"));
}

#[test]
fn the_last_admin_is_never_held_back_by_a_rule() {
    let (world, _mira) = stage(BRAKE);
    set(&world, 0, "mira", false).unwrap();
    world.change_member("olga", None, Some(false));
    let admin = world.admin();
    rewrite(&world, &admin, 0..6, "other");
    assert_eq!(rows(&world, "alert.fire").len(), 1);
    assert!(!is_read_only(&world, "root"));
    world.change_member("olga", None, Some(true));
    world.clock.advance_ms(600_000);
    rewrite(&world, &admin, 0..6, "once more");
    assert!(is_read_only(&world, "root"), "olga can lift it");
    set(&world, OLGA, "root", false).unwrap();
}
