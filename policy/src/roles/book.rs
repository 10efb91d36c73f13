//! `roles.toml` -> roles. Everything that is not understood is refused with its line: a misread rule is a leak.

use std::collections::BTreeMap;

use super::{AdultGate, Role, Rule, Verb};
use crate::expr::{Vocabulary, unknown};
use crate::source::{Key, Source, Value};

/// All roles of a library, read from TOML.
#[derive(Debug, Clone)]
pub struct RoleBook {
    roles: BTreeMap<String, Role>,
    adult_gate: AdultGate,
    self_review: SelfReview,
}

/// Who approves what he made himself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SelfReview {
    /// Whoever may review it, while nobody else may.
    #[default]
    Alone,
    /// Whoever may review it.
    Allow,
}

impl SelfReview {
    const NAMES: [(&'static str, Self); 2] = [("alone", Self::Alone), ("allow", Self::Allow)];
}

/// A role file that cannot be used, or a role that is not in it; the message names line and reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RolesError(pub String);

impl From<String> for RolesError {
    fn from(message: String) -> Self {
        Self(message)
    }
}

impl RoleBook {
    /// The shipped roles.
    pub const TEMPLATE: &'static str = include_str!("../../templates/roles.toml");

    /// Reads a role file.
    ///
    /// # Errors
    /// When it is no valid role file.
    pub fn parse(toml: &str) -> Result<Self, RolesError> {
        Self::parse_with(toml, &Vocabulary::shipped())
    }

    /// As [`RoleBook::parse`], with a library's own vocabulary.
    ///
    /// # Errors
    /// When it is no valid role file.
    pub fn parse_with(toml: &str, vocabulary: &Vocabulary) -> Result<Self, RolesError> {
        let source = Source { file: "roles.toml", text: toml };
        let table = source.parse()?;
        let mut roles = BTreeMap::new();
        let (mut adult_gate, mut self_review) = (AdultGate::default(), SelfReview::default());
        for (key, value) in table.get_ref() {
            match key.get_ref().as_ref() {
                "adult_gate" => adult_gate = source.one_of(value, "adult_gate", &AdultGate::NAMES)?,
                "self_review" => self_review = source.one_of(value, "self_review", &SelfReview::NAMES)?,
                _ => source.known(key, "key", &["role", "adult_gate", "self_review"])?,
            }
            if key.get_ref() != "role" {
                continue;
            }
            for (name, role) in source.table(value, "role", TABLE)? {
                roles.insert(name.get_ref().to_string(), source.role(name, role, vocabulary)?);
            }
        }
        if roles.is_empty() {
            return Err(RolesError("the role file has no role; add one such as [role.admin]".to_owned()));
        }
        Ok(Self { roles, adult_gate, self_review })
    }

    /// The role of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Role> {
        self.roles.get(name)
    }

    /// The role of that name, or an error that names the nearest.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(&self, name: &str) -> Result<&Role, RolesError> {
        let known: Vec<&str> = self.names().collect();
        self.get(name).ok_or_else(|| RolesError(unknown("role", name, &known)))
    }

    /// For whom assets rated adult are behind the second factor.
    #[must_use]
    pub const fn adult_gate(&self) -> AdultGate {
        self.adult_gate
    }

    /// Who approves what he made himself.
    #[must_use]
    pub const fn self_review(&self) -> SelfReview {
        self.self_review
    }

    /// What stands above the roles, as it is written.
    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let word = |found: Option<&'static str>| found.unwrap_or_default().to_owned();
        let gate = AdultGate::NAMES.iter().find(|(_, gate)| *gate == self.adult_gate).map(|(name, _)| *name);
        let review = SelfReview::NAMES.iter().find(|(_, review)| *review == self.self_review).map(|(name, _)| *name);
        vec![("adult_gate", word(gate)), ("self_review", word(review))]
    }

    /// Names of all roles, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.roles.keys().map(String::as_str)
    }
}

/// An example of a table of verbs.
const TABLE: &str = "[role.editor.allow]";

impl Source<'_> {
    /// One of the words that a key may have.
    fn one_of<T: Copy>(&self, value: &Value<'_>, key: &str, words: &[(&str, T)]) -> Result<T, String> {
        let word = self.text(value, key)?;
        let known: Vec<&str> = words.iter().map(|(known, _)| *known).collect();
        let found = words.iter().find(|(known, _)| *known == word);
        found.map(|(_, one)| *one).ok_or_else(|| self.error(value.span().start, &unknown(key, word, &known)))
    }

    fn role(&self, name: &Key<'_>, value: &Value<'_>, vocabulary: &Vocabulary) -> Result<Role, String> {
        let at = name.span().start;
        let name = name.get_ref().as_ref();
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
        {
            return Err(self.error(at, &format!("role name `{name}`: use a-z, 0-9, _ and -")));
        }
        let mut role =
            Role { name: name.to_owned(), description: String::new(), allow: BTreeMap::new(), deny: BTreeMap::new() };
        for (key, value) in self.table(value, name, TABLE)? {
            match key.get_ref().as_ref() {
                "description" => role.description = self.text(value, "description")?.to_owned(),
                "allow" => role.allow = self.rules(value, "allow", vocabulary)?,
                "deny" => role.deny = self.rules(value, "deny", vocabulary)?,
                _ => self.known(key, "key of a role", &["description", "allow", "deny"])?,
            }
        }
        if let Some(verb) = role.allow.keys().find(|v| **v != Verb::Admin)
            && !role.allow.contains_key(&Verb::List)
        {
            let message = format!("role {name} allows {verb} but no list, so it allows nothing; add list = \"...\"");
            return Err(self.error(at, &message));
        }
        Ok(role)
    }

    fn rules(&self, value: &Value<'_>, what: &str, vocabulary: &Vocabulary) -> Result<BTreeMap<Verb, Rule>, String> {
        let mut rules = BTreeMap::new();
        for (key, value) in self.table(value, what, TABLE)? {
            let verb: Verb = key.get_ref().parse().map_err(|e: RolesError| self.error(key.span().start, &e.0))?;
            let at = value.span().start;
            let rule = match self.text(value, verb.name())?.trim() {
                "none" => continue,
                text => Rule::parse_with(text, vocabulary)
                    .map_err(|e| self.error(at, &format!("{what}.{verb} = `{text}`: {e}")))?,
            };
            if verb == Verb::Admin && !rule.expr.is_all() {
                return Err(self.error(at, "admin concerns the library, not assets: it is \"*\" or \"none\""));
            }
            rules.insert(verb, rule);
        }
        Ok(rules)
    }
}
