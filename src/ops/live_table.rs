//! Every file that is open or staged: one [`LiveFile`] per node at any time, as long as anybody holds it.

use std::collections::HashMap;
use std::io;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};

use super::library::Library;
use super::live::{Io, LiveError, LiveFile, leaf};
use crate::blob::{BlobError, Reader};
use crate::catalog::NodeClass;
use crate::catalog::{ChangeKind, ChangeRow, NodeRow, WriteTx};
use crate::types::{ContentId, NodeId};

/// Turns that nodes share by number.
const TURNS: usize = 64;

/// An open handle; counts itself out when dropped.
pub struct LiveHandle {
    library: Arc<Library>,
    file: Arc<LiveFile>,
    /// Through which mount it may write.
    writes: Option<u64>,
}

impl Deref for LiveHandle {
    type Target = LiveFile;

    fn deref(&self) -> &LiveFile {
        &self.file
    }
}

impl Drop for LiveHandle {
    fn drop(&mut self) {
        self.file.leave(self.writes, self.library.clock.now());
        self.library.live.let_go(&self.library, &self.file);
    }
}

/// Every live file of a library.
pub struct LiveFiles {
    /// Its lock is never held while any other is taken.
    table: Mutex<HashMap<NodeId, Arc<LiveFile>>>,
    /// Held while a node's bytes are brought in or let go of: what is brought in is what the catalogue says after the last one let go.
    turns: [Mutex<()>; TURNS],
}

impl Default for LiveFiles {
    fn default() -> Self {
        Self { table: Mutex::default(), turns: std::array::from_fn(|_| Mutex::new(())) }
    }
}

impl LiveFiles {
    /// The live file of a node, if it is one. To look at: only a handle keeps it the one file of its node.
    #[must_use]
    pub fn get(&self, node: NodeId) -> Option<Arc<LiveFile>> {
        leaf(&self.table).get(&node).cloned()
    }

    /// All of them, to look at.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<LiveFile>> {
        leaf(&self.table).values().cloned().collect()
    }

    /// Hears of changes: what was no asset may be one.
    pub(super) fn hear(&self, rows: &[ChangeRow]) {
        for row in rows.iter().filter(|row| row.kind == ChangeKind::Node) {
            if let Some(file) = row.id.parse().ok().and_then(|id| self.get(NodeId(id))) {
                file.wake();
            }
        }
    }

    fn turn(&self, node: NodeId) -> MutexGuard<'_, ()> {
        leaf(&self.turns[usize::try_from(node.0 % TURNS as u64).unwrap_or(0)])
    }

    /// Opens a node's bytes; to write them through a mount.
    ///
    /// # Errors
    /// [`LiveError::Gone`] when it was removed meanwhile; when its content or staging file cannot be opened.
    pub fn open(&self, library: &Arc<Library>, node: NodeId, writes: Option<u64>) -> Result<LiveHandle, LiveError> {
        let _turn = self.turn(node);
        let file = match self.get(node) {
            Some(file) => file,
            None => {
                // The row as it is now: what the caller knows may be from before a version was made, or the node removed.
                let row = library.catalog.read(|tx| tx.node(node))?.ok_or(LiveError::Gone(node))?;
                let file = Arc::new(load(library, &row)?);
                leaf(&self.table).insert(node, file.clone());
                file
            }
        };
        file.enter(writes)?;
        Ok(LiveHandle { library: library.clone(), file, writes })
    }

    /// Forgets a file that nobody holds and that has nothing staged; bytes of a removed node go with it.
    fn let_go(&self, library: &Library, file: &Arc<LiveFile>) {
        if file.is_open() {
            return;
        }
        let _turn = self.turn(file.node);
        if file.is_open() || !self.get(file.node).is_some_and(|there| Arc::ptr_eq(&there, file)) {
            return;
        }
        if file.seen().nameless {
            let forget = |tx: &mut dyn WriteTx| {
                let kept = tx.node(file.node)?.is_some_and(|row| row.asset.is_none());
                if kept && tx.names_of(file.node)?.is_empty() { tx.remove_node(file.node) } else { Ok(()) }
            };
            if let Err(e) = library.catalog.write(forget) {
                tracing::warn!(node = %file.node, error = %e, "a file without a name stays until the next start");
            }
        }
        if file.seen().staged {
            let removed = library.catalog.read(|tx| tx.node(file.node)).is_ok_and(|row| row.is_none());
            if !removed {
                return;
            }
            file.drop_stage(library, &mut file.lock_io());
        }
        leaf(&self.table).remove(&file.node);
    }
}

fn load(library: &Library, row: &NodeRow) -> Result<LiveFile, LiveError> {
    let open = |id: ContentId| -> Result<Reader, BlobError> {
        let content = library
            .catalog
            .read(|tx| tx.content(id))
            .map_err(|e| BlobError::Io(io::Error::other(e.to_string())))?
            .ok_or_else(|| BlobError::Io(io::Error::other(format!("content {id} is not in the catalogue"))))?;
        Ok(library.vault.open(&content))
    };
    let committed = match row.content {
        Some(id) => Some((id, open(id)?)),
        None => None,
    };
    let stage = match row.staged.then(|| library.stages.recover(row.id, &mut |id| open(id))) {
        None => None,
        Some(Ok(Some(stage))) => Some(stage),
        Some(Ok(None)) => return Err(LiveError::StageMissing(row.id)),
        // The inbox refuses a damaged file itself, in its report: an empty one in its place would wait there unseen.
        Some(Err(e @ BlobError::Damaged { .. })) if row.class != NodeClass::Inbox => {
            library.set_stage_aside(row.id, &e)?;
            None
        }
        Some(Err(e)) => return Err(e.into()),
    };
    Ok(LiveFile::new(row, Io { stage, committed, generation: 0, told_committed: false }))
}
