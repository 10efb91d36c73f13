//! Members by a group of this machine, on real mounts: its databases, its logins, its user ids.

use std::fs;
use std::time::{Duration, Instant};

use crate::harness::*;
use crate::users::*;

#[test]
fn a_group_of_the_system_lets_in_and_who_leaves_it_has_nothing_within_seconds() {
    let (studio, joe, zoe) = (Group::new("studio"), Login::new("joe", 47_113), Login::new("zoe", 47_114));
    let mut s = Studio::new();
    let from = s.path("in");
    fs::create_dir(&from).unwrap();
    for (name, seed) in [("a.png", 1), ("b.png", 2)] {
        fs::write(from.join(name), png(64, 64, seed)).unwrap();
    }
    s.import(&from, &["--into", "luna"]);
    s.mount("shared", &["--shared"]);
    studio.take_in(&joe);
    let file = s.path("shared/library/luna/b.png");
    let reads = |uid: u32| as_user(uid, &format!("head -c 4 {} > /dev/null", file.display())).0;
    assert!(!reads(joe.uid), "the group gives nothing yet");
    let told = s.dam(["member", "add", "--group", &studio.name, "--role", "editor"]);
    assert!(told.contains(&format!("@{}", studio.name)), "{told}");

    // What groups a process has is none of it, be it its first one; whoever has no login is in no group.
    wait_until("he is in", || reads(joe.uid));
    assert!(!reads(EVE) && !reads(zoe.uid));
    let gid = studio.gid();
    for uid in [EVE, zoe.uid] {
        let tries = [format!("--regid {gid} --clear-groups"), format!("--regid {uid} --groups {gid}")];
        for how in tries {
            let as_group = |line: &str| sh(&format!("setpriv --reuid {uid} {how} /bin/sh -c '{line}'"));
            assert!(as_group("id -G").split_whitespace().any(|id| id == gid), "{how}");
            let said = as_group(&format!("head -c 4 {} > /dev/null 2>&1 && echo read || echo refused", file.display()));
            assert_eq!(said.trim(), "refused", "{uid} {how}");
        }
    }
    let own = own_mount(&mut s, joe.uid, "own");
    let dam = env!("CARGO_BIN_EXE_dam");
    let why = as_user(joe.uid, &format!("{dam} why {}", own.join("library/luna/a.png").display())).1;
    assert!(why.contains(&format!("{} (editor by @{})", joe.name, studio.name)), "{why}");

    let room = s.path("room");
    fs::create_dir(&room).unwrap();
    set_mode(&room, 0o777);
    let script = room.join("leaver.py");
    fs::write(&script, crate::offboard::PROGRAM).unwrap();
    crate::leaks::put_tries(&room);
    let files = [own.join("library/luna/a.png"), file.clone()];
    let line = format!("python3 {} {} {} {}", script.display(), room.display(), files[0].display(), files[1].display());
    let uid = joe.uid;
    let program = std::thread::spawn(move || as_user(uid, &line));
    wait_until("he has them open", || room.join("ready").exists() || program.is_finished());

    studio.put_out(&joe);
    let began = Instant::now();
    wait_until("he has left", || !reads(joe.uid) && !sh("cat /proc/mounts").contains(own.to_str().unwrap()));
    let took = began.elapsed();
    // A command is answered once the kernels have been told.
    s.dam(["settle"]);
    fs::write(room.join("left"), b"").unwrap();
    let (ok, said) = program.join().unwrap();
    assert!(ok, "{said}");
    let bus = libc::SIGBUS;
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines, [format!("EACCES EACCES ENOENT {bus}"), format!("EACCES EACCES EACCES {bus}")]);
    // What is promised is measured; what a busy machine takes is no fault.
    eprintln!("out in {took:?}");

    // He is the same one when he comes back; whom an admin shuts out does not.
    studio.take_in(&joe);
    wait_until("he is in again", || reads(joe.uid));
    s.dam(["member", "set", &joe.name, "--active", "false"]);
    assert!(!reads(joe.uid));
    std::thread::sleep(Duration::from_secs(5));
    assert!(!reads(joe.uid));
    assert_eq!(s.dam(["log", "--json"]).matches("\"member.join\"").count(), 1);

    // Nobody becomes another by his name.
    s.dam(["member", "add", &zoe.name, "--role", "backup"]);
    studio.take_in(&zoe);
    let errors = || fs::read_to_string(s.path("shared/.dam/errors")).unwrap();
    wait_until("admins are told", || !reads(zoe.uid) && errors().contains(&format!("{} (user id 47114", zoe.name)));
    assert!(!reads(zoe.uid));
}
