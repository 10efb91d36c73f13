//! Pictures for print: their inks as they are, for their profile tells what these look like.

use std::io::Cursor;

use image::ImageFormat;
use tiff::ColorType;
use tiff::decoder::DecodingResult;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::super::MediaError;
use super::{Decoded, Layout, Limits, Samples, check};

/// Longest side of a JPEG.
const MAX_SIDE: usize = 65_535;

/// Decodes a picture of four inks.
pub(super) fn decode(bytes: &[u8], format: ImageFormat, limits: &Limits) -> Result<Decoded, MediaError> {
    match format {
        ImageFormat::Jpeg => jpeg(bytes, limits),
        ImageFormat::Tiff => tiff(bytes, limits),
        _ => {
            Err(MediaError::Unsupported { format: "a picture with a profile of inks that it does not have".to_owned() })
        }
    }
}

fn inks(pixels: Samples, size: (u32, u32)) -> Decoded {
    Decoded { pixels, size, layout: Layout::Cmyk, icc: None }
}

fn jpeg(bytes: &[u8], limits: &Limits) -> Result<Decoded, MediaError> {
    let damaged = |e: zune_jpeg::errors::DecodeErrors| MediaError::damaged(e.to_string());
    let options = DecoderOptions::default().set_max_width(MAX_SIDE).set_max_height(MAX_SIDE);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(damaged)?;
    let stored = decoder.input_colorspace();
    let (Some(stored @ (ColorSpace::CMYK | ColorSpace::YCCK)), Some((w, h))) = (stored, decoder.dimensions()) else {
        return Err(MediaError::damaged("its profile is of inks that it does not have"));
    };
    let side = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    check(side(w), side(h), limits)?;
    decoder.set_options(options.jpeg_set_out_colorspace(stored));
    let mut pixels = decoder.decode().map_err(damaged)?;
    // All programs store what is left of the paper, not what is on it, whether they say so (Adobe's marker) or not.
    for pixel in pixels.as_chunks_mut::<4>().0 {
        let [a, b, c, k] = *pixel;
        *pixel = match stored {
            // The inks are stored as colours that are brighter the more there is of them.
            ColorSpace::YCCK => {
                let [c, m, y] = rgb(a, b, c);
                [c, m, y, 255 - k]
            }
            _ => [255 - a, 255 - b, 255 - c, 255 - k],
        };
    }
    Ok(inks(Samples::Bytes(pixels), (side(w), side(h))))
}

/// YCbCr as JPEG has it, in parts of 2^16.
fn rgb(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = (i32::from(y) << 16, i32::from(cb) - 128, i32::from(cr) - 128);
    let byte = |v: i32| u8::try_from(((v + 32_768) >> 16).clamp(0, 255)).unwrap_or(255);
    [byte(y + 91_881 * cr), byte(y - 22_554 * cb - 46_802 * cr), byte(y + 116_130 * cb)]
}

fn tiff(bytes: &[u8], limits: &Limits) -> Result<Decoded, MediaError> {
    let damaged = |e: tiff::TiffError| MediaError::damaged(e.to_string());
    let mut bounds = tiff::decoder::Limits::default();
    bounds.decoding_buffer_size = usize::try_from(limits.max_pixels.saturating_mul(8)).unwrap_or(usize::MAX);
    bounds.intermediate_buffer_size = bounds.decoding_buffer_size;
    let mut decoder = tiff::decoder::Decoder::new(Cursor::new(bytes)).map_err(damaged)?.with_limits(bounds);
    let size = decoder.dimensions().map_err(damaged)?;
    check(size.0, size.1, limits)?;
    if !matches!(decoder.colortype().map_err(damaged)?, ColorType::CMYK(8 | 16)) {
        return Err(MediaError::Unsupported { format: "a TIFF of other inks than four".to_owned() });
    }
    let layout = decoder.image_buffer_layout().map_err(damaged)?;
    if layout.planes > 1 {
        return Err(MediaError::Unsupported { format: "a TIFF with one plane for each ink".to_owned() });
    }
    let pixels = match decoder.read_image().map_err(damaged)? {
        DecodingResult::U8(samples) => Samples::Bytes(samples),
        DecodingResult::U16(samples) => Samples::Words(samples),
        _ => return Err(MediaError::damaged("its inks are no whole numbers")),
    };
    Ok(inks(pixels, size))
}
