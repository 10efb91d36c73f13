//! Someone, as the gate knows him; and the memory of who asked before.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use super::{AccessError, Policy};
use crate::catalog::{FactorRow, MemberRow};
use crate::policy::{Glossary, Lock, Platforms, Rule, Subject};
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

/// An active member with his role and scope.
#[derive(Debug, Clone)]
pub struct Who {
    /// The member.
    pub id: MemberId,
    /// What he may.
    pub subject: Subject,
    /// By which version of the roles.
    pub policy: u64,
    /// He may so until then: what he unlocked is locked again by itself.
    pub(super) until: Option<Timestamp>,
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
    /// When he is not active, or his role or scope cannot be read.
    pub fn admit(
        row: &MemberRow,
        factor: Option<&FactorRow>,
        now: Timestamp,
        roles: &Policy,
        terms: Terms,
    ) -> Result<Self, AccessError> {
        let name = row.name.clone();
        if !row.active {
            return Err(AccessError::Inactive { name });
        }
        let role = roles.find(&row.role).map_err(|why| AccessError::UnknownRole { name: name.clone(), why })?;
        let scope = match row.scope.as_deref().map(|text| (text, Rule::parse_with(text, &terms.platforms.vocabulary())))
        {
            None => None,
            Some((_, Ok(rule))) => Some(rule),
            Some((text, Err(why))) => return Err(AccessError::BadScope { name, scope: text.to_owned(), why }),
        };
        let until = factor.and_then(|factor| factor.open_until(now));
        let lock = Lock::of(roles.adult_gate(), factor.is_some(), until.is_some());
        let subject = Subject::new(&row.name, role, scope).reading(terms.glossary).publishing(terms.platforms);
        Ok(Self { id: row.id, subject: subject.behind(lock), policy: roles.no, until })
    }

    /// Whether what was unlocked for him is still; not for ever, when the clock was set back.
    pub(super) fn is_as_remembered(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| FactorRow::is_open(until, now))
    }
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
