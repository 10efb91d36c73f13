//! What both sides changed since they last agreed: the newer value stands, the other one waits here until somebody decides.

use std::sync::Arc;

use damfs_policy::{Field, Verb};
use serde_json::{Value, json};

use super::value::FacetChange;
use super::{Actor, Library, OpsError, assign, folders, record, restore, target, trail, value, verdicts};
use crate::catalog::{Asset, Conflict, ReadTx, WriteTx};
use crate::types::{MemberId, Timestamp};

/// The comment.
pub const NOTE: &str = "note";
/// Two writers' bytes; the other value is the number of a version.
pub const BYTES: &str = "bytes";

/// Longest text, as of an attribute.
const MAX_TEXT: usize = 64 * 1024;

/// A property's own field, unless a facet has that name.
#[must_use]
pub fn of_property(name: &str) -> Option<&str> {
    let taken =
        name == NOTE || name == BYTES || [Field::Model, Field::Stars].iter().any(|field| field.to_string() == name);
    (!taken).then_some(name)
}

/// A value that does not stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    pub field: String,
    pub other: Option<String>,
}

/// Keeps what does not stand since a version came. What is said the same by now is no conflict any more.
pub(super) fn keep(asset: &mut Asset, lost: Vec<Lost>, version: u32, by: Option<MemberId>, at: Timestamp) {
    for Lost { field, other } in lost {
        asset.conflicts.insert(field, Conflict { other, version, by, at });
    }
    let mut agreed = Vec::new();
    for (field, conflict) in &asset.conflicts {
        if field != BYTES && get(asset, field) == conflict.other {
            agreed.push(field.clone());
        }
    }
    asset.conflicts.retain(|field, _| !agreed.contains(field));
}

/// The value of a field as it stands.
fn get(asset: &Asset, field: &str) -> Option<String> {
    match (field, Field::parse(field)) {
        (NOTE, _) => asset.notes.clone(),
        (_, Some(Field::Model)) => asset.model.clone(),
        (_, Some(Field::Stars)) => asset.stars.map(|stars| stars.to_string()),
        _ => asset.properties.get(field).cloned(),
    }
}

/// Puts a value in place of the one that stands.
fn put(
    tx: &dyn ReadTx,
    actor: &Actor,
    asset: &mut Asset,
    field: &str,
    value: Option<String>,
    now: Timestamp,
) -> Result<(), OpsError> {
    match (field, Field::parse(field)) {
        (NOTE, _) => asset.notes = value,
        (_, Some(facet @ (Field::Model | Field::Stars))) => {
            let change = match value {
                Some(text) => FacetChange::Replace(value::check(&facet, &text)?),
                None => FacetChange::Clear,
            };
            record::set(tx, asset, &facet, &change, &actor.hand(now))?;
        }
        _ => {
            asset.properties.remove(field);
            asset.properties.extend(value.map(|text| (field.to_owned(), text)));
        }
    }
    Ok(())
}

/// What waits for a decision, for who may list the asset: `dam meta diff`.
///
/// # Errors
/// [`OpsError::NotFound`], or what the catalogue says.
pub fn diff(library: &Library, actor: &Actor, name: &str) -> Result<Value, OpsError> {
    library.catalog.read(|tx| {
        let asset = target::asset(library, actor, tx, name)?;
        let mut fields = Vec::new();
        for (field, conflict) in &asset.conflicts {
            let by = conflict.by.map(|id| tx.member(id)).transpose()?.flatten().map(|member| member.name);
            let head = asset.head.map(|head| tx.version(head)).transpose()?.flatten();
            let stands = match field.as_str() {
                BYTES => head.map(|head| head.n.to_string()),
                _ => get(&asset, field),
            };
            fields.push(json!({
                "field": field,
                "stands": stands,
                "other": conflict.other,
                "version": conflict.version,
                "by": by,
                "at": conflict.at.to_string(),
            }));
        }
        Ok(json!({ "id": asset.id.to_string(), "path": folders::path_of_asset(tx, &asset)?, "fields": fields }))
    })
}

