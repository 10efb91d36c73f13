//! Rendered bytes are kept up to a number of bytes: beyond that what goes first is what circulates no more, then what was read longest ago.
//!
//! What is known of a render (size, hash) stays for good, so a still whose bytes went is rendered again when it is read, to the same bytes. A clip in
//! circulation takes too long for that: it stays, as does a signed still when there is no certificate to sign it once more. What is open stays, too.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::marks::{Table, placements};
use super::{Library, OpsError};
use crate::blob::{BlobError, ObjectKind};
use crate::catalog::{CatalogError, ReadTx};
use crate::policy::platforms::PlacementKind;
use crate::types::{ContentId, Timestamp};
use crate::view::recipes::{clip_name, clip_recipe_for, object_name};
use crate::view::tree::{ClipState, clip_state, exported, recipe_of, takes_clips};

/// How often what is kept is counted anew.
const DAY_MS: i64 = 24 * 3_600_000;
/// How exactly the time of the last reading is noted.
const NOTED_MS: i64 = 60_000;

/// What is kept of one library's renders.
#[derive(Default)]
pub(super) struct KeptRenders {
    count: Mutex<Count>,
    open: Arc<Mutex<HashMap<String, usize>>>,
}

#[derive(Default)]
struct Count {
    /// About so many bytes are kept.
    bytes: u64,
    /// So many could not be let go of the last time.
    least: u64,
    counted: Option<Timestamp>,
}

/// Keeps a render from being let go of until it is dropped.
#[derive(Debug)]
pub struct Lease {
    open: Arc<Mutex<HashMap<String, usize>>>,
    name: String,
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        if let Some(count) = open.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.name);
            }
        }
    }
}

/// One render as it lies in the store: the parts of a clip are one.
#[derive(Default)]
struct Held {
    objects: Vec<String>,
    bytes: u64,
    used: Option<Timestamp>,
}

impl Library {
    /// A render that somebody is going to read or to make stays.
    pub(super) fn hold_render(&self, name: String) -> Lease {
        let open = Arc::clone(&self.kept_renders.open);
        *lock(&open).entry(name.clone()).or_default() += 1;
        Lease { open, name }
    }

    /// Keeps a rendered object.
    pub(super) fn keep_object(&self, name: &str, bytes: &[u8]) -> Result<(), BlobError> {
        self.vault.put_object(ObjectKind::Rendition, name, bytes)?;
        let stored = self.vault.object_use(ObjectKind::Rendition, name)?.map_or(0, |(stored, _)| stored);
        let mut count = lock(&self.kept_renders.count);
        count.bytes = count.bytes.saturating_add(stored);
        drop(count);
        self.note_read(name);
        Ok(())
    }

    /// Notes that a rendered object is read. What cannot be noted is let go of earlier.
    pub(super) fn note_read(&self, name: &str) {
        let now = self.clock.now();
        let noted = self.vault.object_use(ObjectKind::Rendition, name).and_then(|told| match told {
            Some((_, used)) if now.ms_since(used).abs() >= NOTED_MS => {
                self.vault.touch_object(ObjectKind::Rendition, name, now)
            }
            _ => Ok(()),
        });
        if let Err(e) = noted {
            tracing::debug!(error = %e, "the reading of an export could not be noted");
        }
    }

    /// Lets go of renders beyond the budget; looks daily, and when it is passed. May take seconds; a daemon calls it at every beat.
    pub fn evict_renders(&self) {
        if let Err(e) = self.try_evict() {
            tracing::warn!(error = %e, "rendered exports could not be let go of; it is tried again tomorrow");
            let mut count = lock(&self.kept_renders.count);
            count.least = count.bytes;
        }
    }

    fn try_evict(&self) -> Result<(), OpsError> {
        let (now, most) = (self.clock.now(), self.info().renditions_max.0);
        let mut count = lock(&self.kept_renders.count);
        let is_passed = count.bytes > most.max(count.least.saturating_add(most / 10));
        if !is_passed && count.counted.is_some_and(|counted| now.ms_since(counted) < DAY_MS) {
            return Ok(());
        }
        count.counted = Some(now);
        drop(count);
        let held = self.held_renders()?;
        if self.is_ending() {
            return Ok(());
        }
        let mut left: u64 = held.values().map(|render| render.bytes).sum();
        if left > most {
            for (name, render) in self.in_order(held)? {
                if left <= most / 10 * 9 || self.is_ending() {
                    break;
                }
                if self.let_go_of(&name, &render)? {
                    left -= render.bytes;
                }
            }
        }
        let mut count = lock(&self.kept_renders.count);
        (count.bytes, count.least) = (left, left);
        Ok(())
    }

