//! What a file says of itself, put into its record. What only the catalogue knows stays: an editor that strips
//! generation metadata from a file does not take it out of the record.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use super::conflicts::{self, Lost};
use super::value::check_tag;
use crate::catalog::{Asset, CatalogError, WriteTx};
use crate::media::{self, MediaError, Probe};
use crate::policy::{Field, Glossary};
use crate::types::{AssetId, Generation, ReadAt};

/// What a file and its asset's version before say of themselves.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    pub now: Probe,
    /// `None` of a first version.
    pub before: Option<Probe>,
    /// What their words mean.
    pub glossary: Arc<Glossary>,
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
/// program wrote or took out since the version before comes or goes, what was only changed in the record stays as it is there. Gives
/// the values that were changed in the record, too, and do not stand.
pub fn apply_probe(asset: &mut Asset, reading: &Reading) -> Vec<Lost> {
    let Reading { now, before, glossary } = reading;
    asset.kind.clone_from(&now.kind);
    asset.format.clone_from(&now.format);
    asset.width = now.width;
    asset.height = now.height;
    asset.orientation = now.orientation;
    if let Some(created) = now.created {
        asset.created = created;
    }
    let made = (before.as_ref().and_then(|p| p.generation.as_ref()), now.generation.as_ref());
    let generated = apply_generation(asset, made, glossary);
    apply_said(asset, before.as_ref(), now, glossary).into_iter().chain(generated).collect()
}

/// Merges what people said in a file, as [`apply_probe`] does. An alias says its term; a word that is none is taken all the same, for a
/// file's words are not lost.
pub fn apply_said(asset: &mut Asset, before: Option<&Probe>, now: &Probe, glossary: &Glossary) -> Vec<Lost> {
    let of = |field: Field| move |word: &str| glossary.canonical(&field, word);
    let (tag, persona, campaign) = (of(Field::Tag), of(Field::Persona), of(Field::Campaign));
    let both = |read: &dyn Fn(&Probe) -> BTreeSet<String>| (before.map(read).unwrap_or_default(), read(now));
    let (had, has) = both(&|p| p.keywords.iter().filter_map(|word| keyword(word)).map(|word| tag(&word)).collect());
    merge(&mut asset.tags, &had, &has, &tag);
    // Our own property says persona; the people shown are the next best.
    let (had, has) = both(&|p| {
        let names = if p.persona.is_empty() { &p.persons } else { &p.persona };
        names.iter().filter_map(|name| plain(name)).map(|name| persona(&name)).collect()
    });
    fill(&mut asset.personas, &had, &has, &persona);
    let (had, has) = both(&|p| p.campaign.as_deref().and_then(plain).map(|name| campaign(&name)).into_iter().collect());
    fill(&mut asset.campaigns, &had, &has, &campaign);
    let caption = |p: &Probe| p.description.as_deref().map(str::trim).filter(|d| !d.is_empty()).map(str::to_owned);
    let later = before.is_some();
    let mut lost = Vec::new();
    let mut keep = |field: &str, other: Option<String>| lost.push(Lost { field: field.to_owned(), other });
    if let Some(other) = merge_one(&mut asset.notes, before.and_then(caption), caption(now), later) {
        keep(conflicts::NOTE, other);
    }
    if let Some(other) = merge_one(&mut asset.stars, before.and_then(|p| p.stars), now.stars, later) {
        keep(&Field::Stars.to_string(), other.map(|stars| stars.to_string()));
    }
    let none = BTreeMap::new();
    let (had, has) = (before.map_or(&none, |p| &p.properties), &now.properties);
    for name in had.keys().chain(has.keys()).collect::<BTreeSet<_>>() {
        let mut text = asset.properties.remove(name);
        let other = merge_one(&mut text, had.get(name).cloned(), has.get(name).cloned(), later);
        asset.properties.extend(text.map(|text| (name.clone(), text)));
        if let Some((other, field)) = other.zip(conflicts::of_property(name)) {
            keep(field, other);
        }
    }
    lost
}

fn apply_generation(
    asset: &mut Asset,
    (before, now): (Option<&Generation>, Option<&Generation>),
    glossary: &Glossary,
) -> Option<Lost> {
    let found = now?;
    let lora = |name: &str| glossary.canonical(&Field::Lora, name);
    let loras = |g: &Generation| g.loras.iter().filter_map(|name| plain(name)).map(|name| lora(&name)).collect();
    let model =
        |g: &Generation| g.model.as_deref().and_then(plain).map(|name| glossary.canonical(&Field::Model, &name));
    merge(&mut asset.loras, &before.map(loras).unwrap_or_default(), &loras(found), &lora);
    let other = merge_one(&mut asset.model, before.and_then(model), model(found), before.is_some());
    asset.prompt.clone_from(&found.prompt);
    asset.negative.clone_from(&found.negative);
    asset.sampler.clone_from(&found.sampler);
    asset.seed = found.seed;
    asset.generator = Some(found.tool.clone());
    other.map(|other| Lost { field: Field::Model.to_string(), other })
}

