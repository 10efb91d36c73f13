//! From a master to an export: crop and resize in one pass, then colour, orientation, canvas, and the file.

use std::borrow::Cow;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::DynamicImage;
use image::metadata::Orientation;

use super::canvas::{Ground, WHITE, flatten, lay};
use super::colour::to_srgb;
use super::decode::{Layout, Samples};
use super::encode::{self, Encoder, Rendered};
use super::plan::{Part, Plan, filling, plan, squeezed, stored};
use super::seal::{Claim, Sealer, Step, steps};
use super::sharpen::sharpen;
use super::{Canvas, Fit, Limits, Master, MediaError, RENDERER, Recipe, alpha, attention, mark, source_type};
use crate::types::ReadAt;

/// Pixels in sRGB, upright.
pub(super) struct Raster {
    pub width: u32,
    pub height: u32,
    /// RGB, or RGBA when `alpha`.
    pub pixels: Vec<u8>,
    pub alpha: bool,
}

/// Longest side of the copy that a blurred ground is made of.
const BLURRED: u32 = 24;

/// An export that is only to be written, for which the master is needed no more.
pub struct Finished {
    raster: Raster,
    recipe: Recipe,
    packet: Option<String>,
    /// What is signed of it.
    claimed: Option<Claimed>,
}

/// What is only known with the master.
struct Claimed {
    recipe: [u8; 32],
    source_type: String,
    steps: Vec<Step>,
}

impl Finished {
    /// How many pixels it has.
    #[must_use]
    pub fn pixels(&self) -> u64 {
        u64::from(self.raster.width) * u64::from(self.raster.height)
    }

    /// The file, which another program writes if need be, and who has a certificate signs.
    ///
    /// # Errors
    /// When it cannot be made as small as the recipe asks, or that program cannot be run, or nobody signs it.
    pub fn write(&self, by: Option<&dyn Encoder>, sealer: Option<&dyn Sealer>) -> Result<Rendered, MediaError> {
        let Recipe { format, words, .. } = &self.recipe;
        let sealed = |file: Vec<u8>| match &self.claimed {
            None => Ok(file),
            Some(Claimed { recipe, source_type, steps }) => {
                let sealer = sealer.ok_or_else(|| MediaError::Unwritable {
                    format: format.name().to_owned(),
                    why: "it is to be signed, and there is no certificate here".to_owned(),
                })?;
                let agent = words.system.as_deref().map(|system| (system, words.system_version.as_deref()));
                sealer.seal(&file, *format, &Claim { recipe: *recipe, renderer: RENDERER, source_type, agent, steps })
            }
        };
        encode::encode(&self.raster, &self.recipe, self.packet.as_deref(), by, &sealed)
    }
}

/// Decodes and renders in one go.
///
/// # Errors
/// As [`Master::decode`] and [`Master::render`].
pub fn render(source: &dyn ReadAt, recipe: &Recipe, limits: &Limits) -> Result<Rendered, MediaError> {
    Master::decode(source, limits)?.render(recipe)
}

impl Master {
    /// Renders one export. The same master and recipe give the same bytes.
    ///
    /// # Errors
    /// When the picture is too small for the recipe, or the result cannot be made as small as it asks or would be absurdly large.
    pub fn render(&self, recipe: &Recipe) -> Result<Rendered, MediaError> {
        self.render_with(recipe, None)
    }

    /// Renders one export, which is written by another program if need be.
    ///
    /// # Errors
    /// As [`Master::render`], and when that program cannot be run.
    pub fn render_with(&self, recipe: &Recipe, by: Option<&dyn Encoder>) -> Result<Rendered, MediaError> {
        self.finished(recipe)?.write(by, None)
    }

