//! Containers: the picture and its metadata as each generator lays them out.

use image::RgbImage;
use image::imageops::{rotate180, rotate270};

use crate::Failure;
use crate::words::{Story, Tool};

/// The file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    Png,
    Jpeg,
    Webp,
}

impl Carrier {
    pub const ALL: [Self; 3] = [Self::Png, Self::Jpeg, Self::Webp];

    pub const fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
        }
    }
}

/// How the stored pixels must be turned to stand upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    None,
    Half,
    Right,
}

impl Turn {
    const fn exif(self) -> u16 {
        match self {
            Self::None => 1,
            Self::Half => 3,
            Self::Right => 6,
        }
    }
}

/// Encodes an upright picture.
pub fn encode(carrier: Carrier, turn: Turn, picture: RgbImage, story: &Story) -> Result<Vec<u8>, Failure> {
    let stored = match turn {
        Turn::None => picture,
        Turn::Half => rotate180(&picture),
        Turn::Right => rotate270(&picture),
    };
    match carrier {
        Carrier::Png => png(&stored, story),
        Carrier::Jpeg => jpeg(&stored, turn, story),
        Carrier::Webp => webp(&stored, story),
    }
}

fn png(picture: &RgbImage, story: &Story) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, picture.width(), picture.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut text = |key: &str, value: String| {
        // As Pillow chooses: tEXt while Latin-1 suffices.
        if value.chars().all(|c| u32::from(c) < 256) {
            encoder.add_text_chunk(key.to_owned(), value)
        } else {
            encoder.add_itxt_chunk(key.to_owned(), value)
        }
    };
    match story.tool {
        Tool::A1111 => text("parameters", story.infotext())?,
        Tool::Comfy => {
            text("prompt", story.graph())?;
            text("workflow", story.workflow())?;
        }
    }
    if let Some(xmp) = story.xmp() {
        encoder.add_itxt_chunk("XML:com.adobe.xmp".to_owned(), xmp)?;
    }
    encoder.write_header()?.write_image_data(picture.as_raw())?;
    Ok(out)
}

fn jpeg(picture: &RgbImage, turn: Turn, story: &Story) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut out, 92);
    let mut exif = b"Exif\0\0".to_vec();
    exif.extend(tiff(&[(ORIENTATION, Entry::Short(turn.exif()))], Some(&user_comment(story)))?);
    encoder.add_app_segment(1, exif)?;
    if let Some(xmp) = story.xmp() {
        encoder.add_app_segment(1, [b"http://ns.adobe.com/xap/1.0/\0", xmp.as_bytes()].concat())?;
    }
    let (w, h) = (u16::try_from(picture.width())?, u16::try_from(picture.height())?);
    encoder.encode(picture.as_raw(), w, h, jpeg_encoder::ColorType::Rgb)?;
    Ok(out)
}

fn webp(picture: &RgbImage, story: &Story) -> Result<Vec<u8>, Failure> {
    let mut plain = Vec::new();
    image::codecs::webp::WebPEncoder::new_lossless(&mut plain).encode(
        picture.as_raw(),
        picture.width(),
        picture.height(),
        image::ExtendedColorType::Rgb8,
    )?;
    let exif = match story.tool {
        Tool::A1111 => tiff(&[], Some(&user_comment(story)))?,
        Tool::Comfy => tiff(
            &[
                (MAKE, Entry::Text(format!("workflow:{}", story.workflow()))),
                (MODEL, Entry::Text(format!("prompt:{}", story.graph()))),
            ],
            None,
        )?,
    };
    let xmp = story.xmp();
    // The extended header: flags, then both sides less one in three bytes each.
    let mut header = vec![if xmp.is_some() { 0x0c } else { 0x08 }, 0, 0, 0];
    header.extend_from_slice(&(picture.width() - 1).to_le_bytes()[..3]);
    header.extend_from_slice(&(picture.height() - 1).to_le_bytes()[..3]);
    let mut body = b"WEBP".to_vec();
    riff_chunk(&mut body, *b"VP8X", &header)?;
    // What follows `RIFF size WEBP` is the chunk of pixels, padded already.
    body.extend_from_slice(plain.get(12..).ok_or("the WebP encoder wrote no picture")?);
    riff_chunk(&mut body, *b"EXIF", &exif)?;
    if let Some(xmp) = xmp {
        riff_chunk(&mut body, *b"XMP ", xmp.as_bytes())?;
    }
    let mut out = Vec::new();
    riff_chunk(&mut out, *b"RIFF", &body)?;
    Ok(out)
}

