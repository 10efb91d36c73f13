//! Opening, reading, writing, closing.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock, PoisonError};

use super::handles::{Handle, OpenFile, Pass, Rights, Target};
use super::inodes::{ExportRef, Space, Virtual};
use super::mount::{Mount, Object};
use super::proxies::Mask;
use super::xattr::{QUALITY, SIGNED};
use super::{Audience, FsError, FsResult, OpenMode, Opened, SpaceInfo, Takes};
use crate::access::Who;
use crate::catalog::{Asset, ChangeKind, NodeClass, NodeKind, NodeRow, VersionRow};
use crate::media;
use crate::ops::live::LiveError;
use crate::ops::reads;
use crate::policy::Verb;
use crate::policy::platforms::Placement;
use crate::types::{AssetId, Caller, Content, ContentId, NodeId, ReadAt};
use crate::view::recipes::is_converted;

/// The largest file: what the staging format can count.
const MAX_SIZE: u64 = 1 << 50;

impl From<LiveError> for FsError {
    fn from(e: LiveError) -> Self {
        match e {
            LiveError::Blob(e) => e.into(),
            LiveError::Catalog(e) => e.into(),
            LiveError::Gone(_) => Self::Stale,
            LiveError::StageMissing(_) => Self::Io(e.to_string()),
        }
    }
}

/// Which place a seek looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seek {
    Data,
    Hole,
}

/// What rendering a version takes.
fn rendering(version: &VersionRow) -> Takes {
    match version.kind.as_str() {
        // Made when it is read.
        "video" => Takes::Nothing,
        _ if media::is_heif(&version.format) => Takes::Conversion,
        _ => Takes::Render,
    }
}

/// What rendering an export takes.
fn exporting(export: &ExportRef) -> Takes {
    if is_converted(&export.version, &export.recipe) { Takes::Conversion } else { Takes::Render }
}

impl Mount {
    /// What telling the attributes of this inode takes.
    #[must_use]
    pub fn stat_takes(&self, ino: u64) -> Takes {
        match self.remembered(ino).as_deref() {
            Some(Virtual::Export(export)) if !self.is_sized(export) => exporting(export),
            _ => Takes::Nothing,
        }
    }

    /// What reading an attribute of it takes.
    #[must_use]
    pub fn getxattr_takes(&self, ino: u64, name: &[u8]) -> Takes {
        match self.remembered(ino).as_deref() {
            Some(Virtual::Export(export)) if name == SIGNED && export.recipe.signed.is_some() => {
                if self.is_rendered(export) { Takes::Nothing } else { exporting(export) }
            }
            _ if name == QUALITY => self.stat_takes(ino),
            _ => Takes::Nothing,
        }
    }

    /// What opening it takes.
    #[must_use]
    pub fn open_takes(&self, ino: u64) -> Takes {
        match self.remembered(ino).as_deref() {
            Some(Virtual::Proxy(_, version) | Virtual::VersionProxy(_, version)) => {
                let version = self.library.catalog.read(|tx| tx.version(*version));
                version.ok().flatten().map_or(Takes::Render, |version| rendering(&version))
            }
            _ => Takes::Nothing,
        }
    }

    /// What reading from a handle takes. A preview that is kept is read for that.
    #[must_use]
    pub fn read_takes(&self, fh: u64) -> Takes {
        match self.handles.get(fh).as_deref() {
            Ok(Handle::Export { bytes, export, .. }) if bytes.get().is_none() && !self.is_rendered(export) => {
                exporting(export)
            }
            // What is kept may be gone or be damaged by the time that it is read: only what is in memory takes nothing.
            Ok(Handle::Preview { preview, bytes, .. }) if bytes.get().is_none() => {
                match self.library.preview_at_hand(preview) {
                    Some(kept) => {
                        bytes.get_or_init(|| kept);
                        Takes::Nothing
                    }
                    None => Takes::Preview,
                }
            }
            _ => Takes::Nothing,
        }
    }

