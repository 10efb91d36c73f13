//! What a decision about an asset has to stand up to: who made something does not let it pass himself while somebody else may, a platform's
//! guideline is kept, and a rejection says why.

use std::sync::Arc;

use damfs_policy::guideline::Clause;
use damfs_policy::{Field, Platforms, SelfReview, Verb, Workflow};
use serde_json::{Value, json};

use super::record::{Changed, Hand};
use super::screen::Held;
use super::value::FacetChange;
use super::{Library, OpsError, guidelines, review, stages, trail};
use crate::access::{AssetFacts, Who};
use crate::catalog::{Asset, CatalogError, ReadTx, Remark, Verdict, WriteTx};
use crate::types::{MemberId, Timestamp, VersionId};

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

/// Whether a field decides something, and is held to more than the right to set it.
pub(super) fn decides(field: &Field) -> bool {
    matches!(field, Field::Status(_) | Field::Stage)
}

/// Who decides, with which word, by which board and which guidelines: the same from the first question to the last stamp.
pub(super) struct Court<'a> {
    library: &'a Library,
    who: &'a Who,
    why: Option<&'a str>,
    board: Arc<Workflow>,
    platforms: Arc<Platforms>,
}

impl<'a> Court<'a> {
    pub fn of(library: &'a Library, who: &'a Who, why: Option<&'a str>) -> Self {
        Self { library, who, why, board: library.workflow(), platforms: library.gate.platforms() }
    }

    /// The word that a decision has to have: what came along, else what he remarked of the current version since anything was decided.
    fn reason(&self, tx: &dyn ReadTx, asset: &Asset) -> Result<Option<String>, CatalogError> {
        if let Some(why) = self.why {
            return Ok(Some(why.to_owned()));
        }
        let head = head(tx, asset)?;
        let since = asset.remarks.iter().rposition(|remark| remark.about.is_some()).map_or(0, |at| at + 1);
        let decided = asset.status.values().map(|verdict| verdict.at).max();
        let his = |remark: &&Remark| {
            remark.by == Some(self.who.id) && remark.version == head && decided.is_none_or(|at| remark.at > at)
        };
        Ok(asset.remarks[since..].iter().rev().find(his).map(|remark| remark.text.clone()))
    }

    fn must_say(
        &self,
        tx: &dyn ReadTx,
        asset: &Asset,
        message: String,
        command: &str,
    ) -> Result<Option<String>, OpsError> {
        match self.reason(tx, asset)? {
            Some(reason) => Ok(Some(reason)),
            None => Err(OpsError::Barred {
                subject: asset.id.to_string(),
                message,
                hint: format!(
                    "say it: dam review {command} -m TEXT, or remark on it first: dam review comment {} -m TEXT",
                    asset.id
                ),
            }),
        }
    }

    /// Nothing when an asset may go back to where it was on the board: what lets it pass needs a way there, or that whoever judges took it
    /// away, and what the screen says of the bytes.
    fn must_lead_back(&self, tx: &dyn ReadTx, asset: &Asset, to: &str) -> Result<(), OpsError> {
        let change = FacetChange::Replace(to.to_owned());
        if !stages::lets_pass(&self.board, asset, &change) {
            return Ok(());
        }
        let went = self.board.way(to, stages::stage(asset));
        if !went.is_some_and(|way| matches!(way.needs, Verb::Review | Verb::Admin)) {
            stages::must_lead(&self.board, self.who, asset, &change)?;
        }
        if let Some(why) = self.screened(tx, asset)? {
            self.must_say(tx, asset, format!("who lets it pass says why: {why}"), &format!("approve {}", asset.id))?;
        }
        Ok(())
    }

