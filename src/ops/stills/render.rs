//! One still: its kept bytes, or rendered now.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Pace, Still, StillError};
use crate::blob::{BlobError, ObjectKind};
use crate::catalog::{CatalogError, Outcome, RenditionRow};
use crate::media::{self, MediaError, RENDERER};
use crate::ops::Library;
use crate::ops::renditions::Rendered;
use crate::types::{ContentId, ReadAt};
use crate::view::recipes::object_name;

/// Bytes by which a format is known.
const SNIFFED: usize = 4096;

impl Library {
    /// What came of rendering a still, when that was tried.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub fn still_row(&self, still: &Still) -> Result<Option<RenditionRow>, CatalogError> {
        self.catalog.read(|tx| tx.rendition(still.content, &still.recipe.hash(), RENDERER))
    }

    /// Whether a still's bytes are kept.
    ///
    /// # Errors
    /// When the store fails.
    pub fn is_still_kept(&self, still: &Still) -> Result<bool, BlobError> {
        self.vault.has_object(ObjectKind::Rendition, &object_name(still.content, &still.recipe))
    }

    /// The bytes of a still: kept ones, or rendered now, once for all who ask at a time. The same content and recipe give the same bytes; if
    /// they should not, the fault is reported rather than a file whose size is a lie.
    ///
    /// # Errors
    /// [`StillError::Lasting`] when there is none and never will be; others when it cannot be had just now.
    pub fn still(&self, still: &Still) -> Result<Arc<Vec<u8>>, StillError> {
        self.stills.under_way.share(&(still.content, still.recipe.hash()), || self.kept_or_rendered(still))
    }

    fn kept_or_rendered(&self, still: &Still) -> Result<Arc<Vec<u8>>, StillError> {
        let name = object_name(still.content, &still.recipe);
        let known = match self.still_row(still)?.map(|row| row.outcome) {
            Some(Outcome::Failed(reason)) => return Err(StillError::Lasting(reason)),
            Some(Outcome::Made { hash, .. }) => Some(hash),
            None => None,
        };
        match self.vault.get_object(ObjectKind::Rendition, &name) {
            Ok(Some(bytes)) if known == Some(*blake3::hash(&bytes).as_bytes()) => {
                self.stills.counts.kept.fetch_add(1, Ordering::Relaxed);
                self.note_read(&name);
                return Ok(Arc::new(bytes));
            }
            Ok(_) => {}
            Err(e @ BlobError::Damaged { .. }) => {
                tracing::warn!(error = %e, "a kept export is damaged; it is rendered again");
            }
            Err(e) => return Err(e.into()),
        }
        self.stills.counts.rendered.fetch_add(1, Ordering::Relaxed);
        let rendered = self.decoded(still.content, Pace::Reader).and_then(|decoded| decoded.render(&still.recipe));
        let bytes = self.keep_rendered(still, known, rendered)?;
        // Others of the same master may be wanted, too.
        self.stills.waiting.queue().want(still.asset);
        Ok(bytes)
    }

    /// Remembers for good what came of a render.
    pub(super) fn keep_rendered(
        &self,
        still: &Still,
        known: Option<[u8; 32]>,
        rendered: Result<media::Rendered, StillError>,
    ) -> Result<Arc<Vec<u8>>, StillError> {
        let name = object_name(still.content, &still.recipe);
        let media::Rendered { bytes, quality } = match rendered.map_err(|e| lasting(e, known.is_none())) {
            Ok(rendered) => rendered,
            Err(StillError::Lasting(reason)) => {
                self.remember_still(still, Outcome::Failed(reason.clone()))?;
                return Err(StillError::Lasting(reason));
            }
            Err(e) => return Err(e),
        };
        let hash = *blake3::hash(&bytes).as_bytes();
        let is_other = known.is_some_and(|known| known != hash);
        let is_converted = is_other && self.is_converted(still.content)?;
        if is_other && !is_converted {
            return Err(StillError::Differs(name));
        }
        let made = Outcome::Made { size: bytes.len() as u64, hash, quality };
        if let Err(e) = self.keep_still(still, &name, &bytes, made) {
            tracing::warn!(error = %e, "an export could not be kept; it is rendered again when it is read again");
        }
        // Who asks now has been told another size.
        if is_converted { Err(StillError::Busy) } else { Ok(Arc::new(bytes)) }
    }

    /// Whether another program decodes a content: a new build of it may see other pixels.
    fn is_converted(&self, content: ContentId) -> Result<bool, StillError> {
        let row = self.catalog.read(|tx| tx.content(content))?.ok_or(StillError::NoContent(content))?;
        let head = self.vault.open(&row).read_head(SNIFFED).map_err(MediaError::Io)?;
        Ok(media::sniff(&head).is_some_and(|sniffed| media::is_heif(sniffed.format)))
    }

    /// Does what decodes a picture when there is memory for it beside the others.
    ///
    /// # Errors
    /// [`StillError::Busy`] when there was none for long, and what `decode` says.
    pub fn decoding<T>(
        &self,
        source: &dyn ReadAt,
        decode: impl FnOnce() -> Result<T, MediaError>,
    ) -> Result<T, StillError> {
        let bytes = media::decoded_bytes(source)?;
        let _share = self.room(bytes, Pace::Reader.patience()).ok_or(StillError::Busy)?;
        Ok(decode()?)
    }

    /// Remembers a still's bytes, and what came of it.
    fn keep_still(&self, still: &Still, name: &str, bytes: &[u8], made: Outcome) -> Result<(), StillError> {
        self.keep_object(name, bytes)?;
        Ok(self.remember_still(still, made)?)
    }

    /// Remembers for good what came of rendering; what cannot be rendered is no longer listed.
    fn remember_still(&self, still: &Still, outcome: Outcome) -> Result<(), CatalogError> {
        let told = matches!(outcome, Outcome::Failed(_)).then_some(still.asset);
        let what = Rendered { content: still.content, recipe: still.recipe.hash(), renderer: RENDERER };
        self.remember_rendition(what, &outcome, told)
    }
}

/// What bytes are to blame for, when they never were anything else.
fn lasting(e: StillError, is_first: bool) -> StillError {
    match e {
        StillError::Media(e) if is_first && e.is_lasting() => StillError::Lasting(e.to_string()),
        other => other,
    }
}
