//! PNG.

use png::{BitDepth, Compression, Filter, SrgbRenderingIntent};

use super::super::MediaError;
use super::super::render::Raster;
use super::failed;

/// Packed harder when it has to be.
pub const EFFORTS: [Compression; 3] = [Compression::Fast, Compression::Balanced, Compression::High];

/// 8 bits per channel.
pub fn write(raster: &Raster, effort: Compression, packet: Option<&str>) -> Result<Vec<u8>, MediaError> {
    let failed = |e: png::EncodingError| failed("PNG", e);
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, raster.width, raster.height);
    encoder.set_color(if raster.alpha { png::ColorType::Rgba } else { png::ColorType::Rgb });
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(effort);
    if !matches!(effort, Compression::Fast) {
        encoder.set_filter(Filter::Adaptive);
    }
    encoder.set_source_srgb(SrgbRenderingIntent::Perceptual);
    if let Some(packet) = packet {
        encoder.add_itxt_chunk("XML:com.adobe.xmp".to_owned(), packet.to_owned()).map_err(failed)?;
    }
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&raster.pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(out)
}
