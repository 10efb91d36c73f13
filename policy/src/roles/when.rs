//! When a rule holds: hours of the week, and a last day. Reckoned in the library's time zone, by a table of zones that comes along.

use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};

use crate::expr::unknown;

/// When a rule holds.
#[derive(Debug, Clone, PartialEq)]
pub struct When {
    hours: Vec<Window>,
    /// The first moment at which it holds no more.
    ends: Option<i64>,
    zone: TimeZone,
    /// As it is written.
    text: String,
}

/// Some hours of some days.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Window {
    days: Vec<Weekday>,
    /// Minutes after midnight; not later than `from`, it ends on the next day.
    from: i16,
    to: i16,
}

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];
const HOUR: i16 = 60;
const MIDNIGHT: i16 = 24 * HOUR;

impl When {
    /// From what is written behind `hours` and `ends`; nothing for a rule that always holds.
    ///
    /// # Errors
    /// A sentence about what is not understood.
    pub fn read(zone: &TimeZone, hours: Option<&str>, ends: Option<&str>) -> Result<Option<Self>, String> {
        if hours.is_none() && ends.is_none() {
            return Ok(None);
        }
        let windows = hours.map(|text| text.split(',').map(window).collect()).transpose()?.unwrap_or_default();
        let last = ends.map(|day| end_of_day(zone, day)).transpose()?;
        let said = [hours.map(str::to_owned), ends.map(|day| format!("until the end of {day}"))];
        let text = said.into_iter().flatten().collect::<Vec<_>>().join(", ");
        let named = zone.iana_name().unwrap_or("UTC");
        Ok(Some(Self { hours: windows, ends: last, zone: zone.clone(), text: format!("{text} ({named})") }))
    }

    /// As people read it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is so at a moment, in nanoseconds.
    #[must_use]
    pub fn holds(&self, at: i64) -> bool {
        let open = || self.windows(at).iter().any(|(from, to)| *from <= at && at < *to);
        self.ends.is_none_or(|end| at < end) && (self.hours.is_empty() || open())
    }

    /// The first moment after its last day.
    pub(super) const fn ends(&self) -> Option<i64> {
        self.ends
    }

    /// The next moment at which it may be otherwise.
    #[must_use]
    pub fn next(&self, at: i64) -> Option<i64> {
        let bounds = self.windows(at).into_iter().flat_map(|(from, to)| [from, to]).chain(self.ends);
        bounds.filter(|bound| at < *bound).min()
    }

    /// The windows about a moment: every one that it is in, and the next of each.
    fn windows(&self, at: i64) -> Vec<(i64, i64)> {
        let Ok(now) = Timestamp::from_nanosecond(i128::from(at)) else { return Vec::new() };
        let today = now.to_zoned(self.zone.clone()).date();
        let days = (-1..=8_i64).filter_map(|n| today.checked_add(jiff::Span::new().days(n)).ok());
        let of_day = |day: Date| {
            let mut found = Vec::new();
            for window in self.hours.iter().filter(|window| window.days.contains(&day.weekday())) {
                let last = if window.to <= window.from { day.tomorrow().ok() } else { Some(day) };
                let from = moment(&self.zone, day, window.from);
                found.extend(from.zip(last.and_then(|day| moment(&self.zone, day, window.to))));
            }
            found
        };
        days.flat_map(of_day).collect()
    }
}

/// A minute of a day; one that the clock is put forward over is the moment of that.
fn moment(zone: &TimeZone, day: Date, minute: i16) -> Option<i64> {
    let (day, minute) = if minute == MIDNIGHT { (day.tomorrow().ok()?, 0) } else { (day, minute) };
    let time = Time::new(i8::try_from(minute / HOUR).ok()?, i8::try_from(minute % HOUR).ok()?, 0, 0).ok()?;
    let found = zone.to_ambiguous_timestamp(day.to_datetime(time));
    let moment = match found.offset() {
        AmbiguousOffset::Gap { .. } => zone.following(found.earlier().ok()?).next()?.timestamp(),
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => found.compatible().ok()?,
    };
    i64::try_from(moment.as_nanosecond()).ok()
}

/// The first moment after a day.
pub(super) fn end_of_day(zone: &TimeZone, day: &str) -> Result<i64, String> {
    let date: Option<Date> = day.parse().ok();
    let end = date.and_then(|date| moment(zone, date, MIDNIGHT));
    end.ok_or_else(|| format!("`{day}` is no day, such as 2026-12-31"))
}

/// A moment of a day: `2026-12-24 20:00`, or with a `T` between.
pub(super) fn instant(zone: &TimeZone, text: &str) -> Option<i64> {
    let time: jiff::civil::DateTime = text.trim().replace(' ', "T").parse().ok()?;
    i64::try_from(zone.to_timestamp(time).ok()?.as_nanosecond()).ok()
}

/// The zone of a name.
///
/// # Errors
/// When the table has none; names the nearest.
pub(crate) fn zone(name: &str) -> Result<TimeZone, String> {
    let table = TimeZoneDatabase::bundled();
    table.get(name).map_err(|_| {
        let known: Vec<String> = table.available().map(|zone| zone.as_str().to_owned()).collect();
        let short: String = name.chars().take(64).collect();
        let nearest = known.iter().min_by_key(|zone| strsim::damerau_levenshtein(&short, zone));
        let nearest = nearest.map(|zone| format!("; did you mean `{zone}`?")).unwrap_or_default();
        format!("unknown time zone `{short}`{nearest}")
    })
}

/// `mon-fri 08:00-19:00`; every day without days.
fn window(text: &str) -> Result<Window, String> {
    let example = || format!("`{}` is no time of the week, such as mon-fri 08:00-19:00", text.trim());
    let mut words = text.split_whitespace();
    let (days, times) = match (words.next(), words.next(), words.next()) {
        (Some(times), None, None) => (DAYS.map(|(_, day)| day).to_vec(), times),
        (Some(listed), Some(times), None) => (days(listed)?, times),
        _ => return Err(example()),
    };
    let (from, to) = times.split_once('-').ok_or_else(example)?;
    let (from, to) = (minute(from).ok_or_else(example)?, minute(to).ok_or_else(example)?);
    if from == MIDNIGHT || from == to {
        return Err(example());
    }
    Ok(Window { days, from, to })
}

/// `mon`, `mon-fri`, `mon-wed+sat`.
fn days(text: &str) -> Result<Vec<Weekday>, String> {
    let names = DAYS.map(|(name, _)| name);
    let place = |name: &str| {
        let name = name.to_ascii_lowercase();
        names.iter().position(|day| *day == name).ok_or_else(|| unknown("day", &name, &names))
    };
    let mut found = Vec::new();
    for part in text.split('+') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (place(first)?, place(last)?);
        let count = (last + DAYS.len() - first) % DAYS.len() + 1;
        found.extend(DAYS.iter().cycle().skip(first).take(count).map(|(_, day)| *day));
    }
    Ok(found)
}

fn minute(text: &str) -> Option<i16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<i16>().ok().filter(|_| digits)
    };
    let all = number(hour)? * HOUR + number(minute).filter(|minute| *minute < HOUR)?;
    (all <= MIDNIGHT).then_some(all)
}
