//! Someone, as the gate knows him; and the memory of who asked before.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use super::{AccessError, Policy};
use crate::catalog::{FactorRow, GroupRow, MemberRow};
use crate::policy::{Factor, Glossary, Lock, Platforms, Role, Rule, Subject, Verb, moments};
use crate::types::{MemberId, Timestamp};

/// How someone is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Identity {
    /// By membership: a personal mount, or the daemon on someone's behalf.
    Member(MemberId),
    /// By system user: a shared mount, the control socket.
    Uid(u32),
}

/// What the words of roles and queries mean, and what the platforms accept: the library's own texts.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    pub glossary: Arc<Glossary>,
    pub platforms: Arc<Platforms>,
}

impl Terms {
    /// What the platforms ask, in the glossary's words.
    #[must_use]
    pub(super) fn agreed(self) -> Self {
        if self.platforms.guidelines().next().is_none() {
            return self;
        }
        Self { platforms: Arc::new(self.platforms.in_words_of(&self.glossary)), ..self }
    }
}

/// An active member with his role and scope.
#[derive(Debug, Clone)]
pub struct Who {
    /// The member.
    pub id: MemberId,
    /// What he may.
    pub subject: Subject,
    /// By which version of the roles.
    pub policy: u64,
    /// He looks on, whatever the roles say.
    pub read_only: bool,
    /// He may so until then: what he unlocked is locked again by itself.
    pub(super) until: Option<Timestamp>,
    /// When he was looked up. A clock that was set back since may be before days that were over.
    pub(super) since: Timestamp,
    /// He may so until then, when a rule of hours, his own last day or a group's says otherwise.
    pub(super) shift: Option<Timestamp>,
}

impl Deref for Who {
    type Target = Subject;
    fn deref(&self) -> &Subject {
        &self.subject
    }
}

impl Who {
    /// Puts the roles to a member's row and his second factor, with what words mean and platforms accept.
    ///
    /// # Errors
    /// When he is not active, has no role, or a role or a scope cannot be read.
    pub fn admit(
        row: &MemberRow,
        factor: Option<&FactorRow>,
        now: Timestamp,
        policy: &Policy,
        terms: Terms,
    ) -> Result<Self, AccessError> {
        must_not_be_over(row, now)?;
        let subject = Self::subject_of(row, Some(now), policy, terms)?;
        let until = factor.and_then(|factor| factor.open_until(now));
        let factor = Factor::of(factor.is_some(), until.is_some());
        let subject = subject.behind(Lock::of(policy.adult_gate(), factor)).giving(factor);
        let given = row.groups.iter().filter(|group| group.gives(now)).flat_map(GroupRow::roles);
        let rules = row.roles().chain(given).filter_map(|role| policy.get(role)?.next(now.as_nanos()));
        let shift = rules.map(Timestamp::from_nanos).chain(row.next_end(now)).min();
        let (id, read_only) = (row.id, row.read_only);
        Ok(Self { id, subject, policy: policy.no, read_only, until, since: now, shift })
    }

    /// What an active member may by his roles and scope, behind no second factor: at a moment, or as the rules are written.
    ///
    /// # Errors
    /// When he is not active, or a role or his scope cannot be read.
    pub fn subject_of(
        row: &MemberRow,
        at: Option<Timestamp>,
        policy: &Policy,
        terms: Terms,
    ) -> Result<Subject, AccessError> {
        let name = || row.name.clone();
        if !row.active {
            return Err(AccessError::Inactive { name: name() });
        }
        let roles = row.roles().map(|role| policy.find(role)).collect::<Result<Vec<_>, _>>();
        let roles = roles.map_err(|why| AccessError::UnknownRole { name: name(), why })?;
        let read = |text: &String| {
            let scope = Rule::parse_with(text, &terms.platforms.vocabulary());
            scope.map_err(|why| AccessError::BadScope { name: name(), scope: text.clone(), why })
        };
        let scope = row.scope.as_ref().map(read).transpose()?;
        let granted = Self::granted(row, at, policy, &terms)?;
        let roles: Vec<&Role> = roles.into_iter().chain(&granted).collect();
        if roles.is_empty() {
            return Err(AccessError::Roleless { name: name() });
        }
        let subject = Subject::of_roles(&row.name, &roles, scope, at.map(Timestamp::as_nanos));
        Ok(subject.reading(terms.glossary).publishing(terms.platforms))
    }

