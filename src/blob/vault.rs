//! The vault: files in, content out. Cuts into extents, seals, dedupes, verifies.

use std::sync::{Arc, Mutex, PoisonError};

use super::cache::Cache;
use super::frames::{self, Frame};
use super::trust::{Standing, Trust};
use super::{BlobError, BlobName, BlobStore, Put, Reader, blocks};
use crate::crypto::Keyring;
use crate::rng::SharedEntropy;
use crate::types::{Content, ContentId, ExtentId, ReadAt, Timestamp};

/// Up to this length a file is one extent.
const WHOLE: u64 = 16 << 20;
/// Content-defined extents: least, average and most bytes.
const LEAST: usize = 1 << 20;
const AVERAGE: usize = 4 << 20;
const MOST: usize = 16 << 20;

pub(super) struct Shared {
    pub(super) store: Arc<dyn BlobStore>,
    pub(super) keyring: Arc<Keyring>,
    pub(super) cache: Cache,
}

/// Sealed, deduplicated, verified bytes over any store.
pub struct Vault {
    shared: Arc<Shared>,
    entropy: SharedEntropy,
    trust: Trust,
    /// Held by the one sync at a time.
    syncing: Mutex<()>,
}

/// Objects that have a name of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    /// What a version is, in words.
    Manifest,
    /// A rendered export; can be made again.
    Rendition,
    /// A copy of the catalogue.
    Snapshot,
}

impl ObjectKind {
    const fn folder(self) -> &'static str {
        match self {
            Self::Manifest => "manifests",
            Self::Rendition => "renditions",
            Self::Snapshot => "snapshots",
        }
    }
}

/// Something wrong with an extent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("extent {0} is missing")]
    Missing(ExtentId),
    #[error("extent {0} has the wrong length")]
    Length(ExtentId),
    #[error("extent {0} is damaged")]
    Damaged(ExtentId),
}

pub(super) fn extent_name(id: ExtentId) -> Result<BlobName, BlobError> {
    BlobName::new(&format!("extents/{id}"))
}

/// Cuts bytes into the extents that they are kept as, and gives what `each` says of those.
fn cut(
    source: &dyn ReadAt,
    mut each: impl FnMut(&[u8]) -> Result<(ExtentId, u32), BlobError>,
) -> Result<Vec<(ExtentId, u32)>, BlobError> {
    let mut extents = Vec::new();
    if source.len() <= WHOLE {
        let bytes = source.read_head(usize::try_from(WHOLE).unwrap_or(usize::MAX) + 1).map_err(BlobError::Source)?;
        if !bytes.is_empty() {
            extents.push(each(&bytes)?);
        }
    } else {
        let (mut at, len) = (0, source.len());
        while at < len {
            let (zero, end) = blocks::run(source, at).map_err(BlobError::Source)?;
            if zero {
                extents.extend(blocks::holes(end - at));
            } else {
                let stream = Stream { source, at, end };
                for chunk in fastcdc::v2020::StreamCDC::new(stream, LEAST, AVERAGE, MOST) {
                    let chunk = chunk.map_err(|e| BlobError::Source(e.into()))?;
                    extents.push(each(&chunk.data)?);
                }
            }
            at = end;
        }
    }
    Ok(extents)
}

fn length(plain: &[u8]) -> Result<u32, BlobError> {
    u32::try_from(plain.len()).map_err(|_| BlobError::Io(std::io::Error::other("an extent is too long")))
}

impl Vault {
    /// A vault over a store.
    #[must_use]
    pub fn new(store: Arc<dyn BlobStore>, keyring: Arc<Keyring>, entropy: SharedEntropy) -> Self {
        let shared = Arc::new(Shared { store, keyring, cache: Cache::default() });
        Self { shared, entropy, trust: Trust::default(), syncing: Mutex::default() }
    }

    /// Stores bytes that are not there yet and tells what they are called. They survive a power cut after [`Vault::sync`].
    ///
    /// # Errors
    /// [`BlobError::Source`] when they cannot be read, others when they cannot be stored; extents stored by then stay for the next try.
    pub fn add(&self, source: &dyn ReadAt) -> Result<Content, BlobError> {
        let extents = cut(source, |plain| self.put_extent(plain))?;
        let size = extents.iter().map(|(_, len)| u64::from(*len)).sum();
        Ok(Content { id: self.shared.keyring.content_id(&extents), size, extents })
    }

