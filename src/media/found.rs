//! What the container walkers hand to the readers of metadata.

use super::png_colour::Colour;

/// One text with its key, as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    pub key: String,
    pub value: String,
}

/// What one container held, undecoded.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub texts: Vec<Text>,
    /// A bare TIFF block.
    pub exif: Option<Vec<u8>>,
    pub xmp: Option<Vec<u8>>,
    /// IPTC-IIM records.
    pub iptc: Option<Vec<u8>>,
    /// The profile of its colours, where the decoder does not read it.
    pub icc: Option<Vec<u8>>,
    /// As stored, before orientation.
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub complete: bool,
    /// Its channels may have 16 bits.
    pub deep: bool,
    /// What a PNG's chunks, or the codes of an AVIF or HEIC, say of its colours.
    pub colour: Colour,
    /// What it is that cannot be decoded here with its right colours.
    pub unsupported: Option<&'static str>,
    pub warnings: Vec<String>,
    /// What was cut or left out of the texts.
    pub cut: Vec<String>,
    /// It has content credentials (C2PA) of its own.
    pub is_signed: bool,
    /// Bytes that packed texts gave so far.
    pub unpacked: usize,
}

/// Most texts kept of one file.
pub(super) const MAX_TEXTS: usize = 256;
/// Longest key of a text; no program's has more.
const MAX_KEY: usize = 256;
/// Most notes of what was cut.
const MAX_CUT: usize = 16;
/// Longest text of a file that is kept; the rest of a longer one is cut off.
pub(super) const MAX_TEXT: usize = 1024 * 1024;
/// Most bytes of all texts of one file.
pub(super) const MAX_TEXT_BYTES: usize = 2 * MAX_TEXT;

impl Found {
    /// Adds a text unless the file holds absurdly many; an absurdly long one is cut.
    pub fn text(&mut self, key: impl Into<String>, value: impl Into<String>) {
        let mut text = Text { key: key.into(), value: value.into() };
        let held: usize = self.texts.iter().map(|t| t.value.len()).sum();
        let room = MAX_TEXT_BYTES.saturating_sub(held).min(MAX_TEXT);
        if self.texts.len() >= MAX_TEXTS || text.key.len() > MAX_KEY || room == 0 {
            self.left_out("some text was left out: there is too much of it");
            return;
        }
        if cut(&mut text.value, room) {
            self.left_out(&format!("the text `{}` is too long; {} of its bytes were read", text.key, text.value.len()));
        }
        self.texts.push(text);
    }

    fn left_out(&mut self, what: &str) {
        self.warn(what);
        if self.cut.len() < MAX_CUT && !self.cut.iter().any(|said| said == what) {
            self.cut.push(what.to_owned());
        }
    }

    /// The last text of that key, in any case: a repeated key means the last, as Pillow reads it.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.texts.iter().rev().find(|t| t.key.eq_ignore_ascii_case(key)).map(|t| t.value.as_str())
    }

    /// Adds a warning once.
    pub fn warn(&mut self, what: &str) {
        if self.warnings.len() < 32 && !self.warnings.iter().any(|w| w == what) {
            self.warnings.push(what.to_owned());
        }
    }
}

/// Cuts a text between two characters to so many bytes at most; whether there was anything to cut.
pub(super) fn cut(text: &mut String, most: usize) -> bool {
    let is_long = text.len() > most;
    text.truncate(text.floor_char_boundary(most));
    is_long
}

/// Drops the `Exif\0\0` in front of a TIFF block that some writers put there.
pub(super) fn strip_exif_prefix(mut block: Vec<u8>) -> Vec<u8> {
    if block.starts_with(b"Exif\0") {
        block.drain(..6.min(block.len()));
    }
    block
}
