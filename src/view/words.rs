//! What an export says of itself beside its pixels, as its placement's row asks.

use crate::catalog::{Asset, CatalogError, ReadTx, duplicate};
use crate::media::Words;
use crate::policy::platforms::{Metadata, Placement};
use crate::types::ContentId;

/// What programs call their own version, as their files have it.
const VERSIONS: [&str; 3] = ["Version", "app_version", "swarm_version"];

/// What an asset's export of some bytes says in a placement.
///
/// # Errors
/// When the catalogue cannot be read.
pub(super) fn words_of(
    tx: &dyn ReadTx,
    asset: &Asset,
    content: ContentId,
    placement: &Placement,
) -> Result<Words, CatalogError> {
    if placement.metadata == Metadata::Bare {
        return Ok(Words::default());
    }
    let property = |name: &str| asset.properties.get(name).filter(|text| !text.trim().is_empty()).cloned();
    let mut words = Words {
        platform: Some(placement.platform.clone()),
        // The digits of `by/duplicate/`: they follow from the library's key, and lead nobody without it anywhere.
        derived_from: Some(duplicate(content)),
        rights: property("rights"),
        creator: property("creator"),
        ..Words::default()
    };
    if matches!(placement.metadata, Metadata::AiFields | Metadata::AiPrompt) {
        words.system = match (&asset.model, &asset.generator) {
            (Some(model), Some(tool)) => Some(format!("{model} via {tool}")),
            (model, tool) => model.clone().or_else(|| tool.clone()),
        };
        let fields = tx.generation(asset.id)?.map(|made| made.fields).unwrap_or_default();
        words.system_version = VERSIONS.iter().find_map(|name| fields.get(*name)).cloned();
    }
    if placement.metadata == Metadata::AiPrompt {
        words.prompt.clone_from(&asset.prompt);
    }
    Ok(words)
}