    /// What telling where data is behind a handle takes: where an export ends is known when it is rendered, of a preview beforehand.
    #[must_use]
    pub fn seek_takes(&self, fh: u64) -> Takes {
        match self.handles.get(fh).as_deref() {
            Ok(Handle::Preview { .. }) => Takes::Nothing,
            _ => self.read_takes(fh),
        }
    }

    fn remembered(&self, ino: u64) -> Option<Arc<Virtual>> {
        (self.inodes.space(ino) == Space::Remembered).then(|| self.inodes.get(ino)).flatten()
    }

    /// Opens a file. The gate decides here, each time. `thread` is whose program is told of in the audit log; 0 when it is not known.
    ///
    /// # Errors
    /// [`FsError::Denied`] with the rule that decided; [`FsError::ReadOnly`] for writing to what is made by damfs.
    pub fn open(&self, caller: &Caller, thread: u32, ino: u64, mode: OpenMode) -> FsResult<Opened> {
        let epoch = self.library.gate.epoch();
        let who = self.who(caller)?;
        let result = self.open_for(&who, epoch, caller, thread, ino, mode);
        self.explain(&who, "open", result)
    }

    /// The same within another call; `epoch` as [`Pass::new`] has it.
    pub(super) fn open_for(
        &self,
        who: &Arc<Who>,
        epoch: u64,
        caller: &Caller,
        thread: u32,
        ino: u64,
        mode: OpenMode,
    ) -> FsResult<Opened> {
        let opened = self.open_as(who, epoch, thread, ino, mode).map_err(FsError::of_inode)?;
        let cut =
            if mode.truncate { self.handles.file(opened.fh, |file| self.drop_set_id(caller, file)) } else { Ok(()) };
        // The kernel closes nothing that it was not given.
        cut.inspect_err(|_| drop(self.handles.remove(opened.fh))).map(|()| opened)
    }

