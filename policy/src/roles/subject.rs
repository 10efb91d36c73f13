//! One member, ready to be asked.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::{Factor, Lock, Role, Rule, Verb};
use crate::expr::{Expr, ExprError, Facts, parse_with};
use crate::glossary::Glossary;
use crate::platforms::{self, Platforms, watermark};

/// A member with his roles and scope, ready to be asked.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The member's name; the value of `owner` and `assigned` rules.
    pub name: String,
    roles: Vec<String>,
    /// Whatever one of his roles allows.
    allow: Rules,
    /// Whatever one of them denies.
    deny: Rules,
    /// What they allow at other times.
    shut: Rules,
    /// What they allow while his second factor is unlocked, and deny while it is not, as far as that does not hold now.
    waits: (Rules, Rules),
    factor: Factor,
    /// [`Subject::finds_files_themselves`], asked for at each lookup; forgotten with whatever changes a rule.
    files: OnceLock<bool>,
    scope: Option<Rule>,
    /// What he is kept from until he has given his second factor, and the query for it.
    lock: Option<(Lock, Expr)>,
    /// Of each role that lets him export at all: its text in stills, and whether it lets him only while his second factor is unlocked.
    marks: Vec<(Option<String>, bool)>,
    /// What is written into the stills that he exports as it stands with his second factor.
    mark: Option<String>,
    glossary: Arc<Glossary>,
    /// What the library's table says.
    table: Arc<Platforms>,
    /// The same, with his mark.
    platforms: Arc<Platforms>,
}

type Rules = BTreeMap<Verb, Vec<Held>>;