/// How a record's file was generated, as version `n` of it says. What an editor stripped stays, and says so.
#[must_use]
pub fn generation_after(before: Option<Generation>, n: u32, now: &Probe) -> Option<Generation> {
    match &now.generation {
        Some(found) => Some(Generation { version: Some(n), ..found.clone() }),
        None => before.map(|kept| Generation { inherited: true, ..kept }),
    }
}

/// Keeps it beside the record.
///
/// # Errors
/// When the catalogue fails.
pub fn keep_generation(tx: &mut dyn WriteTx, asset: AssetId, n: u32, now: &Probe) -> Result<(), CatalogError> {
    let before = tx.generation(asset)?;
    match generation_after(before.clone(), n, now) {
        Some(after) if before.as_ref() != Some(&after) => tx.put_generation(asset, &after),
        _ => Ok(()),
    }
}

/// What the file had and has no more goes, what it has and had not comes. `canonical` says which term a stored value is.
fn merge(
    values: &mut BTreeSet<String>,
    had: &BTreeSet<String>,
    has: &BTreeSet<String>,
    canonical: &dyn Fn(&str) -> String,
) {
    keep(values, had, has, canonical);
    values.extend(has.difference(had).cloned());
}

fn keep(
    values: &mut BTreeSet<String>,
    had: &BTreeSet<String>,
    has: &BTreeSet<String>,
    canonical: &dyn Fn(&str) -> String,
) {
    values.retain(|value| {
        let term = canonical(value);
        has.contains(&term) || !had.contains(&term)
    });
}

/// As [`merge`], but what comes only fills what is empty: a folder or a person has said better.
fn fill(
    values: &mut BTreeSet<String>,
    had: &BTreeSet<String>,
    has: &BTreeSet<String>,
    canonical: &dyn Fn(&str) -> String,
) {
    keep(values, had, has, canonical);
    if values.is_empty() {
        values.extend(has.difference(had).cloned());
    }
}

/// A program that wrote another value is obeyed; one that took the value out takes its own out alone. What a first version says only
/// fills what is empty. Gives the value that was changed in the record, too, when the program's took its place.
fn merge_one<T: PartialEq>(value: &mut Option<T>, had: Option<T>, has: Option<T>, later: bool) -> Option<Option<T>> {
    if has == had || *value == has {
        return None;
    }
    if *value == had {
        *value = has;
        return None;
    }
    (later && has.is_some()).then(|| std::mem::replace(value, has))
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
        apply_probe(asset, &Reading { now: now.clone(), before: before.cloned(), ..Reading::default() });
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

    /// What a file brings is kept, whatever the glossary takes from people.
    #[test]
    fn a_files_aliases_are_its_terms_and_its_other_words_stay() {
        let words = "strict = [\"tag\"]\n[tag.beach]\naliases = [\"seaside\"]\n[tag.promo]\nretired = true";
        let glossary = Arc::new(Glossary::parse(words).unwrap());
        let mut asset = new();
        let mut save = |before: Option<Probe>, now: Probe| {
            apply_probe(&mut asset, &Reading { now, before, glossary: glossary.clone() });
            Vec::from_iter(asset.tags.clone())
        };
        let first = file(&["seaside", "promo", "odd"], None);
        assert_eq!(save(None, first.clone()), ["beach", "odd", "promo"]);
        assert_eq!(save(Some(first.clone()), first.clone()), ["beach", "odd", "promo"]);
        assert_eq!(save(Some(first), file(&["odd"], None)), ["odd"], "taken out by the name that the file says");
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
    fn what_both_changed_is_given_back_and_nothing_else() {
        let says = |note: &str| file(&[], Some(note));
        let mut asset = new();
        let reading = |before: Option<Probe>, now: Probe| Reading { now, before, ..Reading::default() };
        assert_eq!(apply_probe(&mut asset, &reading(None, says("one"))), []);
        asset.notes = Some("by hand".into());
        assert_eq!(apply_probe(&mut asset, &reading(Some(says("one")), says("by hand"))), [], "both said the same");
        asset.notes = None;
        let lost = apply_probe(&mut asset, &reading(Some(says("by hand")), says("two")));
        assert_eq!(lost, [Lost { field: "note".into(), other: None }], "it had been taken out by hand");
        let lost = apply_probe(&mut asset, &reading(Some(says("two")), nothing()));
        assert_eq!((lost, asset.notes.clone()), (vec![], None));
        asset.notes = Some("by hand".into());
        assert_eq!(apply_probe(&mut asset, &reading(Some(says("two")), nothing())), []);
        assert_eq!(asset.notes.as_deref(), Some("by hand"), "the program had nothing to say");
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