    fn open_as(&self, who: &Arc<Who>, epoch: u64, thread: u32, ino: u64, mode: OpenMode) -> FsResult<Opened> {
        // Cutting is writing, also through a descriptor that can only read.
        let mode = OpenMode { write: mode.write || mode.truncate, ..mode };
        if mode.write {
            Self::may_alter(who)?;
        }
        let (object, read) = self.library.catalog.read(|tx| {
            let object = self.object(tx, who, ino)?;
            let mut read = None;
            if let Object::Node(node, _) = &object {
                if node.kind == NodeKind::Dir {
                    return Err(FsError::IsDir);
                }
                if mode.read {
                    read = self.judge_node(tx, who, Verb::Download, node)?;
                }
                if mode.write {
                    self.may_change(tx, who, Verb::Edit, node)?;
                }
            }
            Ok::<_, FsError>((object, read))
        })?;
        let read_only = |what: &str| {
            if mode.write {
                Err(FsError::ReadOnly(format!("{what}; copy it into library/ to change it")))
            } else {
                Ok(())
            }
        };
        let reading = Some(&object).filter(|_| mode.read).and_then(|object| reading(object, read.as_ref()));
        let opened = match object {
            Object::Dir(_) => Err(FsError::IsDir),
            Object::Link(_) => Err(FsError::Invalid("a symbolic link has no bytes")),
            Object::Node(node, _) => self.open_node(who, *node, mode, epoch),
            Object::Version(version, asset) => {
                read_only("earlier versions are read-only")?;
                self.may(who, Verb::Download, &asset)?;
                let reader = self.library.vault.open(&self.content_of(&version)?);
                let gate =
                    Rights::new(Some(Pass::new(who.clone(), Verb::Download, Target::Asset(asset.id), epoch)), None);
                let fh = self.handles.add(ino, Handle::Version { reader, gate });
                Ok(Opened { fh, keep_cache: self.may_keep(), direct_io: false, forget_attr: false, flushes: false })
            }
            Object::Export(export) => {
                read_only("exports are read-only")?;
                self.may(who, Verb::Export, &export.asset)?;
                let export = Arc::new(*export);
                let gate = Rights::new(
                    Some(Pass::new(
                        who.clone(),
                        Verb::Export,
                        Target::Export(export.asset.id, Arc::clone(&export.placement)),
                        epoch,
                    )),
                    None,
                );
                let fh = self.handles.add(ino, Handle::Export { export, bytes: OnceLock::new(), gate });
                Ok(Opened { fh, keep_cache: self.may_keep(), direct_io: false, forget_attr: false, flushes: false })
            }
            Object::Clip(clip) => {
                read_only("exports are read-only")?;
                self.may(who, Verb::Export, &clip.asset)?;
                let target = Target::Export(clip.asset.id, Arc::clone(&clip.placement));
                let gate = Rights::new(Some(Pass::new(who.clone(), Verb::Export, target, epoch)), None);
                let handle = Handle::Clip { asset: clip.asset.id, clip: self.open_clip(&clip), gate };
                let fh = self.handles.add(ino, handle);
                Ok(Opened { fh, keep_cache: self.may_keep(), direct_io: false, forget_attr: false, flushes: false })
            }
            Object::Aside(node) => {
                self.library.catalog.read(|tx| {
                    if mode.write {
                        self.may_change(tx, who, Verb::Edit, &node)?;
                    }
                    self.may_node(tx, who, Verb::Download, &node)
                })?;
                // It may be his again: then it is another inode.
                Err(FsError::Stale)
            }
            Object::Proxy { asset, version, mask, .. } => {
                if mode.write {
                    self.may(who, Verb::Edit, &asset)?;
                }
                read_only("a proxy is read-only")?;
                match mask {
                    Mask::Picture => self.open_proxy(who, ino, &asset, version, epoch),
                    Mask::Clip => self.open_preview(who, ino, &asset, version, epoch),
                    Mask::Closed => {
                        self.may(who, Verb::Download, &asset)?;
                        // It may be his again: then it is another inode.
                        Err(FsError::Stale)
                    }
                }
            }
            Object::Text(text) => {
                read_only("this text is made by damfs")?;
                let (bytes, _) = self.text(who, &text)?;
                let gate = Rights::new(Some(Pass::new(who.clone(), Verb::List, Target::Text(text), epoch)), None);
                let fh = self.handles.add(ino, Handle::Text { bytes, gate });
                Ok(Opened { fh, keep_cache: false, direct_io: true, forget_attr: false, flushes: false })
            }
        }?;
        if let Some((asset, what)) = reading {
            self.library.note_reading(who, asset, what, thread);
        }
        Ok(opened)
    }

    /// The bytes of a version.
    pub(super) fn content_of(&self, version: &VersionRow) -> FsResult<Content> {
        let content = self.library.catalog.read(|tx| tx.content(version.content))?;
        content.ok_or_else(|| FsError::Io(format!("content {} is not in the catalogue", version.content)))
    }

    /// Only a personal mount's pages belong to one member; between opens others keep none.
    fn may_keep(&self) -> bool {
        matches!(self.audience, Audience::Member(_))
    }

    /// Opens a node's bytes; the gate has decided, in this epoch or later.
    pub(super) fn open_node(&self, who: &Arc<Who>, node: NodeRow, mode: OpenMode, epoch: u64) -> FsResult<Opened> {
        let by = self.writer(who.id);
        let live = self.library.live.open(&self.library, node.id, mode.write.then_some(self.number))?;
        let cut = mode.truncate && live.seen().size > 0;
        if cut {
            self.part(&live, by, false)?;
            live.set_len(&self.library, by, 0)?;
        }
        let (generation, content) = live.shown();
        let keep_cache = self.may_keep() && self.is_cached(node.id, content);
        let forget_attr = self.is_late(node.ctime) || live.seen().staged || live.has_writers();
        let pass = |verb| Pass::new(who.clone(), verb, Target::Node(node.clone()), epoch);
        let (reads, writes) = (mode.read.then(|| pass(Verb::Download)), mode.write.then(|| pass(Verb::Edit)));
        let (ino, gate) = (self.inodes.node(node.id), Rights::new(reads, writes));
        let file = OpenFile { live, mode, row: node, generation, began: AtomicBool::new(cut), gate, by };
        let fh = self.handles.add(ino, Handle::File(Box::new(file)));
        Ok(Opened { fh, keep_cache, direct_io: false, forget_attr, flushes: mode.write })
    }

