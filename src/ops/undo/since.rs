//! What the journal says of the time since a turn began.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::journal::{Change, JournalRow, Thing};
use crate::catalog::{CatalogError, ReadTx};
use crate::ops::stages;
use crate::types::{AssetId, MemberId, Timestamp, VersionId};

/// Journal rows read at once.
const PAGE: usize = 1_000;

/// The bytes that assets had when a turn took them away from where they had been judged, where they have been others since.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Heads {
    /// By asset, the row that took it away: what was there before it is what was judged.
    judged: BTreeMap<AssetId, u64>,
    found: BTreeMap<AssetId, Option<VersionId>>,
    /// The last row that was read.
    upto: u64,
}

impl Heads {
    /// Those of a turn's rows, before anything else is read.
    pub fn of(rows: &[JournalRow]) -> Self {
        let mut left: BTreeMap<AssetId, Option<u64>> = BTreeMap::new();
        for row in rows {
            for step in &row.steps {
                if let (Thing::Asset(id), Change::Record(fields)) = (&step.thing, &step.change)
                    && let Some(was) = fields.was.get("stage")
                {
                    let judged = was.as_str().is_some_and(stages::is_judged);
                    left.entry(*id).or_insert(judged.then_some(row.seq));
                }
            }
        }
        let judged: BTreeMap<AssetId, u64> = left.into_iter().filter_map(|(id, seq)| Some((id, seq?))).collect();
        let upto = judged.values().min().map_or(0, |first| first.saturating_sub(1));
        Self { judged, found: BTreeMap::new(), upto }
    }

    /// What was read of the turn, or nothing when the turn is another, or longer, by now.
    pub fn or_anew(self, rows: &[JournalRow]) -> Self {
        let anew = Self::of(rows);
        if anew.judged == self.judged { self } else { anew }
    }

    /// Reads on to the end of the journal.
    pub fn follow(&mut self, tx: &dyn ReadTx) -> Result<(), CatalogError> {
        while self.found.len() < self.judged.len() {
            let rows = tx.journal_after(self.upto, PAGE)?;
            let Some(last) = rows.last() else { break };
            self.upto = last.seq;
            rows.iter().for_each(|row| self.note(row));
        }
        Ok(())
    }

    pub fn followed(mut self, tx: &dyn ReadTx) -> Result<Self, CatalogError> {
        self.follow(tx)?;
        Ok(self)
    }

    fn note(&mut self, row: &JournalRow) {
        for step in &row.steps {
            if let (Thing::Asset(id), Change::Head(heads)) = (&step.thing, &step.change)
                && self.judged.get(id).is_some_and(|since| *since <= row.seq)
            {
                self.found.entry(*id).or_insert(heads.was);
            }
        }
    }

    /// What was judged, when it has been replaced since.
    pub fn judged(&self, asset: AssetId) -> Option<Option<VersionId>> {
        self.found.get(&asset).copied()
    }
}

/// Who else changed things first since a turn began with the row `began`, and when.
pub(super) fn later(
    tx: &dyn ReadTx,
    turn: u64,
    began: u64,
    things: &BTreeSet<&Thing>,
) -> Result<BTreeMap<Thing, (Option<MemberId>, Timestamp)>, CatalogError> {
    let mut found = BTreeMap::new();
    let mut seq = began;
    while found.len() < things.len() {
        let rows = tx.journal_after(seq, PAGE)?;
        let Some(last) = rows.last() else { break };
        seq = last.seq;
        for row in rows.into_iter().filter(|row| row.turn != turn) {
            for step in row.steps.into_iter().filter(|step| things.contains(&step.thing)) {
                found.entry(step.thing).or_insert((row.member, row.at));
            }
        }
    }
    Ok(found)
}
