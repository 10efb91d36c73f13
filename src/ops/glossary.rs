//! The library's glossary: a text in its folder, read when the library is opened and again whenever it has changed. One with a mistake
//! is not used: no library is opened with it, for roles ask by its words, and while one is open the words before it stay in force.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use damfs_policy::glossary::Entry;
use damfs_policy::{Expr, Glossary};
use serde_json::{Value, json};

use super::{Actor, Library, OpsError, terms, value};
use crate::audit;
use crate::catalog::{CatalogError, ChangeKind};
use crate::view::tree::Tree;

/// The glossary, in the library's folder.
pub const FILE: &str = "glossary.toml";

/// A file that has become another: its number, size and time.
type Stamp = (u64, u64, i64, i64);

/// What is known of the file.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    stamp: Option<Stamp>,
    fault: Option<String>,
}

fn stamp(root: &Path) -> Option<Stamp> {
    let meta = fs::metadata(root.join(FILE)).ok()?;
    Some((meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec()))
}

/// The glossary of a library that is being opened; one from before there were glossaries has none.
///
/// # Errors
/// What is wrong with the file.
pub(super) fn read(root: &Path) -> Result<(Glossary, Kept), String> {
    let kept = Kept(Mutex::new(State { stamp: stamp(root), fault: None }));
    match fs::read_to_string(root.join(FILE)) {
        Ok(text) => Ok((Glossary::parse(&text).map_err(|e| e.0)?, kept)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok((Glossary::default(), kept)),
        Err(e) => Err(format!("{FILE} cannot be read: {e}")),
    }
}

impl Library {
    fn kept_glossary(&self) -> MutexGuard<'_, State> {
        self.glossary_file.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is wrong with the library's `glossary.toml`.
    #[must_use]
    pub fn glossary_fault(&self) -> Option<String> {
        self.kept_glossary().fault.clone()
    }

    /// Reads the glossary again when its file has become another. One that is gone is a mistake, too: an editor may be saving it.
    pub(super) fn sweep_glossary(self: &Arc<Self>) -> Result<(), OpsError> {
        let mut state = self.kept_glossary();
        let now = stamp(self.root());
        if now == state.stamp {
            return Ok(());
        }
        let text = fs::read_to_string(self.root().join(FILE)).map_err(|e| format!("{FILE} cannot be read: {e}"));
        match text.and_then(|text| Glossary::parse(&text).map_err(|e| e.0)) {
            Ok(glossary) => {
                self.learn(glossary, "damfs")?;
                state.stamp = now;
                state.fault = None;
                Ok(())
            }
            Err(fault) => {
                state.stamp = now;
                tracing::warn!("{fault}; the words before it stay in force");
                state.fault = Some(fault);
                Ok(())
            }
        }
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
    Ok(json!({ "text": stands(library.root())? }))
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
    let mut state = library.kept_glossary();
    if stands(library.root())? != base {
        return Err(OpsError::failed(
            "somebody else has changed the glossary meanwhile; nothing was changed",
            "edit it once more: dam glossary edit",
        ));
    }
    write(library.root(), text)?;
    let terms: usize = Glossary::FIELDS.iter().map(|field| glossary.terms(field).count()).sum();
    // Until they are learned the file counts as not read: the next beat tries again.
    library.learn(glossary, &actor.member.name)?;
    state.stamp = stamp(library.root());
    state.fault = None;
    Ok(json!({ "terms": terms }))
}

/// What stands in the file.
fn stands(root: &Path) -> Result<String, OpsError> {
    match fs::read_to_string(root.join(FILE)) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Glossary::TEMPLATE.to_owned()),
        text => Ok(text?),
    }
}

/// The whole text or none of it, also after a power cut.
fn write(root: &Path, text: &str) -> std::io::Result<()> {
    let fresh = root.join(format!("{FILE}.new"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&fresh, root.join(FILE))?;
    File::open(root)?.sync_all()
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
