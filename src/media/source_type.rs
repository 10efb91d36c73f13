//! IPTC DigitalSourceType: how a picture declares that it came to be.

/// The vocabularies of IPTC and of C2PA, as they are written.
const VOCABULARIES: [&str; 2] =
    ["http://cv.iptc.org/newscodes/digitalsourcetype/", "http://c2pa.org/digitalsourcetype/"];
const MAX_ID: usize = 64;

/// Wholly made by a generator.
pub(super) const GENERATED: &str = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";

/// What a generator has a part in, of the vocabulary of IPTC.
const SYNTHETIC: [&str; 4] =
    ["trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "compositeSynthetic", "algorithmicMedia"];

/// What is claimed of a picture that the record calls generated: as it says itself where that is no denial of it, for a file says what strangers wrote.
pub(super) fn of_generated(told: Option<&str>) -> &str {
    let is_synthetic = |value: &str| value.strip_prefix(VOCABULARIES[0]).is_some_and(|id| SYNTHETIC.contains(&id));
    told.filter(|value| is_synthetic(value)).unwrap_or(GENERATED)
}

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
    fn what_is_known_to_be_generated_is_claimed_as_nothing_else() {
        let named = |id: &str| format!("{}{id}", VOCABULARIES[0]);
        for said in SYNTHETIC.map(named) {
            assert_eq!(of_generated(Some(&said)), said);
        }
        for said in ["digitalCapture", "humanEdits", "trainedAlgorithmicMediaOrNot", ""].map(named) {
            assert_eq!(of_generated(Some(&said)), GENERATED, "{said}");
        }
        assert_eq!(of_generated(Some("http://c2pa.org/digitalsourcetype/compositeSynthetic")), GENERATED);
        assert_eq!(of_generated(None), GENERATED);
    }

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
