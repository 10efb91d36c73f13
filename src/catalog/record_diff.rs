//! What differs between two states of an asset's record, as far as somebody decided it.

use serde_json::Value;

use super::CatalogError;
use super::journal::{Fields, Pair};
use super::rows::Asset;

/// What follows from names, bytes and the clock: it comes back by itself with what it follows from.
const FOLLOWS: [&str; 15] = [
    "id",
    "ordinal",
    "view_name",
    "marked_name",
    "named",
    "node",
    "head",
    "trashed",
    "changed",
    "imported",
    "kind",
    "format",
    "width",
    "height",
    "orientation",
];

fn fields(asset: &Asset) -> Result<Fields, CatalogError> {
    let value = serde_json::to_value(asset).map_err(|e| CatalogError::Engine(e.to_string()))?;
    let Value::Object(map) = value else { return Ok(Fields::new()) };
    Ok(map.into_iter().filter(|(field, _)| !FOLLOWS.contains(&field.as_str())).collect())
}

/// The fields that differ.
pub(super) fn of(was: &Asset, is: &Asset) -> Result<Pair<Fields>, CatalogError> {
    let (mut was, mut is) = (fields(was)?, fields(is)?);
    let same: Vec<String> = was.iter().filter(|(f, v)| is.get(*f) == Some(v)).map(|(f, _)| f.clone()).collect();
    for field in same {
        was.remove(&field);
        is.remove(&field);
    }
    Ok(Pair { was, is })
}
