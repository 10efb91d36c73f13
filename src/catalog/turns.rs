//! Which turn a change belongs to: what one command did, or what one process did without a pause.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::journal::{Cause, Signature};
use super::recorder::Recorded;
use crate::types::{AssetId, MemberId, Timestamp};

/// A process that has been quiet for longer does something else now.
const PAUSE_MS: i64 = 2_000;
/// A command may be busy with one file for long; its process id is not used again so soon.
const COMMAND_MS: i64 = 600_000;

/// The turns that may go on. They are known while a library is open; who opens it again begins new ones.
#[derive(Default)]
pub(super) struct Turns(Mutex<Open>);

#[derive(Default)]
struct Open {
    last: HashMap<(Option<MemberId>, Cause), (u64, Timestamp)>,
    /// Assets whose file is new and has no version yet: the version will belong to the turn that made the file.
    waiting: HashMap<AssetId, (Option<MemberId>, u64)>,
    newest: u64,
}

fn pause(cause: Cause) -> i64 {
    match cause {
        Cause::Command(_) => COMMAND_MS,
        Cause::Process(_) | Cause::Unknown => PAUSE_MS,
        Cause::Joining(_) | Cause::Undo(_) => -1,
    }
}

impl Turns {
    /// The turn that this goes on with; none when it begins one.
    pub(super) fn current(&self, by: &Signature, versions: &[AssetId]) -> Option<u64> {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let awaited = versions.iter().find_map(|asset| open.waiting.get(asset)).filter(|(member, _)| *member == by.by);
        if let (Cause::Unknown, Some((_, turn))) = (by.cause, awaited) {
            return Some(*turn);
        }
        let (turn, at) = open.last.get(&(by.by, by.cause))?;
        // Of what is not known it is not known either that it is still the same.
        let same = by.cause != Cause::Unknown || *turn == open.newest;
        (same && by.at.ms_since(*at) <= pause(by.cause)).then_some(*turn)
    }

    /// That was committed.
    pub(super) fn remember(&self, done: &Recorded) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let by = &done.signature;
        open.newest = open.newest.max(done.turn);
        let awaited = by.cause == Cause::Unknown && done.ended.iter().any(|asset| open.waiting.contains_key(asset));
        for asset in &done.ended {
            open.waiting.remove(asset);
        }
        for asset in &done.began {
            open.waiting.insert(*asset, (by.by, done.turn));
        }
        if !awaited {
            open.last.retain(|(_, cause), (_, at)| by.at.ms_since(*at) <= pause(*cause));
            open.last.insert((by.by, by.cause), (done.turn, by.at));
        }
    }
}
