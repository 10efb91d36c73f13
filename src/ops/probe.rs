//! What a file says of itself, put into its record. What only the catalogue knows stays: an editor that strips
//! generation metadata from a file does not take it out of the record.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::value::check_tag;
use crate::catalog::{Asset, CatalogError, WriteTx};
use crate::media::{self, MediaError, Probe};
use crate::types::{AssetId, Generation, ReadAt};

/// What a file and its asset's version before say of themselves.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    pub now: Probe,
    /// `None` of a first version.
    pub before: Option<Probe>,
}

/// What bytes say of themselves.
#[must_use]
pub fn read(source: &dyn ReadAt) -> Probe {
    try_read(source).unwrap_or_else(|_| nothing())
}

/// As [`read`].
///
/// # Errors
/// When the bytes cannot be read.
pub fn try_read(source: &dyn ReadAt) -> io::Result<Probe> {
    match media::probe(source) {
        Err(MediaError::Io(e)) => Err(e),
        probed => Ok(probed.unwrap_or_else(|_| nothing())),
    }
}

/// Merges what was read from the bytes. Describing facts (type, size) follow the bytes. People's facets are merged three ways: what a
/// program wrote or took out since the version before comes or goes, what was only changed in the record stays as it is there.
pub fn apply_probe(asset: &mut Asset, reading: &Reading) {
    let Reading { now, before } = reading;
    asset.kind.clone_from(&now.kind);
    asset.format.clone_from(&now.format);
    asset.width = now.width;
    asset.height = now.height;
    asset.orientation = now.orientation;
    if let Some(created) = now.created {
        asset.created = created;
    }
    apply_generation(asset, now.generation.as_ref(), before.as_ref().and_then(|p| p.generation.as_ref()));
    let both = |read: fn(&Probe) -> BTreeSet<String>| (before.as_ref().map(read).unwrap_or_default(), read(now));
    let (had, has) = both(|p| p.keywords.iter().filter_map(|word| keyword(word)).collect());
    merge(&mut asset.tags, &had, &has);
    // Our own property says persona; the people shown are the next best.
    let (had, has) = both(|p| {
        let names = if p.persona.is_empty() { &p.persons } else { &p.persona };
        names.iter().filter_map(|name| plain(name)).collect()
    });
    fill(&mut asset.personas, &had, &has);
    let (had, has) = both(|p| p.campaign.as_deref().and_then(plain).into_iter().collect());
    fill(&mut asset.campaigns, &had, &has);
    let caption = |p: &Probe| p.description.as_deref().map(str::trim).filter(|d| !d.is_empty()).map(str::to_owned);
    merge_one(&mut asset.notes, before.as_ref().and_then(caption), caption(now), before.is_some());
    merge_one(&mut asset.stars, before.as_ref().and_then(|p| p.stars), now.stars, before.is_some());
    let none = BTreeMap::new();
    merge_texts(
        &mut asset.properties,
        before.as_ref().map_or(&none, |p| &p.properties),
        &now.properties,
        before.is_some(),
    );
}

fn apply_generation(asset: &mut Asset, now: Option<&Generation>, before: Option<&Generation>) {
    let Some(found) = now else { return };
    let loras = |g: &Generation| g.loras.iter().filter_map(|name| plain(name)).collect();
    let model = |g: &Generation| g.model.as_deref().and_then(plain);
    merge(&mut asset.loras, &before.map(loras).unwrap_or_default(), &loras(found));
    merge_one(&mut asset.model, before.and_then(model), model(found), before.is_some());
    asset.prompt.clone_from(&found.prompt);
    asset.negative.clone_from(&found.negative);
    asset.sampler.clone_from(&found.sampler);
    asset.seed = found.seed;
    asset.generator = Some(found.tool.clone());
}

/// Keeps beside a record how its file was generated. What an editor stripped stays, and says so.
///
/// # Errors
/// When the catalogue fails.
pub fn keep_generation(tx: &mut dyn WriteTx, asset: AssetId, now: &Probe) -> Result<(), CatalogError> {
    let kept = match &now.generation {
        Some(found) => Some(found.clone()),
        None => tx.generation(asset)?.filter(|kept| !kept.inherited).map(|kept| Generation { inherited: true, ..kept }),
    };
    kept.map_or(Ok(()), |generation| tx.put_generation(asset, &generation))
}

/// What the file had and has no more goes, what it has and had not comes.
fn merge(values: &mut BTreeSet<String>, had: &BTreeSet<String>, has: &BTreeSet<String>) {
    values.retain(|value| has.contains(value) || !had.contains(value));
    values.extend(has.difference(had).cloned());
}

/// As [`merge`], but what comes only fills what is empty: a folder or a person has said better.
fn fill(values: &mut BTreeSet<String>, had: &BTreeSet<String>, has: &BTreeSet<String>) {
    values.retain(|value| has.contains(value) || !had.contains(value));
    if values.is_empty() {
        values.extend(has.difference(had).cloned());
    }
}

/// A program that wrote another value is obeyed; one that took the value out takes its own out alone. What a first version says only
/// fills what is empty.
fn merge_one<T: PartialEq>(value: &mut Option<T>, had: Option<T>, has: Option<T>, later: bool) {
    if has != had && (*value == had || (later && has.is_some())) {
        *value = has;
    }
}

