//! Members: who may do what, by role and scope. Only an admin changes them, and the last one stays.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Actor, Library, OpsError, factors, groups, policy, trail, value};
use crate::access::{Policy, Terms, Who};
use crate::catalog::{CatalogError, ChangeKind, MemberRow, ReadTx, WriteTx};
use crate::policy::Verb;
use crate::types::{MemberId, Timestamp};

/// A change of one member; `None` leaves a thing as it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MemberChange {
    pub role: Option<String>,
    /// `Some("")` takes the scope away.
    pub scope: Option<String>,
    pub uid: Option<u32>,
    /// Nobody's user id is his from now on.
    pub no_uid: bool,
    pub active: Option<bool>,
    /// His last day; `Some("")` takes it away.
    pub ends: Option<String>,
    /// Whether he only looks on.
    pub read_only: Option<bool>,
}

/// A member who is to be.
#[derive(Debug, Clone, Copy)]
pub struct NewMember<'a> {
    pub name: &'a str,
    pub uid: Option<u32>,
    /// Of several, with commas between.
    pub role: &'a str,
    pub scope: Option<&'a str>,
    /// His last day.
    pub ends: Option<&'a str>,
}

/// Adds a member.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin, [`OpsError::Usage`] for a name, role, scope or user id that cannot be.
pub fn add(library: &Library, actor: &Actor, new: &NewMember<'_>) -> Result<Value, OpsError> {
    actor.must_be_admin("add members")?;
    let (name, uid) = (check_name(new.name)?, new.uid);
    let scope = new.scope.map(|scope| check_scope(library, scope)).transpose()?.flatten();
    let ends = new.ends.map(|day| check_end(library, day)).transpose()?.flatten();
    let now = library.clock.now();
    let id = MemberId::make(now, &*library.entropy)?;
    let added = library.catalog.write(|tx| {
        let roles = policy::settled(library, tx)?;
        let role = check_roles(&roles, new.role)?;
        let scope = scope.clone();
        let row = MemberRow { uid, role, scope, ends, ..somebody(id, name, now) };
        if tx.member_by_name(name)?.is_some() {
            return Err(OpsError::usage(
                format!("there is a member `{name}` already"),
                "change him with: dam member set NAME",
            ));
        }
        free_uid(tx, uid, id)?;
        put(tx, actor, &row, "member.add", &json!({ "new": member_json(&row) }), now)?;
        Ok(member_json(&row))
    })?;
    library.door.forget();
    Ok(added)
}

/// Changes a member.
///
/// # Errors
/// As [`add`]; also when it would leave the library without an active admin.
pub fn set(library: &Library, actor: &Actor, name: &str, change: &MemberChange) -> Result<Value, OpsError> {
    actor.must_be_admin("change members")?;
    let ends = change.ends.as_deref().map(|day| check_end(library, day)).transpose()?;
    let now = library.clock.now();
    let scope = change.scope.as_deref().map(|scope| check_scope(library, scope)).transpose()?;
    let changed = library.catalog.write(|tx| {
        let Some(old) = tx.member_by_name(name)? else {
            return Err(unknown(name, &tx.members()?));
        };
        let mut row = old.clone();
        match change.role.as_deref().map(str::trim) {
            // What groups give him alone is his from now on.
            Some("") => row.role.clear(),
            Some(role) => row.role = check_roles(&*policy::settled(library, tx)?, role)?,
            None => {}
        }
        row.ends = ends.unwrap_or(row.ends);
        if let Some(scope) = &scope {
            row.scope.clone_from(scope);
        }
        row.uid = if change.no_uid { None } else { change.uid.or(row.uid) };
        if row.uid.is_none() && old.uid.is_some() && old.id == actor.member.id {
            return Err(OpsError::usage(
                "who has no user id is nobody from now on, and you would be that yourself",
                "another admin takes it away",
            ));
        }
        if let Some(active) = change.active {
            row.active = active;
        }
        row.read_only = change.read_only.unwrap_or(row.read_only);
        if old.read_only && !row.read_only && old.id == actor.member.id {
            return Err(OpsError::Refused {
                verb: Verb::Admin,
                subject: old.name.clone(),
                reason: "who is read-only does not lift that himself; another admin does".to_owned(),
            });
        }
        // He is whoever has the user id that an admin names, also when it is the same once more.
        let is_named = change.uid.is_some() && tx.remove_seen_login(old.id)?;
        if row == old && !is_named {
            return Ok(member_json(&row));
        }
        replace(library, actor, tx, &old, &row, now)?;
        Ok(member_json(&tx.member(old.id)?.unwrap_or(row)))
    })?;
    library.door.forget();
    Ok(changed)
}

