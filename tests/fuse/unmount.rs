//! Taking mounts down: busy ones stay, dead ones go, a stuck daemon is told apart.

use std::fs;
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::*;
use crate::users::*;

/// A process that holds a file open for writing.
struct Holder(Child);

impl Holder {
    fn of(file: &Path) -> Self {
        let line = format!("exec 3>>'{}'; echo ready; exec sleep 600", file.display());
        let mut child = Command::new("sh").args(["-c", &line]).stdout(Stdio::piped()).spawn().unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0; 6]).unwrap();
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_busy_mount_stays_and_names_who_holds_it() {
    let mut s = Studio::mounted();
    fs::write(s.mnt("library/a.png"), png(64, 64, 1)).unwrap();
    let mut mine =
        fs::File::options().read(true).write(true).create(true).truncate(true).open(s.mnt("library/n.txt")).unwrap();
    mine.write_all(b"half ").unwrap();
    let holder = Holder::of(&s.mnt("library/log.txt"));
    let mnt = s.mnt("");
    let (code, said) = s.dam_fails(["unmount".as_ref(), mnt.as_os_str()]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("busy: files are open") && said.contains("--force"), "{said}");
    for pid in [holder.0.id(), std::process::id()] {
        assert!(said.contains(&format!("{pid} (")), "{pid}: {said}");
    }
    // Nothing happened to it.
    mine.write_all(b"whole").unwrap();
    mine.rewind().unwrap();
    let mut text = String::new();
    mine.read_to_string(&mut text).unwrap();
    assert_eq!(text, "half whole");
    fs::write(s.mnt("library/b.png"), png(64, 64, 2)).unwrap();
    s.settle();
    assert_eq!(s.find("kind=image").len(), 2);
    assert!(s.daemon() > 0, "status still lists it");
    drop((mine, holder));
    s.unmount();
    s.mount("mnt", &[]);
    assert_eq!(fs::read(s.mnt("library/n.txt")).unwrap(), b"half whole");
}

#[test]
fn force_takes_a_busy_mount_out_of_the_tree() {
    let mut s = Studio::mounted();
    fs::write(s.mnt("library/a.txt"), b"kept").unwrap();
    let _holder = Holder::of(&s.mnt("library/a.txt"));
    let mnt = s.mnt("");
    let out: Value =
        serde_json::from_str(&s.dam(["unmount".as_ref(), "--force".as_ref(), "--json".as_ref(), mnt.as_os_str()]))
            .unwrap();
    assert_eq!(out["was_dead"], false);
    assert!(!s.mnt("library").exists());
    s.mount("mnt", &[]);
    assert_eq!(fs::read(s.mnt("library/a.txt")).unwrap(), b"kept");
}

/// As an ordinary user, through fusermount3; in a mount namespace of its own, where the device may be opened by everybody.
#[test]
fn a_busy_mount_of_an_ordinary_user_stays_too() {
    let dir = tempfile::Builder::new().prefix("damfs-test-").tempdir().unwrap();
    set_mode(dir.path(), 0o777);
    let dam = env!("CARGO_BIN_EXE_dam");
    let script = dir.path().join("go");
    fs::write(
        &script,
        format!(
            r#"set -eu
            export HOME={home}
            cd {home}
            {dam} init studio >/dev/null
            mkdir mnt
            {dam} mount studio mnt
            exec 3>mnt/library/open.txt
            echo one >&3
            code=0; {dam} unmount mnt || code=$?
            [ $code -eq 1 ] || {{ echo "exit $code"; exit 1; }}
            echo two >&3
            [ "$(cat mnt/library/open.txt)" = "$(printf 'one\ntwo')" ]
            exec 3>&-
            {dam} unmount mnt
            "#,
            home = dir.path().join("home").display()
        ),
    )
    .unwrap();
    fs::create_dir(dir.path().join("home")).unwrap();
    sh(&format!("chown {EDDY}:{EDDY} {}", dir.path().join("home").display()));
    let node = dir.path().join("fuse");
    let out = Command::new("unshare")
        .args(["-m", "sh", "-c"])
        .arg(format!(
            "mknod -m 666 {node} c 10 229 && mount --bind {node} /dev/fuse && exec setpriv --reuid {EDDY} --regid {EDDY} --clear-groups sh {script}",
            node = node.display(),
            script = script.display()
        ))
        .output()
        .unwrap();
    let said = text(&out);
    assert!(out.status.success(), "{said}");
    assert!(said.contains("busy: files are open"), "{said}");
}

#[test]
fn a_dead_mount_goes_while_another_daemon_serves_the_library() {
    let mut s = Studio::mounted();
    let pid = s.daemon();
    s.kill_daemon();
    wait_until("the daemon is gone", || !Path::new(&format!("/proc/{pid}")).exists());
    let other = s.mount("other", &[]);
    fs::write(other.join("library/a.png"), png(64, 64, 1)).unwrap();
    let status: Value = serde_json::from_str(&s.dam(["status", "--json"])).unwrap();
    let library = s.library();
    let mine: Vec<&Value> =
        status["mounts"].as_array().unwrap().iter().filter(|m| m["library"] == library.to_str().unwrap()).collect();
    let state = |name: &str| {
        let at = s.path(name);
        mine.iter().find(|m| m["mountpoint"] == at.to_str().unwrap()).unwrap_or_else(|| panic!("{status}"))["state"]
            .clone()
    };
    assert_eq!((state("mnt"), state("other")), (Value::from("dead"), Value::Null));
    let mnt = s.path("mnt");
    let (code, said) = s.dam_fails(["unmount".as_ref(), mnt.as_os_str()]);
    assert_eq!(code, 0, "{said}");
    assert!(names(&mnt).is_empty(), "the folder below is there again");
    assert!(other.join("library/a.png").exists(), "the living one stays");
}

