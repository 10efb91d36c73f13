//! The background: renders what is approved and nobody has rendered yet, what is looked at first, and all stills of a master from one decode.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::masters::{Decoded, Made};
use super::{Pace, Running, Still, StillError, Stills, lock};
use crate::catalog::{Asset, CatalogError, ReadTx};
use crate::media::{MediaError, RENDERER, suits};
use crate::ops::Library;
use crate::ops::notices::Notice;
use crate::ops::queue::Shown;
use crate::policy::platforms::{Placement, PlacementKind};
use crate::policy::{Expr, Field};
use crate::types::{AssetId, ContentId};
use crate::view::recipes::still_format;
use crate::view::tree::{exported, recipe_of};

/// Folders that were opened last and are gone through before anything else.
const LOOKED: usize = 8;
/// Assets of a folder that are looked through at once.
const PAGE: usize = 16;

/// A folder that somebody has opened, and how far it was gone through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Looked {
    platform: String,
    placement: String,
    after: u64,
}

/// An asset to be rendered: for every placement, or first for one that is looked at.
type Job = (AssetId, Option<Arc<Placement>>);

/// What became of a job.
enum Tried {
    Done,
    /// Others need the memory: at the next beat.
    NoRoom,
}

/// A master on its way through the placements.
enum Source {
    Unread,
    Read(ContentId, Arc<Decoded>),
    /// It cannot be decoded, whatever for.
    Broken(ContentId, String),
}

impl Stills {
    /// Somebody opens a placement's folder: what is in it comes first.
    pub fn look(&self, platform: &str, placement: &str) {
        let mut looked = lock(&self.looked);
        looked.retain(|other| (other.platform.as_str(), other.placement.as_str()) != (platform, placement));
        looked.push_front(Looked { platform: platform.into(), placement: placement.into(), after: 0 });
        looked.truncate(LOOKED);
    }
}

impl Library {
    /// Renders what nobody has rendered yet, until there is no more or no memory to spare; for threads that have nothing else to do.
    pub fn render_stills(&self) {
        self.look_for_decoder();
        self.look_for_writer();
        if let Err(e) = self.try_render_stills() {
            // Tried again at the next beat: not said at each.
            tracing::debug!(error = %e, "stills are not rendered in the background just now");
        }
        self.stills.masters.let_go();
    }

    fn try_render_stills(&self) -> Result<(), StillError> {
        let stills = &self.stills;
        while !self.ending.load(Ordering::Relaxed) {
            let among = self.approved();
            let is_empty = || stills.waiting.queue().len() == 0;
            while self.fill(&stills.waiting, &among, |tx, asset| self.is_due(tx, asset))? && is_empty() {}
            if is_empty() {
                lock(&stills.looked).clear();
                return Ok(());
            }
            let Some((asset, only)) = self.next_still()? else { return Ok(()) };
            let at_work = stills.waiting.at_work(asset);
            let tried = self.stills_of(asset, only.as_deref());
            // It waits again before it is at work no more: nobody sees it done in between.
            if matches!(tried, Ok(Tried::NoRoom)) {
                stills.waiting.queue().add(asset);
            }
            drop(at_work);
            let mut queue = stills.waiting.queue();
            match tried {
                Ok(Tried::Done) => {}
                Ok(Tried::NoRoom) => return Ok(()),
                Err(e) => {
                    tracing::warn!(%asset, error = %e, "its stills could not be rendered just now");
                    queue.rest(asset, self.clock.now(), e.to_string());
                }
            }
        }
        Ok(())
    }

    /// What is approved anywhere.
    fn approved(&self) -> Expr {
        let platforms = self.gate.platforms();
        let approved = |platform: &str| Expr::is(Field::Status(platform.to_owned()), "approved");
        Expr::is(Field::Kind, "image").and(Expr::Or(platforms.platforms().map(approved).collect()))
    }