    /// Whether the kernel's pages of a node are those that it would read now.
    fn is_cached(&self, node: NodeId, content: Option<ContentId>) -> bool {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        match content {
            Some(content) => cached.insert(node, content) == Some(content),
            None => {
                cached.remove(&node);
                false
            }
        }
    }

    /// Pages that were read through a handle whose file has changed since it was opened are not those of the opening.
    fn pages_read(&self, file: &OpenFile) {
        if file.live.generation() != file.generation {
            self.cached.lock().unwrap_or_else(PoisonError::into_inner).remove(&file.row.id);
        }
    }

    /// Reads; fewer bytes than asked only at the end.
    ///
    /// # Errors
    /// When the right was withdrawn, or the bytes do not verify.
    pub fn read(&self, _caller: &Caller, fh: u64, offset: u64, size: usize) -> FsResult<Vec<u8>> {
        let handle = self.handles.get(fh)?;
        let read = self.read_from(&handle, offset, size);
        self.explain_use(handle.rights(), "read", read)
    }

    fn read_from(&self, handle: &Handle, offset: u64, size: usize) -> FsResult<Vec<u8>> {
        let fill = |source: &dyn Fn(u64, &mut [u8]) -> std::io::Result<usize>| -> FsResult<Vec<u8>> {
            let mut buf = vec![0; size];
            let got = source(offset, &mut buf)?;
            buf.truncate(got);
            Ok(buf)
        };
        handle.may_read(self)?;
        let bytes = match handle {
            Handle::File(file) => {
                let bytes = fill(&|o, b| file.live.read(o, b));
                self.pages_read(file);
                bytes
            }
            Handle::Version { reader, .. } => fill(&|o, b| reader.read_at(o, b)),
            Handle::Text { bytes, .. } | Handle::Proxy { bytes, .. } => fill(&|o, b| bytes.as_slice().read_at(o, b)),
            Handle::Clip { asset, clip, .. } => self.read_clip(*asset, clip, offset, size),
            Handle::Preview { preview, bytes, gate } => {
                let made = self.previewed(preview, bytes, gate)?;
                fill(&|o, b| made.read_at(o, b))
            }
            Handle::Export { export, bytes, .. } => {
                let rendered = match bytes.get() {
                    Some(rendered) => rendered.clone(),
                    None => {
                        let rendered = self.render(export).map_err(FsError::of_inode)?;
                        bytes.get_or_init(|| rendered).clone()
                    }
                };
                fill(&|o, b| rendered.as_slice().read_at(o, b))
            }
            Handle::Dir(_) => Err(FsError::IsDir),
        }?;
        // A right that was withdrawn meanwhile: what was under way fails, so that nothing reaches the pages after they were taken back.
        handle.may_read(self)?;
        Ok(bytes)
    }

    /// Writes all of it or nothing; with `append` at the end, wherever that is by now.
    ///
    /// # Errors
    /// [`FsError::NoSpace`] when the disk is full.
    pub fn write(&self, caller: &Caller, fh: u64, offset: u64, data: &[u8], append: bool) -> FsResult<usize> {
        self.handles.file(fh, |file| {
            self.may_write(file, "write")?;
            if offset.saturating_add(data.len() as u64) > MAX_SIZE {
                return Err(FsError::TooLarge);
            }
            self.begin(file)?;
            self.drop_set_id(caller, file)?;
            file.live.write(&self.library, file.by, offset, data, append)?;
            Ok(data.len())
        })
    }

