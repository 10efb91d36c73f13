//! Which assets a command of many is about: those that were typed, those of a list beside the request, and those that a query finds.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};

use damfs_policy::Expr;

use super::several::Faults;
use super::{Actor, Library, OpsError, find, target};
use crate::catalog::{Asset, CatalogError, ReadTx};
use crate::ops::proto::Selection;

/// Targets that are looked up in one read. The list is another's file: it is never waited for within one.
const PAGE: usize = 1_000;
/// No path is longer.
const LONGEST: u64 = 1 << 16;
/// No library has more; a list of nothing but separators comes to an end.
const MOST: usize = 10_000_000;

/// What was selected, as far as it was found.
#[derive(Debug, Default)]
pub struct Selected {
    /// The ordinals of the assets, in order, each once.
    pub ordinals: Vec<u64>,
    /// What was named and is not there.
    pub faults: Faults,
    /// How many things were asked for: what was named, and what the query found besides.
    pub of: usize,
    named: HashSet<u64>,
    query: Option<Expr>,
}

impl Selected {
    /// Whether it is meant still: what only the query found may be another by now.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn is_meant(&self, tx: &dyn ReadTx, asset: &Asset) -> Result<bool, CatalogError> {
        match &self.query {
            Some(query) if !self.named.contains(&asset.ordinal) => tx.finds(query, asset.id),
            _ => Ok(true),
        }
    }

    fn name(&mut self, library: &Library, actor: &Actor, targets: &[Vec<u8>]) -> Result<(), OpsError> {
        self.of += targets.len();
        library.catalog.read(|tx| {
            for name in targets {
                match target::asset_at(library, actor, tx, name) {
                    Ok(asset) => _ = self.named.insert(asset.ordinal),
                    Err(e) => self.faults.note(&String::from_utf8_lossy(name), e)?,
                }
            }
            Ok(())
        })
    }
}

/// Looks up what a command is about. `list` holds more targets, each ended by NUL.
///
/// # Errors
/// [`OpsError::Usage`] for a wrong query or list, or when the library fails. What is not found is in [`Selected::faults`].
pub fn select(library: &Library, actor: &Actor, what: &Selection, list: Option<File>) -> Result<Selected, OpsError> {
    // Nothing else comes to an end by itself.
    if let Some(list) = &list
        && !list.metadata()?.is_file()
    {
        return Err(OpsError::usage("the list of files is no regular file", "send one that holds the whole list"));
    }
    let may_be_many = list.is_some() || what.query.is_some();
    let faults = Faults::of(if may_be_many { usize::MAX } else { what.targets.len() });
    let mut selected = Selected { faults, ..Selected::default() };
    let typed: Vec<Vec<u8>> = what.targets.iter().map(|target| target.clone().into_bytes()).collect();
    selected.name(library, actor, &typed)?;
    if let Some(list) = list {
        let mut list = BufReader::new(list);
        loop {
            let page = page(&mut list)?;
            if page.is_empty() {
                break;
            }
            selected.name(library, actor, &page)?;
            if selected.of > MOST {
                return Err(OpsError::usage(format!("the list names more than {MOST} files"), "name each once"));
            }
        }
    }
    let mut ordinals: Vec<u64> = selected.named.iter().copied().collect();
    if let Some(text) = &what.query {
        let (query, found) = library.catalog.read(|tx| {
            let query = find::visible(tx, actor.who(), text)?;
            let found = tx.numbers(&query)?;
            Ok::<_, OpsError>((query, found))
        })?;
        let besides = found.into_iter().filter(|ordinal| !selected.named.contains(ordinal));
        let before = ordinals.len();
        ordinals.extend(besides);
        selected.of += ordinals.len() - before;
        selected.query = Some(query);
    }
    ordinals.sort_unstable();
    selected.ordinals = ordinals;
    Ok(selected)
}

fn page(list: &mut impl BufRead) -> Result<Vec<Vec<u8>>, OpsError> {
    let mut page = Vec::new();
    while page.len() < PAGE {
        let mut target = Vec::new();
        if list.by_ref().take(LONGEST).read_until(0, &mut target)? == 0 {
            break;
        }
        if target.pop_if(|last| *last == 0).is_none() {
            return Err(OpsError::usage("the list is cut off, or a name in it is too long", "end each name with NUL"));
        }
        page.push(target);
    }
    Ok(page)
}
