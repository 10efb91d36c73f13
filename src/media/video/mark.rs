//! How a clip declares that it was generated: an XMP packet in a box of its own at the end of the file, where it moves nothing.

use crate::media::source_type;

/// The type of the box that holds XMP in MP4 (XMP specification, part 3).
const XMP_BOX: [u8; 16] =
    [0xbe, 0x7a, 0xcf, 0xcb, 0x97, 0xa9, 0x42, 0xe8, 0x9c, 0x71, 0x99, 0x94, 0x91, 0xe3, 0xaf, 0xac];

/// What is appended to an MP4 to declare it as made by a generator.
#[must_use]
pub fn ai_mark() -> Vec<u8> {
    let packet = source_type::packet(source_type::GENERATED);
    let length = u32::try_from(8 + XMP_BOX.len() + packet.len()).unwrap_or(0);
    [&length.to_be_bytes()[..], b"uuid", &XMP_BOX, packet.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_one_whole_box() {
        let mark = ai_mark();
        assert_eq!(mark[..4], u32::try_from(mark.len()).unwrap_or(0).to_be_bytes());
        assert_eq!(&mark[4..8], b"uuid");
        assert!(mark.ends_with(b"<?xpacket end=\"w\"?>"));
    }
}
