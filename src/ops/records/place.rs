//! Which asset a record speaks of: the one of its id, else the one at its path, else, when that is asked for, the only one with its bytes.

use std::collections::HashMap;

use damfs_policy::{Expr, Verb};

use super::import::Given;
use super::merge::Bytes;
use crate::catalog::{Asset, AssetState, NodeClass, NodeRow, ReadTx};
use crate::ops::show::Record;
use crate::ops::{Actor, Library, OpsError, folders};
use crate::types::{FileName, NodeId, Timestamp};

/// Assets that one look takes at a time.
const PAGE: usize = 1_000;

/// What tells files apart without reading them: no hash is the same in two libraries.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Print {
    size: u64,
    mtime: Timestamp,
    format: String,
    width: Option<u32>,
    height: Option<u32>,
}

impl Print {
    fn of_record(record: &Record) -> Option<Self> {
        let (size, mtime) = (record.size?, record.file.as_ref()?.mtime.0);
        Some(Self { size, mtime, format: record.format.clone(), width: record.width, height: record.height })
    }

    fn of_asset(asset: &Asset, node: &NodeRow) -> Self {
        let (size, mtime) = (node.size, node.mtime);
        Self { size, mtime, format: asset.format.clone(), width: asset.width, height: asset.height }
    }
}

/// The assets that records speak of, in their order.
///
/// # Errors
/// When the catalogue fails.
pub(super) fn targets(
    library: &Library,
    actor: &Actor,
    tx: &dyn ReadTx,
    given: &[Given],
    by_bytes: bool,
) -> Result<Vec<Option<Asset>>, OpsError> {
    if by_bytes {
        return same_bytes(library, actor, tx, given);
    }
    given
        .iter()
        .map(|given| match given.asset {
            Some(id) => match tx.asset(id)? {
                Some(asset) if super::merge::bytes(tx, &asset, &given.record)? == Bytes::Same => Ok(Some(asset)),
                _ => Ok(None),
            },
            None => by_name(tx, &given.record),
        })
        .collect()
}

fn by_name(tx: &dyn ReadTx, record: &Record) -> Result<Option<Asset>, OpsError> {
    let known = tx.asset(record.id)?;
    if known.as_ref().is_some_and(|asset| asset.state != AssetState::Trashed) {
        return Ok(known);
    }
    Ok(at_path(tx, record)?.or(known))
}

/// The published asset at a record's path.
fn at_path(tx: &dyn ReadTx, record: &Record) -> Result<Option<Asset>, OpsError> {
    let path = match (&record.path_bytes, &record.path) {
        (Some(hex), _) => folders::unhex(hex),
        (None, Some(path)) => Some(path.clone().into_bytes()),
        (None, None) => None,
    };
    let Some(path) = path.as_deref().and_then(|path| path.strip_prefix(b"library/")) else { return Ok(None) };
    let mut at = NodeId::LIBRARY;
    for name in path.split(|byte| *byte == b'/') {
        let Ok(name) = FileName::new(name) else { return Ok(None) };
        match tx.entry(at, &name)? {
            Some(entry) => at = entry.node,
            None => return Ok(None),
        }
    }
    let node = tx.node(at)?.filter(|node| node.class == NodeClass::Asset);
    let asset = node.and_then(|node| node.asset).map(|id| tx.asset(id)).transpose()?.flatten();
    Ok(asset.filter(|asset| asset.head.is_some()))
}

/// The one asset that has a record's bytes and no other's of these.
fn same_bytes(
    library: &Library,
    actor: &Actor,
    tx: &dyn ReadTx,
    given: &[Given],
) -> Result<Vec<Option<Asset>>, OpsError> {
    let mut asked: HashMap<Print, usize> = HashMap::new();
    for print in given.iter().filter_map(|given| Print::of_record(&given.record)) {
        *asked.entry(print).or_insert(0) += 1;
    }
    let mut found: HashMap<Print, Vec<Asset>> = HashMap::new();
    let mut after = 0;
    loop {
        let page = tx.find(&Expr::all(), after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = last.ordinal;
        for asset in page {
            let Some(node) = asset.node.map(|node| tx.node(node)).transpose()?.flatten() else { continue };
            let print = Print::of_asset(&asset, &node);
            if asked.contains_key(&print) && actor.decide(library, Verb::List, &asset).allowed {
                found.entry(print).or_default().push(asset);
            }
        }
    }
    let one = |given: &Given| {
        let print = Print::of_record(&given.record)?;
        let assets = found.get(&print).filter(|_| asked.get(&print) == Some(&1))?;
        (assets.len() == 1).then(|| assets.first().cloned()).flatten()
    };
    Ok(given.iter().map(one).collect())
}
