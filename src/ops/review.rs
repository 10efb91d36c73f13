//! The board at work: what waits and for whom, what is said of an asset, and what is taken down at once.

use damfs_policy::workflow::{REJECTED, WAITING};
use damfs_policy::{Field, Verb};
use serde_json::{Value, json};

use super::assign::{self, Ask};
use super::serve::Listener;
use super::value::{self, FacetChange};
use super::{Actor, Library, OpsError, folders, stages, trail, verdicts};
use crate::catalog::{Asset, ReadTx, Remark};
use crate::types::Timestamp;
use crate::view::tree::{Tree, board};

/// Longest remark or reason, bytes.
const MAX_TEXT: usize = 4_000;
/// Remarks that people make of one asset.
const MOST: usize = 1_000;
/// Assets that an answer tells one by one; of more it tells the number.
const TOLD: usize = 1_000;

/// Which part of the board.
#[derive(Debug, Default)]
pub struct Which {
    /// One stage; else those where somebody is to look.
    pub stage: Option<String>,
    /// What the caller is to review.
    pub mine: bool,
    /// What is late.
    pub overdue: bool,
}

/// A member saying why.
///
/// # Errors
/// [`OpsError::Usage`] for what is no text.
pub fn saying(actor: &Actor, why: Option<&str>) -> Result<Actor, OpsError> {
    Ok(actor.saying(why.map(words).transpose()?))
}

/// A text that people are to read, as it is kept.
fn words(text: &str) -> Result<&str, OpsError> {
    let text = text.trim();
    let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if text.is_empty() {
        return Err(OpsError::usage("the text says nothing", "say why: -m TEXT"));
    }
    if text.len() > MAX_TEXT || text.contains(odd) {
        let message = format!("the text is longer than {MAX_TEXT} bytes, or holds a control character");
        return Err(OpsError::usage(message, "say it shorter, in plain text"));
    }
    Ok(text)
}

/// What stands on the board, as far as the caller may list it: the earliest due first.
///
/// # Errors
/// [`OpsError::Usage`] for a stage that there is not.
pub fn list(library: &Library, actor: &Actor, which: &Which) -> Result<Value, OpsError> {
    let now = library.clock.now();
    let mut asked = match &which.stage {
        Some(stage) => board::in_stage(&value::check(&Field::Stage, stage)?),
        None => board::waiting(),
    };
    if which.mine {
        asked = asked.and(board::by(&actor.member.name));
    }
    if which.overdue {
        asked = asked.and(board::late(now));
    }
    let who = actor.who();
    library.catalog.read(|tx| {
        let visible = Tree::new(tx, &who.subject, Some(who.id)).visible(&asked);
        let numbers = tx.numbers(&visible)?;
        let mut assets = Vec::new();
        for page in numbers.chunks(TOLD) {
            assets.extend(tx.assets(page)?);
            keep_earliest(&mut assets, TOLD);
        }
        let told = assets.iter().map(|asset| row(library, tx, asset, now)).collect::<Result<Vec<_>, OpsError>>()?;
        Ok(json!({ "count": numbers.len(), "assets": told }))
    })
}

/// The earliest due first, and so many of them.
fn keep_earliest(assets: &mut Vec<Asset>, most: usize) {
    assets.sort_by_key(|asset| (asset.due.is_none(), asset.due, asset.ordinal));
    assets.truncate(most);
}

fn row(library: &Library, tx: &dyn ReadTx, asset: &Asset, now: Timestamp) -> Result<Value, OpsError> {
    let late = asset.due.is_some_and(|due| due <= now) && WAITING.contains(&stages::stage(asset));
    let status: serde_json::Map<String, Value> =
        asset.status.iter().map(|(platform, verdict)| (platform.clone(), verdict.value.clone().into())).collect();
    Ok(json!({
        "id": asset.id.to_string(),
        "path": folders::path_of_asset(tx, asset)?,
        "stage": stages::stage(asset),
        "reviewer": asset.reviewer,
        "due": asset.due.map(|due| due.to_string()),
        "overdue": late,
        "status": status,
        "screen": library.screen_told(tx, asset)?,
    }))
}

