//! Saved queries: `dam save`, `dam saved`, and what `mkdir`, `ln -s`, `mv` and `rmdir` do in `saved/`. A name is its owner's; who else
//! sees it is his to say.

use damfs_policy::expr::{Test, parse};
use damfs_policy::{Expr, Term, Verb};
use serde_json::{Value, json};

use super::record::Hand;
use super::{Actor, Library, OpsError, find, trail, value};
use crate::access::Who;
use crate::catalog::{ChangeKind, ReadTx, SavedRow, WriteTx};
use crate::types::{FileName, MemberId, Timestamp};
use crate::view::tree::Tree;
use crate::view::tree::saved::{MARK, Saved, reads_as_query};

/// How many a member may have: they are all looked at when he lists them.
const MOST: usize = 1_000;

/// What is to be kept; `None` leaves a thing as it is.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    pub name: String,
    pub query: Option<String>,
    /// Roles whose members see it; an empty name alone is none.
    pub roles: Option<Vec<String>>,
    /// A day, a month, a year or a time; empty is for good.
    pub until: Option<String>,
}

/// Keeps a query under a name, or changes what is said of one: `dam save`.
///
/// # Errors
/// [`OpsError::Usage`] for a name, query, role or date that cannot be, [`OpsError::Refused`] for who may show nothing to others.
pub fn save(library: &Library, actor: &Actor, ask: &Ask) -> Result<Value, OpsError> {
    let now = library.clock.now();
    let (who, hand) = (actor.who(), actor.hand(now));
    let until = ask.until.as_deref().map(|text| last_moment(text, now)).transpose()?;
    let roles = ask.roles.as_deref().map(|roles| known_roles(library, roles)).transpose()?;
    library.catalog.write(|tx| {
        let was = own(tx, who, &ask.name, now)?;
        let mut row = match was.clone() {
            Some(row) => {
                SavedRow { query: told(who, &row.name, ask.query.as_deref().or(row.query.as_deref()))?, ..row }
            }
            None => fresh(tx, who, &ask.name, ask.query.as_deref(), now)?,
        };
        if row.query.is_none() {
            return Err(OpsError::usage(
                format!("`{}` asks nothing yet", row.name),
                "say what it asks, for example: dam save beaches tag=beach",
            ));
        }
        if let Some(roles) = &roles {
            if !roles.is_subset(&row.roles) {
                may_show(who)?;
                row.since = now;
            }
            row.roles.clone_from(roles);
        }
        row.until = until.unwrap_or(row.until);
        put(tx, was.as_ref(), &row, &hand)?;
        let saved = seen(tx, who, &ask.name, now)?;
        saved.map(|saved| told_of(tx, who, &saved)).ok_or_else(|| no_such(tx, who, &ask.name, now))
    })
}

/// Every saved query that the caller sees: `dam saved`.
///
/// # Errors
/// When the catalogue fails.
pub fn list(library: &Library, actor: &Actor) -> Result<Value, OpsError> {
    let now = library.clock.now();
    library.catalog.read(|tx| {
        let saved = tree(tx, actor.who(), now).saved()?;
        let rows: Vec<Value> = saved.iter().map(|saved| told_of(tx, actor.who(), saved)).collect();
        Ok(json!({ "saved": rows }))
    })
}

/// Lets go of one: `dam save --remove`. Nothing becomes of what it found.
///
/// # Errors
/// [`OpsError::Unknown`] when he sees none of that name, [`OpsError::Refused`] when it is another's.
pub fn remove(library: &Library, actor: &Actor, name: &str) -> Result<Value, OpsError> {
    let now = library.clock.now();
    library.catalog.write(|tx| {
        let who = actor.who();
        let saved = seen(tx, who, name, now)?.ok_or_else(|| no_such(tx, who, name, now))?;
        drop_seen(tx, who, &saved, &actor.hand(now))?;
        Ok(json!({ "removed": saved.shown }))
    })
}

/// A new one, as `mkdir` (no query, unless the name is one) and `ln -s` make it. Names that are taken are the caller's to see.
///
/// # Errors
/// [`OpsError::Usage`] for a name or a query that cannot be.
pub fn make(tx: &mut dyn WriteTx, who: &Who, name: &str, query: Option<&str>, hand: &Hand) -> Result<(), OpsError> {
    let row = fresh(tx, who, name, query, hand.now)?;
    put(tx, None, &row, hand)
}

