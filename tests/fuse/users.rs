//! Other users of the machine: real user ids, which need no names.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use crate::harness::{Studio, sh, text};

pub const EVE: u32 = 47_101;
pub const EDDY: u32 = 47_102;

/// A user's own mount of a served library, as he makes it himself.
pub fn own_mount(s: &mut Studio, uid: u32, name: &str) -> PathBuf {
    let at = s.path(name);
    let _ = fs::create_dir(&at);
    sh(&format!("chown {uid} {}", at.display()));
    let line = format!("{} mount {} {}", env!("CARGO_BIN_EXE_dam"), s.library().display(), at.display());
    let (ok, said) = as_user(uid, &line);
    assert!(ok, "he mounts his own view: {said}");
    s.adopt(name);
    at
}

/// A login of this machine in a group of its own, both made for a test; they go with this.
pub struct Login {
    pub name: String,
    pub uid: u32,
}

impl Login {
    /// One whose name nobody else uses; what a test that was killed has left goes first.
    pub fn new(name: &str, uid: u32) -> Self {
        let login = Self { name: format!("damfs-t-{name}"), uid };
        login.remove();
        sh(&format!("useradd --no-create-home --home-dir /nonexistent --shell /bin/false --uid {uid} {}", login.name));
        login
    }

    fn remove(&self) {
        let _ = Command::new("userdel").arg(&self.name).output();
        let _ = Command::new("groupdel").arg(&self.name).output();
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        self.remove();
    }
}

/// A group of this machine, for one test at a time on it.
pub struct Group {
    pub name: String,
    _turn: std::fs::File,
}

impl Group {
    pub fn new(name: &str) -> Self {
        let turn = std::fs::File::create("/run/damfs-t.lock").unwrap();
        turn.lock().unwrap();
        let group = Self { name: format!("damfs-t-{name}"), _turn: turn };
        group.remove();
        sh(&format!("groupadd {}", group.name));
        group
    }

    /// As the kernel calls it.
    pub fn gid(&self) -> String {
        sh(&format!("getent group {} | cut -d: -f3", self.name)).trim().to_owned()
    }

    pub fn take_in(&self, login: &Login) {
        sh(&format!("gpasswd --add {} {}", login.name, self.name));
    }

    pub fn put_out(&self, login: &Login) {
        sh(&format!("gpasswd --delete {} {}", login.name, self.name));
    }

    fn remove(&self) {
        let _ = Command::new("groupdel").arg(&self.name).output();
    }
}

/// Before its turn is given on.
impl Drop for Group {
    fn drop(&mut self) {
        self.remove();
    }
}

/// A shell line as one of them, without the rights and the environment of who runs the tests.
pub fn as_user(uid: u32, line: &str) -> (bool, String) {
    let out = command_as(uid, line).output().unwrap();
    (out.status.success(), text(&out))
}

/// The exit code of a shell line as one of them, and what it said.
pub fn code_as(uid: u32, line: &str) -> (i32, String) {
    let out = command_as(uid, line).output().unwrap();
    (out.status.code().unwrap(), text(&out))
}

fn command_as(uid: u32, line: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
    command
        .args(["-c", line])
        .uid(uid)
        .gid(uid)
        .current_dir("/")
        .env_clear()
        .env("PATH", path)
        .env("HOME", "/nonexistent");
    command
}
