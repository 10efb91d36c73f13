//! What is to be made of a clip, as stable text.

use crate::media::Words;

/// The version of the clip renderer: raised whenever the same recipe would give other bytes by the same encoder.
pub const CLIP_RENDERER: u32 = 2;

/// How a moving picture meets the wanted size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClipFit {
    /// Fills the size exactly; what stands over is cut off on both sides alike.
    Crop,
    /// Fits inside, between black bars.
    Pad,
    /// Fits inside, on itself enlarged and blurred.
    Blur,
    /// Shrinks to fit inside, keeps its ratio, and is never enlarged.
    Any,
}

/// How one export of a clip is made: H.264 and AAC in MP4, its index in front.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClipRecipe {
    /// Wanted width; free when not given.
    pub width: Option<u32>,
    /// Wanted height; free when not given.
    pub height: Option<u32>,
    /// How the picture meets that size.
    pub fit: ClipFit,
    /// Least frames per second.
    pub least_fps: Option<u32>,
    /// Most frames per second.
    pub most_fps: Option<u32>,
    /// Longest clip that is taken; a longer one is refused, not cut.
    pub max_seconds: Option<u32>,
    /// Most bytes of the file.
    pub max_bytes: Option<u64>,
    /// Declares the clip as made by a generator (XMP `DigitalSourceType`).
    pub mark_ai: bool,
    /// What it says beside that.
    pub words: Words,
}

impl ClipRecipe {
    /// The recipe as stable text. Two recipes with the same text give the same bytes by one build of the encoder.
    #[must_use]
    pub fn canonical(&self) -> String {
        let number = |n: Option<u64>| n.map_or_else(|| "-".to_owned(), |n| n.to_string());
        let small = |n: Option<u32>| number(n.map(u64::from));
        let fit = match self.fit {
            ClipFit::Crop => "crop",
            ClipFit::Pad => "pad",
            ClipFit::Blur => "blur",
            ClipFit::Any => "any",
        };
        format!(
            "damfs-clip/1 width={} height={} fit={fit} fps={}..{} seconds={} max={} ai={}{}",
            small(self.width),
            small(self.height),
            small(self.least_fps),
            small(self.most_fps),
            small(self.max_seconds),
            number(self.max_bytes),
            u8::from(self.mark_ai),
            self.words.canonical(),
        )
    }

    /// BLAKE3 of [`ClipRecipe::canonical`].
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        *blake3::hash(self.canonical().as_bytes()).as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_recipe_is_stable_and_tells_recipes_apart() {
        let recipe = ClipRecipe {
            width: Some(1080),
            height: Some(1920),
            fit: ClipFit::Crop,
            least_fps: Some(23),
            most_fps: Some(60),
            max_seconds: Some(900),
            max_bytes: Some(1_000_000_000),
            mark_ai: true,
            words: Words::default(),
        };
        assert_eq!(
            recipe.canonical(),
            "damfs-clip/1 width=1080 height=1920 fit=crop fps=23..60 seconds=900 max=1000000000 ai=1"
        );
        for other in [
            ClipRecipe { height: None, ..recipe.clone() },
            ClipRecipe { fit: ClipFit::Blur, ..recipe.clone() },
            ClipRecipe { most_fps: None, ..recipe.clone() },
            ClipRecipe { mark_ai: false, ..recipe.clone() },
            ClipRecipe { words: Words { rights: Some("© L".into()), ..Words::default() }, ..recipe.clone() },
        ] {
            assert_ne!(other.hash(), recipe.hash());
        }
    }
}
