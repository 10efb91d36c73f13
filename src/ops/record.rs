//! One change of one facet of one record. Values arrive checked ([`super::value`]); here they are put in place.

use std::collections::{BTreeMap, BTreeSet};

use damfs_policy::Field;
use serde_json::{Value, json};

use super::OpsError;
use super::value::{FacetChange, date};
use crate::catalog::journal::Cause;
use crate::catalog::{Asset, AssetState, ReadTx, Verdict};
use crate::types::{AssetId, Colours, MemberId, Timestamp};

/// Who changes a record, by what, and when.
#[derive(Debug, Clone, Copy)]
pub struct Hand {
    pub by: Option<MemberId>,
    pub cause: Cause,
    pub now: Timestamp,
}

impl Hand {
    /// damfs itself, or in its own time for a member.
    #[must_use]
    pub const fn own(by: Option<MemberId>, now: Timestamp) -> Self {
        Self { by, cause: Cause::Unknown, now }
    }
}

/// What a facet was and what it became; goes to the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    pub field: String,
    pub old: Value,
    pub new: Value,
}

/// Puts one change in place and says what changed; `None` when it was so already.
///
/// # Errors
/// [`OpsError::Usage`] when the change does not fit the facet.
pub fn set(
    tx: &dyn ReadTx,
    asset: &mut Asset,
    field: &Field,
    change: &FacetChange,
    hand: &Hand,
) -> Result<Option<Changed>, OpsError> {
    let old = get(asset, field);
    match field {
        Field::Persona => many(&mut asset.personas, change),
        Field::Campaign => many(&mut asset.campaigns, change),
        Field::Tag => many(&mut asset.tags, change),
        Field::Lora => many(&mut asset.loras, change),
        Field::Client => one(&mut asset.client, change),
        Field::Rating => one(&mut asset.rating, change),
        Field::Stars => {
            let mut text = asset.stars.map(|n| n.to_string());
            one(&mut text, change);
            asset.stars = text.as_deref().and_then(|text| text.parse().ok());
        }
        Field::Rights => one(&mut asset.rights, change),
        Field::Likeness => one(&mut asset.likeness, change),
        Field::Model => one(&mut asset.model, change),
        Field::Stage => one(&mut asset.stage, change),
        Field::Reviewer => set_reviewer(tx, asset, change, hand.now)?,
        Field::Due => {
            let mut text = asset.due.map(|t| t.to_string());
            one(&mut text, change);
            asset.due = text.as_deref().map(date).transpose()?;
        }
        Field::Expires => {
            let mut text = asset.expires.map(|t| t.to_string());
            one(&mut text, change);
            asset.expires = text.as_deref().map(date).transpose()?;
        }
        Field::Owner => set_owner(tx, asset, change)?,
        Field::State => set_state(asset, change)?,
        Field::Status(platform) => set_verdict(asset, platform, change, hand),
        other => {
            return Err(OpsError::usage(
                format!("`{other}` follows from the file or from what was done and cannot be set"),
                "`dam set --help` lists the facets to set",
            ));
        }
    }
    let new = get(asset, field);
    // A verdict that is given once more is another one: for these bytes, by this hand.
    let given = matches!((field, change), (Field::Status(_), FacetChange::Add(_) | FacetChange::Replace(_)));
    // Whoever sets a field has decided what both sides said of it.
    let decided = asset.conflicts.remove(&field.to_string()).is_some();
    if old == new && !given && !decided {
        return Ok(None);
    }
    asset.changed = hand.now.max(asset.changed);
    Ok(Some(Changed { field: field.to_string(), old, new }))
}

/// The value of a settable facet as it stands in a record.
#[must_use]
pub fn get(asset: &Asset, field: &Field) -> Value {
    match field {
        Field::Persona => json!(asset.personas),
        Field::Campaign => json!(asset.campaigns),
        Field::Tag => json!(asset.tags),
        Field::Lora => json!(asset.loras),
        Field::Client => json!(asset.client),
        Field::Rating => json!(asset.rating),
        Field::Stars => json!(asset.stars),
        Field::Rights => json!(asset.rights),
        Field::Likeness => json!(asset.likeness),
        Field::Model => json!(asset.model),
        Field::Stage => json!(asset.stage),
        Field::Expires => json!(asset.expires.map(|t| t.to_string())),
        Field::Reviewer => json!(asset.reviewer),
        Field::Due => json!(asset.due.map(|t| t.to_string())),
        Field::Owner => json!(asset.owner_name),
        Field::State => json!(asset.state),
        Field::Status(platform) => json!(asset.status.get(platform).map(|v| &v.value)),
        _ => Value::Null,
    }
}

