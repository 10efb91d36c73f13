//! Putting a mount in place and taking it away: as root by mount(2), as anybody else through fusermount3.

mod error;
mod helper;
mod holders;
mod place;
mod system;

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use damfs::ops::mountinfo;
pub use error::MountError;
pub use place::Place;
use tracing::{debug, warn};

const READ_AHEAD_KB: &str = "1024";

/// Who reaches a mount, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// Shown as the mount's source: the library's path.
    pub source: OsString,
    /// The one user who reaches it, unless `everyone`.
    pub uid: u32,
    pub gid: u32,
    /// Every user id reaches it; the library decides for each.
    pub everyone: bool,
    /// The kernel checks mode bits as well.
    pub posix: bool,
}

/// How a mount is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parting {
    /// Only when nothing in it is open; else everything stays as it is.
    WhenFree,
    /// Out of the tree at once; programs keep what they have open in it.
    AtOnce,
}

/// A mount in place. It is taken away by [`Mounted::unmount`], not by being dropped: the loops must still run then.
#[derive(Debug, Clone)]
pub struct Mounted {
    /// Where, for people.
    pub path: PathBuf,
    /// The filesystem's number, which no other mount has while this one exists.
    device: mountinfo::DeviceNo,
    by: By,
}

/// The mounted root, by descriptor: it needs no path and no permission on one. Held, it keeps the mount busy.
#[derive(Debug)]
pub struct Root(OwnedFd);

/// What [`mount`] gives.
#[derive(Debug)]
pub struct Fresh {
    pub mounted: Mounted,
    pub root: Root,
    /// Where the kernel's requests come.
    pub device: OwnedFd,
}

#[derive(Debug, Clone, Copy)]
enum By {
    System,
    Helper,
}

/// Mounts. Nothing answers yet.
///
/// # Errors
/// Each says what to do.
pub fn mount(place: Place, options: &Options) -> Result<Fresh, MountError> {
    let by = By::of_process();
    let device_fd = match by {
        By::System => system::mount(&place, options)?,
        By::Helper => helper::mount(&place, options)?,
    };
    match place.mounted_root() {
        Ok((root, device)) => {
            let mounted = Mounted { path: place.path, device, by };
            Ok(Fresh { mounted, root: Root(root), device: device_fd })
        }
        Err(e) => {
            // Dropping the descriptor cuts the connection; what is left is a dead mount, which goes too.
            drop(device_fd);
            let _ = by.unmount(&place.path, Parting::AtOnce);
            Err(e)
        }
    }
}

impl Mounted {
    /// To be called when the loops run: asks the mount for its root's attributes, as the user whom it answers.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn settle_in(&self, root: Root, uid: u32, gid: u32) -> Result<(), MountError> {
        mountinfo::stat_as(&root.0, uid, gid)
            .map_err(|source| MountError::Silent { path: self.path.clone(), source })?;
        self.raise_read_ahead();
        Ok(())
    }

    /// Takes the mount away, if it still is ours. Nobody's later mount at the same path is touched.
    ///
    /// # Errors
    /// [`MountError::InUse`] when it had to be free and is not; when the system refuses.
    pub fn unmount(&self, parting: Parting) -> Result<(), MountError> {
        let table = mountinfo::read().map_err(MountError::Table)?;
        // A detached mount is in no table; one that was moved is where the table says.
        let Some(path) = mountinfo::places_of(&table, self.device).pop() else {
            return Ok(());
        };
        if mountinfo::topmost(&table, &path).is_none_or(|top| top.device != self.device) {
            return Err(MountError::Covered { path });
        }
        self.by.unmount(&path, parting)
    }

    /// Whether the mount table still has it.
    pub fn is_in_place(&self) -> bool {
        mountinfo::read().is_ok_and(|table| !mountinfo::places_of(&table, self.device).is_empty())
    }

    /// Larger reads: the kernel offers 128 KiB in the protocol's first exchange, which would undo this, and takes more afterwards.
    fn raise_read_ahead(&self) {
        let path = format!("/sys/class/bdi/{}/read_ahead_kb", self.device);
        if let Err(e) = std::fs::write(&path, READ_AHEAD_KB) {
            debug!(error = %e, "read-ahead stays as it is");
        }
    }
}

impl By {
    fn of_process() -> Self {
        if rustix::process::geteuid().is_root() { Self::System } else { Self::Helper }
    }

    fn unmount(self, path: &Path, parting: Parting) -> Result<(), MountError> {
        match self {
            Self::System => system::unmount(path, parting),
            Self::Helper => helper::unmount(path, parting),
        }
    }
}

/// Takes away what a daemon that died left behind; ours alone.
fn clear_dead(path: &Path, line: &mountinfo::Line) -> Result<(), MountError> {
    if !line.is_ours() {
        return Err(MountError::DeadForeign { path: path.to_owned(), filesystem: line.filesystem.clone() });
    }
    warn!("taking away a dead mount");
    By::of_process().unmount(path, Parting::AtOnce)
}
