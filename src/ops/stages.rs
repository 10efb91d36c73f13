//! Moving an asset over the board: by the ways of the workflow, with a reason where one is asked for, to who reviews it next.

use std::collections::BTreeSet;

use damfs_policy::workflow::{DRAFT, REJECTED, WAITING};
use damfs_policy::{Field, Verb, Workflow};

use super::record::{self, Changed, Hand};
use super::value::FacetChange;
use super::{Library, OpsError};
use crate::access::{AssetFacts, Who};
use crate::catalog::{Asset, CatalogError, ReadTx};
use crate::types::Timestamp;

/// Where an asset is.
#[must_use]
pub fn stage(asset: &Asset) -> &str {
    asset.stage.as_deref().unwrap_or(DRAFT)
}

/// Where a change of its stage leads.
fn leads<'a>(asset: &'a Asset, change: &'a FacetChange) -> &'a str {
    match change {
        FacetChange::Add(to) | FacetChange::Replace(to) => to,
        FacetChange::Remove(from) if asset.stage.as_ref() != Some(from) => stage(asset),
        FacetChange::Clear | FacetChange::Remove(_) => DRAFT,
    }
}

/// The verb that a change of its stage needs; off the board's ways whoever may review hears that there is none.
#[must_use]
pub fn needs(board: &Workflow, asset: &Asset, change: &FacetChange) -> Verb {
    match (stage(asset), leads(asset, change)) {
        (from, to) if from == to => Verb::Tag,
        (from, to) => board.way(from, to).map_or(Verb::Review, |way| way.needs),
    }
}

/// The verb that taking a change back needs: that of the way back, or of the way that it went.
#[must_use]
pub fn needs_back(board: &Workflow, from: &str, to: &str) -> Verb {
    board.way(from, to).or_else(|| board.way(to, from)).map_or(Verb::Admin, |way| way.needs)
}

/// Whether a change lets pass what somebody is to judge. An admin's move off the ways does, where it leads nearer to the world.
#[must_use]
pub fn lets_pass(board: &Workflow, asset: &Asset, change: &FacetChange) -> bool {
    let (from, to) = (stage(asset), leads(asset, change));
    let off = !matches!(to, DRAFT | REJECTED | "internal-review");
    from != to && board.way(from, to).map_or(off, |way| way.lets_pass(to))
}

/// Nothing when the board has the move, or an admin makes it.
///
/// # Errors
/// [`OpsError::Barred`], with where it could go from where it is.
pub fn must_lead(board: &Workflow, who: &Who, asset: &Asset, change: &FacetChange) -> Result<(), OpsError> {
    let (from, to) = (stage(asset), leads(asset, change));
    if from == to || board.way(from, to).is_some() || who.subject.allows_everything(Verb::Admin) {
        return Ok(());
    }
    let ways: Vec<&str> = board.ways(from).collect();
    Err(OpsError::Barred {
        subject: asset.id.to_string(),
        message: format!("the board has no way from {from} to {to}"),
        hint: match ways[..] {
            [] => format!("only an admin moves what is in {from}"),
            _ => format!("from {from} it goes to {}; dam workflow shows the board", ways.join(" or ")),
        },
    })
}

/// Whether the board asks for a reason.
#[must_use]
pub fn wants_reason(board: &Workflow, asset: &Asset, change: &FacetChange) -> bool {
    let (from, to) = (stage(asset), leads(asset, change));
    from != to && board.way(from, to).is_some_and(|way| way.reason)
}

/// What comes with a new stage: when it is due and who reviews it. `before` is the stage that it had; what the same change says of either stands.
///
/// # Errors
/// When the catalogue fails.
pub fn enter(
    library: &Library,
    tx: &dyn ReadTx,
    asset: &mut Asset,
    before: &str,
    changes: &[(Field, FacetChange)],
    hand: &Hand,
) -> Result<Vec<Changed>, OpsError> {
    let now = stage(asset).to_owned();
    if now == before {
        return Ok(Vec::new());
    }
    let board = library.workflow();
    let due = board.due(&now, hand.now.as_nanos()).map(|at| Timestamp::from_nanos(at).to_string());
    let facts = AssetFacts(asset);
    // Who was asked before it was handed in is asked still, where the board names nobody who is there.
    let asked = asset.reviewer.as_deref().filter(|_| WAITING.contains(&now.as_str()) && !WAITING.contains(&before));
    let mut reviewer = None;
    for name in board.reviewers(&now, &facts).chain(asked) {
        if is_member(tx, name, hand.now)? {
            reviewer = Some(name.to_owned());
            break;
        }
    }
    let mut changed = Vec::new();
    for (field, value) in [(Field::Due, due), (Field::Reviewer, reviewer)] {
        if !changes.iter().any(|(said, _)| *said == field) {
            let change = value.map_or(FacetChange::Clear, FacetChange::Replace);
            changed.extend(record::set(tx, asset, &field, &change, hand)?);
        }
    }
    Ok(changed)
}

/// What was judged by its bytes has others now: somebody is to look at it again. The verdicts of platforms name their version and stay.
///
/// # Errors
/// When the catalogue fails.
pub fn judge_again(
    library: &Library,
    tx: &dyn ReadTx,
    asset: &mut Asset,
    hand: &Hand,
) -> Result<Vec<Changed>, OpsError> {
    let before = stage(asset).to_owned();
    if !is_judged(&before) {
        return Ok(Vec::new());
    }
    let again = (Field::Stage, FacetChange::Replace(WAITING[0].to_owned()));
    let mut changed = Vec::from_iter(record::set(tx, asset, &again.0, &again.1, hand)?);
    changed.extend(enter(library, tx, asset, &before, &[again], hand)?);
    Ok(changed)
}

/// Whether somebody has judged what is in a stage, by its bytes.
#[must_use]
pub fn is_judged(stage: &str) -> bool {
    !matches!(stage, DRAFT | REJECTED) && stage != WAITING[0]
}

/// Whom the board names as a reviewer who is no member now, each once.
///
/// # Errors
/// When the catalogue fails.
pub fn missing(board: &Workflow, tx: &dyn ReadTx, now: Timestamp) -> Result<BTreeSet<String>, CatalogError> {
    let mut missing = BTreeSet::new();
    for name in board.members() {
        if !is_member(tx, name, now)? {
            missing.insert(name.to_owned());
        }
    }
    Ok(missing)
}

/// What is wrong with the board as the members are now.
pub(super) fn fault(library: &Library) -> Option<String> {
    let (board, now) = (library.workflow(), library.clock.now());
    match library.catalog.read(|tx| missing(&board, tx, now)) {
        Ok(names) if names.is_empty() => None,
        Ok(names) => {
            let names: Vec<String> = names.into_iter().collect();
            Some(format!("the board gives reviews to {}, no member any more", names.join(" and ")))
        }
        Err(e) => Some(format!("whom the board names cannot be told: {e}")),
    }
}

fn is_member(tx: &dyn ReadTx, name: &str, now: Timestamp) -> Result<bool, CatalogError> {
    Ok(tx.member_by_name(name)?.is_some_and(|member| member.is_in(now)))
}
