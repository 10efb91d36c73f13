//! What time will bring: the ways in which rules of hours and days will hold together.

use super::{Role, Verb, When};

/// Hours come again after a week; an hour more or less of it is the summer's.
const WEEK: i64 = (7 * 24 + 2) * 3_600 * 1_000_000_000;

/// Moments from one on and before another, one for each way in which the rules for a verb will hold together: what is not so at any of them will
/// never be so. None when there is no time left.
#[must_use]
pub fn moments(roles: &[&Role], verb: Verb, from: i64, until: Option<i64>) -> Vec<i64> {
    let rules: Vec<&When> = roles
        .iter()
        .flat_map(|role| [&role.allow, &role.deny])
        .flat_map(|rules| [Verb::List, verb].into_iter().filter_map(|verb| rules.get(&verb)?.when.as_ref()))
        .collect();
    // Between one last day and the next it is every week as in the first.
    let ends = rules.iter().filter_map(|when| when.ends()).filter(|end| from < *end);
    let mut ways: Vec<(Vec<bool>, i64)> = Vec::new();
    for start in [from].into_iter().chain(ends) {
        let mut next = Some(start);
        while let Some(at) = next.filter(|at| *at <= start.saturating_add(WEEK) && until.is_none_or(|end| *at < end)) {
            let way: Vec<bool> = rules.iter().map(|when| when.holds(at)).collect();
            if ways.iter().all(|(known, _)| *known != way) {
                ways.push((way, at));
            }
            next = rules.iter().filter_map(|when| when.next(at)).min();
        }
    }
    ways.into_iter().map(|(_, at)| at).collect()
}
