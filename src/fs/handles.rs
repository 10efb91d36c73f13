//! Open files and directories. What a handle can do is what it is.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::dir::Listing;
use super::inodes::ExportRef;
use super::mount::Mount;
use super::{FsError, FsResult, OpenMode, attr};
use crate::access::Who;
use crate::blob::Reader;
use crate::catalog::{NodeRow, NodeStat};
use crate::ops::live_table::LiveHandle;
use crate::policy::Verb;
use crate::types::{AssetId, Attr, NodeId};

/// An open thing.
pub(super) enum Handle {
    /// A file of the tree.
    File(Box<OpenFile>),
    /// An earlier version.
    Version {
        reader: Reader,
        gate: Pass,
    },
    /// A text, as it was when it was opened.
    Text(Vec<u8>),
    /// A rendered export; rendered by the first read when opening did not.
    Export {
        export: Box<ExportRef>,
        bytes: OnceLock<Arc<Vec<u8>>>,
        gate: Pass,
    },
    /// A marked proxy for someone who may view but not download.
    Proxy {
        bytes: Vec<u8>,
        gate: Pass,
    },
    Dir(Box<Listing>),
}

/// An open file of the tree.
pub(super) struct OpenFile {
    pub(super) live: LiveHandle,
    pub(super) mode: OpenMode,
    /// The node as it was when opened; what `stat` shows once its name is gone.
    pub(super) row: NodeRow,
    pub(super) gate: Pass,
}

/// The decision that an open handle rests on; taken again when the epoch has moved.
pub(super) struct Pass {
    who: Arc<Who>,
    verb: Verb,
    asset: Option<AssetId>,
    epoch: AtomicU64,
}

impl Pass {
    pub(super) fn new(mount: &Mount, who: Arc<Who>, verb: Verb, asset: Option<AssetId>) -> Self {
        let epoch = AtomicU64::new(mount.library.gate.epoch());
        Self { who, verb, asset, epoch }
    }

    /// Whether the handle may still be used.
    pub(super) fn check(&self, mount: &Mount) -> FsResult<()> {
        let epoch = mount.library.gate.epoch();
        if self.epoch.load(Ordering::Relaxed) == epoch {
            return Ok(());
        }
        let who = mount.library.gate.who(&crate::access::Identity::Member(self.who.id))?;
        if let Some(id) = self.asset
            && let Some(asset) = mount.library.catalog.read(|tx| tx.asset(id))?
            && !mount.library.gate.decide(&who, self.verb, &asset).allowed
        {
            return Err(FsError::Denied("the right to this file was withdrawn while it was open".into()));
        }
        self.epoch.store(epoch, Ordering::Relaxed);
        Ok(())
    }
}

/// Every open handle of a mount.
#[derive(Default)]
pub(super) struct Handles {
    table: Mutex<HashMap<u64, Arc<Handle>>>,
    last: AtomicU64,
}

impl Handles {
    pub(super) fn add(&self, handle: Handle) -> u64 {
        let fh = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        self.lock().insert(fh, Arc::new(handle));
        fh
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Handle>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, fh: u64) -> FsResult<Arc<Handle>> {
        self.lock().get(&fh).cloned().ok_or(FsError::BadHandle)
    }

    pub(super) fn remove(&self, fh: u64) -> Option<Arc<Handle>> {
        self.lock().remove(&fh)
    }

    /// Runs on an open file of the tree.
    pub(super) fn file<T>(&self, fh: u64, f: impl FnOnce(&OpenFile) -> FsResult<T>) -> FsResult<T> {
        match self.get(fh)?.as_ref() {
            Handle::File(file) => f(file),
            Handle::Dir(_) => Err(FsError::IsDir),
            _ => Err(FsError::BadHandle),
        }
    }

    /// A node that has lost its name but is still open.
    pub(super) fn orphan(&self, id: NodeId) -> Option<NodeRow> {
        self.lock().values().find_map(|h| match h.as_ref() {
            Handle::File(file) if file.row.id == id => Some(file.row.clone()),
            _ => None,
        })
    }

    /// Attributes by handle where that is surer than by inode: of a file whose name is gone.
    pub(super) fn attr(&self, mount: &Mount, fh: u64, ino: u64) -> Option<Attr> {
        let handle = self.lock().get(&fh).cloned()?;
        let Handle::File(file) = handle.as_ref() else { return None };
        let gone = mount.library.catalog.read(|tx| tx.node(file.row.id)).ok()?.is_none();
        gone.then(|| attr::node(ino, &NodeStat::from(&file.row), Some(file.live.seen())))
    }
}