/// Puts one row of a member in place of another inside a transaction.
///
/// # Errors
/// When the user id is another's, or it would leave the library without an active admin.
pub(super) fn replace(
    library: &Library,
    actor: &Actor,
    tx: &mut dyn WriteTx,
    old: &MemberRow,
    new: &MemberRow,
    now: Timestamp,
) -> Result<(), OpsError> {
    // A row from the journal does not tell of his groups.
    let seated = |tx: &dyn ReadTx, row: &MemberRow| {
        let groups = tx.member(row.id)?.map_or_else(Vec::new, |there| there.groups);
        Ok::<_, CatalogError>(member_json(&MemberRow { groups, ..row.clone() }))
    };
    let was = seated(tx, old)?;
    // The system spoke of the other one. As whom he was in a group is kept: whoever has his user id back by an undo may be another by now.
    if new.uid != old.uid {
        free_uid(tx, new.uid, new.id)?;
    }
    if new.uid != old.uid || !new.active {
        unseat(tx, old.id)?;
    }
    leaves_an_admin(library, tx, old, new)?;
    let is = seated(tx, new)?;
    put(tx, actor, new, "member.set", &json!({ "old": was, "new": is }), now)
}

/// Takes a member out of all groups: who is let in again is asked for anew.
///
/// # Errors
/// When the catalogue fails.
pub(super) fn unseat(tx: &mut dyn WriteTx, id: MemberId) -> Result<(), CatalogError> {
    tx.seats_of(id)?.iter().try_for_each(|seat| tx.remove_seat(id, &seat.group).map(drop))
}

/// Nothing when somebody administers the library still with a member changed.
///
/// # Errors
/// [`OpsError::Failed`] for the last one who does.
pub(super) fn leaves_an_admin(
    library: &Library,
    tx: &dyn ReadTx,
    old: &MemberRow,
    new: &MemberRow,
) -> Result<(), OpsError> {
    let (roles, name) = (policy::settled(library, tx)?, &old.name);
    let stays = |member: &MemberRow| member.id != old.id && is_admin(&roles, member);
    if !is_admin(&roles, old) || is_admin(&roles, new) || tx.members()?.iter().any(stays) {
        return Ok(());
    }
    Err(OpsError::failed(
        format!("`{name}` is the last active admin; without one nobody could change the library"),
        "make another member admin first: dam member set OTHER --role admin",
    ))
}

/// Every member, in name order. Who is no admin sees himself.
///
/// # Errors
/// When the catalogue fails.
pub fn list(library: &Library, actor: &Actor) -> Result<Value, OpsError> {
    let now = library.clock.now();
    let (members, factors, groups) =
        library.catalog.read(|tx| Ok::<_, OpsError>((tx.members()?, tx.factors()?, tx.groups()?)))?;
    let seen = members.iter().filter(|m| actor.is_admin() || m.id == actor.member.id);
    let rows: Vec<Value> = seen
        .map(|member| {
            let mut row = member_json(member);
            row["second_factor"] = factors::shown(factors.iter().find(|f| f.member == member.id), now);
            row
        })
        .collect();
    let mut told = json!({ "members": rows });
    if actor.is_admin() && !groups.is_empty() {
        told["groups"] = groups::listed(&groups, &members).into();
    }
    Ok(told)
}

/// There is no such member; names the nearest.
pub fn unknown(name: &str, members: &[MemberRow]) -> OpsError {
    let (message, hint) = value::nearest("member", name, members.iter().map(|m| m.name.clone()));
    OpsError::Unknown { message, hint }
}

/// One of whom nothing is known but his name: shut out until an admin says what he may.
#[must_use]
pub(super) fn locked_out(id: MemberId, name: &str, now: Timestamp) -> MemberRow {
    MemberRow { role: "content-creator".to_owned(), active: false, ..somebody(id, name, now) }
}

/// One whom a group lets in: he has what groups give him, and nothing else.
#[must_use]
pub(super) fn by_group(id: MemberId, name: &str, uid: u32, now: Timestamp) -> MemberRow {
    MemberRow { uid: Some(uid), ..somebody(id, name, now) }
}

/// A member without anything yet.
fn somebody(id: MemberId, name: &str, now: Timestamp) -> MemberRow {
    let (name, role, groups) = (name.to_owned(), String::new(), Vec::new());
    MemberRow { id, name, uid: None, role, scope: None, active: true, since: now, ends: None, read_only: false, groups }
}

