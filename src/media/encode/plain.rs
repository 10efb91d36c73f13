//! BMP and TIFF, for whoever asks for them.

use std::io::Cursor;

use image::ExtendedColorType;
use image::codecs::bmp::BmpEncoder;
use tiff::encoder::colortype::{ColorType, RGB8, RGBA8};
use tiff::encoder::{Compression, TiffEncoder, compression::DeflateLevel};
use tiff::tags::Tag;

use super::super::MediaError;
use super::super::render::Raster;
use super::failed;

/// The tag of an XMP packet.
const XMP: Tag = Tag::Unknown(700);

/// 24 bits; it has no place to say where the picture comes from.
pub fn bmp(raster: &Raster) -> Result<Vec<u8>, MediaError> {
    let mut out = Vec::new();
    BmpEncoder::new(&mut out)
        .encode(&raster.pixels, raster.width, raster.height, ExtendedColorType::Rgb8)
        .map_err(|e| failed("BMP", e))?;
    Ok(out)
}

/// 8 bits per channel, deflated.
pub fn tiff(raster: &Raster, packet: Option<&str>) -> Result<Vec<u8>, MediaError> {
    let written = if raster.alpha { tiff_of::<RGBA8>(raster, packet) } else { tiff_of::<RGB8>(raster, packet) };
    written.map_err(|e| failed("TIFF", e))
}

fn tiff_of<C: ColorType<Inner = u8>>(raster: &Raster, packet: Option<&str>) -> tiff::TiffResult<Vec<u8>>
where
    [u8]: tiff::encoder::TiffValue,
{
    let mut out = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut out)?.with_compression(Compression::Deflate(DeflateLevel::Balanced));
    let mut picture = encoder.new_image::<C>(raster.width, raster.height)?;
    if let Some(packet) = packet {
        picture.encoder().write_tag(XMP, packet.as_bytes())?;
    }
    picture.write_data(&raster.pixels)?;
    Ok(out.into_inner())
}
