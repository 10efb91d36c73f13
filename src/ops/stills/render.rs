//! One still: its kept bytes, or rendered now.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::masters::Made;
use super::{Pace, Still, StillError};
use crate::blob::{BlobError, ObjectKind};
use crate::catalog::{CatalogError, Outcome, RenditionRow};
use crate::media::{self, Limits, Master, MediaError, RENDERER};
use crate::ops::Library;
use crate::ops::renditions::Rendered;
use crate::types::{ContentId, ReadAt};
use crate::view::recipes::object_name;

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
        let rendered =
            self.decoded(still.content, Pace::Reader).and_then(|decoded| self.made(decoded, still, Pace::Reader));
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
        rendered: Result<Made, StillError>,
    ) -> Result<Arc<Vec<u8>>, StillError> {
        let name = object_name(still.content, &still.recipe);
        let Made { file: media::Rendered { bytes, quality }, is_converted } =
            match rendered.map_err(|e| lasting(e, known.is_none())) {
                Ok(made) => made,
                Err(StillError::Lasting(reason)) => {
                    self.remember_still(still, &Outcome::Failed(reason.clone()), true)?;
                    return Err(StillError::Lasting(reason));
                }
                Err(e) => return Err(e),
            };
        let hash = *blake3::hash(&bytes).as_bytes();
        let is_other = known.is_some_and(|known| known != hash);
        if is_other && !is_converted {
            return Err(StillError::Differs(name));
        }
        let made = Outcome::Made { size: bytes.len() as u64, hash, quality };
        if let Err(e) = self.keep_still(still, &name, &bytes, &made, is_other) {
            tracing::warn!(error = %e, "an export could not be kept; it is rendered again when it is read again");
        }
        // Who asks now has been told another size.
        if is_other { Err(StillError::Busy) } else { Ok(Arc::new(bytes)) }
    }

    /// Makes something of a picture when there is memory to decode it beside the others.
    ///
    /// # Errors
    /// [`StillError::Busy`] when there was none for long, and what decoding and `make` say.
    pub fn decoding<T>(
        &self,
        content: ContentId,
        source: &dyn ReadAt,
        make: impl FnOnce(&Master) -> Result<T, MediaError>,
    ) -> Result<T, StillError> {
        let ready = self.ready(content, source, &Limits::default(), Pace::Reader)?.ok_or(StillError::Busy)?;
        let _share = self.room(ready.bytes()?, Pace::Reader.patience()).ok_or(StillError::Busy)?;
        Ok(make(&ready.decode()?)?)
    }

    /// Remembers what came of a still, and its bytes: in this order, for a size that was told stands also when there is no room for the bytes.
    fn keep_still(
        &self,
        still: &Still,
        name: &str,
        bytes: &[u8],
        made: &Outcome,
        is_other: bool,
    ) -> Result<(), StillError> {
        self.remember_still(still, made, is_other)?;
        Ok(self.keep_object(name, bytes)?)
    }

    /// Remembers for good what came of rendering. What cannot be rendered is no longer listed, and what is other than it was has another size.
    fn remember_still(&self, still: &Still, outcome: &Outcome, is_news: bool) -> Result<(), CatalogError> {
        let what = Rendered { content: still.content, recipe: still.recipe.hash(), renderer: RENDERER };
        self.remember_rendition(what, outcome, is_news.then_some(still.asset))
    }
}

/// What bytes are to blame for, when they never were anything else.
fn lasting(e: StillError, is_first: bool) -> StillError {
    match e {
        StillError::Media(e) if is_first && e.is_lasting() => StillError::Lasting(e.to_string()),
        other => other,
    }
}
