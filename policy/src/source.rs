//! A settings file that people write: what is read of it, and on which line it is wrong.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::expr::unknown;

pub(crate) type Key<'a> = Spanned<Cow<'a, str>>;
pub(crate) type Value<'a> = Spanned<DeValue<'a>>;

/// The text with its file's name, to tell lines from offsets. Every error names file, line and reason.
pub(crate) struct Source<'s> {
    pub file: &'static str,
    pub text: &'s str,
}

impl<'s> Source<'s> {
    /// The whole file as a table.
    pub fn parse(&self) -> Result<Spanned<DeTable<'s>>, String> {
        DeTable::parse(self.text).map_err(|e| self.error(e.span().map_or(0, |s| s.start), e.message().trim()))
    }

    /// A sentence about what stands at an offset.
    pub fn error(&self, at: usize, message: &str) -> String {
        format!("{} line {}: {message}", self.file, self.line(at))
    }

    /// The line of an offset.
    pub fn line(&self, at: usize) -> usize {
        1 + self.text.bytes().take(at).filter(|b| *b == b'\n').count()
    }

    /// Nothing when the key is one of those.
    pub fn known(&self, key: &Key<'_>, what: &str, known: &[&str]) -> Result<(), String> {
        let name = key.get_ref().as_ref();
        if known.contains(&name) { Ok(()) } else { Err(self.error(key.span().start, &unknown(what, name, known))) }
    }

    /// A value that is a table, such as `example`.
    pub fn table<'v, 't>(&self, value: &'v Value<'t>, what: &str, example: &str) -> Result<&'v DeTable<'t>, String> {
        let message = || self.error(value.span().start, &format!("`{what}` is a table, such as {example}"));
        value.get_ref().as_table().ok_or_else(message)
    }

    /// A value that is a text.
    pub fn text<'v>(&self, value: &'v Value<'_>, what: &str) -> Result<&'v str, String> {
        let message = || self.error(value.span().start, &format!("`{what}` is a text in quotes"));
        value.get_ref().as_str().ok_or_else(message)
    }

    /// A value that is a whole number from 1 on.
    pub fn count(&self, value: &Value<'_>, what: &str) -> Result<u32, String> {
        let message = || self.error(value.span().start, &format!("`{what}` is a whole number from 1 to {}", u32::MAX));
        let number = value.get_ref().as_integer().and_then(|n| u32::from_str_radix(n.as_str(), n.radix()).ok());
        number.filter(|n| *n > 0).ok_or_else(message)
    }

    /// One of the words that a key may have.
    pub fn one_of<T: Copy>(&self, value: &Value<'_>, key: &str, words: &[(&str, T)]) -> Result<T, String> {
        let word = self.text(value, key)?;
        let known: Vec<&str> = words.iter().map(|(known, _)| *known).collect();
        let found = words.iter().find(|(known, _)| *known == word);
        found.map(|(_, one)| *one).ok_or_else(|| self.error(value.span().start, &unknown(key, word, &known)))
    }
}
