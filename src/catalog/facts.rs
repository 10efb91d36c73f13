//! The catalogue's asset, as the query language asks for it.

use std::collections::BTreeSet;

use super::{Asset, AssetState};
use crate::policy::{Facts, Field};
use crate::types::ContentId;

/// One asset's facts. The catalogue's translation of queries to SQL is held equal to this.
#[derive(Debug, Clone, Copy)]
pub struct AssetFacts<'a>(pub &'a Asset);

impl AssetFacts<'_> {
    /// Whether both say the same in every field that is searched for words, by what [`Facts::words`] is made of.
    pub(super) fn same_words(a: &Asset, b: &Asset) -> bool {
        (&a.view_name, &a.prompt, &a.notes, &a.properties) == (&b.view_name, &b.prompt, &b.notes, &b.properties)
    }

    fn orientation(&self) -> Option<&'static str> {
        let (width, height) = (self.0.width?, self.0.height?);
        Some(match width.cmp(&height) {
            std::cmp::Ordering::Less => "portrait",
            std::cmp::Ordering::Equal => "square",
            std::cmp::Ordering::Greater => "landscape",
        })
    }
}

/// What an asset has in common with those of the same prompt and model. White space in the prompt makes no difference.
pub(super) fn family(asset: &Asset) -> Option<String> {
    let mut words = asset.prompt.as_deref()?.split_whitespace().peekable();
    words.peek()?;
    let mut hasher = blake3::Hasher::new_derive_key("damfs prompt family v1");
    for word in words {
        hasher.update(word.as_bytes()).update(b" ");
    }
    // No word holds a line feed.
    hasher.update(b"\n").update(asset.model.as_deref().unwrap_or_default().as_bytes());
    Some(hasher.finalize().to_hex().chars().take(12).collect())
}

/// What assets of the same bytes have in common. Content ids are keyed, and this tells nobody one.
#[must_use]
pub fn duplicate(content: ContentId) -> String {
    digits(duplicate_number(content))
}

/// The same as a number.
pub(super) fn duplicate_number(content: ContentId) -> u64 {
    let digest = blake3::Hasher::new_derive_key("damfs duplicate v1").update(&content.0).finalize();
    let [a, b, c, d, e, f, g, h, ..] = *digest.as_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// Such a number as the sixteen digits that are shown of it.
pub(super) fn digits(number: u64) -> String {
    format!("{number:016x}")
}

/// The number of such digits. Only what [`digits`] writes has one.
pub(super) fn number(text: &str) -> Option<u64> {
    let number = u64::from_str_radix(text, 16).ok()?;
    (digits(number) == text).then_some(number)
}

const fn state(state: AssetState) -> &'static str {
    match state {
        AssetState::Active => "active",
        AssetState::Archived => "archived",
        AssetState::Expired => "expired",
        AssetState::Held => "held",
        AssetState::Trashed => "trashed",
    }
}

impl Facts for AssetFacts<'_> {
    fn texts(&self, field: &Field, each: &mut dyn FnMut(&str)) {
        let asset = self.0;
        let mut one = |value: Option<&str>| value.filter(|v| !v.is_empty()).into_iter().for_each(&mut *each);
        match field {
            Field::Client => one(asset.client.as_deref()),
            Field::Rating => one(asset.rating.as_deref()),
            Field::Stars => one(asset.stars.map(|n| n.to_string()).as_deref()),
            Field::Rights => one(asset.rights.as_deref()),
            Field::Likeness => one(asset.likeness.as_deref()),
            Field::Model => one(asset.model.as_deref()),
            Field::Sampler => one(asset.sampler.as_deref()),
            Field::Stage => one(asset.stage.as_deref()),
            Field::Kind => one(Some(&asset.kind)),
            Field::Format => one(Some(&asset.format)),
            Field::Owner => one(Some(&asset.owner_name)),
            Field::Reviewer => one(asset.reviewer.as_deref()),
            Field::Orientation => one(self.orientation()),
            Field::State => one(Some(state(asset.state))),
            Field::Status(platform) => one(asset.status.get(platform).map(|v| v.value.as_str())),
            Field::AnyStatus => {
                let values: BTreeSet<&str> = asset.status.values().map(|v| v.value.as_str()).collect();
                values.into_iter().for_each(each);
            }
            Field::Conflict => asset.conflicts.keys().for_each(|v| each(v)),
            Field::Persona => asset.personas.iter().for_each(|v| each(v)),
            Field::Campaign => asset.campaigns.iter().for_each(|v| each(v)),
            Field::Tag => asset.tags.iter().for_each(|v| each(v)),
            Field::Family => one(family(asset).as_deref()),
            Field::Duplicate => one(asset.duplicate.as_deref()),
            Field::Lora => asset.loras.iter().for_each(|v| each(v)),
            Field::Colour => asset.colours.names().for_each(each),
            Field::Seed
            | Field::Width
            | Field::Height
            | Field::Created
            | Field::Imported
            | Field::Expires
            | Field::Due
            | Field::Prompt
            | Field::Text => {}
        }
    }

    fn number(&self, field: &Field) -> Option<i64> {
        let asset = self.0;
        match field {
            Field::Seed => asset.seed,
            Field::Width => asset.width.map(i64::from),
            Field::Height => asset.height.map(i64::from),
            Field::Created => Some(asset.created.as_nanos()),
            Field::Imported => Some(asset.imported.as_nanos()),
            Field::Expires => asset.expires.map(|t| t.as_nanos()),
            Field::Due => asset.due.map(|t| t.as_nanos()),
            _ => None,
        }
    }

    fn words(&self, field: &Field) -> String {
        let asset = self.0;
        match field {
            Field::Prompt => asset.prompt.clone().unwrap_or_default(),
            Field::Text => {
                let parts = [Some(asset.view_name.as_str()), asset.prompt.as_deref(), asset.notes.as_deref()];
                let properties = asset.properties.values().map(String::as_str);
                parts.into_iter().flatten().chain(properties).collect::<Vec<_>>().join("\n")
            }
            _ => String::new(),
        }
    }
}
