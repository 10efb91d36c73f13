//! A member who leaves, on real mounts: his own user id, files open and mapped, on a mount of his own and on a shared one.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::harness::*;
use crate::users::*;

/// What he does: opens and maps, tells of it, and when he is told to looks what is left of it.
pub const PROGRAM: &str = r"
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
    let own = own_mount(&mut s, EDDY, "own");
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
    let own = own_mount(&mut s, EDDY, "own");
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

/// What he has open for writing as well, within two seconds of the alert or of an admin's word, and over a restart of the daemon.
#[test]
fn who_is_made_read_only_writes_no_more_through_what_he_has_open() {
    let mut s = Studio::new();
    let from = s.path("in");
    fs::create_dir(&from).unwrap();
    for seed in 0..6 {
        fs::write(from.join(format!("{seed}.png")), png(64, 64, seed)).unwrap();
    }
    s.import(&from, &["--into", "luna"]);
    let rule = "[alert.brake]\non = \"rewrites\"\nmore_than = \"50%\"\nat_least = 2\nwithin = \"1 minute\"\naction = \"read-only\"\n";
    fs::write(s.library().join("alerts.toml"), rule).unwrap();
    s.mount("shared", &["--shared"]);
    s.dam(["member", "add", "eddy", "--uid", &EDDY.to_string(), "--role", "editor"]);
    let luna = s.path("shared/library/luna");
    // Five of six are overwritten, and one is written to again and again until something says no: when it does is printed.
    let program = format!(
        "import os, time\nd = '{}/'\nf = os.open(d + '5.png', os.O_WRONLY)\nfor n in range(5):\n  open(d + str(n) + '.png', 'wb').write(b'x' * n)\nfor _ in range(600):\n  time.sleep(0.1)\n  try: os.pwrite(f, b'y', 0)\n  except OSError as e: print(e.errno); break",
        luna.display()
    );
    let (ok, said) = as_user(EDDY, &format!("python3 -c \"{program}\""));
    assert!(ok && said.trim() == libc::EROFS.to_string(), "{said}");
    let touch = |name: &str| as_user(EDDY, &format!("touch {}", luna.join(name).display()));
    assert!(!touch("5.png").0 && !touch("new.png").0);
    assert!(as_user(EDDY, &format!("cat {}", luna.join("5.png").display())).0, "he reads on");
    assert!(s.dam(["member", "list"]).contains("read-only"));
    s.kill_daemon();
    s.mount("shared", &["--shared"]);
    assert!(!touch("5.png").0, "also after a restart");
    s.dam(["member", "set", "eddy", "--read-only", "false"]);
    assert!(touch("5.png").0);

    // By an admin's word: a handle that is open, within two seconds.
    let ready = s.path("ready");
    let program = format!(
        "import os, time\nf = os.open('{}', os.O_WRONLY)\nopen('{}', 'w')\nfor _ in range(600):\n  time.sleep(0.05)\n  try: os.pwrite(f, b'y', 0)\n  except OSError as e: print(e.errno); break",
        luna.join("5.png").display(),
        ready.display()
    );
    sh(&format!("chmod 777 {}", s.path("").display()));
    let (said, since) = std::thread::scope(|scope| {
        let writes = scope.spawn(|| as_user(EDDY, &format!("python3 -c \"{program}\"")));
        wait_until("he writes", || ready.exists());
        let began = Instant::now();
        s.dam(["member", "set", "eddy", "--read-only", "true"]);
        (writes.join().unwrap(), began.elapsed())
    });
    assert!(said.0 && said.1.trim() == libc::EROFS.to_string(), "{}", said.1);
    // Of what is promised, what a busy machine may add to it.
    assert!(since < Duration::from_secs(10), "read-only in {since:?}");
}

/// By the system's certificates, as the daemon finds them; the server is openssl's own.
#[test]
fn an_alert_is_posted_by_https_to_whom_the_system_trusts_alone() {
    let mut s = Studio::new();
    let (from, room) = (s.path("in"), s.path("tls"));
    fs::create_dir(&from).unwrap();
    fs::create_dir(&room).unwrap();
    for seed in 0..3 {
        fs::write(from.join(format!("{seed}.png")), png(64, 64, seed)).unwrap();
    }
    s.import(&from, &["--into", "luna"]);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    // What signs is no server itself: rustls takes no certificate for both.
    sh(&format!(
        "cd {} && exec 2>&1; ec='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'; \
         openssl req -x509 $ec -days 2 -subj /CN=studio -keyout ca.key -out ca.pem && \
         openssl req $ec -subj /CN=server -keyout key.pem -out server.csr && echo subjectAltName=IP:127.0.0.1 >server.ext && \
         openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -days 2 -extfile server.ext -out cert.pem",
        room.display()
    ));
    let server = format!(
        "cd {} && (printf 'HTTP/1.1 204 No Content\\r\\nContent-Length: 0\\r\\n\\r\\n'; for _ in $(seq 600); do [ -e done ] && break; sleep 0.1; done) | \
         timeout 60 openssl s_server -quiet -naccept 1 -accept 127.0.0.1:{port} -cert cert.pem -key key.pem >asked 2>err",
        room.display()
    );
    let rule = format!(
        "webhook = \"https://127.0.0.1:{port}/s3cret\"\n[alert.many]\non = \"downloads\"\nmore_than = 2\nwithin = \"1 minute\"\n"
    );
    fs::write(s.library().join("alerts.toml"), rule).unwrap();
    let shared = s.path("shared");
    fs::create_dir(&shared).unwrap();
    let mut mount =
        s.command([std::ffi::OsStr::new("mount"), "--shared".as_ref(), s.library().as_os_str(), shared.as_os_str()]);
    assert!(mount.env("SSL_CERT_FILE", room.join("ca.pem")).status().unwrap().success());
    s.adopt("shared");
    s.dam(["member", "add", "eddy", "--uid", &EDDY.to_string(), "--role", "editor"]);
    let asked = std::thread::scope(|scope| {
        scope.spawn(|| try_sh(&server));
        let (ok, said) = as_user(EDDY, &format!("cat {}/*.png >/dev/null", shared.join("library/luna").display()));
        assert!(ok, "{said}");
        wait_until("it is posted", || fs::read_to_string(room.join("asked")).is_ok_and(|said| said.ends_with("}\n")));
        fs::write(room.join("done"), b"").unwrap();
        fs::read_to_string(room.join("asked")).unwrap()
    });
    assert!(asked.starts_with("POST /s3cret HTTP/1.1\r\n") && asked.contains("\"member\":\"eddy\""), "{asked}");
    let status = || fs::read_to_string(shared.join(".dam/status")).unwrap();
    assert!(!status().contains("webhook"), "{}", status());
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
