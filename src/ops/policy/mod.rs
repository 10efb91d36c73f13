//! The library's roles: a text in its folder that is a draft until it is put in force. Each text that was put in force is kept in the catalogue
//! with its number, so that what was decided by it can be explained.

mod cases;
mod diff;

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::kept::{self, Kind, Version};
use super::own_text::OwnText;
use super::{Actor, Library, OpenError, OpsError, members};
use crate::access::Policy;
use crate::catalog::{Catalog, CatalogError, ChangeKind, ReadTx};
use crate::policy::{RoleBook, Vocabulary};
use crate::types::Timestamp;

pub use cases::test;
pub use diff::diff;

/// The roles, in the library's folder.
pub const FILE: &str = "roles.toml";
/// What they are to decide, beside them.
pub const CASES: &str = "policy-tests.toml";

pub(super) const KIND: Kind<'static> = Kind { key: "policy", action: "policy.apply", subject: FILE };

/// The text of a version, or of the one in force.
fn version(tx: &dyn ReadTx, no: u64) -> Result<Option<Version>, CatalogError> {
    kept::version(tx, KIND.key, no)
}

/// What is told of a version but for its text.
///
/// # Errors
/// When the catalogue fails.
pub(super) fn told(tx: &dyn ReadTx, no: u64) -> Result<Option<Value>, CatalogError> {
    Ok(version(tx, no)?.map(|version| version.told()))
}

/// The roles of a library that is being opened: those in force when it was used last, and those of its file only when there were none yet. No
/// draft takes the place of a version that cannot be read.
///
/// # Errors
/// What keeps them from being used.
pub(super) fn open(
    catalog: &Catalog,
    root: &Path,
    vocabulary: &Vocabulary,
    now: Timestamp,
) -> Result<Policy, OpenError> {
    let (no, kept) = catalog.read(|tx| {
        let no = kept::current(tx, KIND.key)?;
        Ok::<_, CatalogError>((no, version(tx, no)?))
    })?;
    if no > 0 {
        let kept = kept.ok_or_else(|| {
            kept::damaged(KIND.key, &format!("the text of version {no}, which is in force, is not there"))
        })?;
        let book = parse(&kept.text, vocabulary).map_err(|why| OpenError::RolesInForce { no, why })?;
        return Ok(Policy { no, book });
    }
    let text = text_of(root).map_err(OpenError::Roles)?;
    let book = parse(&text, vocabulary).map_err(OpenError::Roles)?;
    let first = Version::new(1, &text, "damfs", now);
    catalog.write(|tx| first.keep(tx, KIND, json!({})))?;
    Ok(Policy { no: first.no, book })
}

fn parse(text: &str, vocabulary: &Vocabulary) -> Result<RoleBook, String> {
    RoleBook::parse_with(text, vocabulary).map_err(|e| e.0)
}

/// What stands in the file.
fn text_of(root: &Path) -> Result<String, String> {
    String::from_utf8(OwnText::unread(FILE).must(root)?).map_err(|e| format!("{FILE} is no UTF-8 text: {e}"))
}

impl Library {
    /// That the file of roles is not what is in force, and what is wrong with it.
    #[must_use]
    pub fn roles_fault(&self) -> Option<String> {
        let text = match text_of(self.root()) {
            Ok(text) => text,
            Err(fault) => return Some(fault),
        };
        let kept = self.catalog.read(|tx| version(tx, self.gate.roles().no)).ok().flatten();
        if kept.is_some_and(|kept| kept.text == text) {
            return None;
        }
        let read = parse(&text, &self.gate.platforms().vocabulary()).err();
        Some(read.unwrap_or_else(|| format!("{FILE} is another text than the one in force: dam policy diff")))
    }

    /// A text of roles that may be put in force: it has no mistake, and leaves every active member his roles and the library an admin.
    fn admissible(&self, text: &str) -> Result<Policy, OpsError> {
        let kept = "the policy in force stays as it is; mend the text and try again";
        let book = parse(text, &self.gate.platforms().vocabulary()).map_err(|fault| OpsError::usage(fault, kept))?;
        let policy = Policy { no: self.gate.roles().no + 1, book };
        self.catalog.read(|tx| suits(&policy, tx))?;
        Ok(policy)
    }

    /// The text given, or the one in the folder.
    fn draft(&self, given: Option<&str>) -> Result<String, OpsError> {
        let read = given.map_or_else(|| text_of(self.root()), |text| Ok(text.to_owned()));
        read.map_err(|fault| OpsError::failed(fault, "mend it in the library's folder, or name another file"))
    }
}

/// Nothing when a policy leaves every active member his roles, and the library an admin.
fn suits(policy: &Policy, tx: &dyn ReadTx) -> Result<(), OpsError> {
    let members = tx.members()?;
    for member in members.iter().filter(|member| member.active) {
        member.roles().try_for_each(|role| policy.find(role).map(drop)).map_err(|e| {
            OpsError::usage(
                format!("{FILE} leaves out the role of {}: {}", member.name, e.0),
                format!("leave it in, or give him another first: dam member set {} --role ROLE", member.name),
            )
        })?;
    }
    for group in tx.groups()? {
        group.roles().try_for_each(|role| policy.find(role).map(drop)).map_err(|e| {
            OpsError::usage(
                format!("{FILE} leaves out the role of the group {}: {}", group.name, e.0),
                format!(
                    "leave it in, or give the group another first: dam member set --group {} --role ROLE",
                    group.name
                ),
            )
        })?;
    }
    if members.iter().any(|member| members::is_admin(policy, member)) {
        return Ok(());
    }
    Err(OpsError::usage(
        format!("by this {FILE} no active member administers the library"),
        "leave admin = \"*\" to a role that a member without a scope has",
    ))
}

