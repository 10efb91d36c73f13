//! Space of the disk that holds the library: it counts everything, whoever asks (a stated limit).

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::SpaceInfo;

/// Asks the disk.
///
/// # Errors
/// When it does not answer.
pub fn of(path: &Path) -> io::Result<SpaceInfo> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut out = std::mem::MaybeUninit::<libc::statvfs>::zeroed();
    #[expect(unsafe_code, reason = "std offers no statvfs")]
    // SAFETY: the path is NUL-terminated, the buffer is the size that statvfs fills, and it is read only after success.
    let found = unsafe {
        if libc::statvfs(path.as_ptr(), out.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        out.assume_init()
    };
    Ok(SpaceInfo {
        block_size: u32::try_from(found.f_frsize).unwrap_or(4096),
        blocks: found.f_blocks,
        free: found.f_bfree,
        available: found.f_bavail,
        files: found.f_files,
        files_free: found.f_ffree,
    })
}
