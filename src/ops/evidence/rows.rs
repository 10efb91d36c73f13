//! The log for evidence of one asset: each chain is walked from its first row to its last, so that none is shown of a log that is not whole.

use std::collections::BTreeMap;

use super::bundle::{ChainTold, HeadTold, Hex, RowTold};
use crate::audit::heads::Head;
use crate::audit::merkle::Growing;
use crate::audit::{Broken, Fault, Verifier};
use crate::catalog::AuditRow;
use crate::ops::{Library, OpsError};
use crate::types::Timestamp;

/// Rows read at once.
const PAGE: usize = 1_000;
/// Rows of one asset in one chain.
const MOST: usize = 100_000;
/// Heads of one chain, the newest.
const MOST_HEADS: usize = 1_000;

/// Which rows.
pub struct Wanted<'a> {
    pub subject: &'a str,
    pub since: Option<Timestamp>,
}

/// What a chain has of them.
pub struct Walked {
    pub told: ChainTold,
    pub rows: Vec<RowTold>,
    pub heads: Vec<HeadTold>,
}

/// Heads that were told of chains before.
pub struct Told {
    heads: Vec<Head>,
    /// Why some cannot be held against the log.
    pub lacking: Vec<String>,
}

impl Told {
    /// Read before the log, which is never behind them.
    pub fn of(library: &Library) -> Self {
        let (mut heads, mut lacking) = (Vec::new(), Vec::new());
        let lines = library.kept_heads().unwrap_or_else(|fault| {
            lacking.push(fault);
            Vec::new()
        });
        let key = library.head_key();
        for line in lines {
            match line.parse::<Head>() {
                Ok(head) if head.library == library.info().id && head.is_sealed_by(&key) => heads.push(head),
                Ok(head) => {
                    lacking.push(format!("head of row {} of {}: this library has not told it", head.seq, head.at))
                }
                Err(e) => lacking.push(format!("audit_heads: {e}")),
            }
        }
        Self { heads, lacking }
    }

    /// Those of a chain by their row, the newest.
    fn of_chain(&self, chain: &str) -> BTreeMap<u64, &Head> {
        let mut heads: BTreeMap<u64, &Head> = BTreeMap::new();
        for head in self.heads.iter().filter(|head| head.chain == chain) {
            heads.entry(head.seq).or_insert(head);
        }
        while heads.len() > MOST_HEADS {
            heads.pop_first();
        }
        heads
    }

    /// The chains that they are of.
    pub fn chains(&self) -> impl Iterator<Item = &str> {
        self.heads.iter().map(|head| head.chain.as_str())
    }
}

/// Walks a chain to its row of that number.
///
/// # Errors
/// [`OpsError::Failed`] when it is not whole, or not as it was told before; [`OpsError::Usage`] for too many rows.
pub fn walk(library: &Library, chain: &str, last: u64, wanted: &Wanted<'_>, told: &Told) -> Result<Walked, OpsError> {
    let broken = |why: String| {
        let message = format!("the audit log is not whole, and no evidence can be made of it: chain {chain}: {why}");
        OpsError::failed(message, "see all that is wrong with: dam log verify")
    };
    let mut verifier = Verifier::new(chain);
    let mut tree = Growing::default();
    let mut heads = told.of_chain(chain);
    // What the tree keeps the proofs of, in order.
    let mut kept: Vec<(Option<AuditRow>, Option<Head>)> = Vec::new();
    let mut included = 0;
    while verifier.head().0 < last {
        let after = verifier.head().0;
        let count = usize::try_from(last - after).unwrap_or(PAGE).min(PAGE);
        let page = library.catalog.read(|tx| tx.audit_after(chain, after, count))?;
        if page.is_empty() {
            let why = Broken { seq: after + 1, why: Fault::Missing { found: last } };
            return Err(broken(why.to_string()));
        }
        for row in page {
            verifier.push(&row).map_err(|fault| broken(fault.to_string()))?;
            let head = heads.remove(&row.seq);
            if let Some(head) = head.filter(|head| head.hash != row.hash) {
                return Err(broken(format!("row {} is not what it was at {}", row.seq, head.at)));
            }
            let is_wanted = row.subject == wanted.subject && wanted.since.is_none_or(|since| row.at >= since);
            tree.push(&row.hash, is_wanted || head.is_some());
            if is_wanted || head.is_some() {
                included += usize::from(is_wanted);
                kept.push((is_wanted.then_some(row), head.cloned()));
            }
            if included > MOST {
                return Err(OpsError::usage(
                    format!("more than {MOST} rows of the log are of this asset"),
                    "say from when on: --since 90d",
                ));
            }
        }
    }
    if let Some((seq, head)) = heads.last_key_value() {
        return Err(broken(format!("it ends with row {last} and had {seq} at {}: its end was cut off", head.at)));
    }
    let (rows, root, proofs) = tree.finish();
    let told = ChainTold {
        chain: chain.to_owned(),
        rows,
        head: Hex(verifier.head().1),
        root: Hex(root),
        included: included as u64,
    };
    let mut walked = Walked { told, rows: Vec::new(), heads: Vec::new() };
    for ((row, head), proof) in kept.into_iter().zip(proofs) {
        walked.heads.extend(head.map(|head| HeadTold::of(&head, proof.clone())));
        walked.rows.extend(row.map(|row| RowTold::of(row, proof)));
    }
    Ok(walked)
}
