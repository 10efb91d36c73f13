//! What a file says about itself.

use std::collections::BTreeMap;

use super::found::Found;
use super::png_colour::Colour;
use super::sniff::{Sniffed, sniff};
use super::words::Told;
use super::{
    MediaError, bmff, bound, dates, exif, heif, iptc, jpeg, layered, other_tools, png, psd, simple, webp, xmp,
};
use crate::types::{Generation, ReadAt, Timestamp};

const HEAD: usize = 8 * 1024;
/// Most keywords, or people, of one file.
const MAX_LIST: usize = 512;
/// What every packet has.
const XMP_MARK: &[u8] = b"RDF";
/// Tags of EXIF.
const ARTIST: u16 = 0x013b;
const COPYRIGHT: u16 = 0x8298;

/// What was read from one file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Probe {
    /// `image`, `video`, `audio`, `document` or `other`.
    pub kind: String,
    /// Short name of the format.
    pub format: String,
    /// Width in pixels as shown, after orientation.
    pub width: Option<u32>,
    /// Height in pixels as shown, after orientation.
    pub height: Option<u32>,
    /// EXIF orientation, 1 to 8.
    pub orientation: u8,
    /// EXIF DateTimeOriginal, else the date of the XMP packet; UTC when it names no zone.
    pub created: Option<Timestamp>,
    /// The end of the file is there: false while a slow writer is still at it.
    pub complete: bool,
    /// How the file was generated.
    pub generation: Option<Generation>,
    /// Keywords of XMP and IPTC, each once.
    pub keywords: Vec<String>,
    /// Caption.
    pub description: Option<String>,
    /// Free texts by their names in Dublin Core: `title`, `creator`, `rights` and the like.
    pub properties: BTreeMap<String, String>,
    /// Two for each star, 0 to 10; 0 is a rejected file, not one that nobody rated.
    pub stars: Option<u8>,
    /// People shown.
    pub persons: Vec<String>,
    /// Our own campaign property.
    pub campaign: Option<String>,
    /// Our own persona property.
    pub persona: Vec<String>,
    /// It says where the picture was taken.
    pub place: bool,
    /// What could not be read.
    pub warnings: Vec<String>,
}

/// Reads what a file says about itself. Broken metadata is a warning, never an error.
///
/// # Errors
/// When the format is not known, or the bytes cannot be read.
pub fn probe(source: &dyn ReadAt) -> Result<Probe, MediaError> {
    let head = source.read_head(HEAD)?;
    let sniffed = sniff(&head).ok_or(MediaError::Unrecognised)?;
    let mut found = walk(source, &sniffed)?;
    let exif = match found.exif.take() {
        _ if sniffed.format == "tiff" => exif::read(source)?,
        Some(block) => exif::read(&block)?,
        None => exif::Exif { orientation: 1, ..exif::Exif::default() },
    };
    // There it says how the camera was held; which way is up, the container says.
    let exif = if heif::is_heif(sniffed.format) { exif::Exif { orientation: 1, ..exif } } else { exif };
    Ok(assemble(&sniffed, found, &exif))
}

/// Reads what an XMP sidecar says of the file that it lies beside. One that is cut short, or no XMP at all, says nothing: not that what it
/// said before is to go.
///
/// # Errors
/// When the bytes cannot be read.
pub fn sidecar(source: &dyn ReadAt) -> std::io::Result<Option<Probe>> {
    let bytes = source.read_head(xmp::MAX_PACKET)?;
    let packet = xmp::read(&bytes);
    if packet.damaged || !bytes.windows(XMP_MARK.len()).any(|part| part == XMP_MARK) {
        return Ok(None);
    }
    Ok(Some(Probe {
        stars: stars(packet.rating),
        properties: texts(packet.texts),
        keywords: unique(packet.subjects),
        description: packet.description.map(bound::caption),
        persons: unique(packet.persons),
        campaign: packet.campaign,
        persona: unique(packet.personas),
        ..Probe::default()
    }))
}

/// Whether a file has content credentials.
///
/// # Errors
/// When the bytes cannot be read.
pub fn is_signed(source: &dyn ReadAt) -> std::io::Result<bool> {
    let Some(sniffed) = sniff(&source.read_head(HEAD)?) else { return Ok(false) };
    Ok(walk(source, &sniffed)?.is_signed)
}

