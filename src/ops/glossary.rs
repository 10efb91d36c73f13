//! The library's glossary: a text in its folder, read when the library is opened and again whenever it has changed. One with a mistake
//! is not used: no library is opened with it, for roles ask by its words, and while one is open the words before it stay in force.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use damfs_policy::glossary::Entry;
use damfs_policy::{Expr, Glossary};
use serde_json::{Value, json};

use super::own_text::OwnText;
use super::{Actor, Library, OpsError, terms, value};
use crate::audit;
use crate::catalog::{CatalogError, ChangeKind};
use crate::view::tree::Tree;

/// The glossary, in the library's folder.
pub const FILE: &str = "glossary.toml";

/// The glossary of a library that is being opened; one from before there were glossaries has none.
///
/// # Errors
/// What is wrong with the file.
pub(super) fn read(root: &Path) -> Result<(Glossary, OwnText), String> {
    let kept = OwnText::new(root, FILE);
    match kept.bytes(root).map_err(|e| kept.unreadable(&e))? {
        Some(bytes) => Ok((parse(&bytes)?, kept)),
        None => Ok((Glossary::default(), kept)),
    }
}

fn parse(bytes: &[u8]) -> Result<Glossary, String> {
    let text = std::str::from_utf8(bytes).map_err(|e| format!("{FILE} is no UTF-8 text: {e}"))?;
    Glossary::parse(text).map_err(|e| e.0)
}

impl Library {
    /// What is wrong with the library's `glossary.toml`.
    #[must_use]
    pub fn glossary_fault(&self) -> Option<String> {
        self.glossary_file.fault()
    }

    /// Reads the glossary again when its file has become another. One that is gone is a mistake, too: an editor may be saving it.
    pub(super) fn sweep_glossary(self: &Arc<Self>) -> Result<(), OpsError> {
        let file = &self.glossary_file;
        let mut seen = file.seen();
        let Some(now) = file.changed(self.root(), &mut seen) else { return Ok(()) };
        let read = file.must(self.root()).and_then(|bytes| parse(&bytes));
        let fault = match read {
            Ok(glossary) => {
                self.learn(glossary, "damfs")?;
                None
            }
            Err(fault) => {
                tracing::warn!("{fault}; the words before it stay in force");
                Some(fault)
            }
        };
        seen.read(now, fault);
        Ok(())
    }

    /// From now on these words are meant, in roles and queries; on record, or the words before it stay in force.
    fn learn(&self, glossary: Glossary, actor: &str) -> Result<(), OpsError> {
        let before = self.gate.glossary();
        if *before == glossary {
            return Ok(());
        }
        let detail = difference(&before, &glossary);
        let now = self.clock.now();
        // First, for who hears of the change looks by the new words.
        self.gate.learn(glossary);
        let recorded = self.catalog.write(|tx| -> Result<(), CatalogError> {
            audit::append(tx, super::CHAIN, now, actor, "glossary.change", FILE, &detail)?;
            tx.change(ChangeKind::Access, FILE)
        });
        if recorded.is_err() {
            self.gate.learn((*before).clone());
        }
        Ok(recorded?)
    }
}

