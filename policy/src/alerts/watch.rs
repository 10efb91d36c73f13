//! What members did of late, as far as a rule counts it, and which rules it sets off.

use std::collections::{BTreeSet, HashMap};

use super::{Alert, Alerts, Event};

/// Counts. It remembers of each member no more than each rule lets him do.
#[derive(Debug, Default)]
pub struct Watch {
    /// By rule and member.
    counts: HashMap<(String, String), Count>,
}

/// A rule that a member has set off.
#[derive(Debug, Clone, PartialEq)]
pub struct Firing {
    pub alert: Alert,
    pub member: String,
    /// When it was one too many, and when the first of them was, in nanoseconds.
    pub at: i64,
    pub since: i64,
    /// How many there were.
    pub count: usize,
}

#[derive(Debug, Default)]
struct Count {
    /// When each was last done.
    last: HashMap<String, i64>,
    by_time: BTreeSet<(i64, String)>,
    fired: Option<i64>,
}

impl Watch {
    /// Counts one event, and says what it sets off; `listed` tells how many assets the member may list. The same events in the same order set
    /// off the same, as long as those are the same.
    pub fn see(&mut self, alerts: &Alerts, event: &Event<'_>, listed: impl Fn() -> usize) -> Vec<Firing> {
        let counting = alerts.rules.iter().filter(|alert| alert.counts(event));
        let mut fired = Vec::new();
        for alert in counting {
            let count = self.counts.entry((alert.name.clone(), event.member.to_owned())).or_default();
            if let Some((since, number)) = count.see(alert, event, &listed) {
                let (member, at) = (event.member.to_owned(), event.at);
                fired.push(Firing { alert: alert.clone(), member, at, since, count: number });
            }
        }
        fired
    }

    /// Lets go of whom nothing has been seen of for as long as any rule looks back.
    pub fn forget(&mut self, alerts: &Alerts, now: i64) {
        let past = now.saturating_sub(alerts.longest());
        self.counts.retain(|_, count| {
            let latest = count.by_time.last().map(|(at, _)| *at).max(count.fired);
            latest.is_some_and(|latest| latest > past)
        });
    }
}

impl Count {
    /// When the first was, and how many there are, when it is one too many.
    fn see(&mut self, alert: &Alert, event: &Event<'_>, listed: impl Fn() -> usize) -> Option<(i64, usize)> {
        let at = event.at;
        // A clock that was set back ends the silence, too.
        if self.fired.is_some_and(|fired| (fired..fired.saturating_add(alert.within)).contains(&at)) {
            return None;
        }
        self.fired = None;
        if let Some(before) = self.last.insert(event.of.to_owned(), at) {
            self.by_time.remove(&(before, event.of.to_owned()));
        }
        self.by_time.insert((at, event.of.to_owned()));
        let past = at.saturating_sub(alert.within);
        while self.by_time.first().is_some_and(|(first, _)| *first <= past) {
            if let Some((_, of)) = self.by_time.pop_first() {
                self.last.remove(&of);
            }
        }
        let (since, number) = (self.by_time.first()?.0, self.by_time.len());
        if !alert.more_than.is_passed(number, listed) {
            return None;
        }
        *self = Self { fired: Some(at), ..Self::default() };
        Some((since, number))
    }
}