    /// What [`Vault::add`] would call these bytes; nothing is stored.
    ///
    /// # Errors
    /// [`BlobError::Source`] when they cannot be read.
    pub fn name(&self, source: &dyn ReadAt) -> Result<ContentId, BlobError> {
        let keyring = &self.shared.keyring;
        let extents = cut(source, |plain| Ok((keyring.extent_id(plain), length(plain)?)))?;
        Ok(keyring.content_id(&extents))
    }

    fn put_extent(&self, plain: &[u8]) -> Result<(ExtentId, u32), BlobError> {
        let id = self.shared.keyring.extent_id(plain);
        let len = length(plain)?;
        let name = extent_name(id)?;
        self.store_extent(id, &name, plain)?;
        Ok((id, len))
    }

    /// Stores an extent, unless what has its name is known to be it: a power cut leaves files that are cut off or empty.
    fn store_extent(&self, id: ExtentId, name: &BlobName, plain: &[u8]) -> Result<(), BlobError> {
        let there = self.shared.store.stat(name)?.is_some();
        let standing = self.trust.of(id);
        if there && matches!(standing, Some(Standing::Added | Standing::Durable)) {
            return Ok(());
        }
        let stored = if there { self.verified(id, name) } else { Err(BlobError::Missing(name.to_string())) };
        match (stored, standing) {
            (Err(e @ BlobError::NewerFormat(_)), _) => return Err(e),
            // The same stored form: who reads it just now has its key.
            (Ok(stored), Some(Standing::Suspect)) => self.shared.store.replace(name, &stored)?,
            (Ok(_), _) => {}
            (Err(_), _) => {
                let sealed =
                    frames::seal(&self.shared.keyring, name.as_str().as_bytes(), plain, self.entropy.as_ref())?;
                if there || self.shared.store.put_if_absent(name, &sealed)? == Put::Existed {
                    self.shared.store.replace(name, &sealed)?;
                    self.shared.cache.forget_frame(id);
                }
            }
        }
        self.trust.add(id);
        Ok(())
    }

    /// The stored form of an extent, when all of it is what was stored.
    fn verified(&self, id: ExtentId, name: &BlobName) -> Result<Vec<u8>, BlobError> {
        let subject = name.as_str().as_bytes();
        let stored = self.stored(name)?.ok_or_else(|| BlobError::Missing(name.to_string()))?;
        let plain = Frame::open_all(&self.shared.keyring, subject, &stored)?;
        if self.shared.keyring.extent_id(&plain) != id {
            return Err(BlobError::Damaged {
                what: name.to_string(),
                why: "its bytes are not those of its name".into(),
            });
        }
        Ok(stored)
    }

    /// All stored bytes of a name.
    fn stored(&self, name: &BlobName) -> Result<Option<Vec<u8>>, BlobError> {
        let Some(len) = self.shared.store.stat(name)? else { return Ok(None) };
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
        let got = self.shared.store.read(name, 0, &mut bytes)?;
        bytes.truncate(got);
        Ok(Some(bytes))
    }

    /// Returns when these contents, as [`Vault::add`] gave them, survive a power cut.
    ///
    /// # Errors
    /// When the store fails. A disk tells of a failed write once, and to one of those who ask: everything added since the last good
    /// sync has to be added again then, and a sync of what was not is an error, too.
    pub fn sync(&self, contents: &[&Content]) -> Result<(), BlobError> {
        let _one = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        let covered = self.trust.added();
        if let Err(e) = self.shared.store.sync() {
            self.trust.doubt();
            return Err(e);
        }
        self.trust.settle(&covered);
        let mut stored = contents.iter().flat_map(|c| &c.extents).filter(|(id, _)| *id != ExtentId::HOLE);
        let lost = stored.find(|(id, _)| self.trust.of(*id) != Some(Standing::Durable));
        match lost {
            Some((id, _)) => Err(BlobError::Unsynced(*id)),
            None => Ok(()),
        }
    }

    /// Reads content; nothing is fetched before it is asked for.
    #[must_use]
    pub fn open(&self, content: &Content) -> Reader {
        Reader::new(self.shared.clone(), content)
    }

