//! Values as people write them: `facet=value` into a field and a checked change, with the nearest known word when it is none.

use damfs_policy::expr::FieldKind;
use damfs_policy::{Expr, Field, Platforms};

use super::OpsError;
use super::proto::Assignment;
use crate::types::{AssetId, Timestamp};

/// Longest value in bytes: it must fit into a directory's name, percent-encoded.
const MAX_VALUE: usize = 200;

/// How many words an error lists.
const MOST_LISTED: usize = 40;

/// What happens to a facet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FacetChange {
    /// One more value of a multi-valued facet.
    Add(String),
    /// That value goes.
    Remove(String),
    /// This value and no other.
    Replace(String),
    /// No value.
    Clear,
}

/// Reads assignments. A second plain value of a multi-valued facet in one command adds to the first.
///
/// # Errors
/// [`OpsError::Usage`] with the nearest known facet or value.
pub fn changes(set: &[Assignment]) -> Result<Vec<(Field, FacetChange)>, OpsError> {
    let mut seen: Vec<Field> = Vec::new();
    let mut out = Vec::with_capacity(set.len());
    for assignment in set {
        let (field, change) = change(assignment)?;
        let change = match change {
            FacetChange::Replace(value) if field.is_multi() && seen.contains(&field) => FacetChange::Add(value),
            other => other,
        };
        seen.push(field.clone());
        out.push((field, change));
    }
    Ok(out)
}

/// Reads one assignment.
///
/// # Errors
/// [`OpsError::Usage`] with the nearest known facet or value.
pub fn change(assignment: &Assignment) -> Result<(Field, FacetChange), OpsError> {
    let field = settable(&assignment.facet)?;
    let value = assignment.value.trim();
    let change = if value.is_empty() || value == "-" {
        FacetChange::Clear
    } else if let Some(gone) = value.strip_prefix('-') {
        FacetChange::Remove(check(&field, gone)?)
    } else if let Some(more) = value.strip_prefix('+') {
        if !field.is_multi() {
            return Err(OpsError::usage(
                format!("`{field}` has one value; `+` adds to persona, campaign, tag and lora"),
                format!("write {field}={more}"),
            ));
        }
        FacetChange::Add(check(&field, more)?)
    } else {
        FacetChange::Replace(check(&field, value)?)
    };
    Ok((field, change))
}

/// A facet by name, if people may set it.
///
/// # Errors
/// [`OpsError::Usage`] with the nearest known facet.
pub fn settable(name: &str) -> Result<Field, OpsError> {
    let name = name.trim();
    let Some(field) = Field::parse(name) else {
        let names = Field::ALL.iter().filter(|f| f.is_settable()).map(ToString::to_string);
        return Err(unknown("facet", name, names.chain(["status.<platform>".to_owned()])));
    };
    if field == Field::AnyStatus {
        return Err(OpsError::usage(
            "a status belongs to a platform",
            "name the platform, for example status.instagram=approved",
        ));
    }
    if !field.is_settable() {
        return Err(OpsError::usage(
            format!("`{field}` follows from the file or from what was done and cannot be set"),
            "facets to set: client persona campaign tag rating stars rights likeness model lora expires owner state stage reviewer due status.<platform>",
        ));
    }
    Ok(field)
}

/// Checks a value of a field and gives its canonical form.
///
/// # Errors
/// [`OpsError::Usage`] with the nearest known value.
pub fn check(field: &Field, value: &str) -> Result<String, OpsError> {
    let value = value.trim();
    match field.kind() {
        FieldKind::Closed(words) => {
            let lower = value.to_lowercase();
            if words.contains(&lower.as_str()) {
                Ok(lower)
            } else {
                Err(unknown(&format!("value of {field}"), value, words.iter().map(|w| (*w).to_owned())))
            }
        }
        FieldKind::Tree => tag(value),
        FieldKind::Date => date(value).map(|t| t.to_string()),
        FieldKind::Number => value
            .parse::<i64>()
            .map(|n| n.to_string())
            .map_err(|_| OpsError::usage(format!("`{value}` is no whole number"), format!("write {field}=1234"))),
        FieldKind::Open | FieldKind::Words => open(value).map(str::to_owned),
    }
}

