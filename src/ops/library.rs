//! Stub until the real one is merged.
use super::OpsError;
use crate::access::Gate;
use crate::blob::{StageDir, Vault};
use crate::catalog::Catalog;
use crate::clock::SharedClock;
use crate::crypto::Permutation;
use crate::rng::SharedEntropy;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub struct Library {
    pub catalog: Catalog,
    pub vault: Arc<Vault>,
    pub stages: Arc<StageDir>,
    pub gate: Arc<Gate>,
    pub clock: SharedClock,
    pub entropy: SharedEntropy,
    pub permutation: Permutation,
    root: PathBuf,
    id: String,
}
#[derive(Debug, Clone, Copy)]
pub enum KeyChoice<'a> {
    File(&'a Path),
    Plain,
}
#[derive(Debug)]
pub struct Created {
    pub id: String,
}
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{path:?} is not a library")]
    NotALibrary { path: PathBuf },
    #[error("{path:?} is a library already")]
    Exists { path: PathBuf },
    #[error("not empty")]
    NotEmpty,
    #[error("no key at {path:?}")]
    NoKey { path: PathBuf },
    #[error("wrong key")]
    WrongKey,
    #[error("another library's key")]
    OtherKey,
    #[error("in use by process {pid}")]
    InUse { pid: u32 },
    #[error("newer format")]
    NewerFormat,
    #[error("denied")]
    Denied,
    #[error("io: {0}")]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Catalog(#[from] crate::catalog::CatalogError),
}
impl Library {
    pub fn create(
        root: &Path,
        _key: KeyChoice<'_>,
        _admin: (&str, u32),
        _clock: SharedClock,
        _entropy: SharedEntropy,
    ) -> Result<Created, OpenError> {
        Err(OpenError::NotALibrary { path: root.to_owned() })
    }
    pub fn open(
        root: &Path,
        _key: Option<&Path>,
        _clock: SharedClock,
        _entropy: SharedEntropy,
    ) -> Result<Arc<Self>, OpenError> {
        Err(OpenError::NotALibrary { path: root.to_owned() })
    }
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
    pub fn settle(&self) -> Result<u64, OpsError> {
        Ok(0)
    }
}
