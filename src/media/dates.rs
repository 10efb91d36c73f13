//! Dates as EXIF and XMP write them.

use crate::types::Timestamp;

/// `2026:05:17 12:30:00`, with the optional offset and sub-second tags.
pub(super) fn exif(text: &str, offset: Option<&str>, subsec: Option<&str>) -> Option<Timestamp> {
    let mut n = Digits(text.trim_matches(['\0', ' ']).as_bytes());
    let (year, month, day) = (n.take(4)?, n.after(b":-/", 2)?, n.after(b":-/", 2)?);
    let (hour, minute) = (n.after(b" T", 2).unwrap_or(0), n.after(b":", 2).unwrap_or(0));
    let second = n.after(b":", 2).unwrap_or(0);
    let nanos = subsec.map_or(0, |s| fraction(s.trim().as_bytes()));
    let zone = offset.and_then(|o| zone(o.trim().as_bytes())).unwrap_or(0);
    stamp([year, month, day, hour, minute, second], nanos, zone)
}

/// `2026`, `2026-05`, `2026-05-17`, `2026-05-17T12:30:00.5+02:00`, and what lies between.
pub(super) fn iso(text: &str) -> Option<Timestamp> {
    let mut n = Digits(text.trim().as_bytes());
    let year = n.take(4)?;
    let month = n.after(b"-", 2).unwrap_or(1);
    let day = n.after(b"-", 2).unwrap_or(1);
    let hour = n.after(b"T ", 2).unwrap_or(0);
    let minute = n.after(b":", 2).unwrap_or(0);
    let second = n.after(b":", 2).unwrap_or(0);
    let mut nanos = 0;
    if let Some((b'.', rest)) = n.0.split_first() {
        nanos = fraction(rest);
        let digits = rest.iter().take_while(|c| c.is_ascii_digit()).count();
        n.0 = rest.get(digits..).unwrap_or_default();
    }
    stamp([year, month, day, hour, minute, second], nanos, zone(n.0).unwrap_or(0))
}

struct Digits<'a>(&'a [u8]);

impl Digits<'_> {
    fn take(&mut self, count: usize) -> Option<i64> {
        let digits = self.0.get(..count)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.0 = self.0.get(count..)?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    fn after(&mut self, separators: &[u8], count: usize) -> Option<i64> {
        let (first, rest) = self.0.split_first()?;
        if !separators.contains(first) {
            return None;
        }
        let mut next = Digits(rest);
        let value = next.take(count)?;
        self.0 = next.0;
        Some(value)
    }
}

/// Seconds east of Greenwich.
fn zone(b: &[u8]) -> Option<i64> {
    let (sign, rest) = b.split_first()?;
    let sign = match sign {
        b'+' => 1,
        b'-' => -1,
        b'Z' | b'z' => return Some(0),
        _ => return None,
    };
    let mut n = Digits(rest);
    let hours = n.take(2)?;
    let minutes = n.after(b":", 2).or_else(|| n.take(2)).unwrap_or(0);
    (hours <= 18 && minutes < 60).then(|| sign * (hours * 3600 + minutes * 60))
}

fn fraction(b: &[u8]) -> i32 {
    let digits = b.iter().copied().take_while(u8::is_ascii_digit).chain(std::iter::repeat(b'0')).take(9);
    digits.fold(0i32, |n, d| n.saturating_mul(10).saturating_add(i32::from(d.saturating_sub(b'0'))))
}

fn stamp([year, month, day, hour, minute, second]: [i64; 6], nanos: i32, zone: i64) -> Option<Timestamp> {
    let small = |n: i64| i8::try_from(n).ok();
    // A leap second is the second before it: what follows has no name for it.
    let second = second.min(59);
    let date = jiff::civil::DateTime::new(
        i16::try_from(year).ok()?,
        small(month)?,
        small(day)?,
        small(hour)?,
        small(minute)?,
        small(second)?,
        nanos,
    )
    .ok()?;
    let utc = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_nanosecond();
    let nanos = utc.checked_sub(i128::from(zone).checked_mul(1_000_000_000)?)?;
    i64::try_from(nanos).ok().map(Timestamp::from_nanos)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn dates_of_both_kinds_are_read() {
        let show = |t: Option<Timestamp>| t.map(|t| t.to_string());
        assert_eq!(show(exif("2026:05:17 12:30:01", None, None)).unwrap(), "2026-05-17T12:30:01Z");
        assert_eq!(show(exif("2026:05:17 12:30:01", Some("+02:00"), Some("25"))).unwrap(), "2026-05-17T10:30:01.25Z");
        assert_eq!(exif("0000:00:00 00:00:00", None, None), None);
        assert_eq!(exif("    :  :     :  :  ", None, None), None);
        assert_eq!(show(iso("2026")).unwrap(), "2026-01-01T00:00:00Z");
        assert_eq!(show(iso("2026-05")).unwrap(), "2026-05-01T00:00:00Z");
        assert_eq!(show(iso("2026-05-17T12:30+05:30")).unwrap(), "2026-05-17T07:00:00Z");
        assert_eq!(show(iso("2026-05-17T12:30:01.5-0100")).unwrap(), "2026-05-17T13:30:01.5Z");
        assert_eq!(show(iso("2026-05-17T12:30:60Z")).unwrap(), "2026-05-17T12:30:59Z");
        assert_eq!(iso("yesterday"), None);
        assert_eq!(iso("2026-13-01"), None);
    }
}
