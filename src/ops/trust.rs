//! Whose a program is that is run for the library's owner: whoever may write it, or put another in its place, says what the daemon does.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What others than the owner may write.
const OTHERS: u32 = 0o022;
/// Only who owns an entry takes it away, whoever may write in the folder.
const STICKY: u32 = 0o1000;

/// Nothing when nobody but root and the daemon's user says what this command's program is: by the file, by the folder that it lies in, or by
/// one above. A link is as good as both of its ends. What is not there is nobody's; running it tells that.
///
/// # Errors
/// Which place others may write.
pub(super) fn program(command: &[String]) -> Result<(), String> {
    let Some(named) = command.first().map(Path::new) else { return Ok(()) };
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