/// What a file says that it was made of, as exports of ours do.
///
/// # Errors
/// When the bytes cannot be read.
pub fn derived_from(source: &dyn ReadAt) -> Result<Option<String>, MediaError> {
    let Some(sniffed) = sniff(&source.read_head(HEAD)?) else { return Ok(None) };
    Ok(walk(source, &sniffed)?.xmp.and_then(|packet| xmp::read(&packet).derived_from))
}

/// A packet's rating as stars: not rated is none.
fn stars(rating: Option<i8>) -> Option<u8> {
    rating.filter(|stars| *stars != 0).and_then(|stars| u8::try_from(stars.max(0) * 2).ok())
}

fn texts(packet: BTreeMap<&'static str, String>) -> BTreeMap<String, String> {
    packet.into_iter().map(|(name, text)| (name.to_owned(), bound::caption(text))).collect()
}

/// What a decoder has to know beforehand.
#[derive(Debug, Clone)]
pub(super) struct Header {
    pub orientation: u8,
    /// As stored.
    pub size: Option<(u32, u32)>,
    /// Its end is there.
    pub complete: bool,
    /// Its channels may have 16 bits.
    pub deep: bool,
    pub unsupported: Option<&'static str>,
    pub colour: Colour,
    /// What its exports say too.
    pub told: Told,
    /// It has content credentials (C2PA) of its own.
    pub is_signed: bool,
    /// The profile of its colours, where the decoder does not read it.
    pub icc: Option<Vec<u8>>,
}

impl Header {
    /// Bytes of a pixel with four channels.
    pub(super) const fn pixel(&self) -> u64 {
        if self.deep { 8 } else { 4 }
    }
}

/// Reads the headers alone.
pub(super) fn header(source: &dyn ReadAt, sniffed: &Sniffed) -> Result<Header, MediaError> {
    let found = walk(source, sniffed)?;
    let orientation = match &found.exif {
        _ if sniffed.format == "tiff" => exif::read(source)?.orientation,
        _ if heif::is_heif(sniffed.format) => 1,
        Some(block) => exif::read(block)?.orientation,
        None => 1,
    };
    Ok(Header {
        orientation,
        size: found.width.zip(found.height),
        complete: found.complete,
        deep: found.deep,
        unsupported: found.unsupported,
        colour: found.colour,
        told: found.xmp.map(|packet| xmp::read(&packet).told).unwrap_or_default(),
        is_signed: found.is_signed,
        icc: found.icc,
    })
}

fn walk(source: &dyn ReadAt, sniffed: &Sniffed) -> std::io::Result<Found> {
    match sniffed.format {
        "png" => png::walk(source),
        "jpeg" => jpeg::walk(source),
        "webp" => webp::walk(source),
        "gif" => simple::gif(source),
        "bmp" => simple::bmp(source),
        "tiff" => simple::tiff(source),
        "psd" | "psb" => psd::walk(source),
        "kra" | "ora" => layered::walk(source),
        "mp4" | "mov" | "m4a" | "3gp" => bmff::walk(source),
        "avif" | "heic" => heif::walk(source),
        _ => Ok(Found { complete: true, ..Found::default() }),
    }
}

