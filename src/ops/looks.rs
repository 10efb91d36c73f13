//! Looking at pictures, one at a time and in the daemon's own time: what each looks like is kept for good.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::record::Hand;
use super::stills::Pace;
use super::{Library, OpsError, converter, verdicts};
use crate::catalog::{Asset, CatalogError, ChangeKind, LookRow, ReadTx};
use crate::media::{LOOK, Limits, Look, MediaError};
use crate::types::{AssetId, Colours, ContentId};

/// Pictures that are looked at. Larger ones would keep exports waiting for memory.
const LIMITS: Limits = Limits { max_pixels: 100_000_000, max_bytes: 512 * 1024 * 1024 };
/// Assets, or changes, that are gone through at once.
const AT_ONCE: usize = 256;

/// How far the looking has come. Not held while a picture is looked at: others ask how far it is.
#[derive(Debug, Default)]
pub(super) struct Looking {
    state: Mutex<State>,
    /// Some picture could not be read: it is looked at when it changes, or by the next daemon.
    missed: AtomicBool,
}

impl Looking {
    fn state(&self) -> State {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn come_to(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Going through all assets, from this one on; what changed since `from` comes after.
    All { after: u64, from: Option<u64> },
    /// All were gone through; what changed is seen up to here.
    Changes(u64),
}

impl Default for State {
    fn default() -> Self {
        Self::All { after: 0, from: None }
    }
}

/// What came of a try.
enum Tried {
    Done,
    /// Exports need the memory: at the next beat.
    NoRoom,
}

impl Library {
    /// Looks at the pictures that nobody looked at, until there are none, or no memory to spare.
    pub fn look(&self) {
        self.look_for_decoder();
        if let Err(e) = self.try_look() {
            // Tried again at the next beat: not said at each.
            tracing::debug!(error = %e, "pictures are not looked at just now");
        }
    }

    /// Whether every picture was looked at.
    #[must_use]
    pub fn has_looked(&self) -> bool {
        let missed = self.looking.missed.load(Ordering::Relaxed);
        !missed && matches!(self.looking.state(), State::Changes(seen) if seen >= self.catalog.committed())
    }

    fn try_look(&self) -> Result<(), OpsError> {
        while !self.ending.load(Ordering::Relaxed) {
            let state = match self.looking.state() {
                State::All { after, from } => {
                    let (from, page) = self.catalog.read(|tx| -> Result<_, CatalogError> {
                        let from = from.map_or_else(|| tx.last_change(), Ok)?;
                        Ok((from, tx.unlooked(LOOK, after, AT_ONCE)?))
                    })?;
                    let mut after = after;
                    let ended = page.is_empty();
                    for (ordinal, content) in page {
                        // Since the page was read: others in it are of the same bytes.
                        let is_known = self.catalog.read(|tx| is_known(tx, content))?;
                        if self.ending.load(Ordering::Relaxed)
                            || (!is_known && matches!(self.look_at(content)?, Tried::NoRoom))
                        {
                            self.looking.come_to(State::All { after, from: Some(from) });
                            return Ok(());
                        }
                        after = ordinal;
                    }
                    if ended { State::Changes(from) } else { State::All { after, from: Some(from) } }
                }
                State::Changes(seen) => {
                    let upto = self.catalog.committed();
                    if seen >= upto {
                        return Ok(());
                    }
                    let rows = self.catalog.changes(seen, upto, AT_ONCE)?;
                    // What waited for a decoder was passed over.
                    if rows.iter().any(|row| row.kind == ChangeKind::Access && row.id == converter::FOUND) {
                        self.looking.missed.store(false, Ordering::Relaxed);
                        self.looking.come_to(State::default());
                        continue;
                    }
                    for row in &rows {
                        let changed = row.id.parse::<AssetId>().ok().filter(|_| row.kind == ChangeKind::Asset);
                        let content = self.catalog.read(|tx| match changed.map(|id| tx.asset(id)).transpose()? {
                            Some(Some(asset)) => unlooked(tx, &asset),
                            _ => Ok(None),
                        })?;
                        if let Some(content) = content
                            && matches!(self.look_at(content)?, Tried::NoRoom)
                        {
                            self.looking.come_to(State::Changes(row.seq.saturating_sub(1)));
                            return Ok(());
                        }
                    }
                    State::Changes(rows.last().map_or(upto, |row| row.seq))
                }
            };
            self.looking.come_to(state);
        }
        Ok(())
    }

    /// What a picture looks like; looks at it when nobody has.
    ///
    /// # Errors
    /// When the catalogue fails, or there is no memory to decode it.
    pub(super) fn look_of(&self, content: ContentId) -> Result<LookRow, OpsError> {
        let known = || self.catalog.read(|tx| tx.look(content)).map(|row| row.filter(|row| row.way == LOOK));
        if let Some(row) = known()? {
            return Ok(row);
        }
        self.look_at(content)?;
        known()?.ok_or_else(|| OpsError::failed("the picture cannot be looked at just now", "try again in a moment"))
    }

    fn look_at(&self, content: ContentId) -> Result<Tried, OpsError> {
        let Some(bytes) = self.catalog.read(|tx| tx.content(content))? else { return Ok(Tried::Done) };
        let reader = self.vault.open(&bytes);
        let ready = match self.ready(content, &reader, &LIMITS, Pace::Background) {
            Ok(Some(ready)) => ready.bytes().map(|bytes| (ready, bytes)),
            Ok(None) => return Ok(Tried::NoRoom),
            Err(e) => Err(e),
        };
        let looked = match ready {
            Ok((ready, bytes)) => {
                // Only what is free, unless another program has worked for it: nobody who waits for an export waits longer for this.
                let patience = if ready.is_converted() { Pace::Reader } else { Pace::Background }.patience();
                let Some(_share) = self.room(bytes, patience) else { return Ok(Tried::NoRoom) };
                ready.decode().and_then(|master| master.look())
            }
            Err(e) => Err(e),
        };
        let (look, colours) = match looked {
            Ok(Look { bits, colours }) => (bits.ok_or_else(|| MediaError::Even.to_string()), colours),
            Err(e) if e.is_lasting() => (Err(e.to_string()), Colours::NONE),
            Err(MediaError::Unavailable { .. }) => {
                self.looking.missed.store(true, Ordering::Relaxed);
                return Ok(Tried::Done);
            }
            Err(e) => {
                tracing::warn!(%content, error = %e, "a picture cannot be read to be looked at");
                self.looking.missed.store(true, Ordering::Relaxed);
                return Ok(Tried::Done);
            }
        };
        self.catalog.write(|tx| -> Result<(), CatalogError> {
            tx.put_look(&LookRow { content, way: LOOK, look: look.clone(), colours })?;
            for id in tx.assets_with_content(content)? {
                if let Some(before) = tx.asset(id)?.filter(|asset| asset.colours != colours) {
                    // Its record is what it was: no backup takes it for changed, unless an approval is asked anew.
                    let mut asset = Asset { colours, ..before.clone() };
                    // Seen for the first time: of a verdict with a reason somebody knew what it is of, before a rebuild or elsewhere.
                    let known = |asset: &Asset| {
                        asset
                            .status
                            .iter()
                            .filter(|(_, verdict)| verdict.reason.is_some())
                            .map(|(p, _)| p.clone())
                            .collect()
                    };
                    let reasoned: Vec<String> =
                        if before.colours == Colours::NONE { known(&before) } else { Vec::new() };
                    let hand = Hand::own(None, self.clock.now());
                    verdicts::doubt_on_record_but(self, tx, (&before, &mut asset), &reasoned, &hand)?;
                    tx.put_asset(&asset)?;
                }
                // Directories show it now.
                tx.change(ChangeKind::Asset, &id.to_string())?;
            }
            Ok(())
        })?;
        Ok(Tried::Done)
    }
}

/// The colours of a content, once somebody has looked at it.
pub(super) fn colours(tx: &dyn ReadTx, content: ContentId) -> Result<Colours, CatalogError> {
    Ok(tx.look(content)?.filter(|row| row.way == LOOK).map_or(Colours::NONE, |row| row.colours))
}

/// The current bytes of a published image that nobody looked at.
fn unlooked(tx: &dyn ReadTx, asset: &Asset) -> Result<Option<ContentId>, CatalogError> {
    let head = asset.head.filter(|_| asset.kind == "image").map(|head| tx.version(head)).transpose()?.flatten();
    let Some(content) = head.map(|head| head.content) else { return Ok(None) };
    Ok((!is_known(tx, content)?).then_some(content))
}

/// Whether somebody looked at a content, as it is looked now.
fn is_known(tx: &dyn ReadTx, content: ContentId) -> Result<bool, CatalogError> {
    Ok(tx.look(content)?.is_some_and(|row| row.way == LOOK))
}
