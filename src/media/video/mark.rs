//! What a clip says of itself: an XMP packet in a box of its own at the end of the file, where it moves nothing.

use super::ClipRecipe;
use crate::media::{MediaError, Told, probe, sniff, source_type};
use crate::types::ReadAt;

/// The type of the box that holds XMP in MP4 (XMP specification, part 3).
pub(in crate::media) const XMP_BOX: [u8; 16] =
    [0xbe, 0x7a, 0xcf, 0xcb, 0x97, 0xa9, 0x42, 0xe8, 0x9c, 0x71, 0x99, 0x94, 0x91, 0xe3, 0xaf, 0xac];
const HEAD: usize = 8 * 1024;

/// What a clip says of itself that its exports say too.
///
/// # Errors
/// When the bytes cannot be read.
pub fn told_by(source: &dyn ReadAt) -> Result<Told, MediaError> {
    match sniff(&source.read_head(HEAD)?) {
        Some(sniffed) => Ok(probe::header(source, &sniffed)?.told),
        None => Ok(Told::default()),
    }
}

/// What is appended to an MP4 of a size: how it came to be as its master declares it, else as generated when that is known, and what its
/// recipe says beside; nothing when that is nothing.
#[must_use]
pub fn mark(told: &Told, recipe: &ClipRecipe, size: (u32, u32)) -> Vec<u8> {
    let declared = told.source_type.as_deref().or(recipe.mark_ai.then_some(source_type::GENERATED));
    let Some(packet) = recipe.words.packet(told, declared, size) else { return Vec::new() };
    let length = u32::try_from(8 + XMP_BOX.len() + packet.len()).unwrap_or(0);
    [&length.to_be_bytes()[..], b"uuid", &XMP_BOX, packet.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Words;
    use crate::media::video::ClipFit;

    #[test]
    fn the_mark_is_one_whole_box_and_what_the_master_says_comes_first() {
        let recipe = |mark_ai, words| ClipRecipe {
            width: None,
            height: None,
            fit: ClipFit::Any,
            least_fps: None,
            most_fps: None,
            max_seconds: None,
            max_bytes: None,
            mark_ai,
            words,
        };
        let captured = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture";
        let told = Told { source_type: Some(captured.into()), ..Told::default() };
        let told = String::from_utf8_lossy(&mark(&told, &recipe(true, Words::default()), (1, 1))).into_owned();
        assert!(told.contains(captured) && !told.contains("trainedAlgorithmicMedia"), "{told}");
        assert_eq!(mark(&Told::default(), &recipe(false, Words::default()), (1, 1)), [0; 0]);
        let words = Words { platform: Some("tiktok".into()), rights: Some("© L".into()), ..Words::default() };
        let mark = mark(&Told::default(), &recipe(true, words), (1080, 1920));
        assert_eq!(mark[..4], u32::try_from(mark.len()).unwrap_or(0).to_be_bytes());
        assert_eq!(&mark[4..8], b"uuid");
        let text = String::from_utf8_lossy(&mark);
        for said in ["trainedAlgorithmicMedia", "© L", "platform:tiktok", "orientation:portrait"] {
            assert!(text.contains(said), "{text}");
        }
        assert!(text.ends_with("<?xpacket end=\"w\"?>"));
    }
}
