//! Open files and directories. What a handle can do is what it is.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::dir::Listing;
use super::error::LIBRARY;
use super::inodes::ExportRef;
use super::mount::Mount;
use super::text::Text;
use super::{FsError, FsResult, OpenMode};
use crate::access::{Identity, Who};
use crate::blob::Reader;
use crate::catalog::{NodeRow, ReadTx};
use crate::media::video::FilledPreview;
use crate::ops::clips::{KeptClip, Preview};
use crate::ops::live::Writer;
use crate::ops::live_table::LiveHandle;
use crate::policy::Verb;
use crate::policy::platforms::Placement;
use crate::types::{AssetId, NodeId};

/// An open thing.
pub(super) enum Handle {
    /// A file of the tree.
    File(Box<OpenFile>),
    /// An earlier version.
    Version {
        reader: Reader,
        gate: Arc<Rights>,
    },
    /// A text, as it was when it was opened.
    Text {
        bytes: Vec<u8>,
        gate: Arc<Rights>,
    },
    /// A rendered export; rendered by the first read when opening did not.
    Export {
        export: Arc<ExportRef>,
        bytes: OnceLock<Arc<Vec<u8>>>,
        gate: Arc<Rights>,
    },
    /// A finished clip.
    Clip {
        asset: AssetId,
        clip: KeptClip,
        gate: Arc<Rights>,
    },
    /// A marked proxy for someone who may view but not download.
    Proxy {
        bytes: Vec<u8>,
        gate: Arc<Rights>,
    },
    /// The same of a clip; made by the first read when it is not kept.
    Preview {
        preview: Box<Preview>,
        bytes: OnceLock<Arc<FilledPreview>>,
        gate: Arc<Rights>,
    },
    Dir(Box<Listing>),
}

impl Handle {
    /// What it rests on. A directory rests on nothing: each listing decides.
    pub(super) fn rights(&self) -> Option<&Arc<Rights>> {
        match self {
            Self::File(file) => Some(&file.gate),
            Self::Version { gate, .. }
            | Self::Text { gate, .. }
            | Self::Export { gate, .. }
            | Self::Clip { gate, .. }
            | Self::Proxy { gate, .. }
            | Self::Preview { gate, .. } => Some(gate),
            Self::Dir(_) => None,
        }
    }

    /// Whether it may still be read.
    pub(super) fn may_read(&self, mount: &Mount) -> FsResult<()> {
        self.rights().map_or(Err(FsError::IsDir), |rights| rights.may_read(mount))
    }
}

/// An open file of the tree.
pub(super) struct OpenFile {
    pub(super) live: LiveHandle,
    pub(super) mode: OpenMode,
    /// The node as it was when opened; what `stat` shows once its name is gone.
    pub(super) row: NodeRow,
    /// Of the bytes, when it was opened.
    pub(super) generation: u64,
    /// Whether anything was written through it.
    pub(super) began: AtomicBool,
    pub(super) gate: Arc<Rights>,
    /// Who opened it.
    pub(super) by: Writer,
}

/// What a handle was opened for, and may be used for as long as the gate says so. Apart from the handle, so that judging it never keeps
/// a closed file open.
pub(super) struct Rights {
    reads: Option<Pass>,
    writes: Option<Pass>,
}

impl Rights {
    pub(super) fn new(reads: Option<Pass>, writes: Option<Pass>) -> Arc<Self> {
        Arc::new(Self { reads, writes })
    }

    /// Who opened it.
    pub(super) fn who(&self) -> Option<&Who> {
        self.reads.as_ref().or(self.writes.as_ref()).map(|pass| &*pass.who)
    }

    /// Whether it was opened for reading and may still be read.
    pub(super) fn may_read(&self, mount: &Mount) -> FsResult<()> {
        self.reads.as_ref().ok_or(FsError::BadHandle)?.check(mount)
    }

    /// The same for writing.
    pub(super) fn may_write(&self, mount: &Mount) -> FsResult<()> {
        self.writes.as_ref().ok_or(FsError::BadHandle)?.check(mount)
    }

    /// Whether it may still be asked where its bytes are: as it may be read, and where it was opened for writing alone as it may be written.
    pub(super) fn may_look(&self, mount: &Mount) -> FsResult<()> {
        self.reads.as_ref().or(self.writes.as_ref()).map_or(Ok(()), |pass| pass.check(mount))
    }

    /// Whether all that it was opened for may still be done.
    pub(super) fn check(&self, mount: &Mount) -> FsResult<()> {
        self.reads.iter().chain(&self.writes).try_for_each(|pass| pass.check(mount))
    }
}

/// What a handle leads to.
pub(super) enum Target {
    /// A node of the tree, as it was when opened: whatever asset it is of by now decides.
    Node(NodeRow),
    Asset(AssetId),
    /// In circulation for a placement, for who may export it.
    Export(AssetId, Arc<Placement>),
    Text(Text),
}

