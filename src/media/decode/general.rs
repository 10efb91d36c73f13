//! The formats that the `image` crate decodes.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Cursor, Seek};

use bytemuck::cast_slice_mut;
use image::{ColorType, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};

use super::super::MediaError;
use super::super::pages::zeroed;
use super::super::probe::Header;
use super::stream::Stream;
use super::{Decoded, Layout, Limits, Samples, check, inks};
use crate::types::ReadAt;

/// What decoders hold beside the pixels.
const WORKING: u64 = 256 * 1024 * 1024;
/// Bytes of a PNG that are read at a time.
const PIECE: usize = 256 * 1024;

/// Decodes a picture, whose headers were read before.
pub(super) fn decode(
    source: &dyn ReadAt,
    format: ImageFormat,
    limits: &Limits,
    header: &Header,
) -> Result<Decoded, MediaError> {
    if format == ImageFormat::Png {
        // As long as its pixels, and read from the beginning to the end: there is no need to hold it.
        let failure = RefCell::default();
        let stream = BufReader::with_capacity(PIECE, Stream::new(source, &failure));
        let decoded = read(stream, format, limits, header, || inks::decode(&[], format, limits));
        return decoded.map_err(|told| failure.take().map_or(told, MediaError::from));
    }
    let bytes = source.read_head(usize::try_from(source.len()).unwrap_or(usize::MAX))?;
    read(Cursor::new(&bytes), format, limits, header, || inks::decode(&bytes, format, limits))
}

/// Decodes what is read, or has `inks` decoded when that is what it is of.
fn read<R: BufRead + Seek>(
    source: R,
    format: ImageFormat,
    limits: &Limits,
    header: &Header,
    inks: impl FnOnce() -> Result<Decoded, MediaError>,
) -> Result<Decoded, MediaError> {
    let mut reader = ImageReader::with_format(source, format);
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
        return Ok(Decoded { icc, ..inks()? });
    }
    let (layout, pixels) = match decoder.color_type() {
        ColorType::L8 => (Layout::Gray, bytes(decoder)?),
        ColorType::La8 => (Layout::GrayAlpha, bytes(decoder)?),
        ColorType::Rgb8 => (Layout::Rgb, bytes(decoder)?),
        ColorType::Rgba8 => (Layout::Rgba, bytes(decoder)?),
        ColorType::L16 => (Layout::Gray, words(decoder)?),
        ColorType::La16 => (Layout::GrayAlpha, words(decoder)?),
        ColorType::Rgb16 => (Layout::Rgb, words(decoder)?),
        ColorType::Rgba16 => (Layout::Rgba, words(decoder)?),
        other => {
            let picture = DynamicImage::from_decoder(decoder).map_err(|e| failed(&e))?;
            match other.has_alpha() {
                true => (Layout::Rgba, Samples::Words(picture.into_rgba16().into_raw())),
                false => (Layout::Rgb, Samples::Words(picture.into_rgb16().into_raw())),
            }
        }
    };
    Ok(Decoded { pixels, size: (w, h), layout, icc })
}

fn bytes(decoder: impl ImageDecoder) -> Result<Samples, MediaError> {
    let mut samples = zeroed(room(&decoder)?);
    decoder.read_image(&mut samples).map_err(|e| failed(&e))?;
    Ok(Samples::Bytes(samples))
}

fn words(decoder: impl ImageDecoder) -> Result<Samples, MediaError> {
    let mut samples = zeroed::<u16>(room(&decoder)? / 2);
    decoder.read_image(cast_slice_mut(&mut samples)).map_err(|e| failed(&e))?;
    Ok(Samples::Words(samples))
}

/// Bytes of all its pixels.
fn room(decoder: &impl ImageDecoder) -> Result<usize, MediaError> {
    let bytes = decoder.total_bytes();
    usize::try_from(bytes).map_err(|_| MediaError::too_large(format!("{bytes} bytes of pixels")))
}

fn failed(error: &ImageError) -> MediaError {
    match error {
        ImageError::Limits(l) => MediaError::too_large(format!("decoding it needs more than is allowed ({l})")),
        ImageError::Unsupported(u) => MediaError::Unsupported { format: u.to_string() },
        other => MediaError::damaged(other.to_string()),
    }
}
