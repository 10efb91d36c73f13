//! A second process that sees to it that a killed daemon's mounts end with it.
//!
//! A thread of the daemon may be in the kernel when it is killed, waiting for a directory that a program's request holds. That request waits
//! for the daemon's answer, so neither ends, the daemon's descriptors stay open, and every program that touches the mount hangs. Somebody has
//! to cut the connection; the guardian does, within a moment.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use damfs::ops::mountinfo;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use crate::signals::Signals;

/// How often, and how far apart, the daemon's threads are looked at before their mounts are cut off, and after.
const PATIENCE: u32 = 3;
const TRIES: u32 = 200;
const BETWEEN: Duration = Duration::from_millis(50);

/// Starts the guardian of this process. From the main thread, which lives as long as the daemon: its end is what the guardian waits for.
///
/// # Errors
/// When no process can be had.
pub fn start(library: &Path) -> io::Result<()> {
    Command::new(std::env::current_exe()?)
        .arg("--guard-of")
        .arg(std::process::id().to_string())
        .arg("--library")
        .arg(library)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(drop)
}

/// Waits for the daemon's end, and makes it one.
///
/// # Errors
/// When the system does not tell of it.
pub fn run(library: &Path, daemon: u32) -> io::Result<ExitCode> {
    let signals = Signals::hold()?;
    set_parent_process_death_signal(Some(Signal::TERM))?;
    let mine = i32::try_from(daemon).ok().and_then(Pid::from_raw);
    while getppid() == mine && state(daemon) == Some(State::Alive) {
        // Also one that is meant for the daemon, and was sent to both. The one that tells of its end comes a moment before it.
        signals.wait()?;
        std::thread::sleep(BETWEEN);
    }
    for tried in 0..TRIES {
        if state(daemon) != Some(State::Held) {
            break;
        }
        if tried >= PATIENCE {
            cut_off(library)?;
        }
        std::thread::sleep(BETWEEN);
    }
    Ok(ExitCode::SUCCESS)
}

/// What there is of a process.
#[derive(Debug, PartialEq, Eq)]
enum State {
    Alive,
    /// It has ended but for a thread that the kernel holds: its files are open, and so the library is locked for every other daemon.
    Held,
}

/// `None`: nothing that holds a file.
fn state(process: u32) -> Option<State> {
    let line = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name before may have blanks and brackets of its own.
    let is_zombie = line.rsplit_once(") ")?.1.starts_with(['Z', 'X']);
    let threads = fs::read_dir(format!("/proc/{process}/task")).ok()?.count();
    match (is_zombie, threads) {
        (false, _) => Some(State::Alive),
        (true, 0 | 1) => None,
        (true, _) => Some(State::Held),
    }
}

/// Ends the connections of the library's mounts. They are all the dead daemon's: no other could open the library.
fn cut_off(library: &Path) -> io::Result<()> {
    let table = mountinfo::read()?;
    for line in table.iter().filter(|line| line.is_ours() && Path::new(&line.source) == library) {
        if mountinfo::topmost(&table, &line.path) == Some(line) {
            // Whoever may not is an ordinary user without that filesystem; `dam mount` says what to do then.
            let _ = mountinfo::abort(line);
        }
    }
    Ok(())
}
