//! `dam export`: what a query finds as a placement takes it, for who wants copies. The same gate, names and bytes as in a mount.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use serde_json::{Value, json};

use super::import::OpenFile;
use super::reads::Opened;
use super::stills::{Still, StillError};
use super::{Actor, Library, OpsError, find, folders, value};
use crate::blob::BlobError;
use crate::catalog::{Asset, CatalogError, Outcome, ReadTx, VersionRow};
use crate::policy::Verb;
use crate::policy::platforms::{Placement, PlacementKind};
use crate::types::{AssetId, ReadAt, Timestamp};
use crate::view::captions::{CAPTION, caption_of};
use crate::view::recipes::{clip_name, clip_recipe_for, clip_time, still_time};
use crate::view::tree::{self, ClipState, Tree, clip_state, export_extension};

/// Assets that are looked at in one answer.
const PAGE: usize = 500;
/// Bytes of a clip that are copied at once.
const CHUNK: usize = 1 << 20;

/// What there is of an asset in a placement.
enum Export {
    Still(Box<Still>),
    Clip { name: String, size: u64, hash: [u8; 32], mtime: Timestamp },
}

/// A page of what a query finds: `{"rows": [{asset, path, name, hash, mtime, caption, reason}], "next"}`. Without a `reason` it can be had,
/// under that name; `hash` is known of what was rendered before, `caption` is a name and a text.
///
/// # Errors
/// [`OpsError::Usage`] for what is no query or no placement, with the nearest one.
pub fn list(library: &Library, actor: &Actor, query: &str, place: &str, after: u64) -> Result<Value, OpsError> {
    let placement = placement(library, actor, place)?;
    library.catalog.read(|tx| {
        let asked = find::visible(tx, actor.who(), query)?;
        let page = tx.find(&asked, after, PAGE)?;
        let next = page.last().filter(|_| page.len() == PAGE).map(|asset| asset.ordinal);
        let rows = page.iter().map(|asset| row(library, actor, tx, asset, &placement));
        Ok(json!({ "rows": rows.collect::<Result<Vec<Value>, OpsError>>()?, "next": next }))
    })
}

fn row(
    library: &Library,
    actor: &Actor,
    tx: &dyn ReadTx,
    asset: &Asset,
    placement: &Arc<Placement>,
) -> Result<Value, OpsError> {
    let mut row = json!({ "asset": asset.id.to_string(), "path": folders::path_of_asset(tx, asset)? });
    let export = match export_of(library, actor, tx, asset, placement)? {
        Ok((_, export)) => export,
        Err(reason) => {
            row["reason"] = json!(reason);
            return Ok(row);
        }
    };
    let who = actor.who();
    let view_name = Tree::new(tx, &who.subject, Some(who.id)).name_of(asset)?.to_owned();
    let stem = view_name.rsplit_once('.').filter(|(stem, ext)| !stem.is_empty() && !ext.is_empty());
    let stem = stem.map_or(view_name.as_str(), |(stem, _)| stem);
    row["name"] = json!(format!("{stem}.{}", export_extension(placement).unwrap_or_default()));
    match caption_of(&library.captions(), asset, placement) {
        Ok(Some(text)) => row["caption"] = json!({ "name": format!("{stem}{CAPTION}"), "text": text }),
        Ok(None) => {}
        Err(e) => row["no_caption"] = json!(e.to_string()),
    }
    let hash = match &export {
        Export::Clip { hash, .. } => Some(*hash),
        Export::Still(still) => library.still_row(still)?.and_then(|row| match row.outcome {
            Outcome::Made { hash, .. } => Some(hash),
            Outcome::Failed(_) => None,
        }),
    };
    row["hash"] = json!(hash.map(|hash| blake3::Hash::from_bytes(hash).to_hex().to_string()));
    Ok(row)
}

