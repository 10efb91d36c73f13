//! Previews before anybody reads them: of what is handed on to be judged or used, for the members who may only view it.

use std::sync::atomic::Ordering;

use super::{Preview, PreviewError};
use crate::access::Identity;
use crate::catalog::{Asset, CatalogError, ReadTx};
use crate::media::video::{self, PREVIEW_RENDERER};
use crate::ops::Library;
use crate::policy::{Expr, Field, Verb};
use crate::types::{AssetId, ContentId, MemberId};

/// Stages of the board in which others than its makers look at something.
const HANDED: [&str; 3] = ["client-approval", "approved", "published"];

impl Library {
    /// Makes what previews are to be made, one after the other, until clips wait for platforms; for threads that have nothing else to do.
    pub fn warm_previews(&self) {
        let handed = &self.clips.handed;
        while self.clips.are_rendered() && !self.ending.load(Ordering::Relaxed) {
            let videos = Expr::is(Field::Kind, "video");
            let filled = || -> Result<(), CatalogError> {
                while self.fill(handed, &videos, |_, asset| Ok(is_handed(asset)))? {}
                self.find_clips()
            };
            if let Err(e) = filled() {
                tracing::warn!(error = %e, "the previews to make could not be found; they are looked for again");
                return;
            }
            // Who has these threads makes them, and comes back.
            if self.clips.waiting() > 0 {
                return;
            }
            let Some(asset) = handed.queue().next(self.clock.now()) else { return };
            let at_work = handed.at_work(asset);
            let made = self.next_preview_of(asset);
            drop(at_work);
            match made {
                // Behind the others: there may be more of it.
                Ok(true) => handed.queue().add(asset),
                Ok(false) => {}
                Err(e) => {
                    tracing::debug!(%asset, error = %e, "its previews could not be made just now");
                    handed.queue().rest(asset, self.clock.now(), e.to_string());
                }
            }
        }
    }

    /// Makes a preview of an asset that nobody has made yet; whether there was one. An error is the machine's.
    fn next_preview_of(&self, id: AssetId) -> Result<bool, PreviewError> {
        let (members, head) = self.catalog.read(|tx| {
            let members: Vec<MemberId> = tx.members()?.into_iter().filter(|m| m.active).map(|m| m.id).collect();
            Ok::<_, CatalogError>((members, handed(tx, id)?))
        })?;
        if head.is_none() {
            return Ok(false);
        }
        for member in members {
            if self.ending.load(Ordering::Relaxed) {
                break;
            }
            // Who is locked out by now, or whose day is over, looks at nothing.
            let Ok(who) = self.gate.who(&Identity::Member(member)) else { continue };
            let may = |verb, asset: &Asset| self.gate.allows(&who, verb, asset);
            // Asked anew for each: the verdict may have been withdrawn.
            let wanted = self.catalog.read(|tx| {
                let Some((asset, content, format)) = handed(tx, id)? else { return Ok(None) };
                let is_shown = may(Verb::List, &asset) && may(Verb::View, &asset) && !may(Verb::Download, &asset);
                let mark = who.subject.name.to_string();
                let tried = [Some(mark.as_str()), None].map(video::preview_hash);
                let mut is_tried = false;
                for recipe in tried {
                    is_tried |= tx.rendition(content, &recipe, PREVIEW_RENDERER)?.is_some();
                }
                let name = asset.view_name.to_string();
                Ok::<_, CatalogError>((is_shown && !is_tried).then_some(Preview { content, format, name, mark }))
            })?;
            let Some(wanted) = wanted else { continue };
            if self.is_preview_kept(&wanted)? {
                continue;
            }
            match self.clips.previews.lead(&wanted.key(), || self.kept_or_made(&wanted, false).map(Ok)) {
                // Somebody reads it already, or there is none.
                None | Some(Err(PreviewError::None { .. })) => {}
                // What cannot be kept would be made over and over.
                Some(Ok(_)) if self.is_preview_kept(&wanted)? => return Ok(true),
                Some(Ok(_)) => return Err(wanted.passing("it could not be kept")),
                Some(Err(e)) => return Err(e),
            }
        }
        Ok(false)
    }
}

/// An asset that is handed on, with the content of its current version and what that is.
fn handed(tx: &dyn ReadTx, id: AssetId) -> Result<Option<(Asset, ContentId, String)>, CatalogError> {
    let Some(asset) = tx.asset(id)?.filter(is_handed) else { return Ok(None) };
    let head = asset.head.map(|head| tx.version(head)).transpose()?.flatten();
    let head = head.filter(|head| head.kind == "video" && video::is_previewed(&head.format));
    Ok(head.map(|head| (asset, head.content, head.format)))
}

fn is_handed(asset: &Asset) -> bool {
    let is_approved = asset.status.values().any(|verdict| verdict.value == "approved");
    let is_in = asset.stage.as_deref().is_some_and(|stage| HANDED.contains(&stage));
    asset.kind == "video" && asset.trashed.is_none() && (is_approved || is_in)
}
