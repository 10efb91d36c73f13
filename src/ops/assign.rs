//! Setting facets of assets that are there: every target or none, in one transaction with its audit rows.

use std::fs::File;

use damfs_policy::{Field, Verb};
use serde_json::{Value, json};

use super::dry::{self, Stop};
use super::proto::{Assignment, Selection};
use super::record::{self, Changed, Hand};
use super::serve::Listener;
use super::value::{self, FacetChange};
use super::verdicts::{self, Court};
use super::{Actor, Library, OpsError, folders, select, stages, terms, trail};
use crate::access::Who;
use crate::catalog::{Asset, AssetState, ChangeKind, ReadTx, WriteTx};
use crate::types::Timestamp;

/// Records that are read at once: no more than a transaction remembers, which then asks for none of them again.
pub(super) const PAGE: usize = 64;
/// Assets that an answer tells one by one, and bytes of what it tells of them; of more it tells the numbers.
const TOLD: usize = 1_000;
const TOLD_BYTES: usize = 4 << 20;

/// What to change, and whether to.
#[derive(Debug, Default)]
pub struct Ask {
    pub what: Selection,
    /// More targets, each ended by NUL.
    pub list: Option<File>,
    /// Only say what would change.
    pub dry_run: bool,
}

/// Sets facets: `dam set`.
///
/// # Errors
/// [`OpsError::Usage`] for a wrong facet or value, [`OpsError::NotFound`], [`OpsError::Refused`], of several assets
/// [`OpsError::Several`]; nothing was changed then.
pub fn set(
    library: &Library,
    actor: &Actor,
    ask: Ask,
    set: &[Assignment],
    listener: &dyn Listener,
) -> Result<Value, OpsError> {
    let changes = value::changes(set)?;
    value::known_platforms(&changes, actor.who().subject.platforms())?;
    apply(library, actor, ask, listener, &|_| changes.clone())
}

/// Adds or removes one tag: `dam tag`.
///
/// # Errors
/// As [`set`].
pub fn tag(
    library: &Library,
    actor: &Actor,
    ask: Ask,
    tag: &str,
    remove: bool,
    listener: &dyn Listener,
) -> Result<Value, OpsError> {
    let tag = value::tag(tag)?;
    let change = if remove { FacetChange::Remove(tag) } else { FacetChange::Add(tag) };
    apply(library, actor, ask, listener, &|_| vec![(Field::Tag, change.clone())])
}

/// Changes what is asked for by what `changes` says of each.
pub(super) fn apply(
    library: &Library,
    actor: &Actor,
    ask: Ask,
    listener: &dyn Listener,
    changes: &dyn Fn(&Asset) -> Vec<(Field, FacetChange)>,
) -> Result<Value, OpsError> {
    let now = library.clock.now();
    each(library, actor, ask, listener, &|tx, asset| {
        let (changes, id) = (changes(asset), asset.id.to_string());
        change_asset(library, actor, tx, asset, &changes, &id, now)
    })
}

/// What is done to one record, and what of it changed.
type Deed<'a> = &'a dyn Fn(&mut dyn WriteTx, &mut Asset) -> Result<Vec<Value>, OpsError>;

/// Does something to all that is asked for, in one transaction: to every one or to none.
pub(super) fn each(
    library: &Library,
    actor: &Actor,
    ask: Ask,
    listener: &dyn Listener,
    deed: Deed<'_>,
) -> Result<Value, OpsError> {
    let selected = select::select(library, actor, &ask.what, ask.list)?;
    dry::write(library, |tx| {
        let mut done = Done::default();
        let mut faults = selected.faults.clone();
        for page in selected.ordinals.chunks(PAGE) {
            for mut asset in tx.assets(page)? {
                if !selected.is_meant(tx, &asset)? {
                    continue;
                }
                match deed(tx, &mut asset) {
                    Ok(changed) => done.note(tx, &asset, changed)?,
                    Err(e) => {
                        let path = folders::path_of_asset(tx, &asset)?;
                        faults.note(path.as_deref().unwrap_or(&asset.view_name), e)?;
                    }
                }
            }
            done.looked += page.len();
            listener.progress(done.looked, selected.ordinals.len());
        }
        std::mem::take(&mut faults).end(selected.of)?;
        let answer = done.told();
        if ask.dry_run { Err(Stop::Said(answer)) } else { Ok(answer) }
    })
}

/// What was done with each.
#[derive(Debug, Default)]
struct Done {
    looked: usize,
    changed: u64,
    unchanged: u64,
    assets: Vec<Value>,
    bytes: usize,
}