/// The roles in force, for a transaction that decides by them what may be written.
///
/// # Errors
/// [`OpsError::Failed`] in the moment in which others are on record already and not in force yet.
pub(super) fn settled(library: &Library, tx: &dyn ReadTx) -> Result<Arc<Policy>, OpsError> {
    let roles = library.gate.roles();
    if kept::current(tx, KIND.key)? == roles.no {
        return Ok(roles);
    }
    Err(OpsError::failed("another policy is just being put in force; nothing was changed", "try again in a moment"))
}

/// Whether a text of roles may be put in force: the one given, or the one in the library's folder.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin, [`OpsError::Usage`] with what is wrong.
pub fn check(library: &Library, actor: &Actor, text: Option<&str>) -> Result<Value, OpsError> {
    actor.must_be_admin("check the policy")?;
    let policy = library.admissible(&library.draft(text)?)?;
    Ok(json!({ "roles": policy.names().count() }))
}

/// The text in the library's folder, for who may put another in its place.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin.
pub fn text(library: &Library, actor: &Actor) -> Result<Value, OpsError> {
    actor.must_be_admin("edit the policy")?;
    Ok(json!({ "text": library.draft(None)? }))
}

/// Every version that was in force, the newest first.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin.
pub fn list(library: &Library, actor: &Actor) -> Result<Value, OpsError> {
    actor.must_be_admin("see the policy")?;
    library.catalog.read(|tx| {
        let mut versions = Vec::new();
        for no in (1..=kept::current(tx, KIND.key)?).rev() {
            versions.extend(version(tx, no)?.map(|version| version.told()));
        }
        Ok(json!({ "versions": versions, "in_force": library.gate.roles().no }))
    })
}

/// The text of one version, by default of the one in force.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin, [`OpsError::Unknown`] for a number that none has.
pub fn show(library: &Library, actor: &Actor, no: Option<u64>) -> Result<Value, OpsError> {
    actor.must_be_admin("see the policy")?;
    let no = no.unwrap_or_else(|| library.gate.roles().no);
    let found = library.catalog.read(|tx| version(tx, no))?.ok_or_else(|| OpsError::Unknown {
        message: format!("the policy has no version {no}"),
        hint: "see which there are: dam policy".into(),
    })?;
    let mut told = found.told();
    told["text"] = found.text.into();
    Ok(told)
}

/// Puts a text in force, the one given or the one in the library's folder, where it stands from then on: it decides when this returns. With a
/// `base`, only in the place of that text.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin; [`OpsError::Usage`] for a text with a mistake; [`OpsError::Failed`] when another one was put
/// there meanwhile.
pub fn apply(library: &Library, actor: &Actor, text: Option<&str>, base: Option<&str>) -> Result<Value, OpsError> {
    actor.must_be_admin("put a policy in force")?;
    // Held to the end: versions come one after the other.
    let _turn = library.roles_file.seen();
    let stands = text_of(library.root()).ok();
    if base.is_some_and(|base| stands.as_deref() != Some(base)) {
        return Err(OpsError::failed(
            "somebody else has changed the roles meanwhile; nothing was changed",
            "edit them once more: dam policy edit",
        ));
    }
    let text = library.draft(text)?;
    let policy = library.admissible(&text)?;
    let before = library.gate.roles();
    let difference = policy.difference(&before);
    let told = |no: u64, applied: bool| {
        let mut told = json!(difference);
        told["version"] = no.into();
        told["digest"] = kept::digest(&text).into();
        told["applied"] = applied.into();
        told
    };
    if stands.as_deref() != Some(&text) {
        library.roles_file.replace(library.root(), &text)?;
    }
    let in_force = library.catalog.read(|tx| version(tx, before.no))?;
    if in_force.is_some_and(|version| version.text == text) {
        return Ok(told(before.no, false));
    }
    let next = Version::new(policy.no, &text, &actor.member.name, library.clock.now());
    let recorded = library.catalog.write(|tx| {
        // Members may have become others since they were looked at.
        suits(&policy, tx)?;
        Ok::<_, OpsError>(next.keep(tx, KIND, json!(difference))?)
    });
    if let Err(e) = recorded {
        // What is not in force is not what the file says either, as far as that can be helped.
        if let Some(stood) = stands.filter(|stood| *stood != text) {
            let _ = library.roles_file.replace(library.root(), &stood);
        }
        return Err(e);
    }
    // On record first: no decision names a version that a crash or a full disk could take back. Who has heard of it already has decided by the
    // one before, and hears of it once more.
    library.gate.govern(Arc::new(policy));
    library.catalog.write(|tx| tx.change(ChangeKind::Access, FILE))?;
    Ok(told(next.no, true))
}