    fn held_renders(&self) -> Result<HashMap<String, Held>, BlobError> {
        let mut objects = Vec::new();
        self.vault.objects(ObjectKind::Rendition, &mut |name| objects.push(name.to_owned()))?;
        let mut held: HashMap<String, Held> = HashMap::new();
        for object in objects {
            if self.is_ending() {
                break;
            }
            let Some((bytes, used)) = self.vault.object_use(ObjectKind::Rendition, &object)? else { continue };
            let render = held.entry(render_of(&object).to_owned()).or_default();
            render.bytes = render.bytes.saturating_add(bytes);
            render.used = render.used.max(Some(used));
            render.objects.push(object);
        }
        Ok(held)
    }

    /// What may go, first what is to go first.
    fn in_order(&self, held: HashMap<String, Held>) -> Result<Vec<(String, Held)>, CatalogError> {
        let tables = self.catalog.read(|tx| self.tables(tx))?;
        let mut live = HashMap::new();
        let mut order = Vec::new();
        for (name, render) in held {
            if self.is_ending() {
                break;
            }
            let stays = match content_of(&name) {
                Some(content) => {
                    let names: &mut HashMap<String, bool> = match live.entry(content) {
                        Entry::Occupied(known) => known.into_mut(),
                        Entry::Vacant(new) => {
                            new.insert(self.catalog.read(|tx| self.circulating(tx, content, &tables))?)
                        }
                    };
                    names.get(&name).copied()
                }
                None => None,
            };
            if stays != Some(true) {
                order.push((stays.is_some(), render.used, name, render));
            }
        }
        order.sort_by(|a, b| (a.0, a.1, &a.2).cmp(&(b.0, b.1, &b.2)));
        Ok(order.into_iter().map(|(.., name, render)| (name, render)).collect())
    }

    /// Nobody opens it meanwhile. What stays may have come into circulation since it was looked at.
    fn let_go_of(&self, name: &str, render: &Held) -> Result<bool, CatalogError> {
        let open = lock(&self.kept_renders.open);
        if open.contains_key(name) {
            return Ok(false);
        }
        if (render.is_clip(name) || self.unsigned().is_some())
            && let Some(content) = content_of(name)
        {
            let now = self.catalog.read(|tx| self.circulating(tx, content, &self.tables(tx)?))?;
            if now.get(name) == Some(&true) {
                return Ok(false);
            }
        }
        let removed = render.objects.iter().try_for_each(|o| self.vault.remove_object(ObjectKind::Rendition, o));
        drop(open);
        Ok(removed.is_ok())
    }

    fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }
}

impl Held {
    /// A clip lies in parts, a still under its own name.
    fn is_clip(&self, name: &str) -> bool {
        self.objects.iter().any(|object| object != name)
    }
}

/// The content that a render is of.
fn content_of(name: &str) -> Option<ContentId> {
    name.split('-').next().and_then(|content| content.parse().ok())
}

/// The render that an object is of: itself, or the clip that it is a part of.
fn render_of(object: &str) -> &str {
    object.split_once('.').map_or(object, |(clip, _)| clip)
}

impl Library {
    /// What a content's renders in circulation are kept under, and whether they stay.
    fn circulating(
        &self,
        tx: &dyn ReadTx,
        content: ContentId,
        tables: &[Table],
    ) -> Result<HashMap<String, bool>, CatalogError> {
        let mut names = HashMap::new();
        let is_unsigned = self.unsigned().is_some();
        for version in tx.versions_with_content(content)? {
            let Some(asset) = tx.asset(version.asset)? else { continue };
            for (_, placement) in placements(tables) {
                if exported(tx, &asset, placement)?.is_none_or(|exported| exported.id != version.id) {
                    continue;
                }
                match placement.kind {
                    PlacementKind::Image => {
                        let recipe = recipe_of(tx, &asset, &version, placement, self.signer_id())?;
                        names.insert(object_name(content, &recipe), is_unsigned && recipe.signed.is_some());
                    }
                    PlacementKind::Video if takes_clips(placement) => {
                        let recipe = clip_recipe_for(tx, &asset, &version, placement)?;
                        if let ClipState::Made { hash, .. } = clip_state(tx, &version, &recipe)? {
                            names.insert(clip_name(content, &recipe, &hash), true);
                        }
                    }
                    PlacementKind::Video => {}
                }
            }
        }
        Ok(names)
    }
}
