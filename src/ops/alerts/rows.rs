//! What the rows of the log say that somebody did, and which of them are to be looked at.

use std::collections::BTreeMap;

use damfs_policy::alerts::{Deed, Event, Firing};
use serde_json::Value;

use super::{FIRED, SHOWN, State, TOLD, lock, sentence};
use crate::catalog::{AuditRow, CatalogError};
use crate::ops::reads::READS;
use crate::ops::{CHAIN, Library, OpsError};
use crate::types::Timestamp;

/// Rows read at once.
const PAGE: usize = 1_000;
/// What happens to assets without changing what somebody had made.
const HARMLESS: [&str; 4] = ["asset.create", "asset.import", "asset.restore", "asset.remark"];

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
                    let sets_off = self.count_row(state, row);
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

    fn count_row(&self, state: &mut State, row: &AuditRow) -> Vec<Firing> {
        if row.action == FIRED {
            let detail: Value = serde_json::from_str(&row.detail).unwrap_or_default();
            let mut shown = lock(&self.alerts.shown);
            if shown.alerts.len() >= SHOWN {
                shown.alerts.pop_front();
            }
            shown.alerts.push_back(format!("{}  {}", row.at, sentence(&detail)));
        }
        let number = row.seq.to_string();
        let Some((deed, of)) = deed(row, &number).filter(|_| row.actor != "damfs") else { return Vec::new() };
        let event = Event { at: row.at.as_nanos(), member: &row.actor, deed, of };
        state.watch.see(&state.alerts, &event)
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

/// What a row tells of, and what is counted once.
fn deed<'a>(row: &'a AuditRow, number: &'a str) -> Option<(Deed, &'a str)> {
    let action = row.action.as_str();
    if row.chain == READS {
        let opened = matches!(action, "read.file" | "read.version" | "read.export");
        return opened.then_some((Deed::Download, row.subject.as_str()));
    }
    if action.starts_with("deny.") || action.ends_with(".refused") {
        return Some((Deed::Denial, number));
    }
    // The first version is the making of an asset.
    let changes = match action {
        "version.commit" => !is_first(&row.detail),
        _ => action.starts_with("asset.") && !HARMLESS.contains(&action),
    };
    changes.then_some((Deed::Change, row.subject.as_str()))
}

fn is_first(detail: &str) -> bool {
    serde_json::from_str::<Value>(detail).is_ok_and(|detail| detail["n"] == 1)
}
