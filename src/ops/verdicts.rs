//! What a decision about an asset has to stand up to: who made something does not let it pass himself while somebody else may, a platform's
//! guideline is kept, and a rejection says why.

use damfs_policy::guideline::Clause;
use damfs_policy::{Field, SelfReview, Verb};

use super::value::FacetChange;
use super::{Library, OpsError, guidelines, stages};
use crate::access::{AssetFacts, Who};
use crate::catalog::{Asset, CatalogError, ReadTx, Remark};
use crate::types::{MemberId, Timestamp};

/// Some change of a record that may decide something.
type Change<'a> = (&'a Field, &'a FacetChange);

/// Whether a change approves what its maker made: then he may, for he is the only one who could.
///
/// # Errors
/// [`OpsError::Refused`] when another member may review it.
pub(super) fn is_own_approval(
    library: &Library,
    who: &Who,
    tx: &dyn ReadTx,
    asset: &Asset,
    (field, change): Change<'_>,
) -> Result<bool, OpsError> {
    let approves = match field {
        Field::Status(_) => gives(change, "approved"),
        Field::Stage => stages::lets_pass(&library.workflow(), asset, change),
        _ => false,
    };
    if !approves || maker(tx, asset)? != Some(who.id) {
        return Ok(false);
    }
    if library.gate.roles().self_review() == SelfReview::Alone && library.gate.another_may_review(tx, who.id, asset)? {
        let reason = "who made something does not approve it himself while another member may; ask one, or an admin sets \
            self_review = \"allow\" with dam policy edit";
        return Err(OpsError::Refused { verb: Verb::Review, subject: asset.id.to_string(), reason: reason.into() });
    }
    Ok(true)
}

fn gives(change: &FacetChange, word: &str) -> bool {
    matches!(change, FacetChange::Replace(given) | FacetChange::Add(given) if given == word)
}

/// Who made the bytes: the first who did, for whoever restored them has not.
fn maker(tx: &dyn ReadTx, asset: &Asset) -> Result<Option<MemberId>, CatalogError> {
    let Some(head) = asset.head.map(|head| tx.version(head)).transpose()?.flatten() else { return Ok(asset.owner) };
    let first = tx.versions(asset.id)?.into_iter().find(|version| version.content == head.content);
    Ok(first.unwrap_or(head).made_by.or(asset.owner))
}

/// The number of the current version.
pub(super) fn head(tx: &dyn ReadTx, asset: &Asset) -> Result<Option<u32>, CatalogError> {
    let head = asset.head.map(|head| tx.version(head)).transpose()?.flatten();
    Ok(head.map(|version| version.n))
}

/// What is said with a decision: the word that came along, else what he remarked last of the current version.
fn reason(tx: &dyn ReadTx, who: &Who, why: Option<&str>, asset: &Asset) -> Result<Option<String>, CatalogError> {
    if let Some(why) = why {
        return Ok(Some(why.to_owned()));
    }
    let head = head(tx, asset)?;
    let his = |remark: &&Remark| remark.by == Some(who.id) && remark.about.is_none() && remark.version == head;
    Ok(asset.remarks.iter().rev().find(his).map(|remark| remark.text.clone()))
}

