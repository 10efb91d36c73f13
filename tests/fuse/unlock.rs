//! The second factor on a real mount: names, attributes, open files and mapped pages are there while it is unlocked, and end with it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use totp_rs::{Algorithm, Secret, TOTP};

use crate::harness::*;

/// `dam member totp`, as a person does it: the secret from the screen into the app, the app's code back.
fn enrol(s: &Studio) -> (TOTP, Vec<String>) {
    let mut command = s.command(["member", "totp"]);
    let mut dam = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut screen = BufReader::new(dam.stderr.take().unwrap()).lines();
    let secret = screen.find_map(|line| line.unwrap().split_once("into it: ").map(|(_, secret)| secret.to_owned()));
    let secret = Secret::Encoded(secret.unwrap()).to_bytes().unwrap();
    let app = TOTP::new(Algorithm::SHA1, 6, 1, 30, secret.clone(), None, String::new()).unwrap();
    let code = app.generate_current().unwrap();
    dam.stdin.take().unwrap().write_all(format!("{code}\n").as_bytes()).unwrap();
    let mut said = String::new();
    dam.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(dam.wait().unwrap().success(), "{said}");
    for file in ["catalog.db", "catalog.db-wal"] {
        let kept = fs::read(s.library().join(file)).unwrap();
        assert!(!kept.windows(secret.len()).any(|bytes| bytes == secret), "the secret is sealed");
    }
    let recovery = said.lines().filter(|line| line.starts_with("  ")).map(|line| line.trim().to_owned()).collect();
    (app, recovery)
}

fn unlock(s: &Studio, time: &str, code: &str) -> (bool, String) {
    let mut command = s.command(["unlock", "--for", time]);
    let mut dam = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    dam.stdin.take().unwrap().write_all(format!("{code}\n").as_bytes()).unwrap();
    let out = dam.wait_with_output().unwrap();
    (out.status.success(), text(&out))
}

/// A program that has the file open and mapped, says so, and when it gets a line looks again until it may not.
fn reader(file: &Path, again: &str) -> (Child, BufReader<std::process::ChildStdout>) {
    let script = format!(
        "import mmap, os, sys, time\n\
         f = os.open(sys.argv[1], os.O_RDONLY); m = mmap.mmap(f, 0, prot=mmap.PROT_READ); assert m[0:4] == b'\\x89PNG'\n\
         print('open', flush=True); sys.stdin.readline()\n\
         for _ in range(100):\n  {again}\n  time.sleep(0.1)\n"
    );
    let mut command = Command::new("python3");
    command.arg("-c").arg(script).arg(file).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "open\n");
    (child, out)
}

#[test]
fn what_is_unlocked_ends_with_its_time() {
    ends_with_its_time("rating=adult", None);
}

/// The same of what no gate, but a rule of a role asks for.
#[test]
fn what_a_rule_asks_the_second_factor_for_ends_with_its_time() {
    ends_with_its_time("rating=safe", Some("[role.admin.deny]\nlist = { of = \"tag=velvet\", unlocked = false }\n"));
}

fn ends_with_its_time(rating: &str, rule: Option<&str>) {
    let mut s = Studio::mounted();
    let from = s.path("in");
    fs::create_dir(&from).unwrap();
    fs::write(from.join("hidden.png"), png(300, 400, 1)).unwrap();
    s.import(&from, &["--into", "luna", "--set", rating, "--set", "tag=velvet"]);
    let file = s.mnt("library/luna/hidden.png");
    let view = s.mnt("by/tag/velvet/hidden.png");
    // The kernel has cached all of it by now.
    assert!(fs::read(&file).is_ok() && view.exists() && names(&s.mnt("library/luna")) == ["hidden.png"]);

    if let Some(rule) = rule {
        let roles = s.path("roles.toml");
        fs::write(&roles, s.dam(["policy", "show"]) + rule).unwrap();
        s.dam(["policy".as_ref(), "apply".as_ref(), roles.as_os_str()]);
    }
    let (app, recovery) = enrol(&s);
    assert_eq!(recovery.len(), 10);
    let gone = |s: &Studio, what: &str| {
        for path in [&file, &view] {
            assert_eq!(fs::metadata(path).unwrap_err().raw_os_error(), Some(libc::ENOENT), "{what}");
            assert_eq!(fs::read(path).unwrap_err().raw_os_error(), Some(libc::ENOENT), "{what}");
        }
        assert!(names(&s.mnt("library/luna")).is_empty(), "{what}");
        assert!(!names(&s.mnt("by/tag")).contains(&"velvet".into()), "{what}");
        assert!(s.find("kind=image").is_empty(), "{what}");
    };
    wait_until("the file is gone with the enrolment", || !file.exists());
    gone(&s, "enrolled");
    assert!(!unlock(&s, "5s", "000000").0);
    gone(&s, "a wrong code");

    let code = app.generate(app.next_step_current().unwrap());
    let (done, said) = unlock(&s, "15s", &code);
    assert!(done, "{said}");
    wait_until("it is there again", || file.exists() && view.exists());
    let (mut reads, _out) = reader(&file, "os.lseek(f, 0, 0); os.read(f, 4)");
    let (mut maps, _out) = reader(&file, "m[0:4]");
    assert!(!unlock(&s, "5s", &code).0, "a code is taken once");

    wait_until("its time is over", || !file.exists());
    gone(&s, "the time is over");
    for child in [&mut reads, &mut maps] {
        child.stdin.take().unwrap().write_all(b"\n").unwrap();
    }
    assert_eq!(reads.wait().unwrap().code(), Some(1), "an open file is read no more");
    assert_eq!(maps.wait().unwrap().signal(), Some(libc::SIGBUS), "nor are its mapped pages");

    let (done, said) = unlock(&s, "1h", &recovery[0]);
    assert!(done, "{said}");
    s.remount();
    assert!(file.exists(), "it stays unlocked over a restart");
    s.dam(["lock"]);
    wait_until("it is locked", || !file.exists());
    gone(&s, "locked");
}
