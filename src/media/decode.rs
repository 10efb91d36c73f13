//! Masters: pictures decoded once, rendered many times.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};

use super::png_colour::Colour;
use super::sniff::sniff;
use super::words::Told;
use super::{MediaError, probe};
use crate::types::ReadAt;

/// Profiles beyond this are no profiles of pictures.
const MAX_ICC: usize = 4 * 1024 * 1024;

/// What one decode may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most pixels of the master.
    pub max_pixels: u64,
    /// Most bytes of the file.
    pub max_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_pixels: 200_000_000, max_bytes: 1024 * 1024 * 1024 }
    }
}

/// How the bytes of a pixel are laid out; 8 bits per channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    Gray,
    GrayAlpha,
    Rgb,
    Rgba,
}

impl Layout {
    pub fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::GrayAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }
}

/// A decoded picture in the file's own colours and orientation.
pub struct Master {
    pub(super) pixels: Vec<u8>,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) layout: Layout,
    pub(super) icc: Option<Vec<u8>>,
    pub(super) orientation: Orientation,
    /// What the file says of itself that its exports say too.
    pub(super) told: Told,
}

impl std::fmt::Debug for Master {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Master({}x{} {:?} {:?})", self.width, self.height, self.layout, self.orientation)
    }
}

/// About how much memory it takes to decode a file: its bytes, and four channels of each pixel. A file that does not tell its size might
/// take anything.
///
/// # Errors
/// When the file is no medium, or cannot be read.
pub fn decoded_bytes(source: &dyn ReadAt) -> Result<u64, MediaError> {
    let sniffed = sniff(&source.read_head(8 * 1024)?).ok_or(MediaError::Unrecognised)?;
    let (w, h) = probe::header(source, &sniffed)?.size.unwrap_or((u32::MAX, u32::MAX));
    Ok(u64::from(w).saturating_mul(u64::from(h)).saturating_mul(4).saturating_add(source.len()))
}

impl Master {
    /// Decodes a picture; of an animation, its first frame.
    ///
    /// # Errors
    /// When the format is not one that is decoded here, the file is damaged or beyond the limits.
    pub fn decode(source: &dyn ReadAt, limits: &Limits) -> Result<Self, MediaError> {
        let sniffed = sniff(&source.read_head(8 * 1024)?).ok_or(MediaError::Unrecognised)?;
        let format = match sniffed.format {
            "png" => ImageFormat::Png,
            "jpeg" => ImageFormat::Jpeg,
            "webp" => ImageFormat::WebP,
            "gif" => ImageFormat::Gif,
            "bmp" => ImageFormat::Bmp,
            "tiff" => ImageFormat::Tiff,
            other => return Err(MediaError::Unsupported { format: other.to_owned() }),
        };
        if source.len() > limits.max_bytes {
            return Err(MediaError::too_large(format!(
                "{} bytes; at most {} are decoded",
                source.len(),
                limits.max_bytes
            )));
        }
        let header = probe::header(source, &sniffed)?;
        if let Some((w, h)) = header.size {
            check(w, h, limits)?;
        }
        if let Some(what) = header.unsupported {
            return Err(MediaError::Unsupported { format: what.to_owned() });
        }
        let orientation = Orientation::from_exif(header.orientation).unwrap_or(Orientation::NoTransforms);
        let bytes = source.read_head(usize::try_from(source.len()).unwrap_or(usize::MAX))?;
        // The decoders are other people's and the bytes are hostile: a panic in there is a damaged file.
        let decoded = catch_unwind(AssertUnwindSafe(|| pixels(&bytes, format, limits, orientation, header.colour)))
            .unwrap_or_else(|_| Err(MediaError::damaged("the decoder gave up on it")))?;
        Ok(Self { told: header.told, ..decoded })
    }

    /// Width and height as shown.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        if self.turned() { (self.height, self.width) } else { (self.width, self.height) }
    }

    /// Whether orientation swaps width and height.
    pub(super) fn turned(&self) -> bool {
        self.orientation.to_exif() >= 5
    }
}

fn check(w: u32, h: u32, limits: &Limits) -> Result<(), MediaError> {
    let pixels = u64::from(w).saturating_mul(u64::from(h));
    if w == 0 || h == 0 {
        return Err(MediaError::damaged("the picture has no pixels"));
    }
    if pixels > limits.max_pixels {
        return Err(MediaError::too_large(format!("{w}x{h} pixels; at most {} are decoded", limits.max_pixels)));
    }
    Ok(())
}

fn pixels(
    bytes: &[u8],
    format: ImageFormat,
    limits: &Limits,
    orientation: Orientation,
    colour: Colour,
) -> Result<Master, MediaError> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut bounds = image::Limits::no_limits();
    bounds.max_alloc = Some(limits.max_pixels.saturating_mul(4).saturating_add(256 * 1024 * 1024));
    reader.limits(bounds);
    let mut decoder = reader.into_decoder().map_err(|e| failed(&e))?;
    let (w, h) = decoder.dimensions();
    check(w, h, limits)?;
    let embedded = decoder.icc_profile().unwrap_or(None).filter(|p| p.len() <= MAX_ICC);
    // The decoder makes RGB of CMYK without it, and wrong RGB if it were to be followed.
    if embedded.as_ref().is_some_and(|profile| profile.get(16..20) == Some(b"CMYK")) {
        return Err(MediaError::Unsupported { format: "a CMYK picture with a profile".to_owned() });
    }
    let icc = colour.profile().and_then(|profile| profile.encode().ok()).or(embedded);
    let picture = DynamicImage::from_decoder(decoder).map_err(|e| failed(&e))?;
    let (width, height) = (picture.width(), picture.height());
    check(width, height, limits)?;
    let colour = picture.color();
    let (layout, pixels) = match (colour.has_color(), colour.has_alpha()) {
        (false, false) => (Layout::Gray, picture.into_luma8().into_raw()),
        (false, true) => (Layout::GrayAlpha, picture.into_luma_alpha8().into_raw()),
        (true, false) => (Layout::Rgb, picture.into_rgb8().into_raw()),
        (true, true) => (Layout::Rgba, picture.into_rgba8().into_raw()),
    };
    Ok(Master { pixels, width, height, layout, icc, orientation, told: Told::default() })
}

fn failed(error: &ImageError) -> MediaError {
    match error {
        ImageError::Limits(l) => MediaError::too_large(format!("decoding it needs more than is allowed ({l})")),
        ImageError::Unsupported(u) => MediaError::Unsupported { format: u.to_string() },
        other => MediaError::damaged(other.to_string()),
    }
}
