//! Programs of the library's owner, which tell of alerts and look at pictures: whose they are, how each begins, and how it ends. Whoever may
//! write one, put another in its place, or write the text that names it, says what the daemon does.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};

/// Where programs that it starts are looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What others than the owner may write.
const OTHERS: u32 = 0o022;
/// Only who owns an entry takes it away, whoever may write in the folder.
const STICKY: u32 = 0o1000;

/// Nothing when nobody but the daemon's user may write in the library's folder, or in the text of it that names programs.
///
/// # Errors
/// Which of the two others may write.
pub(super) fn is_named_by_us(root: &Path, text: &str) -> Result<(), String> {
    let me = rustix::process::geteuid().as_raw();
    for place in [root.to_owned(), root.join(text)] {
        let meta = fs::metadata(&place).map_err(|e| format!("{} cannot be read: {e}", place.display()))?;
        if meta.uid() != me || meta.mode() & OTHERS != 0 {
            return Err(format!(
                "others than user id {me}, whom the daemon runs as, may write {}; take that away with chmod go-w",
                place.display()
            ));
        }
    }
    Ok(())
}

/// A program that is to be run, with nothing of the daemon's, beside whatever it starts. Its input waits to be written.
///
/// # Errors
/// When others may write it.
pub(super) fn prepared(command: &[String]) -> Result<Command, String> {
    let [program, arguments @ ..] = command else { return Err("no program is named".to_owned()) };
    is_ours_alone(Path::new(program))?;
    let mut prepared = Command::new(program);
    prepared
        .args(arguments)
        // Keys and tokens that the daemon was started with are nothing to it.
        .env_clear()
        .env("PATH", PATH)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // With what it starts, it can be ended.
        .process_group(0);
    Ok(prepared)
}

/// Ends one with all that it has started.
pub(super) fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Nothing when nobody but root and the daemon's user says what a program is: by the file, by the folder that it lies in, or by
/// one above. A link is as good as both of its ends. What is not there is nobody's; running it tells that.
///
/// # Errors
/// Which place others may write.
fn is_ours_alone(named: &Path) -> Result<(), String> {
    let me = rustix::process::geteuid().as_raw();
    let meant = fs::canonicalize(named).ok();
    for path in [Some(named), meant.as_deref()].into_iter().flatten() {
        for (above, place) in path.ancestors().enumerate() {
            let meta = match fs::metadata(place) {
                Ok(meta) => meta,
                Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
                Err(e) => return Err(format!("it is not run: {} cannot be looked at: {e}", place.display())),
            };
            if !is_ours(&meta, me, above > 1) {
                return Err(format!("it is not run: others than root and user id {me} may write {}", place.display()));
            }
        }
    }
    Ok(())
}

/// Whether only root and the daemon's user may write there. In a folder further up, where others keep only what is theirs, that is enough.
fn is_ours(meta: &Metadata, me: u32, further_up: bool) -> bool {
    let keeps = further_up && meta.mode() & STICKY != 0;
    (meta.uid() == 0 || meta.uid() == me) && (meta.mode() & OTHERS == 0 || keeps)
}
