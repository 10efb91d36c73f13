//! What stands beside an export: its caption, by the library's templates.

use super::recipes::is_generated;
use crate::catalog::{Asset, VersionRow};
use crate::policy::platforms::Placement;
use crate::policy::{Captions, Post};
use crate::types::Timestamp;

/// What the file is called by behind the stem of what it stands beside.
pub const CAPTION: &str = ".caption.txt";

/// The caption of an asset in a placement; `None` when there is nothing to say.
///
/// # Errors
/// Why there is none.
pub fn caption_of(book: &Captions, asset: &Asset, placement: &Placement) -> Result<Option<String>, String> {
    let title = asset.properties.get("title").map(String::as_str).unwrap_or_default();
    let post = Post {
        title,
        note: asset.notes.as_deref().filter(|note| !is_prompt(note, asset)).unwrap_or_default(),
        personas: asset.personas.iter().map(String::as_str).collect(),
        campaigns: asset.campaigns.iter().map(String::as_str).collect(),
        tags: asset.tags.iter().map(String::as_str).collect(),
        generated: is_generated(asset),
    };
    book.caption(placement, &post)
}

/// Whether a note is what some generators put in its place: the prompt, or a part of it.
fn is_prompt(note: &str, asset: &Asset) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let (note, prompt) = (plain(note), asset.prompt.as_deref().map(plain).unwrap_or_default());
    !prompt.is_empty() && (note.contains(&prompt) || prompt.contains(&note))
}

/// When a caption last changed: with its asset's record, its version or the templates.
#[must_use]
pub fn caption_since(book: &Captions, asset: &Asset, version: &VersionRow) -> Timestamp {
    asset.changed.max(version.mtime).max(book.since.map_or(Timestamp::EPOCH, Timestamp::from_nanos))
}
