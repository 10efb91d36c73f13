//! The glossary of a library: the terms of its open vocabularies, what else they are called, and what follows from them.
//!
//! What a stored value tells is the least set that holds the value itself, with each alias the term that it stands for, and with each
//! term what that implies. A question for a term is one for every value that tells it: [`Glossary::widen`] rewrites it so, and whoever
//! evaluates the query needs to know nothing of a glossary.

mod book;
#[cfg(test)]
mod tests;
mod vocabulary;

use std::collections::{BTreeMap, BTreeSet};

pub use book::GlossaryError;
use vocabulary::Vocabulary;

use crate::expr::{Expr, Field, Term, Test};

/// What a library says of its own words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Glossary {
    core: Vec<Field>,
    vocabularies: BTreeMap<Field, Vocabulary>,
}

/// One term.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    pub definition: String,
    /// Whom to ask about it.
    pub owner: String,
    /// What else it is called.
    pub aliases: BTreeSet<String>,
    /// Terms that hold for whatever has this one.
    pub implies: BTreeSet<String>,
    /// Of a tag: the only levels that may stand below it; any when there are none.
    pub values: BTreeSet<String>,
    /// Given to nothing any more.
    pub retired: bool,
    /// The term that took its place.
    pub replaced_by: Option<String>,
}

/// Why a value is given to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The field takes the glossary's terms alone, and this is none.
    NoTerm,
    /// The tag takes some levels below it alone.
    NotBelow { tag: String, values: Vec<String> },
    /// The term is retired.
    Retired { term: String, instead: Option<String> },
}

impl Glossary {
    /// The fields whose words a glossary defines.
    pub const FIELDS: [Field; 6] =
        [Field::Client, Field::Persona, Field::Campaign, Field::Tag, Field::Model, Field::Lora];

    /// The fields that every asset is to have.
    #[must_use]
    pub fn core(&self) -> &[Field] {
        &self.core
    }

    /// Whether a field takes nothing but terms.
    #[must_use]
    pub fn is_strict(&self, field: &Field) -> bool {
        self.vocabularies.get(field).is_some_and(|words| words.strict)
    }

    /// Whether every value of a field tells nothing but itself.
    #[must_use]
    pub fn is_plain(&self, field: &Field) -> bool {
        self.vocabularies.get(field).is_none_or(Vocabulary::is_plain)
    }

    /// The terms of a field, in order.
    pub fn terms(&self, field: &Field) -> impl Iterator<Item = (&str, &Entry)> {
        self.vocabularies
            .get(field)
            .into_iter()
            .flat_map(|words| &words.terms)
            .map(|(name, entry)| (name.as_str(), entry))
    }

    /// The words of a field that may be given: its terms without the retired ones, and of tags the levels that are allowed below them.
    #[must_use]
    pub fn words(&self, field: &Field) -> BTreeSet<String> {
        self.vocabularies.get(field).map(Vocabulary::words).unwrap_or_default()
    }

    /// Whether a value is a term, or of tags one lies below it.
    #[must_use]
    pub fn knows(&self, field: &Field, value: &str) -> bool {
        self.vocabularies.get(field).is_some_and(|words| words.knows(value))
    }

    /// Whether a term or an alias is that value, or of tags lies below it: then it is the glossary's to say what it is called.
    #[must_use]
    pub fn names(&self, field: &Field, value: &str) -> bool {
        self.vocabularies.get(field).is_some_and(|words| words.knows(value) || words.has_alias_below(value))
    }

    /// The value that an alias stands for, of tags also with levels below it; any other value itself.
    #[must_use]
    pub fn canonical(&self, field: &Field, value: &str) -> String {
        self.vocabularies.get(field).map_or_else(|| value.to_owned(), |words| words.canonical(value))
    }

    /// All that a stored value tells.
    #[must_use]
    pub fn told(&self, field: &Field, value: &str) -> BTreeSet<String> {
        match self.vocabularies.get(field) {
            Some(words) => words.told(value),
            None => BTreeSet::from([value.to_owned()]),
        }
    }

    /// Whether a stored value is this value under whatever name, or of tags lies below it.
    #[must_use]
    pub fn is_spelling(&self, field: &Field, stored: &str, value: &str) -> bool {
        let (stored, value) = (self.canonical(field, stored), self.canonical(field, value));
        if *field == Field::Tag { vocabulary::is_within(&stored, &value) } else { stored == value }
    }

    /// The value as it is to be stored, when it may be given to an asset.
    ///
    /// # Errors
    /// Why it may not.
    pub fn admit(&self, field: &Field, value: &str) -> Result<String, Refusal> {
        match self.vocabularies.get(field) {
            Some(words) => words.admit(value),
            None => Ok(value.to_owned()),
        }
    }

    /// The query that asks a plain evaluator what this one asks with the glossary in mind.
    #[must_use]
    pub fn widen(&self, expr: &Expr) -> Expr {
        self.rewrite(expr, &|field, words, value| {
            let mut sources = words.sources(value).into_iter().map(|source| Expr::is(field.clone(), source));
            match (sources.next(), sources.len()) {
                (Some(one), 0) => one,
                (first, _) => Expr::Or(first.into_iter().chain(sources).collect()),
            }
        })
    }

    /// The same query with a term in the place of each alias.
    #[must_use]
    pub fn spelled(&self, expr: &Expr) -> Expr {
        self.rewrite(expr, &|field, words, value| Expr::is(field.clone(), words.canonical(value)))
    }

    fn rewrite(&self, expr: &Expr, value: &dyn Fn(&Field, &Vocabulary, &str) -> Expr) -> Expr {
        let each = |parts: &[Expr]| parts.iter().map(|part| self.rewrite(part, value)).collect();
        match expr {
            Expr::And(parts) => Expr::And(each(parts)),
            Expr::Or(parts) => Expr::Or(each(parts)),
            Expr::Not(inner) => Expr::Not(Box::new(self.rewrite(inner, value))),
            Expr::Term(Term { field, test: Test::Is(is) }) => match self.vocabularies.get(field) {
                Some(words) => value(field, words, is),
                None => expr.clone(),
            },
            Expr::Term(_) => expr.clone(),
        }
    }
}