    fn is_due(&self, tx: &dyn ReadTx, asset: &Asset) -> Result<bool, CatalogError> {
        for placement in self.gate.platforms().all() {
            if self.missing(tx, asset, placement)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn next_still(&self) -> Result<Option<Job>, CatalogError> {
        let (looked, waiting) = (&self.stills.looked, &self.stills.waiting);
        let platforms = self.gate.platforms();
        loop {
            let Some(folder) = lock(looked).front().cloned() else { break };
            let query = Expr::is(Field::Status(folder.platform.clone()), "approved");
            let placement = platforms.get(&folder.platform, &folder.placement);
            let page = match placement.filter(|placement| placement.kind == PlacementKind::Image) {
                Some(placement) => self.catalog.read(|tx| {
                    let page = tx.find(&query, folder.after, PAGE)?;
                    let is_missing = |asset: &Asset| self.missing(tx, asset, placement).map(|still| still.is_some());
                    let rows = page.iter().map(|asset| Ok((asset.ordinal, asset.id, is_missing(asset)?)));
                    rows.collect::<Result<Vec<_>, CatalogError>>()
                })?,
                None => Vec::new(),
            };
            let found = page.iter().find(|(_, id, is_missing)| *is_missing && waiting.queue().take(*id));
            let after = found.or(page.last()).map(|(ordinal, ..)| *ordinal);
            let mut looked = lock(looked);
            match (looked.front_mut().filter(|front| **front == folder), after) {
                (Some(front), Some(after)) => front.after = after,
                (Some(_), None) => drop(looked.pop_front()),
                (None, _) => {}
            }
            drop(looked);
            if let Some((_, id, _)) = found {
                return Ok(Some((*id, placement.cloned())));
            }
        }
        Ok(waiting.queue().next(self.clock.now()).map(|asset| (asset, None)))
    }

    /// Renders what is missing of an asset. An error is the machine's.
    fn stills_of(&self, id: AssetId, only: Option<&Placement>) -> Result<Tried, StillError> {
        let platforms = self.gate.platforms();
        let mut source = Source::Unread;
        let mut told = None;
        for placement in platforms.all().filter(|p| only.is_none_or(|only| only.path() == p.path())) {
            if self.ending.load(Ordering::Relaxed) {
                break;
            }
            if self.decodes.is_wanted() {
                return Ok(Tried::NoRoom);
            }
            // Asked anew for each: the verdict may have been withdrawn.
            let still = self.catalog.read(|tx| -> Result<_, CatalogError> {
                let Some(asset) = tx.asset(id)? else { return Ok(None) };
                Ok(self.missing(tx, &asset, placement)?.map(|still| (asset.view_name, still)))
            })?;
            let Some((name, still)) = still else { continue };
            let shown = Running { asset: id, place: placement.path() };
            let shown = Shown::among(&self.stills.running, shown, PartialEq::eq);
            let key = (still.content, still.recipe.hash());
            let made = self.stills.under_way.lead(&key, || {
                let rendered = self.rendered_from(&mut source, &still);
                self.keep_rendered(&still, None, rendered)
            });
            drop(shown);
            match made {
                // A reader is at it, or it waits for a program.
                None
                | Some(
                    Ok(_) | Err(StillError::Media(MediaError::Unavailable { .. } | MediaError::Unwritable { .. })),
                ) => {}
                Some(Err(StillError::Busy)) => return Ok(Tried::NoRoom),
                Some(Err(StillError::Lasting(reason))) => {
                    if told.as_ref() != Some(&reason) {
                        let sentence = format!("{name} for {}: {reason}", placement.path());
                        self.notices.add(Notice { at: self.clock.now(), member: None, op: "render".into(), sentence });
                    }
                    told = Some(reason);
                }
                Some(Err(e)) => return Err(e),
            }
        }
        Ok(Tried::Done)
    }

    /// Renders a still of the master that is decoded already, or now.
    fn rendered_from(&self, source: &mut Source, still: &Still) -> Result<Made, StillError> {
        let is_known = matches!(source, Source::Read(of, _) | Source::Broken(of, _) if *of == still.content);
        if !is_known {
            // The memory of the one before is for whoever waits for some.
            *source = Source::Unread;
            *source = match self.decoded(still.content, Pace::Background) {
                Ok(decoded) => Source::Read(still.content, decoded),
                Err(StillError::Media(e)) if e.is_lasting() => Source::Broken(still.content, e.to_string()),
                Err(e) => return Err(e),
            };
        }
        let decoded = match source {
            Source::Read(_, decoded) => Arc::clone(decoded),
            Source::Broken(_, reason) => return Err(StillError::Lasting(reason.clone())),
            Source::Unread => return Err(StillError::NoContent(still.content)),
        };
        // Until it is written by another program nothing holds the master: it is still there for the next one unless others want its memory.
        if still.recipe.format.is_converted() {
            *source = Source::Unread;
        }
        self.made(decoded, still, Pace::Background)
    }

    /// The still of an asset for a placement, when it circulates there, nobody has tried to render it, and that can be done here.
    fn missing(&self, tx: &dyn ReadTx, asset: &Asset, placement: &Placement) -> Result<Option<Still>, CatalogError> {
        if placement.kind != PlacementKind::Image || still_format(placement).is_none() {
            return Ok(None);
        }
        let Some(version) = exported(tx, asset, placement)? else { return Ok(None) };
        let recipe = recipe_of(tx, asset, &version, placement, self.signer_id())?;
        // It waits, and is looked for again when there is a program for it.
        if self.lacks().of(&version, &recipe).is_some() {
            return Ok(None);
        }
        let fits = version.width.zip(version.height).is_none_or(|size| suits(size, &recipe).is_ok());
        let is_missing = fits && tx.rendition(version.content, &recipe.hash(), RENDERER)?.is_none();
        Ok(is_missing.then_some(Still { asset: asset.id, content: version.content, recipe }))
    }
}