    fn may_write(&self, file: &OpenFile, op: &str) -> FsResult<()> {
        self.explain_use(Some(&file.gate), op, file.gate.may_write(self))
    }

    /// The last chance for an error to reach `close`: records size and time of what was written.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn flush(&self, _caller: &Caller, fh: u64) -> FsResult<()> {
        let handle = self.handles.get(fh)?;
        if let Handle::File(file) = handle.as_ref()
            && file.mode.write
        {
            self.record_bytes(file)?;
            file.live.flushed();
        }
        Ok(())
    }

    /// Puts size and time into the node's row when they differ.
    fn record_bytes(&self, file: &OpenFile) -> FsResult<()> {
        let Some(seen) = file.live.to_record() else { return Ok(()) };
        let now = self.library.clock.now();
        let recorded = self.library.catalog.write(|tx| -> FsResult<()> {
            let Some(mut row) = tx.node(file.row.id)? else { return Ok(()) };
            // What has content may have been committed meanwhile.
            let staged = row.staged || row.content.is_none();
            if row.size == seen.size && row.mtime == seen.mtime && row.staged == staged {
                return Ok(());
            }
            row.staged = staged;
            row.size = seen.size;
            row.mtime = seen.mtime;
            row.mtime_set = seen.mtime_set;
            row.ctime = now;
            tx.put_node(&row)?;
            tx.change(ChangeKind::Node, &row.id.to_string())?;
            Ok(())
        });
        if recorded.is_err() {
            file.live.not_recorded();
        }
        recorded
    }

    /// Closes for good. What cannot be recorded now is recorded when the version is made. Returns a file that [`Mount::settle`] is to
    /// be called for, when there is time.
    ///
    /// # Errors
    /// Never after a good open: nobody would hear of it.
    pub fn release(&self, _caller: &Caller, fh: u64) -> FsResult<Option<NodeId>> {
        let handle = self.handles.remove(fh).ok_or(FsError::BadHandle)?;
        if let Handle::File(file) = handle.as_ref() {
            if file.mode.write
                && let Err(e) = self.record_bytes(file)
            {
                tracing::error!(node = %file.row.id, error = %e, "size and time could not be recorded at close");
            }
            if file.row.class == NodeClass::Asset && file.mode.write {
                let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
                cached.remove(&file.row.id);
            }
            return Ok(Some(file.row.id).filter(|id| file.mode.write && self.library.view_copies.waits(*id)));
        }
        Ok(None)
    }

    /// Makes views true after a file was copied into one. Takes as long as reading the file does: never on the kernel's loops.
    pub fn settle(&self, node: NodeId) {
        let copy = self.library.catalog.read(|tx| tx.node(node)).ok().flatten().and_then(|n| n.asset);
        if let (Some(copy), Some(twin)) = (copy, self.library.settle_view_copy(node)) {
            self.move_aliases(copy, twin);
        }
    }

    /// Returns when the file's bytes and its record survive a power cut.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn fsync(&self, _caller: &Caller, fh: u64, data_only: bool) -> FsResult<()> {
        match self.handles.get(fh)?.as_ref() {
            Handle::File(file) => {
                self.record_bytes(file)?;
                file.live.sync(data_only)?;
            }
            // Made by damfs: there is nothing that could be lost.
            _ => return Ok(()),
        }
        Ok(self.library.catalog.barrier()?)
    }

    /// Returns when the names in the directory survive a power cut.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn fsyncdir(&self, _caller: &Caller, _fh: u64) -> FsResult<()> {
        Ok(self.library.catalog.barrier()?)
    }

    /// Extends, keeps or punches; the bits are Linux's `FALLOC_FL_*`.
    ///
    /// # Errors
    /// [`FsError::Unsupported`] for anything else.
    pub fn fallocate(&self, caller: &Caller, fh: u64, offset: u64, len: u64, mode: i32) -> FsResult<()> {
        const KEEP_SIZE: i32 = 1;
        const PUNCH_HOLE: i32 = 2;
        const ZERO_RANGE: i32 = 16;
        let end = offset.checked_add(len).filter(|end| *end <= MAX_SIZE).ok_or(FsError::TooLarge)?;
        self.handles.file(fh, |file| {
            self.may_write(file, "fallocate")?;
            self.begin(file)?;
            self.drop_set_id(caller, file)?;
            let live = &file.live;
            match mode {
                0 if end > live.seen().size => live.set_len(&self.library, file.by, end)?,
                0 | KEEP_SIZE => {}
                m if m == PUNCH_HOLE | KEEP_SIZE || m == ZERO_RANGE | KEEP_SIZE => {
                    live.zero_range(&self.library, file.by, offset, len)?;
                }
                ZERO_RANGE => {
                    live.zero_range(&self.library, file.by, offset, len)?;
                    if end > live.seen().size {
                        live.set_len(&self.library, file.by, end)?;
                    }
                }
                _ => return Err(FsError::Unsupported("this kind of fallocate")),
            }
            Ok(())
        })
    }

    /// The next data or hole at or behind an offset.
    ///
    /// # Errors
    /// [`FsError::Invalid`] behind the end (the kernel makes ENXIO of it where it matters).
    pub fn seek(&self, _caller: &Caller, fh: u64, offset: i64, whence: Seek) -> FsResult<u64> {
        let offset = u64::try_from(offset).map_err(|_| FsError::NoSuchOffset)?;
        let whole = |gate: &Arc<Rights>, len: u64| {
            self.explain_use(Some(gate), "lseek", gate.may_look(self))?;
            match (offset < len, whence) {
                (false, _) => Err(FsError::NoSuchOffset),
                (true, Seek::Data) => Ok(offset),
                (true, Seek::Hole) => Ok(len),
            }
        };
        match self.handles.get(fh)?.as_ref() {
            Handle::Version { reader, gate } => return whole(gate, reader.len()),
            Handle::Text { bytes, gate } | Handle::Proxy { bytes, gate } => return whole(gate, bytes.len() as u64),
            Handle::Clip { clip, gate, .. } => return whole(gate, clip.size()),
            Handle::Preview { gate, .. } => return whole(gate, media::video::PREVIEW_BYTES),
            Handle::Export { export, gate, .. } => return whole(gate, self.rendered_attr(export)?.size),
            Handle::File(_) | Handle::Dir(_) => {}
        }
        self.handles.file(fh, |file| {
            self.explain_use(Some(&file.gate), "lseek", file.gate.may_look(self))?;
            file.live.seek(offset, whence == Seek::Hole).ok_or(FsError::NoSuchOffset)
        })
    }

    /// Space of the disk that holds the library.
    ///
    /// # Errors
    /// When the disk does not answer.
    pub fn statfs(&self, _caller: &Caller) -> FsResult<SpaceInfo> {
        Ok(super::statfs::of(self.library.root())?)
    }
}

/// What the audit log tells of an opening, when it is of an asset; `read` is the one that a file is of.
fn reading(object: &Object, read: Option<&Asset>) -> Option<(AssetId, reads::Opened)> {
    let place = |placement: &Placement| format!("{}/{}", placement.platform, placement.placement);
    match object {
        Object::Node(..) => read.map(|asset| (asset.id, reads::Opened::File(asset.head))),
        Object::Version(version, asset) => Some((asset.id, reads::Opened::Version(version.id))),
        Object::Export(export) => {
            Some((export.asset.id, reads::Opened::Export(export.version.id, place(&export.placement))))
        }
        Object::Clip(clip) => Some((clip.asset.id, reads::Opened::Export(clip.version.id, place(&clip.placement)))),
        Object::Proxy { asset, version, .. } => Some((asset.id, reads::Opened::Proxy(*version))),
        Object::Dir(_) | Object::Text(_) | Object::Link(_) | Object::Aside(_) => None,
    }
}
