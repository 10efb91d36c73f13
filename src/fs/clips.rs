//! Clips in `platforms/`: finished ones are read from the store, others are a note that says how far they are.

use std::sync::Arc;

use super::mount::Mount;
use super::{FsError, FsResult, attr};
use crate::access::Who;
use crate::blob::BlobError;
use crate::catalog::{Asset, VersionRow};
use crate::media::video::ClipRecipe;
use crate::ops::clips::KeptClip;
use crate::policy::platforms::Placement;
use crate::types::{AssetId, Attr, Timestamp};
use crate::view::recipes::{clip_name, clip_time};

/// One finished clip: which version for which placement, and what its bytes are.
#[derive(Debug, Clone)]
pub struct ClipRef {
    pub asset: Asset,
    pub version: VersionRow,
    pub placement: Arc<Placement>,
    pub recipe: ClipRecipe,
    pub size: u64,
    pub hash: [u8; 32],
    /// When it was first made so.
    pub since: Timestamp,
}

impl Mount {
    pub(super) fn clip_attr(&self, clip: &ClipRef) -> Attr {
        let mtime = clip_time(&clip.version, &clip.placement, &clip.recipe, clip.since);
        attr::file(self.inodes.clip(clip), clip.size, self.show, mtime)
    }

    pub(super) fn open_clip(&self, clip: &ClipRef) -> KeptClip {
        let name = clip_name(clip.version.content, &clip.recipe, &clip.hash);
        self.library.kept_clip(name, clip.size)
    }

    /// Reads of a finished clip. One that is lost or damaged is rendered again, and its reader told to come back.
    pub(super) fn read_clip(&self, asset: AssetId, clip: &KeptClip, offset: u64, size: usize) -> FsResult<Vec<u8>> {
        let mut buf = vec![0; size];
        match clip.read_at(offset, &mut buf) {
            Ok(got) => {
                buf.truncate(got);
                Ok(buf)
            }
            Err(e @ (BlobError::Missing(_) | BlobError::Damaged { .. })) => {
                tracing::warn!(error = %e, "a finished clip is gone; it is rendered again");
                // What is missing may be on its way: the parts that a worker has kept so far are its own.
                if matches!(e, BlobError::Damaged { .. }) {
                    clip.forget()?;
                }
                self.library.clips.want(asset);
                Err(FsError::TryAgain)
            }
            Err(e) => Err(e.into()),
        }
    }

    /// What stands in `NAME.mp4.pending`. Its length does not hang on how far it is.
    pub(super) fn pending(&self, who: &Who, id: AssetId, placement: &Placement) -> FsResult<String> {
        let (asset, _) = self.library.catalog.read(|tx| self.exported(tx, who, id, placement))?;
        let state = match self.library.clips.percent(id, placement) {
            Some(percent) => format!("{percent} %"),
            None => "waits".to_owned(),
        };
        let Placement { platform, placement, .. } = placement;
        Ok(format!("clip      {}\nfor       {platform}/{placement}\nrendered  {state:<5}\n", asset.view_name))
    }
}