/// Ends conflicts of an asset: of one field or of all: `dam meta resolve`. `take` is `stands`, `other`, or the value itself (of bytes the
/// number of a version).
///
/// # Errors
/// [`OpsError::NotFound`], [`OpsError::Unknown`] when there is nothing to decide, [`OpsError::Refused`] for who may not tag the asset (to
/// take other bytes: edit it), [`OpsError::Usage`] for a value that the field cannot have; nothing is changed then.
pub fn resolve(
    library: &Arc<Library>,
    actor: &Actor,
    name: &str,
    field: Option<&str>,
    take: &str,
) -> Result<Value, OpsError> {
    if take.len() > MAX_TEXT {
        return Err(OpsError::usage("the value is longer than 64 KiB", "take a shorter one"));
    }
    let found = library.catalog.read(|tx| target::asset(library, actor, tx, name))?;
    actor.must(library, Verb::Tag, &found, name)?;
    let bytes = wanted(&found, field, name)?.iter().any(|field| field == BYTES) && take != "stands";
    if let Some(node) = found.node.filter(|_| bytes) {
        library.settle_node(node)?;
    }
    let now = library.clock.now();
    library.catalog.write(|tx| -> Result<_, OpsError> {
        let mut asset = target::asset(library, actor, tx, name)?;
        actor.must(library, Verb::Tag, &asset, name)?;
        let fields = wanted(&asset, field, name)?;
        if bytes && let Some(conflict) = asset.conflicts.get(BYTES) {
            let n = if take == "other" { conflict.other.as_deref().unwrap_or_default() } else { take };
            let n = n
                .parse()
                .map_err(|_| OpsError::usage(format!("`{n}` is no number of a version"), "see: dam versions"))?;
            (asset, _, _) = restore::save(library, actor, tx, &asset, n, name)?;
        }
        let before = asset.clone();
        for field in &fields {
            decide(tx, actor, &mut asset, field, take, now)?;
        }
        let doubted = verdicts::doubted(library, &before, &mut asset);
        if !actor.is_admin() && !actor.decide(library, Verb::Tag, &asset).allowed {
            return Err(OpsError::Refused {
                verb: Verb::Tag,
                subject: asset.id.to_string(),
                reason: format!("the change would put the asset out of reach of {}", actor.member.name),
            });
        }
        asset.changed = now.max(asset.changed);
        assign::store(tx, &asset)?;
        let took = if matches!(take, "stands" | "other") { take } else { "value" };
        let mut detail = json!({ "fields": fields, "take": took });
        if !doubted.is_empty() {
            detail["changed"] = doubted.into();
        }
        trail::asset(tx, &actor.hand(now), "resolve", asset.id, &detail)?;
        let path = folders::path_of_asset(tx, &asset)?;
        Ok(json!({ "id": asset.id.to_string(), "path": path, "resolved": fields }))
    })
}

fn decide(
    tx: &mut dyn WriteTx,
    actor: &Actor,
    asset: &mut Asset,
    field: &str,
    take: &str,
    now: Timestamp,
) -> Result<(), OpsError> {
    let other = asset.conflicts.remove(field).and_then(|conflict| conflict.other);
    match take {
        _ if field == BYTES => Ok(()),
        "stands" => Ok(()),
        "other" => put(tx, actor, asset, field, other, now),
        value => put(tx, actor, asset, field, Some(value.to_owned()).filter(|text| !text.is_empty()), now),
    }
}

/// The fields that are to be decided.
fn wanted(asset: &Asset, field: Option<&str>, name: &str) -> Result<Vec<String>, OpsError> {
    let all = asset.conflicts.keys();
    let wanted: Vec<String> = all.filter(|has| field.is_none_or(|field| field == has.as_str())).cloned().collect();
    if wanted.is_empty() {
        let what = field.map_or_else(String::new, |field| format!(" of {field}"));
        return Err(OpsError::Unknown {
            message: format!("`{name}` has no conflict{what}"),
            hint: format!("see what waits with: dam meta diff {name}"),
        });
    }
    Ok(wanted)
}
