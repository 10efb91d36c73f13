//! `dam audit access`: how far each member reaches, by which rule, and when he last made use of it.

use std::collections::HashMap;

use damfs_policy::Verb;
use damfs_policy::workflow::{DRAFT, REJECTED};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::reads::READS;
use super::{Actor, CHAIN, Library, OpsError, folders, kept, target, trail, value};
use crate::catalog::{AuditRow, CatalogError, ReadTx};
use crate::policy::Expr;
use crate::types::Timestamp;

/// Rows of the log read at once.
const PAGE: usize = 1_000;

/// When each member, by name, last made use of a verb.
type Used = HashMap<(String, &'static str), Timestamp>;

/// What a sign-off is kept under.
const SIGNED: &str = "access.signed";
/// Who reaches what is to be signed off once a quarter.
pub const DUE_DAYS: i64 = 92;
const DAY_MS: i64 = 24 * 3_600_000;

/// Somebody has looked at who reaches what.
#[derive(Debug, Serialize, Deserialize)]
struct Signed {
    at: Timestamp,
    by: String,
    /// Over what he looked at.
    digest: String,
}

fn signed(tx: &dyn ReadTx) -> Result<Option<Signed>, CatalogError> {
    let damaged = |e: serde_json::Error| CatalogError::Damaged(format!("the sign-off of access: {e}"));
    tx.meta(SIGNED)?.map(|kept| serde_json::from_str(&kept).map_err(damaged)).transpose()
}

/// Which rows are asked for.
#[derive(Debug, Default)]
pub struct Which<'a> {
    /// Of one asset.
    pub target: Option<&'a str>,
    pub member: Option<&'a str>,
    /// Only rights to something whose use would be on record, and is not since then: a date, a time, or how long ago.
    pub unused: Option<&'a str>,
}

/// Of each active member, or of the one named, by verb: how many assets he reaches, which query says so, and when he last used it, the
/// newest row of the log that tells of it. Of one asset whether he reaches it, and why. `{"assets", "signed", "rows": [{member, role, scope, verb,
/// assets | allowed, because, on_record, used}]}`; `on_record` is whether the log would tell of it. With a second factor unlocked, for that is what he can come to, by the rules of this hour.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin, [`OpsError::Unknown`] for a member that there is not, [`OpsError::NotFound`] for the asset.
pub fn reach(library: &Library, actor: &Actor, which: &Which<'_>) -> Result<Value, OpsError> {
    actor.must_be_admin("see who reaches what")?;
    let Which { target: name, member, unused } = *which;
    let since = unused.map(|text| value::moment(text, library.clock.now())).transpose()?;
    let used = used(library)?;
    let members = match member {
        Some(name) => vec![Actor::named(library, name)?],
        None => {
            let all = library.catalog.read(|tx| tx.members())?;
            let now = library.clock.now();
            let active = all.iter().filter(|row| row.is_in(now));
            // One whose roles are not there reaches nothing.
            active.filter_map(|row| Actor::named(library, &row.name).ok()).collect()
        }
    };
    library.catalog.read(|tx| {
        let asset = name.map(|name| target::asset(library, actor, tx, name)).transpose()?;
        let path = asset.as_ref().map(|asset| folders::path_of_asset(tx, asset)).transpose()?.flatten();
        let mut rows = Vec::new();
        for member in &members {
            let who = member.who().at_most();
            for verb in Verb::ALL {
                let mut row = match &asset {
                    Some(asset) => {
                        let decision = library.gate.decide(&who, *verb, asset);
                        json!({ "allowed": decision.allowed, "because": decision.reason })
                    }
                    // Administering is of the library, not of its assets.
                    None if *verb == Verb::Admin => json!({ "allowed": who.subject.is_admin() }),
                    None => {
                        let filter = library.gate.filter(&who, *verb);
                        let assets = tx.count(&filter)?;
                        json!({ "assets": assets, "because": (assets > 0).then(|| filter.to_string()) })
                    }
                };
                row["member"] = member.member.name.clone().into();
                row["role"] = member.member.told_roles().into();
                row["read_only"] = who.read_only.into();
                row["scope"] = member.member.scope.clone().into();
                row["verb"] = verb.name().into();
                row["on_record"] = is_on_record(library, *verb).into();
                let last = used.get(&(member.member.name.clone(), verb.name()));
                row["used"] = last.map(Timestamp::to_string).into();
                let stale = |since: &Timestamp| is_on_record(library, *verb) && last.is_none_or(|at| at < since) && is_some(&row);
                if since.as_ref().is_none_or(stale) {
                    rows.push(row);
                }
            }
        }
        Ok(json!({ "assets": tx.count(&Expr::all())?, "path": path, "signed": told(signed(tx)?, library.clock.now()), "rows": rows }))
    })
}

