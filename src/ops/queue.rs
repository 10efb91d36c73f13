//! Whose renders are next: of clips, and of stills in the background.
//!
//! What there is to do follows from the catalogue, so nothing has to be remembered over a restart: everything is looked through once, and then
//! what changes.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Library, converter, spec};
use crate::catalog::{Asset, CatalogError, ChangeKind, ChangeRow, ReadTx};
use crate::policy::Expr;
use crate::types::{AssetId, Timestamp};

/// How long what failed for no fault of its own is let alone, however often somebody looks.
const REST_MS: i64 = 60_000;
/// How many of those that were looked at last come first.
const WANTED: usize = 64;
/// With so many waiting, no more changes are looked through.
const MOST: usize = 4_096;
/// With so many waiting, what has waited all along waits on: what changes now is not to come behind all of it.
const BACKLOG: usize = 64;
/// Assets and changes that are read at once.
const PAGE: usize = 128;

/// An asset at work: done with when this is dropped, whatever ends the work.
pub(super) struct AtWork<'a> {
    waiting: &'a Waiting,
    asset: AssetId,
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.waiting.queue().done(self.asset);
    }
}

/// What is being rendered, as it is shown: no more when this is dropped.
pub(super) struct Shown<'a, T> {
    all: &'a Mutex<Vec<T>>,
    one: T,
    is_same: fn(&T, &T) -> bool,
}

impl<'a, T: Clone> Shown<'a, T> {
    pub(super) fn among(all: &'a Mutex<Vec<T>>, one: T, is_same: fn(&T, &T) -> bool) -> Self {
        all.lock().unwrap_or_else(PoisonError::into_inner).push(one.clone());
        Self { all, one, is_same }
    }
}

impl<T> Drop for Shown<'_, T> {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|other| !(self.is_same)(other, &self.one));
    }
}

/// Assets that may have something to render, and how far the catalogue was looked through for them.
#[derive(Default)]
pub(super) struct Waiting {
    queue: Mutex<Queue>,
    walk: Mutex<Walk>,
}

/// How far the catalogue was looked through.
struct Walk {
    /// The last change that was seen; `None` before the first look.
    seen: Option<u64>,
    /// The last asset that was; `None` when all were.
    all: Option<u64>,
}

impl Default for Walk {
    fn default() -> Self {
        Self { seen: None, all: Some(0) }
    }
}

impl Waiting {
    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An asset that [`Queue::next`] or [`Queue::take`] gave out.
    pub(super) const fn at_work(&self, asset: AssetId) -> AtWork<'_> {
        AtWork { waiting: self, asset }
    }
}

impl Library {
    /// Looks further through the catalogue for assets that are due; whether there may be more for now.
    pub(super) fn fill(
        &self,
        waiting: &Waiting,
        among: &Expr,
        is_due: impl Fn(&dyn ReadTx, &Asset) -> Result<bool, CatalogError>,
    ) -> Result<bool, CatalogError> {
        let mut walk = waiting.walk.lock().unwrap_or_else(PoisonError::into_inner);
        let (upto, count) = (self.catalog.committed(), waiting.queue().len());
        let seen = *walk.seen.get_or_insert(upto);
        if seen < upto {
            if count >= MOST {
                return Ok(false);
            }
            let rows = self.catalog.changes(seen, upto, PAGE)?;
            let changed =
                || rows.iter().filter(|row| row.kind == ChangeKind::Asset).filter_map(|row| row.id.parse().ok());
            let due = self.catalog.read(|tx| {
                let mut due = Vec::new();
                for id in changed() {
                    if let Some(asset) = tx.asset(id)?
                        && is_due(tx, &asset)?
                    {
                        due.push(id);
                    }
                }
                Ok::<_, CatalogError>(due)
            })?;
            due.into_iter().for_each(|id| waiting.queue().add(id));
            // Other rows of the table make other renders of everything, and what waited for a decoder was passed over.
            let is_again = |row: &ChangeRow| matches!(row.id.as_str(), spec::FILE | converter::FOUND);
            if rows.iter().any(|row| row.kind == ChangeKind::Access && is_again(row)) {
                walk.all = Some(0);
            }
            walk.seen = Some(rows.last().map_or(upto, |row| row.seq));
            return Ok(true);
        }
        let Some(after) = walk.all.filter(|_| count < BACKLOG) else { return Ok(false) };
        let (due, last) = self.catalog.read(|tx| {
            let page = tx.find(among, after, PAGE)?;
            let mut due = Vec::new();
            for asset in &page {
                due.extend(is_due(tx, asset)?.then_some(asset.id));
            }
            Ok::<_, CatalogError>((due, page.last().map(|asset| asset.ordinal)))
        })?;
        due.into_iter().for_each(|id| waiting.queue().add_later(id));
        walk.all = last;
        Ok(true)
    }
}

