//! AVIF by avifenc, run by whoever can run programs: what is written in Rust alone takes half a minute for a picture that takes this one a
//! second. It is given a PNG of ours, and what it makes of that is looked at before anybody else sees it.

use ::png::Compression;

use super::super::render::Raster;
use super::super::{MediaError, heif};
use super::{failed, png};

/// Writes pictures by another program.
pub trait Encoder {
    /// A PNG as AVIF, by these arguments behind [`COMMAND`].
    ///
    /// # Errors
    /// [`MediaError::Unwritable`] when the program cannot be run, [`MediaError::Overran`] when it took all that it was given.
    fn avif(&self, png: &[u8], arguments: &[String]) -> Result<Vec<u8>, MediaError>;
}

/// What avifenc is to do with the PNG on descriptor 0, whatever the quality: one thread and one codec, for the same pixels are to give the same bytes;
/// colours as sRGB says; both planes by the quality that is asked for. The path of what it writes comes last.
pub const COMMAND: [&str; 22] = [
    "-c",
    "aom",
    "-j",
    "1",
    "-s",
    "8",
    "-d",
    "8",
    "-y",
    "420",
    "-r",
    "full",
    "--nclx",
    "1/13/6",
    "--min",
    "0",
    "--max",
    "63",
    "--minalpha",
    "0",
    "--maxalpha",
    "63",
];
/// What readers of the format's advanced profile can read: pixels in all, and of a side.
const MAX_PIXELS: u64 = 35_651_584;
const MAX_SIDE: u32 = 16_384;
/// The encoder's coarsest step.
const COARSEST: u32 = 63;

/// With alpha where the pixels have it.
pub fn write(raster: &Raster, quality: u8, packet: Option<&str>, by: &dyn Encoder) -> Result<Vec<u8>, MediaError> {
    let (width, height) = (raster.width, raster.height);
    if u64::from(width) * u64::from(height) > MAX_PIXELS || width.max(height) > MAX_SIDE {
        return Err(MediaError::too_large(format!(
            "{width}x{height} pixels; AVIF allows {MAX_SIDE} a side and {MAX_PIXELS} in all; ask for a smaller width or height"
        )));
    }
    let source = png::write(raster, Compression::Fast, packet)?;
    let bytes = by.avif(&source, &arguments(quality))?;
    let found = heif::walk(&bytes)?;
    if !found.complete || found.width.zip(found.height) != Some((width, height)) {
        return Err(failed("AVIF", "avifenc wrote another picture"));
    }
    if found.exif.is_some() || found.xmp.as_deref() != packet.map(str::as_bytes) {
        let why =
            "this avifenc does not write what a picture says of itself; install libavif-bin 0.11 or later".to_owned();
        return Err(MediaError::Unwritable { format: "avif".to_owned(), why });
    }
    Ok(bytes)
}

/// The quality as the encoder counts it, as libavif does that.
fn arguments(quality: u8) -> Vec<String> {
    let step = (u32::from(100_u8.saturating_sub(quality)) * COARSEST + 50) / 100;
    ["-a".to_owned(), "end-usage=q".to_owned(), "-a".to_owned(), format!("cq-level={step}")].into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// Gives back what it was told to.
    struct Made(Vec<u8>);

    impl Encoder for Made {
        fn avif(&self, _: &[u8], _: &[String]) -> Result<Vec<u8>, MediaError> {
            Ok(self.0.clone())
        }
    }

    #[test]
    fn what_another_program_wrote_is_looked_at() {
        let sample = include_bytes!("../../ops/converter/sample.avif").to_vec();
        let found = heif::walk(&sample).unwrap();
        let (width, height) = found.width.zip(found.height).unwrap();
        let raster = |width: u32| {
            let pixels = vec![9; usize::try_from(width * height * 3).unwrap()];
            Raster { width, height, pixels, alpha: false }
        };
        let made = |width, packet, bytes: &[u8]| write(&raster(width), 80, packet, &Made(bytes.to_vec()));
        assert_eq!(made(width, None, &sample).unwrap(), sample);
        assert!(made(width + 1, None, &sample).unwrap_err().to_string().contains("another picture"));
        assert!(made(width, None, &sample[..sample.len() / 2]).unwrap_err().is_lasting());
        let silent = made(width, Some("<x:xmpmeta/>"), &sample).unwrap_err();
        assert!(!silent.is_lasting() && silent.to_string().contains("install libavif-bin"), "{silent}");
        assert!(made(20_000, None, &sample).unwrap_err().to_string().contains("too large"));
    }

    #[test]
    fn qualities_are_the_encoders_steps() {
        let steps = [(100, 0), (90, 6), (80, 13), (50, 32), (20, 50), (1, 62)];
        for (quality, step) in steps {
            assert_eq!(arguments(quality).last().unwrap(), &format!("cq-level={step}"));
        }
    }
}
