//! Whose attributes the kernel may believe without asking. Only those are taken back: news of an inode that reaches the kernel while it
//! waits for its attributes makes it throw the answer away and keep the size that it knew, which may be older than a write on another mount.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hashbrown::DefaultHashBuilder;

use super::mount::Mount;
use crate::types::{Attr, Timestamp};

/// How long an inode is kept at least: longer than the kernel believes attributes, counted from before it has them.
const KEPT_MS: i64 = 3_000;
/// How long the news of a change may be on its way: longer than the kernel believes attributes.
const LATELY_MS: i64 = 2_000;

/// Inodes in two generations; the older one goes when the younger has become old.
#[derive(Default)]
pub(super) struct Believed(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: HashSet<u64, DefaultHashBuilder>,
    old: HashSet<u64, DefaultHashBuilder>,
    since: Timestamp,
}

impl Believed {
    fn add(&self, ino: u64, now: Timestamp) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Also when the clock was set back.
        if !(0..KEPT_MS).contains(&now.ms_since(held.since)) {
            held.old = std::mem::take(&mut held.young);
            held.since = now;
        }
        held.young.insert(ino);
    }

    /// Runs `tell` if the kernel may believe anything of this inode. What is added meanwhile waits.
    fn take_back<E>(&self, ino: u64, tell: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (young, old) = (held.young.remove(&ino), held.old.remove(&ino));
        if young || old { tell() } else { Ok(()) }
    }
}

impl Mount {
    /// The lifetime of attributes that are about to be given out. Whoever asks must look afterwards whether something was committed since
    /// he read them, and give them none then: its news may have found nobody who believes.
    pub(super) fn believe(&self, attr: &Attr, ttl: Duration) -> Duration {
        if ttl.is_zero() {
            return ttl;
        }
        self.believed.add(attr.ino, self.library.clock.now());
        ttl
    }

    /// As [`Self::believe`], for what may have been changed elsewhere: what is new and not told yet is not to be believed, so that its
    /// news need not be sent.
    pub(super) fn believe_old(&self, attr: &Attr, ttl: Duration) -> Duration {
        let ttl = if self.is_late(attr.ctime) && self.feed.is_behind(&self.library) { Duration::ZERO } else { ttl };
        self.believe(attr, ttl)
    }

    /// Whether the news of a change at this time may be on its way still.
    pub(super) fn is_late(&self, ctime: Timestamp) -> bool {
        self.library.clock.now().ms_since(ctime) < LATELY_MS
    }

    /// Has the kernel forget an inode's attributes with `tell`, unless it believes none.
    ///
    /// # Errors
    /// What `tell` says.
    pub fn take_back_attr<E>(&self, ino: u64, tell: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        self.believed.take_back(ino, tell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken_back(believed: &Believed, ino: u64) -> bool {
        let mut told = false;
        let _ = believed.take_back(ino, || {
            told = true;
            Ok::<_, ()>(())
        });
        told
    }

    #[test]
    fn what_is_not_believed_is_not_taken_back() {
        let (believed, start) = (Believed::default(), Timestamp::from_secs(1_000));
        believed.add(7, start);
        assert!(!taken_back(&believed, 8));
        assert!(taken_back(&believed, 7));
        assert!(!taken_back(&believed, 7), "once is enough");
    }

    #[test]
    fn an_inode_is_kept_for_as_long_as_it_is_believed_and_not_for_ever() {
        let (believed, start) = (Believed::default(), 1_000_000);
        let at = |ms: i64| Timestamp::from_nanos((start + ms) * 1_000_000);
        believed.add(1, at(0));
        believed.add(2, at(KEPT_MS - 1));
        believed.add(3, at(KEPT_MS));
        assert!(taken_back(&believed, 2));
        believed.add(4, at(2 * KEPT_MS));
        assert!(!taken_back(&believed, 1) && taken_back(&believed, 3) && taken_back(&believed, 4));
        believed.add(5, at(-9_000));
        assert!(taken_back(&believed, 5), "the clock was set back");
    }
}