fn one(slot: &mut Option<String>, change: &FacetChange) {
    match change {
        FacetChange::Add(value) | FacetChange::Replace(value) => *slot = Some(value.clone()),
        FacetChange::Clear => *slot = None,
        FacetChange::Remove(value) if slot.as_ref() == Some(value) => *slot = None,
        FacetChange::Remove(_) => {}
    }
}

fn many(slot: &mut BTreeSet<String>, change: &FacetChange) {
    match change {
        FacetChange::Add(value) => {
            slot.insert(value.clone());
        }
        FacetChange::Remove(value) => {
            slot.remove(value);
        }
        FacetChange::Replace(value) => *slot = BTreeSet::from([value.clone()]),
        FacetChange::Clear => slot.clear(),
    }
}

fn set_owner(tx: &dyn ReadTx, asset: &mut Asset, change: &FacetChange) -> Result<(), OpsError> {
    let (FacetChange::Replace(name) | FacetChange::Add(name)) = change else {
        return Err(OpsError::usage("every asset has an owner", "name another member: owner=NAME"));
    };
    match tx.member_by_name(name)? {
        Some(member) => {
            asset.owner = Some(member.id);
            asset.owner_name = member.name;
            Ok(())
        }
        None => Err(nobody(name)),
    }
}

/// Who was asked before stays so; who is asked now is in.
fn set_reviewer(tx: &dyn ReadTx, asset: &mut Asset, change: &FacetChange, now: Timestamp) -> Result<(), OpsError> {
    if let FacetChange::Replace(name) | FacetChange::Add(name) = change
        && asset.reviewer.as_ref() != Some(name)
        && !tx.member_by_name(name)?.is_some_and(|member| member.is_in(now))
    {
        return Err(nobody(name));
    }
    one(&mut asset.reviewer, change);
    Ok(())
}

/// Names nobody else: who is a member is told to admins alone.
fn nobody(name: &str) -> OpsError {
    let message = format!("there is no member `{name}` to give it to");
    OpsError::Unknown { message, hint: "an admin sees who there is: dam member list".to_owned() }
}

fn set_state(asset: &mut Asset, change: &FacetChange) -> Result<(), OpsError> {
    if asset.state == AssetState::Trashed {
        return Err(OpsError::usage("the asset is in the trash", "move it out of trash/ first"));
    }
    let state = match change {
        FacetChange::Replace(word) | FacetChange::Add(word) => word.as_str(),
        FacetChange::Clear | FacetChange::Remove(_) => "active",
    };
    asset.state = match state {
        "active" => AssetState::Active,
        "archived" => AssetState::Archived,
        "expired" => AssetState::Expired,
        "held" => AssetState::Held,
        _ => return Err(OpsError::usage("state=trashed is not set by hand", "remove the file; it goes to trash/")),
    };
    Ok(())
}

/// A verdict is bound to the bytes it was given for: the head at this moment.
fn set_verdict(asset: &mut Asset, platform: &str, change: &FacetChange, hand: &Hand) {
    match change {
        FacetChange::Add(value) | FacetChange::Replace(value) => {
            let verdict = Verdict::new(value.clone(), asset.head, hand.by, hand.now);
            asset.status.insert(platform.to_owned(), verdict);
        }
        FacetChange::Clear => {
            asset.status.remove(platform);
        }
        FacetChange::Remove(value) => {
            if asset.status.get(platform).is_some_and(|v| v.value == *value) {
                asset.status.remove(platform);
            }
        }
    }
}

/// A record with nothing in it yet.
#[must_use]
pub fn blank(id: AssetId, now: Timestamp) -> Asset {
    Asset {
        id,
        ordinal: 0,
        view_name: String::new(),
        marked_name: None,
        named: None,
        node: None,
        state: AssetState::Active,
        head: None,
        duplicate: None,
        colours: Colours::NONE,
        owner: None,
        owner_name: String::new(),
        kind: "other".to_owned(),
        format: String::new(),
        width: None,
        height: None,
        orientation: 1,
        created: now,
        imported: now,
        expires: None,
        client: None,
        rating: None,
        stars: None,
        rights: None,
        likeness: None,
        model: None,
        sampler: None,
        seed: None,
        stage: None,
        reviewer: None,
        due: None,
        personas: BTreeSet::new(),
        campaigns: BTreeSet::new(),
        tags: BTreeSet::new(),
        loras: BTreeSet::new(),
        prompt: None,
        negative: None,
        notes: None,
        properties: BTreeMap::new(),
        generator: None,
        status: BTreeMap::new(),
        remarks: Vec::new(),
        conflicts: BTreeMap::new(),
        trashed: None,
        changed: now,
    }
}
