//! `dam audit metadata`: which assets do not keep to the glossary, lack core fields, or tell more than their bytes should.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use damfs_policy::expr::Test;
use damfs_policy::{Expr, Field, Glossary, PlacementKind, Refusal, Term};
use serde_json::{Value, json};

use super::value::{FacetChange, written};
use super::{Actor, Library, OpsError, assign, find, folders, probe, terms};
use crate::access::{AssetFacts, Who};
use crate::blob::{BlobError, ObjectKind};
use crate::catalog::{Asset, CatalogError, ReadTx};
use crate::view::recipes::object_name;
use crate::view::tree::{Tree, exported, recipe_of};

/// Records looked at by one read.
const PAGE: usize = 500;
/// Findings that are told one by one; beyond, they are counted.
const MOST: usize = 10_000;

/// One thing that is wrong with an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    what: &'static str,
    /// The field, or where it goes out.
    field: String,
    value: String,
    /// What it should be.
    instead: Option<String>,
}

/// What values are held against, for one member.
struct Words<'a> {
    glossary: &'a Glossary,
    /// What may be given, as far as he is told of it.
    known: HashMap<Field, BTreeSet<String>>,
}

impl<'a> Words<'a> {
    fn new(tx: &dyn ReadTx, who: &'a Who) -> Result<Self, OpsError> {
        let glossary = who.subject.glossary();
        let mut known = HashMap::new();
        for field in Glossary::FIELDS {
            let shown = terms::shown(tx, who, &field, glossary.words(&field))?;
            known.insert(field, shown.into_iter().collect());
        }
        Ok(Self { glossary, known })
    }

    /// What a stored value is to become, when that is certain: an alias its term, a retired term the one that took its place.
    fn mended(&self, field: &Field, stored: &str) -> Option<String> {
        let canonical = self.glossary.canonical(field, stored);
        let mended = match self.glossary.admit(field, &canonical) {
            Ok(value) => value,
            Err(Refusal::Retired { term, instead: Some(instead) }) => {
                let below = canonical.strip_prefix(&term)?;
                self.glossary.admit(field, &format!("{instead}{below}")).ok()?
            }
            Err(_) => return None,
        };
        (mended != stored).then_some(mended)
    }

    /// The changes that mend a record.
    fn changes(&self, asset: &Asset) -> Vec<(Field, FacetChange)> {
        let mut changes = Vec::new();
        for field in &Glossary::FIELDS {
            for stored in terms::stored(asset, field) {
                let Some(mended) = self.mended(field, &stored) else { continue };
                if field.is_multi() {
                    changes.push((field.clone(), FacetChange::Remove(stored)));
                    changes.push((field.clone(), FacetChange::Add(mended)));
                } else {
                    changes.push((field.clone(), FacetChange::Replace(mended)));
                }
            }
        }
        changes
    }

    /// What is wrong with the words of a record.
    fn check(&self, asset: &Asset) -> Vec<Finding> {
        let lacks = |field: &&Field| {
            let empty = Term { field: (*field).clone(), test: Test::Empty };
            Expr::Term(empty).matches(&AssetFacts(asset))
        };
        let missing = self.glossary.core().iter().filter(lacks);
        let mut found: Vec<Finding> = missing.map(|field| finding("missing", field, String::new(), None)).collect();
        for field in &Glossary::FIELDS {
            found.extend(terms::stored(asset, field).iter().filter_map(|stored| self.value(field, stored)));
        }
        found
    }

    fn value(&self, field: &Field, stored: &str) -> Option<Finding> {
        let shown = |value: String| written(field, &value);
        let of = |what, instead: Option<String>| Some(finding(what, field, written(field, stored), instead.map(shown)));
        let canonical = self.glossary.canonical(field, stored);
        match self.glossary.admit(field, &canonical) {
            Err(Refusal::Retired { .. }) => {
                // A tag below a term is told with it.
                let is_told = |mended: &String| {
                    let known = self.known.get(field);
                    let above = mended.match_indices('/').map(|(at, _)| &mended[..at]);
                    known.is_some_and(|known| above.chain([mended.as_str()]).any(|term| known.contains(term)))
                };
                of("retired", self.mended(field, stored).filter(is_told))
            }
            Err(_) => of("unknown", self.nearest(field, &canonical)),
            Ok(_) if canonical != stored => of("alias", Some(canonical)),
            Ok(_) if self.glossary.knows(field, stored) => None,
            Ok(_) => self.nearest(field, stored).and_then(|near| of("misspelt", Some(near))),
        }
    }

    /// The term that one slip of the finger makes of a longer one.
    fn nearest(&self, field: &Field, value: &str) -> Option<String> {
        let slipped = |known: &&String| known.chars().count() > 3 && strsim::damerau_levenshtein(value, known) == 1;
        self.known.get(field)?.iter().find(slipped).cloned()
    }
}

fn finding(what: &'static str, field: &Field, value: String, instead: Option<String>) -> Finding {
    Finding { what, field: field.to_string(), value, instead }
}