impl Done {
    fn note(&mut self, tx: &dyn ReadTx, asset: &Asset, changed: Vec<Value>) -> Result<(), OpsError> {
        *(if changed.is_empty() { &mut self.unchanged } else { &mut self.changed }) += 1;
        if self.assets.len() < TOLD && self.bytes < TOLD_BYTES {
            let path = folders::path_of_asset(tx, asset)?;
            let told = json!({ "id": asset.id.to_string(), "path": path, "changed": changed });
            self.bytes += told.to_string().len();
            self.assets.push(told);
        }
        Ok(())
    }

    fn told(self) -> Value {
        json!({ "changed": self.changed, "unchanged": self.unchanged, "assets": self.assets })
    }
}

/// Changes one record inside a transaction, as a member may: gate, change, store, feed, audit. Gives the changed facets.
///
/// # Errors
/// As [`set`]; the caller's transaction is to be undone then.
pub fn change_asset(
    library: &Library,
    actor: &Actor,
    tx: &mut dyn WriteTx,
    asset: &mut Asset,
    changes: &[(Field, FacetChange)],
    name: &str,
    now: Timestamp,
) -> Result<Vec<Value>, OpsError> {
    let (who, hand) = (actor.who(), actor.hand(now));
    let court = Court::of(library, who, actor.why());
    let mut own = false;
    for (field, change) in changes {
        actor.must(library, verb_for(library, field, change, asset), asset, name)?;
        own |= verdicts::is_own_approval(library, who, tx, asset, (field, change))?;
    }
    let before = asset.clone();
    let settled = terms::settle(tx, who, asset, changes)?;
    // What decides something is held to the record as it is with everything else that comes along.
    let (deciding, plain): (Vec<_>, Vec<_>) = settled.iter().partition(|(field, _)| verdicts::decides(field));
    let mut changed: Vec<Changed> = Vec::new();
    for (field, change) in plain {
        changed.extend(record::set(tx, asset, field, change, &hand)?);
    }
    let mut reasons = Vec::new();
    for (field, change) in &deciding {
        reasons.push(court.must_stand(tx, asset, (field, change))?);
    }
    let said = reasons.iter().flatten().next().cloned().or_else(|| actor.why().map(str::to_owned));
    for ((field, change), reason) in deciding.into_iter().zip(reasons) {
        changed.extend(record::set(tx, asset, field, change, &hand)?);
        court.stamp(asset, (field, change), reason);
    }
    if changed.is_empty() {
        return Ok(Vec::new());
    }
    changed.extend(stages::enter(library, tx, asset, stages::stage(&before), changes, &hand)?);
    if let Some(said) = &said {
        court.keep_words(tx, (&before, asset), changes, said, now)?;
    }
    if !stays_in_reach(library, actor, changes, asset) {
        return Err(OpsError::Refused {
            verb: Verb::Tag,
            subject: asset.id.to_string(),
            reason: format!("the change would put the asset out of reach of {}", actor.member.name),
        });
    }
    changed.extend(verdicts::doubt(library, &before, asset, changes));
    store(tx, asset)?;
    let rows: Vec<Value> = changed.iter().map(|c| json!({ "facet": c.field, "old": c.old, "new": c.new })).collect();
    let mut detail = json!({ "changed": rows });
    if own {
        detail["own"] = json!(true);
    }
    if changed.iter().any(|c| c.field.starts_with("status.")) {
        detail["policy"] = who.policy.into();
        let under = changed.iter().filter_map(|c| {
            let platform = c.field.strip_prefix("status.")?;
            Some((platform.to_owned(), asset.status.get(platform)?.guideline.clone()?.into()))
        });
        let under: serde_json::Map<String, Value> = under.collect();
        if !under.is_empty() {
            detail["guidelines"] = under.into();
        }
    }
    if let Some(said) = said {
        detail["reason"] = said.into();
    }
    trail::asset(tx, &hand, "set", asset.id, &detail)?;
    Ok(rows)
}

/// Nobody may put an asset where his own rules end: into another client's scope, past his own reach.
fn stays_in_reach(library: &Library, actor: &Actor, changes: &[(Field, FacetChange)], changed: &Asset) -> bool {
    let moved = changes
        .iter()
        .any(|(field, _)| !matches!(field, Field::Status(_) | Field::Stage | Field::Reviewer | Field::Due));
    !moved || actor.is_admin() || actor.decide(library, Verb::Tag, changed).allowed
}

