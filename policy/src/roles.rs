//! Roles: a table verb -> query, deny rules, a scope per member; and the decision they lead to.

use std::collections::BTreeMap;

use crate::expr::{Expr, Facts};

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

/// One role.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// Its name in `roles.toml`.
    pub name: String,
    /// What it allows, in words.
    pub description: String,
    /// Per verb: which assets.
    pub allow: BTreeMap<Verb, Rule>,
    /// Per verb: which assets never, whatever `allow` says.
    pub deny: BTreeMap<Verb, Rule>,
}

/// One rule: the query, its text for people, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The query. `owner=me` has been replaced by the member's name when a [`Subject`] was made.
    pub expr: Expr,
    /// As written.
    pub text: String,
}

/// All roles of a library, read from TOML.
#[derive(Debug, Clone)]
pub struct RoleBook {
    roles: BTreeMap<String, Role>,
}

/// A role file that cannot be used; the message names line and reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RolesError(pub String);

impl RoleBook {
    /// The shipped roles.
    pub const TEMPLATE: &'static str = include_str!("../templates/roles.toml");

    /// Reads a role file.
    ///
    /// # Errors
    /// When it is no valid role file.
    pub fn parse(_toml: &str) -> Result<Self, RolesError> {
        Ok(Self { roles: BTreeMap::new() })
    }

    /// The role of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Role> {
        self.roles.get(name)
    }

    /// Names of all roles, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.roles.keys().map(String::as_str)
    }
}

/// A member with his role and scope, ready to be asked.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The member's name; the value of `owner` and `assigned` rules.
    pub name: String,
    role: Role,
    scope: Option<Rule>,
}

/// Yes or no, and because of which rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// May he?
    pub allowed: bool,
    /// One sentence: which role, verb and rule decided.
    pub reason: String,
}

impl Subject {
    /// Puts a role and a scope to a name; replaces `owner=me` in every rule.
    #[must_use]
    pub fn new(name: &str, role: &Role, scope: Option<Rule>) -> Self {
        Self { name: name.to_owned(), role: role.clone(), scope }
    }

    /// Decides one verb for one asset. Deny wins; the scope is ANDed with every verb.
    #[must_use]
    pub fn decide(&self, _verb: Verb, _facts: &dyn Facts) -> Decision {
        let _ = (&self.role, &self.scope);
        Decision { allowed: false, reason: String::new() }
    }

    /// The same as one query over the whole library: scope AND allow AND NOT deny.
    #[must_use]
    pub fn filter(&self, _verb: Verb) -> Expr {
        Expr::nothing()
    }

    /// Whether the verb is allowed for every asset there may ever be (no scope, no condition).
    #[must_use]
    pub fn allows_everything(&self, _verb: Verb) -> bool {
        false
    }

    /// The role's name.
    #[must_use]
    pub fn role(&self) -> &str {
        &self.role.name
    }
}
