//! The names an asset has in views: its file's, and for where a namesake has that a marked one. Which of the two somebody sees, and that
//! nothing tells him of what he may not list, is decided in [`super::tree`].

use crate::catalog::{CatalogError, ReadTx, view_stem};
use crate::types::{AssetId, FileName};

/// Digits behind `~`: base 32 without i, l, o, u.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Fewest digits behind `~`.
const SHORTEST: usize = 4;
/// Names that views use themselves.
const RESERVED: [&str; 3] = ["+and", ".trackerignore", ".nomedia"];

/// The view name and the marked name for an asset whose file is called `wanted`. There is a marked one when another asset has the stem;
/// if that one has none yet, it needs one now ([`marked_name`]). At most 255 bytes; what is no UTF-8 is replaced.
///
/// # Errors
/// When the catalogue cannot be read.
pub fn names(tx: &dyn ReadTx, wanted: &FileName, id: AssetId) -> Result<(String, Option<String>), CatalogError> {
    let text = wanted.to_text();
    let (stem, ext) = split(&text);
    let mark = if RESERVED.contains(&text.as_str()) { mark(&random_digits(id)[..SHORTEST]) } else { String::new() };
    let plain = fit(stem, &mark, ext);
    let marked = match tx.namesake(view_stem(&plain), id)? {
        Some(_) => Some(marked_name(tx, &plain, id)?),
        None => None,
    };
    Ok((plain, marked))
}

/// A view name with ` ~k3f9` behind the stem, from the id's random part: as many digits as make the stem one that nothing has.
///
/// # Errors
/// When the catalogue cannot be read, or the id itself is spent (which takes the same id twice).
pub fn marked_name(tx: &dyn ReadTx, view_name: &str, id: AssetId) -> Result<String, CatalogError> {
    let (stem, ext) = split(view_name);
    let digits = random_digits(id);
    let whole = id.to_string();
    let marks = (SHORTEST..=digits.len()).map(|len| &digits[..len]).chain([whole.as_str()]);
    for digits in marks {
        let name = fit(stem, &mark(digits), ext);
        let marked = view_stem(&name);
        if name != view_name && tx.namesake(marked, id)?.is_none() {
            return Ok(name);
        }
    }
    Err(CatalogError::Constraint(format!("no free view name for asset {id}")))
}

fn mark(digits: &str) -> String {
    format!(" ~{digits}")
}

/// The text up to its last dot, and what follows it; as [`FileName::split_extension`].
pub(super) fn split(name: &str) -> (&str, Option<&str>) {
    match name.rfind('.') {
        Some(at) if at > 0 && at + 1 < name.len() => (&name[..at], Some(&name[at + 1..])),
        _ => (name, None),
    }
}

/// Stem, mark and extension in 255 bytes. The stem gives way first, then an extension that is longer than any real one.
fn fit(stem: &str, mark: &str, ext: Option<&str>) -> String {
    let ext = ext.map(|e| format!(".{}", cut(e, FileName::MAX / 2))).unwrap_or_default();
    let stem = cut(stem, FileName::MAX.saturating_sub(mark.len() + ext.len()));
    format!("{stem}{mark}{ext}")
}

/// At most `max` bytes, whole characters.
fn cut(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Eleven digits from the seven bytes of a UUID version 7 that are random alone.
fn random_digits(id: AssetId) -> String {
    let bits = id.as_bytes()[9..].iter().fold(0u64, |all, b| (all << 8) | u64::from(*b));
    (0..11).map(|n| char::from(DIGITS[usize::try_from((bits >> (51 - 5 * n)) & 31).unwrap_or(0)])).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_and_keeps_its_extension() {
        assert_eq!(fit("IMG_1", " ~k3f9", Some("png")), "IMG_1 ~k3f9.png");
        assert_eq!(fit("README", " ~k3f9", None), "README ~k3f9");
        let long = "é".repeat(126);
        let name = fit(&long, " ~k3f9", Some("png"));
        assert!(name.len() <= 255 && name.ends_with("é ~k3f9.png"), "{name}");
        let name = fit("a", " ~k3f9", Some(&"x".repeat(250)));
        assert!(name.len() <= 255 && name.starts_with("a ~k3f9.x"), "{name}");
    }

    #[test]
    fn digits_come_from_the_random_part() {
        let mut bytes = [0u8; 16];
        bytes[..9].fill(0xff);
        assert_eq!(random_digits(AssetId::from_bytes(bytes)), "00000000000");
        bytes[9..].fill(0xff);
        assert_eq!(random_digits(AssetId::from_bytes(bytes)), "zzzzzzzzzzz");
        bytes[9..].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0]);
        assert!(random_digits(AssetId::from_bytes(bytes)).starts_with("g000"));
    }

    #[test]
    fn texts_split_as_names_do() {
        for text in ["a.b.png", ".hidden", "dot.", "plain", "é.jpg"] {
            let name = FileName::new(text).unwrap();
            let (stem, ext) = name.split_extension();
            assert_eq!(split(text), (std::str::from_utf8(stem).unwrap(), ext.map(|e| std::str::from_utf8(e).unwrap())));
        }
    }
}
