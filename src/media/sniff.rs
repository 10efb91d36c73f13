//! What a file is, by its first bytes alone.

use super::bytes::find;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sniffed {
    /// `image`, `video`, `audio`, `document` or `other`.
    pub kind: &'static str,
    /// Short lower-case name: `png`, `jpeg`, `mp4`, ...
    pub format: &'static str,
    /// The usual extension, without a dot.
    pub extension: &'static str,
    /// Media type.
    pub mime: &'static str,
}

const fn of(kind: &'static str, format: &'static str, extension: &'static str, mime: &'static str) -> Sniffed {
    Sniffed { kind, format, extension, mime }
}

type Rule = (usize, &'static [u8], Sniffed);

const RULES: &[Rule] = &[
    (0, b"\x89PNG\r\n\x1a\n", of("image", "png", "png", "image/png")),
    (0, b"\xff\xd8\xff", of("image", "jpeg", "jpg", "image/jpeg")),
    (0, b"GIF87a", of("image", "gif", "gif", "image/gif")),
    (0, b"GIF89a", of("image", "gif", "gif", "image/gif")),
    (8, b"CR\x02\0", of("image", "cr2", "cr2", "image/x-canon-cr2")),
    (0, b"II*\0", of("image", "tiff", "tif", "image/tiff")),
    (0, b"MM\0*", of("image", "tiff", "tif", "image/tiff")),
    (0, b"8BPS\0\x01", of("image", "psd", "psd", "image/vnd.adobe.photoshop")),
    (0, b"8BPS\0\x02", of("image", "psb", "psb", "image/vnd.adobe.photoshop")),
    (0, b"gimp xcf ", of("image", "xcf", "xcf", "image/x-xcf")),
    (0, b"\xff\x0a", of("image", "jxl", "jxl", "image/jxl")),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", of("image", "jxl", "jxl", "image/jxl")),
    (0, b"\x76\x2f\x31\x01", of("image", "exr", "exr", "image/x-exr")),
    (0, b"#?RADIANCE", of("image", "hdr", "hdr", "image/vnd.radiance")),
    (0, b"qoif", of("image", "qoi", "qoi", "image/qoi")),
    (0, b"CSFCHUNK", of("image", "clip", "clip", "application/x-clip-studio")),
    (0, b"%PDF-", of("document", "pdf", "pdf", "application/pdf")),
    (0, b"fLaC", of("audio", "flac", "flac", "audio/flac")),
    (0, b"ID3", of("audio", "mp3", "mp3", "audio/mpeg")),
    (0, b"\0\0\x01\xba", of("video", "mpeg", "mpg", "video/mpeg")),
    (0, b"FLV\x01", of("video", "flv", "flv", "video/x-flv")),
    (0, b"BLENDER", of("other", "blend", "blend", "application/x-blender")),
    (0, b"glTF", of("other", "glb", "glb", "model/gltf-binary")),
    (30, b"mimetypeapplication/x-krita", of("image", "kra", "kra", "application/x-krita")),
    (30, b"mimetypeimage/openraster", of("image", "ora", "ora", "image/openraster")),
];

/// What the first bytes say (4 KiB are plenty); `None` when nothing is recognised.
#[must_use]
pub fn sniff(head: &[u8]) -> Option<Sniffed> {
    let at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    if let Some((_, _, found)) = RULES.iter().find(|(offset, magic, found)| {
        let tiff_based = found.format != "cr2" || at(0, b"II*\0");
        at(*offset, magic) && tiff_based
    }) {
        return Some(*found);
    }
    riff(head)
        .or_else(|| bmff(head))
        .or_else(|| streams(head))
        .or_else(|| bmp(head))
        .or_else(|| svg(head))
        .or_else(|| by_infer(head))
}

fn riff(head: &[u8]) -> Option<Sniffed> {
    if !head.starts_with(b"RIFF") {
        return None;
    }
    match head.get(8..12)? {
        b"WEBP" => Some(of("image", "webp", "webp", "image/webp")),
        b"WAVE" => Some(of("audio", "wav", "wav", "audio/wav")),
        b"AVI " => Some(of("video", "avi", "avi", "video/x-msvideo")),
        _ => None,
    }
}

fn bmff(head: &[u8]) -> Option<Sniffed> {
    let kind = head.get(4..8)?;
    if kind != b"ftyp" {
        let old_quicktime = matches!(kind, b"moov" | b"mdat" | b"wide") && head.first() == Some(&0);
        return old_quicktime.then_some(of("video", "mov", "mov", "video/quicktime"));
    }
    let size = super::bytes::be32(head, 0).and_then(|s| usize::try_from(s).ok()).unwrap_or(0);
    let brands = head.get(8..size.clamp(12, 256).min(head.len())).unwrap_or_default();
    let has = |brand: &[u8]| brands.chunks_exact(4).enumerate().any(|(i, b)| i != 1 && b == brand);
    Some(match brands.get(..4)? {
        b"avif" | b"avis" => of("image", "avif", "avif", "image/avif"),
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" => of("image", "heic", "heic", "image/heic"),
        b"mif1" | b"msf1" | b"miaf" if has(b"avif") => of("image", "avif", "avif", "image/avif"),
        b"mif1" | b"msf1" | b"miaf" => of("image", "heic", "heic", "image/heic"),
        b"crx " => of("image", "cr3", "cr3", "image/x-canon-cr3"),
        b"qt  " => of("video", "mov", "mov", "video/quicktime"),
        b"M4A " | b"M4B " | b"F4A " => of("audio", "m4a", "m4a", "audio/mp4"),
        [b'3', b'g', ..] => of("video", "3gp", "3gp", "video/3gpp"),
        b"jpx " | b"jp2 " => of("image", "jp2", "jp2", "image/jp2"),
        _ => of("video", "mp4", "mp4", "video/mp4"),
    })
}

/// Formats that are told by more than one place.
fn streams(head: &[u8]) -> Option<Sniffed> {
    if head.starts_with(b"\x1a\x45\xdf\xa3") {
        let near = head.get(..256.min(head.len())).unwrap_or_default();
        return Some(if find(near, b"webm").is_some() {
            of("video", "webm", "webm", "video/webm")
        } else {
            of("video", "mkv", "mkv", "video/x-matroska")
        });
    }
    if head.starts_with(b"OggS") {
        let near = head.get(..256.min(head.len())).unwrap_or_default();
        return Some(if find(near, b"OpusHead").is_some() {
            of("audio", "opus", "opus", "audio/opus")
        } else if find(near, b"theora").is_some() {
            of("video", "ogv", "ogv", "video/ogg")
        } else {
            of("audio", "ogg", "ogg", "audio/ogg")
        });
    }
    match *head.get(..4)? {
        // MPEG audio: sync, a real layer, a bit rate and a sample rate that exist.
        [0xff, b, c, _] if b & 0xf6 == 0xf0 && (c >> 2) & 0xf != 0xf => Some(of("audio", "aac", "aac", "audio/aac")),
        [0xff, b, c, _]
            if b & 0xe0 == 0xe0 && b & 0x06 != 0 && b & 0x18 != 0x08 && c >> 4 != 0xf && c & 0x0c != 0x0c =>
        {
            Some(of("audio", "mp3", "mp3", "audio/mpeg"))
        }
        _ => None,
    }
}

/// `BM` alone starts many texts, so the header's own size field has to be one that exists.
fn bmp(head: &[u8]) -> Option<Sniffed> {
    let header = super::bytes::le32(head, 14)?;
    (head.starts_with(b"BM") && matches!(header, 12 | 16 | 40 | 52 | 56 | 64 | 108 | 124)).then_some(of(
        "image",
        "bmp",
        "bmp",
        "image/bmp",
    ))
}

fn svg(head: &[u8]) -> Option<Sniffed> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let text = head.trim_ascii_start();
    let near = text.get(..4096.min(text.len())).unwrap_or_default();
    let xml = text.starts_with(b"<?xml") || text.starts_with(b"<!--") || text.starts_with(b"<!DOCTYPE svg");
    let svg = text.starts_with(b"<svg") || (xml && find(near, b"<svg").is_some());
    svg.then_some(of("image", "svg", "svg", "image/svg+xml"))
}