fn assemble(sniffed: &Sniffed, mut found: Found, exif: &exif::Exif) -> Probe {
    graphs_in_tags(&mut found, exif);
    let packet = found.xmp.take().map(|p| xmp::read(&p)).unwrap_or_default();
    if packet.damaged {
        found.warn("the XMP packet is damaged; what stands before the damage was read");
    }
    let records = found.iptc.take().map(|b| iptc::read(&b)).unwrap_or_default();
    let of_exif = |tag: u16| exif.text(tag).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let mut properties = texts(packet.texts);
    let others = [
        ("title", records.title),
        ("creator", records.creator.or_else(|| of_exif(ARTIST))),
        ("rights", records.rights.or_else(|| of_exif(COPYRIGHT))),
    ];
    for (name, text) in others {
        if let Some(text) = text {
            properties.entry(name.to_owned()).or_insert_with(|| bound::caption(text));
        }
    }
    let user_comment = exif.user_comment.as_deref().map(exif::user_comment).filter(|c| !c.is_empty());
    let comments = [user_comment.as_deref(), packet.user_comment.as_deref()];
    let generation = comments
        .into_iter()
        .flatten()
        .find_map(|c| other_tools::generation(&found, Some(c)))
        .or_else(|| other_tools::generation(&found, None))
        .map(|mut made| {
            made.cut.append(&mut found.cut);
            bound::generation(&mut made);
            made
        });
    let turned = exif.orientation >= 5;
    let (width, height) = if turned { (found.height, found.width) } else { (found.width, found.height) };
    let size = width.zip(height).filter(|(w, h)| *w > 0 && *h > 0);
    Probe {
        kind: sniffed.kind.to_owned(),
        format: sniffed.format.to_owned(),
        width: size.map(|s| s.0),
        height: size.map(|s| s.1),
        orientation: exif.orientation,
        created: exif.created.or_else(|| packet.created.as_deref().and_then(dates::iso)),
        complete: found.complete,
        generation,
        keywords: unique(packet.subjects.into_iter().chain(records.keywords)),
        description: packet.description.or(records.caption).map(bound::caption),
        properties,
        stars: stars(packet.rating),
        persons: unique(packet.persons),
        campaign: packet.campaign,
        persona: unique(packet.personas),
        place: exif.place || packet.place,
        warnings: found.warnings,
    }
}

/// ComfyUI has no place of its own in EXIF: it writes `prompt:{...}` into Model, `workflow:{...}` into Make, and other nodes
/// swap them. Any text tag that looks so is taken.
fn graphs_in_tags(found: &mut Found, exif: &exif::Exif) {
    for (_, text) in &exif.ascii {
        let Some((key, value)) = text.split_once(':') else { continue };
        let word = !key.is_empty() && key.len() <= 64 && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if word && value.trim_start().starts_with('{') {
            found.text(key.to_ascii_lowercase(), value.trim());
        }
    }
    if found.get("Software").is_none()
        && let Some(software) = exif.text(0x0131)
    {
        found.text("Software", software);
    }
}

fn unique(values: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    values.into_iter().filter(|v| !v.is_empty() && seen.insert(v.clone())).take(MAX_LIST).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_found_in_every_container_that_has_a_place_for_them() {
        let tiff = |tag: [u8; 2]| [b"II*\0\x08\0\0\0\x01\0", &tag[..], b"\x07\0\x01\0\0\0\0\0\0\0\0\0\0\0"].concat();
        let heif = |last: u8| {
            let id = b"\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c\x92\x97\x58\x28\x87\x7e\xc4";
            [b"\0\0\0\x14ftypavif\0\0\0\0avif\0\0\0\x18uuid", &id[..], &[last]].concat()
        };
        let jpeg =
            |name: &[u8; 4]| [b"\xff\xd8\xff\xeb\0\x12JP\0\x01\0\0\0\x01\0\0\0\x20", &name[..], b"\xff\xd9"].concat();
        let png = |name: &[u8; 4]| [b"\x89PNG\r\n\x1a\n\0\0\0\0", &name[..], b"\0\0\0\0"].concat();
        let webp = |name: &[u8; 4]| [b"RIFF\x0c\0\0\0WEBP", &name[..], b"\0\0\0\0"].concat();
        for (format, with, without) in [
            ("tiff", tiff([0x41, 0xcd]), tiff([0x42, 0xcd])),
            ("avif", heif(0x81), heif(0x82)),
            ("jpeg", jpeg(b"jumb"), jpeg(b"junk")),
            ("png", png(b"caBX"), png(b"caBY")),
            ("webp", webp(b"C2PA"), webp(b"C2PB")),
        ] {
            let sniffed = Sniffed { kind: "image", format, extension: format, mime: "" };
            let is_signed = |file: &Vec<u8>| walk(file, &sniffed).unwrap().is_signed;
            assert!(is_signed(&with) && !is_signed(&without), "{format}");
            for cut in 0..with.len() {
                let _ = walk(&with[..cut].to_vec(), &sniffed);
            }
        }
    }
}
