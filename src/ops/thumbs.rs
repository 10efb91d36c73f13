//! `dam thumbs`: small pictures for the cache of who may have the whole ones, and of nothing that a lock may close before.

use std::fs::File;
use std::os::unix::fs::FileExt;

use serde_json::{Value, json};

use super::import::OpenFile;
use super::reads::Opened;
use super::stills::StillError;
use super::{Actor, Library, OpsError};
use crate::catalog::{CatalogError, ReadTx};
use crate::media::{Fit, MediaError, Recipe, StillFormat};
use crate::policy::Verb;
use crate::types::{AssetId, Content, ReadAt, Timestamp, VersionId};

/// The longest side that the thumbnail standard knows.
const MOST: u32 = 1024;
/// How many sizes it knows.
const SIZES: usize = 4;

/// What thumbnails of an asset are of.
enum Of {
    /// These bytes, of a file of this size and time.
    Master { version: VersionId, content: Content, size: u64, mtime: Timestamp },
    /// Nothing of it may lie in a cache.
    Refused(String),
    /// None are made of it.
    Nothing(&'static str),
}

/// What thumbnails would be of, asset by asset: `{"assets": [..]}`, each `{"size", "mtime"}` of its file, `{"refused"}` when none may be kept,
/// or `{"none"}` when none are made; with the reason.
///
/// # Errors
/// When the catalogue fails.
pub fn list(library: &Library, actor: &Actor, assets: &[AssetId]) -> Result<Value, OpsError> {
    library.catalog.read(|tx| {
        let told = assets.iter().map(|id| Ok(told(&of(library, actor, tx, *id)?)));
        Ok(json!({ "assets": told.collect::<Result<Vec<Value>, OpsError>>()? }))
    })
}

/// Writes a PNG of at most each of these sides into an empty file, one behind the other, from one decode: as [`list`] tells it, with
/// `"lengths"`.
///
/// # Errors
/// When the catalogue or the store fails, or the file cannot be written.
pub fn make(library: &Library, actor: &Actor, id: AssetId, sides: &[u32], to: File) -> Result<Value, OpsError> {
    if sides.len() > SIZES {
        return Err(OpsError::usage("too many sizes at once", "ask for at most four"));
    }
    let of = library.catalog.read(|tx| of(library, actor, tx, id))?;
    let mut told = told(&of);
    let Of::Master { version, content, .. } = of else { return Ok(told) };
    if OpenFile::new(to.try_clone()?)?.len() != 0 {
        return Err(OpsError::usage("the file to write is not empty", "send the descriptor of a new one"));
    }
    library.note_reading(actor.who(), id, Opened::Thumbnail(version), 0);
    let reader = library.vault.open(&content);
    let made = library.decoding(content.id, &reader, |master| {
        sides.iter().map(|side| Ok(master.render(&recipe(*side))?.bytes)).collect::<Result<Vec<_>, MediaError>>()
    });
    let made = match made {
        Ok(made) => made,
        Err(StillError::Media(MediaError::Io(e))) => return Err(e.into()),
        // The others can be made all the same.
        Err(e @ (StillError::Media(_) | StillError::Busy)) => return Ok(json!({ "none": e.to_string() })),
        Err(e) => return Err(OpsError::failed(e.to_string(), "run the command again")),
    };
    // It took a while: what may not be kept by now is not handed out.
    let now = library.catalog.read(|tx| self::of(library, actor, tx, id))?;
    if !matches!(now, Of::Master { version: still, .. } if still == version) {
        return Ok(self::told(&now));
    }
    let mut at = 0;
    for bytes in &made {
        to.write_all_at(bytes, at)?;
        at += bytes.len() as u64;
    }
    told["lengths"] = json!(made.iter().map(Vec::len).collect::<Vec<_>>());
    Ok(told)
}

fn of(library: &Library, actor: &Actor, tx: &dyn ReadTx, id: AssetId) -> Result<Of, CatalogError> {
    let asset = tx.asset(id)?.filter(|asset| actor.decide(library, Verb::List, asset).allowed);
    let Some(asset) = asset else { return Ok(Of::Refused("it is not there".to_owned())) };
    let decision = library.gate.may_keep(actor.who(), &asset);
    if !decision.allowed {
        return Ok(Of::Refused(decision.reason));
    }
    let head = asset.head.map(|head| tx.version(head)).transpose()?.flatten();
    let node = asset.node.map(|node| tx.node(node)).transpose()?.flatten();
    let (Some(head), Some(node)) = (head, node) else { return Ok(Of::Nothing("it has no version yet")) };
    if node.staged || node.content != Some(head.content) {
        return Ok(Of::Nothing("it is being written: run the command again"));
    }
    if head.kind != "image" {
        return Ok(Of::Nothing("it is no picture"));
    }
    Ok(match tx.content(head.content)? {
        Some(content) => Of::Master { version: head.id, content, size: node.size, mtime: node.mtime },
        None => Of::Nothing("its bytes are lost: see dam fsck"),
    })
}

fn told(of: &Of) -> Value {
    match of {
        Of::Master { size, mtime, .. } => json!({ "size": size, "mtime": mtime.as_nanos() }),
        Of::Refused(reason) => json!({ "refused": reason }),
        Of::Nothing(reason) => json!({ "none": reason }),
    }
}

fn recipe(side: u32) -> Recipe {
    let side = Some(side.clamp(1, MOST));
    Recipe { width: side, height: side, fit: Fit::Any, format: StillFormat::Png, ..Recipe::default() }
}
