//! `review/`: the board. A folder for each stage with what is in it, one with what the member is to review, one with what is late.

use super::{Dir, Item, LAST_FIXED, Page, QueryDir, Tree};
use crate::catalog::CatalogError;
use crate::policy::expr::Test;
use crate::policy::workflow::{DRAFT, STAGES, WAITING};
use crate::policy::{Expr, Field, Term};
use crate::types::{FileName, Timestamp};

/// What the member is to review.
const MINE: &str = "mine";
/// What is late.
const OVERDUE: &str = "overdue";

/// What is in a stage; what was given none is a draft.
#[must_use]
pub fn in_stage(stage: &str) -> Expr {
    let is = Expr::is(Field::Stage, stage);
    if stage == DRAFT {
        return Expr::Or(vec![is, Expr::Term(Term { field: Field::Stage, test: Test::Empty })]);
    }
    is
}

/// What waits for somebody.
#[must_use]
pub fn waiting() -> Expr {
    Expr::Or(WAITING.iter().map(|stage| Expr::is(Field::Stage, *stage)).collect())
}

/// What was to be reviewed until a time.
#[must_use]
pub fn late(now: Timestamp) -> Expr {
    waiting().and(Expr::Term(Term { field: Field::Due, test: Test::Between(None, Some(now.as_nanos())) }))
}

/// What is to be reviewed by a member.
#[must_use]
pub fn by(member: &str) -> Expr {
    waiting().and(Expr::is(Field::Reviewer, member))
}

/// Whether a query is a folder of the board: what is in it is moved and looked at, and nothing else.
#[must_use]
pub fn is_board(query: &QueryDir) -> bool {
    query.path.starts_with("review/")
}

/// Whether what a folder of the board asks follows from who looks, or from the hour.
pub(super) fn moves(path: &str) -> bool {
    path.strip_prefix("review/").is_some_and(|name| matches!(name, MINE | OVERDUE))
}

/// Whether what a folder of the board asks follows from the hour.
pub(super) fn follows_clock(path: &str) -> bool {
    path.strip_prefix("review/") == Some(OVERDUE)
}

/// The stage whose folder it is.
#[must_use]
pub fn stage_of(query: &QueryDir) -> Option<&str> {
    query.path.strip_prefix("review/").filter(|name| STAGES.contains(name))
}

impl Tree<'_> {
    fn board_dir(&self, name: &str) -> Option<QueryDir> {
        let expr = match name {
            MINE => self.member.map_or_else(Expr::nothing, |_| by(&self.subject.name)),
            OVERDUE => self.now.map_or_else(Expr::nothing, late),
            stage => in_stage(STAGES.iter().find(|known| **known == stage)?),
        };
        let (path, sets, lacks) = (format!("review/{name}"), Vec::new(), Vec::new());
        Some(QueryDir { path, expr, sets, plain: false, lacks, tag: None, narrowed: true })
    }

    pub(super) fn board_child(&self, text: &str) -> Option<Item> {
        self.board_dir(text).map(|query| Item::Dir(Dir::Query(query)))
    }

    pub(super) fn list_board(&self, page: &mut Page) -> Result<(), CatalogError> {
        let names = STAGES.into_iter().chain([MINE, OVERDUE]);
        // In the order of the board, behind the markers.
        for (cookie, query) in (LAST_FIXED - 8..).zip(names.filter_map(|name| self.board_dir(name))) {
            let name = FileName::new(query.path.trim_start_matches("review/")).ok();
            page.add(cookie, name, || Item::Dir(Dir::Query(query)));
        }
        Ok(())
    }
}
