//! Extended attributes that are the record: what Dolphin's tag panel and `setfattr` write becomes facets, what facets say is what they read.

use std::collections::BTreeSet;

use crate::catalog::{Asset, CatalogError, WriteTx};
use crate::types::NodeId;

/// Comma-separated tags (freedesktop; Dolphin, Baloo).
const TAGS: &[u8] = b"user.xdg.tags";
/// A caption (freedesktop).
const COMMENT: &[u8] = b"user.xdg.comment";

/// The asset's id; readable, never listed, so that copies do not carry it.
pub const ID: &[u8] = b"user.dam.id";

/// Whether the attribute is part of the record rather than of the file.
#[must_use]
pub fn is_mapped(name: &[u8]) -> bool {
    name == TAGS || name == COMMENT
}

/// The value that the record gives for it.
#[must_use]
pub fn get(asset: &Asset, name: &[u8]) -> Option<Vec<u8>> {
    match name {
        TAGS if !asset.tags.is_empty() => {
            Some(asset.tags.iter().map(|t| t.replace(',', "%2C")).collect::<Vec<_>>().join(",").into_bytes())
        }
        COMMENT => asset.notes.clone().filter(|n| !n.is_empty()).map(String::into_bytes),
        _ => None,
    }
}

/// The mapped attributes that the record has values for.
pub fn list(asset: &Asset) -> impl Iterator<Item = &'static [u8]> {
    [TAGS, COMMENT].into_iter().filter(|name| get(asset, name).is_some())
}

/// Puts a value into the record. Returns whether anything changed.
pub fn set(asset: &mut Asset, name: &[u8], value: &[u8]) -> bool {
    let text = String::from_utf8_lossy(value);
    match name {
        TAGS => {
            let tags = parse_tags(&text);
            let changed = tags != asset.tags;
            asset.tags = tags;
            changed
        }
        COMMENT => {
            let notes = Some(text.into_owned()).filter(|n| !n.is_empty());
            let changed = notes != asset.notes;
            asset.notes = notes;
            changed
        }
        _ => false,
    }
}

/// Takes a value out of the record. Returns whether there was one.
pub fn remove(asset: &mut Asset, name: &[u8]) -> bool {
    match name {
        TAGS => !std::mem::take(&mut asset.tags).is_empty(),
        COMMENT => asset.notes.take().is_some(),
        _ => false,
    }
}

/// Takes what was set on a file before it was an asset (rsync sets attributes on its temporary file) into the record:
/// tags are united, a comment fills an empty one.
///
/// # Errors
/// When the catalogue fails.
pub fn absorb(tx: &mut dyn WriteTx, asset: &mut Asset, node: NodeId) -> Result<(), CatalogError> {
    if let Some(value) = tx.xattr(node, TAGS)? {
        asset.tags.extend(parse_tags(&String::from_utf8_lossy(&value)));
        tx.remove_xattr(node, TAGS)?;
    }
    if let Some(value) = tx.xattr(node, COMMENT)? {
        if asset.notes.is_none() {
            set(asset, COMMENT, &value);
        }
        tx.remove_xattr(node, COMMENT)?;
    }
    Ok(())
}

fn parse_tags(text: &str) -> BTreeSet<String> {
    text.split(',')
        .map(|t| t.trim().replace("%2C", ",").split('/').filter(|p| !p.is_empty()).collect::<Vec<_>>().join("/"))
        .filter(|t| !t.is_empty())
        .collect()
}