/// Assets that may have something to render, each once.
#[derive(Default)]
pub(super) struct Queue {
    /// Whose turn it is some time, and whether that is behind what changed. What was taken out of turn stays in line and is passed over.
    known: HashMap<AssetId, bool>,
    changed: VecDeque<AssetId>,
    later: VecDeque<AssetId>,
    /// Who looked last comes first.
    wanted: VecDeque<AssetId>,
    /// Being rendered, each by one worker.
    busy: HashSet<AssetId>,
    /// Since when, and why.
    resting: HashMap<AssetId, (Timestamp, String)>,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// How many wait or are being rendered.
    pub(super) fn unfinished(&self) -> usize {
        self.known.len() + self.busy.iter().filter(|asset| !self.known.contains_key(asset)).count()
    }

    /// It changed: its turn comes.
    pub(super) fn add(&mut self, asset: AssetId) {
        self.resting.remove(&asset);
        if self.known.insert(asset, false) != Some(false) {
            self.changed.push_back(asset);
        }
    }

    /// It is as it was: its turn comes behind those that changed.
    fn add_later(&mut self, asset: AssetId) {
        self.known.entry(asset).or_insert_with(|| {
            self.later.push_back(asset);
            true
        });
    }

    /// It is looked at: it is next.
    pub(super) fn want(&mut self, asset: AssetId) {
        if self.resting.contains_key(&asset) || self.busy.contains(&asset) || self.len() >= 2 * MOST {
            return;
        }
        self.add(asset);
        self.wanted.retain(|other| *other != asset);
        self.wanted.push_front(asset);
        self.wanted.truncate(WANTED);
    }

    /// The next one, for one worker until it is [`Queue::done`].
    pub(super) fn next(&mut self, now: Timestamp) -> Option<AssetId> {
        self.resting.retain(|_, (since, _)| now.ms_since(*since) < REST_MS);
        let asset = self.out_of_turn().or_else(|| in_turn(&mut self.changed, &self.known, &self.busy));
        let asset = asset.or_else(|| in_turn(&mut self.later, &self.known, &self.busy))?;
        self.known.remove(&asset);
        self.busy.insert(asset);
        Some(asset)
    }

    /// The same of a certain one, which keeps its turn; `false` when somebody is at it.
    pub(super) fn take(&mut self, asset: AssetId) -> bool {
        !self.resting.contains_key(&asset) && self.busy.insert(asset)
    }

    fn out_of_turn(&mut self) -> Option<AssetId> {
        while let Some(asset) = self.wanted.pop_front() {
            if self.known.contains_key(&asset) && !self.busy.contains(&asset) {
                return Some(asset);
            }
        }
        None
    }

    pub(super) fn done(&mut self, asset: AssetId) {
        self.busy.remove(&asset);
    }

    /// It could not be rendered just now.
    pub(super) fn rest(&mut self, asset: AssetId, now: Timestamp, why: String) {
        self.known.remove(&asset);
        self.resting.insert(asset, (now, why));
    }

