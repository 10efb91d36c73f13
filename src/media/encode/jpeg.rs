//! JPEG.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use super::super::MediaError;
use super::super::render::Raster;
use super::{failed, side};

const XMP_ID: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

/// One tag, ColorSpace = sRGB; nothing else of the master's EXIF leaves the library.
const SRGB_EXIF: &[u8] = b"MM\0*\0\0\0\x08\0\x01\x87\x69\0\x04\0\0\0\x01\0\0\0\x1a\0\0\0\0\
    \0\x01\xa0\x01\0\x03\0\0\0\x01\0\x01\0\0\0\0\0\0";

/// Baseline, 4:2:0.
pub fn write(raster: &Raster, quality: u8, packet: Option<&str>) -> Result<Vec<u8>, MediaError> {
    let failed = |e: jpeg_encoder::EncodingError| failed("JPEG", e);
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, quality);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    // Optimised tables would be written as one scan per component, which several readers (our own decoder too) get wrong.
    encoder.set_optimized_huffman_tables(false);
    encoder.add_exif_metadata(SRGB_EXIF).map_err(failed)?;
    if let Some(packet) = packet {
        encoder.add_app_segment(1, [XMP_ID, packet.as_bytes()].concat()).map_err(failed)?;
    }
    let colour = if raster.alpha { ColorType::Rgba } else { ColorType::Rgb };
    encoder
        .encode(&raster.pixels, side(raster.width, "JPEG")?, side(raster.height, "JPEG")?, colour)
        .map_err(failed)?;
    Ok(out)
}
