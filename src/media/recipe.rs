//! What is to be made of a master, as stable text.

/// The version of the renderer: raised whenever the same recipe would give other bytes.
pub const RENDERER: u32 = 2;

/// How a picture meets the wanted size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fit {
    /// Fills the size exactly; what stands over is cut off on both sides alike.
    Crop,
    /// Fits inside and is laid on a plain canvas of exactly the size: white for JPEG, transparent for PNG.
    Pad,
    /// Shrinks to fit inside, keeps its ratio, and is never enlarged.
    Any,
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StillFormat {
    /// Baseline JPEG, 4:2:0.
    Jpeg,
    /// PNG, 8 bits.
    Png,
}

/// How one export is made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Recipe {
    /// Wanted width; free when not given.
    pub width: Option<u32>,
    /// Wanted height; free when not given.
    pub height: Option<u32>,
    /// How the picture meets that size.
    pub fit: Fit,
    /// What is written.
    pub format: StillFormat,
    /// Most bytes of the file.
    pub max_bytes: Option<u64>,
    /// JPEG quality to begin with, 1 to 100.
    pub quality: u8,
    /// Declares a picture that does not say itself how it came to be as made by a generator (XMP `DigitalSourceType`).
    pub mark_ai: bool,
}

impl Recipe {
    /// The recipe as stable text. Two recipes with the same text give the same bytes.
    #[must_use]
    pub fn canonical(&self) -> String {
        let number = |n: Option<u64>| n.map_or_else(|| "-".to_owned(), |n| n.to_string());
        let fit = match self.fit {
            Fit::Crop => "crop",
            Fit::Pad => "pad",
            Fit::Any => "any",
        };
        format!(
            "damfs-still/1 width={} height={} fit={fit} format={} max={} quality={} ai={}",
            number(self.width.map(u64::from)),
            number(self.height.map(u64::from)),
            self.extension(),
            number(self.max_bytes),
            self.quality.clamp(1, 100),
            u8::from(self.mark_ai),
        )
    }

    /// BLAKE3 of [`Recipe::canonical`].
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        *blake3::hash(self.canonical().as_bytes()).as_bytes()
    }

    /// A guess of the file's size for a listing, before it is rendered. Never zero.
    #[must_use]
    pub fn estimate(&self, source_w: Option<u32>, source_h: Option<u32>) -> u64 {
        let side = |wanted: Option<u32>, source: Option<u32>| match (self.fit, wanted, source) {
            (Fit::Any, Some(w), Some(s)) => u64::from(w.min(s)),
            (_, Some(w), _) => u64::from(w),
            (_, None, Some(s)) => u64::from(s),
            (_, None, None) => 1080,
        };
        let pixels = side(self.width, source_w).saturating_mul(side(self.height, source_h));
        let bytes = match self.format {
            StillFormat::Jpeg => pixels.saturating_mul(u64::from(self.quality.clamp(10, 100))) / 400,
            StillFormat::Png => pixels.saturating_mul(2),
        };
        bytes.saturating_add(1024).min(self.max_bytes.unwrap_or(u64::MAX)).max(1)
    }

    /// The extension of what is written.
    #[must_use]
    pub fn extension(&self) -> &'static str {
        match self.format {
            StillFormat::Jpeg => "jpg",
            StillFormat::Png => "png",
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_recipe_is_stable() {
        let mut r = Recipe {
            width: Some(1080),
            height: Some(1350),
            fit: Fit::Crop,
            format: StillFormat::Jpeg,
            max_bytes: Some(8_000_000),
            quality: 85,
            mark_ai: true,
        };
        assert_eq!(
            r.canonical(),
            "damfs-still/1 width=1080 height=1350 fit=crop format=jpg max=8000000 quality=85 ai=1"
        );
        let before = r.hash();
        r.mark_ai = false;
        assert_ne!(before, r.hash());
        assert!((50_000..2_000_000).contains(&r.estimate(Some(4096), Some(4096))));
        r.width = Some(0);
        r.max_bytes = Some(0);
        assert_eq!(r.estimate(None, None), 1);
    }
}
