//! What a library folder is opened from, but for its catalogue: keys, lock, store, staging files.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::library::{Library, LibraryInfo, OpenError, io};
use crate::blob::{LocalStore, StageDir, Vault};
use crate::crypto::Keyring;
use crate::rng::SharedEntropy;

/// A library without its catalogue, held by its lock.
pub(super) struct Parts {
    /// The true path.
    pub root: PathBuf,
    pub info: LibraryInfo,
    pub keyring: Arc<Keyring>,
    pub vault: Arc<Vault>,
    pub stages: Arc<StageDir>,
    pub lock: File,
}

impl Parts {
    /// Opens them and takes the lock.
    pub(super) fn open(root: &Path, key_file: Option<&Path>, entropy: &SharedEntropy) -> Result<Self, OpenError> {
        let info = Library::info_of(root)?;
        let root = root.canonicalize().map_err(io("cannot find the library folder"))?;
        let sealed = fs::read(root.join("keyring")).map_err(|e| match e.kind() {
            std::io::ErrorKind::PermissionDenied => OpenError::Denied { path: root.clone() },
            _ => OpenError::Io { what: "cannot read the keyring".into(), source: e },
        })?;
        let keyring = if info.sealed {
            let path = key_file.ok_or(OpenError::KeyNeeded)?;
            let text = fs::read_to_string(path).map_err(|e| match e.kind() {
                std::io::ErrorKind::NotFound => OpenError::NoKey { path: path.into() },
                std::io::ErrorKind::PermissionDenied => OpenError::KeyDenied { path: path.into() },
                _ => OpenError::Io { what: format!("cannot read the key file {}", path.display()), source: e },
            })?;
            Keyring::open(&sealed, &text)?
        } else {
            Keyring::open_plain(&sealed)?
        };
        let lock = lock(&root)?;
        let keyring = Arc::new(keyring);
        let store = LocalStore::open(&root.join("store"))?;
        let vault = Arc::new(Vault::new(Arc::new(store), keyring.clone(), entropy.clone()));
        let stages = Arc::new(StageDir::open(&root.join("stage"), keyring.clone(), entropy.clone())?);
        Ok(Self { root, info, keyring, vault, stages, lock })
    }
}

/// Takes the library's lock, or tells who has it.
fn lock(root: &Path) -> Result<File, OpenError> {
    let mut file =
        super::wire::open_run_file(root, "lock", OpenOptions::new().read(true).write(true)).map_err(|e| {
            match e.kind() {
                std::io::ErrorKind::PermissionDenied => OpenError::Denied { path: root.into() },
                _ => OpenError::Io { what: "cannot open the library's lock".into(), source: e },
            }
        })?;
    match file.try_lock() {
        Ok(()) => {
            file.set_len(0)
                .and_then(|()| file.rewind())
                .and_then(|()| write!(file, "{}", std::process::id()))
                .map_err(io("cannot write the library's lock"))?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let _ = file.read_to_string(&mut text);
            Err(OpenError::InUse { pid: text.trim().parse().unwrap_or(0) })
        }
        Err(TryLockError::Error(source)) => Err(OpenError::Io { what: "cannot lock the library".into(), source }),
    }
}
