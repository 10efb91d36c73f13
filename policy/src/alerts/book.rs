//! `alerts.toml` -> rules. Everything that is not understood is refused with its line: a misread rule stays silent.

use jiff::tz::TimeZone;
use toml::de::DeValue;

use super::{Alert, Alerts, Deed, Limit, Reaction, Webhook};
use crate::expr::unknown;
use crate::roles::{When, zone};
use crate::source::{Key, Source, Value};

const KEYS: [&str; 9] = ["on", "more_than", "at_least", "within", "hours", "except", "command", "webhook", "action"];
const ZONE: &str = "time_zone";
const EXAMPLE: &str = "[alert.many-denials]";
const SECOND: i64 = 1_000_000_000;
const UNITS: [(&str, i64); 3] = [("seconds", SECOND), ("minutes", 60 * SECOND), ("hours", 3_600 * SECOND)];
/// So much of the past is looked at when a daemon starts.
const LONGEST: i64 = 24 * 3_600 * SECOND;
/// Of a share, when a rule does not say it.
const AT_LEAST: usize = 50;

/// An `alerts.toml` that cannot be used; the message names line and reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AlertsError(pub String);

impl From<String> for AlertsError {
    fn from(message: String) -> Self {
        Self(message)
    }
}

impl Default for Alerts {
    /// The shipped rules.
    fn default() -> Self {
        Self::parse(Self::TEMPLATE).unwrap_or(Self { text: String::new(), rules: Vec::new() })
    }
}

impl Alerts {
    /// The text of the shipped rules.
    pub const TEMPLATE: &'static str = include_str!("../../templates/alerts.toml");

    /// Reads the rules.
    ///
    /// # Errors
    /// When anything in the text is not understood, or a rule lacks what it counts.
    pub fn parse(text: &str) -> Result<Self, AlertsError> {
        let source = Source { file: "alerts.toml", text };
        let table = source.parse()?;
        // First: rules are read by them, wherever they stand.
        let (mut time_zone, mut channels) = (TimeZone::UTC, Channels::default());
        for (key, value) in table.get_ref() {
            match key.get_ref().as_ref() {
                ZONE => {
                    let read = zone(source.text(value, ZONE)?);
                    time_zone = read.map_err(|e| source.error(value.span().start, &e))?;
                }
                "command" => channels.command = source.command(value)?,
                "webhook" => channels.webhook = source.webhook(value)?,
                _ => source.known(key, "key", &["alert", "command", "webhook", ZONE])?,
            }
        }
        let mut rules = Vec::new();
        if let Some((_, value)) = table.get_ref().iter().find(|(key, _)| key.get_ref() == "alert") {
            for (name, value) in source.table(value, "alert", EXAMPLE)? {
                rules.push(source.alert(name, value, &time_zone, channels.clone())?);
            }
        }
        rules.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { text: text.to_owned(), rules })
    }
}

/// Who is told: of each alert that does not say so itself.
#[derive(Clone, Default)]
struct Channels {
    command: Vec<String>,
    webhook: Option<Webhook>,
}

