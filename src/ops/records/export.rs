//! `dam records export`: the tree of `records/` page by page, as the caller's mount shows it.

use damfs_policy::{Expr, Verb};
use serde_json::{Value, json};

use super::Shelf;
use crate::catalog::{Asset, CatalogError, ReadTx};
use crate::ops::folders::{self, Paths};
use crate::ops::show::Record;
use crate::ops::{Actor, Library, OpsError, find};
use crate::types::AssetId;
use crate::view::tree::Tree;

/// A page ends with so many records or bytes, whichever comes first: it has to fit into an answer.
const RECORDS: usize = 200;
const BYTES: usize = 4 << 20;

/// The records of what matches and the caller may list, behind those of the page before: `{"records": [{file, record}], "next": id}`. Each
/// file is a path below `records/`, its names percent-encoded. The first page of everything has `library`, for who lists everything.
///
/// # Errors
/// [`OpsError::Usage`] when the text is no query; what the catalogue says.
pub fn export(
    library: &Library,
    actor: &Actor,
    query: Option<&str>,
    after: Option<AssetId>,
) -> Result<Value, OpsError> {
    library.catalog.read(|tx| {
        let who = actor.who();
        let tree = Tree::new(tx, &who.subject, Some(who.id)).at(library.clock.now());
        let wanted = tree.visible(&query.map_or(Ok(Expr::all()), |text| find::parse(tx, who, text))?);
        let mut ordinal = match after {
            Some(id) => {
                let known = tx.asset(id)?.filter(|asset| actor.decide(library, Verb::List, asset).allowed);
                known.ok_or_else(gone)?.ordinal
            }
            None => 0,
        };
        let shelf =
            (query.is_none() && after.is_none() && tree.sees_everything()).then(|| Shelf::of(tx, &tree)).transpose()?;
        let (mut records, mut bytes, mut last) = (Vec::new(), 0, None);
        let mut paths = Paths::default();
        'pages: loop {
            let page = tx.find(&wanted, ordinal, RECORDS)?;
            if page.is_empty() {
                last = None;
                break;
            }
            for asset in page {
                if records.len() >= RECORDS || bytes >= BYTES {
                    break 'pages;
                }
                ordinal = asset.ordinal;
                last = Some(asset.id);
                let Some(file) = file(tx, &tree, &mut paths, &asset)? else { continue };
                let record = serde_json::to_value(Record::told(library, who, tx, &asset)?).map_err(unsaid)?;
                bytes += record.to_string().len();
                records.push(json!({ "file": file, "record": record }));
            }
        }
        Ok(json!({ "library": shelf, "records": records, "next": last.map(|id| id.to_string()) }))
    })
}

fn gone() -> OpsError {
    OpsError::failed("the asset that the page before ended with is gone", "run the export again")
}

fn unsaid(e: serde_json::Error) -> CatalogError {
    CatalogError::Engine(e.to_string())
}

/// Where an asset's record lies below `records/`; nothing of what lies in the trash.
fn file(tx: &dyn ReadTx, tree: &Tree<'_>, paths: &mut Paths, asset: &Asset) -> Result<Option<String>, CatalogError> {
    if asset.trashed.is_some() {
        return Ok(None);
    }
    for entry in asset.node.map(|node| tx.names_of(node)).transpose()?.unwrap_or_default() {
        if let Some(folder) = paths.folder(tx, entry.parent)? {
            let name = tree.record_name(entry.parent, &entry.name, asset.id)?;
            let below = [folder.strip_prefix(b"library").unwrap_or(&folder), b"/", name.as_bytes()].concat();
            return Ok(Some(folders::escape_path(below.strip_prefix(b"/").unwrap_or(&below))));
        }
    }
    Ok(None)
}
