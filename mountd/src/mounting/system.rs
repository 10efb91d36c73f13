//! mount(2) and umount2(2), as root.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::mount::{MountFlags, UnmountFlags};

use damfs::ops::mountinfo::FILESYSTEM;

use super::{MountError, Options, Parting, Place, holders};

const DEVICE: &str = "/dev/fuse";

/// Mounts, and gives the kernel's side. Without `allow_other` the kernel refuses everybody but the one user, root included, before a
/// request reaches us.
pub fn mount(place: &Place, options: &Options) -> Result<OwnedFd, MountError> {
    let device = open_device()?;
    let mut data = format!("fd={},rootmode=40000,user_id={},group_id={}", device.as_raw_fd(), options.uid, options.gid);
    if options.everyone {
        data.push_str(",allow_other");
    }
    if options.posix {
        data.push_str(",default_permissions");
    }
    let refused = |e: io::Error| MountError::Refused { path: place.path.clone(), source: e };
    let source = CString::new(options.source.as_bytes()).map_err(|e| refused(e.into()))?;
    let data = CString::new(data).map_err(|e| refused(e.into()))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    rustix::mount::mount(source, place.magic_path(), FILESYSTEM, flags, Some(data.as_c_str()))
        .map_err(|e| refused(e.into()))?;
    Ok(device)
}

/// Unmounts.
pub fn unmount(path: &Path, parting: Parting) -> Result<(), MountError> {
    let flags = match parting {
        Parting::WhenFree => UnmountFlags::NOFOLLOW,
        Parting::AtOnce => UnmountFlags::NOFOLLOW | UnmountFlags::DETACH,
    };
    rustix::mount::unmount(path, flags).map_err(|e| match e {
        rustix::io::Errno::BUSY => holders::in_use(path),
        e => MountError::Unmount { path: path.to_owned(), source: e.into() },
    })
}

fn open_device() -> Result<OwnedFd, MountError> {
    match File::options().read(true).write(true).open(DEVICE) {
        Ok(file) => Ok(file.into()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Err(MountError::NoDevice),
        Err(e) => Err(MountError::Device(e)),
    }
}
