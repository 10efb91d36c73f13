//! The day on which somebody looked.

use serde::{Deserialize, Serialize};

const DAYS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const NANOS: i64 = 86_400_000_000_000;

/// A day of the Gregorian calendar, as `2026-11-23`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day {
    year: u32,
    month: u32,
    day: u32,
}

impl Day {
    /// Reads a day as people and spreadsheets write it: `2026-11-23`, `2026/11/23`, `23.11.2026`, and `11/23/2026` or `23/11/2026`
    /// when only one of both can be meant.
    ///
    /// # Errors
    /// What to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is no day; write it as 2026-11-23");
        let parts: Vec<&str> = text.split(['-', '/', '.']).collect();
        let numbers: Vec<u32> = parts.iter().filter_map(|part| part.parse().ok()).collect();
        let (&[a, b, c], [first, ..]) = (numbers.as_slice(), parts.as_slice()) else { return Err(bad()) };
        if first.len() == 4 {
            return Self::new(a, b, c).ok_or_else(bad);
        }
        let year = if c < 100 { 2000 + c } else { c };
        let (by_day, by_month) = (Self::new(year, b, a), Self::new(year, a, b));
        match (by_day, by_month) {
            (Some(day), _) if text.contains('.') => Ok(day),
            (Some(day), None) | (None, Some(day)) => Ok(day),
            (Some(day), Some(other)) if day == other => Ok(day),
            (Some(_), Some(_)) => Err(format!("`{text}` can be two days; write it as 2026-11-23")),
            (None, None) => Err(bad()),
        }
    }

    fn new(year: u32, month: u32, day: u32) -> Option<Self> {
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let longest = *DAYS.get(usize::try_from(month.checked_sub(1)?).ok()?)? + u32::from(leap && month == 2);
        ((1970..=9999).contains(&year) && (1..=longest).contains(&day)).then_some(Self { year, month, day })
    }

    /// Whole days between its first instant and a time in nanoseconds; negative before it.
    #[must_use]
    pub fn age_at(self, nanos: i64) -> i64 {
        nanos.div_euclid(NANOS) - self.number()
    }

    /// Days since 1970-01-01.
    fn number(self) -> i64 {
        let years: i64 = (1970..self.year).map(|year| 365 + i64::from(Self::new(year, 2, 29).is_some())).sum();
        let months: i64 = (1..self.month).filter_map(|month| self.length(month)).map(i64::from).sum();
        years + months + i64::from(self.day) - 1
    }

    fn length(self, month: u32) -> Option<u32> {
        (28..=31).rev().find(|day| Self::new(self.year, month, *day).is_some())
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

impl TryFrom<String> for Day {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_as_spreadsheets_of_many_countries_write_them() {
        for text in ["2026-11-23", "2026/11/23", "23.11.2026", "11/23/2026", "23/11/2026", "11/23/26", "23.11.26"] {
            assert_eq!(Day::parse(text).unwrap().to_string(), "2026-11-23", "{text}");
        }
        assert_eq!(Day::parse("5.4.2026").unwrap().to_string(), "2026-04-05");
        assert_eq!(Day::parse("5/5/2026").unwrap().to_string(), "2026-05-05");
        assert!(Day::parse("4/5/2026").unwrap_err().contains("two days"));
        for text in ["", "soon", "2026-13-01", "2026-02-29", "31.4.2026", "2026-11", "2026-11-23-1", "0000-01-01"] {
            assert!(Day::parse(text).unwrap_err().contains("2026-11-23"), "{text}");
        }
    }

    #[test]
    fn ages_are_whole_days() {
        let day = Day::parse("2026-11-23").unwrap();
        assert_eq!(day.age_at(1_795_392_000_000_000_000), 0);
        assert_eq!(day.age_at(1_795_392_000_000_000_000 + NANOS * 92), 92);
        assert_eq!(day.age_at(1_795_392_000_000_000_000 - 1), -1);
        assert_eq!(Day::parse("2024-03-01").unwrap().age_at(0), -19_783);
    }
}
