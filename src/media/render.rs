//! From a master to an export: crop and resize in one pass, then colour, orientation, canvas, and the file.

use std::panic::{AssertUnwindSafe, catch_unwind};

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::DynamicImage;
use image::metadata::Orientation;
use moxcms::{ColorProfile, DataColorSpace, TransformOptions};

use super::canvas::{Ground, WHITE, flatten, lay};
use super::decode::Layout;
use super::encode::{self, Rendered};
use super::plan::{Part, Plan, filling, plan, stored};
use super::{Canvas, Limits, Master, MediaError, Recipe, source_type};
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
        let plan = plan(self.size(), recipe)?;
        let raster = self.raster(&plan)?;
        let is_covered = (raster.width, raster.height) == plan.canvas;
        let ground = match recipe.canvas {
            Canvas::Plain if recipe.format.has_alpha() => Ground::Nothing,
            Canvas::Blur if is_covered && recipe.format.has_alpha() => Ground::Nothing,
            Canvas::Blur if !is_covered => Ground::Picture(self.blurred(plan.canvas, recipe)?),
            Canvas::Plain | Canvas::Blur => Ground::Colour(WHITE),
            Canvas::Colour(colour) => Ground::Colour(colour),
        };
        let declared = self.told.source_type.as_deref().or(recipe.mark_ai.then_some(source_type::GENERATED));
        let packet = recipe.words.packet(&self.told, declared, plan.canvas);
        encode::encode(&lay(raster, plan.canvas, ground), recipe, packet.as_deref())
    }

    /// The picture itself, filling the canvas and out of focus.
    fn blurred(&self, canvas: (u32, u32), recipe: &Recipe) -> Result<Raster, MediaError> {
        let longest = canvas.0.max(canvas.1).max(1);
        let small = |side: u32| (side * BLURRED.min(longest) / longest).max(1);
        let size = (small(canvas.0), small(canvas.1));
        let copy = self.raster(&Plan { crop: filling(self.size(), canvas, recipe), size, canvas: size })?;
        let pixels = flatten(copy, WHITE).pixels;
        let whole = (0.0, 0.0, f64::from(size.0), f64::from(size.1));
        let pixels = resize(&pixels, size, PixelType::U8x3, whole, canvas, FilterType::Gaussian)?;
        Ok(Raster { width: canvas.0, height: canvas.1, pixels, alpha: false })
    }

    /// The planned part in sRGB, upright, without its canvas.
    pub(super) fn raster(&self, plan: &Plan) -> Result<Raster, MediaError> {
        let part = stored(plan.crop, self.size(), self.orientation);
        let size = if self.turned() { (plan.size.1, plan.size.0) } else { plan.size };
        let kind = match self.layout {
            Layout::Gray => PixelType::U8,
            Layout::GrayAlpha => PixelType::U8x2,
            Layout::Rgb => PixelType::U8x3,
            Layout::Rgba => PixelType::U8x4,
        };
        let pixels = resize(&self.pixels, (self.width, self.height), kind, part, size, FilterType::Lanczos3)?;
        let raster = to_srgb(pixels, size, self.layout, self.icc.as_deref());
        upright(raster, self.orientation)
    }
}

/// A part of a picture in another size.
fn resize(
    pixels: &[u8],
    (width, height): (u32, u32),
    kind: PixelType,
    (left, top, w, h): Part,
    size: (u32, u32),
    filter: FilterType,
) -> Result<Vec<u8>, MediaError> {
    let failed = |what: String| MediaError::damaged(format!("the picture cannot be resized: {what}"));
    let from = ImageRef::new(width, height, pixels, kind).map_err(|e| failed(e.to_string()))?;
    let mut to = Image::new(size.0, size.1, kind);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).crop(left, top, w, h);
    Resizer::new().resize(&from, &mut to, &options).map_err(|e| failed(e.to_string()))?;
    Ok(to.into_vec())
}

/// Converts through the embedded profile. A profile that is broken, or not of these channels, is left out.
fn to_srgb(pixels: Vec<u8>, size: (u32, u32), layout: Layout, icc: Option<&[u8]>) -> Raster {
    let alpha = matches!(layout, Layout::GrayAlpha | Layout::Rgba);
    let done = |pixels| Raster { width: size.0, height: size.1, pixels, alpha };
    let profile = icc
        .and_then(|bytes| catch_unwind(AssertUnwindSafe(|| ColorProfile::new_from_slice(bytes).ok())).unwrap_or(None));
    if let Some(profile) = profile {
        let (source, layout) = match (profile.color_space, layout) {
            (DataColorSpace::Gray, Layout::Gray) => (Some((&pixels, moxcms::Layout::Gray)), layout),
            (DataColorSpace::Gray, Layout::GrayAlpha) => (Some((&pixels, moxcms::Layout::GrayAlpha)), layout),
            (DataColorSpace::Rgb, Layout::Rgb) => (Some((&pixels, moxcms::Layout::Rgb)), layout),
            (DataColorSpace::Rgb, Layout::Rgba) => (Some((&pixels, moxcms::Layout::Rgba)), layout),
            _ => (None, layout),
        };
        let converted = source.and_then(|(from, from_layout)| {
            catch_unwind(AssertUnwindSafe(|| convert(from, from_layout, layout, &profile, alpha))).unwrap_or(None)
        });
        if let Some(out) = converted {
            return done(out);
        }
    }
    done(match layout {
        Layout::Rgb | Layout::Rgba => pixels,
        Layout::Gray => pixels.iter().flat_map(|&v| [v, v, v]).collect(),
        Layout::GrayAlpha => pixels.as_chunks::<2>().0.iter().flat_map(|&[v, a]| [v, v, v, a]).collect(),
    })
}

fn convert(
    from: &[u8],
    from_layout: moxcms::Layout,
    layout: Layout,
    profile: &ColorProfile,
    alpha: bool,
) -> Option<Vec<u8>> {
    let to_layout = if alpha { moxcms::Layout::Rgba } else { moxcms::Layout::Rgb };
    let srgb = ColorProfile::new_srgb();
    let transform = profile.create_transform_8bit(from_layout, &srgb, to_layout, TransformOptions::default()).ok()?;
    let count = from.len().checked_div(layout.channels())?;
    let mut out = vec![0; count.checked_mul(if alpha { 4 } else { 3 })?];
    transform.transform(from, &mut out).ok()?;
    Some(out)
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
        let pixels: Vec<u8> =
            (0u32..97 * 61 * 4).map(|i| u8::try_from(i.wrapping_mul(2_654_435_761) >> 24).unwrap()).collect();
        let from = ImageRef::new(97, 61, &pixels, PixelType::U8x4).unwrap();
        let options = ResizeOptions::new().crop(3.25, 2.5, 80.5, 50.0);
        let resized = |mut r: Resizer| {
            let mut to = Image::new(31, 17, PixelType::U8x4);
            r.resize(&from, &mut to, &options).unwrap();
            to.into_vec()
        };
        let mut plain = Resizer::new();
        #[expect(unsafe_code, reason = "the only way to choose the plain implementation")]
        // SAFETY: every processor can run the implementation that uses no extensions.
        unsafe {
            plain.set_cpu_extensions(fast_image_resize::CpuExtensions::None);
        }
        assert_eq!(resized(Resizer::new()), resized(plain));
    }
}
