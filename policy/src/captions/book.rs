//! `captions.toml` -> templates. Everything that is not understood is refused with its line: what is posted cannot be taken back.

use toml::de::{DeTable, DeValue};

use super::{Captions, NAMES, Section, environment};
use crate::expr::unknown;
use crate::platforms::{AiLabel, Platforms, shipped};
use crate::source::{Source, Value};

const KEYS: [&str; 5] = ["text", "disclosure", "link", "hashtags", "tags"];
/// More than any caption has.
const MAX_TEXT: usize = 64 * 1024;

/// A `captions.toml` that cannot be used; the message names line and reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CaptionsError(pub String);

impl From<String> for CaptionsError {
    fn from(message: String) -> Self {
        Self(message)
    }
}

pub(super) fn read(text: &str, platforms: Option<&Platforms>) -> Result<Captions, CaptionsError> {
    let source = Source { file: "captions.toml", text };
    let mut reading =
        Reading { source, out: Captions { templates: environment(), text: text.to_owned(), ..Captions::default() } };
    let table = reading.source.parse()?;
    for (platform, below) in reading.section_of("", table.get_ref())? {
        // Those that ship may be spoken of though the table has left them out, as queries may.
        let vocabulary = platforms.map(Platforms::vocabulary);
        let known: Option<Vec<&str>> = vocabulary.as_ref().map(|v| v.platforms.iter().map(String::as_str).collect());
        reading.must_be_known("platform", &platform, below, known.as_deref())?;
        let table = reading.source.table(below, &platform, "[instagram]")?;
        for (placement, below) in reading.section_of(&platform, table)? {
            let rows = |table: &'_ Platforms| -> Vec<String> {
                table.placements(&platform).map(|row| row.placement.clone()).collect()
            };
            let known = platforms.map(|table| [rows(table), rows(shipped())].concat());
            let known: Option<Vec<&str>> = known.as_ref().map(|rows| rows.iter().map(String::as_str).collect());
            reading.must_be_known("placement", &placement, below, known.as_deref())?;
            let table = reading.source.table(below, &placement, "[instagram.reel]")?;
            if let Some((key, below)) = reading.section_of(&format!("{platform}/{placement}"), table)?.first() {
                return Err(reading.source.error(below.span().start, &unknown("key", key, &KEYS)).into());
            }
        }
    }
    if let Some(platforms) = platforms {
        reading.must_disclose(platforms)?;
    }
    Ok(reading.out)
}

struct Reading<'s> {
    source: Source<'s>,
    out: Captions,
}

/// What stands below a section, with its name.
type Below<'v, 't> = Vec<(String, &'v Value<'t>)>;

impl Reading<'_> {
    fn must_be_known(&self, what: &str, name: &str, at: &Value<'_>, known: Option<&[&str]>) -> Result<(), String> {
        match known {
            Some(known) if !known.contains(&name) => {
                Err(self.source.error(at.span().start, &unknown(what, name, known)))
            }
            _ => Ok(()),
        }
    }

    /// Reads what a section says, and gives the sections below it.
    fn section_of<'v, 't>(&mut self, name: &str, table: &'v DeTable<'t>) -> Result<Below<'v, 't>, String> {
        let (mut section, mut below) = (Section::default(), Vec::new());
        for (key, value) in table {
            let word = key.get_ref().as_ref();
            if value.get_ref().as_table().is_some() {
                below.push((word.to_owned(), value));
                continue;
            }
            match word {
                "text" => {
                    self.template(name, value)?;
                    section.text = true;
                }
                "disclosure" => {
                    let text = self.source.text(value, word)?.trim();
                    if text.is_empty() {
                        let message = "`disclosure` is empty; say that it was generated, or leave the line out";
                        return Err(self.source.error(value.span().start, message));
                    }
                    section.disclosure = Some(text.to_owned());
                }
                "link" => section.link = Some(self.source.text(value, word)?.trim().to_owned()),
                "hashtags" => section.hashtags = Some(self.words(value, word)?),
                "tags" => {
                    section.tags = Some(self.words(value, word)?.iter().map(|tag| tag.replace('.', "/")).collect())
                }
                _ => self.source.known(key, "key", &KEYS)?,
            }
        }
        self.out.sections.insert(name.to_owned(), section);
        Ok(below)
    }

    fn words(&self, value: &Value<'_>, what: &str) -> Result<Vec<String>, String> {
        let message = || self.source.error(value.span().start, &format!("`{what}` is a list, such as [\"beach\"]"));
        let DeValue::Array(list) = value.get_ref() else { return Err(message()) };
        list.iter().map(|word| Ok(self.source.text(word, what)?.trim_start_matches('#').to_owned())).collect()
    }

    fn template(&mut self, name: &str, value: &Value<'_>) -> Result<(), String> {
        let text = self.source.text(value, "text")?;
        let at = value.span().start;
        if text.len() > MAX_TEXT {
            return Err(self.source.error(at, &format!("`text` is longer than {MAX_TEXT} bytes")));
        }
        // Its first line stands below three quotes, or beside one.
        let opens =
            self.source.text.get(at..).is_some_and(|rest| rest.starts_with("\"\"\"\n") || rest.starts_with("'''\n"));
        let line = |n: usize| {
            let begin = self.source.text.get(at..).unwrap_or_default();
            let lines = n.saturating_sub(usize::from(!opens));
            at + begin
                .match_indices('\n')
                .nth(lines.saturating_sub(1))
                .filter(|_| lines > 0)
                .map_or(0, |(to, _)| to + 1)
        };
        let mut templates = self.out.templates.clone();
        templates
            .add_template_owned(name.to_owned(), text.to_owned())
            .map_err(|e| self.source.error(line(e.line().unwrap_or(1)), &format!("`text`: {}", reason(&e))))?;
        let named = templates.get_template(name).map(|template| template.undeclared_variables(false));
        let mut unknown_names: Vec<String> = named.unwrap_or_default().into_iter().collect();
        unknown_names
            .retain(|word| !NAMES.contains(&word.as_str()) && templates.globals().all(|(global, _)| global != word));
        unknown_names.sort();
        if let Some(word) = unknown_names.first() {
            let lines = text.lines().position(|line| line.contains(word.as_str())).unwrap_or(0);
            return Err(self.source.error(line(lines + 1), &format!("`text`: {}", unknown("name", word, &NAMES))));
        }
        self.out.templates = templates;
        Ok(())
    }

    /// Where something generated has to be said to be, there are words for it.
    fn must_disclose(&self, platforms: &Platforms) -> Result<(), String> {
        let wanting = platforms.all().find(|row| {
            row.ai_label != AiLabel::Unknown
                && row.ai_label.is_wanted()
                && self.out.said(row, |section| section.disclosure.as_deref()).is_none()
        });
        match wanting {
            Some(row) => Err(self.source.error(0, &format!("{} wants a `disclosure`; add one on top", row.path()))),
            None => Ok(()),
        }
    }
}

/// What a template's error says, without a name that nobody gave.
pub(super) fn reason(e: &minijinja::Error) -> String {
    e.detail().map_or_else(|| e.kind().to_string(), |detail| format!("{}: {detail}", e.kind()))
}
