//! The formats that the `image` crate decodes.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};

use super::super::MediaError;
use super::super::probe::Header;
use super::{Decoded, Layout, Limits, Samples, check, inks};

/// What decoders hold beside the pixels.
const WORKING: u64 = 256 * 1024 * 1024;

/// Decodes a picture, whose headers were read before.
pub(super) fn decode(
    bytes: &[u8],
    format: ImageFormat,
    limits: &Limits,
    header: &Header,
) -> Result<Decoded, MediaError> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut bounds = image::Limits::no_limits();
    bounds.max_alloc = Some(limits.max_pixels.saturating_mul(8).saturating_add(WORKING));
    reader.limits(bounds);
    let mut decoder = reader.into_decoder().map_err(|e| failed(&e))?;
    let (w, h) = decoder.dimensions();
    check(w, h, limits)?;
    if header.size.is_some_and(|told| told != (w, h)) {
        return Err(MediaError::damaged(format!("it has {w}x{h} pixels and says otherwise")));
    }
    // That of WebP is in the header: its decoder takes as much memory for it as the file says that it has.
    let icc = if format == ImageFormat::WebP { None } else { decoder.icc_profile().unwrap_or(None) };
    // The decoder makes RGB of inks; their profile speaks of what they were before.
    let of_inks = |profile: &Vec<u8>| profile.get(16..20) == Some(b"CMYK");
    if header.icc.as_ref().or(icc.as_ref()).is_some_and(of_inks) {
        return Ok(Decoded { icc, ..inks::decode(bytes, format, limits)? });
    }
    let picture = DynamicImage::from_decoder(decoder).map_err(|e| failed(&e))?;
    let size = (picture.width(), picture.height());
    let (layout, pixels) = match picture {
        DynamicImage::ImageLuma8(p) => (Layout::Gray, Samples::Bytes(p.into_raw())),
        DynamicImage::ImageLumaA8(p) => (Layout::GrayAlpha, Samples::Bytes(p.into_raw())),
        DynamicImage::ImageRgb8(p) => (Layout::Rgb, Samples::Bytes(p.into_raw())),
        DynamicImage::ImageRgba8(p) => (Layout::Rgba, Samples::Bytes(p.into_raw())),
        DynamicImage::ImageLuma16(p) => (Layout::Gray, Samples::Words(p.into_raw())),
        DynamicImage::ImageLumaA16(p) => (Layout::GrayAlpha, Samples::Words(p.into_raw())),
        DynamicImage::ImageRgb16(p) => (Layout::Rgb, Samples::Words(p.into_raw())),
        DynamicImage::ImageRgba16(p) => (Layout::Rgba, Samples::Words(p.into_raw())),
        other if other.color().has_alpha() => (Layout::Rgba, Samples::Words(other.into_rgba16().into_raw())),
        other => (Layout::Rgb, Samples::Words(other.into_rgb16().into_raw())),
    };
    Ok(Decoded { pixels, size, layout, icc })
}

fn failed(error: &ImageError) -> MediaError {
    match error {
        ImageError::Limits(l) => MediaError::too_large(format!("decoding it needs more than is allowed ({l})")),
        ImageError::Unsupported(u) => MediaError::Unsupported { format: u.to_string() },
        other => MediaError::damaged(other.to_string()),
    }
}