/// Nothing when a change may be made of an asset by who may make it: by a way of the board, within the guideline, with
/// a reason where one is asked for.
///
/// # Errors
/// [`OpsError::Barred`].
pub(super) fn must_stand(
    library: &Library,
    who: &Who,
    why: Option<&str>,
    tx: &dyn ReadTx,
    asset: &Asset,
    (field, change): Change<'_>,
) -> Result<(), OpsError> {
    let said = || Ok::<_, CatalogError>(reason(tx, who, why, asset)?.is_some());
    let say = |message: String, command: &str| OpsError::Barred {
        subject: asset.id.to_string(),
        message,
        hint: format!(
            "say it: dam review {command} -m TEXT, or remark on it first: dam review comment {} -m TEXT",
            asset.id
        ),
    };
    match field {
        Field::Stage => {
            let board = library.workflow();
            stages::must_lead(&board, who, asset, change)?;
            if stages::wants_reason(&board, asset, change) && !said()? {
                return Err(say("who rejects something says why".to_owned(), &format!("reject {}", asset.id)));
            }
        }
        Field::Status(platform) if gives(change, "rejected") && !said()? => {
            let command = format!("reject {} --for {platform}", asset.id);
            return Err(say("who rejects something says why".to_owned(), &command));
        }
        Field::Status(platform) if gives(change, "approved") => {
            let table = library.gate.platforms();
            let Some(guideline) = table.guideline(platform) else { return Ok(()) };
            if let Some(line) = guideline.fits(Clause::Refuse, &AssetFacts(asset)) {
                return Err(OpsError::Barred {
                    subject: asset.id.to_string(),
                    message: format!("it is not for {platform}: {line}"),
                    hint: format!("change the asset, or the guideline: dam guideline edit {platform} (admin only)"),
                });
            }
            if let Some(line) = guideline.fits(Clause::Flag, &AssetFacts(asset))
                && !said()?
            {
                let message = format!("who approves it for {platform} says why: {line}");
                return Err(say(message, &format!("approve {} --for {platform}", asset.id)));
            }
        }
        _ => {}
    }
    Ok(())
}

/// Puts the words that came with decisions to them. `before` is the record without the changes.
///
/// # Errors
/// When the catalogue fails.
pub(super) fn give_reasons(
    library: &Library,
    tx: &dyn ReadTx,
    who: &Who,
    why: Option<&str>,
    (before, asset): (&Asset, &mut Asset),
    changes: &[(Field, FacetChange)],
    now: Timestamp,
) -> Result<Option<String>, CatalogError> {
    let decides = |field: &Field| matches!(field, Field::Status(_) | Field::Stage);
    if !changes.iter().any(|(field, _)| decides(field)) {
        // What is said with any other change is a remark of its own.
        if let Some(text) = why {
            let version = head(tx, asset)?;
            asset.remarks.push(Remark { at: now, by: Some(who.id), version, about: None, text: text.to_owned() });
        }
        return Ok(why.map(str::to_owned));
    }
    let (said, table) = (reason(tx, who, why, before)?, library.gate.platforms());
    for (field, _) in changes {
        match field {
            Field::Status(platform) => {
                let digits = guidelines::digits(&table, platform);
                if let Some(verdict) = asset.status.get_mut(platform) {
                    (verdict.reason, verdict.guideline) = (said.clone(), digits);
                }
            }
            Field::Stage if before.stage != asset.stage => {
                let version = head(tx, asset)?;
                asset.remarks.extend(said.clone().map(|text| Remark {
                    at: now,
                    by: Some(who.id),
                    version,
                    about: Some(format!("stage={}", stages::stage(asset))),
                    text,
                }));
            }
            _ => {}
        }
    }
    Ok(said)
}

/// Nothing when putting back verdicts makes nobody approve what he made himself, and none against a guideline.
pub(super) fn may_come_back(
    library: &Library,
    who: &Who,
    tx: &dyn ReadTx,
    asset: &Asset,
    back: &Asset,
) -> Result<(), OpsError> {
    let approved = |asset: &Asset, platform: &str| asset.status.get(platform).is_some_and(|v| v.value == "approved");
    let mut decided = Vec::new();
    for platform in back.status.keys().filter(|p| approved(back, p) && !approved(asset, p)) {
        decided.push((Field::Status(platform.clone()), FacetChange::Replace("approved".to_owned())));
    }
    if stages::stage(back) != stages::stage(asset) {
        decided.push((Field::Stage, FacetChange::Replace(stages::stage(back).to_owned())));
    }
    for (field, change) in &decided {
        is_own_approval(library, who, tx, asset, (field, change))?;
        if let Field::Status(platform) = field {
            // The word that it was given with comes back along with it.
            let why = back.status.get(platform).and_then(|verdict| verdict.reason.as_deref());
            must_stand(library, who, why, tx, back, (field, change))?;
        }
    }
    Ok(())
}