/// A rule, and the role that it is of.
#[derive(Debug, Clone)]
struct Held {
    role: String,
    rule: Rule,
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
    Allowed(&'a Held),
    OutOfScope(&'a Rule),
    Denied(Verb, &'a Held),
    NoRule(Verb),
    Unmet(Verb, &'a [Held]),
    Sealed(Verb, &'a Held),
    Locked(Lock),
}

/// The rules of one table that ask for the second factor go to another.
fn hand_over(from: &mut Rules, to: &mut Rules) {
    for (verb, rules) in from.iter_mut() {
        let asking: Vec<Held> = rules.extract_if(.., |held| held.rule.unlocked).collect();
        if !asking.is_empty() {
            to.entry(*verb).or_default().extend(asking);
        }
    }
    from.retain(|_, rules| !rules.is_empty());
}

impl Subject {
    /// Puts a role and a scope to a name; replaces `owner=me` and `reviewer=me` in every rule. Rules of hours hold, and a second factor is unlocked.
    #[must_use]
    pub fn new(name: &str, role: &Role, scope: Option<Rule>) -> Self {
        Self::of_roles(name, &[role], scope, None)
    }

    /// Of several roles: what one allows and none denies. Of rules of hours and days those that hold at a moment, in nanoseconds; all of them
    /// without one, as they are written. What he may ever is what he may at one of [`super::moments()`]. Until [`Subject::giving`] says otherwise his
    /// second factor is unlocked.
    #[must_use]
    pub fn of_roles(name: &str, roles: &[&Role], scope: Option<Rule>, at: Option<i64>) -> Self {
        let (mut allow, mut deny, mut shut) = (Rules::new(), Rules::new(), Rules::new());
        for role in roles {
            let held = |rule: &Rule| Held { role: role.name.clone(), rule: rule.of(name) };
            for (verb, rule) in &role.allow {
                let rules = if rule.holds(at) { &mut allow } else { &mut shut };
                rules.entry(*verb).or_default().push(held(rule));
            }
            for (verb, rule) in role.deny.iter().filter(|(_, rule)| rule.holds(at)) {
                deny.entry(*verb).or_default().push(held(rule));
            }
        }
        let mut waits = (Rules::new(), Rules::new());
        hand_over(&mut deny, &mut waits.1);
        Self {
            waits,
            factor: Factor::Open,
            files: OnceLock::new(),
            name: name.to_owned(),
            roles: names(roles),
            allow,
            deny,
            shut,
            scope: scope.map(|s| s.of(name)).filter(|s| !s.expr.is_all()),
            lock: None,
            marks: marks(name, roles, at),
            mark: None,
            glossary: Arc::default(),
            table: Arc::clone(platforms::shipped()),
            platforms: Arc::clone(platforms::shipped()),
        }
        .marked()
    }

    /// The same member, whose rules and queries mean what a library's glossary says.
    #[must_use]
    pub fn reading(mut self, glossary: Arc<Glossary>) -> Self {
        let tables = [&mut self.allow, &mut self.deny, &mut self.waits.0, &mut self.waits.1];
        let rules = tables.into_iter().flat_map(Rules::values_mut).flatten().map(|held| &mut held.rule);
        for rule in rules.chain(&mut self.scope) {
            rule.expr = glossary.widen(&rule.expr);
        }
        self.glossary = glossary;
        self.files = OnceLock::new();
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
        Self { lock: lock.map(|lock| (lock, Lock::hides())), files: OnceLock::new(), ..self }
    }

    /// The same member, as it stands with his second factor: which of the rules that ask for it hold.
    #[must_use]
    pub fn giving(mut self, factor: Factor) -> Self {
        let (allow, deny) = &mut self.waits;
        match (self.factor == Factor::Open, factor == Factor::Open) {
            (false, true) => {
                hand_over(allow, &mut self.allow);
                hand_over(&mut self.deny, deny);
            }
            (true, false) => {
                hand_over(&mut self.allow, allow);
                hand_over(deny, &mut self.deny);
            }
            _ => {}
        }
        Self { factor, files: OnceLock::new(), ..self }.marked()
    }

    /// Whether a right that he has now ends with his second factor.
    #[must_use]
    pub fn is_lent(&self, verb: Verb, facts: &dyn Facts) -> bool {
        let asks = |rules: &Rules| rules.values().flatten().any(|held| held.rule.unlocked);
        self.factor == Factor::Open
            && (asks(&self.allow) || asks(&self.waits.1))
            && !self.clone().giving(Factor::Locked).allows(verb, facts)
    }

    /// How it stands with his second factor.
    #[must_use]
    pub const fn factor(&self) -> Factor {
        self.factor
    }

    /// What keeps him from assets rated adult.
    #[must_use]
    pub fn lock(&self) -> Option<Lock> {
        self.lock.as_ref().map(|(lock, _)| *lock)
    }

    /// The same member, for whom the platforms accept what a library's table says, with his mark in stills.
    #[must_use]
    pub fn publishing(self, platforms: Arc<Platforms>) -> Self {
        Self { table: platforms, ..self }.marked()
    }

    /// The same member, with the mark of the roles that let him export now, when each of them has a text for it.
    fn marked(self) -> Self {
        let lets = |(_, unlocked): &&(Option<String>, bool)| !unlocked || self.factor == Factor::Open;
        let texts: Option<Vec<&String>> = self.marks.iter().filter(lets).map(|(text, _)| text.as_ref()).collect();
        let mark = texts.and_then(|texts| texts.first().map(|text| (*text).clone()));
        let platforms = match &mark {
            Some(mark) => Arc::new(self.table.marked(mark)),
            None => Arc::clone(&self.table),
        };
        Self { mark, platforms, ..self }
    }

    /// What is written into the stills that he exports, when each role that lets him has a text for it.
    #[must_use]
    pub fn mark(&self) -> Option<&str> {
        self.mark.as_deref()
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
        let roles = self.role();
        match self.judge(verb, facts) {
            Ruling::Allowed(Held { role, rule }) => {
                let reason = format!("allowed by role {role}: {verb} = {}", rule.said_allowed());
                Decision { allowed: true, reason }
            }
            Ruling::OutOfScope(scope) => {
                refused(format!("role {roles}, scope `{}`: the asset is outside the scope", scope.text))
            }
            Ruling::Denied(verb, Held { role, rule }) if rule.unlocked => {
                let said = rule.said();
                refused(format!(
                    "role {role} may not {verb} `{said}` before the second factor; {}",
                    self.factor.remedy()
                ))
            }
            Ruling::Denied(verb, Held { role, rule }) => {
                refused(format!("role {role} never may {verb} `{}`", rule.said()))
            }
            Ruling::Sealed(verb, Held { role, rule }) => {
                let said = rule.said();
                refused(format!("role {role} may {verb} `{said}` behind the second factor; {}", self.factor.remedy()))
            }
            Ruling::NoRule(Verb::Admin) => refused(format!("role {roles} may not administer the library")),
            Ruling::NoRule(verb) => match self.shut.get(&verb) {
                Some(shut) => refused(format!("role {roles} may {verb} only {}", listed(shut))),
                None => refused(format!("role {roles} may not {verb} anything")),
            },
            Ruling::Locked(lock) if verb == Verb::Admin => refused(lock.refusal(ADMINISTERING)),
            Ruling::Locked(lock) => refused(lock.refusal("what is rated adult")),
            Ruling::Unmet(verb, rules) => {
                refused(format!("role {roles} may {verb} only {}: the asset is not among them", listed(rules)))
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
            if !matches!(listing, Ruling::Allowed(_)) && self.has_rule(verb) {
                return listing;
            }
        }
        self.judge_verb(verb, facts)
    }

    fn judge_verb(&self, verb: Verb, facts: &dyn Facts) -> Ruling<'_> {
        let denying = self.deny.get(&verb).and_then(|rules| rules.iter().find(|held| held.rule.expr.matches(facts)));
        if let Some(held) = denying {
            return Ruling::Denied(verb, held);
        }
        let matching = |rules: &'_ Vec<Held>| rules.iter().position(|held| held.rule.expr.matches(facts));
        let rules = self.allow.get(&verb);
        if let Some(held) = rules.and_then(|rules| rules.get(matching(rules)?)) {
            return Ruling::Allowed(held);
        }
        if let Some(held) = self.waits.0.get(&verb).and_then(|rules| rules.get(matching(rules)?)) {
            return Ruling::Sealed(verb, held);
        }
        rules.map_or(Ruling::NoRule(verb), |rules| Ruling::Unmet(verb, rules))
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
            let Some(allow) = self.allow.get(&verb) else { return Expr::nothing() };
            let denied = self.deny.get(&verb).into_iter().flatten().map(|held| &held.rule.expr);
            if denied.clone().any(Expr::is_all) {
                return Expr::nothing();
            }
            for part in [either(allow)].into_iter().chain(denied.map(|expr| expr.clone().negate())) {
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

    /// Whether he may have the bytes of whatever he may list, as it is plain from the rules themselves.
    #[must_use]
    pub fn downloads_what_he_lists(&self) -> bool {
        self.filter(Verb::Download) == self.filter(Verb::List)
    }

    /// Whether whatever he may list has its file for him: he may have the bytes, or may write to it and is shown no picture in its place.
    #[must_use]
    pub fn finds_files_themselves(&self) -> bool {
        *self.files.get_or_init(|| {
            let [list, view, download, edit] =
                [Verb::List, Verb::View, Verb::Download, Verb::Edit].map(|verb| self.filter(verb));
            download == list || (edit == list && (view == download || view == Expr::nothing()))
        })
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
            _ => format!("{} is {}", self.name, self.role()),
        }
    }

    /// Whether one of his roles has a rule that allows the verb.
    #[must_use]
    pub fn has_rule(&self, verb: Verb) -> bool {
        self.allow.contains_key(&verb)
    }

    /// What his role is called; of several all of them.
    #[must_use]
    pub fn role(&self) -> String {
        self.roles.join(" and ")
    }

    /// What each of his roles is called.
    #[must_use]
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// The scope as written.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_ref().map(|s| s.text.as_str())
    }
}

/// What each role is called, once: several groups may give the same.
fn names(roles: &[&Role]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(roles.len());
    for role in roles {
        if !names.contains(&role.name) {
            names.push(role.name.clone());
        }
    }
    names
}

/// Of the roles that let him export at a moment, with his second factor or without it.
fn marks(name: &str, roles: &[&Role], at: Option<i64>) -> Vec<(Option<String>, bool)> {
    let exports = roles.iter().filter_map(|role| Some((role, role.allow.get(&Verb::Export)?)));
    let text = |role: &Role| role.watermark.as_ref().map(|text| watermark::of_member(text, name));
    exports.filter(|(_, rule)| rule.holds(at)).map(|(role, rule)| (text(role), rule.unlocked)).collect()
}

const ADMINISTERING: &str = "administering the library";

/// The one query for what any of the rules allows.
fn either(rules: &[Held]) -> Expr {
    let mut exprs: Vec<Expr> = Vec::with_capacity(rules.len());
    for held in rules {
        if held.rule.expr.is_all() {
            return Expr::all();
        }
        if !exprs.contains(&held.rule.expr) {
            exprs.push(held.rule.expr.clone());
        }
    }
    match exprs.pop() {
        Some(only) if exprs.is_empty() => only,
        last => Expr::Or(exprs.into_iter().chain(last).collect()).flatten(),
    }
}

/// Rules, for people.
fn listed(rules: &[Held]) -> String {
    rules.iter().map(|held| format!("`{}`", held.rule.said())).collect::<Vec<_>>().join(" or ")
}

fn refused(reason: String) -> Decision {
    Decision { allowed: false, reason }
}

/// `admin` concerns the library, every other verb an asset that must be known first.
const fn needs_list(verb: Verb) -> bool {
    !matches!(verb, Verb::List | Verb::Admin)
}