    /// The pixels of one export.
    ///
    /// # Errors
    /// When the picture is too small for the recipe, or the result would be absurdly large.
    pub fn finished(&self, recipe: &Recipe) -> Result<Finished, MediaError> {
        let asked = recipe;
        let recipe = self.looked_at(asked)?;
        let plan = plan(self.size(), &recipe)?;
        let mut raster = self.raster(&plan)?;
        if recipe.sharpen > 0 {
            sharpen(&mut raster, recipe.sharpen);
        }
        let is_covered = (raster.width, raster.height) == plan.canvas;
        let ground = match recipe.canvas {
            Canvas::Plain if recipe.format.has_alpha() => Ground::Nothing,
            Canvas::Blur if is_covered && recipe.format.has_alpha() => Ground::Nothing,
            Canvas::Blur if !is_covered => Ground::Picture(self.blurred(plan.canvas, &recipe)?),
            Canvas::Plain | Canvas::Blur => Ground::Colour(WHITE),
            Canvas::Colour(colour) => Ground::Colour(colour),
        };
        let declared = self.told.source_type.as_deref().or(recipe.mark_ai.then_some(source_type::GENERATED));
        let packet = recipe.words.packet(&self.told, declared, plan.canvas);
        let mut laid = lay(raster, plan.canvas, ground);
        if let Some(text) = &recipe.watermark {
            mark::corner(&mut laid, text);
        }
        // Who signs says what the record says; of a picture of which it says nothing, nothing is claimed,
        // nor of one that others have signed: that it was created here would be no truth.
        let is_ours = asked.mark_ai && asked.format.is_signable() && !self.is_signed;
        let claimed = asked.signed.filter(|_| is_ours);
        let claimed = claimed.map(|signed| Claimed {
            recipe: asked.hash(),
            source_type: source_type::of_generated(self.told.source_type.as_deref()).to_owned(),
            steps: steps(self.size(), &plan, asked, signed.is_converted),
        });
        Ok(Finished { raster: laid, recipe: recipe.into_owned(), packet, claimed })
    }

    /// The recipe with a focus, where it leaves that to the picture.
    fn looked_at<'a>(&self, recipe: &'a Recipe) -> Result<Cow<'a, Recipe>, MediaError> {
        let asks = recipe.attention && recipe.fit == Fit::Crop && recipe.focus.is_none();
        let (Some(w), Some(h), true) = (recipe.width, recipe.height, asks) else { return Ok(Cow::Borrowed(recipe)) };
        let small = attention::size(self.size());
        // In the file's own colours: what is made of them is not the same on every processor to the last bit.
        let copy = flatten(self.in_colours(&squeezed(self.size(), small), None)?, WHITE);
        Ok(Cow::Owned(Recipe { focus: Some(attention::focus(&copy, (w, h))), ..recipe.clone() }))
    }

    /// The picture itself, filling the canvas and out of focus.
    fn blurred(&self, canvas: (u32, u32), recipe: &Recipe) -> Result<Raster, MediaError> {
        let longest = canvas.0.max(canvas.1).max(1);
        let small = |side: u32| (side * BLURRED.min(longest) / longest).max(1);
        let size = (small(canvas.0), small(canvas.1));
        let copy = self.raster(&Plan { crop: filling(self.size(), canvas, recipe), size, canvas: size })?;
        let pixels = Samples::Bytes(flatten(copy, WHITE).pixels);
        let whole = (0.0, 0.0, f64::from(size.0), f64::from(size.1));
        let pixels = resize(&pixels, Layout::Rgb, size, whole, canvas, FilterType::Gaussian)?;
        let pixels = to_srgb(pixels, Layout::Rgb, None);
        Ok(Raster { width: canvas.0, height: canvas.1, pixels, alpha: false })
    }

    /// The planned part in sRGB, upright, without its canvas.
    pub(super) fn raster(&self, plan: &Plan) -> Result<Raster, MediaError> {
        self.in_colours(plan, self.icc.as_deref())
    }

    fn in_colours(&self, plan: &Plan, icc: Option<&[u8]>) -> Result<Raster, MediaError> {
        let part = stored(plan.crop, self.size(), self.orientation);
        let size = if self.turned() { (plan.size.1, plan.size.0) } else { plan.size };
        let pixels = resize(&self.pixels, self.layout, (self.width, self.height), part, size, FilterType::Lanczos3)?;
        let pixels = to_srgb(pixels, self.layout, icc);
        let raster = Raster { width: size.0, height: size.1, pixels, alpha: self.layout.has_alpha() };
        upright(raster, self.orientation)
    }
}

