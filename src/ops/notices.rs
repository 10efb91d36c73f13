//! The refusals that `.dam/errors` shows: a short memory of sentences, each for the member it was said to.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::Library;
use crate::types::{MemberId, Timestamp};

/// How many refusals are remembered.
const KEPT: usize = 1_000;
/// Among so many of the last one a refusal is said once.
const SAME: usize = 64;

/// One refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub at: Timestamp,
    /// Whom it was said to; `None` for the library's own troubles, which only an admin sees.
    pub member: Option<MemberId>,
    /// `rename`, `open`, ...
    pub op: String,
    pub sentence: String,
}

impl Library {
    /// Tells a trouble of the library's own: to its log, and to admins.
    pub(super) fn trouble(&self, op: &str, sentence: String) {
        tracing::warn!("{sentence}");
        self.notices.add(Notice { at: self.clock.now(), member: None, op: op.to_owned(), sentence });
    }
}

/// The short memory.
#[derive(Debug, Default)]
pub struct Notices(Mutex<VecDeque<Notice>>);

impl Notices {
    /// Remembers one; the oldest is forgotten when there are too many.
    pub fn add(&self, notice: Notice) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What is said again and again in turns pushes nothing else out.
        let same = |n: &Notice| n.member == notice.member && n.op == notice.op && n.sentence == notice.sentence;
        let len = kept.len();
        if let Some(back) = kept.iter().rev().take(SAME).position(same) {
            kept.remove(len - 1 - back);
        }
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back(notice);
    }

    /// What one member may read: his own, and for an admin the library's too. Oldest first.
    #[must_use]
    pub fn of(&self, member: MemberId, admin: bool) -> Vec<Notice> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().filter(|n| n.member == Some(member) || (admin && n.member.is_none())).cloned().collect()
    }
}
