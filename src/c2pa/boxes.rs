//! JUMBF (ISO 19566-5): boxes in boxes, of which a description tells kind and label.

/// What the kinds of C2PA and of its contents are told by, behind four letters of their own.
const KIND: [u8; 12] = [0, 0x11, 0, 0x10, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
/// It may be asked for by its label, which stands behind.
const TOGGLES: u8 = 3;
/// Length and name.
pub(super) const HEADER: usize = 8;

/// A box of plain bytes.
pub(super) fn plain(name: [u8; 4], content: &[u8]) -> Vec<u8> {
    // What is told here is of the size of a certificate: a length always fits.
    let length = u32::try_from(HEADER + content.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], &name, content].concat()
}

/// A box of boxes.
pub(super) fn labelled(kind: [u8; 4], label: &str, boxes: &[Vec<u8>]) -> Vec<u8> {
    let described = [&kind[..], &KIND, &[TOGGLES], label.as_bytes(), b"\0"].concat();
    plain(*b"jumb", &[plain(*b"jumd", &described), boxes.concat()].concat())
}

/// Some CBOR under a label.
pub(super) fn cbor(label: &str, content: &[u8]) -> Vec<u8> {
    labelled(*b"cbor", label, &[plain(*b"cbor", content)])
}

/// What stands in a box, without its header: what hashes are of.
pub(super) fn content(whole: &[u8]) -> &[u8] {
    whole.get(HEADER..).unwrap_or_default()
}

/// The label of the first box of boxes in one: that of the manifest in a store.
pub(super) fn first_label(store: &[u8]) -> Option<&str> {
    let described = content(store);
    let length = u32::from_be_bytes(described.first_chunk().copied()?);
    let manifest = described.get(usize::try_from(length).ok()?..)?;
    let label = manifest.get(2 * HEADER + 4 + KIND.len() + 1..)?.split(|byte| *byte == 0).next()?;
    std::str::from_utf8(label).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn boxes_tell_their_length_kind_and_label() {
        let inner = labelled(*b"c2ma", "urn:c2pa:x", &[cbor("a", b"\xf6")]);
        let store = labelled(*b"c2pa", "c2pa", std::slice::from_ref(&inner));
        assert_eq!(u32::from_be_bytes(*store.first_chunk().unwrap()) as usize, store.len());
        assert_eq!(&store[4..16], b"jumb\0\0\0\x1ejumd");
        assert!(store.ends_with(&inner) && inner.ends_with(b"\0\0\0\x09cbor\xf6"));
        assert_eq!(first_label(&store), Some("urn:c2pa:x"));
        for cut in 0..store.len() {
            let _ = first_label(&store[..cut]);
        }
    }
}
