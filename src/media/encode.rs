//! JPEG and PNG files: the same pixels give the same bytes, with no time and no program in them. `declared` is the picture's
//! DigitalSourceType, all that they say of its origin.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use png::{BitDepth, Compression, Filter, SrgbRenderingIntent};

use super::render::Raster;
use super::{MediaError, source_type};

/// Below this a picture is too spoilt to be published.
const LOWEST_QUALITY: u8 = 20;
const XMP_ID: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

/// One tag, ColorSpace = sRGB; nothing else of the master's EXIF leaves the library.
const SRGB_EXIF: &[u8] = b"MM\0*\0\0\0\x08\0\x01\x87\x69\0\x04\0\0\0\x01\0\0\0\x1a\0\0\0\0\
    \0\x01\xa0\x01\0\x03\0\0\0\x01\0\x01\0\0\0\0\0\0";

/// A JPEG of at most that many bytes: the highest quality up to the wanted one that fits.
pub(super) fn jpeg_within(
    raster: &Raster,
    quality: u8,
    max: Option<u64>,
    declared: Option<&str>,
) -> Result<Vec<u8>, MediaError> {
    let quality = quality.clamp(1, 100);
    let fits = |bytes: &[u8]| max.is_none_or(|m| bytes.len() as u64 <= m);
    let first = jpeg(raster, quality, declared)?;
    if fits(&first) {
        return Ok(first);
    }
    let (mut low, mut high) = (LOWEST_QUALITY.min(quality), quality);
    let mut best = None;
    let mut smallest = first.len();
    while low < high {
        let middle = low.midpoint(high);
        let file = jpeg(raster, middle, declared)?;
        smallest = smallest.min(file.len());
        if fits(&file) {
            best = Some(file);
            low = middle.saturating_add(1);
        } else {
            high = middle;
        }
    }
    best.ok_or_else(|| {
        MediaError::too_large(format!(
            "the export has {smallest} bytes at the lowest quality, {} are allowed; ask for a smaller width or height",
            max.unwrap_or(0)
        ))
    })
}

/// A JPEG, baseline, 4:2:0.
pub(super) fn jpeg(raster: &Raster, quality: u8, declared: Option<&str>) -> Result<Vec<u8>, MediaError> {
    let failed = |e: jpeg_encoder::EncodingError| MediaError::damaged(format!("the JPEG cannot be written: {e}"));
    let side =
        |n: u32| u16::try_from(n).map_err(|_| MediaError::too_large(format!("{n} pixels; JPEG allows 65535 a side")));
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, quality);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    // Optimised tables would be written as one scan per component, which several readers (our own decoder too) get wrong.
    encoder.set_optimized_huffman_tables(false);
    encoder.add_exif_metadata(SRGB_EXIF).map_err(failed)?;
    if let Some(declared) = declared {
        let packet = source_type::packet(declared);
        encoder.add_app_segment(1, [XMP_ID, packet.as_bytes()].concat()).map_err(failed)?;
    }
    let colour = if raster.alpha { ColorType::Rgba } else { ColorType::Rgb };
    encoder.encode(&raster.pixels, side(raster.width)?, side(raster.height)?, colour).map_err(failed)?;
    Ok(out)
}

/// A PNG of at most that many bytes; packed harder when it has to be.
pub(super) fn png_within(raster: &Raster, max: Option<u64>, declared: Option<&str>) -> Result<Vec<u8>, MediaError> {
    let mut smallest = usize::MAX;
    for compression in [Compression::Fast, Compression::Balanced, Compression::High] {
        let file = png(raster, compression, declared)?;
        if max.is_none_or(|m| file.len() as u64 <= m) {
            return Ok(file);
        }
        smallest = smallest.min(file.len());
    }
    Err(MediaError::too_large(format!(
        "the PNG has {smallest} bytes, {} are allowed; ask for a smaller width or height, or for JPEG",
        max.unwrap_or(0)
    )))
}

fn png(raster: &Raster, compression: Compression, declared: Option<&str>) -> Result<Vec<u8>, MediaError> {
    let failed = |e: png::EncodingError| MediaError::damaged(format!("the PNG cannot be written: {e}"));
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, raster.width, raster.height);
    encoder.set_color(if raster.alpha { png::ColorType::Rgba } else { png::ColorType::Rgb });
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(compression);
    if !matches!(compression, Compression::Fast) {
        encoder.set_filter(Filter::Adaptive);
    }
    encoder.set_source_srgb(SrgbRenderingIntent::Perceptual);
    if let Some(declared) = declared {
        let packet = source_type::packet(declared);
        encoder.add_itxt_chunk("XML:com.adobe.xmp".to_owned(), packet).map_err(failed)?;
    }
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&raster.pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(out)
}