    /// What is wrong with an extent of this length; `deep` reads and hashes every byte.
    ///
    /// # Errors
    /// When the store fails.
    pub fn check(&self, id: ExtentId, len: u32, deep: bool) -> Result<Option<Fault>, BlobError> {
        if id == ExtentId::HOLE {
            return Ok(None);
        }
        let name = extent_name(id)?;
        let Some(stored) = self.shared.store.stat(&name)? else { return Ok(Some(Fault::Missing(id))) };
        let mut header = [0; frames::HEADER];
        let got = self.shared.store.read(&name, 0, &mut header)?;
        let Ok(frame) = Frame::open(&self.shared.keyring, name.as_str().as_bytes(), &header[..got]) else {
            return Ok(Some(Fault::Damaged(id)));
        };
        if frame.len != u64::from(len) || frame.stored_len() != stored {
            return Ok(Some(Fault::Length(id)));
        }
        match deep.then(|| self.verified(id, &name)) {
            None | Some(Ok(_)) => Ok(None),
            Some(Err(BlobError::Io(e))) => Err(BlobError::Io(e)),
            Some(Err(_)) => Ok(Some(Fault::Damaged(id))),
        }
    }

    fn object_name(kind: ObjectKind, name: &str) -> Result<BlobName, BlobError> {
        BlobName::new(&format!("{}/{name}", kind.folder()))
    }

    /// Stores an object under a name, in place of what has it.
    ///
    /// # Errors
    /// When it cannot be stored; the old one stays then.
    pub fn put_object(&self, kind: ObjectKind, name: &str, bytes: &[u8]) -> Result<(), BlobError> {
        let name = Self::object_name(kind, name)?;
        let sealed = frames::seal(&self.shared.keyring, name.as_str().as_bytes(), bytes, self.entropy.as_ref())?;
        self.shared.store.replace(&name, &sealed)
    }

    /// An object's bytes, or `None` when there is none.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn get_object(&self, kind: ObjectKind, name: &str) -> Result<Option<Vec<u8>>, BlobError> {
        let name = Self::object_name(kind, name)?;
        let Some(stored) = self.stored(&name)? else { return Ok(None) };
        Frame::open_all(&self.shared.keyring, name.as_str().as_bytes(), &stored).map(Some)
    }

    /// Whether there is such an object.
    ///
    /// # Errors
    /// When the store fails.
    pub fn has_object(&self, kind: ObjectKind, name: &str) -> Result<bool, BlobError> {
        Ok(self.shared.store.stat(&Self::object_name(kind, name)?)?.is_some())
    }

    /// Removes an object.
    ///
    /// # Errors
    /// When the store fails.
    pub fn remove_object(&self, kind: ObjectKind, name: &str) -> Result<(), BlobError> {
        self.shared.store.delete(&Self::object_name(kind, name)?)
    }

    /// The stored length of an object, and when it was last used; `None` when there is none.
    ///
    /// # Errors
    /// When the store fails.
    pub fn object_use(&self, kind: ObjectKind, name: &str) -> Result<Option<(u64, Timestamp)>, BlobError> {
        let name = Self::object_name(kind, name)?;
        Ok(self.shared.store.stat(&name)?.zip(self.shared.store.used(&name)?))
    }

    /// Notes that an object is used now.
    ///
    /// # Errors
    /// When the store fails.
    pub fn touch_object(&self, kind: ObjectKind, name: &str, now: Timestamp) -> Result<(), BlobError> {
        self.shared.store.touch(&Self::object_name(kind, name)?, now)
    }

    /// The names of all objects of a kind, in any order.
    ///
    /// # Errors
    /// When the store fails.
    pub fn objects(&self, kind: ObjectKind, each: &mut dyn FnMut(&str)) -> Result<(), BlobError> {
        self.shared.store.list(kind.folder(), &mut |name| {
            if let Some((_, name)) = name.as_str().split_once('/') {
                each(name);
            }
        })
    }

    /// Every extent in the store.
    ///
    /// # Errors
    /// When the store fails.
    pub fn extents(&self, each: &mut dyn FnMut(ExtentId)) -> Result<(), BlobError> {
        self.shared.store.list("extents", &mut |name| {
            if let Some(id) = name.as_str().strip_prefix("extents/").and_then(|hex| hex.parse().ok()) {
                each(id);
            }
        })
    }
}

/// A part of a source as a stream, for cutting.
struct Stream<'a> {
    source: &'a dyn ReadAt,
    at: u64,
    end: u64,
}

impl std::io::Read for Stream<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let room = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(buf.len());
        let n = self.source.read_at(self.at, &mut buf[..room])?;
        self.at += n as u64;
        Ok(n)
    }
}
