//! Whose clips are looked at next.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::types::{AssetId, Timestamp};

/// How long what failed for no fault of its own is let alone, however often somebody looks.
const REST_MS: i64 = 60_000;

/// How many of those that were looked at last come first.
const WANTED: usize = 64;

/// Assets that may have clips to render, each once.
#[derive(Default)]
pub(super) struct Queue {
    /// Whose turn it is some time. What was taken out of turn stays in `order` and is passed over.
    known: HashSet<AssetId>,
    order: VecDeque<AssetId>,
    /// Who looked last comes first.
    wanted: VecDeque<AssetId>,
    /// Being rendered, each by one worker.
    busy: HashSet<AssetId>,
    /// Since when, and why.
    resting: HashMap<AssetId, (Timestamp, String)>,
    /// The last change that was looked through; `None` before the catalogue was.
    pub(super) seen: Option<u64>,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// It changed: its turn comes.
    pub(super) fn add(&mut self, asset: AssetId) {
        self.resting.remove(&asset);
        if self.known.insert(asset) {
            self.order.push_back(asset);
        }
    }

    /// It is looked at: it is next.
    pub(super) fn want(&mut self, asset: AssetId) {
        if self.resting.contains_key(&asset) || self.busy.contains(&asset) {
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
        let asset = self.out_of_turn().or_else(|| self.in_turn())?;
        self.known.remove(&asset);
        self.busy.insert(asset);
        Some(asset)
    }

    fn out_of_turn(&mut self) -> Option<AssetId> {
        while let Some(asset) = self.wanted.pop_front() {
            if self.known.contains(&asset) && !self.busy.contains(&asset) {
                return Some(asset);
            }
        }
        None
    }

    fn in_turn(&mut self) -> Option<AssetId> {
        for _ in 0..self.order.len() {
            let asset = self.order.pop_front()?;
            if self.busy.contains(&asset) {
                self.order.push_back(asset);
            } else if self.known.contains(&asset) {
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
        self.resting.insert(asset, (now, why));
    }

    /// Why it rests, when it does.
    pub(super) fn trouble(&self, asset: AssetId) -> Option<String> {
        self.resting.get(&asset).map(|(_, why)| why.clone())
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
}
