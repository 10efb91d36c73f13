//! The bulk brake: who takes values from very many files at once by removing them from a view mostly meant something else (`rm -rf` of a
//! folder that looked like a copy). After some removals in a short time the program is stopped until its member says that it is meant.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::{Actor, Library, OpsError, trail};
use crate::types::{MemberId, Timestamp};

/// How many names a program may remove from views within [`WINDOW_MS`].
const REMOVALS: usize = 25;
const WINDOW_MS: i64 = 10_000;
/// The longest time that the brake is off.
const LONGEST_S: u64 = 3_600;

/// Removals of a moment ago, and who may go on. Known while the library is open.
#[derive(Default)]
pub struct Brake(Mutex<State>);

#[derive(Default)]
struct State {
    /// By member and process; programs that are not known by their process are one.
    removals: HashMap<(MemberId, u32), VecDeque<Timestamp>>,
    allowed: HashMap<MemberId, Timestamp>,
}

impl Brake {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a program may remove one more name.
    #[must_use]
    pub fn is_off(&self, member: MemberId, process: u32, now: Timestamp) -> bool {
        let mut state = self.lock();
        state.removals.retain(|_, times| {
            times.retain(|at| now.ms_since(*at).abs() < WINDOW_MS);
            !times.is_empty()
        });
        state.allowed.retain(|_, until| now < *until);
        state.allowed.contains_key(&member)
            || state.removals.get(&(member, process)).is_none_or(|times| times.len() < REMOVALS)
    }

    /// One name was removed.
    pub fn removed(&self, member: MemberId, process: u32, now: Timestamp) {
        self.lock().removals.entry((member, process)).or_default().push_back(now);
    }

    /// A name that the program removed is there again: it was saving.
    pub fn came_back(&self, member: MemberId, process: u32) {
        if let Some(times) = self.lock().removals.get_mut(&(member, process)) {
            times.pop_back();
        }
    }
}

/// Lets a member remove as many names as he likes for a while: `dam bulk allow`.
///
/// # Errors
/// [`OpsError::Usage`] for a time that is too long, or when the catalogue fails.
pub fn allow(library: &Library, actor: &Actor, seconds: u64) -> Result<Value, OpsError> {
    let length = i64::try_from(seconds).ok().filter(|_| (1..=LONGEST_S).contains(&seconds));
    let Some(length) = length else {
        return Err(OpsError::usage("the brake is off for a second to an hour", "write --for 5m"));
    };
    let now = library.clock.now();
    let until = Timestamp::from_nanos(now.as_nanos().saturating_add(length.saturating_mul(1_000_000_000)));
    library.catalog.write(|tx| {
        trail::append(tx, &actor.hand(now), "bulk.allow", &actor.member.name, &json!({ "until": until.to_string() }))
    })?;
    library.brake.lock().allowed.insert(actor.member.id, until);
    Ok(json!({ "until": until.to_string() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(n: u8) -> MemberId {
        MemberId::from_bytes([n; 16])
    }

    #[test]
    fn the_26th_removal_in_ten_seconds_is_one_too_many() {
        let brake = Brake::default();
        let (at, me, other) = (Timestamp::from_secs, member(1), member(2));
        for n in 0..25 {
            assert!(brake.is_off(me, 7, at(0)), "removal {n}");
            brake.removed(me, 7, at(0));
        }
        assert!(!brake.is_off(me, 7, at(9)));
        assert!(brake.is_off(me, 8, at(9)) && brake.is_off(other, 7, at(9)), "another program, another member");
        assert!(brake.is_off(me, 7, at(10)));
    }

    #[test]
    fn a_save_that_removes_first_is_no_removal() {
        let (brake, me) = (Brake::default(), member(1));
        for _ in 0..100 {
            assert!(brake.is_off(me, 7, Timestamp::EPOCH));
            brake.removed(me, 7, Timestamp::EPOCH);
            brake.came_back(me, 7);
        }
    }
}
