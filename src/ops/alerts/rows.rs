//! What the rows of the log say that somebody did, and which of them are to be looked at.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use damfs_policy::Verb;
use damfs_policy::alerts::{Deed, Event, Firing};
use serde_json::Value;

use super::{FIRED, SHOWN, State, TOLD, lock, sentence};
use crate::access::Identity;
use crate::catalog::{AuditRow, CatalogError};
use crate::ops::reads::READS;
use crate::ops::{CHAIN, Library, OpsError};
use crate::types::Timestamp;

/// Rows read at once.
const PAGE: usize = 1_000;
/// What happens to assets without changing what somebody had made.
const HARMLESS: [&str; 5] = ["asset.create", "asset.import", "asset.restore", "asset.remark", "asset.evidence"];

/// The last row of each chain that was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Places(BTreeMap<String, u64>);

impl Places {
    fn of(&self, chain: &str) -> u64 {
        self.0.get(chain).copied().unwrap_or(0)
    }

    /// As the catalogue keeps it.
    pub fn text(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    fn read(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap_or_default())
    }
}

impl Library {
    /// Looks at the rows that have come, and gives what they set off. Before the first ones it counts again what the rules look back on: what
    /// has fired then is on record, and fires no more.
    pub(super) fn fired(&self, state: &mut State, now: Timestamp) -> Result<Vec<Firing>, OpsError> {
        let past = Timestamp::from_nanos(now.as_nanos().saturating_sub(state.alerts.longest()));
        let told = match &state.seen {
            Some(seen) => seen.clone(),
            None => {
                lock(&self.alerts.shown).alerts.clear();
                let kept = self.catalog.read(|tx| tx.meta(TOLD))?;
                kept.as_deref().map(Places::read).unwrap_or_default()
            }
        };
        let (mut seen, mut fired) = (Places::default(), Vec::new());
        let listed = Listed { library: self, known: RefCell::default() };
        for chain in [CHAIN, READS] {
            let (mut place, told) = match &state.seen {
                Some(seen) => (seen.of(chain), told.of(chain)),
                None => {
                    let last = self.catalog.read(|tx| tx.audit_head(chain))?.map_or(0, |head| head.seq);
                    // A log that was made again from a copy is shorter than the one that was told of.
                    (self.before(chain, last, past)?, told.of(chain).min(last))
                }
            };
            loop {
                let page = self.catalog.read(|tx| tx.audit_after(chain, place, PAGE))?;
                for row in &page {
                    place = row.seq;
                    let sets_off = self.count_row(state, row, &listed);
                    fired.extend(sets_off.into_iter().filter(|_| row.seq > told));
                }
                if page.len() < PAGE {
                    break;
                }
            }
            seen.0.insert(chain.to_owned(), place);
        }
        state.seen = Some(seen);
        let alerts = state.alerts.clone();
        state.watch.forget(&alerts, now.as_nanos());
        Ok(fired)
    }

    fn count_row(&self, state: &mut State, row: &AuditRow, listed: &Listed<'_>) -> Vec<Firing> {
        if row.action == FIRED {
            let detail: Value = serde_json::from_str(&row.detail).unwrap_or_default();
            let mut shown = lock(&self.alerts.shown);
            if shown.alerts.len() >= SHOWN {
                shown.alerts.pop_front();
            }
            shown.alerts.push_back(format!("{}  {}", row.at, sentence(&detail)));
        }
        let number = row.seq.to_string();
        if row.actor == "damfs" {
            return Vec::new();
        }
        let mut fired = Vec::new();
        for (deed, of) in deeds(row, &number) {
            let event = Event { at: row.at.as_nanos(), member: &row.actor, deed, of };
            fired.extend(state.watch.see(&state.alerts, &event, || listed.by(&row.actor)));
        }
        fired
    }

    /// A row of a chain up to which all are older, looked for from the last one on.
    fn before(&self, chain: &str, last: u64, past: Timestamp) -> Result<u64, CatalogError> {
        let mut before = last;
        while before > 0 {
            let after = before.saturating_sub(PAGE as u64);
            let count = usize::try_from(before - after).unwrap_or(PAGE);
            let page = self.catalog.read(|tx| tx.audit_after(chain, after, count))?;
            if page.iter().all(|row| row.at < past) {
                break;
            }
            before = after;
        }
        Ok(before)
    }
}

/// How many assets members may list: asked once for each in a beat.
struct Listed<'a> {
    library: &'a Library,
    known: RefCell<HashMap<String, usize>>,
}

impl Listed<'_> {
    /// None for who is nobody any more, and when it cannot be told: then what is counted is too much the sooner.
    fn by(&self, name: &str) -> usize {
        if let Some(count) = self.known.borrow().get(name) {
            return *count;
        }
        let count = self.library.catalog.read(|tx| -> Result<u64, OpsError> {
            let Some(member) = tx.member_by_name(name)? else { return Ok(0) };
            let who = self.library.gate.who(&Identity::Member(member.id))?;
            Ok(tx.count(&self.library.gate.filter(&who, Verb::List))?)
        });
        let count = count.inspect_err(|e| tracing::debug!(error = %e, "alerts: what a member may list is not known"));
        let count = usize::try_from(count.unwrap_or(0)).unwrap_or(usize::MAX);
        self.known.borrow_mut().insert(name.to_owned(), count);
        count
    }
}

/// What a row tells of, each with what is counted once.
fn deeds<'a>(row: &'a AuditRow, number: &'a str) -> Vec<(Deed, &'a str)> {
    let (action, subject) = (row.action.as_str(), row.subject.as_str());
    if row.chain == READS {
        let opened = matches!(action, "read.file" | "read.version" | "read.export");
        return opened.then_some((Deed::Download, subject)).into_iter().collect();
    }
    if action.starts_with("deny.") || action.ends_with(".refused") {
        return vec![(Deed::Denial, number)];
    }
    match action {
        // The first version is the making of an asset.
        "version.commit" if is_first(&row.detail) => Vec::new(),
        "version.commit" | "asset.trash" | "asset.purge" => vec![(Deed::Change, subject), (Deed::Rewrite, subject)],
        _ if action.starts_with("asset.") && !HARMLESS.contains(&action) => vec![(Deed::Change, subject)],
        _ => Vec::new(),
    }
}

fn is_first(detail: &str) -> bool {
    serde_json::from_str::<Value>(detail).is_ok_and(|detail| detail["n"] == 1)
}
