//! The sealed note that every version leaves in the store, from which the catalogue can be made again.

use serde_json::{Value, json};

use crate::catalog::{Asset, VersionRow};
use crate::types::Content;

/// The manifest's name in the store: `<asset>/<n>`.
#[must_use]
pub fn name(version: &VersionRow) -> String {
    format!("{}/{}", version.asset, version.n)
}

/// Everything that the bytes alone do not tell: whose version it is, which extents, what it was called and when.
#[must_use]
pub fn json(asset: &Asset, version: &VersionRow, content: &Content, path: &str) -> Value {
    json!({
        "manifest": 1,
        "asset": asset.id.to_string(),
        "version": version.id.to_string(),
        "n": version.n,
        "content": content,
        "path": path,
        "view_name": asset.view_name,
        "owner": asset.owner_name,
        "kind": version.kind,
        "format": version.format,
        "width": version.width,
        "height": version.height,
        "orientation": version.orientation,
        "mtime": version.mtime.as_nanos(),
        "made": version.made_at.as_nanos(),
    })
}
