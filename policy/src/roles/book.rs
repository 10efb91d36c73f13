//! `roles.toml` -> roles. Everything that is not understood is refused with its line: a misread rule is a leak.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::{AdultGate, Role, Rule, Verb, When, when};
use crate::expr::{Vocabulary, unknown};
use crate::platforms::watermark;
use crate::source::{Key, Source, Value};

/// All roles of a library, read from TOML.
#[derive(Debug, Clone)]
pub struct RoleBook {
    roles: BTreeMap<String, Role>,
    adult_gate: AdultGate,
    self_review: SelfReview,
    zone: TimeZone,
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
        // First: hours of roles are read by it, wherever it stands.
        let mut zone = TimeZone::UTC;
        if let Some((_, value)) = table.get_ref().iter().find(|(key, _)| key.get_ref() == ZONE) {
            let read = when::zone(source.text(value, ZONE)?);
            zone = read.map_err(|e| source.error(value.span().start, &e))?;
        }
        let reader = Reader { source: &source, vocabulary, zone: &zone };
        for (key, value) in table.get_ref() {
            match key.get_ref().as_ref() {
                "adult_gate" => adult_gate = source.one_of(value, "adult_gate", &AdultGate::NAMES)?,
                "self_review" => self_review = source.one_of(value, "self_review", &SelfReview::NAMES)?,
                _ => source.known(key, "key", &["role", "adult_gate", "self_review", ZONE])?,
            }
            if key.get_ref() != "role" {
                continue;
            }
            for (name, role) in source.table(value, "role", TABLE)? {
                roles.insert(name.get_ref().to_string(), reader.role(name, role)?);
            }
        }
        if roles.is_empty() {
            return Err(RolesError("the role file has no role; add one such as [role.admin]".to_owned()));
        }
        Ok(Self { roles, adult_gate, self_review, zone })
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
        let zone = self.zone.iana_name().unwrap_or("UTC").to_owned();
        vec![("adult_gate", word(gate)), ("self_review", word(review)), (ZONE, zone)]
    }

    /// The first moment after a day, where the library is.
    ///
    /// # Errors
    /// When the text is no day.
    pub fn end_of_day(&self, day: &str) -> Result<i64, RolesError> {
        when::end_of_day(&self.zone, day.trim()).map_err(RolesError)
    }

    /// A moment as a case names it, `2026-12-24 20:00`, where the library is.
    #[must_use]
    pub fn instant(&self, text: &str) -> Option<i64> {
        when::instant(&self.zone, text)
    }

    /// The next moment at which a rule of any role may begin or end to hold.
    #[must_use]
    pub fn next(&self, at: i64) -> Option<i64> {
        self.roles.values().filter_map(|role| role.next(at)).min()
    }

    /// Names of all roles, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.roles.keys().map(String::as_str)
    }
}

/// The key of the time zone.
const ZONE: &str = "time_zone";
/// An example of a table of verbs.
const TABLE: &str = "[role.editor.allow]";

/// Reads roles.
struct Reader<'s> {
    source: &'s Source<'s>,
    vocabulary: &'s Vocabulary,
    zone: &'s TimeZone,
}