/// A part of a picture in another size.
fn resize(
    pixels: &Samples,
    layout: Layout,
    (width, height): (u32, u32),
    (left, top, w, h): Part,
    size: (u32, u32),
    filter: FilterType,
) -> Result<Samples, MediaError> {
    let kind = match (pixels, layout) {
        (Samples::Bytes(_) | Samples::Shared(_), Layout::Gray) => PixelType::U8,
        (Samples::Bytes(_) | Samples::Shared(_), Layout::GrayAlpha) => PixelType::U8x2,
        (Samples::Bytes(_) | Samples::Shared(_), Layout::Rgb) => PixelType::U8x3,
        (Samples::Bytes(_) | Samples::Shared(_), Layout::Rgba | Layout::Cmyk) => PixelType::U8x4,
        (Samples::Words(_), Layout::Gray) => PixelType::U16,
        (Samples::Words(_), Layout::GrayAlpha) => PixelType::U16x2,
        (Samples::Words(_), Layout::Rgb) => PixelType::U16x3,
        (Samples::Words(_), Layout::Rgba | Layout::Cmyk) => PixelType::U16x4,
    };
    let failed = |what: String| MediaError::damaged(format!("the picture cannot be resized: {what}"));
    // Of two bytes the library's own implementations round in different ways when alpha is taken out again.
    let weighed = match pixels {
        Samples::Words(words) if layout.has_alpha() => Some(alpha::weigh(words, layout.channels())),
        _ => None,
    };
    let bytes = weighed.as_deref().map_or_else(|| pixels.as_bytes(), bytemuck::cast_slice);
    let from = ImageRef::new(width, height, bytes, kind).map_err(|e| failed(e.to_string()))?;
    let mut to = Image::new(size.0, size.1, kind);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(filter))
        .crop(left, top, w, h)
        .use_alpha(layout.has_alpha() && weighed.is_none());
    Resizer::new().resize(&from, &mut to, &options).map_err(|e| failed(e.to_string()))?;
    let resized = to.into_vec();
    Ok(match pixels {
        Samples::Bytes(_) | Samples::Shared(_) => Samples::Bytes(resized),
        Samples::Words(_) => {
            let mut words: Vec<u16> = bytemuck::pod_collect_to_vec(&resized);
            if weighed.is_some() {
                alpha::unweigh(&mut words, layout.channels());
            }
            Samples::Words(words)
        }
    })
}

/// Applies the orientation to the pixels.
fn upright(raster: Raster, orientation: Orientation) -> Result<Raster, MediaError> {
    if orientation == Orientation::NoTransforms {
        return Ok(raster);
    }
    let Raster { width, height, pixels, alpha } = raster;
    let picture = if alpha {
        image::RgbaImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgba8)
    } else {
        image::RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8)
    };
    let mut picture = picture.ok_or_else(|| MediaError::damaged("the picture has fewer pixels than it says"))?;
    picture.apply_orientation(orientation);
    Ok(Raster { width: picture.width(), height: picture.height(), pixels: picture.into_bytes(), alpha })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    /// Exports are the same on every machine, whatever its processor can do.
    #[test]
    fn every_processor_resizes_to_the_same_pixels() {
        let channel = |i: u32| u16::try_from(i.wrapping_mul(2_654_435_761) >> 16).unwrap();
        let words: Vec<u16> = (0u32..97 * 61 * 4).map(channel).collect();
        for (samples, kind, alpha) in [
            (Samples::Bytes(words.iter().map(|v| v.to_le_bytes()[1]).collect()), PixelType::U8x4, true),
            (Samples::Words(words), PixelType::U16x4, false),
        ] {
            let from = ImageRef::new(97, 61, samples.as_bytes(), kind).unwrap();
            let options = ResizeOptions::new().crop(3.25, 2.5, 80.5, 50.0).use_alpha(alpha);
            let resized = |mut r: Resizer| {
                let mut to = Image::new(31, 17, kind);
                r.resize(&from, &mut to, &options).unwrap();
                to.into_vec()
            };
            let mut plain = Resizer::new();
            #[expect(unsafe_code, reason = "the only way to choose the plain implementation")]
            // SAFETY: every processor can run the implementation that uses no extensions.
            unsafe {
                plain.set_cpu_extensions(fast_image_resize::CpuExtensions::None);
            }
            assert_eq!(resized(Resizer::new()), resized(plain), "{kind:?}");
        }
    }
}
