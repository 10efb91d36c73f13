//! `dam whence`: which version of which asset a file is, or was rendered from, and for what. Of other bytes, as another program makes them of an
//! export, what the file itself says that it was made of.

use std::io;

use serde_json::{Value, json};

use super::marks::{Table, placements, table_of};
use super::{Actor, Library, OpsError, folders};
use crate::catalog::{Asset, CatalogError, ReadTx, RenditionRow, VersionRow, duplicate};
use crate::media::video::preview_hash;
use crate::media::{self, Recipe};
use crate::policy::Verb;
use crate::policy::platforms::{Placement, PlacementKind};
use crate::types::ReadAt;
use crate::view::recipes::clip_recipe_for;
use crate::view::tree::{circulates, recipe_of};

const BLOCK: usize = 1 << 20;

/// `{"found": [{as, asset, path, version, current, platform, placement, made, circulates, for}]}`, of what the caller may list. `as` is `version`,
/// `export`, `preview` of a clip, or `derived` when only the file itself says so or it is not told as which asset's it was signed; the last five are of exports, and of previews `made` and `for`. An
/// export by a recipe that no row has any more has no placement; `for` is the member whose mark it has.
///
/// # Errors
/// [`OpsError::NotFound`] when nothing has these bytes; when they cannot be read.
pub fn whence(library: &Library, actor: &Actor, file: &dyn ReadAt, name: &str) -> Result<Value, OpsError> {
    let content = library.vault.name(file)?;
    let hash = plain_hash(file)?;
    let is_signed = media::is_signed(file)?;
    let lists_all = actor.who().subject.allows_everything(Verb::List);
    let found = library.catalog.read(|tx| -> Result<_, OpsError> {
        let mut found = Vec::new();
        for version in tx.versions_with_content(content)? {
            found.extend(told(library, actor, tx, &version)?);
        }
        let tables = tables(library, actor, tx)?;
        for rendition in tx.renditions_with_hash(&hash)? {
            let previewed = previewed(tx, &rendition)?;
            let versions = tx.versions_with_content(rendition.content)?;
            let mut rows = Vec::new();
            for version in &versions {
                rows.extend(rendered(library, actor, tx, version, (&rendition, previewed.as_deref()), &tables)?);
            }
            // It names the asset that it is of: others with the master's bytes were not rendered to it.
            if rows.iter().any(|row| row.is_signed) {
                rows.retain(|row| row.is_signed);
            } else if is_signed && (!lists_all || are_of_several(&versions)) {
                // Signed as one of them, with a certificate or by a row of before: as which nobody can tell any more, nor whether
                // there is one that he may not list.
                rows.clear();
                for version in &versions {
                    found.extend(told(library, actor, tx, version)?.map(|row| called(row, "derived")));
                }
            }
            found.extend(rows.into_iter().filter_map(|row| row.told));
        }
        if let (true, Some(from)) = (found.is_empty(), media::derived_from(file).ok().flatten()) {
            for content in tx.rendered_contents()?.into_iter().filter(|content| duplicate(*content) == from) {
                for version in tx.versions_with_content(content)? {
                    let row = told(library, actor, tx, &version)?;
                    found.extend(row.map(|row| called(row, "derived")));
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

fn are_of_several(versions: &[VersionRow]) -> bool {
    versions.first().is_some_and(|first| versions.iter().any(|version| version.asset != first.asset))
}

fn called(mut row: Value, kind: &str) -> Value {
    row["as"] = json!(kind);
    row
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

/// A version as the caller may be told of it.
fn told(
    library: &Library,
    actor: &Actor,
    tx: &dyn ReadTx,
    version: &VersionRow,
) -> Result<Option<Value>, CatalogError> {
    let Some(asset) = tx.asset(version.asset)? else { return Ok(None) };
    if !actor.decide(library, Verb::List, &asset).allowed {
        return Ok(None);
    }
    Ok(Some(json!({
        "as": "version",
        "asset": asset.id.to_string(),
        "path": folders::path_of_asset(tx, &asset)?,
        "version": version.n,
        "current": asset.head == Some(version.id),
    })))
}

/// What is told of an export.
struct Row {
    /// Nothing of what the caller may not list; that it is signed as that one counts all the same.
    told: Option<Value>,
    /// By the certificate in force, as of this asset.
    is_signed: bool,
}

/// A version as the caller may be told of it, and where it was rendered to, or that it is somebody's preview.
fn rendered(
    library: &Library,
    actor: &Actor,
    tx: &dyn ReadTx,
    version: &VersionRow,
    (rendition, previewed): (&RenditionRow, Option<&str>),
    tables: &[Table],
) -> Result<Vec<Row>, CatalogError> {
    let Some(asset) = tx.asset(version.asset)? else { return Ok(Vec::new()) };
    let mut row = told(library, actor, tx, version)?.map(|row| called(row, "export"));
    if let Some(row) = &mut row {
        row["made"] = json!(rendition.since.to_string());
    }
    if let Some(name) = previewed {
        if let Some(row) = &mut row {
            row["as"] = json!("preview");
            let who = actor.who();
            if who.subject.is_admin() || *who.subject.name == *name {
                row["for"] = json!(name);
            }
        }
        return Ok(vec![Row { told: row, is_signed: false }]);
    }
    let mut rows = Vec::new();
    for (whose, placement) in placements(tables) {
        if let Some(is_signed) = renders(library, tx, &asset, version, placement, rendition)? {
            let told = row.clone().map(|mut row| {
                row["platform"] = json!(placement.platform);
                row["placement"] = json!(placement.placement);
                row["circulates"] = json!(circulates(&asset, version, placement));
                if let Some(name) = whose {
                    row["for"] = json!(name);
                }
                row
            });
            rows.push(Row { told, is_signed });
        }
    }
    Ok(if rows.is_empty() { vec![Row { told: row, is_signed: false }] } else { rows })
}

/// Whose preview of a clip it is.
fn previewed(tx: &dyn ReadTx, rendition: &RenditionRow) -> Result<Option<String>, CatalogError> {
    let names = tx.members()?.into_iter().map(|member| member.name.to_string());
    Ok(names.into_iter().find(|name| preview_hash(Some(name)) == rendition.recipe))
}

/// How exports are made: an admin is told of all marks, others of their own.
fn tables(library: &Library, actor: &Actor, tx: &dyn ReadTx) -> Result<Vec<Table>, CatalogError> {
    let who = actor.who();
    if who.subject.is_admin() {
        return library.tables(tx);
    }
    Ok([(None, library.gate.platforms())].into_iter().chain(table_of(&who.subject)).collect())
}

/// Whether a placement is rendered for so, and then whether it is signed: what was made before there was a certificate is known, too.
fn renders(
    library: &Library,
    tx: &dyn ReadTx,
    asset: &Asset,
    version: &VersionRow,
    placement: &Placement,
    rendition: &RenditionRow,
) -> Result<Option<bool>, CatalogError> {
    let is_made = |hash: [u8; 32]| hash == rendition.recipe;
    Ok(match placement.kind {
        PlacementKind::Image => {
            let recipe = recipe_of(tx, asset, version, placement, library.signer_id())?;
            let is_signed = recipe.signed.is_some();
            if is_made(recipe.hash()) {
                Some(is_signed)
            } else {
                (is_signed && is_made(Recipe { signed: None, ..recipe }.hash())).then_some(false)
            }
        }
        PlacementKind::Video => is_made(clip_recipe_for(tx, asset, version, placement)?.hash()).then_some(false),
    })
}