/// The terms that a member is told of, with their uses among what he may list: `dam glossary list`.
///
/// # Errors
/// What the catalogue says.
pub fn list(library: &Library, actor: &Actor) -> Result<Value, OpsError> {
    let who = actor.who();
    let glossary = who.subject.glossary();
    library.catalog.read(|tx| {
        let tree = Tree::new(tx, &who.subject, Some(who.id));
        let mut terms = Vec::new();
        for field in &Glossary::FIELDS {
            let names = glossary.terms(field).map(|(name, _)| name.to_owned());
            let shown: BTreeSet<String> = terms::shown(tx, who, field, names)?.into_iter().collect();
            for (name, entry) in glossary.terms(field).filter(|(name, _)| shown.contains(*name)) {
                let written =
                    |words: &BTreeSet<String>| words.iter().map(|w| value::written(field, w)).collect::<Vec<_>>();
                let below = entry.values.iter().map(|level| format!("{name}/{level}"));
                let below = terms::shown(tx, who, field, below)?;
                let values: Vec<&str> =
                    below.iter().filter_map(|tag| tag.strip_prefix(name)?.strip_prefix('/')).collect();
                let replaced_by = terms::shown(tx, who, field, entry.replaced_by.clone())?;
                let implies: BTreeSet<String> =
                    terms::shown(tx, who, field, entry.implies.iter().cloned())?.into_iter().collect();
                let uses = tx.count(&tree.visible(&Expr::is(field.clone(), name)))?;
                terms.push(json!({
                    "field": field.to_string(),
                    "term": value::written(field, name),
                    "definition": entry.definition,
                    "owner": entry.owner,
                    "aliases": written(&entry.aliases),
                    "implies": written(&implies),
                    "values": values,
                    "retired": entry.retired,
                    "replaced_by": replaced_by.first().map(|term| value::written(field, term)),
                    "uses": uses,
                }));
            }
        }
        let strict: Vec<String> =
            Glossary::FIELDS.iter().filter(|field| glossary.is_strict(field)).map(ToString::to_string).collect();
        let core: Vec<String> = glossary.core().iter().map(ToString::to_string).collect();
        Ok(json!({ "core": core, "strict": strict, "terms": terms }))
    })
}

/// The text as it stands in the library's folder, for who may put another in its place.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin.
pub fn text(library: &Library, actor: &Actor) -> Result<Value, OpsError> {
    actor.must_be_admin("edit the glossary")?;
    Ok(json!({ "text": stands(library)? }))
}

/// Puts another text in the place of the one that `base` is: it is in force when this returns.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin; [`OpsError::Usage`] for a text with a mistake; [`OpsError::Failed`] when another one was put
/// there meanwhile.
pub fn put(library: &Library, actor: &Actor, text: &str, base: &str) -> Result<Value, OpsError> {
    actor.must_be_admin("edit the glossary")?;
    let glossary =
        Glossary::parse(text).map_err(|e| OpsError::usage(e.0, "nothing was changed; mend it and put it in again"))?;
    let file = &library.glossary_file;
    let mut seen = file.seen();
    if stands(library)? != base {
        return Err(OpsError::failed(
            "somebody else has changed the glossary meanwhile; nothing was changed",
            "edit it once more: dam glossary edit",
        ));
    }
    file.replace(library.root(), text)?;
    let terms: usize = Glossary::FIELDS.iter().map(|field| glossary.terms(field).count()).sum();
    // Until they are learned the file counts as not read: the next beat tries again.
    library.learn(glossary, &actor.member.name)?;
    seen.read(file.stamp(library.root()), None);
    Ok(json!({ "terms": terms }))
}

/// What stands in the file.
fn stands(library: &Library) -> Result<String, OpsError> {
    match library.glossary_file.bytes(library.root())? {
        None => Ok(Glossary::TEMPLATE.to_owned()),
        Some(bytes) => String::from_utf8(bytes)
            .map_err(|e| OpsError::failed(format!("{FILE} is no UTF-8 text: {e}"), "mend it in the library's folder")),
    }
}

/// The terms that came, went and changed.
fn difference(before: &Glossary, after: &Glossary) -> Value {
    let (mut added, mut removed, mut changed) = (Vec::new(), Vec::new(), Vec::new());
    for field in &Glossary::FIELDS {
        let (had, has): (BTreeMap<&str, &Entry>, BTreeMap<&str, &Entry>) =
            (before.terms(field).collect(), after.terms(field).collect());
        let named = |name: &str| Expr::is(field.clone(), name).to_string();
        added.extend(has.keys().filter(|name| !had.contains_key(*name)).map(|name| named(name)));
        removed.extend(had.keys().filter(|name| !has.contains_key(*name)).map(|name| named(name)));
        let differs = |(name, entry): &(&&str, &&Entry)| had.get(**name).is_some_and(|old| old != *entry);
        changed.extend(has.iter().filter(differs).map(|(name, _)| named(name)));
    }
    json!({ "added": added, "removed": removed, "changed": changed })
}
