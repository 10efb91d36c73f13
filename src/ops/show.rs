//! The full record of an asset as JSON: `dam show --json` and `records/`. The same record gives the same text, to whoever may have it.

use damfs_policy::Verb;
use serde_json::{Map, Value, json};

use super::folders;
use super::{Actor, Library, OpsError, history, target};
use crate::catalog::{Asset, CatalogError, ReadTx};
use crate::view::tree::Tree;

/// The whole record. Keys in a fixed order, times in RFC 3339 UTC, nothing of the moment it is asked.
///
/// # Errors
/// When the catalogue fails.
pub fn record_json(tx: &dyn ReadTx, asset: &Asset) -> Result<Value, CatalogError> {
    let path = folders::path_of_asset(tx, asset)?;
    let mut status = Map::new();
    for (platform, verdict) in &asset.status {
        let version = match verdict.version {
            Some(id) => tx.version(id)?.map(|v| v.n),
            None => None,
        };
        let by = match verdict.by {
            Some(id) => tx.member(id)?.map(|m| m.name),
            None => None,
        };
        status.insert(
            platform.clone(),
            json!({ "value": verdict.value, "version": version, "by": by, "at": verdict.at.to_string() }),
        );
    }
    let mut conflicts = Map::new();
    for (field, conflict) in &asset.conflicts {
        let by = conflict.by.map(|id| tx.member(id)).transpose()?.flatten().map(|member| member.name);
        let (other, version, at) = (&conflict.other, conflict.version, conflict.at.to_string());
        conflicts.insert(field.clone(), json!({ "other": other, "version": version, "by": by, "at": at }));
    }
    let versions = history::rows(tx, asset)?;
    let size = match asset.node {
        Some(node) => tx.node(node)?.map(|n| n.size),
        None => None,
    };
    Ok(json!({
        "id": asset.id.to_string(),
        "path": path,
        "state": asset.state,
        "owner": asset.owner_name,
        "kind": asset.kind,
        "format": asset.format,
        "size": size,
        "width": asset.width,
        "height": asset.height,
        "orientation": asset.orientation,
        "created": asset.created.to_string(),
        "imported": asset.imported.to_string(),
        "expires": asset.expires.map(|t| t.to_string()),
        "client": asset.client,
        "persona": asset.personas,
        "campaign": asset.campaigns,
        "tag": asset.tags,
        "rating": asset.rating,
        "stars": asset.stars,
        "rights": asset.rights,
        "likeness": asset.likeness,
        "stage": asset.stage,
        "status": status,
        "model": asset.model,
        "sampler": asset.sampler,
        "seed": asset.seed,
        "lora": asset.loras,
        "prompt": asset.prompt,
        "negative": asset.negative,
        "notes": asset.notes,
        "properties": asset.properties,
        "conflict": conflicts,
        "generation": tx.generation(asset.id)?,
        "trashed": asset.trashed.as_ref().map(|t| t.at.to_string()),
        "changed": asset.changed.to_string(),
        "versions": versions,
    }))
}

/// The record of one target, for who may list it, with the name that views show him.
///
/// # Errors
/// [`OpsError::NotFound`], or what the catalogue says.
pub fn show(library: &Library, actor: &Actor, name: &str) -> Result<Value, OpsError> {
    library.catalog.read(|tx| {
        let asset = target::asset(library, actor, tx, name)?;
        actor.must(library, Verb::List, &asset, name)?;
        let who = actor.who();
        let mut record = record_json(tx, &asset)?;
        record["view_name"] = Tree::new(tx, &who.subject, Some(who.id)).name_of(&asset)?.into();
        Ok(record)
    })
}
