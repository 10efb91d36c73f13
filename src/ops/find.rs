//! Queries: which assets match and may be listed, in their stable order.

use serde_json::{Value, json};

use damfs_policy::Expr;

use super::folders::{self, Paths};
use super::{Actor, Library, OpsError, value};
use crate::access::Who;
use crate::catalog::ReadTx;
use crate::view::tree::{Tree, UnknownValue};

/// How many records one read takes at a time.
const PAGE: usize = 1000;

/// Reads a query as a member may ask it.
///
/// # Errors
/// [`OpsError::Usage`] when the text is no query, or names a value that nothing has which he may list; each names the nearest.
pub fn parse(tx: &dyn ReadTx, who: &Who, text: &str) -> Result<Expr, OpsError> {
    let query = read(text)?;
    match Tree::new(tx, &who.subject, Some(who.id)).unknown_value(&query)? {
        Some(UnknownValue { field, value, known }) => {
            let name = field.to_string();
            let known = known.into_iter().map(|value| value::written(&field, &value));
            Err(value::unknown(&name, &value::written(&field, &value), known))
        }
        None => Ok(query),
    }
}

/// Reads a query, whether or not something has the values that it names.
///
/// # Errors
/// [`OpsError::Usage`] when the text is no query.
pub fn read(text: &str) -> Result<Expr, OpsError> {
    damfs_policy::parse(text).map_err(|e| OpsError::Usage {
        message: format!("not a query: {e}"),
        hint: Some("a query looks like persona=luna,tag=beach+sunset,not.rating=adult; see dam find --help".into()),
    })
}

/// As [`parse`], cut to what he may list.
///
/// # Errors
/// As [`parse`].
pub fn visible(tx: &dyn ReadTx, who: &Who, text: &str) -> Result<Expr, OpsError> {
    Ok(Tree::new(tx, &who.subject, Some(who.id)).visible(&parse(tx, who, text)?))
}

/// Everything that matches and that the caller may list: `{"assets": [{path, id, ..}]}`.
///
/// # Errors
/// [`OpsError::Usage`] when the text is no query.
pub fn find(library: &Library, actor: &Actor, text: &str, limit: Option<u64>) -> Result<Value, OpsError> {
    let limit = limit.map_or(usize::MAX, |l| usize::try_from(l).unwrap_or(usize::MAX));
    library.catalog.read(|tx| {
        let who = actor.who();
        let tree = Tree::new(tx, &who.subject, Some(who.id));
        let query = tree.visible(&parse(tx, who, text)?);
        let mut assets = Vec::new();
        let mut paths = Paths::default();
        let mut after = 0;
        while assets.len() < limit {
            let page = tx.find(&query, after, PAGE.min(limit - assets.len()))?;
            let Some(last) = page.last() else { break };
            after = last.ordinal;
            for asset in page {
                let path = match asset.node {
                    Some(node) => paths.bytes_of(tx, node)?,
                    None => None,
                };
                // JSON holds text alone: the bytes of a path that is none are told beside it.
                let bytes = path.as_ref().filter(|p| std::str::from_utf8(p).is_err());
                let path_bytes = bytes.map(|p| folders::hex(p));
                assets.push(json!({
                    "path": path.as_deref().map(String::from_utf8_lossy),
                    "path_bytes": path_bytes,
                    "id": asset.id.to_string(),
                    "view_name": tree.name_of(&asset)?,
                    "kind": asset.kind,
                    "format": asset.format,
                    "width": asset.width,
                    "height": asset.height,
                    "rating": asset.rating,
                    "persona": asset.personas,
                    "campaign": asset.campaigns,
                    "tag": asset.tags,
                    "created": asset.created.to_string(),
                }));
            }
        }
        Ok(json!({ "assets": assets }))
    })
}
