//! Roles: a table verb -> query, deny rules, a scope per member; and the decision they lead to.

mod book;
mod cases;
mod diff;
mod lock;
mod moments;
mod subject;
#[cfg(test)]
mod tests;
mod when;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

pub use book::{RoleBook, RolesError, SelfReview};
pub use cases::{Case, CaseWho, CasesError, Failed};
pub use diff::{Difference, Effect, MarkChange, RoleChange, RoleKind, SettingChange, VerbChange};
pub use lock::{AdultGate, Factor, Lock};
pub use moments::moments;
pub use subject::{Decision, Subject};
pub use when::When;
pub(crate) use when::zone;

use crate::expr::{Expr, ExprError, Field, Term, Test, Vocabulary, parse_with, unknown};

/// What may be done with an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Know that it exists.
    List,
    /// See a marked proxy.
    View,
    /// Read the bytes.
    Download,
    /// Change the bytes or the name; set a name aside.
    Edit,
    /// Change its metadata.
    Tag,
    /// Remove it for good from its place.
    Delete,
    /// Give a verdict.
    Review,
    /// Read platform exports.
    Export,
    /// Publish.
    Publish,
    /// Everything that concerns the library itself.
    Admin,
}

impl Verb {
    /// Every verb.
    pub const ALL: &'static [Verb] = &[
        Verb::List,
        Verb::View,
        Verb::Download,
        Verb::Edit,
        Verb::Tag,
        Verb::Delete,
        Verb::Review,
        Verb::Export,
        Verb::Publish,
        Verb::Admin,
    ];

    /// Its name in `roles.toml`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Verb::List => "list",
            Verb::View => "view",
            Verb::Download => "download",
            Verb::Edit => "edit",
            Verb::Tag => "tag",
            Verb::Delete => "delete",
            Verb::Review => "review",
            Verb::Export => "export",
            Verb::Publish => "publish",
            Verb::Admin => "admin",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Verb {
    type Err = RolesError;
    fn from_str(text: &str) -> Result<Self, RolesError> {
        let names: Vec<&str> = Verb::ALL.iter().map(|v| v.name()).collect();
        let found = Verb::ALL.iter().find(|v| v.name() == text).copied();
        found.ok_or_else(|| RolesError(unknown("verb", text, &names)))
    }
}

/// One role.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// Its name in `roles.toml`.
    pub name: String,
    /// What it allows, in words.
    pub description: String,
    /// Per verb: which assets. A verb that is not here is allowed for none.
    pub allow: BTreeMap<Verb, Rule>,
    /// Per verb: which assets never, whatever `allow` says.
    pub deny: BTreeMap<Verb, Rule>,
    /// What is written into the stills that it lets export, `{member}` for the member's name.
    pub watermark: Option<String>,
}

impl Role {
    /// The role as the people of a group have it: within a scope of the group's, and without a word of the library itself, which is given to
    /// people by name, and so taken away.
    #[must_use]
    pub fn of_group(&self, scope: Option<&Rule>) -> Self {
        let mut role = self.clone();
        role.allow.remove(&Verb::Admin);
        role.deny.remove(&Verb::Admin);
        if let Some(scope) = scope.filter(|scope| !scope.expr.is_all()) {
            role.allow.values_mut().for_each(|rule| *rule = rule.within(scope));
        }
        role
    }

    /// The next moment at which one of its rules may begin or end to hold.
    #[must_use]
    pub fn next(&self, at: i64) -> Option<i64> {
        let rules = self.allow.values().chain(self.deny.values());
        rules.filter_map(|rule| rule.when.as_ref()?.next(at)).min()
    }
}

/// One rule: the query and its text for people.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The query. `owner=me` has been replaced by the member's name when a [`Subject`] was made.
    pub expr: Expr,
    /// As written; `*` for every asset.
    pub text: String,
    /// When it holds; always without.
    pub when: Option<When>,
    /// What is allowed, only while the member's second factor is unlocked; what is denied, only while it is not.
    pub unlocked: bool,
}

impl Rule {
    /// Every asset.
    #[must_use]
    pub fn everything() -> Self {
        Self { expr: Expr::all(), text: "*".to_owned(), when: None, unlocked: false }
    }

    /// `*`, or a query; as a scope is written.
    ///
    /// # Errors
    /// When it is no query.
    pub fn parse(text: &str) -> Result<Self, ExprError> {
        Self::parse_with(text, &Vocabulary::shipped())
    }

    /// As [`Rule::parse`], with a library's own vocabulary.
    ///
    /// # Errors
    /// When it is no query.
    pub fn parse_with(text: &str, vocabulary: &Vocabulary) -> Result<Self, ExprError> {
        match text.trim() {
            "*" => Ok(Self::everything()),
            query => {
                let expr = parse_with(query, vocabulary)?;
                Ok(Self { expr, text: query.to_owned(), when: None, unlocked: false })
            }
        }
    }

    /// The rule as it holds for one member.
    fn of(&self, member: &str) -> Self {
        Self { expr: replace_me(&self.expr, member), ..self.clone() }
    }

    /// What is in a scope too.
    fn within(&self, scope: &Self) -> Self {
        let text = if self.expr.is_all() { scope.text.clone() } else { format!("{},{}", scope.text, self.text) };
        Self { expr: scope.expr.clone().and(self.expr.clone()), text, ..self.clone() }
    }

    /// As it is written, with when it holds.
    #[must_use]
    pub fn said(&self) -> String {
        match &self.when {
            Some(when) => format!("{}, {}", self.text, when.text()),
            None => self.text.clone(),
        }
    }

    /// The same of what is allowed.
    fn said_allowed(&self) -> String {
        self.said() + if self.unlocked { ", while unlocked" } else { "" }
    }

    /// The same of what is denied.
    fn said_denied(&self) -> String {
        self.said() + if self.unlocked { ", unless unlocked" } else { "" }
    }

    /// Whether it holds at a moment; with none, whenever it may.
    fn holds(&self, at: Option<i64>) -> bool {
        self.when.as_ref().zip(at).is_none_or(|(when, at)| when.holds(at))
    }
}

fn replace_me(expr: &Expr, member: &str) -> Expr {
    let each = |parts: &[Expr]| parts.iter().map(|part| replace_me(part, member)).collect();
    match expr {
        Expr::And(parts) => Expr::And(each(parts)),
        Expr::Or(parts) => Expr::Or(each(parts)),
        Expr::Not(inner) => Expr::Not(Box::new(replace_me(inner, member))),
        Expr::Term(Term { field: field @ (Field::Owner | Field::Reviewer), test: Test::Is(value) })
            if value == "me" =>
        {
            Expr::is(field.clone(), member)
        }
        Expr::Term(term) => Expr::Term(term.clone()),
    }
}