/// Whether [`change_asset`] would be refused for want of the right to tag, and of no other.
///
/// # Errors
/// When the catalogue fails.
pub fn lacks_only_tag(
    library: &Library,
    actor: &Actor,
    tx: &dyn ReadTx,
    asset: &Asset,
    changes: &[(Field, FacetChange)],
    now: Timestamp,
) -> Result<bool, OpsError> {
    let verbs = || changes.iter().map(|(field, change)| verb_for(library, field, change, asset));
    if verbs().any(|verb| verb != Verb::Tag) {
        return Ok(false);
    }
    let mut changed = asset.clone();
    for (field, change) in changes {
        record::set(tx, &mut changed, field, change, &actor.hand(now))?;
    }
    let may = verbs().all(|verb| actor.decide(library, verb, asset).allowed);
    Ok(!may || !stays_in_reach(library, actor, changes, &changed))
}

/// Gives a record that is being made the values that its maker chose: nobody makes what he then may not list and edit. What decides
/// something (a verdict, an owner, a hold) needs the verb for it, asked before any deciding value is there, or the value would grant itself.
///
/// # Errors
/// [`OpsError::Refused`]; the record is to be dropped then.
pub fn give(
    library: &Library,
    who: &Who,
    tx: &dyn ReadTx,
    asset: &mut Asset,
    changes: &[(Field, FacetChange)],
    hand: &Hand,
) -> Result<(), OpsError> {
    let must = |verb: Verb, asset: &Asset| {
        let decision = library.gate.decide(who, verb, asset);
        if decision.allowed {
            return Ok(());
        }
        Err(OpsError::Refused { verb, subject: asset.view_name.clone(), reason: decision.reason })
    };
    let changes = &terms::settle(tx, who, asset, changes)?;
    let decides =
        |asset: &Asset, field: &Field, change: &FacetChange| verb_for(library, field, change, asset) != Verb::Tag;
    let (deciding, plain): (Vec<_>, Vec<_>) = changes.iter().partition(|(field, change)| decides(asset, field, change));
    for (field, change) in plain {
        record::set(tx, asset, field, change, hand)?;
    }
    let mut decided = asset.clone();
    let court = Court::of(library, who, None);
    for (field, change) in deciding {
        if record::set(tx, &mut decided, field, change, hand)?.is_some() {
            must(verb_for(library, field, change, asset), asset)?;
            court.must_stand(tx, asset, (field, change))?;
            verdicts::is_own_approval(library, who, tx, asset, (field, change))?;
            court.stamp(&mut decided, (field, change), None);
        }
    }
    stages::enter(library, tx, &mut decided, stages::stage(asset), changes, hand)?;
    *asset = decided;
    must(Verb::List, asset)?;
    must(Verb::Edit, asset)
}

/// Puts values in place that somebody may give ([`give`] has said so), with what comes along with them.
///
/// # Errors
/// When the catalogue fails.
pub fn put_values(
    library: &Library,
    who: &Who,
    tx: &dyn ReadTx,
    asset: &mut Asset,
    changes: &[(Field, FacetChange)],
    hand: &Hand,
) -> Result<(), OpsError> {
    let (before, court) = (stages::stage(asset).to_owned(), Court::of(library, who, None));
    for (field, change) in changes {
        record::set(tx, asset, field, change, hand)?;
        court.stamp(asset, (field, change), None);
    }
    stages::enter(library, tx, asset, &before, changes, hand).map(drop)
}

/// Stores a changed record and tells the change feed: the record, and its file, whose ctime moves with it.
///
/// # Errors
/// When the catalogue fails.
pub fn store(tx: &mut dyn WriteTx, asset: &Asset) -> Result<(), OpsError> {
    tx.put_asset(asset)?;
    tx.change(ChangeKind::Asset, &asset.id.to_string())?;
    if let Some(node) = asset.node {
        if let Some(mut row) = tx.node(node)? {
            row.ctime = asset.changed.max(row.ctime);
            tx.put_node(&row)?;
        }
        tx.change(ChangeKind::Node, &node.to_string())?;
    }
    Ok(())
}

/// The verb that a change needs.
#[must_use]
pub fn verb_for(library: &Library, field: &Field, change: &FacetChange, asset: &Asset) -> Verb {
    match field {
        Field::Stage => stages::needs(&library.workflow(), asset, change),
        Field::Status(_) | Field::Reviewer | Field::Due => Verb::Review,
        Field::Owner => Verb::Admin,
        // A hold keeps an asset from everybody's hands; only an admin puts it on or takes it off.
        Field::State if asset.state == AssetState::Held => Verb::Admin,
        Field::State => match change {
            FacetChange::Replace(word) if word == "held" => Verb::Admin,
            _ => Verb::Tag,
        },
        _ => Verb::Tag,
    }
}
