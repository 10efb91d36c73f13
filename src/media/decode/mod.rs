//! Masters: pictures decoded once, rendered many times.

mod general;
mod inks;
mod psd;
mod quick;
mod stream;

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use image::ImageFormat;
use image::metadata::Orientation;

use super::colour::is_srgb;
use super::probe::Header;
use super::sniff::sniff;
use super::words::Told;
use super::{MediaError, heif, layered, probe};
use crate::types::ReadAt;
pub use quick::Quick;

/// Profiles beyond this are no profiles of pictures.
const MAX_ICC: usize = 4 * 1024 * 1024;

/// What the memory of the program that decodes for us, which has its own limit, holds.
const MOST_CONVERTED: u64 = 800 * 1024 * 1024;

/// Decodes pictures by another program.
pub trait Converter {
    /// A picture of this format as a PNG of so many bytes at most, in the file's own colours, upright.
    ///
    /// # Errors
    /// [`MediaError::Damaged`] when the picture is at fault, [`MediaError::Unavailable`] when the program cannot be run.
    fn png(&self, source: &dyn ReadAt, format: &str, most: u64) -> Result<Vec<u8>, MediaError>;

    /// The pixels of this picture as another program made them ([`Quick`]), if one did.
    fn pixels(&self) -> Option<Bytes> {
        None
    }
}

/// The PNG that another program is to make of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversion {
    pub format: &'static str,
    /// Most bytes of it.
    pub most: u64,
}

/// What another program has to make of a picture before it is decoded here; `None` when that is nothing.
///
/// # Errors
/// As [`Master::decode`], as far as that is known beforehand.
pub fn conversion(source: &dyn ReadAt, limits: &Limits) -> Result<Option<Conversion>, MediaError> {
    let opened = Opened::of(source, limits)?;
    match opened.reader {
        Reader::Converted => opened.conversion().map(Some),
        _ => Ok(None),
    }
}

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

/// What the channels of a pixel are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    Gray,
    GrayAlpha,
    Rgb,
    Rgba,
    /// Inks, of which more is darker.
    Cmyk,
}

impl Layout {
    pub fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::GrayAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba | Self::Cmyk => 4,
        }
    }

    pub fn has_alpha(self) -> bool {
        matches!(self, Self::GrayAlpha | Self::Rgba)
    }
}

/// The channels of all pixels, as deep as the file has them: what is lost before a curve is applied is seen after it.
pub(super) enum Samples {
    Bytes(Vec<u8>),
    /// Bytes that another program made, where it left them.
    Shared(Bytes),
    Words(Vec<u16>),
}

impl Samples {
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(samples) => samples,
            Self::Shared(samples) => samples,
            Self::Words(samples) => bytemuck::cast_slice(samples),
        }
    }
}

/// A decoded picture in the file's own colours and orientation.
pub struct Master {
    pub(super) pixels: Samples,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) layout: Layout,
    pub(super) icc: Option<Vec<u8>>,
    pub(super) orientation: Orientation,
    /// What the file says of itself that its exports say too.
    pub(super) told: Told,
    /// It has content credentials of its own.
    pub(super) is_signed: bool,
    is_converted: bool,
}

impl std::fmt::Debug for Master {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Master({}x{} {:?} {:?})", self.width, self.height, self.layout, self.orientation)
    }
}

/// About how much memory it takes to decode a file: its bytes, and four channels of each pixel, of one byte or two. A file that does not
/// tell its size might take anything.
///
/// # Errors
/// When the file is no medium, or cannot be read.
pub fn decoded_bytes(source: &dyn ReadAt) -> Result<u64, MediaError> {
    let sniffed = sniff(&source.read_head(8 * 1024)?).ok_or(MediaError::Unrecognised)?;
    let header = probe::header(source, &sniffed)?;
    let (w, h) = header.size.unwrap_or((u32::MAX, u32::MAX));
    let pixel = header.pixel();
    let pixels = u64::from(w).saturating_mul(u64::from(h)).saturating_mul(pixel);
    let beside = match Reader::of(sniffed.format) {
        // Channel by channel, and then side by side.
        Ok(Reader::Photoshop) => pixels,
        // The PNG. What another program makes it of is not of this process.
        Ok(Reader::Layered | Reader::Converted) => layered::unpacked((w, h), pixel),
        _ => 0,
    };
    Ok(pixels.saturating_add(beside).saturating_add(source.len()))
}

impl Master {
    /// Decodes a picture; of an animation, its first frame.
    ///
    /// # Errors
    /// When the format is not one that is decoded here, the file is damaged or beyond the limits.
    pub fn decode(source: &dyn ReadAt, limits: &Limits) -> Result<Self, MediaError> {
        Self::decode_with(source, limits, None)
    }

