//! Running what tells of an alert: without a shell, with nothing of the daemon's, for a short time.

use std::io::Write;
use std::time::Duration;

use crate::ops::own_programs::{end, prepared};

/// Ten seconds.
const LOOKS: u32 = 200;
const LOOK: Duration = Duration::from_millis(50);

/// Runs it, and hands it the alert as a line.
///
/// # Errors
/// Why nobody may have been told.
pub(in crate::ops) fn tell(command: &[String], alert: &str) -> Result<(), String> {
    let Some(program) = command.first() else { return Ok(()) };
    let mut child = prepared(command)?.spawn().map_err(|e| format!("{program} cannot be run: {e}"))?;
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