/// The member of a name; one who is not known here is made, locked out.
///
/// # Errors
/// When the catalogue fails, or there is no randomness to be had.
pub(super) fn known(
    library: &Library,
    actor: &Actor,
    tx: &mut dyn WriteTx,
    name: &str,
    now: Timestamp,
) -> Result<MemberId, OpsError> {
    if let Some(member) = tx.member_by_name(name)? {
        return Ok(member.id);
    }
    let row = locked_out(MemberId::make(now, &*library.entropy)?, name, now);
    put(tx, actor, &row, "member.add", &json!({ "new": member_json(&row) }), now)?;
    Ok(row.id)
}

/// Stores a member inside a transaction: row, feed, audit.
fn put(
    tx: &mut dyn WriteTx,
    actor: &Actor,
    row: &MemberRow,
    action: &str,
    detail: &Value,
    now: Timestamp,
) -> Result<(), OpsError> {
    tx.put_member(row)?;
    tx.change(ChangeKind::Access, &row.id.to_string())?;
    Ok(trail::append(tx, &actor.hand(now), action, &row.id.to_string(), detail)?)
}

pub(super) fn member_json(row: &MemberRow) -> Value {
    let mut told = json!({
        "name": row.name,
        "uid": row.uid,
        "role": row.role,
        "scope": row.scope,
        "active": row.active,
        "ends": row.ends.map(|end| end.to_string()),
        "read_only": row.read_only,
        "since": row.since.to_string(),
    });
    if !row.groups.is_empty() {
        told["groups"] = row.groups.iter().map(groups::group_json).collect();
    }
    told
}

/// Whether a member administers the library by these roles, for good, once he has given what second factor he has. The gate lets nobody in of
/// whose roles one is missing, whatever the others say.
pub(super) fn is_admin(policy: &Policy, row: &MemberRow) -> bool {
    let may = || Who::subject_of(row, None, policy, Terms::default()).is_ok_and(|subject| subject.is_admin());
    row.active && row.ends.is_none() && row.scope.is_none() && may()
}

fn free_uid(tx: &dyn ReadTx, uid: Option<u32>, id: MemberId) -> Result<(), OpsError> {
    let Some(uid) = uid else { return Ok(()) };
    match tx.member_by_uid(uid)? {
        Some(other) if other.id != id => Err(OpsError::usage(
            format!("user id {uid} belongs to the member `{}`", other.name),
            format!("give another --uid, or free this one: dam member set {} --uid none", other.name),
        )),
        _ => Ok(()),
    }
}

/// Roles that there are, each once.
pub(super) fn check_roles(policy: &Policy, text: &str) -> Result<String, OpsError> {
    let mut roles: Vec<&str> = Vec::new();
    for role in text.split(',').map(str::trim) {
        if policy.get(role).is_none() {
            return Err(value::unknown("role", role, policy.names().map(str::to_owned)));
        }
        if !roles.contains(&role) {
            roles.push(role);
        }
    }
    Ok(roles.join(","))
}

/// The first moment after a member's last day; empty is none.
pub(super) fn check_end(library: &Library, day: &str) -> Result<Option<Timestamp>, OpsError> {
    if day.trim().is_empty() {
        return Ok(None);
    }
    let end = library.gate.roles().end_of_day(day);
    let end = end.map_err(|e| OpsError::usage(e.0, "name his last day, as 2026-12-31; an empty one takes it away"))?;
    Ok(Some(Timestamp::from_nanos(end)))
}

/// A scope that parses; empty is none.
pub(super) fn check_scope(library: &Library, text: &str) -> Result<Option<String>, OpsError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let vocabulary = library.gate.platforms().vocabulary();
    damfs_policy::parse_with(text, &vocabulary)
        .map(|_| Some(text.to_owned()))
        .map_err(|e| OpsError::usage(format!("the scope is not a query: {e}"), "a scope looks like client=acme"))
}

/// Whether a name can be a member's.
pub(super) fn may_be_called(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && !name.starts_with(['-', '.'])
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@'))
        && !matches!(name, "me" | "none" | "damfs")
}

fn check_name(name: &str) -> Result<&str, OpsError> {
    if may_be_called(name) {
        return Ok(name);
    }
    Err(OpsError::usage(
        format!("`{}` cannot be a member's name", name.escape_debug()),
        "use letters, digits, - _ . and @, 64 bytes at most, not `me`, `none` or `damfs`",
    ))
}
