//! How a clip declares that it was generated: an XMP packet in a box of its own at the end of the file, where it moves nothing.

use crate::media::{MediaError, probe, sniff, source_type};
use crate::types::ReadAt;

/// The type of the box that holds XMP in MP4 (XMP specification, part 3).
pub(in crate::media) const XMP_BOX: [u8; 16] =
    [0xbe, 0x7a, 0xcf, 0xcb, 0x97, 0xa9, 0x42, 0xe8, 0x9c, 0x71, 0x99, 0x94, 0x91, 0xe3, 0xaf, 0xac];
const HEAD: usize = 8 * 1024;

/// How a clip itself declares that it came to be (IPTC DigitalSourceType).
///
/// # Errors
/// When the bytes cannot be read.
pub fn origin(source: &dyn ReadAt) -> Result<Option<String>, MediaError> {
    match sniff(&source.read_head(HEAD)?) {
        Some(sniffed) => Ok(probe::header(source, &sniffed)?.source_type),
        None => Ok(None),
    }
}

/// What is appended to an MP4 to declare how it came to be: as its master does, else as generated when that is known, else nothing.
#[must_use]
pub fn mark(origin: Option<&str>, is_generated: bool) -> Vec<u8> {
    let Some(declared) = origin.or(is_generated.then_some(source_type::GENERATED)) else { return Vec::new() };
    let packet = source_type::packet(declared);
    let length = u32::try_from(8 + XMP_BOX.len() + packet.len()).unwrap_or(0);
    [&length.to_be_bytes()[..], b"uuid", &XMP_BOX, packet.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_mark_is_one_whole_box_and_what_the_master_says_comes_first() {
        let mark = |origin| super::mark(origin, true);
        let captured = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture";
        let told = String::from_utf8_lossy(&mark(Some(captured))).into_owned();
        assert!(told.contains(captured) && !told.contains("trainedAlgorithmicMedia"), "{told}");
        assert_eq!(super::mark(None, false), [0; 0]);
        let mark = mark(None);
        assert_eq!(mark[..4], u32::try_from(mark.len()).unwrap_or(0).to_be_bytes());
        assert_eq!(&mark[4..8], b"uuid");
        assert!(mark.ends_with(b"<?xpacket end=\"w\"?>"));
    }
}
