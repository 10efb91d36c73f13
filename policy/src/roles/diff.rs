//! What one role book allows that another does not, by role and verb.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Role, RoleBook, Subject, Verb};
use crate::expr::Expr;

/// What another role book changes.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub settings: Vec<SettingChange>,
    pub roles: Vec<RoleChange>,
}

impl Difference {
    /// Whether it changes nothing: the texts differ in words for people at most.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.roles.is_empty()
    }
}

/// What stands above the roles.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct SettingChange {
    pub key: &'static str,
    pub before: String,
    pub after: String,
}

/// A role that may something else than before.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct RoleChange {
    pub role: String,
    pub kind: RoleKind,
    pub verbs: Vec<VerbChange>,
    /// What is written into the stills that it lets export.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark: Option<MarkChange>,
}

/// Another text in stills.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct MarkChange {
    pub before: Option<String>,
    pub after: Option<String>,
}

/// What became of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoleKind {
    New,
    Gone,
    Changed,
}

/// One verb of it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct VerbChange {
    pub verb: &'static str,
    pub effect: Effect,
    pub before: String,
    pub after: String,
}

/// For how many assets there may ever be a verb is allowed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Those before, and more.
    Gains,
    /// Some of those before, and no other.
    Loses,
    /// Others: nobody can say without looking at assets.
    Changes,
}

impl RoleBook {
    /// What this book changes where the other one was in force.
    #[must_use]
    pub fn difference(&self, before: &Self) -> Difference {
        let settings = self.settings().into_iter().zip(before.settings()).filter(|(after, before)| after != before);
        let settings = settings.map(|((key, after), (_, before))| SettingChange { key, before, after }).collect();
        let names: BTreeSet<&str> = self.names().chain(before.names()).collect();
        let roles = names.into_iter().filter_map(|name| change(name, before.get(name), self.get(name))).collect();
        Difference { settings, roles }
    }
}

fn change(name: &str, before: Option<&Role>, after: Option<&Role>) -> Option<RoleChange> {
    let kind = match (before, after) {
        (None, _) => RoleKind::New,
        (_, None) => RoleKind::Gone,
        _ => RoleKind::Changed,
    };
    let verbs: Vec<VerbChange> = Verb::ALL.iter().filter_map(|verb| verb_change(*verb, before, after)).collect();
    let [was, is] = [before, after].map(|role| role.and_then(|role| role.watermark.clone()));
    let watermark = (was != is).then_some(MarkChange { before: was, after: is });
    let changed = kind != RoleKind::Changed || !verbs.is_empty() || watermark.is_some();
    changed.then(|| RoleChange { role: name.to_owned(), kind, verbs, watermark })
}

fn verb_change(verb: Verb, before: Option<&Role>, after: Option<&Role>) -> Option<VerbChange> {
    // The name stands for whoever has the role: it is the same on both sides.
    let filter = |role: Option<&Role>| role.map_or_else(Expr::nothing, |r| Subject::new("me", r, None).filter(verb));
    let (had, has) = (filter(before), filter(after));
    let times = |role: Option<&Role>| {
        let rules = role.into_iter().flat_map(|role| [role.allow.get(&verb), role.deny.get(&verb)]).flatten();
        let asking = rules.filter(|rule| rule.when.is_some() || rule.unlocked);
        asking.map(|rule| (rule.when.as_ref().map(|when| when.text().to_owned()), rule.unlocked)).collect::<Vec<_>>()
    };
    let (had_at, has_at) = (times(before), times(after));
    if had == has && had_at == has_at {
        return None;
    }
    let effect = match (is_within(&had, &has), is_within(&has, &had)) {
        // The same assets at other times, or other assets at other times.
        _ if had_at != has_at => Effect::Changes,
        (true, _) => Effect::Gains,
        (_, true) => Effect::Loses,
        _ => Effect::Changes,
    };
    let said = |role: Option<&Role>| role.map_or_else(|| NONE.to_owned(), |role| said(role, verb));
    Some(VerbChange { verb: verb.name(), effect, before: said(before), after: said(after) })
}

/// How a verb that is allowed for nothing is written.
const NONE: &str = "none";

/// What a role says of a verb, as it is written.
fn said(role: &Role, verb: Verb) -> String {
    let Some(allow) = role.allow.get(&verb) else { return NONE.to_owned() };
    match role.deny.get(&verb) {
        Some(deny) => format!("{}, never {}", allow.said_allowed(), deny.said_denied()),
        None => allow.said_allowed(),
    }
}

/// Whether each asset of the first is one of the second, as far as the conditions themselves show it.
fn is_within(inner: &Expr, outer: &Expr) -> bool {
    let conditions = |expr: &Expr| match expr {
        Expr::And(parts) => parts.clone(),
        other => vec![other.clone()],
    };
    let inner_has = conditions(inner);
    *inner == Expr::nothing() || conditions(outer).iter().all(|condition| inner_has.contains(condition))
}
