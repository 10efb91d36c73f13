//! IPTC DigitalSourceType: how a picture declares that it came to be.

/// The vocabularies of IPTC and of C2PA, as they are written.
const VOCABULARIES: [&str; 2] =
    ["http://cv.iptc.org/newscodes/digitalsourcetype/", "http://c2pa.org/digitalsourcetype/"];
const MAX_ID: usize = 64;

/// Wholly made by a generator.
pub(super) const GENERATED: &str = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";

/// A declared value as it is written: one of a known vocabulary, whatever its id, so that none is lost in an export.
pub(super) fn read(value: &str) -> Option<String> {
    let value = value.trim().replacen("https://", "http://", 1);
    let is_id = |id: &str| !id.is_empty() && id.len() <= MAX_ID && id.bytes().all(|c| c.is_ascii_alphanumeric());
    let known = VOCABULARIES.iter().any(|known| value.strip_prefix(known).is_some_and(is_id));
    known.then_some(value)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn only_values_of_the_vocabularies_are_read() {
        assert_eq!(read(GENERATED).as_deref(), Some(GENERATED));
        let secure = " https://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture ";
        assert_eq!(read(secure).as_deref(), Some("http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"));
        assert!(read("http://c2pa.org/digitalsourcetype/empty").is_some());
        for none in ["", "digitalCapture", "http://cv.iptc.org/newscodes/digitalsourcetype/", "http://example.org/a"] {
            assert_eq!(read(none), None);
        }
        assert_eq!(read(&format!("{GENERATED}</a>")), None, "nothing that could end the element");
    }
}