/// As [`merge_one`], of each name.
fn merge_texts(
    texts: &mut BTreeMap<String, String>,
    had: &BTreeMap<String, String>,
    has: &BTreeMap<String, String>,
    later: bool,
) {
    let names: BTreeSet<&String> = had.keys().chain(has.keys()).collect();
    for name in names {
        let mut text = texts.remove(name);
        merge_one(&mut text, had.get(name).cloned(), has.get(name).cloned(), later);
        texts.extend(text.map(|text| (name.clone(), text)));
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
    Some(levels.join("/")).filter(|tag| check_tag(tag).is_ok())
}

/// Text that can be a value: no control characters, not empty, no longer than a name can be.
fn plain(text: &str) -> Option<String> {
    let text: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    (!text.is_empty() && text.len() <= 200 && text != "none").then_some(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::ops::record::blank;
    use crate::types::Timestamp;

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|word| (*word).to_owned()).collect()
    }

    fn file(keywords: &[&str], description: Option<&str>) -> Probe {
        Probe { keywords: words(keywords), description: description.map(str::to_owned), ..nothing() }
    }

    fn save(asset: &mut Asset, before: Option<&Probe>, now: &Probe) {
        apply_probe(asset, &Reading { now: now.clone(), before: before.cloned() });
    }

    fn new() -> Asset {
        blank(AssetId::from_bytes([1; 16]), Timestamp::EPOCH)
    }

    #[test]
    fn a_removed_tag_stays_away_and_what_a_program_changed_is_followed() {
        let mut asset = new();
        let first = file(&["beach", "sun", "a|b"], None);
        save(&mut asset, None, &first);
        assert!(asset.tags.remove("beach"));
        asset.tags.insert("mine".into());
        save(&mut asset, Some(&first), &first);
        assert_eq!(Vec::from_iter(&asset.tags), ["a/b", "mine", "sun"], "still in the file, and still removed");
        let second = file(&["beach", "a|b", "new"], None);
        save(&mut asset, Some(&first), &second);
        assert_eq!(Vec::from_iter(&asset.tags), ["a/b", "mine", "new"]);
        save(&mut asset, Some(&second), &file(&[], None));
        assert_eq!(Vec::from_iter(&asset.tags), ["mine"], "a program that writes none has removed its own");
    }

    #[test]
    fn captions_and_models_are_merged_likewise() {
        let mut asset = new();
        let first = file(&[], Some("from the file"));
        asset.notes = Some("said before".into());
        save(&mut asset, None, &first);
        assert_eq!(asset.notes.as_deref(), Some("said before"));
        asset.notes = None;
        save(&mut asset, Some(&first), &first);
        assert_eq!(asset.notes, None, "taken out by hand");
        let second = file(&[], Some("another"));
        save(&mut asset, Some(&first), &second);
        assert_eq!(asset.notes.as_deref(), Some("another"));
        asset.notes = Some("by hand".into());
        save(&mut asset, Some(&second), &file(&[], None));
        assert_eq!(asset.notes.as_deref(), Some("by hand"), "only its own caption was taken out");

        let made = |model: &str, loras: &[&str]| Probe {
            generation: Some(Generation { model: Some(model.into()), loras: words(loras), ..Generation::default() }),
            ..nothing()
        };
        let first = made("sdxl", &["detail", "film"]);
        save(&mut asset, None, &first);
        asset.model = Some("corrected".into());
        asset.loras.remove("film");
        save(&mut asset, Some(&first), &first);
        assert_eq!((asset.model.as_deref(), asset.loras.len()), (Some("corrected"), 1));
        save(&mut asset, Some(&first), &made("flux", &["detail", "film"]));
        assert_eq!((asset.model.as_deref(), asset.loras.len()), (Some("flux"), 1));
    }

    #[test]
    fn stars_and_properties_are_merged_likewise() {
        let says = |stars: Option<u8>, title: &str| Probe {
            stars,
            properties: BTreeMap::from([("title".to_owned(), title.to_owned())]),
            ..nothing()
        };
        let mut asset = new();
        let first = says(Some(4), "one");
        save(&mut asset, None, &first);
        asset.stars = Some(9);
        asset.properties.insert("rights".into(), "by hand".into());
        save(&mut asset, Some(&first), &says(Some(4), "two"));
        assert_eq!((asset.stars, asset.properties["title"].as_str()), (Some(9), "two"));
        save(&mut asset, Some(&says(Some(4), "two")), &Probe { stars: Some(2), ..nothing() });
        assert_eq!(asset.stars, Some(2));
        assert_eq!(Vec::from_iter(asset.properties.keys()), ["rights"], "its own title was taken out, no other text");
    }

    #[test]
    fn people_in_a_picture_only_fill_what_is_empty() {
        let shows = |persons: &[&str]| Probe { persons: words(persons), ..nothing() };
        let mut asset = new();
        asset.personas.insert("luna".into());
        save(&mut asset, None, &shows(&["Mira"]));
        assert_eq!(Vec::from_iter(&asset.personas), ["luna"]);
        asset.personas.clear();
        save(&mut asset, Some(&shows(&["Mira"])), &shows(&["Mira"]));
        assert!(asset.personas.is_empty(), "taken out by hand");
        save(&mut asset, Some(&shows(&["Mira"])), &shows(&["Nova"]));
        assert_eq!(Vec::from_iter(&asset.personas), ["Nova"]);
    }
}
