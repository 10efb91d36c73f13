//! Other users of the machine: real user ids, which need no names.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::harness::text;

pub const EVE: u32 = 47_101;
pub const EDDY: u32 = 47_102;

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
