//! Finished clips in the store: objects of a bounded size, so that none is ever in memory as a whole.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::blob::{BlobError, ObjectKind, Vault};
use crate::ops::Library;
use crate::ops::evict::Lease;

/// Bytes of one object.
const PART: u64 = 4 << 20;

/// A finished clip, open for reading. Its last part stays in memory: readers go forward.
pub struct KeptClip {
    vault: Arc<Vault>,
    name: String,
    size: u64,
    last: Mutex<Option<(u64, Arc<Vec<u8>>)>>,
    /// As long as it is open, it stays.
    _lease: Lease,
}

fn part_name(name: &str, part: u64) -> String {
    format!("{name}.{part}")
}

impl Library {
    /// The clip that is kept under a name.
    #[must_use]
    pub fn kept_clip(&self, name: String, size: u64) -> KeptClip {
        let lease = self.hold_render(name.clone());
        self.note_read(&part_name(&name, 0));
        KeptClip { vault: Arc::clone(&self.vault), name, size, last: Mutex::default(), _lease: lease }
    }
}

impl KeptClip {
    /// Its length in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Fills the buffer from an offset; fewer bytes only at the end.
    ///
    /// # Errors
    /// [`BlobError::Missing`] and [`BlobError::Damaged`]: it has to be rendered again.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, BlobError> {
        let mut done = 0;
        while done < buf.len() {
            let at = offset.saturating_add(done as u64);
            if at >= self.size {
                break;
            }
            let bytes = self.part(at / PART)?;
            let from = usize::try_from(at % PART).unwrap_or(usize::MAX);
            let there = bytes.get(from..).unwrap_or_default();
            let count = there.len().min(buf.len() - done);
            buf[done..done + count].copy_from_slice(&there[..count]);
            done += count;
        }
        Ok(done)
    }

    /// Removes what is left of one that cannot be read.
    ///
    /// # Errors
    /// When the store fails.
    pub fn forget(&self) -> Result<(), BlobError> {
        (0..self.size.div_ceil(PART))
            .try_for_each(|part| self.vault.remove_object(ObjectKind::Rendition, &part_name(&self.name, part)))
    }

    /// A part of the right length, which is never empty.
    fn part(&self, part: u64) -> Result<Arc<Vec<u8>>, BlobError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bytes)) = last.as_ref().filter(|(there, _)| *there == part) {
            return Ok(Arc::clone(bytes));
        }
        let name = part_name(&self.name, part);
        let bytes = self.vault.get_object(ObjectKind::Rendition, &name)?.ok_or(BlobError::Missing(name.clone()))?;
        if bytes.len() as u64 != PART.min(self.size - part * PART) {
            return Err(BlobError::Damaged { what: name, why: "its length is not that of a part".into() });
        }
        let bytes = Arc::new(bytes);
        *last = Some((part, Arc::clone(&bytes)));
        Ok(bytes)
    }
}

/// Whether every part of a clip is there; they are not read.
pub(super) fn is_whole(vault: &Vault, name: &str, size: u64) -> Result<bool, BlobError> {
    for part in 0..size.div_ceil(PART) {
        if !vault.has_object(ObjectKind::Rendition, &part_name(name, part))? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What an encoder wrote, and what is appended to it.
pub(super) struct Made<'a> {
    pub file: &'a File,
    pub length: u64,
    pub mark: &'a [u8],
}

impl Made<'_> {
    pub(super) fn size(&self) -> u64 {
        self.length + self.mark.len() as u64
    }

    /// Goes through all of it, part by part.
    fn parts(&self, mut each: impl FnMut(u64, &[u8]) -> Result<(), BlobError>) -> Result<(), BlobError> {
        let mut buf = vec![0; usize::try_from(PART.min(self.size())).unwrap_or(0)];
        for part in 0..self.size().div_ceil(PART) {
            let at = part * PART;
            let count = usize::try_from(PART.min(self.size() - at)).unwrap_or(0);
            self.fill(at, &mut buf[..count]).map_err(BlobError::Source)?;
            each(part, &buf[..count])?;
        }
        Ok(())
    }

    fn fill(&self, at: u64, buf: &mut [u8]) -> io::Result<()> {
        let from_file = usize::try_from(self.length.saturating_sub(at)).unwrap_or(usize::MAX).min(buf.len());
        let (file, mark) = buf.split_at_mut(from_file);
        self.file.read_exact_at(file, at)?;
        let skip = usize::try_from((at + from_file as u64).saturating_sub(self.length)).unwrap_or(usize::MAX);
        mark.copy_from_slice(
            self.mark.get(skip..).and_then(|rest| rest.get(..mark.len())).ok_or(io::ErrorKind::UnexpectedEof)?,
        );
        Ok(())
    }

    /// BLAKE3 of all of it.
    pub(super) fn hash(&self) -> Result<[u8; 32], BlobError> {
        let mut hasher = blake3::Hasher::new();
        self.parts(|_, bytes| {
            hasher.update(bytes);
            Ok(())
        })?;
        Ok(*hasher.finalize().as_bytes())
    }

    /// Stores all of it under a name.
    pub(super) fn keep(&self, library: &Library, name: &str) -> Result<(), BlobError> {
        self.parts(|part, bytes| library.keep_object(&part_name(name, part), bytes))
    }
}
