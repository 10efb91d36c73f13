//! The memory that all decodes at once may take: each picture has its own limit, but several at a time add up.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Enough for one picture of the largest size that is decoded, or for many usual ones.
const DEFAULT: u64 = 1024 * 1024 * 1024;

/// Bytes that are handed out and come back. Who waits is served in order, so that small ones do not hold up a large one for ever.
#[derive(Debug)]
pub struct Budget(Arc<Purse>);

#[derive(Debug)]
struct Purse {
    total: u64,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    used: u64,
    last_ticket: u64,
    waiting: VecDeque<u64>,
}

/// Bytes in use until it is dropped.
#[derive(Debug)]
pub struct Share {
    purse: Arc<Purse>,
    bytes: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(DEFAULT)
    }
}

impl Budget {
    /// So many bytes.
    #[must_use]
    pub fn new(total: u64) -> Self {
        Self(Arc::new(Purse { total, state: Mutex::default(), freed: Condvar::new() }))
    }

    /// Waits for room; `None` when there was none in that time. What is larger than everything gets everything: it runs alone.
    pub fn take(&self, bytes: u64, within: Duration) -> Option<Share> {
        let purse = &self.0;
        let bytes = bytes.min(purse.total);
        let mut state = purse.lock();
        state.last_ticket += 1;
        let mine = state.last_ticket;
        state.waiting.push_back(mine);
        let has_to_wait =
            |s: &mut State| s.waiting.front() != Some(&mine) || s.used.saturating_add(bytes) > purse.total;
        let waited = purse.freed.wait_timeout_while(state, within, has_to_wait);
        let (mut state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        state.waiting.retain(|ticket| *ticket != mine);
        // The next in line may have room beside this one, or instead of it.
        purse.freed.notify_all();
        if waited.timed_out() {
            return None;
        }
        state.used = state.used.saturating_add(bytes);
        Some(Share { purse: Arc::clone(purse), bytes })
    }

    /// Room for what nobody waits for: half of it stays for the others, and none is taken before who waits. A giant is taken when there
    /// is nothing else.
    pub fn take_spare(&self, bytes: u64) -> Option<Share> {
        let purse = &self.0;
        let bytes = bytes.min(purse.total);
        let mut state = purse.lock();
        let fits = state.used == 0 || state.used.saturating_add(bytes) <= purse.total / 2;
        if !fits || !state.waiting.is_empty() {
            return None;
        }
        state.used = state.used.saturating_add(bytes);
        Some(Share { purse: Arc::clone(purse), bytes })
    }

    /// Whether somebody waits for room.
    pub fn is_wanted(&self) -> bool {
        !self.0.lock().waiting.is_empty()
    }
}

impl Purse {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut state = self.purse.lock();
        state.used = state.used.saturating_sub(self.bytes);
        self.purse.freed.notify_all();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    const NOW: Duration = Duration::ZERO;
    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn what_is_taken_comes_back_and_a_giant_runs_alone() {
        let budget = Budget::new(100);
        let (a, b) = (budget.take(60, NOW).unwrap(), budget.take(40, NOW).unwrap());
        assert!(budget.take(1, NOW).is_none(), "waiting is bounded");
        drop(a);
        assert!(budget.take(1_000, NOW).is_none(), "not beside another");
        drop(b);
        let giant = budget.take(1_000, NOW).unwrap();
        assert!(budget.take(1, NOW).is_none());
        drop(giant);
        assert!(budget.take(100, NOW).is_some());
    }

    #[test]
    fn what_nobody_waits_for_leaves_half_and_lets_others_go_first() {
        let budget = Budget::new(100);
        let spare = budget.take_spare(50).unwrap();
        assert!(budget.take_spare(1).is_none(), "half of it is for the others");
        let reader = budget.take(50, NOW).unwrap();
        drop(spare);
        assert!(budget.take_spare(1).is_none());
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| budget.take(100, LONG).is_some());
            while !budget.is_wanted() {
                std::thread::yield_now();
            }
            drop(reader);
            assert!(waits.join().unwrap());
        });
        assert!(budget.take_spare(1_000).is_some(), "a giant, when there is nothing else");
    }

    #[test]
    fn many_at_once_never_exceed_it_and_all_are_served() {
        let (budget, used, most) = (Budget::new(100), AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for n in 0..16_u64 {
                let (budget, used, most) = (&budget, &used, &most);
                scope.spawn(move || {
                    let bytes = 10 + n * 5;
                    let share = budget.take(bytes, LONG).unwrap();
                    most.fetch_max(used.fetch_add(bytes, Ordering::SeqCst) + bytes, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(5));
                    used.fetch_sub(bytes, Ordering::SeqCst);
                    drop(share);
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 100);
    }

    #[test]
    fn a_large_one_is_not_overtaken_for_ever() {
        let budget = Budget::new(100);
        let small = budget.take(50, NOW).unwrap();
        std::thread::scope(|scope| {
            let large = scope.spawn(|| budget.take(100, LONG).is_some());
            while budget.0.lock().waiting.is_empty() {
                std::thread::yield_now();
            }
            assert!(budget.take(50, NOW).is_none(), "there is room, but not its turn");
            drop(small);
            assert!(large.join().unwrap());
        });
    }
}
