//! `dam whence`: which version of which asset a file is, or was rendered from, and for what. Of other bytes, as another program makes them of an
//! export, what the file itself says that it was made of.

use std::io;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Actor, Library, OpsError, folders};
use crate::access::Who;
use crate::catalog::{Asset, CatalogError, ReadTx, RenditionRow, VersionRow, duplicate};
use crate::media;
use crate::media::video::preview_hash;
use crate::policy::platforms::{Placement, PlacementKind};
use crate::policy::{Platforms, Subject, Verb};
use crate::types::ReadAt;
use crate::view::recipes::clip_recipe_for;
use crate::view::tree::{circulates, recipe_of};

const BLOCK: usize = 1 << 20;

/// `{"found": [{as, asset, path, version, current, platform, placement, made, circulates, for}]}`, of what the caller may list. `as` is `version`,
/// `export`, `preview` of a clip, or `derived` when only the file itself says so; the last five are of exports, and of previews `made` and `for`. An
/// export by a recipe that no row has any more has no placement; `for` is the member whose mark it has.
///
/// # Errors
/// [`OpsError::NotFound`] when nothing has these bytes; when they cannot be read.
pub fn whence(library: &Library, actor: &Actor, file: &dyn ReadAt, name: &str) -> Result<Value, OpsError> {
    let content = library.vault.name(file)?;
    let hash = plain_hash(file)?;
    let found = library.catalog.read(|tx| -> Result<_, OpsError> {
        let mut found = Vec::new();
        for version in tx.versions_with_content(content)? {
            found.extend(told(library, actor, tx, &version, None, &[])?);
        }
        let tables = tables(library, actor, tx)?;
        for rendition in tx.renditions_with_hash(&hash)? {
            let mut rows = Vec::new();
            for version in tx.versions_with_content(rendition.content)? {
                rows.extend(told(library, actor, tx, &version, Some(&rendition), &tables)?);
            }
            // What is signed is of one asset: others with its bytes have no placement for it.
            if rows.iter().any(is_placed) {
                rows.retain(is_placed);
            }
            found.extend(rows);
        }
        if let (true, Some(from)) = (found.is_empty(), media::derived_from(file).ok().flatten()) {
            for content in tx.rendered_contents()?.into_iter().filter(|content| duplicate(*content) == from) {
                for version in tx.versions_with_content(content)? {
                    let mut rows = told(library, actor, tx, &version, None, &[])?;
                    rows.iter_mut().for_each(|row| row["as"] = json!("derived"));
                    found.extend(rows);
                }
            }
        }
        Ok(found)
    })?;
    if found.is_empty() {
        return Err(OpsError::NotFound(name.to_owned()));
    }
    Ok(json!({ "found": found }))
}

fn is_placed(row: &Value) -> bool {
    row.get("placement").is_some()
}

/// BLAKE3 of the bytes, by which renditions are known.
fn plain_hash(file: &dyn ReadAt) -> io::Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    let mut block = vec![0; BLOCK];
    let mut at = 0;
    loop {
        let count = file.read_at(at, &mut block)?;
        if count == 0 {
            return Ok(*hasher.finalize().as_bytes());
        }
        hasher.update(block.get(..count).unwrap_or_default());
        at += count as u64;
    }
}

/// A version as the caller may be told of it, and where it was rendered to.
fn told(
    library: &Library,
    actor: &Actor,
    tx: &dyn ReadTx,
    version: &VersionRow,
    rendition: Option<&RenditionRow>,
    tables: &[Table],
) -> Result<Vec<Value>, CatalogError> {
    let Some(asset) = tx.asset(version.asset)? else { return Ok(Vec::new()) };
    if !actor.decide(library, Verb::List, &asset).allowed {
        return Ok(Vec::new());
    }
    let mut row = json!({
        "as": if rendition.is_some() { "export" } else { "version" },
        "asset": asset.id.to_string(),
        "path": folders::path_of_asset(tx, &asset)?,
        "version": version.n,
        "current": asset.head == Some(version.id),
    });
    let Some(rendition) = rendition else { return Ok(vec![row]) };
    row["made"] = json!(rendition.since.to_string());
    if let Some(name) = previewed(tx, rendition)? {
        row["as"] = json!("preview");
        let who = actor.who();
        if who.subject.is_admin() || *who.subject.name == *name {
            row["for"] = json!(name);
        }
        return Ok(vec![row]);
    }
    let mut rows = Vec::new();
    for (whose, platforms) in tables {
        for placement in platforms.all() {
            // Where a row refuses marks, his is everybody's.
            let his = whose.is_none() || placement.kind == PlacementKind::Image && placement.watermark.text().is_some();
            if his && renders(library, tx, &asset, version, placement)? == rendition.recipe {
                let mut row = row.clone();
                row["platform"] = json!(placement.platform);
                row["placement"] = json!(placement.placement);
                row["circulates"] = json!(circulates(&asset, version, placement));
                if let Some(name) = whose {
                    row["for"] = json!(name);
                }
                rows.push(row);
            }
        }
    }
    Ok(if rows.is_empty() { vec![row] } else { rows })
}

/// Whose preview of a clip it is.
fn previewed(tx: &dyn ReadTx, rendition: &RenditionRow) -> Result<Option<String>, CatalogError> {
    let names = tx.members()?.into_iter().map(|member| member.name.to_string());
    Ok(names.into_iter().find(|name| preview_hash(Some(name)) == rendition.recipe))
}

/// What the platforms accept, as exports are made for whoever has no mark, and for each member who has one: an admin is told of all of them,
/// others of their own.
fn tables(library: &Library, actor: &Actor, tx: &dyn ReadTx) -> Result<Vec<Table>, CatalogError> {
    let who = actor.who();
    let marked = |subject: &Subject| subject.mark().map(|_| subject.name.clone());
    let mut tables = vec![(None, library.gate.platforms())];
    if who.subject.is_admin() {
        let (roles, terms) = (library.gate.roles(), library.gate.terms());
        for member in tx.members()? {
            // Who may nothing now has no table.
            if let Ok(subject) = Who::subject_of(&member, None, &roles, terms.clone())
                && let Some(name) = marked(&subject)
            {
                tables.push((Some(name), Arc::clone(subject.platforms())));
            }
        }
    } else if let Some(name) = marked(&who.subject) {
        tables.push((Some(name), Arc::clone(who.subject.platforms())));
    }
    Ok(tables)
}

/// Whose exports are made so: everybody's without a name.
type Table = (Option<String>, Arc<Platforms>);

/// By which recipe a placement is rendered for.
fn renders(
    library: &Library,
    tx: &dyn ReadTx,
    asset: &Asset,
    version: &VersionRow,
    placement: &Placement,
) -> Result<[u8; 32], CatalogError> {
    Ok(match placement.kind {
        PlacementKind::Image => recipe_of(tx, asset, version, placement, library.signer_id())?.hash(),
        PlacementKind::Video => clip_recipe_for(tx, asset, version, placement)?.hash(),
    })
}
