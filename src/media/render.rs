//! From a master to an export: crop and resize in one pass, then colour, orientation, canvas, and the file.

use std::panic::{AssertUnwindSafe, catch_unwind};

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::DynamicImage;
use image::metadata::Orientation;
use moxcms::{ColorProfile, DataColorSpace, TransformOptions};

use super::decode::Layout;
use super::{Fit, Limits, Master, MediaError, Recipe, StillFormat, encode, source_type};
use crate::types::ReadAt;

/// Longest side that is ever written: JPEG has 16 bits for it.
const MAX_SIDE: u32 = 65_500;
/// Most pixels that are ever written.
const MAX_OUTPUT: u64 = 200_000_000;

/// Pixels in sRGB, upright.
pub(super) struct Raster {
    pub width: u32,
    pub height: u32,
    /// RGB, or RGBA when `alpha`.
    pub pixels: Vec<u8>,
    pub alpha: bool,
}

/// What part of the shown picture goes where.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Plan {
    /// Left, top, width and height in pixels of the shown picture.
    crop: (f64, f64, f64, f64),
    size: (u32, u32),
    canvas: (u32, u32),
}

/// Decodes and renders in one go.
///
/// # Errors
/// As [`Master::decode`] and [`Master::render`].
pub fn render(source: &dyn ReadAt, recipe: &Recipe, limits: &Limits) -> Result<Vec<u8>, MediaError> {
    Master::decode(source, limits)?.render(recipe)
}

impl Master {
    /// Renders one export. The same master and recipe give the same bytes.
    ///
    /// # Errors
    /// When the result cannot be made as small as the recipe asks, or would be absurdly large.
    pub fn render(&self, recipe: &Recipe) -> Result<Vec<u8>, MediaError> {
        let plan = plan(self.size(), recipe)?;
        let raster = self.raster(&plan)?;
        let declared = self.source_type.as_deref().or(recipe.mark_ai.then_some(source_type::GENERATED));
        match recipe.format {
            StillFormat::Jpeg => {
                let flat = lay_on_canvas(flatten(raster), plan.canvas);
                encode::jpeg_within(&flat, recipe.quality, recipe.max_bytes, declared)
            }
            StillFormat::Png => {
                let laid = lay_on_canvas(with_alpha_for(raster, plan.canvas), plan.canvas);
                encode::png_within(&laid, recipe.max_bytes, declared)
            }
        }
    }

    /// The planned part in sRGB, upright, without its canvas.
    pub(super) fn raster(&self, plan: &Plan) -> Result<Raster, MediaError> {
        let (mut left, mut top, mut width, mut height) = plan.crop;
        let mut size = plan.size;
        // The crop is centred, so mirrors and half turns leave it as it is; quarter turns swap its axes.
        if self.turned() {
            (left, top, width, height) = (top, left, height, width);
            size = (size.1, size.0);
        }
        let kind = match self.layout {
            Layout::Gray => PixelType::U8,
            Layout::GrayAlpha => PixelType::U8x2,
            Layout::Rgb => PixelType::U8x3,
            Layout::Rgba => PixelType::U8x4,
        };
        let failed = |what: String| MediaError::damaged(format!("the picture cannot be resized: {what}"));
        let from = ImageRef::new(self.width, self.height, &self.pixels, kind).map_err(|e| failed(e.to_string()))?;
        let mut to = Image::new(size.0, size.1, kind);
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
            .crop(left, top, width, height);
        Resizer::new().resize(&from, &mut to, &options).map_err(|e| failed(e.to_string()))?;
        let raster = to_srgb(to.into_vec(), size, self.layout, self.icc.as_deref());
        upright(raster, self.orientation)
    }
}

/// All of a picture, whatever its ratio.
pub(super) fn squeezed(shown: (u32, u32), size: (u32, u32)) -> Plan {
    Plan { crop: (0.0, 0.0, f64::from(shown.0), f64::from(shown.1)), size, canvas: size }
}

