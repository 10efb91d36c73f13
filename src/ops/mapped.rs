//! Extended attributes that are the record: what Dolphin's tag panel and `setfattr` write becomes facets, what facets say is what they read.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use super::{OpsError, value as values};
use crate::catalog::{Asset, WriteTx};
use crate::types::{AssetId, MemberId, NodeId};

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

/// The values last served, by member and asset: what he changed is told from what he merely had not seen. A memory only.
#[derive(Default)]
pub struct Served(Mutex<HashMap<Seen, Vec<u8>>>);

/// Who saw which attribute of what.
type Seen = (MemberId, AssetId, &'static [u8]);

/// Values that are remembered; beyond, all are forgotten, and setting unites.
const SERVED: usize = 65_536;

impl Served {
    /// Remembers what a member was served, or what he set.
    pub fn note(&self, member: MemberId, asset: AssetId, name: &[u8], value: &[u8]) {
        let Some(name) = [TAGS, COMMENT].into_iter().find(|n| *n == name) else { return };
        let mut served = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if served.len() >= SERVED {
            served.clear();
        }
        served.insert((member, asset, name), value.to_vec());
    }

    /// What he was served last.
    #[must_use]
    pub fn base(&self, member: MemberId, asset: AssetId, name: &[u8]) -> Option<Vec<u8>> {
        let name = [TAGS, COMMENT].into_iter().find(|n| *n == name)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&(member, asset, name)).cloned()
    }
}

/// Puts a value into the record, or with `None` takes it out, merged three ways: what others changed since the `base` stays. Without a
/// base tags are united, a comment is replaced, and taking out takes all. Returns whether anything changed.
///
/// # Errors
/// [`OpsError::Usage`] for a value that `dam tag add` would refuse; what is in the record already is no new value.
pub fn merge(asset: &mut Asset, name: &[u8], value: Option<&[u8]>, base: Option<&[u8]>) -> Result<bool, OpsError> {
    Ok(match name {
        TAGS => {
            let wanted = value.map(parse_tags).transpose()?.unwrap_or_default();
            wanted.difference(&asset.tags).try_for_each(|tag| values::check_tag(tag))?;
            let base = match (base, value) {
                (Some(base), _) => parse_tags(base)?,
                (None, Some(_)) => BTreeSet::new(),
                (None, None) => asset.tags.clone(),
            };
            let kept = asset.tags.iter().filter(|tag| wanted.contains(*tag) || !base.contains(*tag));
            let merged: BTreeSet<String> = kept.chain(wanted.difference(&base)).cloned().collect();
            let changed = merged != asset.tags;
            asset.tags = merged;
            changed
        }
        COMMENT => {
            let notes = value.map(text).transpose()?.filter(|n| !n.is_empty()).map(str::to_owned);
            if value.is_some() && value == base {
                return Ok(false);
            }
            let changed = notes != asset.notes;
            asset.notes = notes;
            changed
        }
        _ => false,
    })
}

/// Whether a value may be set on a file that is no asset yet, to be absorbed by its record.
///
/// # Errors
/// As [`merge`].
pub fn check(name: &[u8], value: &[u8]) -> Result<(), OpsError> {
    match name {
        TAGS => parse_tags(value)?.iter().try_for_each(|tag| values::check_tag(tag)),
        COMMENT => text(value).map(drop),
        _ => Ok(()),
    }
}

/// Takes what was set on a file before it was an asset (rsync sets attributes on its temporary file) into the record:
/// tags are united, a comment fills an empty one.
///
/// # Errors
/// When the catalogue fails.
pub fn absorb(tx: &mut dyn WriteTx, asset: &mut Asset, node: NodeId) -> Result<(), OpsError> {
    if let Some(value) = tx.xattr(node, TAGS)? {
        merge(asset, TAGS, Some(&value), None)?;
        tx.remove_xattr(node, TAGS)?;
    }
    if let Some(value) = tx.xattr(node, COMMENT)? {
        if asset.notes.is_none() {
            merge(asset, COMMENT, Some(&value), None)?;
        }
        tx.remove_xattr(node, COMMENT)?;
    }
    Ok(())
}

fn text(value: &[u8]) -> Result<&str, OpsError> {
    std::str::from_utf8(value).map_err(|_| OpsError::usage("the value is no UTF-8", "write it as UTF-8"))
}

fn parse_tags(value: &[u8]) -> Result<BTreeSet<String>, OpsError> {
    let tags = text(value)?
        .split(',')
        .map(|t| t.trim().replace("%2C", ",").split('/').filter(|p| !p.is_empty()).collect::<Vec<_>>().join("/"))
        .filter(|t| !t.is_empty())
        .collect();
    Ok(tags)
}
