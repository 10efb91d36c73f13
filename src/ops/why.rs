//! Why somebody may or may not: every verb, yes or no, and the rule that decided.

use damfs_policy::{PlacementKind, Platforms, Verb};
use serde_json::{Value, json};

use super::{Actor, Library, OpsError, folders, target};
use crate::access::AssetFacts;
use crate::catalog::{Asset, CatalogError, ReadTx};
use crate::view::captions::caption_of;
use crate::view::tree;

/// Where an asset is approved and yet has no export, since the platform's guideline keeps it out, it cannot be rendered or, a clip, is not yet, or has no caption; and why that is. A still that
/// was not tried yet is not among them.
///
/// # Errors
/// When the catalogue cannot be read.
pub fn unrendered(
    library: &Library,
    tx: &dyn ReadTx,
    platforms: &Platforms,
    asset: &Asset,
) -> Result<Vec<(String, String)>, CatalogError> {
    let (mut out, captions) = (Vec::new(), library.captions());
    for placement in platforms.all() {
        let place = format!("platforms/{}/{}", placement.platform, placement.placement);
        let approved = asset.status.get(&placement.platform).is_some_and(|verdict| verdict.value == "approved");
        if let Some(line) = placement.refusal(&AssetFacts(asset)).filter(|_| approved) {
            out.push((place, line));
            continue;
        }
        let Some(version) = tree::exported(tx, asset, placement)? else { continue };
        let reason = match placement.kind {
            PlacementKind::Image => {
                let recipe = tree::recipe_of(tx, asset, &version, placement, library.signer_id())?;
                tree::unrenderable(tx, &version, &recipe, &library.lacks())?
            }
            PlacementKind::Video if tree::takes_clips(placement) => {
                library.clips.missing(tx, asset, &version, placement)?
            }
            PlacementKind::Video => None,
        };
        match reason {
            Some(reason) => out.push((place, reason)),
            None => out.extend(
                caption_of(&captions, asset, placement).err().map(|why| (place, format!("its caption: {why}"))),
            ),
        }
    }
    Ok(out)
}

/// Decides every verb for the caller, or for the member named (only an admin may ask for others).
///
/// # Errors
/// [`OpsError::NotFound`] for what the caller may not list, [`OpsError::Refused`] for asking about others.
pub fn why(library: &Library, actor: &Actor, name: &str, as_member: Option<&str>) -> Result<Value, OpsError> {
    let (asset, path, unrendered, screen) = library.catalog.read(|tx| {
        let asset = target::asset(library, actor, tx, name)?;
        let path = folders::path_of_asset(tx, &asset)?;
        let unrendered = unrendered(library, tx, &library.gate.platforms(), &asset)?;
        let screen = library.screen_told(tx, &asset)?;
        Ok::<_, OpsError>((asset, path, unrendered, screen))
    })?;
    let about = match as_member {
        Some(other) if other != actor.member.name => {
            actor.must_be_admin("ask what another member may do")?;
            Actor::named(library, other)?
        }
        _ => actor.clone(),
    };
    let verbs: Vec<Value> = Verb::ALL
        .iter()
        .map(|verb| {
            let decision = about.decide(library, *verb, &asset);
            json!({ "verb": verb.name(), "allowed": decision.allowed, "reason": decision.reason })
        })
        .collect();
    let unrendered: Vec<Value> =
        unrendered.iter().map(|(place, reason)| json!({ "place": place, "reason": reason })).collect();
    Ok(json!({
        "path": path,
        "id": asset.id.to_string(),
        "member": about.member.name,
        "role": about.member.told_roles(),
        "scope": about.member.scope,
        "policy": about.who().policy,
        "read_only": about.who().read_only,
        "verbs": verbs,
        "unrendered": unrendered,
        "screen": screen,
    }))
}
