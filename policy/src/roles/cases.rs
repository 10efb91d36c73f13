//! `policy-tests.toml`: what a role book is to decide, written down by people, and whether it does.

use super::{Decision, Factor, Lock, Rule, Subject, Verb};
use crate::expr::{Field, FieldKind, MapFacts, Vocabulary, parse_field, parse_value};
use crate::source::{Source, Value};

/// A file of cases that cannot be read; the message names line and reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CasesError(pub String);

impl From<String> for CasesError {
    fn from(message: String) -> Self {
        Self(message)
    }
}

/// One case: who asks, when, of what asset, and what is to come of it.
#[derive(Debug, Clone)]
pub struct Case {
    /// Where it begins in the file.
    pub line: usize,
    /// What it is about, for people.
    pub name: String,
    pub who: CaseWho,
    /// Whether he has a second factor and has not given it.
    pub locked: bool,
    /// When, in the library's time zone; without it rules of hours hold.
    pub at: Option<String>,
    pub facts: MapFacts,
    /// What is to be allowed (or not).
    pub verbs: Vec<(Verb, bool)>,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq)]
pub enum CaseWho {
    /// A member of the library, as he is.
    Member(String),
    /// Anybody of a role, with a scope or without.
    Role { role: String, scope: Option<Rule> },
}

/// What the member of a case without one is called.
const SOMEBODY: &str = "somebody";

impl CaseWho {
    /// The name that `owner = "me"` stands for.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Member(name) => name,
            Self::Role { .. } => SOMEBODY,
        }
    }
}

/// A verb that was decided otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    pub verb: Verb,
    pub decision: Decision,
}

impl Case {
    /// The shipped cases, which the shipped roles pass.
    pub const TEMPLATE: &'static str = include_str!("../../templates/policy-tests.toml");

    /// Reads a file of cases.
    ///
    /// # Errors
    /// When anything in it is not understood, or it has no case.
    pub fn parse_all(toml: &str, vocabulary: &Vocabulary) -> Result<Vec<Self>, CasesError> {
        let source = Source { file: "policy-tests.toml", text: toml };
        let table = source.parse()?;
        let mut cases = Vec::new();
        for (key, value) in table.get_ref() {
            source.known(key, "key", &["case"])?;
            let each = value.get_ref().as_array();
            let each = each.ok_or_else(|| source.error(value.span().start, "cases are written as [[case]]"))?;
            for case in each {
                cases.push(source.case(case, vocabulary)?);
            }
        }
        if cases.is_empty() {
            return Err(CasesError("policy-tests.toml has no case; add one with [[case]]".to_owned()));
        }
        Ok(cases)
    }

    /// What the one who asks is decided otherwise.
    #[must_use]
    pub fn failures(&self, who: Subject) -> Vec<Failed> {
        let who = if self.locked { who.behind(Some(Lock::Locked)).giving(Factor::Locked) } else { who };
        self.wrong(|verb| who.decide(verb, &self.facts))
    }

    /// The same when the one who asks is nobody, and why.
    #[must_use]
    pub fn failures_of_nobody(&self, why: &str) -> Vec<Failed> {
        self.wrong(|_| Decision { allowed: false, reason: why.to_owned() })
    }

    fn wrong(&self, decide: impl Fn(Verb) -> Decision) -> Vec<Failed> {
        let decided = self.verbs.iter().map(|(verb, wanted)| (*verb, *wanted, decide(*verb)));
        let wrong = decided.filter(|(_, wanted, decision)| decision.allowed != *wanted);
        wrong.map(|(verb, _, decision)| Failed { verb, decision }).collect()
    }
}

const KEYS: [&str; 9] = ["name", "member", "role", "scope", "locked", "at", "asset", "allow", "deny"];

