//! What can go wrong in an operation, and how it is told to people.

use damfs_policy::Verb;

use super::library::OpenError;
use super::live::LiveError;
use super::proto::{Failure, FailureKind};
use super::several::Missing;
use crate::access::AccessError;
use crate::blob::BlobError;
use crate::catalog::CatalogError;
use crate::types::NameError;

/// Why an operation was not done. What the caller may not list is [`OpsError::NotFound`].
#[derive(Debug, thiserror::Error)]
pub enum OpsError {
    /// Nothing of that name that the caller may list.
    #[error("no such asset: `{0}`")]
    NotFound(String),
    /// A name or number that nothing has: of a member, of a version.
    #[error("{message}")]
    Unknown { message: String, hint: String },
    /// The request itself is wrong.
    #[error("{message}")]
    Usage { message: String, hint: Option<String> },
    /// A word that the library's glossary gives to nothing.
    #[error("{message}")]
    NoTerm { message: String, hint: String },
    /// The role does not allow it. `subject` goes to the audit log: an id or a path.
    #[error("{reason}")]
    Refused { verb: Verb, subject: String, reason: String },
    /// The board or a guideline does not allow it to whoever may review. `subject` goes to the audit log.
    #[error("{message}")]
    Barred { subject: String, message: String, hint: String },
    /// The second factor was not given, or wrong. On record by then.
    #[error("{message}")]
    Locked { message: String, hint: String },
    /// Some of several things cannot be done, and so none was.
    #[error("{}", failure.message)]
    Several { failure: Box<Failure>, missing: Vec<Missing> },
    /// The request is right and cannot be done.
    #[error("{message}")]
    Failed { message: String, hint: Option<String> },
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Live(#[from] LiveError),
    #[error("cannot read: {0}")]
    Io(#[from] std::io::Error),
}

impl OpsError {
    /// A wrong request, with what to do instead.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: Some(hint.into()) }
    }

    /// A failure, with what to do next.
    pub fn failed(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Failed { message: message.into(), hint: Some(hint.into()) }
    }
}

impl From<NameError> for OpsError {
    fn from(e: NameError) -> Self {
        Self::Usage { message: e.to_string(), hint: None }
    }
}

impl From<OpsError> for Failure {
    fn from(e: OpsError) -> Self {
        if let OpsError::Several { failure, .. } = e {
            return *failure;
        }
        let message = e.to_string();
        let (kind, hint) = match e {
            OpsError::NotFound(_) => (
                FailureKind::NotFound,
                Some(
                    "a PATH is a path in a mount of the library, library/..., versions/..., trash/..., or an asset id"
                        .to_owned(),
                ),
            ),
            OpsError::Unknown { hint, .. } => (FailureKind::NotFound, Some(hint)),
            OpsError::NoTerm { hint, .. } => (FailureKind::Usage, Some(hint)),
            OpsError::Usage { hint, .. } => (FailureKind::Usage, hint),
            // What an admin may is no matter of a path that `dam why` could be asked about.
            OpsError::Refused { verb: Verb::Admin, .. } => (FailureKind::Refused, None),
            OpsError::Refused { subject, .. } => {
                (FailureKind::Refused, Some(format!("see what is allowed with: dam why {subject}")))
            }
            OpsError::Locked { hint, .. } | OpsError::Barred { hint, .. } => (FailureKind::Refused, Some(hint)),
            OpsError::Access(AccessError::Catalog(_)) => (FailureKind::Failed, None),
            OpsError::Access(_) => (FailureKind::Refused, None),
            OpsError::Failed { hint, .. } => (FailureKind::Failed, hint),
            OpsError::Several { failure, .. } => (failure.kind, failure.hint),
            OpsError::Blob(BlobError::Missing(_) | BlobError::Damaged { .. }) => {
                (FailureKind::Failed, Some("see what else is wrong with: dam fsck --deep".to_owned()))
            }
            OpsError::Catalog(_) | OpsError::Blob(_) | OpsError::Live(_) | OpsError::Io(_) => {
                (FailureKind::Failed, None)
            }
        };
        Self { kind, message, hint }
    }
}

/// The command line and the daemon tell the same fault the same way.
impl From<&OpenError> for Failure {
    fn from(e: &OpenError) -> Self {
        let kind = match e {
            OpenError::NotALibrary { .. } => FailureKind::NotFound,
            OpenError::KeyInside { .. } | OpenError::NotAFolder { .. } => FailureKind::Usage,
            OpenError::Denied { .. } => FailureKind::Refused,
            _ => FailureKind::Failed,
        };
        let hint = match e {
            OpenError::InUse { pid } if *pid != 0 => format!("wait for process {pid} to end, or unmount the library"),
            other => other.hint().to_owned(),
        };
        Self { kind, message: e.to_string(), hint: Some(hint) }
    }
}
