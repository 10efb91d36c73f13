//! The point of a picture that a crop keeps in sight.

use std::fmt;
use std::str::FromStr;

const PARTS: u16 = 10_000;

/// Where it is, in ten-thousandths of width and height of the picture as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Focus {
    x: u16,
    y: u16,
}

impl Focus {
    /// A point at so many parts of the whole in each direction.
    pub(super) fn at(x: (u32, u32), y: (u32, u32)) -> Self {
        let part = |(part, whole): (u32, u32)| {
            let parts = u64::from(part) * u64::from(PARTS) / u64::from(whole.max(1));
            u16::try_from(parts).unwrap_or(PARTS).min(PARTS)
        };
        Self { x: part(x), y: part(y) }
    }

    /// As parts of width and height, 0 to 1.
    #[must_use]
    pub fn parts(self) -> (f64, f64) {
        (f64::from(self.x) / f64::from(PARTS), f64::from(self.y) / f64::from(PARTS))
    }
}

/// `0.3,0.2`: from the left and from the top, as parts of the picture.
impl FromStr for Focus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad =
            || format!("`{text}` is no point of a picture; write 0.3,0.2: from the left and from the top, 0 to 1");
        let (x, y) = text.split_once(',').ok_or_else(bad)?;
        let part = |text: &str| ten_thousandths(text.trim()).ok_or_else(bad);
        Ok(Self { x: part(x)?, y: part(y)? })
    }
}

/// Digits beyond the fourth do not count.
fn ten_thousandths(text: &str) -> Option<u16> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() && rest.is_empty() || !is_number(whole) || !is_number(rest) {
        return None;
    }
    let digits: String = rest.chars().chain("0000".chars()).take(4).collect();
    let whole: u16 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    whole.checked_mul(PARTS)?.checked_add(digits.parse().ok()?).filter(|parts| *parts <= PARTS)
}

impl fmt::Display for Focus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (x, y) = self.parts();
        write!(f, "{x},{y}")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn points_are_read_as_people_write_them() {
        for (text, says) in
            [("0.3,0.2", "0.3,0.2"), ("0,1", "0,1"), (" .5 , 1.0 ", "0.5,1"), ("0.33339,0.00019", "0.3333,0.0001")]
        {
            assert_eq!(text.parse::<Focus>().unwrap().to_string(), says);
        }
        for bad in
            ["", "0.3", "1.1,0", "-0.1,0", "0.3,0.2,0.1", "a,b", ".,.", "0.3;0.2", "9999999,0", "NaN,inf", "1e-3,0"]
        {
            assert!(bad.parse::<Focus>().unwrap_err().contains("0.3,0.2"), "{bad}");
        }
    }
}