/// Whether a row tells of a right to anything.
fn is_some(row: &Value) -> bool {
    row["assets"].as_u64() > Some(0) || row["allowed"].as_bool() == Some(true)
}

fn told(signed: Option<Signed>, now: Timestamp) -> Value {
    signed.map_or(Value::Null, |signed| {
        let due = now.ms_since(signed.at) >= DUE_DAYS * DAY_MS;
        json!({ "at": signed.at.to_string(), "by": signed.by, "digest": signed.digest, "due": due })
    })
}

/// An admin puts his name under who reaches what: on record, with a digest of the very table.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin.
pub fn sign(library: &Library, actor: &Actor) -> Result<Value, OpsError> {
    let table = reach(library, actor, &Which::default())?;
    let rights = table["rows"].as_array().into_iter().flatten().filter(|row| is_some(row)).map(|row| {
        let kept = ["member", "role", "scope", "verb", "assets", "allowed", "because"];
        kept.map(|key| row[key].to_string()).join("\t")
    });
    let rights: Vec<String> = rights.collect();
    let digest = kept::digest(&rights.join("\n"));
    let (at, by) = (library.clock.now(), actor.member.name.clone());
    let detail = json!({ "rights": rights.len(), "digest": digest, "policy": library.gate.roles().no });
    let signed = Signed { at, by, digest };
    let text = serde_json::to_string(&signed).map_err(|e| CatalogError::Engine(e.to_string()))?;
    library.catalog.write(|tx| {
        tx.set_meta(SIGNED, &text)?;
        trail::append(tx, &actor.hand(at), "access.sign", "library", &detail)
    })?;
    let mut answer = detail;
    answer["at"] = at.to_string().into();
    Ok(answer)
}

/// Reads the log from its beginning.
fn used(library: &Library) -> Result<Used, CatalogError> {
    let mut used = Used::new();
    for chain in [CHAIN, READS] {
        let mut after = 0;
        loop {
            // A read for each page: a long one would keep the catalogue's log from being emptied.
            let page = library.catalog.read(|tx| tx.audit_after(chain, after, PAGE))?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            for row in &page {
                if let Some(verb) = verb_of(row) {
                    let newest = used.entry((row.actor.clone(), verb.name())).or_insert(row.at);
                    *newest = (*newest).max(row.at);
                }
            }
        }
    }
    Ok(used)
}

/// Whether the use of a verb leaves a row. To list leaves none, and to publish is done elsewhere.
fn is_on_record(library: &Library, verb: Verb) -> bool {
    match verb {
        Verb::List | Verb::Publish => false,
        Verb::View | Verb::Download | Verb::Export => library.info().audit_reads,
        Verb::Edit | Verb::Tag | Verb::Delete | Verb::Review | Verb::Admin => true,
    }
}

/// Which verb a row of the log shows the use of.
fn verb_of(row: &AuditRow) -> Option<Verb> {
    let (kind, what) = row.action.split_once('.')?;
    Some(match (kind, what) {
        ("read", "proxy") => Verb::View,
        ("read", "export") => Verb::Export,
        ("read", "file" | "version" | "thumbnail") => Verb::Download,
        ("asset", "set") => set_by(row),
        ("asset", "record" | "resolve" | "xattr") => Verb::Tag,
        ("asset", "trash" | "purge") => Verb::Delete,
        ("asset", "create" | "import" | "move" | "restore") | ("version", "commit") => Verb::Edit,
        ("folder", "rule")
        | (
            "member" | "group" | "policy" | "glossary" | "platforms" | "captions" | "workflow" | "guideline" | "access",
            _,
        ) => Verb::Admin,
        _ => return None,
    })
}

