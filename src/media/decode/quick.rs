//! Pixels that another program has made already. It sees what our own decoder of the format sees, to the last bit, in half of the time; what
//! it makes nothing of is decoded here as if there were no such program.

use super::super::MediaError;
use super::super::bytes::le32;
use super::{Decoded, Layout, Limits, Opened, Reader, Samples};
use crate::types::ReadAt;
use bytes::Bytes;
use image::ImageFormat;

/// Below so many pixels it takes longer to start a program than to decode them here.
const WORTH_IT: u64 = 1_000_000;
/// What stands before the pixels is not as long.
const HEAD: usize = 128;

/// What another program is to make of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quick {
    /// Whether with a channel of opacity.
    pub alpha: bool,
    /// Most bytes of it.
    pub most: u64,
}

impl Quick {
    /// What `dwebp` is told to do with its standard input and output.
    #[must_use]
    pub const fn command(&self) -> [&'static str; 6] {
        ["-quiet", if self.alpha { "-pam" } else { "-ppm" }, "-o", "-", "--", "-"]
    }

    /// What of a picture is worth a program of its own: a WebP that does not move.
    ///
    /// # Errors
    /// As [`super::Master::decode`], as far as that is known beforehand.
    pub fn of(source: &dyn ReadAt, limits: &Limits) -> Result<Option<Self>, MediaError> {
        let Opened { reader: Reader::Image(ImageFormat::WebP), header, .. } = Opened::of(source, limits)? else {
            return Ok(None);
        };
        let (Some(alpha), Some((width, height))) = (has_alpha(&source.read_head(32)?), header.size) else {
            return Ok(None);
        };
        let pixels = u64::from(width) * u64::from(height);
        let most = pixels.saturating_mul(if alpha { 4 } else { 3 }).saturating_add(HEAD as u64);
        Ok((pixels >= WORTH_IT).then_some(Self { alpha, most }))
    }
}

/// Whether a WebP has opacity, by what our decoder goes by; `None` of one that moves.
fn has_alpha(head: &[u8]) -> Option<bool> {
    match head.get(12..16)? {
        b"VP8X" => {
            let flags = head.get(20)?;
            (flags & 0x02 == 0).then_some(flags & 0x10 != 0)
        }
        b"VP8L" => Some(le32(head, 21)? >> 28 & 1 == 1),
        b"VP8 " => Some(false),
        _ => None,
    }
}

/// Reads Netpbm's PPM, or its PAM of four channels; `None` when it is no picture of this size.
pub(super) fn read(made: &Bytes, (width, height): (u32, u32)) -> Option<Decoded> {
    let ppm = format!("P6\n{width} {height}\n255\n");
    let pam = format!("P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n");
    let (layout, begins) = match made {
        head if head.starts_with(ppm.as_bytes()) => (Layout::Rgb, ppm.len()),
        head if head.starts_with(pam.as_bytes()) => (Layout::Rgba, pam.len()),
        _ => return None,
    };
    let length = u64::from(width) * u64::from(height) * layout.channels() as u64;
    let pixels = made.slice(begins..);
    let is_whole = pixels.len() as u64 == length;
    is_whole.then_some(Decoded { pixels: Samples::Shared(pixels), size: (width, height), layout, icc: None })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn of(made: &[u8]) -> Option<(Layout, Vec<u8>)> {
        read(&Bytes::copy_from_slice(made), (2, 1)).map(|made| (made.layout, made.pixels.as_bytes().to_vec()))
    }

    #[test]
    fn only_a_whole_picture_of_the_size_is_taken() {
        let ppm = b"P6\n2 1\n255\nabcdef";
        let pam = b"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\nabcdefgh";
        assert_eq!(of(ppm), Some((Layout::Rgb, b"abcdef".to_vec())));
        assert_eq!(of(pam), Some((Layout::Rgba, b"abcdefgh".to_vec())));
        for other in
            [&b""[..], b"P6\n2 1\n255\nabcde", b"P6\n2 1\n255\nabcdefg", b"P6\n1 2\n255\nabcdef", b"P5\n2 1\n255\nab"]
        {
            assert_eq!(of(other), None, "{other:?}");
        }
    }
}
