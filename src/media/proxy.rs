//! The still proxy for those who may view but not download: reduced, marked, and of a size known beforehand.

use super::canvas::{Ground, WHITE, lay};
use super::encode;
use super::plan::plan;
use super::render::Raster;
use super::{Fit, Master, MediaError, Recipe, mark};

/// The size of every proxy, so that its attributes need no rendering.
pub const PROXY_BYTES: u64 = 256 * 1024;

const WHOLE: usize = 256 * 1024;
/// Longest segment: marker, length, and 65533 bytes.
const MAX_SEGMENT: usize = 65_537;
/// A mark cannot be read on fewer pixels than this.
const MIN_SIDE: u32 = 64;
const MIN_LONG_SIDE: u32 = 320;

impl Master {
    /// A reduced JPEG of exactly [`PROXY_BYTES`] bytes, visibly marked with the text.
    ///
    /// # Errors
    /// When it cannot be made so small.
    pub fn proxy(&self, mark: &str) -> Result<Vec<u8>, MediaError> {
        for (side, quality) in [(1024, 82), (1024, 65), (768, 60), (640, 50), (512, 40), (320, 30)] {
            let raster = marked(self, mark, side)?;
            let file = encode::jpeg(&raster, quality, None)?;
            if file.len() <= WHOLE {
                return pad(&file);
            }
        }
        Err(MediaError::too_large("the proxy does not fit into 256 KiB"))
    }
}

fn marked(master: &Master, text: &str, side: u32) -> Result<Raster, MediaError> {
    let (w, h) = master.size();
    // Never more detail than a reduced copy has, never too small to carry the mark.
    let side = w.max(h).clamp(MIN_LONG_SIDE, side);
    let recipe = Recipe { width: Some(side), height: Some(side), fit: Fit::Pad, upscale: true, ..Recipe::default() };
    let raster = master.raster(&plan((w, h), &recipe)?)?;
    let canvas = (raster.width.max(MIN_SIDE), raster.height.max(MIN_SIDE));
    let mut raster = lay(raster, canvas, Ground::Colour(WHITE));
    mark::tile(&mut raster, text);
    Ok(raster)
}

/// Fills up with comment segments behind the application segments, where every reader skips them.
fn pad(file: &[u8]) -> Result<Vec<u8>, MediaError> {
    let mut at = 2usize;
    while let Some(&[0xff, 0xe0..=0xef, high, low]) = file.get(at..at + 4).and_then(|b| <&[u8; 4]>::try_from(b).ok()) {
        at = at.saturating_add(2).saturating_add(usize::from(u16::from_be_bytes([high, low])));
    }
    let (head, tail) = file.split_at_checked(at).ok_or_else(|| MediaError::damaged("the proxy was written wrongly"))?;
    let mut out = Vec::with_capacity(WHOLE);
    out.extend_from_slice(head);
    let mut missing = WHOLE.saturating_sub(file.len());
    while missing >= 4 {
        let mut segment = missing.min(MAX_SEGMENT);
        // What is left must be nothing or room for a segment.
        if (1..4).contains(&missing.saturating_sub(segment)) {
            segment = segment.saturating_sub(4);
        }
        let length = u16::try_from(segment.saturating_sub(2)).unwrap_or(u16::MAX);
        out.extend([0xff, 0xfe]);
        out.extend(length.to_be_bytes());
        out.resize(out.len().saturating_add(segment.saturating_sub(4)), b' ');
        missing = missing.saturating_sub(segment);
    }
    // Up to three fill bytes may stand before any marker.
    out.resize(out.len().saturating_add(missing), 0xff);
    out.extend_from_slice(tail);
    Ok(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn padding_always_gives_the_whole_size_and_a_readable_file() {
        let raster = Raster { width: 16, height: 16, pixels: vec![90; 16 * 16 * 3], alpha: false };
        let small = encode::jpeg(&raster, 80, None).unwrap();
        let at = small.windows(2).position(|w| w == [0xff, 0xdb]).unwrap();
        for missing in [0, 1, 2, 3, 4, 5, 65_536, 65_537, 65_538, 65_540, 65_541, 131_075, WHOLE - small.len()] {
            // Grown by comments until just as much is missing.
            let mut file = small.clone();
            let mut room = WHOLE - missing - small.len();
            while room > 0 {
                let n = if room > 65_537 { 60_000 } else { room };
                let mut seg = vec![0xff, 0xfe];
                seg.extend(u16::try_from(n - 2).unwrap().to_be_bytes());
                seg.resize(n, 0);
                file.splice(at..at, seg);
                room -= n;
            }
            let out = pad(&file).unwrap();
            assert_eq!(out.len(), WHOLE, "{missing}");
            assert!(image::load_from_memory(&out).is_ok(), "{missing}");
        }
    }
}
