//! A member who leaves, on real mounts: his own user id, files open and mapped, on a mount of his own and on a shared one.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::harness::*;
use crate::users::*;

/// What he does: opens and maps, tells of it, and when he is told to looks what is left of it.
const PROGRAM: &str = r"
import errno, fcntl, mmap, os, sys, time
from tries import touched
room, files = sys.argv[1], sys.argv[2:]
fds = [os.open(file, os.O_RDWR) for file in files]
maps = [mmap.mmap(fd, 0, prot=mmap.PROT_READ) for fd in fds]
for fd, pages in zip(fds, maps):
    fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert os.pread(fd, 4, 0) == pages[0:4] == b'\x89PNG'
open(room + '/ready', 'w')
while not os.path.exists(room + '/left'): time.sleep(0.02)
def tried(what):
    try: what()
    except OSError as e: return errno.errorcode[e.errno]
    return 'nothing stops it'
for file, fd, pages in zip(files, fds, maps):
    print(tried(lambda: os.pread(fd, 4, 0)), tried(lambda: os.pwrite(fd, b'x', 0)), tried(lambda: os.stat(file)), touched(pages))
";

#[test]
fn who_leaves_has_neither_mount_nor_handle_nor_page() {
    let mut s = Studio::new();
    let from = s.path("in");
    fs::create_dir(&from).unwrap();
    for (name, seed) in [("a.png", 1), ("b.png", 2)] {
        fs::write(from.join(name), png(64, 64, seed)).unwrap();
    }
    s.import(&from, &["--into", "luna"]);
    s.mount("shared", &["--shared"]);
    s.dam(["member", "add", "eddy", "--uid", &EDDY.to_string(), "--role", "editor"]);
    let own = s.path("own");
    fs::create_dir(&own).unwrap();
    sh(&format!("chown {EDDY} {}", own.display()));
    let (ok, said) =
        as_user(EDDY, &format!("{} mount {} {}", env!("CARGO_BIN_EXE_dam"), s.library().display(), own.display()));
    assert!(ok, "{said}");
    s.adopt("own");
    let room = s.path("room");
    fs::create_dir(&room).unwrap();
    set_mode(&room, 0o777);
    let script = room.join("leaver.py");
    fs::write(&script, PROGRAM).unwrap();
    crate::leaks::put_tries(&room);
    let files = [own.join("library/luna/a.png"), s.path("shared/library/luna/b.png")];
    let line = format!("python3 {} {} {} {}", script.display(), room.display(), files[0].display(), files[1].display());
    let program = std::thread::spawn(move || as_user(EDDY, &line));
    wait_until("he has them open", || room.join("ready").exists() || program.is_finished());

    let began = Instant::now();
    s.dam(["member", "offboard", "eddy", "--to", "root"]);
    let took = began.elapsed();
    fs::write(room.join("left"), b"").unwrap();
    let (ok, said) = program.join().unwrap();
    assert!(ok, "{said}");
    let bus = libc::SIGBUS;
    let lines: Vec<&str> = said.lines().collect();
    // His mount is gone from under the path; on the shared one he is nobody.
    assert_eq!(lines[0], format!("EACCES EACCES ENOENT {bus}"));
    assert_eq!(lines[1], format!("EACCES EACCES EACCES {bus}"));
    assert!(!sh("cat /proc/mounts").contains(own.to_str().unwrap()));
    // Each step of it is bounded; the sum is said in the documents.
    assert!(took < Duration::from_secs(60), "{took:?}");
    eprintln!("offboarded in {took:?}");
    // Nobody waits for what he had locked.
    let (ok, said) = try_sh(&format!(
        "python3 -c \"import fcntl; fcntl.lockf(open('{}', 'r+'), fcntl.LOCK_EX | fcntl.LOCK_NB)\"",
        s.path("shared/library/luna/b.png").display()
    ));
    assert!(ok, "{said}");
    let log = s.dam(["log", "--json"]);
    assert_eq!(log.matches("\"member.offboard\"").count(), 1);
}

