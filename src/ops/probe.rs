//! What a file says of itself, put into its record. What only the catalogue knows stays: an editor that strips
//! generation metadata from a file does not take it out of the record.

use crate::catalog::Asset;
use crate::media::Probe;

/// Merges what was read from the bytes. Describing facts (type, size) follow the bytes; people's facets are only added to.
pub fn apply_probe(asset: &mut Asset, probe: &Probe) {
    asset.kind = probe.kind.to_string();
    asset.format = probe.format.to_string();
    asset.width = probe.width;
    asset.height = probe.height;
    asset.orientation = probe.orientation;
    if let Some(created) = probe.created {
        asset.created = created;
    }
    match &probe.generation {
        Some(found) => {
            asset.prompt.clone_from(&found.prompt);
            asset.negative.clone_from(&found.negative);
            asset.model.clone_from(&found.model);
            asset.sampler.clone_from(&found.sampler);
            asset.seed = found.seed;
            asset.loras = found.loras.iter().filter(|l| !l.trim().is_empty()).cloned().collect();
            asset.generation = Some(found.clone());
        }
        None => {
            if let Some(kept) = &mut asset.generation {
                kept.inherited = true;
            }
        }
    }
    asset.tags.extend(probe.keywords.iter().filter_map(|word| keyword(word)));
    if asset.personas.is_empty() {
        // Our own property says persona; the people shown are the next best.
        let names = if probe.persona.is_empty() { &probe.persons } else { &probe.persona };
        asset.personas.extend(names.iter().filter_map(|name| plain(name)));
    }
    if asset.campaigns.is_empty() {
        asset.campaigns.extend(probe.campaign.as_deref().and_then(plain));
    }
    if asset.notes.is_none() {
        asset.notes = probe.description.as_deref().map(str::trim).filter(|d| !d.is_empty()).map(str::to_owned);
    }
}

/// What is known of bytes that are no medium.
#[must_use]
pub fn nothing() -> Probe {
    Probe { kind: "other".to_owned(), format: "other".to_owned(), orientation: 1, complete: true, ..Probe::default() }
}

/// A keyword as a tag: `a|b` and `a/b` are levels, as photo programs write them.
fn keyword(word: &str) -> Option<String> {
    let levels: Vec<String> = word.split(['|', '/']).filter_map(plain).collect();
    (!levels.is_empty()).then(|| levels.join("/"))
}

/// Text that can be a value: no control characters, not empty, no longer than a name can be.
fn plain(text: &str) -> Option<String> {
    let text: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    (!text.is_empty() && text.len() <= 200 && text != "none").then_some(text)
}
