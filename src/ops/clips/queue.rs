//! Whose clips are looked at next.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::types::{AssetId, Timestamp};

/// How long what failed for no fault of its own is let alone, however often somebody looks.
const REST_MS: i64 = 60_000;

/// Assets that may have clips to render, each once.
#[derive(Default)]
pub(super) struct Queue {
    waiting: VecDeque<AssetId>,
    known: HashSet<AssetId>,
    /// Being rendered, each by one worker.
    busy: HashSet<AssetId>,
    resting: HashMap<AssetId, Timestamp>,
    /// The last change that was looked through; `None` before the catalogue was.
    pub(super) seen: Option<u64>,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// It changed: its turn comes.
    pub(super) fn add(&mut self, asset: AssetId) {
        self.resting.remove(&asset);
        if self.known.insert(asset) {
            self.waiting.push_back(asset);
        }
    }

    /// It is looked at: it is next.
    pub(super) fn want(&mut self, asset: AssetId) {
        if self.resting.contains_key(&asset) || self.busy.contains(&asset) || self.waiting.front() == Some(&asset) {
            return;
        }
        if !self.known.insert(asset) {
            self.waiting.retain(|other| *other != asset);
        }
        self.waiting.push_front(asset);
    }

    /// The next one, for one worker until it is [`Queue::done`].
    pub(super) fn next(&mut self, now: Timestamp) -> Option<AssetId> {
        self.resting.retain(|_, since| now.ms_since(*since) < REST_MS);
        let at = self.waiting.iter().position(|asset| !self.busy.contains(asset))?;
        let asset = self.waiting.remove(at)?;
        self.known.remove(&asset);
        self.busy.insert(asset);
        Some(asset)
    }

    pub(super) fn done(&mut self, asset: AssetId) {
        self.busy.remove(&asset);
    }

    /// It could not be rendered just now.
    pub(super) fn rest(&mut self, asset: AssetId, now: Timestamp) {
        self.resting.insert(asset, now);
    }
}

#[cfg(test)]
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
        queue.rest(id(1), now);
        queue.want(id(1));
        assert_eq!(queue.next(now), None);
        assert_eq!(queue.next(Timestamp::from_secs(1_061)), None);
        queue.want(id(1));
        assert_eq!(queue.next(now), Some(id(1)));
        queue.done(id(1));
        queue.rest(id(1), now);
        queue.add(id(1));
        assert_eq!(queue.next(now), Some(id(1)));
    }
}
