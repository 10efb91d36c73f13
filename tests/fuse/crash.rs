//! `kill -9` of the daemon loses no acknowledged write; a dead mount is cleaned up by the next one.

use std::fs::{self, OpenOptions};
use std::io::Write;

use crate::harness::*;

#[test]
fn killed_while_files_are_written() {
    let mut s = Studio::mounted();
    fs::write(s.mnt("library/settled.png"), png(64, 64, 1)).unwrap();
    s.settle();
    let id = s.id("library/settled.png");
    fs::write(s.mnt("library/closed.png"), png(64, 64, 2)).unwrap();
    let mut open = OpenOptions::new().create(true).append(true).open(s.mnt("library/open.log")).unwrap();
    for i in 0..200 {
        writeln!(open, "line {i}").unwrap();
    }
    fs::write(s.mnt("library/settled.png"), png(64, 64, 3)).unwrap();
    fs::create_dir(s.mnt("library/made")).unwrap();
    fs::rename(s.mnt("library/closed.png"), s.mnt("library/made/closed.png")).unwrap();
    s.kill_daemon();
    drop(open);
    s.mount("mnt", &[]);
    assert_eq!(fs::read(s.mnt("library/made/closed.png")).unwrap(), png(64, 64, 2));
    assert_eq!(fs::read(s.mnt("library/settled.png")).unwrap(), png(64, 64, 3));
    let log = fs::read_to_string(s.mnt("library/open.log")).unwrap();
    assert_eq!(log.lines().count(), 200, "every acknowledged line is there");
    assert_eq!(s.id("library/settled.png"), id);
    s.settle();
    assert_eq!(s.versions("library/settled.png"), 2);
    s.dam(["fsck", "--deep"]);
}

#[test]
fn killed_between_moving_aside_and_writing_anew() {
    let mut s = Studio::mounted();
    fs::write(s.mnt("library/a.png"), png(64, 64, 1)).unwrap();
    s.settle();
    let id = s.id("library/a.png");
    fs::rename(s.mnt("library/a.png"), s.mnt("library/a.png~")).unwrap();
    s.kill_daemon();
    s.mount("mnt", &[]);
    assert_eq!(fs::read(s.mnt("library/a.png~")).unwrap(), png(64, 64, 1), "the old bytes are there");
    fs::write(s.mnt("library/a.png"), png(64, 64, 2)).unwrap();
    s.settle();
    assert_eq!(s.id("library/a.png"), id, "the tunnel is in the catalogue");
    s.dam(["fsck", "--deep"]);
}

#[test]
fn killed_again_and_again_during_many_saves() {
    let mut s = Studio::mounted();
    for round in 0..4u8 {
        let writer = {
            let dir = s.mnt("library");
            std::thread::spawn(move || {
                let mut done = Vec::new();
                for i in 0..200u32 {
                    let name = format!("r{round}_{i}.bin");
                    let body = format!("{name} {}", "x".repeat(5_000));
                    let written = (|| -> std::io::Result<()> {
                        let mut f = fs::File::create(dir.join(&name))?;
                        f.write_all(body.as_bytes())?;
                        f.sync_all()
                    })();
                    match written {
                        Ok(()) => done.push((name, body)),
                        Err(_) => break,
                    }
                }
                done
            })
        };
        std::thread::sleep(std::time::Duration::from_millis(60 + 70 * u64::from(round)));
        s.kill_daemon();
        let done = writer.join().unwrap();
        s.mount("mnt", &[]);
        for (name, body) in done {
            assert_eq!(fs::read_to_string(s.mnt("library").join(&name)).unwrap(), body, "{name}");
        }
    }
    s.settle();
    s.dam(["fsck", "--deep"]);
}