impl Source<'_> {
    fn case(&self, value: &Value<'_>, vocabulary: &Vocabulary) -> Result<Case, String> {
        let at = value.span().start;
        let (mut name, mut member, mut role, mut scope) = (String::new(), None, None, None);
        let (mut locked, mut when, mut asset, mut verbs) = (false, None, None, Vec::new());
        for (key, value) in self.table(value, "case", "[[case]]")? {
            let at = value.span().start;
            match key.get_ref().as_ref() {
                "name" => name = self.text(value, "name")?.to_owned(),
                "member" => member = Some(self.text(value, "member")?.to_owned()),
                "role" => role = Some(self.text(value, "role")?.to_owned()),
                "scope" => {
                    let rule = Rule::parse_with(self.text(value, "scope")?, vocabulary);
                    scope = Some(rule.map_err(|e| self.error(at, &format!("scope: {e}")))?);
                }
                "locked" => {
                    let given = value.get_ref().as_bool();
                    locked = given.ok_or_else(|| self.error(at, "`locked` is true or false"))?;
                }
                "at" => {
                    let given = value.get_ref().as_datetime().map(ToString::to_string);
                    let given = given.map_or_else(|| self.text(value, "at").map(str::to_owned), Ok)?;
                    if super::when::instant(&jiff::tz::TimeZone::UTC, &given).is_none() {
                        return Err(self.error(at, &format!("`{given}` is no time, such as 2026-12-24T20:00:00")));
                    }
                    when = Some(given);
                }
                "asset" => asset = Some(value),
                "allow" => verbs.extend(self.verbs(value, "allow")?.into_iter().map(|verb| (verb, true))),
                "deny" => verbs.extend(self.verbs(value, "deny")?.into_iter().map(|verb| (verb, false))),
                _ => self.known(key, "key of a case", &KEYS)?,
            }
        }
        let who = match (member, role) {
            (Some(member), None) if scope.is_none() => CaseWho::Member(member),
            (None, Some(role)) => CaseWho::Role { role, scope },
            _ => return Err(self.error(at, "a case is about a `member`, or about a `role` with or without a `scope`")),
        };
        if let Some((verb, _)) = verbs.iter().find(|(verb, allow)| verbs.contains(&(*verb, !allow))) {
            return Err(self.error(at, &format!("the case both allows and denies {verb}")));
        }
        if verbs.is_empty() {
            return Err(self.error(at, "the case decides nothing; add allow = [\"list\"] or deny = [\"download\"]"));
        }
        let facts = match asset {
            Some(asset) => self.facts(asset, who.name(), vocabulary)?,
            None => MapFacts::default(),
        };
        let line = self.line(at);
        Ok(Case { line, name, who, locked, at: when, facts, verbs })
    }

    fn verbs(&self, value: &Value<'_>, what: &str) -> Result<Vec<Verb>, String> {
        let message = format!("`{what}` is a list of verbs, such as [\"list\", \"download\"]");
        let listed = value.get_ref().as_array().ok_or_else(|| self.error(value.span().start, &message))?;
        let verb = |value: &Value<'_>| {
            let verb = self.text(value, what)?.parse();
            verb.map_err(|e: super::RolesError| self.error(value.span().start, &e.0))
        };
        listed.iter().map(verb).collect()
    }

    /// What is known of the asset, field by field.
    fn facts(&self, value: &Value<'_>, me: &str, vocabulary: &Vocabulary) -> Result<MapFacts, String> {
        let mut facts = MapFacts::default();
        for (key, value) in self.table(value, "asset", "asset = { client = \"acme\" }")? {
            let field = parse_field(key.get_ref(), vocabulary);
            let field = field.map_err(|e| self.error(key.span().start, &e.to_string()))?;
            let values = value.get_ref().as_array().map_or_else(|| vec![value], |many| many.iter().collect());
            for value in values {
                self.fact(&mut facts, &field, value, me)?;
            }
        }
        Ok(facts)
    }

    fn fact(&self, facts: &mut MapFacts, field: &Field, value: &Value<'_>, me: &str) -> Result<(), String> {
        let at = value.span().start;
        match field.kind() {
            FieldKind::Number => {
                let number = value.get_ref().as_integer();
                let number = number.and_then(|n| i64::from_str_radix(n.as_str(), n.radix()).ok());
                let number = number.ok_or_else(|| self.error(at, &format!("`{field}` is a whole number")))?;
                facts.numbers.insert(field.clone(), number);
            }
            FieldKind::Date => {
                let text = self.text(value, &field.to_string())?;
                let first = crate::expr::first_instant(text);
                let first = first.ok_or_else(|| self.error(at, &format!("`{text}` is no date, such as 2026-05-14")))?;
                facts.numbers.insert(field.clone(), first);
            }
            FieldKind::Words => {
                facts.words.insert(field.clone(), self.text(value, &field.to_string())?.to_owned());
            }
            FieldKind::Open | FieldKind::Tree | FieldKind::Closed(_) => {
                let text = match self.text(value, &field.to_string())? {
                    "me" if matches!(field, Field::Owner | Field::Reviewer) => me,
                    text => text,
                };
                let text = parse_value(field, text).map_err(|e| self.error(at, &e.to_string()))?;
                let of_any = matches!(field, Field::Status(_)).then_some(Field::AnyStatus);
                for field in of_any.into_iter().chain([field.clone()]) {
                    let known = facts.texts.entry(field).or_default();
                    if !known.contains(&text) {
                        known.push(text.clone());
                    }
                }
            }
        }
        Ok(())
    }
}
