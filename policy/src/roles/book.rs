//! `roles.toml` -> roles. Everything that is not understood is refused with its line: a misread rule is a leak.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Role, Rule, Verb};
use crate::expr::unknown;

/// All roles of a library, read from TOML.
#[derive(Debug, Clone)]
pub struct RoleBook {
    roles: BTreeMap<String, Role>,
}

/// A role file that cannot be used, or a role that is not in it; the message names line and reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RolesError(pub String);

impl RoleBook {
    /// The shipped roles.
    pub const TEMPLATE: &'static str = include_str!("../../templates/roles.toml");

    /// Reads a role file.
    ///
    /// # Errors
    /// When it is no valid role file.
    pub fn parse(toml: &str) -> Result<Self, RolesError> {
        let source = Source(toml);
        let table =
            DeTable::parse(toml).map_err(|e| source.error(e.span().map_or(0, |s| s.start), e.message().trim()))?;
        let mut roles = BTreeMap::new();
        for (key, value) in table.get_ref() {
            source.known(key, "key", &["role"])?;
            for (name, role) in source.table(value, "role")? {
                roles.insert(name.get_ref().to_string(), source.role(name, role)?);
            }
        }
        if roles.is_empty() {
            return Err(RolesError("the role file has no role; add one such as [role.admin]".to_owned()));
        }
        Ok(Self { roles })
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

    /// Names of all roles, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.roles.keys().map(String::as_str)
    }
}

type Key<'a> = Spanned<std::borrow::Cow<'a, str>>;
type Value<'a> = Spanned<DeValue<'a>>;

/// The text, to tell lines from offsets.
struct Source<'s>(&'s str);

impl Source<'_> {
    fn error(&self, at: usize, message: &str) -> RolesError {
        let line = 1 + self.0.bytes().take(at).filter(|b| *b == b'\n').count();
        RolesError(format!("roles.toml line {line}: {message}"))
    }

    fn known(&self, key: &Key<'_>, what: &str, known: &[&str]) -> Result<(), RolesError> {
        let name = key.get_ref().as_ref();
        if known.contains(&name) { Ok(()) } else { Err(self.error(key.span().start, &unknown(what, name, known))) }
    }

    fn table<'v, 't>(&self, value: &'v Value<'t>, what: &str) -> Result<&'v DeTable<'t>, RolesError> {
        let message = || self.error(value.span().start, &format!("`{what}` is a table, such as [role.editor.allow]"));
        value.get_ref().as_table().ok_or_else(message)
    }

    fn text<'v>(&self, value: &'v Value<'_>, what: &str) -> Result<&'v str, RolesError> {
        let message = || self.error(value.span().start, &format!("`{what}` is a text in quotes"));
        value.get_ref().as_str().ok_or_else(message)
    }

    fn role(&self, name: &Key<'_>, value: &Value<'_>) -> Result<Role, RolesError> {
        let at = name.span().start;
        let name = name.get_ref().as_ref();
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
        {
            return Err(self.error(at, &format!("role name `{name}`: use a-z, 0-9, _ and -")));
        }
        let mut role =
            Role { name: name.to_owned(), description: String::new(), allow: BTreeMap::new(), deny: BTreeMap::new() };
        for (key, value) in self.table(value, name)? {
            match key.get_ref().as_ref() {
                "description" => role.description = self.text(value, "description")?.to_owned(),
                "allow" => role.allow = self.rules(value, "allow")?,
                "deny" => role.deny = self.rules(value, "deny")?,
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

    fn rules(&self, value: &Value<'_>, what: &str) -> Result<BTreeMap<Verb, Rule>, RolesError> {
        let mut rules = BTreeMap::new();
        for (key, value) in self.table(value, what)? {
            let verb: Verb = key.get_ref().parse().map_err(|e: RolesError| self.error(key.span().start, &e.0))?;
            let at = value.span().start;
            let rule = match self.text(value, verb.name())?.trim() {
                "none" => continue,
                text => Rule::parse(text).map_err(|e| self.error(at, &format!("{what}.{verb} = `{text}`: {e}")))?,
            };
            if verb == Verb::Admin && !rule.expr.is_all() {
                return Err(self.error(at, "admin concerns the library, not assets: it is \"*\" or \"none\""));
            }
            rules.insert(verb, rule);
        }
        Ok(rules)
    }
}