impl Target {
    /// What a refusal is of.
    fn subject(&self) -> String {
        match self {
            Self::Node(NodeRow { asset: Some(id), .. })
            | Self::Asset(id)
            | Self::Export(id, _)
            | Self::Text(Text::Record(id) | Text::Why(id) | Text::Pending(id, _) | Text::Caption(id, _)) => {
                id.to_string()
            }
            Self::Node(node) => node.id.to_string(),
            Self::Text(_) => LIBRARY.to_owned(),
        }
    }
}

/// The decision that an open handle rests on; taken again when the epoch has moved.
pub(super) struct Pass {
    who: Arc<Who>,
    verb: Verb,
    target: Target,
    epoch: AtomicU64,
}

impl Pass {
    /// `epoch` was read before it was asked who he is, and so before the gate decided: what moved since is decided again at the first use. Read
    /// behind that, a member who was changed in between would go on by the rights that he had.
    pub(super) fn new(who: Arc<Who>, verb: Verb, target: Target, epoch: u64) -> Self {
        Self { who, verb, target, epoch: AtomicU64::new(epoch) }
    }

    /// Whether the handle may still be used.
    fn check(&self, mount: &Mount) -> FsResult<()> {
        let epoch = mount.library.gate.epoch();
        if self.epoch.load(Ordering::Relaxed) == epoch {
            return Ok(());
        }
        let who = mount.library.gate.who(&Identity::Member(self.who.id))?;
        if self.verb == Verb::Edit && who.read_only {
            return Err(FsError::held(self.target.subject()));
        }
        mount.library.catalog.read(|tx| self.judge(mount, tx, &who)).map_err(|e| match e {
            FsError::NotFound | FsError::Denied(_) => {
                let reason = "the right to this file was withdrawn while it was open";
                FsError::denied(self.verb, self.target.subject(), reason)
            }
            e => e,
        })?;
        self.epoch.store(epoch, Ordering::Relaxed);
        Ok(())
    }

    fn judge(&self, mount: &Mount, tx: &dyn ReadTx, who: &Who) -> FsResult<()> {
        let asset = |id: AssetId| tx.asset(id)?.ok_or(FsError::NotFound);
        match &self.target {
            Target::Node(opened) => {
                let node = tx.node(opened.id)?.unwrap_or_else(|| opened.clone());
                let (node, _) = mount.known(tx, who, node)?;
                mount.may_node(tx, who, self.verb, &node)
            }
            Target::Asset(id) => mount.may(who, self.verb, &asset(*id)?),
            Target::Export(id, placement) | Target::Text(Text::Caption(id, placement)) => {
                // A verdict for a newer version ends no copy under way of the one that was approved before.
                let verdict = asset(*id)?.status.remove(&placement.platform);
                let version = verdict.and_then(|v| v.version).map(|id| tx.version(id)).transpose()?.flatten();
                let version = version.ok_or(FsError::NotFound)?;
                mount.in_circulation(tx, who, *id, &version, placement).map(|_| ())
            }
            Target::Text(Text::Record(id) | Text::Why(id) | Text::Pending(id, _)) => {
                mount.may(who, Verb::List, &asset(*id)?)
            }
            Target::Text(Text::Library) => mount.sees_everything(who),
            Target::Text(_) => Ok(()),
        }
    }
}

/// Every open handle of a mount.
#[derive(Default)]
pub(super) struct Handles {
    table: Mutex<HashMap<u64, Open>>,
    last: AtomicU64,
}

/// A handle, and the number of the inode that the kernel opened.
type Open = (u64, Arc<Handle>);

impl Handles {
    pub(super) fn add(&self, ino: u64, handle: Handle) -> u64 {
        let fh = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        self.lock().insert(fh, (ino, Arc::new(handle)));
        fh
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Open>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, fh: u64) -> FsResult<Arc<Handle>> {
        self.lock().get(&fh).map(|(_, handle)| handle.clone()).ok_or(FsError::BadHandle)
    }

    pub(super) fn remove(&self, fh: u64) -> Option<Arc<Handle>> {
        self.lock().remove(&fh).map(|(_, handle)| handle)
    }

    /// What every one of them rests on, with the number of its inode.
    pub(super) fn rights(&self) -> Vec<(u64, Arc<Rights>)> {
        self.lock().values().filter_map(|(ino, handle)| Some((*ino, handle.rights()?.clone()))).collect()
    }

    /// Runs on an open file of the tree.
    pub(super) fn file<T>(&self, fh: u64, f: impl FnOnce(&OpenFile) -> FsResult<T>) -> FsResult<T> {
        match self.get(fh)?.as_ref() {
            Handle::File(file) => f(file),
            Handle::Dir(_) => Err(FsError::IsDir),
            _ => Err(FsError::BadHandle),
        }
    }

    /// A node that has lost its name but is still open, as it was when it was opened.
    pub(super) fn orphan(&self, id: NodeId) -> Option<NodeRow> {
        self.lock().values().find_map(|(_, h)| match h.as_ref() {
            Handle::File(file) => Some(&file.row).filter(|row| row.id == id).cloned(),
            Handle::Dir(listing) => listing.folder().filter(|row| row.id == id).cloned(),
            _ => None,
        })
    }
}
