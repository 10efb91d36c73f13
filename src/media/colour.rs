//! From a file's own colours to sRGB.

use std::panic::{AssertUnwindSafe, catch_unwind};

use moxcms::{ColorProfile, DataColorSpace, TransformOptions};

use super::decode::{Layout, Samples};

/// RGB, or RGBA where there is alpha, converted through the embedded profile. A profile that is broken, or not of these channels, is left
/// out.
pub(super) fn to_srgb(pixels: Samples, layout: Layout, icc: Option<&[u8]>) -> Vec<u8> {
    // The profile is the file's, and who reads it is somebody else.
    let converted = icc.and_then(|bytes| {
        catch_unwind(AssertUnwindSafe(|| {
            let profile = ColorProfile::new_from_slice(bytes).ok()?;
            convert(&pixels, layout, &profile)
        }))
        .unwrap_or(None)
    });
    converted.unwrap_or_else(|| as_they_are(narrow(pixels), layout))
}

fn convert(pixels: &Samples, layout: Layout, profile: &ColorProfile) -> Option<Vec<u8>> {
    let from = match (profile.color_space, layout) {
        (DataColorSpace::Gray, Layout::Gray) => moxcms::Layout::Gray,
        (DataColorSpace::Gray, Layout::GrayAlpha) => moxcms::Layout::GrayAlpha,
        (DataColorSpace::Rgb, Layout::Rgb) => moxcms::Layout::Rgb,
        (DataColorSpace::Rgb, Layout::Rgba) => moxcms::Layout::Rgba,
        // It takes any four channels for this.
        (DataColorSpace::Cmyk, Layout::Cmyk) => moxcms::Layout::Rgba,
        _ => return None,
    };
    let (to, wide) = if layout.has_alpha() { (moxcms::Layout::Rgba, 4) } else { (moxcms::Layout::Rgb, 3) };
    let srgb = ColorProfile::new_srgb();
    let options = TransformOptions::default();
    let room = |samples: usize| samples.checked_div(layout.channels())?.checked_mul(wide);
    match pixels {
        Samples::Bytes(samples) => {
            let mut out = vec![0; room(samples.len())?];
            let transform = profile.create_transform_8bit(from, &srgb, to, options).ok()?;
            transform.transform(samples, &mut out).ok()?;
            Some(out)
        }
        Samples::Words(samples) => {
            let mut out = vec![0; room(samples.len())?];
            let transform = profile.create_transform_16bit(from, &srgb, to, options).ok()?;
            transform.transform(samples, &mut out).ok()?;
            Some(narrow(Samples::Words(out)))
        }
    }
}

/// Eight bits of each channel.
fn narrow(samples: Samples) -> Vec<u8> {
    match samples {
        Samples::Bytes(samples) => samples,
        Samples::Words(samples) => {
            samples.iter().map(|v| u8::try_from((u32::from(*v) + 128) / 257).unwrap_or(255)).collect()
        }
    }
}

/// What the channels mean when nothing says more of them.
fn as_they_are(pixels: Vec<u8>, layout: Layout) -> Vec<u8> {
    match layout {
        Layout::Rgb | Layout::Rgba => pixels,
        Layout::Gray => pixels.iter().flat_map(|&v| [v, v, v]).collect(),
        Layout::GrayAlpha => pixels.as_chunks::<2>().0.iter().flat_map(|&[v, a]| [v, v, v, a]).collect(),
        Layout::Cmyk => {
            let light = |ink: u8, k: u8| {
                let part = u32::from(255 - ink) * u32::from(255 - k);
                u8::try_from((part + 127) / 255).unwrap_or(255)
            };
            let inks = pixels.as_chunks::<4>().0.iter();
            inks.flat_map(|&[c, m, y, k]| [light(c, k), light(m, k), light(y, k)]).collect()
        }
    }
}
