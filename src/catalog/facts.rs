//! An asset as the query language asks about it.

use damfs_policy::{Facts, Field};

use super::{Asset, AssetState};

/// The facts of one asset.
pub struct AssetFacts<'a>(pub &'a Asset);

/// The text that `text=` searches: name, prompt and notes.
#[must_use]
pub fn words(asset: &Asset) -> String {
    let mut out = asset.view_name.clone();
    for part in [&asset.prompt, &asset.notes].into_iter().flatten() {
        out.push('\n');
        out.push_str(part);
    }
    out
}

fn state(asset: &Asset) -> &'static str {
    match asset.state {
        AssetState::Active => "active",
        AssetState::Archived => "archived",
        AssetState::Expired => "expired",
        AssetState::Held => "held",
        AssetState::Trashed => "trashed",
    }
}

impl Facts for AssetFacts<'_> {
    fn texts(&self, field: &Field, each: &mut dyn FnMut(&str)) {
        let a = self.0;
        let mut some = |value: &str| {
            if !value.is_empty() {
                each(value);
            }
        };
        match field {
            Field::Persona => a.personas.iter().for_each(|v| some(v)),
            Field::Campaign => a.campaigns.iter().for_each(|v| some(v)),
            Field::Tag => a.tags.iter().for_each(|v| some(v)),
            Field::Lora => a.loras.iter().for_each(|v| some(v)),
            Field::Client => a.client.iter().for_each(|v| some(v)),
            Field::Rating => a.rating.iter().for_each(|v| some(v)),
            Field::Rights => a.rights.iter().for_each(|v| some(v)),
            Field::Likeness => a.likeness.iter().for_each(|v| some(v)),
            Field::Model => a.model.iter().for_each(|v| some(v)),
            Field::Sampler => a.sampler.iter().for_each(|v| some(v)),
            Field::Stage => a.stage.iter().for_each(|v| some(v)),
            Field::Kind => some(&a.kind),
            Field::Format => some(&a.format),
            Field::Owner => some(&a.owner_name),
            Field::State => some(state(a)),
            Field::Orientation => {
                if let (Some(w), Some(h)) = (a.width, a.height) {
                    some(match w.cmp(&h) {
                        std::cmp::Ordering::Less => "portrait",
                        std::cmp::Ordering::Greater => "landscape",
                        std::cmp::Ordering::Equal => "square",
                    });
                }
            }
            Field::Status(platform) => a.status.get(platform).iter().for_each(|v| some(&v.value)),
            Field::AnyStatus => {
                let values: std::collections::BTreeSet<&str> = a.status.values().map(|v| v.value.as_str()).collect();
                values.into_iter().for_each(some);
            }
            _ => {}
        }
    }

    fn number(&self, field: &Field) -> Option<i64> {
        let a = self.0;
        match field {
            Field::Width => a.width.map(i64::from),
            Field::Height => a.height.map(i64::from),
            Field::Seed => a.seed,
            Field::Created => Some(a.created.as_nanos()),
            Field::Imported => Some(a.imported.as_nanos()),
            Field::Expires => a.expires.map(crate::types::Timestamp::as_nanos),
            _ => None,
        }
    }

    fn words(&self, field: &Field) -> String {
        match field {
            Field::Text => words(self.0),
            Field::Prompt => self.0.prompt.clone().unwrap_or_default(),
            _ => String::new(),
        }
    }
}
