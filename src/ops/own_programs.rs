//! Programs of the library's owner, which tell of alerts and look at pictures: whose they are, how each begins, and how it ends. Whoever may
//! write one, put another in its place, or write the text that names it, says what the daemon does.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Component, Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};

/// Where programs that it starts are looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What others than the owner may write.
const OTHERS: u32 = 0o022;
/// Only who owns an entry takes it away, whoever may write in the folder.
const STICKY: u32 = 0o1000;
/// As many as the kernel follows.
const MOST_LINKS: u32 = 40;

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

/// Nothing when nobody but root and the daemon's user says what a program is: by the file, by a link on the way to it, or by a folder that any
/// of these lies in. What is not there is nobody's; running it tells that.
///
/// # Errors
/// Which place others may write.
fn is_ours_alone(named: &Path) -> Result<(), String> {
    let me = rustix::process::geteuid().as_raw();
    let (mut here, mut links) = (PathBuf::from("/"), 0);
    let mut ahead = steps(named);
    while let Some(step) = ahead.pop() {
        if step == ".." {
            here.pop();
            continue;
        }
        let place = here.join(&step);
        let unread = |e: io::Error| format!("it is not run: {} cannot be looked at: {e}", place.display());
        let meta = match fs::symlink_metadata(&place) {
            Ok(meta) => meta,
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(()),
            Err(e) => return Err(unread(e)),
        };
        if !is_ours(&meta, me, ahead.len() > 1) {
            return Err(format!("it is not run: others than root and user id {me} may write {}", place.display()));
        }
        if !meta.is_symlink() {
            here = place;
            continue;
        }
        links += 1;
        if links > MOST_LINKS {
            return Err(format!("it is not run: {} leads round in a circle; name the program itself", named.display()));
        }
        let to = fs::read_link(&place).map_err(unread)?;
        if to.is_absolute() {
            here = PathBuf::from("/");
        }
        ahead.extend(steps(&to));
    }
    Ok(())
}

/// The names on a path, the last one first.
fn steps(path: &Path) -> Vec<OsString> {
    let named = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    });
    let mut steps: Vec<OsString> = named.collect();
    steps.reverse();
    steps
}

/// Whether only root and the daemon's user may write there. In a folder further up, where others keep only what is theirs, that is enough.
fn is_ours(meta: &Metadata, me: u32, further_up: bool) -> bool {
    // A link's own mode says nothing.
    let keeps = meta.is_symlink() || further_up && meta.mode() & STICKY != 0;
    (meta.uid() == 0 || meta.uid() == me) && (meta.mode() & OTHERS == 0 || keeps)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    /// Regression: of a chain of links only the first place and the last were looked at.
    #[test]
    fn every_link_on_the_way_to_a_program_is_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for folder in ["a", "b", "c"] {
            fs::create_dir(at(folder)).unwrap();
        }
        fs::write(at("c/tell"), "").unwrap();
        symlink("../b/tell", at("a/tell")).unwrap();
        symlink(at("c/tell"), at("b/tell")).unwrap();
        symlink("b", at("by")).unwrap();
        symlink("round", at("round")).unwrap();
        for ours in ["a/tell", "b/tell", "c/tell", "by/tell", "by/../a/tell", "gone/tell", "c/tell/more"] {
            assert_eq!(is_ours_alone(&at(ours)), Ok(()), "{ours}");
        }
        assert!(is_ours_alone(&at("round")).unwrap_err().contains("circle"));
        fs::set_permissions(at("b"), fs::Permissions::from_mode(0o777)).unwrap();
        for others in ["a/tell", "by/tell"] {
            assert!(is_ours_alone(&at(others)).unwrap_err().ends_with("/b"), "{others}");
        }
        fs::set_permissions(at("b"), fs::Permissions::from_mode(0o755)).unwrap();
        // Only root gives things away.
        if chown(at("b"), Some(1001), None).is_ok() {
            assert!(is_ours_alone(&at("a/tell")).unwrap_err().ends_with("/b"));
        }
    }
}
