//! Where the programs are that clips are rendered by.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use damfs::ops::clips::Tools;

/// Finds them in the folders of `PATH`.
///
/// # Errors
/// What is missing, and how to get it.
pub fn find(path: Option<OsString>) -> Result<Tools, String> {
    let sandbox = std::env::current_exe().map_err(|e| format!("dam-mountd cannot find itself: {e}"))?;
    let folders: Vec<PathBuf> = path.iter().flat_map(std::env::split_paths).filter(|f| f.is_absolute()).collect();
    let program = |name: &str| {
        let found = folders
            .iter()
            .map(|folder| folder.join(name))
            .find(|program| program.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0));
        found.ok_or_else(|| format!("{name} is not there; install ffmpeg (apt-get install ffmpeg) and mount again"))
    };
    Ok(Tools { sandbox, ffmpeg: program("ffmpeg")?, ffprobe: program("ffprobe")? })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        let empty = tempfile::tempdir().unwrap();
        for path in [None, Some(OsString::new()), Some("bin".into()), Some(empty.path().into())] {
            let why = find(path).unwrap_err();
            assert!(why.contains("ffmpeg is not there; install ffmpeg"), "{why}");
        }
    }
}
