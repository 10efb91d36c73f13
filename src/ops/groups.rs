//! Groups of the system whose people are members: what an admin grants them. Who is in them, the door (`door.rs`) finds out.

use damfs_policy::Verb;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Actor, Library, OpsError, door, members, policy, trail, value};
use crate::access::Policy;
use crate::catalog::{ChangeKind, GroupRow, MemberRow, WriteTx};
use crate::types::Timestamp;

/// A change of what a group gives; `None` leaves a thing as it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupChange {
    pub role: Option<String>,
    /// `Some("")` takes the scope away.
    pub scope: Option<String>,
    /// Its last day; `Some("")` takes it away.
    pub ends: Option<String>,
}

/// Makes the people of a group members, by roles that its group gives them.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin, [`OpsError::Usage`] for a name, role or scope that cannot be.
pub fn add(library: &Library, actor: &Actor, name: &str, new: &GroupChange) -> Result<Value, OpsError> {
    put(library, actor, name, new, true)
}

/// Changes what a group gives.
///
/// # Errors
/// As [`add`]; [`OpsError::Unknown`] for one that gives nothing.
pub fn set(library: &Library, actor: &Actor, name: &str, change: &GroupChange) -> Result<Value, OpsError> {
    put(library, actor, name, change, false)
}

fn put(library: &Library, actor: &Actor, name: &str, change: &GroupChange, is_new: bool) -> Result<Value, OpsError> {
    actor.must_be_admin("say what groups give")?;
    check_name(name)?;
    let scope = change.scope.as_deref().map(|scope| members::check_scope(library, scope)).transpose()?;
    let ends = change.ends.as_deref().map(|day| members::check_end(library, day)).transpose()?;
    let now = library.clock.now();
    let row = library.catalog.write(|tx| {
        let all = tx.groups()?;
        let old = all.iter().find(|group| group.name == name);
        let mut row = match old {
            Some(_) if is_new => {
                return Err(OpsError::usage(
                    format!("the group `{}` gives something already", name.escape_debug()),
                    format!("change it with: dam member set --group {name}"),
                ));
            }
            Some(old) => old.clone(),
            None if is_new => {
                GroupRow { name: name.to_owned(), role: String::new(), scope: None, since: now, ends: None }
            }
            None => return Err(unknown(name, &all)),
        };
        if let Some(role) = &change.role {
            row.role = check_roles(&*policy::settled(library, tx)?, role)?;
        }
        row.scope = scope.clone().unwrap_or(row.scope);
        row.ends = ends.unwrap_or(row.ends);
        if old != Some(&row) {
            let were = seated(tx, name)?;
            tx.put_group(&row)?;
            let what = if is_new { "group.add" } else { "group.set" };
            let detail = json!({ "old": old.map(group_json), "new": group_json(&row) });
            on_record(tx, actor, name, what, detail, &were, now)?;
        }
        Ok(row)
    })?;
    library.door.forget();
    let mut told = group_json(&row);
    // A name that nobody knows gives nothing to anybody, and somebody may have meant another.
    told["known"] = library.directory().and_then(|directory| directory.has_group(name).ok()).into();
    Ok(told)
}

/// Takes away what a group gives: whoever was in by it alone is out.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin, [`OpsError::Unknown`] for one that gives nothing.
pub fn remove(library: &Library, actor: &Actor, name: &str) -> Result<Value, OpsError> {
    actor.must_be_admin("say what groups give")?;
    let now = library.clock.now();
    let row = library.catalog.write(|tx| {
        let all = tx.groups()?;
        let row = all.iter().find(|group| group.name == name).cloned().ok_or_else(|| unknown(name, &all))?;
        let were = seated(tx, name)?;
        tx.remove_group(name)?;
        let detail = json!({ "old": group_json(&row), "members": names(&were) });
        on_record(tx, actor, name, "group.remove", detail, &were, now)?;
        Ok::<_, OpsError>(row)
    })?;
    library.door.forget();
    Ok(group_json(&row))
}

/// What groups give, with who is in by each.
pub(super) fn listed(groups: &[GroupRow], members: &[MemberRow]) -> Vec<Value> {
    let told = groups.iter().map(|group| {
        let mut told = group_json(group);
        let is_in = |member: &&MemberRow| member.groups.iter().any(|of| of.name == group.name);
        told["members"] = json!(names(&members.iter().filter(is_in).cloned().collect::<Vec<_>>()));
        told
    });
    told.collect()
}

pub(super) fn group_json(row: &GroupRow) -> Value {
    json!({
        "group": row.name,
        "role": row.role,
        "scope": row.scope,
        "ends": row.ends.map(|end| end.to_string()),
        "since": row.since.to_string(),
    })
}

fn names(members: &[MemberRow]) -> Vec<&str> {
    members.iter().map(|member| member.name.as_str()).collect()
}

/// Whoever is in by a group.
fn seated(tx: &mut dyn WriteTx, group: &str) -> Result<Vec<MemberRow>, OpsError> {
    let mut all = tx.members()?;
    all.retain(|member| member.groups.iter().any(|of| of.name == group));
    Ok(all)
}

/// Whoever decides by it hears of it, and so does the record; whoever is out by it has nothing unlocked.
fn on_record(
    tx: &mut dyn WriteTx,
    actor: &Actor,
    group: &str,
    what: &str,
    mut detail: Value,
    were: &[MemberRow],
    now: Timestamp,
) -> Result<(), OpsError> {
    let locked = door::shut_behind(tx, were, now)?;
    if !locked.is_empty() {
        detail["locked"] = locked.into();
    }
    let subject = format!("@{group}");
    tx.change(ChangeKind::Access, &subject)?;
    Ok(trail::append(tx, &actor.hand(now), what, &subject, &detail)?)
}

fn unknown(name: &str, groups: &[GroupRow]) -> OpsError {
    let (message, hint) = value::nearest("group", name, groups.iter().map(|group| group.name.clone()));
    OpsError::Unknown { message, hint }
}

/// Roles that there are, none of which administers: who can change the system's groups would make himself an admin by it, with no second factor
/// that anybody has enrolled.
fn check_roles(policy: &Policy, text: &str) -> Result<String, OpsError> {
    let roles = members::check_roles(policy, text)?;
    let administers = |role: &&str| policy.get(role).is_some_and(|role| role.allow.contains_key(&Verb::Admin));
    match roles.split(',').find(administers) {
        None => Ok(roles),
        Some(role) => Err(OpsError::usage(
            format!(
                "the role {role} administers the library, and no group gives that: who changes the group would say who is admin"
            ),
            format!("give it to people by name: dam member set NAME --role {role}"),
        )),
    }
}

/// A name that the system could know: those of directories hold spaces, backslashes and letters of any language.
fn check_name(name: &str) -> Result<(), OpsError> {
    let is_fine = !name.is_empty()
        && name.len() <= 256
        && name.trim() == name
        && !name.starts_with(['-', '@'])
        && !name.chars().any(|c| c.is_control() || matches!(c, ':' | ','));
    if is_fine {
        return Ok(());
    }
    Err(OpsError::usage(
        format!("`{}` cannot be a group's name", name.escape_debug()),
        "name it as the system does: getent group",
    ))
}