/// Gives one another name. A name that reads as a query is its query from then on; over another of the same member it takes its place, and
/// who sees that one goes on seeing it.
///
/// # Errors
/// [`OpsError::Refused`] when it is another's, [`OpsError::Usage`] for a name that cannot be.
pub fn rename(tx: &mut dyn WriteTx, who: &Who, saved: &Saved, name: &str, hand: &Hand) -> Result<(), OpsError> {
    must_be_his(saved.row.owner == who.id, saved)?;
    let old = &saved.row;
    check_name(&saved.owner, name)?;
    let query = if reads_as_query(name) { told(who, name, None)? } else { old.query.clone() };
    let there = tx.saved_as(name)?.into_iter().find(|row| row.owner == old.owner);
    let kept = there.as_ref().filter(|row| row.until.is_none_or(|until| hand.now <= until)).unwrap_or(old);
    let row = SavedRow { name: name.to_owned(), query, ..kept.clone() };
    tx.remove_saved(&old.name, old.owner)?;
    tx.put_saved(&row)?;
    for name in [&old.name, &row.name] {
        changed(tx, old.owner, name)?;
    }
    let mut detail = json!({ "to": row.name });
    if old.query != row.query {
        detail["old"] = json!(old.query);
        detail["query"] = json!(row.query);
    }
    Ok(trail::append(tx, hand, "saved.rename", &format!("saved/{}", old.name), &detail)?)
}

/// Takes away one that a member sees, as `rmdir` does; an admin also another's.
///
/// # Errors
/// [`OpsError::Refused`] when it is another's.
pub fn drop_seen(tx: &mut dyn WriteTx, who: &Who, saved: &Saved, hand: &Hand) -> Result<(), OpsError> {
    must_be_his(saved.row.owner == who.id || who.subject.is_admin(), saved)?;
    take_away(tx, &saved.row.name, saved.row.owner, "remove", hand)
}

/// Why one shows nothing to a member, when that is what it names.
#[must_use]
pub fn fault(tx: &dyn ReadTx, who: &Who, row: &SavedRow) -> Option<String> {
    match &row.query {
        Some(query) => find::parse(tx, who, query).err().map(|e| e.to_string()),
        None => Some("it asks nothing yet: rename it to a query, such as persona=luna".to_owned()),
    }
}

/// Puts one in place of what was there, on record.
///
/// # Errors
/// When the catalogue fails.
pub(super) fn put(tx: &mut dyn WriteTx, was: Option<&SavedRow>, row: &SavedRow, hand: &Hand) -> Result<(), OpsError> {
    if was == Some(row) {
        return Ok(());
    }
    tx.put_saved(row)?;
    changed(tx, row.owner, &row.name)?;
    let what = if was.is_some() { "saved.set" } else { "saved.create" };
    let detail = match was {
        Some(was) => json!({ "old": detail(was), "new": detail(row) }),
        None => detail(row),
    };
    Ok(trail::append(tx, hand, what, &format!("saved/{}", row.name), &detail)?)
}

/// Takes one away, on record.
///
/// # Errors
/// When the catalogue fails.
pub(super) fn take_away(
    tx: &mut dyn WriteTx,
    name: &str,
    owner: MemberId,
    what: &str,
    hand: &Hand,
) -> Result<(), OpsError> {
    tx.remove_saved(name, owner)?;
    changed(tx, owner, name)?;
    Ok(trail::append(tx, hand, &format!("saved.{what}"), &format!("saved/{name}"), &json!({}))?)
}

impl Library {
    /// Lets go of those that are past their time; nobody sees them any more.
    pub(super) fn sweep_saved(&self, now: Timestamp) -> Result<(), OpsError> {
        let is_past = |row: &SavedRow| row.until.is_some_and(|until| until < now);
        if !self.catalog.read(|tx| tx.saved())?.iter().any(is_past) {
            return Ok(());
        }
        self.catalog.write(|tx| {
            for row in tx.saved()?.into_iter().filter(is_past) {
                take_away(tx, &row.name, row.owner, "expire", &Hand::own(None, now))?;
            }
            Ok(())
        })
    }
}

fn tree<'a>(tx: &'a dyn ReadTx, who: &'a Who, now: Timestamp) -> Tree<'a> {
    Tree::new(tx, &who.subject, Some(who.id)).at(now)
}

fn seen(tx: &dyn ReadTx, who: &Who, name: &str, now: Timestamp) -> Result<Option<Saved>, OpsError> {
    Ok(tree(tx, who, now).saved_as(name)?)
}

fn own(tx: &dyn ReadTx, who: &Who, name: &str, now: Timestamp) -> Result<Option<SavedRow>, OpsError> {
    Ok(seen(tx, who, name, now)?.map(|saved| saved.row).filter(|row| row.owner == who.id))
}