impl Reader<'_> {
    fn role(&self, name: &Key<'_>, value: &Value<'_>) -> Result<Role, String> {
        let source = self.source;
        let at = name.span().start;
        let name = name.get_ref().as_ref();
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
        {
            return Err(source.error(at, &format!("role name `{name}`: use a-z, 0-9, _ and -")));
        }
        let mut role = Role {
            name: name.to_owned(),
            description: String::new(),
            allow: BTreeMap::new(),
            deny: BTreeMap::new(),
            watermark: None,
        };
        for (key, value) in source.table(value, name, TABLE)? {
            match key.get_ref().as_ref() {
                "description" => role.description = source.text(value, "description")?.to_owned(),
                "allow" => role.allow = self.rules(value, "allow")?,
                "deny" => role.deny = self.rules(value, "deny")?,
                "watermark" => {
                    let text = source.text(value, "watermark")?;
                    watermark::check(text).map_err(|e| source.error(value.span().start, &format!("watermark: {e}")))?;
                    role.watermark = Some(text.to_owned()).filter(|text| !text.trim().is_empty());
                }
                _ => source.known(key, "key of a role", &["description", "allow", "deny", "watermark"])?,
            }
        }
        if let Some(verb) = role.allow.keys().find(|v| **v != Verb::Admin)
            && !role.allow.contains_key(&Verb::List)
        {
            let message = format!("role {name} allows {verb} but no list, so it allows nothing; add list = \"...\"");
            return Err(source.error(at, &message));
        }
        Ok(role)
    }

    fn rules(&self, value: &Value<'_>, what: &str) -> Result<BTreeMap<Verb, Rule>, String> {
        let source = self.source;
        let mut rules = BTreeMap::new();
        for (key, value) in source.table(value, what, TABLE)? {
            let verb: Verb = key.get_ref().parse().map_err(|e: RolesError| source.error(key.span().start, &e.0))?;
            let at = value.span().start;
            let Some(rule) = self.rule(value, &format!("{what}.{verb}"))? else { continue };
            if verb == Verb::Admin && !(rule.expr.is_all() && rule.when.is_none() && !rule.unlocked) {
                let message = "admin concerns the library, not assets: it is \"*\" or \"none\", at any time; who has a second factor \
                               gives it first anyway";
                return Err(source.error(at, message));
            }
            rules.insert(verb, rule);
        }
        Ok(rules)
    }

    /// A query in quotes, or a table of one and when it holds; `None` for none.
    fn rule(&self, value: &Value<'_>, what: &str) -> Result<Option<Rule>, String> {
        let source = self.source;
        let at = value.span().start;
        if value.get_ref().as_str().is_some() {
            return self.query(value, what);
        }
        if value.get_ref().as_table().is_none() {
            return Err(source.error(at, &format!("`{what}` is a text in quotes, or {CONDITION}")));
        }
        let (mut of, mut hours, mut ends, mut unlocked) = (None, None, None, false);
        for (key, value) in source.table(value, what, CONDITION)? {
            match key.get_ref().as_ref() {
                "of" => of = Some(value),
                "hours" => hours = Some(source.text(value, "hours")?),
                // A date of TOML, or the same in quotes.
                "ends" => {
                    ends = Some(
                        value
                            .get_ref()
                            .as_datetime()
                            .map_or_else(|| source.text(value, "ends").map(str::to_owned), |day| Ok(day.to_string()))?,
                    )
                }
                "unlocked" => {
                    // The other way round nobody means it, and a denial would end by not unlocking.
                    let wanted = what.starts_with("allow");
                    if value.get_ref().as_bool() != Some(wanted) {
                        let meant = if wanted {
                            "what is allowed may ask for the second factor: `unlocked = true`"
                        } else {
                            "what is denied may be denied while the second factor is not unlocked: `unlocked = false`"
                        };
                        return Err(source.error(value.span().start, &format!("{what}: {meant}")));
                    }
                    unlocked = true;
                }
                _ => source.known(key, "key of a rule", &["of", "hours", "ends", "unlocked"])?,
            }
        }
        let of = of.ok_or_else(|| source.error(at, &format!("`{what}` does not say of what; write {CONDITION}")))?;
        let when =
            When::read(self.zone, hours, ends.as_deref()).map_err(|e| source.error(at, &format!("{what}: {e}")))?;
        Ok(self.query(of, what)?.map(|rule| Rule { when, unlocked, ..rule }))
    }

    fn query(&self, value: &Value<'_>, what: &str) -> Result<Option<Rule>, String> {
        match self.source.text(value, what)?.trim() {
            "none" => Ok(None),
            text => Rule::parse_with(text, self.vocabulary)
                .map(Some)
                .map_err(|e| self.source.error(value.span().start, &format!("{what} = `{text}`: {e}"))),
        }
    }
}

/// An example of a rule that holds at times.
const CONDITION: &str = "{ of = \"*\", hours = \"mon-fri 08:00-19:00\", ends = 2026-12-31, unlocked = true }";