/// Regression: a thread of the killed daemon waited in the kernel for a directory that a create held which waited for the daemon: both hung
/// for good, and every program that touched the mount.
#[test]
fn killed_amid_changes_the_daemon_lets_go_of_everybody() {
    let mut s = Studio::mounted();
    for round in 0..6 {
        let busy: Vec<_> = (0..4)
            .map(|n| {
                let dir = s.mnt(format!("library/{n}"));
                std::thread::spawn(move || {
                    let _ = fs::create_dir(&dir);
                    for i in 0..100_000 {
                        let (temp, name) = (dir.join(format!("t{i}.bin")), dir.join(format!("{}.bin", i % 7)));
                        if fs::write(&temp, b"x").and_then(|()| fs::rename(&temp, &name)).is_err() {
                            return;
                        }
                    }
                })
            })
            .collect();
        std::thread::sleep(std::time::Duration::from_millis(150 + 40 * round));
        s.kill_daemon();
        wait_until("everybody has his error", || busy.iter().all(std::thread::JoinHandle::is_finished));
        s.mount("mnt", &[]);
    }
    s.settle();
    s.dam(["fsck"]);
}

#[test]
fn sigterm_ends_cleanly_with_everything_committed() {
    let mut s = Studio::mounted();
    fs::write(s.mnt("library/a.png"), png(64, 64, 1)).unwrap();
    let pid = s.daemon();
    sh(&format!("kill -TERM {pid}"));
    wait_until("the daemon is gone", || !std::path::Path::new(&format!("/proc/{pid}")).exists());
    assert_eq!(s.versions("library/a.png"), 1, "read in place, without a daemon");
    s.mount("mnt", &[]);
    assert_eq!(fs::read(s.mnt("library/a.png")).unwrap(), png(64, 64, 1));
}

/// Regression: a damaged staging file was EIO for good, for reading and for writing, though the last version was there.
#[test]
fn a_damaged_staging_file_is_put_aside_and_the_last_version_stands() {
    let mut s = Studio::mounted();
    fs::write(s.mnt("library/a.png"), png(64, 64, 1)).unwrap();
    s.settle();
    let mut open = OpenOptions::new().write(true).open(s.mnt("library/a.png")).unwrap();
    open.write_all(&png(64, 64, 2)).unwrap();
    open.sync_all().unwrap();
    s.kill_daemon();
    drop(open);
    let stage = s.library().join("stage");
    let index =
        fs::read_dir(&stage).unwrap().map(|e| e.unwrap().path()).find(|p| p.extension().unwrap() == "idx").unwrap();
    let mut bytes = fs::read(&index).unwrap();
    bytes[130] ^= 1;
    fs::write(&index, bytes).unwrap();
    s.mount("mnt", &[]);
    assert_eq!(fs::read(s.mnt("library/a.png")).unwrap(), png(64, 64, 1));
    let said = fs::read_to_string(s.mnt(".dam/errors")).unwrap();
    assert!(said.contains("a.png") && said.contains("stage/damaged"), "{said}");
    let (code, said) = s.dam_fails(["fsck"]);
    assert!(code == 1 && said.contains("staging: node") && said.contains("stage/damaged"), "{said}");
    assert_eq!(fs::read_dir(stage.join("damaged")).unwrap().count(), 2, "nothing is thrown away");
    fs::write(s.mnt("library/a.png"), png(64, 64, 3)).unwrap();
    s.settle();
    assert_eq!(fs::read(s.mnt("library/a.png")).unwrap(), png(64, 64, 3));
    assert_eq!(s.versions("library/a.png"), 2);
}

/// Regression: `dam set` and `dam member set --active false` were answered before they survived a power cut.
#[test]
fn a_command_is_answered_when_it_is_durable() {
    let s = Studio::mounted();
    fs::write(s.mnt("library/a.png"), png(64, 64, 1)).unwrap();
    s.settle();
    s.dam(["member", "add", "rita", "--role", "client-reviewer"]);
    // A copy: the daemon has the catalogue to itself.
    let passed = || {
        let copy = tempfile::tempdir().unwrap();
        for file in ["catalog.db", "catalog.db-wal"] {
            fs::copy(s.library().join(file), copy.path().join(file)).unwrap();
        }
        let db = rusqlite::Connection::open(copy.path().join("catalog.db")).unwrap();
        db.query_row("SELECT passed FROM barrier", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    for command in [&["set", "rating=safe", "library/a.png"][..], &["member", "set", "rita", "--active", "false"]] {
        let before = passed();
        s.dam(command);
        assert!(passed() > before, "{command:?}");
    }
}
