//! Lossy WebP by libwebp, the format's own encoder: what is written in Rust alone writes it without loss, at several times the size. It
//! only ever sees pixels of ours.

use webp::{Encoder, WebPConfig, WebPEncodingError};

use super::super::MediaError;
use super::super::render::Raster;
use super::failed;

const MAX_SIDE: u32 = 16_383;
/// Speed against size, 0 to 6.
const METHOD: i32 = 4;

/// Flags of a `VP8X` chunk.
const HAS_XMP: u8 = 4;

/// With alpha where the pixels have it.
pub fn write(raster: &Raster, quality: u8, packet: Option<&str>) -> Result<Vec<u8>, MediaError> {
    if raster.width.max(raster.height) > MAX_SIDE {
        let (w, h) = (raster.width, raster.height);
        return Err(MediaError::too_large(format!("{w}x{h} pixels; WebP allows {MAX_SIDE} a side")));
    }
    let mut config = WebPConfig::new().map_err(|()| failed("WebP", "its settings cannot be made"))?;
    config.quality = f32::from(quality);
    config.method = METHOD;
    let encoder = if raster.alpha {
        Encoder::from_rgba(&raster.pixels, raster.width, raster.height)
    } else {
        Encoder::from_rgb(&raster.pixels, raster.width, raster.height)
    };
    let file = encoder.encode_advanced(&config).map_err(|e: WebPEncodingError| failed("WebP", format!("{e:?}")))?;
    match packet {
        Some(packet) => with_xmp(&file, raster, packet.as_bytes()),
        None => Ok(file.to_vec()),
    }
}

/// Puts a packet behind the picture; the extended header that this needs goes before it.
fn with_xmp(file: &[u8], raster: &Raster, packet: &[u8]) -> Result<Vec<u8>, MediaError> {
    let broken = || failed("WebP", "libwebp wrote no picture");
    let chunks = file.get(12..).ok_or_else(broken)?;
    let mut out = Vec::with_capacity(file.len() + packet.len() + 40);
    out.extend_from_slice(b"RIFF\0\0\0\0WEBP");
    if chunks.starts_with(b"VP8X") {
        out.extend_from_slice(chunks);
        *out.get_mut(20).ok_or_else(broken)? |= HAS_XMP;
    } else {
        let side = |n: u32| n.saturating_sub(1).to_le_bytes();
        let ([w0, w1, w2, _], [h0, h1, h2, _]) = (side(raster.width), side(raster.height));
        out.extend_from_slice(b"VP8X\x0a\0\0\0");
        out.extend_from_slice(&[HAS_XMP, 0, 0, 0, w0, w1, w2, h0, h1, h2]);
        out.extend_from_slice(chunks);
    }
    let length = u32::try_from(packet.len()).map_err(|_| broken())?;
    out.extend_from_slice(b"XMP ");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(packet);
    if !packet.len().is_multiple_of(2) {
        out.push(0);
    }
    let whole = u32::try_from(out.len().saturating_sub(8)).map_err(|_| broken())?;
    out.get_mut(4..8).ok_or_else(broken)?.copy_from_slice(&whole.to_le_bytes());
    Ok(out)
}
