//! Percent-encoding of values, and the folding of searched words.

use super::ExprError;

/// Decodes `%2C`; `at` is where `raw` starts in the query.
pub(super) fn decode(raw: &str, at: usize) -> Result<String, ExprError> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let byte = match tail {
                [high, low, ..] => hex(*high).zip(hex(*low)).map(|(h, l)| h * 16 + l),
                _ => None,
            };
            let Some(byte) = byte else {
                let at = at + raw.len() - rest.len();
                return Err(ExprError::new(
                    at,
                    "`%` stands before two hexadecimal digits; write %25 for a literal one",
                ));
            };
            out.push(byte);
            rest = &tail[2..];
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    let text = String::from_utf8(out).map_err(|_| ExprError::new(at, "the decoded value is no UTF-8"))?;
    if text.contains('\0') { Err(ExprError::new(at, "a value may not hold NUL")) } else { Ok(text) }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

/// Encodes a value: what the grammar needs, what some system forbids in file names, and what the parser would trim.
pub(super) fn encode(value: &str, dots: bool, out: &mut String) {
    let first = value.len() - value.trim_start().len();
    let last = value.trim_end_matches(|c: char| c.is_whitespace() || c == '.').len();
    for (at, c) in value.char_indices() {
        let special =
            matches!(c, ',' | '+' | ';' | '(' | ')' | '%' | '/' | '<' | '>' | ':' | '"' | '\\' | '|' | '?' | '*');
        if special || c.is_control() || at < first || at >= last || (dots && c == '.') {
            encode_char(c, out);
        } else {
            out.push(c);
        }
    }
}

/// Encodes one character whatever it is.
pub(super) fn encode_char(c: char, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
        out.push('%');
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

/// Lower case, character by character (unlike `str::to_lowercase` it does not look at neighbours), so that a word
/// found in a text is found in the folded text. Both sides of a words test are folded with this.
#[must_use]
pub fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}