/// A tag as the query language writes it: levels between dots (or slashes), a literal dot as `%2E`.
///
/// # Errors
/// [`OpsError::Usage`] when a level is empty or no text.
pub fn tag(text: &str) -> Result<String, OpsError> {
    let levels: Vec<String> = text.split(['.', '/']).map(decode).collect::<Result<_, _>>()?;
    let tag = levels.join("/");
    check_tag(&tag)?;
    Ok(tag)
}

/// Whether a tag can be one as it is kept, with slashes between its levels.
///
/// # Errors
/// [`OpsError::Usage`] when a level is empty or it is no text.
pub fn check_tag(tag: &str) -> Result<(), OpsError> {
    if tag.split('/').any(|level| level.trim().is_empty()) {
        return Err(OpsError::usage(
            format!("`{tag}` is no tag: a level is empty"),
            "write levels between dots, for example campaigns.summer2024",
        ));
    }
    open(tag).map(drop)
}

/// A day (`2026-12-31`, its first instant) or an RFC 3339 time.
///
/// # Errors
/// [`OpsError::Usage`] when it is neither.
pub fn date(text: &str) -> Result<Timestamp, OpsError> {
    let bad = || {
        OpsError::usage(format!("`{text}` is no date"), "write a date as 2026-12-31, or a time as 2026-12-31T18:00:00Z")
    };
    let time = match text.parse::<jiff::Timestamp>() {
        Ok(time) => time,
        Err(_) => text
            .parse::<jiff::civil::Date>()
            .and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC))
            .map_err(|_| bad())?
            .timestamp(),
    };
    i64::try_from(time.as_nanosecond()).map(Timestamp::from_nanos).map_err(|_| bad())
}

/// A day or a time as [`date`] takes it, or how long before now (`36h`, `7d`).
///
/// # Errors
/// [`OpsError::Usage`] when it is none of them.
pub fn moment(text: &str, now: Timestamp) -> Result<Timestamp, OpsError> {
    let ago = text.parse::<jiff::Span>().and_then(|span| span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()));
    match ago.ok().and_then(|length| i64::try_from(length.as_millis()).ok()) {
        Some(ms) => Ok(now.plus_ms(ms.saturating_neg())),
        None => date(text).map_err(|_| {
            OpsError::usage(
                format!("`{text}` is no time"),
                "write a date as 2026-12-31, a time as 2026-12-31T18:00:00Z, or how long ago as 36h or 7d",
            )
        }),
    }
}

fn open(value: &str) -> Result<&str, OpsError> {
    let fault = if value.is_empty() {
        "is empty"
    } else if value.len() > MAX_VALUE {
        "is longer than 200 bytes"
    } else if value.chars().any(char::is_control) {
        "holds a control character"
    } else if value == "none" {
        "means no value in a query"
    } else {
        return Ok(value);
    };
    Err(OpsError::usage(format!("the value `{}` {fault}", value.escape_debug()), "choose another value"))
}

