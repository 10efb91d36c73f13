//! Why a library cannot be made or opened, and what to do.

use std::path::PathBuf;

use super::library::FORMAT;
use crate::blob::BlobError;
use crate::catalog::CatalogError;
use crate::crypto::CryptoError;

/// Why a library cannot be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{} is not a damfs library", .path.display())]
    NotALibrary { path: PathBuf },
    #[error("{} is not a folder", .path.display())]
    NotAFolder { path: PathBuf },
    #[error("the damfs.toml of {} cannot be read: {why}", .path.display())]
    Damaged { path: PathBuf, why: String },
    #[error("{} is a damfs library already", .path.display())]
    Exists { path: PathBuf },
    #[error("{} is not empty", .path.display())]
    NotEmpty { path: PathBuf },
    #[error("the library is sealed and its key file is not at {}", .path.display())]
    NoKey { path: PathBuf },
    #[error("the library is sealed and no key file was given")]
    KeyNeeded,
    #[error("no permission to read the key file {}", .path.display())]
    KeyDenied { path: PathBuf },
    #[error("the key does not open this library")]
    WrongKey,
    #[error("the key file would lie inside the library at {}", .path.display())]
    KeyInside { path: PathBuf },
    #[error("the library is in use by process {pid}")]
    InUse { pid: u32 },
    #[error("the library has format {found}; this damfs knows up to {FORMAT}")]
    NewerFormat { found: u32 },
    #[error("no permission to open {}", .path.display())]
    Denied { path: PathBuf },
    #[error("the roles file cannot be used: {0}")]
    Roles(String),
    #[error("version {no} of the roles is in force and cannot be read: {why}")]
    RolesInForce { no: u64, why: String },
    #[error("the glossary cannot be used: {0}")]
    Glossary(String),
    #[error("[c2pa] in damfs.toml cannot be used: {0}")]
    Signing(String),
    #[error("{what}: {source}")]
    Io { what: String, source: std::io::Error },
    #[error(transparent)]
    Crypto(CryptoError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Blob(#[from] BlobError),
}

impl OpenError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotALibrary { .. } => "make one with `dam init LIBRARY`, or name another with --library",
            Self::NotAFolder { .. } => "name a folder, or a name that is free",
            Self::Damaged { .. } => "put it back from a backup of the library; the rest of the library is not touched",
            Self::KeyDenied { .. } => "run as the user who owns it, or name another with --key-file FILE",
            Self::Exists { .. } => "use it as it is, or choose another folder",
            Self::NotEmpty { .. } => "choose a new or empty folder",
            Self::NoKey { .. } | Self::KeyNeeded => {
                "name the key file with --key-file FILE or DAM_KEY_FILE; without it the library cannot be read"
            }
            Self::WrongKey => "name the key file that `dam init` wrote for this library with --key-file FILE",
            Self::KeyInside { .. } => "keep the key outside: whoever copies the library must not get its key",
            Self::InUse { .. } => "it is being used in place or served by a daemon; wait for it, or unmount it first",
            Self::NewerFormat { .. } | Self::Catalog(CatalogError::NewerSchema { .. }) => "install a newer damfs",
            Self::Denied { .. } => "ask the library's owner to serve it (dam mount), or run as that user",
            Self::Roles(_) => "mend roles.toml in the library folder",
            Self::RolesInForce { .. } => {
                "no other text decides in its place: open it with the damfs that put it in force, and put one in force there that both read"
            }
            Self::Glossary(_) => "mend glossary.toml in the library folder; `dam glossary check FILE` reads it",
            Self::Signing(_) => "mend it, or take [c2pa] out of damfs.toml: exports are not signed then",
            Self::Io { .. } => "check the disk and the folder's permissions",
            Self::Crypto(_) => "put the keyring back from a backup of the library; nothing was changed",
            Self::Catalog(CatalogError::Damaged(_)) => {
                "everything but the catalogue is untouched; `dam fsck --rebuild` makes it again"
            }
            Self::Catalog(_) | Self::Blob(_) => {
                "when this stays, restore the library from a backup; nothing was changed"
            }
        }
    }
}

impl From<CryptoError> for OpenError {
    fn from(e: CryptoError) -> Self {
        match e {
            CryptoError::WrongKey | CryptoError::OtherLibrary { .. } => Self::WrongKey,
            other => Self::Crypto(other),
        }
    }
}