/// Looks at what the caller may list of a query, or of everything, and with `fix` mends what is certain before it looks: aliases become
/// terms, retired terms those that took their places.
///
/// # Errors
/// [`OpsError::Usage`] for a text that is no query; [`OpsError::Refused`] when he may not tag one that would be mended: nothing is mended then.
pub fn audit(library: &Library, actor: &Actor, query: Option<&str>, fix: bool) -> Result<Value, OpsError> {
    let fixed = if fix { mend(library, actor, query)? } else { 0 };
    let who = actor.who();
    let mut report = Report::default();
    let (words, asked) =
        library.catalog.read(|tx| Ok::<_, OpsError>((Words::new(tx, who)?, find::asked(tx, who, query)?)))?;
    let mut after = 0;
    loop {
        // In pages: bytes are read beside them, and no snapshot of the catalogue is to grow old over it.
        let last = library.catalog.read(|tx| -> Result<_, OpsError> {
            let page = tx.find(&asked, after, PAGE)?;
            for asset in &page {
                let mut found = words.check(asset);
                found.extend(private(library, tx, asset)?);
                report.assets += 1;
                report.add(Some((asset, tx)), found)?;
            }
            Ok(page.last().map(|last| last.ordinal))
        })?;
        let Some(last) = last else { break };
        after = last;
    }
    if query.is_none() {
        library.catalog.read(|tx| -> Result<(), OpsError> {
            for field in &Glossary::FIELDS {
                let unused = unused(tx, who, field)?.into_iter();
                report.add(None, unused.map(|word| finding("unused", field, written(field, &word), None)).collect())?;
            }
            Ok(())
        })?;
    }
    Ok(report.told(fixed))
}

#[derive(Default)]
struct Report {
    assets: u64,
    rows: Vec<Value>,
    counts: BTreeMap<&'static str, u64>,
}

impl Report {
    fn add(&mut self, of: Option<(&Asset, &dyn ReadTx)>, found: Vec<Finding>) -> Result<(), CatalogError> {
        let room = MOST.saturating_sub(self.rows.len());
        let path = match of.filter(|_| room > 0 && !found.is_empty()) {
            Some((asset, tx)) => folders::path_of_asset(tx, asset)?,
            None => None,
        };
        for (n, Finding { what, field, value, instead }) in found.into_iter().enumerate() {
            *self.counts.entry(what).or_default() += 1;
            if n < room {
                let id = of.map(|(asset, _)| asset.id.to_string());
                self.rows.push(json!({
                    "path": path, "id": id, "what": what, "field": field, "value": value, "instead": instead,
                }));
            }
        }
        Ok(())
    }

    fn told(self, fixed: u64) -> Value {
        let all: u64 = self.counts.values().sum();
        let more = all.saturating_sub(u64::try_from(self.rows.len()).unwrap_or(u64::MAX));
        json!({ "assets": self.assets, "findings": self.rows, "more": more, "counts": self.counts, "fixed": fixed })
    }
}

/// Words made with mkdir that nothing he may list has, and no glossary defines.
fn unused(tx: &dyn ReadTx, who: &Who, field: &Field) -> Result<Vec<String>, OpsError> {
    let tree = Tree::new(tx, &who.subject, Some(who.id));
    let mut unused = Vec::new();
    for word in tree.values(field, &Expr::all())? {
        let used = tx.count(&tree.visible(&Expr::is(field.clone(), word.clone())))?;
        if used == 0 && !who.subject.glossary().knows(field, &word) {
            unused.push(word);
        }
    }
    Ok(unused)
}

/// Where the master says where it was taken, and what of that or of its prompt a rendered export tells. Nothing is rendered for it.
fn private(library: &Library, tx: &dyn ReadTx, asset: &Asset) -> Result<Vec<Finding>, OpsError> {
    let mut found = Vec::new();
    let mut tell = |what, field: String| found.push(Finding { what, field, value: String::new(), instead: None });
    let head = asset.head.map(|head| tx.version(head)).transpose()?.flatten();
    let content = head.map(|head| tx.content(head.content)).transpose()?.flatten();
    if content.is_some_and(|content| probe::read(&library.vault.open(&content)).place) {
        tell("gps", "bytes".to_owned());
    }
    if !asset.status.values().any(|verdict| verdict.value == "approved") {
        return Ok(found);
    }
    for placement in library.gate.platforms().all().filter(|p| p.kind == PlacementKind::Image) {
        let Some(version) = exported(tx, asset, placement)? else { continue };
        let recipe = recipe_of(tx, asset, &version, placement, library.signer_id())?;
        let name = object_name(version.content, &recipe);
        let bytes = match library.vault.get_object(ObjectKind::Rendition, &name) {
            // A damaged one goes nowhere: it is rendered again.
            Ok(None) | Err(BlobError::Damaged { .. }) => continue,
            kept => kept?.unwrap_or_default(),
        };
        let said = probe::read(&bytes);
        let place = || format!("{}/{}", placement.platform, placement.placement);
        if said.place {
            tell("export-gps", place());
        }
        if said.generation.is_some() || said.description.is_some() {
            tell("export-prompt", place());
        }
    }
    Ok(found)
}

/// Mends what is certain, in one transaction; how many assets.
fn mend(library: &Library, actor: &Actor, query: Option<&str>) -> Result<u64, OpsError> {
    let now = library.clock.now();
    library.catalog.write(|tx| {
        let (words, asked) = (Words::new(tx, actor.who())?, find::asked(tx, actor.who(), query)?);
        let (mut after, mut fixed) = (0, 0);
        loop {
            let page = tx.find(&asked, after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = last.ordinal;
            for mut asset in page {
                let changes = words.changes(&asset);
                if !changes.is_empty() {
                    let name = asset.view_name.clone();
                    assign::change_asset(library, actor, tx, &mut asset, &changes, &name, now)?;
                    fixed += 1;
                }
            }
        }
        Ok(fixed)
    })
}
