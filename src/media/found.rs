//! What the container walkers hand to the readers of metadata.

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
    /// As stored, before orientation.
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub complete: bool,
    /// A baseline JPEG with one scan per component.
    pub separate_scans: bool,
    pub warnings: Vec<String>,
    /// Bytes that packed texts gave so far.
    pub unpacked: usize,
}

/// Most texts kept of one file.
pub(super) const MAX_TEXTS: usize = 256;
/// Most bytes of all texts of one file.
pub(super) const MAX_TEXT_BYTES: usize = 32 * 1024 * 1024;

impl Found {
    /// Adds a text unless the file holds absurdly many.
    pub fn text(&mut self, key: impl Into<String>, value: impl Into<String>) {
        let text = Text { key: key.into(), value: value.into() };
        let held: usize = self.texts.iter().map(|t| t.value.len()).sum();
        if self.texts.len() >= MAX_TEXTS || held.saturating_add(text.value.len()) > MAX_TEXT_BYTES {
            self.warn("some text was left out: there is too much of it");
        } else {
            self.texts.push(text);
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

/// Drops the `Exif\0\0` in front of a TIFF block that some writers put there.
pub(super) fn strip_exif_prefix(mut block: Vec<u8>) -> Vec<u8> {
    if block.starts_with(b"Exif\0") {
        block.drain(..6.min(block.len()));
    }
    block
}
