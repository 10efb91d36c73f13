//! GIF: one picture of at most 256 colours.

use std::borrow::Cow;

use gif::{Encoder, Frame};

use super::super::MediaError;
use super::super::render::Raster;
use super::{failed, side};

/// Fewer colours when it has to be smaller: bits that are left of each channel before they are chosen. Below 64 a picture is too spoilt to be
/// published.
pub const COLOURS: [u32; 3] = [8, 3, 2];

/// How carefully colours are chosen, 1 (best) to 30.
const SPEED: i32 = 10;

/// Where readers look for an XMP packet, and the bytes behind it that lead who reads it as blocks to its end.
const XMP_ID: &[u8] = b"\x21\xff\x0bXMP DataXMP";
const END: u8 = 0x3b;

/// Pixels without transparency.
pub fn write(raster: &Raster, bits: u32, packet: Option<&str>) -> Result<Vec<u8>, MediaError> {
    let (width, height) = (side(raster.width, "GIF")?, side(raster.height, "GIF")?);
    let (levels, lost) = ((1_u32 << bits) - 1, 8 - bits);
    let coarse = |v: &u8| u8::try_from((u32::from(*v) >> lost) * 255 / levels).unwrap_or(u8::MAX);
    let pixels: Cow<'_, [u8]> =
        if lost == 0 { Cow::Borrowed(&raster.pixels) } else { raster.pixels.iter().map(coarse).collect() };
    let frame = Frame::from_rgb_speed(width, height, &pixels, SPEED);
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, width, height, &[]).map_err(|e| failed("GIF", e))?;
    encoder.write_frame(&frame).map_err(|e| failed("GIF", e))?;
    drop(encoder);
    if let Some(packet) = packet {
        let end = out.pop();
        if end != Some(END) {
            return Err(failed("GIF", "it has no end"));
        }
        out.extend_from_slice(XMP_ID);
        out.extend_from_slice(packet.as_bytes());
        out.push(1);
        out.extend((0..=255_u8).rev());
        out.extend([0, END]);
    }
    Ok(out)
}