fn riff_chunk(out: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) -> Result<(), Failure> {
    out.extend_from_slice(&kind);
    out.extend_from_slice(&u32::try_from(data.len())?.to_le_bytes());
    out.extend_from_slice(data);
    if data.len() % 2 == 1 {
        out.push(0);
    }
    Ok(())
}

/// The infotext as piexif stores it: an 8-byte mark, then big-endian UTF-16.
fn user_comment(story: &Story) -> Vec<u8> {
    let mut out = b"UNICODE\0".to_vec();
    out.extend(story.infotext().encode_utf16().flat_map(u16::to_be_bytes));
    out
}

const MAKE: u16 = 0x010f;
const MODEL: u16 = 0x0110;
const ORIENTATION: u16 = 0x0112;
const EXIF_IFD: u16 = 0x8769;
const USER_COMMENT: u16 = 0x9286;

#[derive(Clone)]
enum Entry {
    Short(u16),
    Long(u32),
    /// ASCII; gets its closing NUL here.
    Text(String),
    Bytes(Vec<u8>),
}

/// A big-endian TIFF block: these entries, ordered by tag, and a user comment in the EXIF directory below them.
fn tiff(entries: &[(u16, Entry)], comment: Option<&[u8]>) -> Result<Vec<u8>, Failure> {
    let mut out = b"MM\0\x2a\0\0\0\x08".to_vec();
    match comment {
        None => directory(&mut out, entries)?,
        Some(comment) => {
            // The comment's directory stands right behind the main one, whose values all fit their entries.
            let below = u32::try_from(out.len() + 2 + 12 * (entries.len() + 1) + 4)?;
            let mut main = entries.to_vec();
            main.push((EXIF_IFD, Entry::Long(below)));
            directory(&mut out, &main)?;
            directory(&mut out, &[(USER_COMMENT, Entry::Bytes(comment.to_vec()))])?;
        }
    }
    Ok(out)
}

/// Appends one directory and behind it the values that do not fit.
fn directory(out: &mut Vec<u8>, entries: &[(u16, Entry)]) -> Result<(), Failure> {
    let mut far = out.len() + 2 + 12 * entries.len() + 4;
    let mut values = Vec::new();
    out.extend_from_slice(&u16::try_from(entries.len())?.to_be_bytes());
    for (tag, entry) in entries {
        let (kind, count, value) = entry.parts()?;
        out.extend_from_slice(&tag.to_be_bytes());
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&count.to_be_bytes());
        if value.len() <= 4 {
            let mut near = value;
            near.resize(4, 0);
            out.extend_from_slice(&near);
        } else {
            out.extend_from_slice(&u32::try_from(far)?.to_be_bytes());
            far += value.len() + value.len() % 2;
            values.extend_from_slice(&value);
            if value.len() % 2 == 1 {
                values.push(0);
            }
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&values);
    Ok(())
}

impl Entry {
    /// TIFF type, number of elements, bytes.
    fn parts(&self) -> Result<(u16, u32, Vec<u8>), Failure> {
        Ok(match self {
            Self::Short(v) => (3, 1, v.to_be_bytes().to_vec()),
            Self::Long(v) => (4, 1, v.to_be_bytes().to_vec()),
            Self::Text(v) => {
                let bytes = [v.as_bytes(), b"\0"].concat();
                (2, u32::try_from(bytes.len())?, bytes)
            }
            Self::Bytes(v) => (7, u32::try_from(v.len())?, v.clone()),
        })
    }
}