fn fresh(tx: &dyn ReadTx, who: &Who, name: &str, query: Option<&str>, now: Timestamp) -> Result<SavedRow, OpsError> {
    check_name(&who.subject.name, name)?;
    if let Some(there) = seen(tx, who, name, now)? {
        return Err(OpsError::failed(format!("`{name}` is there, and {}'s", there.owner), "choose another name"));
    }
    if tx.saved()?.iter().filter(|row| row.owner == who.id).count() >= MOST {
        return Err(OpsError::usage(
            format!("you keep {MOST} queries already, and no more can be kept"),
            "let go of one with: dam save --remove NAME",
        ));
    }
    let query = told(who, name, query)?;
    Ok(SavedRow { owner: who.id, name: name.to_owned(), query, roles: [].into(), until: None, since: now })
}

/// What one of that name asks: a name that reads as a query cannot ask anything else.
fn told(who: &Who, name: &str, query: Option<&str>) -> Result<Option<String>, OpsError> {
    let query = query.map(str::trim).filter(|query| !query.is_empty());
    if reads_as_query(name) {
        find::read(who, name)?;
        return match query {
            Some(query) if query != name => Err(OpsError::usage(
                format!("the name `{name}` reads as a query, and the query is another"),
                "choose a name without `=`",
            )),
            _ => Ok(Some(name.to_owned())),
        };
    }
    query.map(|query| find::read(who, query).map(|_| query.to_owned())).transpose()
}

/// A name that is one in `saved/`, with and without its owner's behind it.
pub(super) fn check_name(owner: &str, name: &str) -> Result<(), OpsError> {
    let fault = if name.trim() != name || name.is_empty() {
        "is empty, or begins or ends with a blank"
    } else if name.starts_with('.') {
        "begins with a dot"
    } else if name.chars().any(char::is_control) {
        "holds a control character"
    } else if name.contains(MARK) {
        "holds ` ~`, behind which the name of who made it stands"
    } else if FileName::new(format!("{name}{MARK}{owner}")).is_err() {
        "is too long, or holds a slash"
    } else {
        return Ok(());
    };
    Err(OpsError::usage(format!("the name `{}` {fault}", name.escape_debug()), "choose another name"))
}

/// Others see a word that was made, and a query that is shown to them: who may make the one may show the other.
pub(super) fn may_show(who: &Who) -> Result<(), OpsError> {
    if who.subject.filter(Verb::Tag) != Expr::nothing() {
        return Ok(());
    }
    let reason = format!("role {} may not tag, and so show no query to others", who.subject.role());
    Err(OpsError::Refused { verb: Verb::Tag, subject: "saved".into(), reason })
}

fn must_be_his(is_his: bool, saved: &Saved) -> Result<(), OpsError> {
    if is_his {
        return Ok(());
    }
    let reason = format!("`{}` is {}'s; keep a query of your own under another name", saved.shown, saved.owner);
    Err(OpsError::Refused { verb: Verb::Admin, subject: format!("saved/{}", saved.row.name), reason })
}

fn known_roles(library: &Library, roles: &[String]) -> Result<std::collections::BTreeSet<String>, OpsError> {
    let given = roles.iter().map(|role| role.trim()).filter(|role| !role.is_empty());
    let roles = library.gate.roles();
    let known = |role: &str| match roles.get(role) {
        Some(_) => Ok(role.to_owned()),
        None => Err(value::unknown("role", role, library.gate.roles().names().map(str::to_owned))),
    };
    given.map(known).collect()
}

/// The end of a day, a month or a year, or a time.
fn last_moment(text: &str, now: Timestamp) -> Result<Option<Timestamp>, OpsError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let until = match parse(&format!("expires={text}")) {
        Ok(Expr::Term(Term { test: Test::Between(Some(_), Some(last)), .. })) => Timestamp::from_nanos(last),
        _ => value::date(text)?,
    };
    if until < now {
        return Err(OpsError::usage(format!("`{text}` is past"), "give a day that is to come, or '' for no end"));
    }
    Ok(Some(until))
}

fn no_such(tx: &dyn ReadTx, who: &Who, name: &str, now: Timestamp) -> OpsError {
    let known = tree(tx, who, now).saved().unwrap_or_default().into_iter().map(|saved| saved.shown);
    let (message, hint) = value::nearest("saved query", name, known);
    OpsError::Unknown { message, hint }
}

/// Tells the change feed of one.
///
/// # Errors
/// When the catalogue fails.
pub(super) fn changed(tx: &mut dyn WriteTx, owner: MemberId, name: &str) -> Result<(), OpsError> {
    Ok(tx.change(ChangeKind::Saved, &format!("{owner}/{name}"))?)
}

fn detail(row: &SavedRow) -> Value {
    json!({ "query": row.query, "for": row.roles, "until": row.until.map(|until| until.to_string()) })
}

fn told_of(tx: &dyn ReadTx, who: &Who, saved: &Saved) -> Value {
    let mut told = detail(&saved.row);
    told["name"] = json!(saved.shown);
    told["owner"] = json!(saved.owner);
    told["note"] = json!(fault(tx, who, &saved.row));
    told
}