fn decode(text: &str) -> Result<String, OpsError> {
    let bad = || OpsError::usage(format!("`{text}` is not percent-encoded text"), "write a literal % as %25");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte == b'%' {
            let hex = tail.get(..2).and_then(|h| std::str::from_utf8(h).ok()).ok_or_else(bad)?;
            bytes.push(u8::from_str_radix(hex, 16).map_err(|_| bad())?);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

/// Whether there is each platform that gets a verdict.
///
/// # Errors
/// [`OpsError::Usage`] with the nearest known platform.
pub fn known_platforms(changes: &[(Field, FacetChange)], platforms: &Platforms) -> Result<(), OpsError> {
    let known = platforms.vocabulary().platforms;
    for (field, _) in changes {
        if let Field::Status(platform) = field
            && !known.contains(platform)
        {
            return Err(unknown("platform", platform, known));
        }
    }
    Ok(())
}

/// A value as a query writes it.
#[must_use]
pub fn written(field: &Field, value: &str) -> String {
    let term = Expr::is(field.clone(), value).to_string();
    term.split_once('=').map_or_else(|| value.to_owned(), |(_, value)| value.to_owned())
}

/// A word that is not known, with the nearest one that is.
pub fn unknown(what: &str, given: &str, known: impl IntoIterator<Item = String>) -> OpsError {
    let (message, hint) = nearest(what, given, known);
    OpsError::usage(message, hint)
}

/// That a word is not known, which one is the nearest, and which there are.
pub(super) fn nearest(what: &str, given: &str, known: impl IntoIterator<Item = String>) -> (String, String) {
    let known: Vec<String> = known.into_iter().collect();
    let lower = given.to_lowercase();
    // An id is no slip of a word, whatever letters it happens to share with one.
    let is_id = given.parse::<AssetId>().is_ok();
    let nearest = known
        .iter()
        .filter(|word| !is_id && lower.len() <= word.len().saturating_mul(2))
        .map(|word| {
            // One slip of the finger counts more than a common beginning.
            let slip = if strsim::damerau_levenshtein(&lower, &word.to_lowercase()) <= 1 { 1.0 } else { 0.0 };
            (strsim::jaro_winkler(&lower, word) + slip, word)
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness > 0.6);
    let message = match nearest {
        Some((_, word)) => format!("unknown {what} `{given}`; did you mean `{word}`?"),
        None => format!("unknown {what} `{given}`"),
    };
    let hint = match known.get(..MOST_LISTED) {
        Some(first) if first.len() < known.len() => {
            format!("known: {} and {} more", first.join(", "), known.len() - first.len())
        }
        _ if known.is_empty() => "there is none yet".to_owned(),
        _ => format!("known: {}", known.join(", ")),
    };
    (message, hint)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests {
    use damfs_policy::platforms;

    use super::*;

    fn assign(facet: &str, value: &str) -> Assignment {
        Assignment { facet: facet.into(), value: value.into() }
    }

    #[test]
    fn assignments_read_as_written() {
        let read = |f, v| change(&assign(f, v)).unwrap();
        assert_eq!(read("rating", "Safe"), (Field::Rating, FacetChange::Replace("safe".into())));
        assert_eq!(read("persona", "+mira"), (Field::Persona, FacetChange::Add("mira".into())));
        assert_eq!(read("persona", "-mira"), (Field::Persona, FacetChange::Remove("mira".into())));
        assert_eq!(read("client", ""), (Field::Client, FacetChange::Clear));
        assert_eq!(read("tag", "a.b%2Ec"), (Field::Tag, FacetChange::Replace("a/b.c".into())));
        assert_eq!(
            changes(&[assign("tag", "a"), assign("tag", "b")]).unwrap(),
            vec![(Field::Tag, FacetChange::Replace("a".into())), (Field::Tag, FacetChange::Add("b".into()))]
        );
    }

    #[test]
    fn a_wrong_word_names_the_nearest() {
        let says = |f, v| change(&assign(f, v)).unwrap_err().to_string();
        assert!(says("raiting", "safe").contains("`rating`"));
        assert!(says("rating", "sfae").contains("`safe`"));
        let unknown = changes(&[assign("status.instagarm", "approved")]).unwrap();
        assert!(known_platforms(&unknown, platforms::shipped()).unwrap_err().to_string().contains("`instagram`"));
        assert!(says("status", "approved").contains("platform"));
        assert!(says("width", "10").contains("cannot be set"));
        // Regression: of two ids that differ in a digit one was like a long word and the other was not.
        let (id, _) = nearest("facet", "0194e2a0-face-7dad-8abe-decadefacade", ["0194-face-decade-facade".to_owned()]);
        assert!(!id.contains("did you mean"), "{id}");
        let id = says("4ee6d75a9c25e62ce02cd07c5eed2d17", "1");
        assert!(id.contains("unknown facet") && !id.contains("did you mean"), "{id}");
        assert!(says("rating", "+safe").contains("one value"));
        assert!(says("persona", "none").contains("no value"));
        assert!(says("tag", "a..b").contains("level is empty"));
        assert!(says("expires", "soon").contains("no date"));
    }
}
