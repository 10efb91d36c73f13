//! The board: between which stages an asset moves, what each move takes, who reviews what and until when. `workflow.toml` says so.

mod book;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write as _;

pub use book::WorkflowError;

use crate::Verb;
use crate::expr::{Expr, Facts};

/// Where an asset is that was given no stage.
pub const DRAFT: &str = "draft";
/// Where what was sent back is.
pub const REJECTED: &str = "rejected";
/// Where somebody is to look at an asset.
pub const WAITING: [&str; 2] = ["internal-review", "client-approval"];
/// Every stage, in the order of the board.
pub const STAGES: [&str; 6] = [DRAFT, WAITING[0], WAITING[1], "approved", REJECTED, "published"];

const DAY: i64 = 86_400_000_000_000;

/// One way from one stage to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// What who moves it must be allowed to do with it.
    pub needs: Verb,
    /// Whether he has to say why.
    pub reason: bool,
}

impl Move {
    /// Whether it judges what somebody made, and lets it go on: nobody does so with his own while another may.
    #[must_use]
    pub fn lets_pass(self, to: &str) -> bool {
        matches!(self.needs, Verb::Review | Verb::Admin) && !matches!(to, DRAFT | REJECTED)
    }
}

/// Who reviews what.
#[derive(Debug, Clone, PartialEq)]
struct Reviewer {
    stage: String,
    when: Expr,
    member: String,
}

/// The board's rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Workflow {
    text: String,
    moves: BTreeMap<(String, String), Move>,
    days: BTreeMap<String, i64>,
    reviewers: Vec<Reviewer>,
}

impl Workflow {
    /// The text that it was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its ways and days as a text of their own, made of nothing else: no spelling of the text that it was read from, and no note in it, is there.
    /// It reads back to the same ways and days.
    #[must_use]
    pub fn ways_text(&self) -> String {
        let mut out = String::new();
        for ((from, to), way) in &self.moves {
            let reason = if way.reason { "reason = true\n" } else { "" };
            let needs = way.needs;
            let _ = write!(out, "[[move]]\nfrom = \"{from}\"\nto = \"{to}\"\nneeds = \"{needs}\"\n{reason}\n");
        }
        for (stage, days) in &self.days {
            let _ = write!(out, "[stage.{stage}]\ndays = {days}\n\n");
        }
        out
    }

    /// The way from one stage to another; `None` when there is none.
    #[must_use]
    pub fn way(&self, from: &str, to: &str) -> Option<Move> {
        self.moves.get(&(from.to_owned(), to.to_owned())).copied()
    }

    /// Where ways lead from a stage.
    pub fn ways<'a>(&'a self, from: &'a str) -> impl Iterator<Item = &'a str> {
        self.moves.keys().filter(move |(stage, _)| stage == from).map(|(_, to)| to.as_str())
    }

    /// When what enters a stage at a time is due, both in nanoseconds.
    #[must_use]
    pub fn due(&self, stage: &str, now: i64) -> Option<i64> {
        self.days.get(stage).map(|days| now.saturating_add(days.saturating_mul(DAY)))
    }

    /// Who may be asked to review an asset that enters a stage, whom to ask first in front.
    pub fn reviewers(&self, stage: &str, asset: &impl Facts) -> impl Iterator<Item = &str> {
        let fits = move |rule: &&Reviewer| rule.stage == stage && rule.when.matches(asset);
        self.reviewers.iter().filter(fits).map(|rule| rule.member.as_str())
    }

    /// The members that it names.
    pub fn members(&self) -> impl Iterator<Item = &str> {
        self.reviewers.iter().map(|rule| rule.member.as_str())
    }
}