    /// The reason that goes with a change, when it may be made of an asset by who has the right: by a way of the board, within the guideline,
    /// with a reason where one is asked for. The asset is as it is with everything else that comes along.
    ///
    /// # Errors
    /// [`OpsError::Barred`].
    pub fn must_stand(
        &self,
        tx: &dyn ReadTx,
        asset: &Asset,
        (field, change): Change<'_>,
    ) -> Result<Option<String>, OpsError> {
        let must_say = |message, command: &str| self.must_say(tx, asset, message, command);
        let rejecting = || "who rejects something says why".to_owned();
        match field {
            Field::Stage => {
                stages::must_lead(&self.board, self.who, asset, change)?;
                if stages::wants_reason(&self.board, asset, change) {
                    return must_say(rejecting(), &format!("reject {}", asset.id));
                }
                if stages::lets_pass(&self.board, asset, change)
                    && let Some(why) = self.screened(tx, asset)?
                {
                    return must_say(format!("who lets it pass says why: {why}"), &format!("approve {}", asset.id));
                }
            }
            Field::Status(platform) if gives(change, "rejected") => {
                return must_say(rejecting(), &format!("reject {} --for {platform}", asset.id));
            }
            Field::Status(platform) if gives(change, "approved") => {
                if let Some(line) = self.line(platform, Clause::Refuse, asset) {
                    return Err(OpsError::Barred {
                        subject: asset.id.to_string(),
                        message: format!("it is not for {platform}: {line}"),
                        hint: format!("change the asset, or the guideline: dam guideline edit {platform} (admin only)"),
                    });
                }
                let screened = self.screened(tx, asset)?;
                if let Some(line) = self.line(platform, Clause::Flag, asset).or(screened) {
                    let message = format!("who approves it for {platform} says why: {line}");
                    return must_say(message, &format!("approve {} --for {platform}", asset.id));
                }
            }
            _ => {}
        }
        Ok(self.why.map(str::to_owned))
    }

    /// Why the screen wants a reason for letting it pass.
    ///
    /// # Errors
    /// [`OpsError::Barred`] when it does not let it pass.
    fn screened(&self, tx: &dyn ReadTx, asset: &Asset) -> Result<Option<String>, OpsError> {
        match self.library.held_by_screen(tx, asset)? {
            Held::No => Ok(None),
            Held::Reason(why) => Ok(Some(why)),
            Held::Never(message) => Err(OpsError::Barred {
                subject: asset.id.to_string(),
                message,
                hint: format!("other bytes are screened anew; to ask it once more: dam review screen {}", asset.id),
            }),
            Held::Past => Err(OpsError::Barred {
                subject: asset.id.to_string(),
                message: "the version that it was given to was not screened, and is not the current one".into(),
                hint: match head(tx, asset)? {
                    Some(n) => format!("bring it back and decide anew: dam restore {} --version {n}", asset.id),
                    None => "it is thinned out; decide about the current one".into(),
                },
            }),
        }
    }

    fn line(&self, platform: &str, clause: Clause, asset: &Asset) -> Option<String> {
        self.platforms.guideline(platform)?.fits(clause, &AssetFacts(asset))
    }

    /// Puts on a verdict that was given just now why, and by which text.
    pub fn stamp(&self, asset: &mut Asset, (field, change): Change<'_>, reason: Option<String>) {
        if let (Field::Status(platform), FacetChange::Add(_) | FacetChange::Replace(_)) = (field, change)
            && let Some(verdict) = asset.status.get_mut(platform)
        {
            (verdict.reason, verdict.guideline) = (reason, guidelines::digits(&self.platforms, platform));
        }
    }

    /// Keeps the words that no verdict has: those of a move over the board, and those that came with what decides nothing.
    ///
    /// # Errors
    /// When the catalogue fails, or too much was said of it already.
    pub fn keep_words(
        &self,
        tx: &dyn ReadTx,
        (before, asset): (&Asset, &mut Asset),
        changes: &[(Field, FacetChange)],
        said: &str,
        now: Timestamp,
    ) -> Result<(), OpsError> {
        let moved = before.stage != asset.stage && changes.iter().any(|(field, _)| *field == Field::Stage);
        if !moved && changes.iter().any(|(field, _)| decides(field)) {
            return Ok(());
        }
        let about = moved.then(|| format!("stage={}", stages::stage(asset)));
        let (by, version, text) = (Some(self.who.id), head(tx, asset)?, said.to_owned());
        let remark = Remark { at: now, by, version, about, text };
        // A decision is not held up by how much was said before.
        if moved {
            asset.remarks.push(remark);
            return Ok(());
        }
        review::push_remark(asset, remark)
    }
}

/// Approvals whose guideline flags an asset as it is now, and did not as it was when somebody approved it, are asked anew: nobody has said why.
/// Those of `decided` were held to the asset as it is.
pub(super) fn doubt(
    library: &Library,
    before: &Asset,
    asset: &mut Asset,
    decided: &[(Field, FacetChange)],
) -> Vec<Changed> {
    let platforms = library.gate.platforms();
    let mut changed = Vec::new();
    for guideline in platforms.guidelines() {
        let platform = guideline.platform();
        let field = Field::Status(platform.to_owned());
        let given =
            |asset: &Asset| asset.status.get(platform).filter(|verdict| verdict.value == "approved").map(|v| v.at);
        if given(asset).is_none() || given(asset) != given(before) || decided.iter().any(|(other, _)| *other == field) {
            continue;
        }
        let Some(line) = guideline.newly_fits(Clause::Flag, &AssetFacts(before), &AssetFacts(asset)) else { continue };
        let Some(verdict) = asset.status.get_mut(platform) else { continue };
        "stale".clone_into(&mut verdict.value);
        verdict.reason = Some(format!("since it was approved it has come to fit {line}"));
        changed.push(Changed { field: field.to_string(), old: json!("approved"), new: json!("stale") });
    }
    changed
}

