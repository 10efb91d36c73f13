//! Running what tells of an alert: without a shell, with nothing of the daemon's, for a short time.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::ops::trust;

/// Where programs that it starts are looked for.
pub(in crate::ops) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Ten seconds.
const LOOKS: u32 = 200;
const LOOK: Duration = Duration::from_millis(50);

/// Runs it, and hands it the alert as a line.
///
/// # Errors
/// Why nobody may have been told.
pub(in crate::ops) fn tell(command: &[String], alert: &str) -> Result<(), String> {
    let [program, arguments @ ..] = command else { return Ok(()) };
    trust::program(command)?;
    let mut child = Command::new(program)
        .args(arguments)
        // Keys and tokens that the daemon was started with are nothing to it.
        .env_clear()
        .env("PATH", PATH)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // With what it starts, it can be ended.
        .process_group(0)
        .spawn()
        .map_err(|e| format!("{program} cannot be run: {e}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A line is shorter than a pipe, so nobody has to read it for us to go on; who does not want it closes it.
        let _ = writeln!(stdin, "{alert}");
    }
    for _ in 0..LOOKS {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("{program} ended with {status}")),
            Ok(None) => std::thread::sleep(LOOK),
            Err(e) => {
                end(&mut child);
                return Err(format!("{program} cannot be waited for: {e}"));
            }
        }
    }
    end(&mut child);
    Err(format!("{program} took more than ten seconds, and was ended"))
}

/// Ends it with all that it has started.
pub(in crate::ops) fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}
