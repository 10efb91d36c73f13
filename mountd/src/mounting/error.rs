//! Why there is no mount, and what to do.

use std::io;
use std::path::PathBuf;

use damfs::ops::proto::{Failure, FailureKind};

/// Why there is no mount.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    #[error("/dev/fuse does not exist")]
    NoDevice,
    #[error("/dev/fuse may not be opened: {0}")]
    Device(#[source] io::Error),
    #[error("{} does not exist", path.display())]
    Missing { path: PathBuf },
    #[error("{} is not a directory", path.display())]
    NotDirectory { path: PathBuf },
    #[error("{} is not empty", path.display())]
    NotEmpty { path: PathBuf },
    #[error("{} is a mountpoint already, of {mounted}", path.display())]
    Busy { path: PathBuf, mounted: String },
    #[error("{} holds a dead mount of type {filesystem}, which is not ours", path.display())]
    DeadForeign { path: PathBuf, filesystem: String },
    #[error("{} is covered by another mount", path.display())]
    Covered { path: PathBuf },
    #[error("{} cannot be used: {source}", path.display())]
    Place { path: PathBuf, source: io::Error },
    #[error("fusermount3 was not found")]
    NoHelper,
    #[error("fusermount3 refused: {0}")]
    Helper(String),
    #[error("the system refused to mount at {}: {source}", path.display())]
    Refused { path: PathBuf, source: io::Error },
    #[error("the system refused to unmount {}: {source}", path.display())]
    Unmount { path: PathBuf, source: io::Error },
    #[error("busy: files are open in {}{by}", path.display())]
    InUse { path: PathBuf, by: String },
    #[error("{} is no UTF-8, and a mount there could not be named again", path.display())]
    NotText { path: PathBuf },
    #[error("the mount at {} does not answer: {source}", path.display())]
    Silent { path: PathBuf, source: io::Error },
    #[error("the mount table cannot be read: {0}")]
    Table(#[source] io::Error),
    #[error("the kernel's first request was not understood: {0}")]
    Handshake(#[source] io::Error),
}

impl MountError {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::NoDevice => "load the module with `modprobe fuse`; in a container, pass --device /dev/fuse".into(),
            Self::Device(_) => "ask the administrator for access to /dev/fuse (usually mode 0666)".into(),
            Self::Missing { path } => format!("make it: mkdir -p '{}'", path.display()),
            Self::NotDirectory { .. } => "name an empty directory".into(),
            Self::NotEmpty { .. } => "name an empty directory; what is in this one would be hidden by the mount".into(),
            Self::Busy { path, .. } | Self::Covered { path } => {
                format!("name another directory, or unmount that first: umount '{}'", path.display())
            }
            Self::DeadForeign { path, .. } => format!("unmount it first: fusermount3 -u -z '{}'", path.display()),
            Self::Place { .. } => "check that you may enter and read the directory".into(),
            Self::NoHelper => "install the fuse3 package, or run as root".into(),
            Self::Helper(said) if said.contains("user_allow_other") => {
                "a shared mount needs `user_allow_other` in /etc/fuse.conf, or a daemon that runs as root".into()
            }
            Self::Helper(_) => "check that /dev/fuse is accessible and that you own the directory".into(),
            Self::Refused { .. } => "mounting needs CAP_SYS_ADMIN; in a container, pass --cap-add SYS_ADMIN".into(),
            Self::InUse { path, .. } => {
                format!("close them, or cut them off with: dam unmount --force '{}'", path.display())
            }
            Self::NotText { .. } => "name a directory whose path is UTF-8".into(),
            Self::Unmount { path, .. } => format!("try: umount -l '{}'", path.display()),
            Self::Silent { .. } | Self::Handshake(_) => "see the daemon's log (DAM_LOG=debug says more)".into(),
            Self::Table(_) => "is /proc mounted?".into(),
        }
    }
}

impl From<MountError> for Failure {
    fn from(e: MountError) -> Self {
        let kind = match &e {
            MountError::Missing { .. } => FailureKind::NotFound,
            _ => FailureKind::Failed,
        };
        Self { kind, message: e.to_string(), hint: Some(e.hint()) }
    }
}
