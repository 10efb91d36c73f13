//! `glossary.toml` -> glossary. Everything that is not understood is refused with its line: roles ask by these words.

use std::collections::{BTreeMap, BTreeSet};

use super::vocabulary::{Vocabulary, is_within};
use super::{Entry, Glossary};
use crate::expr::{Expr, Field, FieldKind, Term, Test, parse, unknown};
use crate::source::{Key, Source, Value};

const KEYS: [&str; 8] = ["definition", "owner", "aliases", "implies", "parent", "values", "retired", "replaced-by"];
/// An example of a term.
const TERM: &str = "[tag.beach]";

/// A `glossary.toml` that cannot be used; the message names line and reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GlossaryError(pub String);

impl From<String> for GlossaryError {
    fn from(message: String) -> Self {
        Self(message)
    }
}

/// Where a term and the words that it names stand in the text.
#[derive(Default)]
struct Place {
    at: usize,
    words: Vec<(String, usize)>,
    /// The term that it says it lies below.
    parent: Option<String>,
}

impl Glossary {
    /// The text of the shipped glossary: no terms, and how they are written.
    pub const TEMPLATE: &'static str = include_str!("../../templates/glossary.toml");

    /// Reads a glossary.
    ///
    /// # Errors
    /// When anything in the text is not understood, or its words contradict each other.
    pub fn parse(toml: &str) -> Result<Self, GlossaryError> {
        let source = Source { file: "glossary.toml", text: toml };
        let table = source.parse()?;
        let names = Self::FIELDS.map(|field| field.to_string());
        let mut keys = vec!["core", "strict"];
        keys.extend(names.iter().map(String::as_str));
        let mut glossary = Self::default();
        let mut strict = Vec::new();
        for (key, value) in table.get_ref() {
            source.known(key, "key", &keys)?;
            let name = key.get_ref().as_ref();
            match name {
                "core" => glossary.core = source.fields(value, name, |field| field.is_settable())?,
                "strict" => strict = source.fields(value, name, |field| Self::FIELDS.contains(field))?,
                _ => {
                    let Some(field) = Field::parse(name) else { continue };
                    let words = source.vocabulary(&field, value)?;
                    glossary.vocabularies.insert(field, words);
                }
            }
        }
        for field in strict {
            glossary.vocabularies.entry(field.clone()).or_insert_with(|| empty(&field)).strict = true;
        }
        Ok(glossary)
    }
}

fn empty(field: &Field) -> Vocabulary {
    Vocabulary { tree: field.kind() == FieldKind::Tree, ..Vocabulary::default() }
}

/// A value as a query writes it.
fn written(field: &Field, value: &str) -> String {
    let term = Expr::is(field.clone(), value).to_string();
    term.split_once('=').map_or_else(|| value.to_owned(), |(_, value)| value.to_owned())
}

