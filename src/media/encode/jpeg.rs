//! JPEG by libjpeg-turbo's encoder (in mozjpeg): four times as fast as what is written in Rust alone, with the same bytes whether the
//! processor has vector code or not. It only ever sees pixels of ours.

use std::panic::{AssertUnwindSafe, catch_unwind};

use mozjpeg::{ColorSpace, Compress, Marker};

use super::super::MediaError;
use super::super::render::Raster;
use super::{failed, side};

const XMP_ID: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
/// Most bytes of a segment, less its length.
const MAX_SEGMENT: usize = 65_533;

/// One tag, ColorSpace = sRGB; nothing else of the master's EXIF leaves the library.
const SRGB_EXIF: &[u8] = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x87\x69\0\x04\0\0\0\x01\0\0\0\x1a\0\0\0\0\
    \0\x01\xa0\x01\0\x03\0\0\0\x01\0\x01\0\0\0\0\0\0";

/// Baseline, 4:2:0.
pub fn write(raster: &Raster, quality: u8, packet: Option<&str>) -> Result<Vec<u8>, MediaError> {
    let (width, height) = (side(raster.width, "JPEG")?, side(raster.height, "JPEG")?);
    let packet = packet.map(|packet| [XMP_ID, packet.as_bytes()].concat());
    if let Some(packet) = packet.as_ref().filter(|packet| packet.len() > MAX_SEGMENT) {
        return Err(failed("JPEG", format!("its metadata has {} bytes, {MAX_SEGMENT} are allowed", packet.len())));
    }
    // It tells what fails by unwinding.
    catch_unwind(AssertUnwindSafe(|| {
        let colours = if raster.alpha { ColorSpace::JCS_EXT_RGBX } else { ColorSpace::JCS_RGB };
        let mut settings = Compress::new(colours);
        // mozjpeg's own ways make smaller files and take twenty times as long.
        settings.set_fastest_defaults();
        settings.set_size(usize::from(width), usize::from(height));
        settings.set_quality(f32::from(quality));
        settings.set_chroma_sampling_pixel_sizes((2, 2), (2, 2));
        let mut file = settings.start_compress(Vec::new())?;
        file.write_marker(Marker::APP(1), SRGB_EXIF);
        if let Some(packet) = &packet {
            file.write_marker(Marker::APP(1), packet);
        }
        file.write_scanlines(&raster.pixels)?;
        file.finish()
    }))
    .unwrap_or_else(|_| Err(std::io::Error::other("its encoder gave up")))
    .map_err(|e| failed("JPEG", e))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32) -> Raster {
        let channel = |i: u32| u8::try_from(i.wrapping_mul(2_654_435_761) >> 24).unwrap();
        let soft = |i: u32| u8::try_from((u32::from(channel(i / 3)) + i / 3 % width * 255 / width) / 2).unwrap();
        Raster { width, height, pixels: (0..width * height * 3).map(soft).collect(), alpha: false }
    }

    /// Exports are the same on every machine: these are the bytes of the plain code, built without the vector code.
    #[test]
    fn every_processor_writes_the_same_bytes() {
        for (size, quality, wanted) in [
            ((97, 61), 85, "6d94e033a9a2029c"),
            ((16, 16), 20, "d7f11b059d73b9ae"),
            ((1, 1), 100, "140e2a267c4cf76d"),
            ((640, 33), 95, "d4e44b8cfa5e049e"),
            ((1080, 1350), 85, "749314843159b786"),
        ] {
            let file = write(&picture(size.0, size.1), quality, Some("<x:xmpmeta/>")).unwrap();
            assert_eq!(&blake3::hash(&file).to_hex()[..16], wanted, "{size:?}");
        }
    }

    #[test]
    fn metadata_that_no_segment_holds_is_an_error() {
        assert!(write(&picture(8, 8), 85, Some(&"x".repeat(MAX_SEGMENT))).is_err());
    }
}