/// Works out crop, size and canvas.
pub(super) fn plan(shown: (u32, u32), recipe: &Recipe) -> Result<Plan, MediaError> {
    let (w, h) = (shown.0.max(1), shown.1.max(1));
    let whole = (0.0, 0.0, f64::from(w), f64::from(h));
    let scaled = |a: u32, by: u32, of: u32| {
        let n = (u64::from(a) * u64::from(by) + u64::from(of) / 2) / u64::from(of.max(1));
        u32::try_from(n).unwrap_or(u32::MAX).max(1)
    };
    // A side that is free follows the picture's own ratio.
    let wanted = match (recipe.width, recipe.height) {
        (Some(x), Some(y)) => (x, y),
        (Some(x), None) => (x, scaled(h, x, w)),
        (None, Some(y)) => (scaled(w, y, h), y),
        (None, None) => (w, h),
    };
    if wanted.0 == 0 || wanted.1 == 0 {
        return Err(MediaError::damaged("the recipe asks for a side of 0 pixels; give it a width and a height"));
    }
    let inside = |bound: (u32, u32)| {
        // Cross-multiplied, so that no rounding decides which side is the tight one.
        if u64::from(bound.0) * u64::from(h) <= u64::from(bound.1) * u64::from(w) {
            (bound.0, scaled(h, bound.0, w).min(bound.1))
        } else {
            (scaled(w, bound.1, h).min(bound.0), bound.1)
        }
    };
    let plan = match recipe.fit {
        Fit::Crop => {
            let (fw, fh) = (f64::from(w), f64::from(h));
            let ratio = f64::from(wanted.0) / f64::from(wanted.1);
            let (cw, ch) = if fw > fh * ratio { (fh * ratio, fh) } else { (fw, fw / ratio) };
            let (cw, ch) = (cw.clamp(0.01, fw), ch.clamp(0.01, fh));
            Plan { crop: ((fw - cw) / 2.0, (fh - ch) / 2.0, cw, ch), size: wanted, canvas: wanted }
        }
        Fit::Pad => Plan { crop: whole, size: inside(wanted), canvas: wanted },
        Fit::Any => {
            let size = if wanted.0 >= w && wanted.1 >= h { (w, h) } else { inside(wanted) };
            Plan { crop: whole, size, canvas: size }
        }
    };
    let (x, y) = plan.canvas;
    if x > MAX_SIDE || y > MAX_SIDE || u64::from(x) * u64::from(y) > MAX_OUTPUT {
        return Err(MediaError::too_large(format!("an export of {x}x{y} pixels; ask for a smaller width or height")));
    }
    Ok(plan)
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

/// Lays transparent pixels on white.
pub(super) fn flatten(raster: Raster) -> Raster {
    if !raster.alpha {
        return raster;
    }
    let over = |v: u8, a: u8| {
        let (v, a) = (u32::from(v), u32::from(a));
        u8::try_from((v * a + 255 * (255 - a) + 127) / 255).unwrap_or(255)
    };
    let pixels = raster
        .pixels
        .as_chunks::<4>()
        .0
        .iter()
        .flat_map(|&[r, g, b, a]| [over(r, a), over(g, a), over(b, a)])
        .collect();
    Raster { pixels, alpha: false, ..raster }
}

/// Centres the picture on a canvas: a white one when it has no transparency, else a transparent one.
pub(super) fn lay_on_canvas(raster: Raster, canvas: (u32, u32)) -> Raster {
    if (raster.width, raster.height) == canvas {
        return raster;
    }
    let side = |n: u32| usize::try_from(n).unwrap_or(0);
    let channels = if raster.alpha { 4 } else { 3 };
    let blank = if raster.alpha { 0u8 } else { 255 };
    let (from_row, to_row) = (side(raster.width) * channels, side(canvas.0) * channels);
    let left = side(canvas.0.saturating_sub(raster.width) / 2) * channels;
    let top = side(canvas.1.saturating_sub(raster.height) / 2);
    let mut pixels = vec![blank; to_row * side(canvas.1)];
    for (row, from) in raster.pixels.chunks_exact(from_row.max(1)).enumerate() {
        let at = (top + row) * to_row + left;
        if let Some(to) = pixels.get_mut(at..at + from_row) {
            to.copy_from_slice(from);
        }
    }
    Raster { width: canvas.0, height: canvas.1, pixels, alpha: raster.alpha }
}

/// Gives the picture an alpha channel when its canvas is larger, so that the rest is transparent.
fn with_alpha_for(raster: Raster, canvas: (u32, u32)) -> Raster {
    if raster.alpha || (raster.width, raster.height) == canvas {
        return raster;
    }
    let pixels = raster.pixels.as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect();
    Raster { pixels, alpha: true, ..raster }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn crops_are_centred_and_sizes_keep_the_ratio() {
        let recipe = |w, h, fit| Recipe {
            width: w,
            height: h,
            fit,
            format: StillFormat::Png,
            max_bytes: None,
            quality: 80,
            mark_ai: false,
        };
        let p = plan((4000, 3000), &recipe(Some(1080), Some(1080), Fit::Crop)).unwrap();
        assert_eq!((p.crop, p.size), ((500.0, 0.0, 3000.0, 3000.0), (1080, 1080)));
        let p = plan((4000, 3000), &recipe(Some(1000), Some(1000), Fit::Pad)).unwrap();
        assert_eq!((p.size, p.canvas), ((1000, 750), (1000, 1000)));
        assert_eq!(plan((4000, 3000), &recipe(Some(1000), None, Fit::Any)).unwrap().size, (1000, 750));
        assert_eq!(plan((400, 300), &recipe(Some(1000), None, Fit::Any)).unwrap().size, (400, 300));
        assert_eq!(plan((400, 300), &recipe(None, None, Fit::Crop)).unwrap().size, (400, 300));
        assert_eq!(plan((1, 60_000), &recipe(Some(10), Some(10), Fit::Any)).unwrap().size, (1, 10));
        for (w, h) in
            [(Some(0), None), (Some(10), Some(0)), (Some(u32::MAX), Some(u32::MAX)), (Some(60_000), Some(60_000))]
        {
            assert!(plan((400, 300), &recipe(w, h, Fit::Crop)).is_err());
        }
    }

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
