//! Stills for the platforms: rendered when somebody asks for one or before, in the background, and what came of it remembered for good.

pub(in crate::ops) mod flights;
mod masters;
mod render;
mod warm;

use std::collections::VecDeque;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::blob::BlobError;
use crate::catalog::CatalogError;
use crate::media::{MediaError, Recipe};
use crate::types::{AssetId, ContentId};

use super::queue::Waiting;
use flights::Flights;
use masters::Masters;
use warm::Looked;

/// A still to be had: of which asset's bytes, by which recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Still {
    pub asset: AssetId,
    pub content: ContentId,
    pub recipe: Recipe,
}

/// The stills of one library that are being rendered.
#[derive(Default)]
pub struct Stills {
    under_way: Flights<(ContentId, [u8; 32]), Arc<Vec<u8>>>,
    masters: Masters,
    counts: Counts,
    /// Assets with stills that nobody has rendered yet.
    waiting: Waiting,
    /// Folders that were opened, the last one first.
    looked: Mutex<VecDeque<Looked>>,
    /// What the background renders just now.
    running: Mutex<Vec<Running>>,
}

/// A still that is being rendered in the background.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    pub asset: AssetId,
    /// `platform/placement`
    pub place: String,
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was done since the library was opened.
#[derive(Debug, Default)]
pub struct Counts {
    /// Readers who got bytes that were kept.
    pub kept: AtomicU64,
    /// Readers whose still was rendered for them.
    pub rendered: AtomicU64,
    /// Masters that were decoded, for readers or not.
    pub decoded: AtomicU64,
}

impl Stills {
    /// What was done so far.
    #[must_use]
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How many assets are known to wait for the background, or are being rendered by it.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.queue().unfinished()
    }

    /// What the background renders just now.
    #[must_use]
    pub fn running(&self) -> Vec<Running> {
        lock(&self.running).clone()
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ops) enum Pace {
    Reader,
    /// Nobody waits for it, and it keeps nobody waiting.
    Background,
}

impl Pace {
    /// How long a decode waits for others to give memory back; then the caller tries again.
    pub(in crate::ops) const fn patience(self) -> Duration {
        match self {
            Self::Reader => Duration::from_secs(20),
            Self::Background => Duration::ZERO,
        }
    }
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum StillError {
    /// Nothing is ever rendered of these bytes by this recipe; remembered.
    #[error("{0}")]
    Lasting(String),
    /// Others have the memory that it takes.
    #[error("there is no memory to render it just now; try again in a moment")]
    Busy,
    #[error("content {0} is not in the catalogue")]
    NoContent(ContentId),
    /// Its size would be a lie.
    #[error("export {0} rendered differently than before; report this")]
    Differs(String),
    #[error(transparent)]
    Media(#[from] MediaError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Blob(#[from] BlobError),
}