/// One remark more, unless there are too many.
///
/// # Errors
/// [`OpsError::Failed`] when there are.
pub(super) fn push_remark(asset: &mut Asset, remark: Remark) -> Result<(), OpsError> {
    if asset.remarks.len() >= MOST {
        let message = format!("{} has {MOST} remarks already", asset.view_name);
        return Err(OpsError::failed(message, "say the rest in its note: user.xdg.comment"));
    }
    asset.remarks.push(remark);
    Ok(())
}

/// Says something of assets, each in its current version: `dam review comment`.
///
/// # Errors
/// [`OpsError::Refused`] for who may neither review nor edit one of them; nothing was said then.
pub fn remark(
    library: &Library,
    actor: &Actor,
    ask: Ask,
    text: &str,
    listener: &dyn Listener,
) -> Result<Value, OpsError> {
    let text = words(text)?.to_owned();
    let now = library.clock.now();
    assign::each(library, actor, ask, listener, &|tx, asset| {
        if !actor.decide(library, Verb::Edit, asset).allowed {
            actor.must(library, Verb::Review, asset, &asset.id.to_string())?;
        }
        let (by, version) = (Some(actor.member.id), verdicts::head(tx, asset)?);
        push_remark(asset, Remark { at: now, by, version, about: None, text: text.clone() })?;
        asset.changed = now.max(asset.changed);
        assign::store(tx, asset)?;
        trail::asset(tx, &actor.hand(now), "remark", asset.id, &json!({ "version": version, "text": text }))?;
        Ok(vec![json!({ "facet": "remark", "old": null, "new": text })])
    })
}

/// Takes assets out of circulation, everywhere or on one platform, with the reason that the actor gives: every derived file is gone, for open
/// handles too, when this returns.
///
/// # Errors
/// [`OpsError::Refused`] for who may not review one of them; nothing was taken down then.
pub fn takedown(
    library: &Library,
    actor: &Actor,
    ask: Ask,
    platform: Option<&str>,
    listener: &dyn Listener,
) -> Result<Value, OpsError> {
    let moves = library.workflow();
    let rejected = || FacetChange::Replace(REJECTED.to_owned());
    if let Some(platform) = platform {
        value::known_platforms(&[(Field::Status(platform.to_owned()), rejected())], actor.who().subject.platforms())?;
    }
    assign::apply(library, actor, ask, listener, &|asset| {
        let open = asset.status.iter().filter(|(_, verdict)| verdict.value != REJECTED);
        let meant = open.filter(|(name, _)| platform.is_none_or(|platform| platform == name.as_str()));
        let mut changes: Vec<_> = meant.map(|(name, _)| (Field::Status(name.clone()), rejected())).collect();
        if platform.is_none() && moves.way(stages::stage(asset), REJECTED).is_some() {
            changes.push((Field::Stage, rejected()));
        }
        changes
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::ops::record::blank;
    use crate::types::AssetId;

    fn asset(ordinal: u64, due: Option<i64>) -> Asset {
        let due = due.map(Timestamp::from_secs);
        Asset { ordinal, due, ..blank(AssetId::from_bytes([0; 16]), Timestamp::from_secs(0)) }
    }

    /// What is due first may have come last, behind all that one page holds.
    #[test]
    fn what_is_due_first_is_told_however_much_came_before() {
        let mut kept = Vec::new();
        for page in [vec![asset(1, None), asset(2, Some(9))], vec![asset(3, Some(5)), asset(4, Some(9))]] {
            kept.extend(page);
            keep_earliest(&mut kept, 2);
        }
        assert_eq!(kept.iter().map(|asset| asset.ordinal).collect::<Vec<_>>(), [3, 2]);
    }

    #[test]
    fn remarks_of_one_asset_have_a_bound() {
        let mut of = asset(1, None);
        let remark = Remark { at: Timestamp::from_secs(1), by: None, version: None, about: None, text: "x".to_owned() };
        for _ in 0..MOST {
            push_remark(&mut of, remark.clone()).unwrap();
        }
        assert!(push_remark(&mut of, remark).is_err() && of.remarks.len() == MOST);
    }
}
