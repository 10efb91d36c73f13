//! `versions.toml` -> rules. Everything that is not understood is refused with its line: a misread rule loses versions.

use super::{DAY, HOUR, ThinningRules, Until};
use crate::expr::unknown;
use crate::source::{Source, Value};

const KEYS: [&str; 6] = ["newest", "all", "hourly", "daily", "weekly", "monthly"];
const UNITS: [(&str, i64); 5] =
    [("hours", HOUR), ("days", DAY), ("weeks", 7 * DAY), ("months", 31 * DAY), ("years", 366 * DAY)];
/// The longest that is a number; what is older than time itself is forever.
const LONGEST: i64 = 100 * 366 * DAY;

/// A `versions.toml` that cannot be used; the message names line and reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ThinningError(pub String);

impl From<String> for ThinningError {
    fn from(message: String) -> Self {
        Self(message)
    }
}

impl Default for ThinningRules {
    /// The shipped rules.
    fn default() -> Self {
        Self::parse(Self::TEMPLATE).unwrap_or(Self {
            newest: u32::MAX,
            all: Until::Forever,
            last_of: [Until::Forever; 4],
        })
    }
}

impl ThinningRules {
    /// The text of the shipped rules.
    pub const TEMPLATE: &'static str = include_str!("../../templates/versions.toml");

    /// Reads the rules.
    ///
    /// # Errors
    /// When anything in the text is not understood, or a line without which too much would go is missing.
    pub fn parse(toml: &str) -> Result<Self, ThinningError> {
        let source = Source { file: "versions.toml", text: toml };
        let table = source.parse()?;
        let (mut newest, mut all, mut last_of) = (None, None, [Until::Age(0); 4]);
        let [hourly, daily, weekly, monthly] = &mut last_of;
        for (key, value) in table.get_ref() {
            let name = key.get_ref().as_ref();
            let slot = match name {
                "newest" => {
                    newest = Some(source.count(value, name)?);
                    continue;
                }
                "all" => {
                    all = Some(source.until(value, name)?);
                    continue;
                }
                "hourly" => &mut *hourly,
                "daily" => &mut *daily,
                "weekly" => &mut *weekly,
                "monthly" => &mut *monthly,
                _ => {
                    source.known(key, "key", &KEYS)?;
                    continue;
                }
            };
            *slot = source.until(value, name)?;
        }
        let missing =
            |key: &str, example: &str| ThinningError(format!("versions.toml: `{key}` is missing; add {example}"));
        Ok(Self {
            newest: newest.ok_or_else(|| missing("newest", "newest = 10"))?,
            all: all.ok_or_else(|| missing("all", "all = \"30 days\""))?,
            last_of,
        })
    }
}

impl Source<'_> {
    /// `30 days`, `forever` or `none`.
    fn until(&self, value: &Value<'_>, what: &str) -> Result<Until, String> {
        let at = value.span().start;
        let text = self.text(value, what)?;
        match text.split_whitespace().collect::<Vec<_>>()[..] {
            ["forever"] => return Ok(Until::Forever),
            ["none"] => return Ok(Until::Age(0)),
            [word] if word.parse::<u32>().is_err() => {
                return Err(self.error(at, &unknown("word", word, &["forever", "none"])));
            }
            [number, unit] => {
                let name = if unit.ends_with('s') { unit.to_owned() } else { format!("{unit}s") };
                let Some((_, length)) = UNITS.iter().find(|(known, _)| *known == name) else {
                    return Err(self.error(at, &unknown("unit of time", unit, &UNITS.map(|(known, _)| known))));
                };
                if let Some(count) = number.parse::<i64>().ok().filter(|count| *count > 0) {
                    let age = length.checked_mul(count).filter(|age| *age <= LONGEST);
                    let too_long =
                        || self.error(at, &format!("`{what}` = `{text}` is more than 100 years; say \"forever\""));
                    return age.map(Until::Age).ok_or_else(too_long);
                }
            }
            _ => {}
        }
        Err(self.error(
            at,
            &format!("`{what}` is a number and a unit of time, such as \"30 days\", or \"forever\" or \"none\""),
        ))
    }
}