impl Source<'_> {
    /// A list of fields.
    fn fields(&self, value: &Value<'_>, what: &str, may: impl Fn(&Field) -> bool) -> Result<Vec<Field>, String> {
        let known: Vec<String> = Field::ALL.iter().filter(|field| may(field)).map(ToString::to_string).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let read = |(name, at): (String, usize)| {
            let field = Field::parse(&name).filter(|_| known.contains(&name.as_str()));
            field.ok_or_else(|| self.error(at, &unknown(&format!("field in `{what}`"), &name, &known)))
        };
        self.words(value, what)?.into_iter().map(read).collect()
    }

    fn vocabulary(&self, field: &Field, value: &Value<'_>) -> Result<Vocabulary, String> {
        let mut words = empty(field);
        let mut places = BTreeMap::new();
        for (key, value) in self.table(value, &field.to_string(), TERM)? {
            let (name, entry, place) = self.term(field, key, value)?;
            if words.terms.insert(name.clone(), entry).is_some() {
                return Err(
                    self.error(place.at, &format!("the term {field}={} is defined twice", written(field, &name)))
                );
            }
            places.insert(name, place);
        }
        self.hang_together(field, &mut words, &places)?;
        Ok(words)
    }

    fn term(&self, field: &Field, key: &Key<'_>, value: &Value<'_>) -> Result<(String, Entry, Place), String> {
        let at = key.span().start;
        let mut name = self.value(field, key.get_ref(), at)?;
        let mut entry = Entry::default();
        let (mut words, mut parent) = (Vec::new(), None);
        for (key, value) in self.table(value, key.get_ref(), TERM)? {
            let what = key.get_ref().as_ref();
            let mut named = || -> Result<BTreeSet<String>, String> {
                let mut named = BTreeSet::new();
                for (text, at) in self.words(value, what)? {
                    let word = self.value(field, &text, at)?;
                    words.push((word.clone(), at));
                    named.insert(word);
                }
                Ok(named)
            };
            match what {
                "definition" => entry.definition = self.text(value, what)?.to_owned(),
                "owner" => entry.owner = self.text(value, what)?.to_owned(),
                "aliases" => entry.aliases = named()?,
                "implies" => entry.implies = named()?,
                "replaced-by" => {
                    let at = value.span().start;
                    let word = self.value(field, self.text(value, what)?, at)?;
                    words.push((word.clone(), at));
                    entry.replaced_by = Some(word);
                    entry.retired = true;
                }
                "retired" => {
                    let message = || self.error(value.span().start, "`retired` is true or false");
                    entry.retired |= value.get_ref().as_bool().ok_or_else(message)?;
                }
                "parent" | "values" if *field != Field::Tag => {
                    return Err(self.error(key.span().start, &format!("`{what}` is of tags alone: they are a tree")));
                }
                "parent" => {
                    let at = value.span().start;
                    let above = self.value(field, self.text(value, what)?, at)?;
                    name = format!("{above}/{name}");
                    words.push((above.clone(), at));
                    parent = Some(above);
                }
                "values" => {
                    for (text, at) in self.words(value, what)? {
                        let level = self.value(field, &text, at)?;
                        if level.contains('/') {
                            return Err(self.error(at, &format!("`{text}` in `values` is one level, without a dot")));
                        }
                        entry.values.insert(level);
                    }
                }
                _ => self.known(key, "key of a term", &KEYS)?,
            }
        }
        Ok((name, entry, Place { at, words, parent }))
    }

    /// What the terms say of each other: no alias hides a term, what is named is there, and nothing runs in a circle.
    fn hang_together(
        &self,
        field: &Field,
        words: &mut Vocabulary,
        places: &BTreeMap<String, Place>,
    ) -> Result<(), String> {
        let terms: Vec<String> = words.terms.keys().map(|term| written(field, term)).collect();
        let known: Vec<&str> = terms.iter().map(String::as_str).collect();
        for (term, entry) in &words.terms {
            let wrong = |word: &str, message: &str| {
                let place = places.get(term);
                let at = place.and_then(|p| p.words.iter().find(|(w, _)| w == word).map(|(_, at)| *at).or(Some(p.at)));
                self.error(at.unwrap_or(0), message)
            };
            for alias in &entry.aliases {
                let hidden = words.terms.keys().find(|term| *term == alias || (words.tree && is_within(term, alias)));
                let taken = words.aliases.get(alias).or(hidden);
                if let Some(other) = taken {
                    let (alias_, other) = (written(field, alias), written(field, other));
                    let what = if hidden.is_some() {
                        format!("hides the term {other}")
                    } else {
                        format!("is one of {other} already")
                    };
                    return Err(wrong(alias, &format!("the alias {alias_} {what}; a word has one meaning")));
                }
                words.aliases.insert(alias.clone(), term.clone());
            }
            let parent = places.get(term).and_then(|place| place.parent.as_ref());
            for named in entry.implies.iter().chain(&entry.replaced_by).chain(parent) {
                match words.terms.get(named) {
                    None => {
                        return Err(wrong(
                            named,
                            &unknown(&format!("term of {field}"), &written(field, named), &known),
                        ));
                    }
                    Some(other) if entry.replaced_by.as_ref() == Some(named) && (other.retired || named == term) => {
                        let message =
                            format!("{} is retired itself; name the term that is given now", written(field, named));
                        return Err(wrong(named, &message));
                    }
                    Some(_) => {}
                }
            }
            for implied in &entry.implies {
                words.implied_by.entry(implied.clone()).or_default().insert(term.clone());
            }
            if let Some((parent, _)) = words.heads(term).nth(1)
                && let Some(above) = words.terms.get(parent)
                && let Some(level) = term.rsplit('/').next()
                && !above.values.is_empty()
                && !above.values.contains(level)
            {
                let levels: Vec<&str> = above.values.iter().map(String::as_str).collect();
                return Err(wrong(
                    "",
                    &unknown(&format!("value of {field}={}", written(field, parent)), level, &levels),
                ));
            }
        }
        for term in words.terms.keys() {
            let at = places.get(term).map_or(0, |place| place.at);
            let circle =
                |what: &str| self.error(at, &format!("the {what} of {} run in a circle", written(field, term)));
            let implied = |of: &str| -> Vec<String> {
                let implies = words.terms.get(of).into_iter().flat_map(|entry| &entry.implies);
                implies.flat_map(|to| words.heads(to)).map(|(head, _)| head.to_owned()).collect()
            };
            if reaches_itself(term, &implied) {
                return Err(circle("implications"));
            }
            let hosts = |of: &str| -> Vec<String> {
                let aliases = words.terms.get(of).into_iter().flat_map(|entry| &entry.aliases);
                aliases.flat_map(|alias| words.heads(alias).skip(1)).map(|(head, _)| head.to_owned()).collect()
            };
            if reaches_itself(term, &hosts) {
                return Err(circle("aliases"));
            }
        }
        Ok(())
    }

    /// A value as a query writes it: levels of a tag between dots.
    fn value(&self, field: &Field, text: &str, at: usize) -> Result<String, String> {
        let wrong =
            || self.error(at, &format!("`{text}` is no value of {field}; write it as in a query, without `,` and `+`"));
        match parse(&format!("{field}={}", text.trim())) {
            Ok(Expr::Term(Term { test: Test::Is(value), .. })) => Ok(value),
            _ => Err(wrong()),
        }
    }

    /// A list of texts, each with its place.
    fn words(&self, value: &Value<'_>, what: &str) -> Result<Vec<(String, usize)>, String> {
        let message = || self.error(value.span().start, &format!("`{what}` is a list, such as [\"one\", \"two\"]"));
        let list = value.get_ref().as_array().ok_or_else(message)?;
        list.iter().map(|word| Ok((self.text(word, what)?.to_owned(), word.span().start))).collect()
    }
}

/// Whether a walk from a word along what follows comes back to it.
fn reaches_itself(word: &str, follows: &dyn Fn(&str) -> Vec<String>) -> bool {
    let mut seen = BTreeSet::new();
    let mut next = follows(word);
    while let Some(at) = next.pop() {
        if at == word {
            return true;
        }
        if seen.insert(at.clone()) {
            next.extend(follows(&at));
        }
    }
    false
}
