//! Moving pictures: what is to be made of a clip, the command lines that make it, and whether what came of them is what was asked for.
//!
//! Pure: nothing is run here. The commands read the clip from descriptor 0 and write to descriptor 1, so that they need no name and no
//! right to open one.

mod clip;
mod command;
mod mark;
mod preview;
mod recipe;
mod verdict;

pub use clip::{Clip, probe_command};
pub use command::{Encode, Progress};
pub(super) use mark::XMP_BOX;
pub use mark::{mark, told_by};
pub use preview::{
    FilledPreview, PREVIEW_BYTES, PREVIEW_RENDERER, PREVIEW_SECONDS, Preview, is_preview_size, is_previewed,
    preview_hash,
};
pub use recipe::{CLIP_RENDERER, ClipFit, ClipRecipe};
pub use verdict::verdict;

/// Where both programs find the clip.
const INPUT: &str = "/proc/self/fd/0";
/// Where the encoder writes. By name, for it writes the index to the front in a second pass.
const OUTPUT: &str = "/proc/self/fd/1";
