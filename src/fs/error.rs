//! The filesystem's errors, and the only table of errno in the tree.

use crate::access::AccessError;
use crate::blob::BlobError;
use crate::catalog::CatalogError;
use crate::media::MediaError;
use crate::ops::clips::PreviewError;
use crate::ops::read_only::READ_ONLY;
use crate::ops::stills::StillError;
use crate::policy::Verb;

/// Shorthand.
pub type FsResult<T> = Result<T, FsError>;

/// Why a call was refused or failed. What a caller may not list is [`FsError::NotFound`], in every place.
#[derive(Debug, thiserror::Error)]
pub enum FsError {
    #[error("no such file or directory")]
    NotFound,
    /// An export that turned out not to be one: nothing can be rendered of it (ENOENT).
    #[error("no such export: {0}")]
    NoExport(String),
    /// Of a clip that he may only view there is nothing that could be shown (EOPNOTSUPP).
    #[error("{0}")]
    NoPreview(String),
    /// Nor can it be made just now (EIO).
    #[error("{0}")]
    NoPreviewNow(String),
    /// The inode is gone; its name may have another by now, so the kernel looks again (ESTALE).
    #[error("stale file handle")]
    Stale,
    #[error("file exists")]
    Exists,
    #[error("not a directory")]
    NotDir,
    #[error("is a directory")]
    IsDir,
    #[error("directory not empty")]
    NotEmpty,
    #[error("invalid argument: {0}")]
    Invalid(&'static str),
    /// A value that cannot be a facet's (EINVAL).
    #[error("invalid value: {0}")]
    BadValue(String),
    #[error("file name too long")]
    NameTooLong,
    #[error("file too large")]
    TooLarge,
    #[error("bad file handle")]
    BadHandle,
    /// A seek for data or a hole behind the end.
    #[error("no such offset")]
    NoSuchOffset,
    #[error("no such attribute")]
    NoAttribute,
    #[error("attribute list does not fit")]
    Range,
    #[error("operation not supported: {0}")]
    Unsupported(&'static str),
    /// The role does not allow it (EACCES).
    #[error("permission denied: {}", .0.reason)]
    Denied(Denial),
    /// The board or a guideline does not allow it (EPERM).
    #[error("operation not permitted: {}", .0.reason)]
    Barred(Denial),
    /// The place does not allow it, whoever asks (EPERM).
    #[error("operation not permitted: {0}")]
    NotPermitted(String),
    /// The place is read-only (EROFS).
    #[error("read-only place: {0}")]
    ReadOnly(String),
    /// The member is read-only (EROFS).
    #[error("read-only member: {}", .0.reason)]
    Held(Denial),
    /// Between two worlds that share no bytes (EXDEV); programs fall back to copying.
    #[error("not across this boundary: {0}")]
    CrossDevice(&'static str),
    #[error("busy: {0}")]
    Busy(String),
    /// A render took too long; the caller tries again.
    #[error("not ready yet; try again")]
    TryAgain,
    #[error("no space left on device")]
    NoSpace,
    /// The daemon has as many files open as the system lets it (ENFILE: it is not the program's own limit).
    #[error("too many open files in the daemon")]
    TooManyOpen,
    /// The bytes or the catalogue failed; logged as an error.
    #[error("input/output error: {0}")]
    Io(String),
}

/// What was refused, as the audit log tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    pub verb: Verb,
    /// The id of what it was tried with, or what it is called.
    pub subject: String,
    pub reason: String,
}

/// What a refusal is of that no single thing decides.
pub(super) const LIBRARY: &str = "library";

impl FsError {
    /// A refusal of the roles.
    pub fn denied(verb: Verb, subject: impl ToString, reason: impl Into<String>) -> Self {
        Self::Denied(Denial { verb, subject: subject.to_string(), reason: reason.into() })
    }

    /// A refusal to whoever is read-only, whatever the roles say.
    pub(super) fn held(subject: impl ToString) -> Self {
        Self::Held(Denial { verb: Verb::Edit, subject: subject.to_string(), reason: READ_ONLY.to_owned() })
    }

    /// What it tells the audit log, of a try by whom the roles, the board, a guideline or an admin hold back.
    pub(super) fn denial(&self) -> Option<&Denial> {
        match self {
            Self::Denied(denial) | Self::Barred(denial) | Self::Held(denial) => Some(denial),
            _ => None,
        }
    }

    /// For calls that name an inode, which the kernel had from a name: that is looked up again, and only when it leads nowhere now is the
    /// answer that there is nothing.
    pub(super) fn of_inode(self) -> Self {
        match self {
            Self::NotFound | Self::NoExport(_) => Self::Stale,
            other => other,
        }
    }

    /// The number that the kernel gets.
    #[must_use]
    pub fn errno(&self) -> i32 {
        match self {
            Self::NotFound | Self::NoExport(_) => libc::ENOENT,
            Self::Stale => libc::ESTALE,
            Self::Exists => libc::EEXIST,
            Self::NotDir => libc::ENOTDIR,
            Self::IsDir => libc::EISDIR,
            Self::NotEmpty => libc::ENOTEMPTY,
            Self::Invalid(_) | Self::BadValue(_) => libc::EINVAL,
            Self::NameTooLong => libc::ENAMETOOLONG,
            Self::TooLarge => libc::EFBIG,
            Self::BadHandle => libc::EBADF,
            Self::NoSuchOffset => libc::ENXIO,
            Self::NoAttribute => libc::ENODATA,
            Self::Range => libc::ERANGE,
            Self::Unsupported(_) | Self::NoPreview(_) => libc::EOPNOTSUPP,
            Self::Denied(_) => libc::EACCES,
            Self::NotPermitted(_) | Self::Barred(_) => libc::EPERM,
            Self::ReadOnly(_) | Self::Held(_) => libc::EROFS,
            Self::CrossDevice(_) => libc::EXDEV,
            Self::Busy(_) => libc::EBUSY,
            Self::TryAgain => libc::EAGAIN,
            Self::NoSpace => libc::ENOSPC,
            Self::TooManyOpen => libc::ENFILE,
            Self::Io(_) | Self::NoPreviewNow(_) => libc::EIO,
        }
    }

    /// Whether the refusal has a sentence that belongs into `.dam/errors`.
    #[must_use]
    pub fn sentence(&self) -> Option<&str> {
        match self {
            Self::NoExport(s)
            | Self::NoPreview(s)
            | Self::NoPreviewNow(s)
            | Self::BadValue(s)
            | Self::Denied(Denial { reason: s, .. })
            | Self::Barred(Denial { reason: s, .. })
            | Self::Held(Denial { reason: s, .. })
            | Self::NotPermitted(s)
            | Self::ReadOnly(s)
            | Self::Busy(s) => Some(s),
            Self::CrossDevice(s) | Self::Unsupported(s) => Some(s),
            _ => None,
        }
    }

    /// Whether this is a fault of the store rather than an answer; logged as an error.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        matches!(self, Self::Io(_))
    }
}

impl From<CatalogError> for FsError {
    fn from(e: CatalogError) -> Self {
        match e {
            CatalogError::Full => Self::NoSpace,
            CatalogError::Conflict => Self::TryAgain,
            other => Self::Io(other.to_string()),
        }
    }
}

impl From<BlobError> for FsError {
    fn from(e: BlobError) -> Self {
        match e {
            BlobError::Full => Self::NoSpace,
            BlobError::Io(e) => e.into(),
            other => Self::Io(other.to_string()),
        }
    }
}

impl From<std::io::Error> for FsError {
    fn from(e: std::io::Error) -> Self {
        match (e.kind(), e.raw_os_error()) {
            (std::io::ErrorKind::StorageFull, _) => Self::NoSpace,
            (_, Some(libc::EMFILE | libc::ENFILE)) => Self::TooManyOpen,
            _ => Self::Io(e.to_string()),
        }
    }
}

impl From<AccessError> for FsError {
    fn from(e: AccessError) -> Self {
        match e {
            AccessError::Catalog(e) => e.into(),
            refused => Self::denied(Verb::List, LIBRARY, refused.to_string()),
        }
    }
}

impl From<StillError> for FsError {
    fn from(e: StillError) -> Self {
        match e {
            StillError::Lasting(reason) => Self::NoExport(reason),
            StillError::Media(e @ (MediaError::Unavailable { .. } | MediaError::Unwritable { .. })) => {
                Self::NoExport(e.to_string())
            }
            StillError::Busy => Self::TryAgain,
            StillError::Catalog(e) => e.into(),
            StillError::Blob(e) => e.into(),
            StillError::NoContent(_) | StillError::Differs(_) | StillError::Media(_) => Self::Io(e.to_string()),
        }
    }
}

impl From<PreviewError> for FsError {
    fn from(e: PreviewError) -> Self {
        match e {
            PreviewError::None { .. } => Self::NoPreview(e.to_string()),
            PreviewError::Passing { .. } => Self::NoPreviewNow(e.to_string()),
            PreviewError::Catalog(e) => e.into(),
            PreviewError::Blob(e) => e.into(),
        }
    }
}

impl From<crate::types::NameError> for FsError {
    fn from(e: crate::types::NameError) -> Self {
        match e {
            crate::types::NameError::TooLong(_) => Self::NameTooLong,
            _ => Self::Invalid("not a file name"),
        }
    }
}
