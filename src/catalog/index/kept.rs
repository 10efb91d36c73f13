//! The index beside the rows of an engine: which moment it is of, and what it was before.
//!
//! A read sees the catalogue of one moment, the index has that of the last commit. Each commit leaves behind what the assets that it
//! changed were before: with these a read of an earlier moment is answered as if the index were of that moment. So neither waits for the
//! other, but for the few instructions in which a commit's changes go in.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use damfs_policy::{Expr, Facts, Field};
use roaring::RoaringBitmap;

use super::{Index, Outside};
use crate::catalog::rules::is_found;
use crate::catalog::{Asset, AssetFacts, CatalogError as E};

/// Commits whose former states are kept, and so many assets' in them. A read that lasts longer is answered by the engine's tables.
const KEPT_COMMITS: usize = 4_096;
const KEPT_ASSETS: usize = 16_384;
/// How long a read waits for the commit that it sees to go into the index.
const WAIT: Duration = Duration::from_millis(50);
/// How long a read waits for the index that is being built. At a million assets that takes seconds, and the tables minutes for an answer.
const PATIENCE: Duration = Duration::from_secs(60);
const NAP: Duration = Duration::from_millis(2);

/// One asset that a commit changed.
#[derive(Debug, Clone)]
pub struct Touched {
    pub was: Option<Arc<Asset>>,
    pub is: Option<Arc<Asset>>,
}

/// The changes of one commit, by the feed's last number in it.
struct Commit {
    seq: u64,
    touched: Vec<Touched>,
}

enum State {
    /// Nobody asked for it, or there is doubt about it.
    Off,
    /// It could not be built, and is not tried again.
    GivenUp,
    /// Commits since the building began, some of which it may have read.
    Building(Vec<Commit>),
    Ready(Box<Ready>),
}

struct Ready {
    index: Index,
    /// The change that it knows of.
    seq: u64,
    /// What was before each of the last commits, the newest last, and the change before the first of them.
    before: VecDeque<Commit>,
    oldest: u64,
    /// Assets in `before`.
    assets: usize,
}

/// The index of an engine.
pub struct Kept(RwLock<State>);

impl Default for Kept {
    fn default() -> Self {
        Self(RwLock::new(State::Off))
    }
}

