//! One member, ready to be asked.

use std::sync::Arc;

use super::{Lock, Role, Rule, Verb};
use crate::expr::{Expr, ExprError, Facts, parse_with};
use crate::glossary::Glossary;
use crate::platforms::{self, Platforms};

/// A member with his role and scope, ready to be asked.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The member's name; the value of `owner` and `assigned` rules.
    pub name: String,
    role: Role,
    scope: Option<Rule>,
    /// What he is kept from until he has given his second factor, and the query for it.
    lock: Option<(Lock, Expr)>,
    glossary: Arc<Glossary>,
    platforms: Arc<Platforms>,
}

/// Yes or no, and because of which rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// May he?
    pub allowed: bool,
    /// One sentence: which role, verb and rule decided.
    pub reason: String,
}

/// Which rule decided. What may not be listed may not be anything, so a verb is judged after `list`.
enum Ruling<'a> {
    Allowed(&'a Rule),
    OutOfScope(&'a Rule),
    Denied(Verb, &'a Rule),
    NoRule(Verb),
    Unmet(Verb, &'a Rule),
    Locked(Lock),
}

impl Subject {
    /// Puts a role and a scope to a name; replaces `owner=me` in every rule.
    #[must_use]
    pub fn new(name: &str, role: &Role, scope: Option<Rule>) -> Self {
        let mut role = role.clone();
        for rule in role.allow.values_mut().chain(role.deny.values_mut()) {
            *rule = rule.of(name);
        }
        let scope = scope.map(|s| s.of(name)).filter(|s| !s.expr.is_all());
        Self {
            name: name.to_owned(),
            role,
            scope,
            lock: None,
            glossary: Arc::default(),
            platforms: Arc::clone(platforms::shipped()),
        }
    }

    /// The same member, whose rules and queries mean what a library's glossary says.
    #[must_use]
    pub fn reading(mut self, glossary: Arc<Glossary>) -> Self {
        for rule in self.role.allow.values_mut().chain(self.role.deny.values_mut()).chain(&mut self.scope) {
            rule.expr = glossary.widen(&rule.expr);
        }
        self.glossary = glossary;
        self
    }

    /// What the words of his queries mean.
    #[must_use]
    pub fn glossary(&self) -> &Arc<Glossary> {
        &self.glossary
    }

    /// The same member, kept from what is behind the second factor.
    #[must_use]
    pub fn behind(self, lock: Option<Lock>) -> Self {
        Self { lock: lock.map(|lock| (lock, Lock::hides())), ..self }
    }

    /// What keeps him from assets rated adult.
    #[must_use]
    pub fn lock(&self) -> Option<Lock> {
        self.lock.as_ref().map(|(lock, _)| *lock)
    }

    /// The same member, for whom the platforms accept what a library's table says.
    #[must_use]
    pub fn publishing(self, platforms: Arc<Platforms>) -> Self {
        Self { platforms, ..self }
    }

    /// What the platforms accept.
    #[must_use]
    pub fn platforms(&self) -> &Arc<Platforms> {
        &self.platforms
    }

    /// Reads a query of his.
    ///
    /// # Errors
    /// When the text is no query.
    pub fn parse(&self, text: &str) -> Result<Expr, ExprError> {
        parse_with(text, &self.platforms.vocabulary())
    }

    /// Decides one verb for one asset. Deny wins; the scope is ANDed with every verb; what may not be listed may not be
    /// anything else either.
    #[must_use]
    pub fn decide(&self, verb: Verb, facts: &dyn Facts) -> Decision {
        let role = &self.role.name;
        match self.judge(verb, facts) {
            Ruling::Allowed(rule) => {
                let reason = format!("allowed by role {role}: {verb} = {}", rule.text);
                Decision { allowed: true, reason }
            }
            Ruling::OutOfScope(scope) => {
                refused(format!("role {role}, scope `{}`: the asset is outside the scope", scope.text))
            }
            Ruling::Denied(verb, rule) => refused(format!("role {role} never may {verb} `{}`", rule.text)),
            Ruling::NoRule(Verb::Admin) => refused(format!("role {role} may not administer the library")),
            Ruling::NoRule(verb) => refused(format!("role {role} may not {verb} anything")),
            Ruling::Locked(lock) if verb == Verb::Admin => refused(lock.refusal(ADMINISTERING)),
            Ruling::Locked(lock) => refused(lock.refusal("what is rated adult")),
            Ruling::Unmet(verb, rule) => {
                refused(format!("role {role} may {verb} only `{}`: the asset is not among them", rule.text))
            }
        }
    }

    /// As [`Subject::decide`], without the sentence.
    #[must_use]
    pub fn allows(&self, verb: Verb, facts: &dyn Facts) -> bool {
        matches!(self.judge(verb, facts), Ruling::Allowed(_))
    }

    fn judge(&self, verb: Verb, facts: &dyn Facts) -> Ruling<'_> {
        // Before any rule: none says more to who is locked out than that he is.
        if let Some((lock, hidden)) = &self.lock {
            let kept = match verb {
                Verb::Admin => *lock == Lock::Locked && self.has_rule(Verb::Admin),
                _ => hidden.matches(facts),
            };
            if kept {
                return Ruling::Locked(*lock);
            }
        }
        if let Some(scope) = self.scope.as_ref().filter(|s| !s.expr.matches(facts)) {
            return Ruling::OutOfScope(scope);
        }
        if needs_list(verb) {
            let listing = self.judge_verb(Verb::List, facts);
            // A verb without any rule is the plainer reason.
            if !matches!(listing, Ruling::Allowed(_)) && self.role.allow.contains_key(&verb) {
                return listing;
            }
        }
        self.judge_verb(verb, facts)
    }

    fn judge_verb(&self, verb: Verb, facts: &dyn Facts) -> Ruling<'_> {
        if let Some(rule) = self.role.deny.get(&verb).filter(|r| r.expr.matches(facts)) {
            return Ruling::Denied(verb, rule);
        }
        match self.role.allow.get(&verb) {
            None => Ruling::NoRule(verb),
            Some(rule) if rule.expr.matches(facts) => Ruling::Allowed(rule),
            Some(rule) => Ruling::Unmet(verb, rule),
        }
    }

    /// The same as one query over the whole library: scope AND allow AND NOT deny AND NOT locked, for the verb and for `list`.
    #[must_use]
    pub fn filter(&self, verb: Verb) -> Expr {
        let mut parts: Vec<Expr> = self.scope.iter().map(|scope| scope.expr.clone()).collect();
        match &self.lock {
            Some((Lock::Locked, _)) if verb == Verb::Admin => return Expr::nothing(),
            Some((_, hidden)) if verb != Verb::Admin => parts.push(hidden.clone().negate()),
            _ => {}
        }
        for verb in needs_list(verb).then_some(Verb::List).into_iter().chain([verb]) {
            let Some(allow) = self.role.allow.get(&verb) else { return Expr::nothing() };
            let deny = self.role.deny.get(&verb);
            if deny.is_some_and(|d| d.expr.is_all()) {
                return Expr::nothing();
            }
            let deny = deny.map(|d| d.expr.clone().negate());
            for part in [Some(allow.expr.clone()), deny].into_iter().flatten() {
                if !parts.contains(&part) {
                    parts.push(part);
                }
            }
        }
        Expr::And(parts).flatten()
    }

    /// Whether the verb is allowed for every asset there may ever be (no scope, no condition).
    #[must_use]
    pub fn allows_everything(&self, verb: Verb) -> bool {
        self.filter(verb).is_all()
    }

    /// Whether he may administer the library itself: a role with `admin = "*"` and no scope.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.allows_everything(Verb::Admin)
    }

    /// Why he does not administer the library.
    #[must_use]
    pub fn no_admin(&self) -> String {
        match self.lock() {
            Some(lock @ Lock::Locked) if self.has_rule(Verb::Admin) => lock.refusal(ADMINISTERING),
            _ => format!("{} is {}", self.name, self.role.name),
        }
    }

    /// Whether the role has any rule that allows the verb.
    #[must_use]
    pub fn has_rule(&self, verb: Verb) -> bool {
        self.role.allow.contains_key(&verb)
    }

    /// The role's name.
    #[must_use]
    pub fn role(&self) -> &str {
        &self.role.name
    }

    /// The scope as written.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_ref().map(|s| s.text.as_str())
    }
}

const ADMINISTERING: &str = "administering the library";

fn refused(reason: String) -> Decision {
    Decision { allowed: false, reason }
}

/// `admin` concerns the library, every other verb an asset that must be known first.
const fn needs_list(verb: Verb) -> bool {
    !matches!(verb, Verb::List | Verb::Admin)
}
