//! What is to be made of a master, as stable text.

use super::{Focus, Signed, Words};

/// The version of the renderer: raised whenever the same recipe would give other bytes.
pub const RENDERER: u32 = 8;

/// How a picture meets the wanted size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fit {
    /// Fills the size exactly; what stands over is cut off, around the focus.
    Crop,
    /// Fits inside and is laid on a canvas of exactly the size.
    Pad,
    /// Shrinks to fit inside, keeps its ratio, and is never enlarged.
    Any,
}

/// What is under a picture and around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Canvas {
    /// Nothing where the format has transparency, else white.
    Plain,
    /// Red, green, blue.
    Colour([u8; 3]),
    /// The picture itself, filling the canvas and out of focus.
    Blur,
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StillFormat {
    /// Baseline JPEG, 4:2:0.
    Jpeg,
    /// PNG, 8 bits.
    Png,
    /// Lossy WebP.
    WebP,
    /// One picture of 256 colours.
    Gif,
    Bmp,
    /// Deflated TIFF, 8 bits.
    Tiff,
    /// AVIF, 8 bits, 4:2:0; by another program.
    Avif,
}

impl StillFormat {
    const ALL: [Self; 7] = [Self::Jpeg, Self::Png, Self::WebP, Self::Gif, Self::Bmp, Self::Tiff, Self::Avif];

    /// The format of that name, as [`super::Sniffed::format`] gives it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::WebP => "webp",
            Self::Gif => "gif",
            Self::Bmp => "bmp",
            Self::Tiff => "tiff",
            Self::Avif => "avif",
        }
    }

    /// The extension of its files.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            other => other.name(),
        }
    }

    /// Whether it has a quality that can be given up for a smaller file.
    #[must_use]
    pub const fn has_quality(self) -> bool {
        matches!(self, Self::Jpeg | Self::WebP | Self::Avif)
    }

    /// Whether a file of it has room for what is signed of it.
    #[must_use]
    pub const fn is_signable(self) -> bool {
        matches!(self, Self::Jpeg | Self::Png | Self::WebP)
    }

    /// Whether its pixels may be transparent.
    #[must_use]
    pub const fn has_alpha(self) -> bool {
        matches!(self, Self::Png | Self::WebP | Self::Tiff | Self::Avif)
    }

    /// Whether another program writes it, a new build of which may write other bytes.
    #[must_use]
    pub const fn is_converted(self) -> bool {
        matches!(self, Self::Avif)
    }
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
    /// What a crop keeps in sight; without it the middle.
    pub focus: Option<Focus>,
    /// A crop without a focus keeps in sight what stands out.
    pub attention: bool,
    /// What is around it.
    pub canvas: Canvas,
    /// Whether it may be enlarged.
    pub upscale: bool,
    /// How much edges are brought out, to 100; 0 is not at all.
    pub sharpen: u8,
    /// What is written into the lower right corner.
    pub watermark: Option<String>,
    /// What is written.
    pub format: StillFormat,
    /// Most bytes of the file.
    pub max_bytes: Option<u64>,
    /// Quality to begin with, 1 to 100, of formats that have one.
    pub quality: u8,
    /// Declares a picture that does not say itself how it came to be as made by a generator (XMP `DigitalSourceType`).
    pub mark_ai: bool,
    /// What it says beside that.
    pub words: Words,
    /// Whose it is and who signs it, if anybody does; a picture that `mark_ai` does not declare is not signed.
    pub signed: Option<Signed>,
}

/// The picture as it is, as a JPEG.
impl Default for Recipe {
    fn default() -> Self {
        Self {
            width: None,
            height: None,
            fit: Fit::Any,
            focus: None,
            attention: false,
            canvas: Canvas::Plain,
            upscale: false,
            sharpen: 0,
            watermark: None,
            format: StillFormat::Jpeg,
            max_bytes: None,
            quality: 80,
            mark_ai: false,
            words: Words::default(),
            signed: None,
        }
    }
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
        let mut text = format!(
            "damfs-still/1 width={} height={} fit={fit} format={} max={} quality={} ai={}",
            number(self.width.map(u64::from)),
            number(self.height.map(u64::from)),
            self.format.extension(),
            number(self.max_bytes),
            self.quality.clamp(1, 100),
            u8::from(self.mark_ai),
        );
        // What is as ever is not said: recipes from before there was anything else keep their names.
        if let Some(focus) = self.focus {
            text.push_str(&format!(" focus={focus}"));
        } else if self.attention {
            text.push_str(" focus=attention");
        }
        match self.canvas {
            Canvas::Plain => {}
            Canvas::Colour([r, g, b]) => text.push_str(&format!(" canvas=#{r:02x}{g:02x}{b:02x}")),
            Canvas::Blur => text.push_str(" canvas=blur"),
        }
        if self.upscale {
            text.push_str(" upscale=1");
        }
        if self.sharpen > 0 {
            text.push_str(&format!(" sharpen={}", self.sharpen));
        }
        if let Some(watermark) = &self.watermark {
            text.push_str(&format!(" watermark={watermark:?}"));
        }
        text.push_str(&self.words.canonical());
        if let Some(signed) = &self.signed {
            text.push_str(&signed.canonical());
        }
        text
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
            StillFormat::WebP | StillFormat::Avif => {
                pixels.saturating_mul(u64::from(self.quality.clamp(10, 100))) / 600
            }
            StillFormat::Gif => pixels,
            StillFormat::Png | StillFormat::Tiff => pixels.saturating_mul(2),
            StillFormat::Bmp => pixels.saturating_mul(3),
        };
        bytes.saturating_add(1024).min(self.max_bytes.unwrap_or(u64::MAX)).max(1)
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
            max_bytes: Some(8_000_000),
            quality: 85,
            mark_ai: true,
            ..Recipe::default()
        };
        assert_eq!(
            r.canonical(),
            "damfs-still/1 width=1080 height=1350 fit=crop format=jpg max=8000000 quality=85 ai=1"
        );
        let more =
            Recipe { focus: "0.3,0.2".parse().ok(), canvas: Canvas::Colour([1, 171, 255]), upscale: true, ..r.clone() };
        assert_eq!(more.canonical(), r.canonical() + " focus=0.3,0.2 canvas=#01abff upscale=1");
        assert!(Recipe { canvas: Canvas::Blur, ..r.clone() }.canonical().ends_with("ai=1 canvas=blur"));
        let looks = Recipe { attention: true, sharpen: 40, watermark: Some("@l \"x\"".into()), ..r.clone() };
        assert_eq!(looks.canonical(), r.canonical() + r#" focus=attention sharpen=40 watermark="@l \"x\"""#);
        assert!(!Recipe { focus: "0.3,0.2".parse().ok(), ..looks }.canonical().contains("attention"));
        let before = r.hash();
        r.mark_ai = false;
        assert_ne!(before, r.hash());
        assert!((50_000..2_000_000).contains(&r.estimate(Some(4096), Some(4096))));
        r.width = Some(0);
        r.max_bytes = Some(0);
        assert_eq!(r.estimate(None, None), 1);
    }
}