/// Writes what a placement takes of an asset into an empty file: `{"size", "mtime"}`, or `{"reason"}` when it cannot be had.
///
/// # Errors
/// [`OpsError::NotFound`] for what the caller may not list; when the file cannot be written.
pub fn copy(library: &Library, actor: &Actor, id: AssetId, place: &str, to: File) -> Result<Value, OpsError> {
    let placement = placement(library, actor, place)?;
    let export = library.catalog.read(|tx| {
        let asset = tx.asset(id)?.ok_or_else(|| OpsError::NotFound(id.to_string()))?;
        if !actor.decide(library, Verb::List, &asset).allowed {
            return Err(OpsError::NotFound(id.to_string()));
        }
        Ok(export_of(library, actor, tx, &asset, &placement)?)
    })?;
    let (version, export) = match export {
        Ok(found) => found,
        Err(reason) => return Ok(json!({ "reason": reason })),
    };
    // Nobody is kept waiting by a file that takes no bytes.
    if OpenFile::new(to.try_clone()?)?.len() != 0 {
        return Err(OpsError::usage("the file to write is not empty", "send the descriptor of a new one"));
    }
    // Before the first byte: whoever breaks off has had some.
    library.note_reading(actor.who(), id, Opened::Export(version.id, placement.path()), 0);
    library.write_reads()?;
    let (size, mtime) = match export {
        Export::Still(still) => {
            let bytes = match library.still(&still) {
                Ok(bytes) => bytes,
                Err(StillError::Lasting(reason)) => return Ok(json!({ "reason": reason })),
                Err(e) => return Err(OpsError::failed(e.to_string(), "run the command again")),
            };
            to.write_all_at(&bytes, 0)?;
            let made = library.still_row(&still)?;
            (bytes.len() as u64, still_time(&version, &placement, &still.recipe, made.as_ref()))
        }
        Export::Clip { name, size, mtime, .. } => {
            let clip = library.kept_clip(name, size);
            let (mut at, mut buf) = (0, vec![0; CHUNK]);
            while at < size {
                let count = match clip.read_at(at, &mut buf) {
                    Ok(count) if count > 0 => count,
                    Ok(_) | Err(BlobError::Missing(_) | BlobError::Damaged { .. }) => {
                        library.clips.want(id);
                        return Ok(json!({ "reason": "it is no longer kept, and is rendered again" }));
                    }
                    Err(e) => return Err(e.into()),
                };
                to.write_all_at(buf.get(..count).unwrap_or_default(), at)?;
                at += count as u64;
            }
            (size, mtime)
        }
    };
    Ok(json!({ "size": size, "mtime": mtime.as_nanos() }))
}

fn placement(library: &Library, actor: &Actor, place: &str) -> Result<Arc<Placement>, OpsError> {
    let table = actor.who().subject.platforms();
    let found = place.split_once('/').and_then(|(platform, placement)| table.get(platform, placement));
    let Some(placement) = found else {
        return Err(value::unknown("placement", place, table.all().map(|row| row.path())));
    };
    if export_extension(placement).is_none() {
        return Err(OpsError::usage(format!("no format of {place} is written here"), "see: dam spec list"));
    }
    let clips = &library.clips;
    match clips.unavailable().filter(|_| placement.kind == PlacementKind::Video && !clips.are_rendered()) {
        Some(why) => Err(OpsError::failed(why.to_owned(), "mount the library, and run the command again")),
        None => Ok(Arc::clone(placement)),
    }
}

/// What can be had of an asset in a placement; else why nothing can.
fn export_of(
    library: &Library,
    actor: &Actor,
    tx: &dyn ReadTx,
    asset: &Asset,
    placement: &Arc<Placement>,
) -> Result<Result<(VersionRow, Export), String>, CatalogError> {
    let decision = actor.decide(library, Verb::Export, asset);
    if !decision.allowed {
        return Ok(Err(decision.reason));
    }
    let Some(version) = tree::exported(tx, asset, placement)? else { return why_not(tx, asset, placement).map(Err) };
    Ok(match placement.kind {
        PlacementKind::Image => {
            let recipe = tree::recipe_of(tx, asset, &version, placement, library.signer_id())?;
            match tree::unrenderable(tx, &version, &recipe, &library.lacks())? {
                Some(reason) => Err(reason),
                None => {
                    let still = Still { asset: asset.id, content: version.content, recipe };
                    Ok((version, Export::Still(Box::new(still))))
                }
            }
        }
        PlacementKind::Video => {
            let recipe = clip_recipe_for(tx, asset, &version, placement)?;
            match clip_state(tx, &version, &recipe)? {
                ClipState::Made { size, hash, since } => {
                    let name = clip_name(version.content, &recipe, &hash);
                    let mtime = clip_time(&version, placement, &recipe, since);
                    Ok((version, Export::Clip { name, size, hash, mtime }))
                }
                ClipState::Failed(reason) => Err(reason),
                ClipState::Pending => {
                    library.clips.want(asset.id);
                    Err(library.clips.missing(tx, asset, &version, placement)?.unwrap_or_default())
                }
            }
        }
    })
}

/// Why an asset is not in a placement's circulation.
fn why_not(tx: &dyn ReadTx, asset: &Asset, placement: &Placement) -> Result<String, CatalogError> {
    let platform = &placement.platform;
    let verdict = asset.status.get(platform);
    let approved = verdict.filter(|verdict| verdict.value == "approved").and_then(|verdict| verdict.version);
    let version = approved.map(|version| tx.version(version)).transpose()?.flatten();
    Ok(match (version, verdict) {
        (None, Some(verdict)) if verdict.value != "approved" => format!("it is {} for {platform}", verdict.value),
        (None, _) => format!("it is not approved for {platform}"),
        (Some(version), _) => match (placement.kind, version.kind.as_str()) {
            (PlacementKind::Image, kind) if kind != "image" => format!("{} takes pictures", placement.path()),
            (PlacementKind::Video, kind) if kind != "video" => format!("{} takes clips", placement.path()),
            _ if asset.rating.as_deref() == Some("adult") && !tree::takes_adult(placement) => {
                format!("it is rated adult, and {} is not known to take that", placement.path())
            }
            _ => "it is out of circulation: expired, or in the trash".to_owned(),
        },
    })
}