impl Source<'_> {
    fn alert(
        &self,
        name: &Key<'_>,
        value: &Value<'_>,
        zone: &TimeZone,
        mut channels: Channels,
    ) -> Result<Alert, String> {
        let at = name.span().start;
        let name = name.get_ref().as_ref();
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
        {
            return Err(self.error(at, &format!("the name `{name}` of an alert: use a-z, 0-9, _ and -")));
        }
        let (mut on, mut more_than, mut at_least, mut within, mut hours) = (None, None, None, None, None);
        let (mut except, mut reaction) = (Vec::new(), Reaction::default());
        for (key, value) in self.table(value, name, EXAMPLE)? {
            let at = value.span().start;
            match key.get_ref().as_ref() {
                "on" => on = Some(self.one_of(value, "on", &Deed::NAMES)?),
                "more_than" => more_than = Some(self.more_than(value)?),
                "at_least" => at_least = Some((at, self.many(value, "at_least")?)),
                "within" => within = Some(self.within(value)?),
                "hours" => {
                    let text = self.text(value, "hours")?;
                    hours = When::read(zone, Some(text), None).map_err(|e| self.error(at, &format!("hours: {e}")))?;
                }
                "except" => except = self.texts(value, "except", "[\"backup\"]")?,
                "command" => channels.command = self.command(value)?,
                "webhook" => channels.webhook = self.webhook(value)?,
                "action" => reaction = self.one_of(value, "action", &Reaction::NAMES)?,
                _ => self.known(key, "key of an alert", &KEYS)?,
            }
        }
        let (Some(on), Some(more_than), Some(within)) = (on, more_than, within) else {
            return Err(self.error(at, &format!("alert {name} needs `on`, `more_than` and `within`")));
        };
        let more_than = match (more_than, at_least) {
            (Limit::Share { .. }, _) if !on.is_of_assets() => {
                return Err(self.error(at, &format!("alert {name}: {} have no share of the library", on.name())));
            }
            (Limit::Share { percent, .. }, Some((_, at_least))) => Limit::Share { percent, at_least },
            (Limit::Count(_), Some((at, _))) => {
                return Err(self.error(at, "`at_least` goes with a share, such as more_than = \"20%\""));
            }
            (more_than, None) => more_than,
        };
        let (name, Channels { command, webhook }) = (name.to_owned(), channels);
        Ok(Alert { name, on, more_than, within, hours, except, command, webhook, reaction })
    }

    /// `200`, or a share such as `"20%"`.
    fn more_than(&self, value: &Value<'_>) -> Result<Limit, String> {
        let Some(text) = value.get_ref().as_str() else { return self.many(value, "more_than").map(Limit::Count) };
        let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<usize>().ok());
        match percent.filter(|percent| (1..100).contains(percent)) {
            Some(percent) => Ok(Limit::Share { percent, at_least: AT_LEAST }),
            None => {
                let message = "`more_than` is a number, or a share from \"1%\" to \"99%\"";
                Err(self.error(value.span().start, message))
            }
        }
    }

    fn many(&self, value: &Value<'_>, what: &str) -> Result<usize, String> {
        let most = Limit::MOST;
        let count = usize::try_from(self.count(value, what)?).ok().filter(|count| *count <= most);
        count.ok_or_else(|| self.error(value.span().start, &format!("`{what}` is at most {most}")))
    }

    fn texts(&self, value: &Value<'_>, what: &str, example: &str) -> Result<Vec<String>, String> {
        let message = || self.error(value.span().start, &format!("`{what}` is a list of texts, such as {example}"));
        let DeValue::Array(list) = value.get_ref() else { return Err(message()) };
        list.iter().map(|item| item.get_ref().as_str().map(str::to_owned).ok_or_else(message)).collect()
    }

    /// A program by its whole path, and its arguments.
    fn command(&self, value: &Value<'_>) -> Result<Vec<String>, String> {
        let words = self.texts(value, "command", "[\"/usr/bin/logger\", \"--tag\", \"damfs\"]")?;
        let fault = match words.first() {
            // A path without a slash would be looked for in whatever PATH there is.
            Some(program) if !program.starts_with('/') => format!("`{program}` is no whole path of a program"),
            _ if words.iter().any(|word| word.contains('\0')) => "a command has no NUL in it".to_owned(),
            _ => return Ok(words),
        };
        Err(self.error(value.span().start, &fault))
    }

    /// An address; an empty one is none. What is wrong is told without it.
    fn webhook(&self, value: &Value<'_>) -> Result<Option<Webhook>, String> {
        let url = self.text(value, "webhook")?;
        if url.is_empty() {
            return Ok(None);
        }
        let read = Webhook::parse(url).map_err(|why| self.error(value.span().start, &format!("webhook: {why}")))?;
        Ok(Some(read))
    }

    /// `10 minutes`.
    fn within(&self, value: &Value<'_>) -> Result<i64, String> {
        let at = value.span().start;
        let text = self.text(value, "within")?;
        let example = || self.error(at, "`within` is a number and a unit of time, such as \"10 minutes\"");
        let [number, unit] = text.split_whitespace().collect::<Vec<_>>()[..] else { return Err(example()) };
        let name = if unit.ends_with('s') { unit.to_owned() } else { format!("{unit}s") };
        let Some((_, length)) = UNITS.iter().find(|(known, _)| *known == name) else {
            return Err(self.error(at, &unknown("unit of time", unit, &UNITS.map(|(known, _)| known))));
        };
        let count = number.parse::<i64>().ok().filter(|count| *count > 0).ok_or_else(example)?;
        let time = length.checked_mul(count).filter(|time| *time <= LONGEST);
        time.ok_or_else(|| self.error(at, &format!("`within` = `{text}` is more than 24 hours")))
    }
}