fn by_infer(head: &[u8]) -> Option<Sniffed> {
    let found = infer::get(head)?;
    // Two letters are no magic: that format has its own rule above.
    if found.extension() == "bmp" {
        return None;
    }
    let kind = match found.matcher_type() {
        infer::MatcherType::Image => "image",
        infer::MatcherType::Video => "video",
        infer::MatcherType::Audio => "audio",
        infer::MatcherType::Doc | infer::MatcherType::Book => "document",
        _ => "other",
    };
    Some(of(kind, found.extension(), found.extension(), found.mime_type()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell_the_format() {
        let table: &[(&[u8], &str, &str)] = &[
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image", "png"),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", "image", "jpeg"),
            (b"RIFF\x10\0\0\0WEBPVP8 ", "image", "webp"),
            (b"RIFF\x10\0\0\0WAVEfmt ", "audio", "wav"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "image", "avif"),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image", "heic"),
            (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "video", "mov"),
            (b"\0\0\0\x14ftypisom\0\0\0\0isom", "video", "mp4"),
            (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm", "video", "webm"),
            (b"ID3\x04\0\0\0", "audio", "mp3"),
            (b"\xff\xfb\x90\x64\0", "audio", "mp3"),
            (b"fLaC\0\0", "audio", "flac"),
            (b"%PDF-1.7", "document", "pdf"),
            (b"8BPS\0\x01\0", "image", "psd"),
            (b"gimp xcf v011", "image", "xcf"),
            (b"<?xml version=\"1.0\"?>\n<!-- x -->\n<svg xmlns=\"\">", "image", "svg"),
            (b"\xef\xbb\xbf  <svg>", "image", "svg"),
        ];
        for (head, kind, format) in table {
            let s = sniff(head).unwrap_or_else(|| panic!("{format} not recognised"));
            assert_eq!((s.kind, s.format), (*kind, *format));
        }
        for text in [&b""[..], b"BM", b"BM is a text about nothing at all, really", b"hello", b"\xff\xff\xff\xff"] {
            assert_eq!(sniff(text), None, "{text:?}");
        }
    }
}