    /// Why it rests, when it does.
    pub(super) fn trouble(&self, asset: AssetId) -> Option<String> {
        self.resting.get(&asset).map(|(_, why)| why.clone())
    }
}

fn in_turn(line: &mut VecDeque<AssetId>, known: &HashMap<AssetId, bool>, busy: &HashSet<AssetId>) -> Option<AssetId> {
    for _ in 0..line.len() {
        let asset = line.pop_front()?;
        if busy.contains(&asset) {
            line.push_back(asset);
        } else if known.contains_key(&asset) {
            return Some(asset);
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn id(n: u8) -> AssetId {
        AssetId::from_bytes([n; 16])
    }

    #[test]
    fn each_waits_once_and_who_is_looked_at_comes_first() {
        let (mut queue, now) = (Queue::default(), Timestamp::from_secs(1_000));
        for n in [1, 2, 3, 2] {
            queue.add(id(n));
        }
        queue.want(id(3));
        queue.want(id(3));
        queue.want(id(4));
        assert_eq!(queue.len(), 4);
        let order: Vec<_> = std::iter::from_fn(|| queue.next(now)).collect();
        assert_eq!(order, [id(4), id(3), id(1), id(2)]);
    }

    /// Regression: an asset whose render panicked was at work, and shown so, until the next start.
    #[test]
    fn work_that_panics_is_over() {
        let (waiting, shown) = (Waiting::default(), Mutex::new(Vec::new()));
        waiting.queue().add(id(1));
        let asset = waiting.queue().next(Timestamp::from_secs(1_000)).unwrap();
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _at_work = waiting.at_work(asset);
            let _shown = Shown::among(&shown, asset, PartialEq::eq);
            assert!(!waiting.queue().take(asset) && shown.lock().unwrap().len() == 1);
            std::panic::resume_unwind(Box::new("a decoder's"));
        }));
        assert!(ended.is_err() && waiting.queue().take(asset));
        assert!(shown.lock().unwrap_or_else(PoisonError::into_inner).is_empty());
    }

    #[test]
    fn what_changes_while_it_is_rendered_has_another_turn_behind_that_one() {
        let (mut queue, now) = (Queue::default(), Timestamp::from_secs(1_000));
        queue.add(id(1));
        assert_eq!(queue.next(now), Some(id(1)));
        queue.add(id(1));
        assert_eq!(queue.next(now), None, "another worker leaves it alone");
        queue.done(id(1));
        assert_eq!(queue.next(now), Some(id(1)));
    }

    #[test]
    fn what_failed_just_now_is_tried_by_looks_only_after_a_while_and_by_a_change_at_once() {
        let (mut queue, now) = (Queue::default(), Timestamp::from_secs(1_000));
        queue.rest(id(1), now, "the disk is full".into());
        queue.want(id(1));
        assert_eq!((queue.next(now), queue.trouble(id(1)).as_deref()), (None, Some("the disk is full")));
        assert_eq!(queue.next(Timestamp::from_secs(1_061)), None);
        queue.want(id(1));
        assert_eq!(queue.next(now), Some(id(1)));
        queue.done(id(1));
        queue.rest(id(1), now, String::new());
        queue.add(id(1));
        assert_eq!(queue.next(now), Some(id(1)));
    }

    #[test]
    fn what_changes_now_comes_before_what_has_waited_all_along() {
        let (mut queue, now) = (Queue::default(), Timestamp::from_secs(1_000));
        for n in [1, 2, 3] {
            queue.add_later(id(n));
        }
        queue.add(id(4));
        queue.add(id(3));
        queue.add_later(id(4));
        assert!(queue.take(id(1)) && !queue.take(id(1)), "by one worker at a time");
        let order: Vec<_> = std::iter::from_fn(|| queue.next(now)).collect();
        assert_eq!(order, [id(4), id(3), id(2)]);
        queue.done(id(1));
        assert_eq!((queue.next(now), queue.len()), (Some(id(1)), 0));
    }
}
