//! Where the programs are that clips and pictures are read by.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use damfs::ops::clips::Tools;
use damfs::ops::converter::{Decoder, QuickDecoder, Writer};

/// Finds in the folders of `PATH` what clips are rendered by.
///
/// # Errors
/// What is missing, and how to get it.
pub fn of_clips(path: Option<&OsStr>) -> Result<Tools, String> {
    let found = |name| program(path, name, "ffmpeg").map_err(|why| format!("{why} and mount again"));
    Ok(Tools { sandbox: itself()?, ffmpeg: found("ffmpeg")?, ffprobe: found("ffprobe")? })
}

/// Finds there what AVIF and HEIC are decoded by.
///
/// # Errors
/// What is missing, and how to get it.
pub fn of_pictures(path: Option<&OsStr>) -> Result<Decoder, String> {
    Ok(Decoder { sandbox: itself()?, vips: program(path, "vips", "libvips-tools")? })
}

/// Finds there what AVIF is written by.
///
/// # Errors
/// What is missing, and how to get it.
pub fn of_avif(path: Option<&OsStr>) -> Result<Writer, String> {
    Ok(Writer { sandbox: itself()?, avifenc: program(path, "avifenc", "libavif-bin")? })
}

/// Finds there what WebP is decoded by in half of the time.
///
/// # Errors
/// What is missing, and how to get it.
pub fn of_webp(path: Option<&OsStr>) -> Result<QuickDecoder, String> {
    Ok(QuickDecoder { sandbox: itself()?, dwebp: program(path, "dwebp", "webp")? })
}

fn itself() -> Result<PathBuf, String> {
    std::env::current_exe().map_err(|e| format!("dam-mountd cannot find itself: {e}"))
}

fn program(path: Option<&OsStr>, name: &str, package: &str) -> Result<PathBuf, String> {
    let folders = path.into_iter().flat_map(std::env::split_paths).filter(|folder| folder.is_absolute());
    let is_program = |file: &PathBuf| file.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    let found = folders.map(|folder| folder.join(name)).find(is_program);
    found.ok_or_else(|| format!("{name} is not there; install {package} (apt-get install {package})"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        let empty = tempfile::tempdir().unwrap();
        for path in [None, Some(OsStr::new("")), Some(OsStr::new("bin")), Some(empty.path().as_os_str())] {
            let why = of_clips(path).unwrap_err();
            assert!(why.contains("ffmpeg is not there; install ffmpeg"), "{why}");
            let why = of_pictures(path).unwrap_err();
            assert!(why.contains("vips is not there; install libvips-tools"), "{why}");
            let why = of_avif(path).unwrap_err();
            assert!(why.contains("avifenc is not there; install libavif-bin"), "{why}");
            let why = of_webp(path).unwrap_err();
            assert!(why.contains("dwebp is not there; install webp"), "{why}");
        }
    }
}