#[test]
fn a_dead_mount_is_replaced_while_another_daemon_serves_the_library() {
    let mut s = Studio::mounted();
    s.dam(["member", "add", "rita", "--role", "backup"]);
    s.kill_daemon();
    s.mount("other", &[]);
    let again = s.mount("mnt", &["--as", "rita"]);
    assert!(again.join("library").exists());
}

#[test]
fn a_stuck_daemon_is_told_apart_from_a_slow_one() {
    let s = Studio::mounted();
    let stopped = s.stop_daemon();
    let mnt = s.path("mnt");
    let library = s.library();
    let begun = Instant::now();
    let (code, said) = s.dam_fails(["find", "kind=image"]);
    let find = (code, said, begun.elapsed());
    let unmount = s.dam_fails(["unmount".as_ref(), mnt.as_os_str()]);
    let status = s.dam_fails(["status", "--library", library.to_str().unwrap()]);
    drop(stopped);
    assert_eq!(find.0, 1, "{}", find.1);
    assert!(find.1.contains("does not answer"), "{}", find.1);
    assert!(find.2 < Duration::from_secs(60), "{:?}", find.2);
    assert!(unmount.0 == 1 && unmount.1.contains("does not answer"), "{unmount:?}");
    assert!(status.0 == 0 && status.1.contains("no answer"), "{status:?}");
    assert!(s.find("kind=image").is_empty(), "and it goes on");
}

/// Regression: each stuck library made `dam status` wait another five seconds.
#[test]
fn stuck_daemons_are_waited_for_together() {
    let studios: [Studio; 6] = std::array::from_fn(|_| Studio::mounted());
    let stopped = studios.each_ref().map(Studio::stop_daemon);
    let begun = Instant::now();
    let status = studios[0].dam_fails(["status", "--json"]);
    let took = begun.elapsed();
    drop(stopped);
    for studio in &studios {
        assert!(status.1.contains(studio.library().to_str().unwrap()), "{status:?}");
    }
    assert!(status.1.matches("no answer").count() >= 6, "{status:?}");
    // One after the other would be thirty.
    assert!(took < Duration::from_secs(25), "{took:?}");
}

/// Regression: a mount taken out of the tree by force left the programs that waited for its daemon waiting for ever.
#[test]
fn force_frees_who_waits_for_a_stuck_daemon() {
    let s = Studio::mounted();
    let stopped = s.stop_daemon();
    let mut waiting = std::process::Command::new("ls").arg(s.mnt("library/nothing")).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(200));
    assert!(waiting.try_wait().unwrap().is_none(), "it waits");
    let mnt = s.path("mnt");
    s.dam(["unmount".as_ref(), "--force".as_ref(), mnt.as_os_str()]);
    wait_until("the program is free", || waiting.try_wait().unwrap().is_some());
    drop(stopped);
}

#[test]
fn a_mountpoint_that_is_no_utf8_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let s = Studio::new();
    let at = s.path(std::ffi::OsStr::from_bytes(b"m\xff"));
    fs::create_dir(&at).unwrap();
    let library = s.library();
    let (code, said) = s.dam_fails(["mount".as_ref(), library.as_os_str(), at.as_os_str()]);
    assert!(code == 1 && said.contains("UTF-8"), "{code} {said}");
}

/// Regression: what waited for a dead daemon whose connection something still held open waited for good.
#[test]
fn taking_down_a_dead_mount_frees_who_waits_for_its_daemon() {
    let mut s = Studio::mounted();
    let pid = s.daemon();
    let device = fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|fd| fs::read_link(fd).is_ok_and(|to| to == Path::new("/dev/fuse")))
        .unwrap();
    let number: i32 = device.file_name().unwrap().to_str().unwrap().parse().unwrap();
    let process =
        rustix::process::pidfd_open(rustix::process::Pid::from_raw(pid).unwrap(), rustix::process::PidfdFlags::empty())
            .unwrap();
    let held = rustix::process::pidfd_getfd(&process, number, rustix::process::PidfdGetfdFlags::empty()).unwrap();
    // Who watches over it would free them, should the daemon take long to die.
    sh(&format!("pkill -9 -P {pid}"));
    s.kill_daemon();
    let mut waiting = Command::new("stat").arg(s.mnt("library/nothing")).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert!(waiting.try_wait().unwrap().is_none(), "it waits");
    s.unmount();
    wait_until("it is freed", || waiting.try_wait().unwrap().is_some());
    drop(held);
    s.mount("mnt", &[]);
    assert!(s.mnt("library").exists());
}