/// Which verb a row of what was set shows the use of.
fn set_by(row: &AuditRow) -> Verb {
    let detail: Value = serde_json::from_str(&row.detail).unwrap_or(Value::Null);
    let changed = detail["changed"].as_array().map_or(&[][..], Vec::as_slice);
    if let Some(stage) = changed.iter().find(|changed| changed["facet"] == "stage") {
        // A reviewer and a due day come along with it.
        let [from, to] = ["old", "new"].map(|side| stage[side].as_str().unwrap_or(DRAFT));
        return moved_by(from, to);
    }
    let verdict = |facet: &str| matches!(facet, "reviewer" | "due") || facet.starts_with("status.");
    // Nobody gives that one: it is what a change made of a verdict.
    let given = changed.iter().filter(|changed| changed["new"] != "stale");
    let is_review = given.into_iter().any(|changed| changed["facet"].as_str().is_some_and(verdict));
    if is_review { Verb::Review } else { Verb::Tag }
}

/// Which verb a move over the board shows the use of. Handing something in, or taking it back, is its maker's.
fn moved_by(from: &str, to: &str) -> Verb {
    match (from, to) {
        (DRAFT | REJECTED, "internal-review") | ("internal-review" | REJECTED, DRAFT) => Verb::Edit,
        (_, "published") | ("published", "approved") => Verb::Publish,
        _ => Verb::Review,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(action: &str, detail: &Value) -> AuditRow {
        let (at, actor, subject) = (Timestamp::EPOCH, "mira".to_owned(), String::new());
        let (action, detail) = (action.to_owned(), detail.to_string());
        AuditRow { chain: CHAIN.to_owned(), seq: 1, at, actor, action, subject, detail, prev: [0; 32], hash: [0; 32] }
    }

    #[test]
    fn rows_tell_which_verb_was_used() {
        let set = |facet: &str| json!({ "changed": [{ "facet": facet, "old": null, "new": "x" }] });
        // The due day that came along is told before it in what an undo sets.
        let due = json!({ "facet": "due", "old": null, "new": "x" });
        let moved = |from: &str, to: &str| json!({ "changed": [due, { "facet": "stage", "old": from, "new": to }] });
        for (action, detail, used) in [
            ("read.file", json!({}), Some(Verb::Download)),
            ("read.proxy", json!({}), Some(Verb::View)),
            ("read.export", json!({}), Some(Verb::Export)),
            ("read.lost", json!({}), None),
            ("asset.set", set("tag"), Some(Verb::Tag)),
            ("asset.set", set("status.instagram"), Some(Verb::Review)),
            ("asset.set", set("stage"), Some(Verb::Review)),
            ("asset.set", set("due"), Some(Verb::Review)),
            ("asset.set", json!({ "changed": [{ "facet": "stage", "new": "internal-review" }] }), Some(Verb::Edit)),
            ("asset.set", moved("draft", "internal-review"), Some(Verb::Edit)),
            ("asset.set", moved("rejected", "draft"), Some(Verb::Edit)),
            ("asset.set", moved("approved", "internal-review"), Some(Verb::Review)),
            ("asset.set", moved("client-approval", "draft"), Some(Verb::Review)),
            ("asset.set", moved("approved", "published"), Some(Verb::Publish)),
            ("asset.set", moved("published", "approved"), Some(Verb::Publish)),
            ("asset.set", moved("published", "rejected"), Some(Verb::Review)),
            ("guideline.apply", json!({}), Some(Verb::Admin)),
            ("asset.trash", json!({}), Some(Verb::Delete)),
            ("version.commit", json!({}), Some(Verb::Edit)),
            ("policy.apply", json!({}), Some(Verb::Admin)),
            ("folder.rule", json!({}), Some(Verb::Admin)),
            // Of a file of his own that turned out to be another's.
            ("asset.drop", json!({}), None),
            ("deny.download", json!({}), None),
            ("unlock", json!({}), None),
        ] {
            assert_eq!(verb_of(&row(action, &detail)), used, "{action}");
        }
    }
}
