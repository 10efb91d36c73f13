//! Who keeps a mount busy, as far as `/proc` lets us see.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::MountError;

/// Named at most; the rest is counted.
const NAMED: usize = 8;

/// The refusal to unmount what is in use, with the processes that use it.
pub fn in_use(mountpoint: &Path) -> MountError {
    let mut found = holders(mountpoint);
    let more = found.len().saturating_sub(NAMED);
    found.truncate(NAMED);
    let mut by = match found.len() {
        0 => String::new(),
        1 => format!(", by process {}", found.join("")),
        _ => format!(", by the processes {}", found.join(", ")),
    };
    if more > 0 {
        by.push_str(&format!(" and {more} more"));
    }
    MountError::InUse { path: mountpoint.to_owned(), by }
}

/// `pid (name)` of every process that has a file open or mapped in the mount, or works or runs in it.
fn holders(mountpoint: &Path) -> Vec<String> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let mut pids: Vec<u32> =
        processes.flatten().filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok())).collect();
    pids.sort_unstable();
    pids.into_iter().filter(|pid| holds(*pid, mountpoint)).map(named).collect()
}

fn holds(pid: u32, mountpoint: &Path) -> bool {
    let process = PathBuf::from(format!("/proc/{pid}"));
    let inside = |link: PathBuf| fs::read_link(link).is_ok_and(|to| to.starts_with(mountpoint));
    if ["cwd", "root", "exe"].iter().any(|link| inside(process.join(link))) {
        return true;
    }
    let open = fs::read_dir(process.join("fd")).is_ok_and(|fds| fds.flatten().any(|fd| inside(fd.path())));
    open || fs::read(process.join("maps")).is_ok_and(|maps| maps_into(&maps, mountpoint))
}

/// The sixth field of a line of `maps` is the path; it may hold blanks.
fn maps_into(maps: &[u8], mountpoint: &Path) -> bool {
    let path = |line: &'_ [u8]| line.iter().position(|b| *b == b'/').map(|at| line[at..].to_vec());
    maps.split(|b| *b == b'\n')
        .filter_map(path)
        .any(|path| Path::new(std::ffi::OsStr::from_bytes(&path)).starts_with(mountpoint))
}

fn named(pid: u32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    format!("{pid} ({})", name.trim())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_open_file_names_its_process() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().canonicalize().unwrap();
        assert!(holders(&at).is_empty());
        let _open = fs::File::create(at.join("x")).unwrap();
        let me = std::process::id();
        assert!(holds(me, &at));
        assert!(in_use(&at).to_string().contains(&format!("process {me} (")), "{}", in_use(&at));
        assert!(!holds(me, &at.join("x y")));
    }

    #[test]
    fn a_mapped_file_counts() {
        let maps = b"7f-8f r-xp 00000000 00:37 12    /mnt/a b/x.png\n9f-af rw-p 0 00:00 0 \n";
        assert!(maps_into(maps, Path::new("/mnt/a b")));
        assert!(!maps_into(maps, Path::new("/mnt/a")));
    }
}