/// Within a minute of what was too much; here it is a matter of seconds.
#[test]
fn who_is_shut_out_by_an_alert_has_neither_mount_nor_handle() {
    let mut s = Studio::new();
    let from = s.path("in");
    fs::create_dir(&from).unwrap();
    for seed in 0..4 {
        fs::write(from.join(format!("{seed}.png")), png(64, 64, seed)).unwrap();
    }
    s.import(&from, &["--into", "luna"]);
    let told = s.path("told");
    let rule = "[alert.many]\non = \"downloads\"\nmore_than = 2\nwithin = \"1 minute\"\naction = \"suspend\"\n";
    let command = format!("command = [\"/usr/bin/tee\", \"{}\"]\n", told.display());
    fs::write(s.library().join("alerts.toml"), format!("{command}{rule}")).unwrap();
    s.mount("shared", &["--shared"]);
    s.dam(["member", "add", "eddy", "--uid", &EDDY.to_string(), "--role", "editor"]);
    let own = s.path("own");
    fs::create_dir(&own).unwrap();
    sh(&format!("chown {EDDY} {}", own.display()));
    let (ok, said) =
        as_user(EDDY, &format!("{} mount {} {}", env!("CARGO_BIN_EXE_dam"), s.library().display(), own.display()));
    assert!(ok, "{said}");
    s.adopt("own");
    let (ok, said) = as_user(EDDY, &format!("cat {0}/0.png {0}/1.png >/dev/null", own.join("library/luna").display()));
    assert!(ok, "{said}");

    // He reads a third, and holds it open.
    let held = format!(
        "import os, time\nf = os.open('{}', os.O_RDONLY)\nos.read(f, 9)\nfor _ in range(600):\n  time.sleep(0.1)\n  try: os.pread(f, 9, 0)\n  except OSError as e: print(e.errno); break",
        s.path("shared/library/luna/2.png").display()
    );
    let began = Instant::now();
    let (ok, said) = as_user(EDDY, &format!("python3 -c \"{held}\""));
    assert!(ok && said.trim() == libc::EACCES.to_string(), "{said}");
    wait_until("his mount is gone", || !sh("cat /proc/mounts").contains(own.to_str().unwrap()));
    wait_until("somebody was told", || fs::read_to_string(&told).is_ok_and(|said| said.ends_with('\n')));
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    let said: serde_json::Value = serde_json::from_str(&fs::read_to_string(&told).unwrap()).unwrap();
    assert!(said["member"] == "eddy" && said["suspended"] == true, "{said}");
    assert!(!as_user(EDDY, &format!("cat {}", s.path("shared/library/luna/0.png").display())).0);
    let status = || fs::read_to_string(s.path("shared/.dam/status")).unwrap();
    wait_until("admins see it", || status().contains("alert many: eddy, 3 downloads within 60 s"));
    let log = s.dam(["log", "--json"]);
    assert_eq!(log.matches("\"member.suspend\"").count(), 1);
    s.dam(["member", "set", "eddy", "--active", "true"]);
    assert!(as_user(EDDY, &format!("cat {}", s.path("shared/library/luna/0.png").display())).0);
}

/// Regression: his mounts were taken down by his name, and only when all that comes after he is shut out had gone well.
#[test]
fn his_mounts_go_also_when_what_comes_after_fails() {
    let mut s = Studio::new();
    s.dam(["member", "add", "eddy", "--uid", &EDDY.to_string(), "--role", "editor"]);
    let library = s.library();
    let catalog =
        |sql: &str| rusqlite::Connection::open(library.join("catalog.db")).unwrap().execute_batch(sql).unwrap();
    catalog(
        "CREATE TRIGGER full BEFORE INSERT ON audit WHEN NEW.action = 'member.inherit'
         BEGIN SELECT RAISE(ABORT, 'the disk is full'); END;",
    );
    let own = s.mount("own", &["--as", "eddy"]);
    fs::write(own.join("library/a.png"), png(64, 64, 1)).unwrap();
    s.settle();
    let daemon = s.daemon();
    let (code, said) = s.dam_fails(["member", "offboard", "eddy", "--to", "root"]);
    assert!(code != 0 && said.contains("the disk is full"), "{code} {said}");
    assert!(!sh("cat /proc/mounts").contains(own.to_str().unwrap()));
    // It was the last mount.
    wait_until("the daemon has ended", || !Path::new(&format!("/proc/{daemon}")).exists());
    let members = s.dam(["member", "list", "--json"]);
    assert!(members.contains("\"active\": false") || members.contains("\"active\":false"), "{members}");
    catalog("DROP TRIGGER full");
    let done = s.dam(["member", "offboard", "eddy", "--to", "root", "--json"]);
    let done: serde_json::Value = serde_json::from_str(&done).unwrap();
    assert_eq!(done["assets"], 1, "{done}");
}