impl Kept {
    fn change(&self) -> std::sync::RwLockWriteGuard<'_, State> {
        self.0.write().unwrap_or_else(|poisoned| {
            // Whoever panicked may have left it half changed.
            let mut state = poisoned.into_inner();
            *state = State::Off;
            self.0.clear_poison();
            state
        })
    }

    /// Whether it answers.
    pub fn is_ready(&self) -> bool {
        self.0.read().is_ok_and(|state| matches!(*state, State::Ready(_)))
    }

    /// Whether it answers, now or when it has been built, if it is being built.
    pub fn is_ready_soon(&self) -> bool {
        let begun = std::time::Instant::now();
        while self.0.read().is_ok_and(|state| matches!(*state, State::Building(_))) && begun.elapsed() < PATIENCE {
            std::thread::sleep(NAP);
        }
        self.is_ready()
    }

    /// Builds it, unless there is one, one is being built or none can be, from a read that gives the feed's last number and the index of
    /// that moment. Commits go on meanwhile.
    ///
    /// # Errors
    /// What the read says; there is no index then, and it is not tried again.
    pub fn build(&self, read: impl FnOnce() -> Result<(u64, Index), E>) -> Result<(), E> {
        {
            let mut state = self.change();
            if !matches!(*state, State::Off) {
                return Ok(());
            }
            *state = State::Building(Vec::new());
        }
        let _begun = Begun(self);
        let built = read();
        let mut state = self.change();
        let State::Building(since) = std::mem::replace(&mut *state, State::Off) else { return Ok(()) };
        let ready = built.and_then(|(seq, index)| {
            let mut ready = Ready { index, seq, before: VecDeque::new(), oldest: seq, assets: 0 };
            since.into_iter().filter(|commit| commit.seq > seq).try_for_each(|commit| ready.apply(commit))?;
            Ok(Box::new(ready))
        });
        match ready {
            Ok(ready) => *state = State::Ready(ready),
            Err(e) => {
                *state = State::GivenUp;
                return Err(e);
            }
        }
        Ok(())
    }

    /// A commit changed these assets; `seq` is the last change that it put into the feed. One that changed assets and told the feed
    /// nothing leaves no moment to know it by: there is no index from then on.
    pub fn committed(&self, seq: Option<u64>, touched: Vec<Touched>) {
        let mut state = self.change();
        let kept = match (&mut *state, seq) {
            (State::Off | State::GivenUp, _) => return,
            (_, None) => touched.is_empty(),
            (State::Building(since), Some(seq)) => {
                since.push(Commit { seq, touched });
                true
            }
            (State::Ready(ready), Some(seq)) => ready.apply(Commit { seq, touched }).is_ok(),
        };
        if !kept {
            *state = State::Off;
            tracing::warn!("the index of queries is in doubt and is not used until it is built again");
        }
    }

    /// It is not known what a commit left: there is no index from now on.
    pub fn doubt(&self) {
        *self.change() = State::Off;
    }

    /// The index as it is, and the change that it knows of; `None` when there is none. No commit goes in meanwhile.
    pub fn whole<T>(&self, f: impl FnOnce(u64, &Index) -> T) -> Option<T> {
        match &*self.0.read().ok()? {
            State::Ready(ready) => Some(f(ready.seq, &ready.index)),
            State::Off | State::GivenUp | State::Building(_) => None,
        }
    }

    /// Answers from the index as it was at a change; `None` when it has no index of that moment.
    pub fn at<T>(&self, seq: u64, answer: impl FnOnce(&Moment<'_>) -> Result<T, E>) -> Result<Option<T>, E> {
        let begun = std::time::Instant::now();
        loop {
            // Whoever panicked amid a change may have left it half done: it answers nothing until the next commit has put it away.
            let Ok(state) = self.0.read() else { return Ok(None) };
            let State::Ready(ready) = &*state else { return Ok(None) };
            if ready.seq >= seq {
                return ready.moment(seq).map(|moment| answer(&moment)).transpose();
            }
            drop(state);
            if begun.elapsed() > WAIT {
                return Ok(None);
            }
            std::thread::yield_now();
        }
    }
}

/// Commits are not gathered for a building that a panic ended.
struct Begun<'k>(&'k Kept);

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        let mut state = self.0.change();
        if matches!(*state, State::Building(_)) {
            *state = State::Off;
        }
    }
}

impl Ready {
    fn apply(&mut self, commit: Commit) -> Result<(), E> {
        for Touched { was, is } in &commit.touched {
            self.index.apply(was.as_deref(), is.as_deref())?;
        }
        self.seq = commit.seq;
        self.assets += commit.touched.len();
        self.before.push_back(commit);
        while (self.before.len() > KEPT_COMMITS || self.assets > KEPT_ASSETS)
            && let Some(first) = self.before.pop_front()
        {
            self.assets -= first.touched.len();
            self.oldest = first.seq;
        }
        Ok(())
    }

    fn moment(&self, seq: u64) -> Option<Moment<'_>> {
        let mut then: BTreeMap<u32, Option<&Asset>> = BTreeMap::new();
        if seq < self.seq {
            if seq < self.oldest {
                return None;
            }
            let later = self.before.partition_point(|commit| commit.seq <= seq);
            for Touched { was, is } in self.before.range(later..).flat_map(|commit| &commit.touched) {
                let ordinal = was.as_ref().or(is.as_ref()).map(|asset| asset.ordinal)?;
                // The first change tells what it was.
                then.entry(u32::try_from(ordinal).ok()?).or_insert(was.as_deref());
            }
        }
        Some(Moment { index: &self.index, then })
    }
}

