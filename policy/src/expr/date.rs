//! Dates as ranges of nanoseconds, UTC, proleptic Gregorian.

const NANOS_PER_DAY: i64 = 86_400_000_000_000;

/// First and last nanosecond of `2026`, `2026-05`, `2026-05-14`, or of the instant `@nanoseconds`.
pub(super) fn parse(text: &str) -> Option<(i64, i64)> {
    if let Some(nanos) = text.strip_prefix('@') {
        return nanos.parse().ok().map(|n| (n, n));
    }
    let mut parts = text.split('-');
    let year = digits(parts.next()?, 4)?;
    let month = parts.next().map(|t| digits(t, 2));
    let day = parts.next().map(|t| digits(t, 2));
    if parts.next().is_some() {
        return None;
    }
    let (first, after) = match (month, day) {
        (None, _) => (start(year, 1, 1)?, start(year + 1, 1, 1)?),
        (Some(month), None) => {
            let month = month.filter(|m| (1..=12).contains(m))?;
            (start(year, month, 1)?, start_of_next_month(year, month)?)
        }
        (Some(month), Some(day)) => {
            let month = month.filter(|m| (1..=12).contains(m))?;
            let first = start(year, month, day.filter(|d| *d >= 1)?)?;
            let after = first.checked_add(NANOS_PER_DAY)?;
            (first, (after <= start_of_next_month(year, month)?).then_some(after)?)
        }
    };
    Some((first, after - 1))
}

/// The first nanosecond of what [`parse`] reads.
pub(crate) fn first_instant(text: &str) -> Option<i64> {
    parse(text).map(|(first, _)| first)
}

/// The shortest text that [`parse`] gives the same range for, when there is a single one.
pub(super) fn print(first: i64, last: i64) -> Option<String> {
    let texts = [as_year(first), as_month(first), as_day(first), Some(format!("@{first}"))];
    texts.into_iter().flatten().find(|text| parse(text) == Some((first, last)))
}

/// The shortest text whose first nanosecond is this.
pub(super) fn print_first(first: i64) -> String {
    as_year(first).or_else(|| as_month(first)).or_else(|| as_day(first)).unwrap_or_else(|| format!("@{first}"))
}

/// The shortest text whose last nanosecond is this.
pub(super) fn print_last(last: i64) -> String {
    let instant = || format!("@{last}");
    let Some(after) = last.checked_add(1).filter(|a| a.rem_euclid(NANOS_PER_DAY) == 0) else { return instant() };
    let (year, month, day) = civil(after.div_euclid(NANOS_PER_DAY) - 1);
    let shortest = [format!("{year:04}"), format!("{year:04}-{month:02}"), format!("{year:04}-{month:02}-{day:02}")];
    shortest.into_iter().find(|t| parse(t).is_some_and(|(_, l)| l == last)).unwrap_or_else(instant)
}

fn as_year(first: i64) -> Option<String> {
    whole_day(first).filter(|&(_, m, d)| (m, d) == (1, 1)).map(|(y, _, _)| format!("{y:04}")).filter(|t| parses(t))
}

fn as_month(first: i64) -> Option<String> {
    whole_day(first).filter(|&(_, _, d)| d == 1).map(|(y, m, _)| format!("{y:04}-{m:02}")).filter(|t| parses(t))
}

fn as_day(first: i64) -> Option<String> {
    whole_day(first).map(|(y, m, d)| format!("{y:04}-{m:02}-{d:02}")).filter(|t| parses(t))
}

/// At both ends of the range of nanoseconds a day may stand whose month or year does not fit.
fn parses(text: &str) -> bool {
    parse(text).is_some()
}

fn whole_day(nanos: i64) -> Option<(i64, i64, i64)> {
    (nanos.rem_euclid(NANOS_PER_DAY) == 0).then(|| civil(nanos.div_euclid(NANOS_PER_DAY)))
}

fn digits(text: &str, count: usize) -> Option<i64> {
    (text.len() == count && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

fn start_of_next_month(year: i64, month: i64) -> Option<i64> {
    if month == 12 { start(year + 1, 1, 1) } else { start(year, month + 1, 1) }
}

fn start(year: i64, month: i64, day: i64) -> Option<i64> {
    days(year, month, day).checked_mul(NANOS_PER_DAY)
}

/// Days since 1970-01-01. Counts years from March, so that the leap day is the last of its year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let year_of_era = y.rem_euclid(400);
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month, day of a day since 1970-01-01; the inverse of [`days`].
pub(crate) fn civil(day: i64) -> (i64, i64, i64) {
    let z = day + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAY: i64 = 1_777_593_600_000_000_000;

    #[test]
    fn years_months_and_days_are_their_whole_range() {
        assert_eq!(parse("1970-01-01"), Some((0, NANOS_PER_DAY - 1)));
        assert_eq!(parse("2026-05"), Some((MAY, MAY + 31 * NANOS_PER_DAY - 1)));
        assert_eq!(parse("2026-05-14"), Some((MAY + 13 * NANOS_PER_DAY, MAY + 14 * NANOS_PER_DAY - 1)));
        assert_eq!(parse("2024").map(|(a, b)| (b - a + 1) / NANOS_PER_DAY), Some(366));
        assert!(parse("2024-02-29").is_some());
        for wrong in [
            "2023-02-29",
            "2026-13",
            "2026-00",
            "2026-1-1",
            "26",
            "2026-05-32",
            "2026-05-14-1",
            "",
            "-",
            "9999",
            "0000",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_day_of_the_calendar_comes_back() {
        for day in (-106_000..106_000).step_by(7) {
            let (y, m, d) = civil(day);
            assert_eq!(days(y, m, d), day);
        }
    }

    #[test]
    fn ends_of_ranges_print_as_short_as_they_are() {
        let (first, last) = parse("2026-05").unwrap_or_default();
        assert_eq!(print(first, last).as_deref(), Some("2026-05"));
        assert_eq!(print_first(first), "2026-05");
        assert_eq!(print_last(last), "2026-05");
        assert_eq!(print_last(last - 1), format!("@{}", last - 1));
        assert_eq!(print_last(parse("2025-12-31").unwrap_or_default().1), "2025");
        for n in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX] {
            assert_eq!(parse(&print_first(n)).map(|r| r.0), Some(n));
            assert_eq!(parse(&print_last(n)).map(|r| r.1), Some(n));
        }
    }
}
