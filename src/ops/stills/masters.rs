//! Decoded masters: one decode serves every still that is wanted of it at about the same time.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::flights::Flights;
use super::{Pace, Still, StillError};
use crate::media::{self, Limits, Master, Share};
use crate::ops::Library;
use crate::types::ContentId;

/// A decoded master, and the memory that it takes.
pub(super) struct Decoded {
    master: Master,
    _share: Share,
}

/// What was rendered of it.
pub(super) struct Made {
    pub file: media::Rendered,
    /// Of pixels that a new build of another program may see otherwise.
    pub is_converted: bool,
}

/// The decoded masters of one library.
#[derive(Default)]
pub(super) struct Masters {
    under_way: Flights<ContentId, Arc<Decoded>>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// As long as somebody renders from them.
    used: HashMap<ContentId, Weak<Decoded>>,
    /// The last one, until its memory is wanted or nothing more is to be rendered.
    last: Option<Arc<Decoded>>,
}

impl Masters {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, content: ContentId) -> Option<Arc<Decoded>> {
        self.lock().used.get(&content)?.upgrade()
    }

    fn put(&self, content: ContentId, decoded: &Arc<Decoded>) {
        let mut kept = self.lock();
        kept.used.retain(|_, master| master.strong_count() > 0);
        kept.used.insert(content, Arc::downgrade(decoded));
        kept.last = Some(Arc::clone(decoded));
    }

    /// Gives the memory back of what nobody renders from just now.
    pub(super) fn let_go(&self) {
        let last = self.lock().last.take();
        drop(last);
    }
}

impl Library {
    /// What a recipe makes of a master; what another program writes of it, in memory of that program's.
    pub(super) fn made(&self, decoded: Arc<Decoded>, still: &Still, pace: Pace) -> Result<Made, StillError> {
        let finished = decoded.master.finished(&still.recipe)?;
        let is_converted = decoded.master.is_converted();
        // That takes long, and the memory is for whoever waits for some.
        drop(decoded);
        if still.recipe.format.is_converted() {
            return Ok(Made { file: self.written(&finished, still, pace)?, is_converted: true });
        }
        Ok(Made { file: finished.write(None, Some(&self.sealer()))?, is_converted })
    }

    /// Memory for a decode, when there is some within that time.
    pub(crate) fn room(&self, bytes: u64, within: Duration) -> Option<Share> {
        self.decodes.take(bytes, Duration::ZERO).or_else(|| {
            self.stills.masters.let_go();
            self.decodes.take(bytes, within)
        })
    }

    /// A content as pixels.
    pub(super) fn decoded(&self, content: ContentId, pace: Pace) -> Result<Arc<Decoded>, StillError> {
        let masters = &self.stills.masters;
        let decode = || {
            masters.get(content).map_or_else(|| self.decode_now(content, pace), Ok).inspect(|m| masters.put(content, m))
        };
        match (masters.get(content), pace) {
            (Some(decoded), _) => Ok(decoded),
            (None, Pace::Reader) => masters.under_way.share(&content, decode),
            (None, Pace::Background) => {
                // Somebody is at it: the background comes back to it.
                masters.under_way.lead(&content, decode).unwrap_or(Err(StillError::Busy))
            }
        }
    }

    fn decode_now(&self, content: ContentId, pace: Pace) -> Result<Arc<Decoded>, StillError> {
        let row = self.catalog.read(|tx| tx.content(content))?.ok_or(StillError::NoContent(content))?;
        let reader = self.vault.open(&row);
        let ready = self.ready(content, &reader, &Limits::default(), pace)?.ok_or(StillError::Busy)?;
        let bytes = ready.bytes()?;
        let share = match pace {
            Pace::Background if !ready.is_converted() => self.decodes.take_spare(bytes),
            _ => self.room(bytes, Pace::Reader.patience()),
        };
        let share = share.ok_or(StillError::Busy)?;
        self.stills.counts.decoded.fetch_add(1, Ordering::Relaxed);
        Ok(Arc::new(Decoded { master: ready.decode()?, _share: share }))
    }
}
