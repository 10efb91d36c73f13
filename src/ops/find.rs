//! Queries: which assets match and may be listed, in their stable order.

use serde_json::{Value, json};

use damfs_policy::Verb;

use super::folders::Paths;
use super::{Actor, Library, OpsError};

/// How many records one read takes at a time.
const PAGE: usize = 1000;

/// Everything that matches and that the caller may list: `{"assets": [{path, id, ..}]}`.
///
/// # Errors
/// [`OpsError::Usage`] when the text is no query.
pub fn find(library: &Library, actor: &Actor, text: &str, limit: Option<u64>) -> Result<Value, OpsError> {
    let query = damfs_policy::parse(text).map_err(|e| OpsError::Usage {
        message: format!("not a query: {e}"),
        hint: Some("a query looks like persona=luna,tag=beach+sunset,not.rating=adult; see dam find --help".into()),
    })?;
    let query = query.and(actor.filter(library, Verb::List));
    let limit = limit.map_or(usize::MAX, |l| usize::try_from(l).unwrap_or(usize::MAX));
    library.catalog.read(|tx| {
        let mut assets = Vec::new();
        let mut paths = Paths::default();
        let mut after = 0;
        while assets.len() < limit {
            let page = tx.find(&query, after, PAGE.min(limit - assets.len()))?;
            let Some(last) = page.last() else { break };
            after = last.ordinal;
            for asset in page {
                let path = match asset.node {
                    Some(node) => paths.of(tx, node)?,
                    None => None,
                };
                assets.push(json!({
                    "path": path,
                    "id": asset.id.to_string(),
                    "view_name": asset.view_name,
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
