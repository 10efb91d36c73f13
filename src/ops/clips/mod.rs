//! Clips for the platforms: which wait, which are being rendered, by what, and where they are kept.
//!
//! What there is to do follows from the catalogue: an approved clip that nobody has rendered yet. So nothing has to be remembered over a
//! restart, and what is withdrawn is no longer to be done.

mod kept;
mod previews;
mod tools;
mod warm;
mod work;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use super::queue::Waiting;
use super::stills::flights::Flights;
use crate::catalog::{Asset, CatalogError, ReadTx, VersionRow};
use crate::media::video::FilledPreview;
use crate::policy::platforms::Placement;
use crate::types::{AssetId, ContentId};
use crate::view::recipes::clip_recipe_for;
use crate::view::tree::{ClipState, clip_state};

pub use kept::KeptClip;
pub use previews::{Preview, PreviewError};
pub use tools::Tools;
/// A clip that is being rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    pub asset: AssetId,
    /// `platform/placement`
    pub place: String,
    /// 0 to 99.
    pub percent: u8,
}

/// A preview: the content, and what its mark makes of it.
type PreviewKey = (ContentId, [u8; 32]);

/// The clips of one library.
#[derive(Default)]
pub struct Clips {
    tools: OnceLock<Result<Tools, String>>,
    waiting: Waiting,
    running: Mutex<Vec<Running>>,
    previews: Flights<PreviewKey, previews::Came>,
    /// As long as somebody has them open.
    open: Mutex<HashMap<PreviewKey, Weak<FilledPreview>>>,
    /// Assets that may have previews which nobody has made yet.
    handed: Waiting,
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Clips {
    fn tools(&self) -> Option<&Tools> {
        self.tools.get()?.as_ref().ok()
    }

    /// Whether clips are rendered here.
    #[must_use]
    pub fn are_rendered(&self) -> bool {
        self.tools().is_some()
    }

    /// Why none are.
    #[must_use]
    pub fn unavailable(&self) -> Option<&str> {
        match self.tools.get() {
            None => Some("clips are rendered while the library is mounted"),
            Some(Err(why)) => Some(why),
            Some(Ok(_)) => None,
        }
    }

    /// Somebody looks at what is not rendered yet: it comes first.
    pub fn want(&self, asset: AssetId) {
        self.waiting.queue().want(asset);
    }

    /// How many assets wait for the next free worker.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.queue().len()
    }

    /// What is being rendered.
    #[must_use]
    pub fn running(&self) -> Vec<Running> {
        lock(&self.running).clone()
    }

    /// How far an asset's clip for a placement is.
    #[must_use]
    pub fn percent(&self, asset: AssetId, placement: &Placement) -> Option<u8> {
        let place = place(placement);
        lock(&self.running).iter().find(|r| r.asset == asset && r.place == place).map(|r| r.percent)
    }

    /// Why a clip that is in circulation is not shown in a placement.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub fn missing(
        &self,
        tx: &dyn ReadTx,
        asset: &Asset,
        version: &VersionRow,
        placement: &Placement,
    ) -> Result<Option<String>, CatalogError> {
        Ok(match clip_state(tx, version, &clip_recipe_for(tx, asset, version, placement)?)? {
            ClipState::Made { .. } => None,
            ClipState::Failed(reason) => Some(reason),
            ClipState::Pending => Some(match (self.unavailable(), self.percent(asset.id, placement)) {
                (Some(why), _) => why.to_owned(),
                (None, Some(percent)) => format!("it is being rendered, {percent} %"),
                (None, None) => match self.waiting.queue().trouble(asset.id) {
                    Some(why) => format!("it could not be rendered just now, and is tried again: {why}"),
                    None => "it waits to be rendered".to_owned(),
                },
            }),
        })
    }
}

/// How a placement is called in texts.
fn place(placement: &Placement) -> String {
    format!("{}/{}", placement.platform, placement.placement)
}