    /// The roles that groups give him at a moment, each within its group's scope. What he was given himself, a group gives no more of.
    fn granted(
        row: &MemberRow,
        at: Option<Timestamp>,
        policy: &Policy,
        terms: &Terms,
    ) -> Result<Vec<Role>, AccessError> {
        let mut granted = Vec::new();
        for group in row.groups.iter().filter(|group| at.is_none_or(|at| group.gives(at))) {
            let wrong = |why: String| AccessError::BadGrant { group: group.name.clone(), why };
            let read = |text: &String| Rule::parse_with(text, &terms.platforms.vocabulary());
            let scope = group.scope.as_ref().map(read).transpose().map_err(|e| wrong(e.to_string()))?;
            for role in group.roles().filter(|role| row.roles().all(|own| own != *role)) {
                granted.push(policy.find(role).map_err(|e| wrong(e.0))?.of_group(scope.as_ref()));
            }
        }
        Ok(granted)
    }

    /// As he would be admitted at a moment, with a second factor or without one, and with all of it unlocked; now, by the rules as they are written,
    /// when none is named.
    ///
    /// # Errors
    /// As [`Who::admit`].
    pub fn supposed(
        row: &MemberRow,
        enrolled: bool,
        at: Option<Timestamp>,
        now: Timestamp,
        policy: &Policy,
        terms: Terms,
    ) -> Result<Subject, AccessError> {
        must_not_be_over(row, at.unwrap_or(now))?;
        let factor = Factor::of(enrolled, true);
        Ok(Self::subject_of(row, at, policy, terms)?.behind(Lock::of(policy.adult_gate(), factor)).giving(factor))
    }

    /// As [`Who::subject_of`], in each way that a verb will be his from a moment on. None for who is not active, or whose role or scope cannot be
    /// read: he may nothing.
    pub(super) fn ever(row: &MemberRow, verb: Verb, from: Timestamp, policy: &Policy, terms: &Terms) -> Vec<Subject> {
        let given = row.groups.iter().flat_map(GroupRow::roles);
        let roles: Vec<_> = row.roles().chain(given).filter_map(|role| policy.get(role)).collect();
        let moments = moments(&roles, verb, from.as_nanos(), row.ends.map(Timestamp::as_nanos));
        let at = |moment| Self::subject_of(row, Some(Timestamp::from_nanos(moment)), policy, terms.clone()).ok();
        moments.into_iter().filter_map(at).collect()
    }

    /// As he is once he has unlocked what he has a second factor for.
    #[must_use]
    pub fn at_most(&self) -> Self {
        let subject = self.subject.clone();
        let lock = subject.lock().filter(|lock| *lock != Lock::Locked);
        let factor = if subject.factor() == Factor::Locked { Factor::Open } else { subject.factor() };
        Self { subject: subject.behind(lock).giving(factor), until: None, ..self.clone() }
    }

    /// Whether he may still what he might when he was looked up; not for ever, when the clock was set back.
    pub(super) fn is_as_remembered(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| FactorRow::is_open(until, now))
            && self.since <= now
            && self.shift.is_none_or(|next| now < next)
    }
}

/// Nothing for a member whose last day, if he has one, is not over.
fn must_not_be_over(row: &MemberRow, now: Timestamp) -> Result<(), AccessError> {
    let over = row.ends.filter(|end| *end <= now);
    over.map_or(Ok(()), |end| Err(AccessError::Ended { name: row.name.clone(), end }))
}

/// Who asked before, by the epoch in which it was looked up. Only members are remembered, so it stays small.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<(u64, HashMap<Identity, Arc<Who>>)>);

impl Memory {
    /// The one remembered in this epoch.
    pub(super) fn get(&self, epoch: u64, identity: &Identity) -> Option<Arc<Who>> {
        let memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (memory.0 == epoch).then(|| memory.1.get(identity).cloned()).flatten()
    }

    /// Remembers what was read after the epoch was; forgets older epochs and never overwrites a newer one.
    pub(super) fn put(&self, epoch: u64, identity: Identity, who: &Arc<Who>) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.0 < epoch {
            *memory = (epoch, HashMap::new());
        }
        if memory.0 == epoch {
            memory.1.insert(identity, Arc::clone(who));
        }
    }
}
