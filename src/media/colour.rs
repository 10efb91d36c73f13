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

/// Steps of each channel between which a profile is tried.
const STEP: usize = 15;

/// Whether a profile says what is true without one: nothing of what it converts becomes anything else, but for the rounding of a conversion.
pub(super) fn is_srgb(icc: &[u8]) -> bool {
    catch_unwind(AssertUnwindSafe(|| {
        let profile = ColorProfile::new_from_slice(icc).ok()?;
        let steps = || (0..=u8::MAX).step_by(STEP);
        let colours: Vec<u8> =
            steps().flat_map(|r| steps().flat_map(move |g| steps().flat_map(move |b| [r, g, b]))).collect();
        let samples = Samples::Bytes(colours);
        let converted = convert(&samples, Layout::Rgb, &profile)?;
        Some(samples.as_bytes().iter().zip(&converted).all(|(was, is)| was.abs_diff(*is) <= 1))
    }))
    .unwrap_or(None)
    .unwrap_or(false)
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
        Samples::Bytes(_) | Samples::Shared(_) => {
            let samples = pixels.as_bytes();
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
        Samples::Shared(samples) => samples.into(),
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use moxcms::ToneReprCurve;

    use super::*;

    /// Four inks to Lab by a table of two steps each: where the vector code of the converter would go another way.
    fn inks() -> Vec<u8> {
        let mut tag = b"mft1\0\0\0\0\x04\x03\x02\0".to_vec();
        for n in 0..9 {
            tag.extend(if n % 4 == 0 { 0x1_0000u32 } else { 0 }.to_be_bytes());
        }
        let ramp: Vec<u8> = (0..=255).collect();
        (0..4).for_each(|_| tag.extend(&ramp));
        for corner in 0u8..16 {
            let ink = |bit: u8| (corner >> bit) & 1;
            let light = 240 - 30 * (ink(3) + ink(2) + ink(1)) - 100 * ink(0);
            tag.extend([light, 128 + 50 * ink(2) - 40 * ink(3), 128 + 70 * ink(1) - 30 * ink(3)]);
        }
        (0..3).for_each(|_| tag.extend(&ramp));
        let length = u32::try_from(144 + tag.len()).unwrap_or(0);
        let mut profile = vec![0; 144];
        profile[..4].copy_from_slice(&length.to_be_bytes());
        profile[8] = 2;
        profile[12..24].copy_from_slice(b"prtrCMYKLab ");
        profile[36..40].copy_from_slice(b"acsp");
        for (at, xyz) in [(68, 0xf6d6u32), (72, 0x1_0000), (76, 0xd32d)] {
            profile[at..at + 4].copy_from_slice(&xyz.to_be_bytes());
        }
        profile[131] = 1;
        profile[132..136].copy_from_slice(b"A2B0");
        profile[136..140].copy_from_slice(&144u32.to_be_bytes());
        profile[140..144].copy_from_slice(&(length - 144).to_be_bytes());
        profile.extend(tag);
        profile
    }

    /// Every channel takes many values beside many of the others.
    fn steps(channels: usize) -> Vec<u16> {
        (0..4_096 * u32::try_from(channels).unwrap_or(1))
            .map(|n| u16::try_from(n.wrapping_mul(40_503).wrapping_add(n / 7) % 65_536).unwrap_or(0))
            .collect()
    }

    #[test]
    fn only_a_profile_that_says_nothing_new_is_srgb() {
        let curved = |light: fn(f64) -> f64| {
            let steps = (0..1024u16).map(|n| light(f64::from(n) / 1023.0) * 65_535.0);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 65535")]
            let curve = Some(ToneReprCurve::Lut(steps.map(|v| v.round() as u16).collect()));
            let mut profile = ColorProfile::new_srgb();
            // Told in a number, they would count for nothing.
            profile.cicp = None;
            (profile.red_trc, profile.green_trc, profile.blue_trc) = (curve.clone(), curve.clone(), curve);
            profile
        };
        let srgb = |v: f64| if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) };
        assert!(is_srgb(&ColorProfile::new_srgb().encode().unwrap()));
        assert!(is_srgb(&curved(srgb).encode().unwrap()), "of tables, as editors write it");
        let gamma = curved(|v| v.powf(2.2));
        for other in [
            gamma,
            ColorProfile::new_display_p3(),
            ColorProfile::new_adobe_rgb(),
            ColorProfile::new_gray_with_gamma(2.2),
        ] {
            assert!(!is_srgb(&other.encode().unwrap()));
        }
        assert!(!is_srgb(&inks()) && !is_srgb(b"") && !is_srgb(&[0; 256]));
    }

    /// The bytes of an export are the same on every processor, so that one whose bytes were let go of can be made again on another machine.
    #[test]
    fn a_conversion_gives_the_same_bytes_everywhere() {
        let p3 = ColorProfile::new_display_p3().encode().unwrap();
        let gray = ColorProfile::new_gray_with_gamma(1.8).encode().unwrap();
        let digest = |layout: Layout, profile: &[u8], wide: bool| {
            let words = steps(layout.channels());
            let bytes = words.iter().map(|v| u8::try_from(v >> 8).unwrap()).collect();
            let plain = as_they_are(words.iter().map(|v| u8::try_from(v >> 8).unwrap()).collect(), layout);
            let samples = if wide { Samples::Words(words) } else { Samples::Bytes(bytes) };
            let made = to_srgb(samples, layout, Some(profile));
            assert_ne!(made, plain, "{layout:?}: the profile is followed");
            blake3::hash(&made).to_hex().to_string()[..16].to_owned()
        };
        let found = [
            digest(Layout::Rgb, &p3, false),
            digest(Layout::Rgb, &p3, true),
            digest(Layout::Rgba, &p3, false),
            digest(Layout::Gray, &gray, false),
            digest(Layout::Gray, &gray, true),
            digest(Layout::Cmyk, &inks(), false),
            digest(Layout::Cmyk, &inks(), true),
        ];
        let known = [
            "7a7540406649320b",
            "52df44d5d25dcb9a",
            "555993d998920d73",
            "4e1fe6c5d605d0ff",
            "c07d4ba9fe5769a4",
            "c4eea945af0811ea",
            "26af2c175174b1fe",
        ];
        assert_eq!(found, known);
    }
}