/// The index as it was at one moment.
pub struct Moment<'i> {
    index: &'i Index,
    /// What has changed since, as it was then.
    then: BTreeMap<u32, Option<&'i Asset>>,
}

impl Moment<'_> {
    /// The ordinals of what `find` gives.
    ///
    /// # Errors
    /// What `outside` says.
    pub fn select(&self, query: &Expr, outside: &mut Outside<'_>) -> Result<RoaringBitmap, E> {
        let mut found = self.index.select(query, outside)?;
        for (ordinal, was) in &self.then {
            if was.is_some_and(|asset| is_found(query, asset)) {
                found.insert(*ordinal);
            } else {
                found.remove(*ordinal);
            }
        }
        Ok(found)
    }

    /// The first of these assets that has these digits of bytes.
    #[must_use]
    pub fn first_duplicate(&self, digits: &str, within: &RoaringBitmap) -> Option<u32> {
        let mut having = self.index.duplicates.having(digits) & within;
        for (ordinal, was) in &self.then {
            if within.contains(*ordinal) && was.is_some_and(|asset| asset.duplicate.as_deref() == Some(digits)) {
                having.insert(*ordinal);
            } else {
                having.remove(*ordinal);
            }
        }
        having.min()
    }

    /// Each value of a field that some of these assets have, and how many, in the order of the values; of digits those that two or more have.
    #[must_use]
    pub fn counts(&self, field: &Field, within: &RoaringBitmap) -> Vec<(String, u64)> {
        let mut same = within.clone();
        for ordinal in self.then.keys() {
            same.remove(*ordinal);
        }
        let mut counts = self.index.counts(field, &same);
        let changed = self.then.iter().filter(|(ordinal, _)| within.contains(**ordinal));
        for asset in changed.filter_map(|(_, was)| *was) {
            let mut one = |value: &str| {
                *counts.entry(value.to_owned()).or_insert_with(|| self.index.alone(field, value, &same)) += 1;
            };
            AssetFacts(asset).texts(field, &mut one);
            if let Some(number) = AssetFacts(asset).number(field) {
                one(&super::listed(field, super::key(field.kind(), number)));
            }
        }
        let least = if field.is_digits() { 2 } else { 1 };
        counts.into_iter().filter(|(_, count)| *count >= least).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_building_that_panics_leaves_none_and_can_be_begun_again() {
        let kept = Kept::default();
        let panics = || kept.build(|| panic!("amid the reading"));
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).is_err());
        assert!(!kept.is_ready());
        kept.build(|| Ok((7, Index::default()))).unwrap();
        assert!(kept.is_ready());
        kept.build(|| panic!("there is one")).unwrap();
    }

    #[test]
    fn who_asks_while_it_is_built_waits_for_it() {
        let kept = Kept::default();
        assert!(!kept.is_ready_soon(), "nobody builds it");
        std::thread::scope(|threads| {
            let (begun, is_begun) = std::sync::mpsc::channel();
            let (end, is_end) = std::sync::mpsc::channel::<()>();
            let kept = &kept;
            threads.spawn(move || {
                kept.build(|| {
                    begun.send(()).unwrap();
                    is_end.recv().unwrap();
                    Ok((7, Index::default()))
                })
            });
            is_begun.recv().unwrap();
            let asks = threads.spawn(|| kept.is_ready_soon());
            assert!(!kept.is_ready());
            end.send(()).unwrap();
            assert!(asks.join().unwrap());
        });
    }

    #[test]
    fn an_index_that_a_panic_left_half_changed_answers_nothing() {
        let kept = Kept::default();
        kept.build(|| Ok((7, Index::default()))).unwrap();
        let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _state = kept.0.write().unwrap();
            panic!("amid a change");
        }));
        assert!(broken.is_err() && !kept.is_ready());
        assert!(kept.at(7, |_| Ok(())).unwrap().is_none());
        kept.build(|| Ok((8, Index::default()))).unwrap();
        assert!(kept.at(8, |_| Ok(())).unwrap().is_some());
    }
}
