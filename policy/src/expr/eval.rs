//! Decides one asset. The catalogue's translation to SQL is held equal to this by a property test.

use super::escape::fold;
use super::{Bound, Expr, Facts, Field, FieldKind, Term, Test};

impl Expr {
    /// Whether the facts satisfy the query.
    #[must_use]
    pub fn matches(&self, facts: &dyn Facts) -> bool {
        matches(self, facts)
    }
}

/// Whether the facts satisfy the query.
#[must_use]
pub fn matches(expr: &Expr, facts: &dyn Facts) -> bool {
    match expr {
        Expr::And(parts) => parts.iter().all(|part| matches(part, facts)),
        Expr::Or(parts) => parts.iter().any(|part| matches(part, facts)),
        Expr::Not(inner) => !matches(inner, facts),
        Expr::Term(term) => holds(term, facts),
    }
}

fn holds(Term { field, test }: &Term, facts: &dyn Facts) -> bool {
    match (test, field.kind()) {
        (Test::Is(_), FieldKind::Number | FieldKind::Date | FieldKind::Words) => false,
        (Test::Is(wanted), FieldKind::Tree) => any_text(field, facts, |have| is_or_below(have, wanted)),
        (Test::Is(wanted), _) => any_text(field, facts, |have| have == wanted),
        (Test::Empty, FieldKind::Number | FieldKind::Date) => facts.number(field).is_none(),
        (Test::Empty, FieldKind::Words) => facts.words(field).is_empty(),
        (Test::Empty, _) => !any_text(field, facts, |_| true),
        (Test::Between(low, high), FieldKind::Number | FieldKind::Date) => {
            facts.number(field).is_some_and(|n| lies(n, *low, *high))
        }
        (Test::Between(low, high), FieldKind::Closed(ranks)) if field.is_ranked() => {
            any_text(field, facts, |have| rank(ranks, have).is_some_and(|n| lies(n, *low, *high)))
        }
        (Test::Between(..), _) => false,
        (Test::Words(words), FieldKind::Words) => {
            let text = fold(&facts.words(field));
            words.iter().all(|word| text.contains(word.as_str()))
        }
        (Test::Words(_), _) => false,
    }
}

fn any_text(field: &Field, facts: &dyn Facts, wanted: impl Fn(&str) -> bool) -> bool {
    let mut found = false;
    facts.texts(field, &mut |have| found = found || wanted(have));
    found
}

fn is_or_below(have: &str, wanted: &str) -> bool {
    have.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn rank(ranks: &[&str], have: &str) -> Option<i64> {
    ranks.iter().position(|r| *r == have).and_then(|n| i64::try_from(n).ok())
}

fn lies(n: i64, low: Bound, high: Bound) -> bool {
    low.is_none_or(|low| low <= n) && high.is_none_or(|high| n <= high)
}