    /// Decodes a picture, if need be by another program.
    ///
    /// # Errors
    /// As [`Master::decode`], and when that program cannot be run.
    pub fn decode_with(
        source: &dyn ReadAt,
        limits: &Limits,
        converter: Option<&dyn Converter>,
    ) -> Result<Self, MediaError> {
        let opened = Opened::of(source, limits)?;
        let Opened { reader, header, .. } = &opened;
        let orientation = Orientation::from_exif(header.orientation).unwrap_or(Orientation::NoTransforms);
        let is_converted = matches!(reader, Reader::Converted);
        let Decoded { pixels, size: (width, height), layout, icc } = match *reader {
            Reader::Photoshop => psd::decode(source, limits)?,
            Reader::Layered => {
                let most = opened.png_bytes()?.min(limits.max_bytes);
                by_others(&layered::merged(source, most)?, ImageFormat::Png, limits, header)?
            }
            Reader::Converted => {
                let Conversion { format, most } = opened.conversion()?;
                let converter = converter.ok_or_else(|| MediaError::Unavailable {
                    format: format.to_owned(),
                    why: "another program decodes it, which is run by the daemon alone".to_owned(),
                })?;
                by_others(&converter.png(source, format, most)?, ImageFormat::Png, limits, header)?
            }
            Reader::Image(format) => match opened.made(converter) {
                Some(made) => made,
                None => by_others(source, format, limits, header)?,
            },
        };
        let Opened { header, .. } = opened;
        let icc = header.icc.or(icc).filter(|profile| profile.len() <= MAX_ICC);
        let icc = header.colour.profile().and_then(|profile| profile.encode().ok()).or(icc);
        let in_rgb = matches!(layout, Layout::Rgb | Layout::Rgba);
        let icc = icc.filter(|profile| !(in_rgb && is_srgb(profile)));
        Ok(Self {
            pixels,
            width,
            height,
            layout,
            icc,
            orientation,
            told: header.told,
            is_signed: header.is_signed,
            is_converted,
        })
    }

    /// Width and height as shown.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        if self.turned() { (self.height, self.width) } else { (self.width, self.height) }
    }

    /// Whether another program had a part in its pixels: a new build of it may see others.
    #[must_use]
    pub const fn is_converted(&self) -> bool {
        self.is_converted
    }

    /// Whether orientation swaps width and height.
    pub(super) fn turned(&self) -> bool {
        self.orientation.to_exif() >= 5
    }
}

/// A picture whose header was read and is within the limits.
struct Opened {
    format: &'static str,
    reader: Reader,
    header: Header,
}

impl Opened {
    fn of(source: &dyn ReadAt, limits: &Limits) -> Result<Self, MediaError> {
        let sniffed = sniff(&source.read_head(8 * 1024)?).ok_or(MediaError::Unrecognised)?;
        let reader = Reader::of(sniffed.format)?;
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
        // What its decoder would not say: the rest is gray.
        if matches!(sniffed.format, "jpeg" | "avif" | "heic") && !header.complete {
            return Err(MediaError::damaged("it ends before its picture does"));
        }
        Ok(Self { format: sniffed.format, reader, header })
    }

    /// Most bytes of the PNG that it is decoded from.
    fn png_bytes(&self) -> Result<u64, MediaError> {
        let size = self.header.size.ok_or_else(|| MediaError::damaged("it tells no size"))?;
        Ok(layered::unpacked(size, self.header.pixel()))
    }

    /// What another program has seen of it.
    fn made(&self, converter: Option<&dyn Converter>) -> Option<Decoded> {
        let (made, size) = converter.and_then(Converter::pixels).zip(self.header.size)?;
        quick::read(&made, size)
    }

    fn conversion(&self) -> Result<Conversion, MediaError> {
        let most = self.png_bytes()?;
        if most > MOST_CONVERTED {
            let (w, h) = self.header.size.unwrap_or_default();
            return Err(MediaError::too_large(format!("{w}x{h} pixels of this format")));
        }
        Ok(Conversion { format: self.format, most })
    }
}

/// Who decodes a format.
enum Reader {
    Image(ImageFormat),
    Photoshop,
    /// The PNG in an archive.
    Layered,
    /// The PNG that another program makes of it.
    Converted,
}

impl Reader {
    fn of(format: &str) -> Result<Self, MediaError> {
        Ok(match format {
            "png" => Self::Image(ImageFormat::Png),
            "jpeg" => Self::Image(ImageFormat::Jpeg),
            "webp" => Self::Image(ImageFormat::WebP),
            "gif" => Self::Image(ImageFormat::Gif),
            "bmp" => Self::Image(ImageFormat::Bmp),
            "tiff" => Self::Image(ImageFormat::Tiff),
            "psd" | "psb" => Self::Photoshop,
            "kra" | "ora" => Self::Layered,
            format if heif::is_heif(format) => Self::Converted,
            other => return Err(MediaError::Unsupported { format: other.to_owned() }),
        })
    }
}

/// The decoders are other people's and the bytes are hostile: a panic in there is a damaged file.
fn by_others(
    source: &dyn ReadAt,
    format: ImageFormat,
    limits: &Limits,
    header: &Header,
) -> Result<Decoded, MediaError> {
    catch_unwind(AssertUnwindSafe(|| general::decode(source, format, limits, header)))
        .unwrap_or_else(|_| Err(MediaError::damaged("the decoder gave up on it")))
}

/// What a decoder makes of a file.
struct Decoded {
    pixels: Samples,
    /// As stored.
    size: (u32, u32),
    layout: Layout,
    icc: Option<Vec<u8>>,
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