/// [`doubt`], as rows of a log.
pub(crate) fn doubted(library: &Library, before: &Asset, asset: &mut Asset) -> Vec<Value> {
    doubt(library, before, asset, &[]).into_iter().map(told).collect()
}

fn told(c: Changed) -> Value {
    json!({ "facet": c.field, "old": c.old, "new": c.new })
}

/// [`doubt`], which is put on record when something is asked anew; the caller puts the asset.
///
/// # Errors
/// When the catalogue fails.
pub(crate) fn doubt_on_record(
    library: &Library,
    tx: &mut dyn WriteTx,
    before: &Asset,
    asset: &mut Asset,
    hand: &Hand,
) -> Result<(), CatalogError> {
    doubt_on_record_but(library, tx, (before, asset), &[], hand)
}

/// The same, but of verdicts for these platforms.
///
/// # Errors
/// When the catalogue fails.
pub(crate) fn doubt_on_record_but(
    library: &Library,
    tx: &mut dyn WriteTx,
    (before, asset): (&Asset, &mut Asset),
    platforms: &[String],
    hand: &Hand,
) -> Result<(), CatalogError> {
    let left = |platform: &String| (Field::Status(platform.clone()), FacetChange::Replace("approved".to_owned()));
    let left: Vec<_> = platforms.iter().map(left).collect();
    let doubted: Vec<Value> = doubt(library, before, asset, &left).into_iter().map(told).collect();
    if doubted.is_empty() {
        return Ok(());
    }
    asset.changed = hand.now.max(asset.changed);
    trail::asset(tx, hand, "set", asset.id, &json!({ "changed": doubted }))
}

/// What an undo that makes `back` of an asset decides: where it stands on the board, and each approval that is not there now.
pub(super) fn coming_back(asset: &Asset, back: &Asset) -> Vec<Field> {
    let is_new = |(platform, verdict): &(&String, &Verdict)| {
        let is_there = |now: &Verdict| now.value == verdict.value && now.version == verdict.version;
        verdict.value == "approved" && !asset.status.get(*platform).is_some_and(is_there)
    };
    let stage = (stages::stage(back) != stages::stage(asset)).then_some(Field::Stage);
    let approved = back.status.iter().filter(is_new).map(|(platform, _)| Field::Status(platform.clone()));
    stage.into_iter().chain(approved).collect()
}

/// Nothing when one of what is [`coming_back`] lets nothing pass that a command would not: a verdict for the version that it names, the stage
/// for the bytes that it was given to, `judged`.
///
/// # Errors
/// [`OpsError::Refused`] or [`OpsError::Barred`] when it stays away.
pub(super) fn may_come_back(
    library: &Library,
    who: &Who,
    tx: &dyn ReadTx,
    (asset, back): (&Asset, &Asset),
    judged: Option<VersionId>,
    field: &Field,
) -> Result<(), OpsError> {
    let verdict = match field {
        Field::Status(platform) => back.status.get(platform),
        _ => None,
    };
    if let Some(verdict) = verdict {
        let change = FacetChange::Replace("approved".to_owned());
        let of = |record: &Asset| Asset { head: verdict.version.or(judged), ..record.clone() };
        is_own_approval(library, who, tx, &of(asset), (field, &change))?;
        // The word that it was given with comes back along with it.
        Court::of(library, who, verdict.reason.as_deref()).must_stand(tx, &of(back), (field, &change))?;
        return Ok(());
    }
    let to = stages::stage(back);
    let change = FacetChange::Replace(to.to_owned());
    let asset = Asset { head: judged, ..asset.clone() };
    is_own_approval(library, who, tx, &asset, (&Field::Stage, &change))?;
    let about = format!("stage={to}");
    // What was said of other bytes says nothing of these.
    let version = judged.map(|judged| tx.version(judged)).transpose()?.flatten().map(|version| version.n);
    let is_of_it = |remark: &&Remark| remark.about.as_ref() == Some(&about) && remark.version == version;
    let why = asset.remarks.iter().rfind(is_of_it);
    let there = Asset { head: judged, stage: asset.stage.clone(), ..back.clone() };
    Court::of(library, who, why.map(|remark| remark.text.as_str())).must_lead_back(tx, &there, to)
}
