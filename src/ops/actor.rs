//! The member on whose behalf an operation runs, and what the gate says to him.

use std::sync::Arc;

use damfs_policy::{Decision, Expr, Verb};

use super::folders::Maker;
use super::record::Hand;
use super::{Library, OpsError};
use crate::access::{Identity, Who};
use crate::catalog::journal::Cause;
use crate::catalog::{Asset, MemberRow};
use crate::types::{Caller, Timestamp};

/// A member at work.
#[derive(Clone)]
pub struct Actor {
    pub member: MemberRow,
    pub uid: u32,
    pub gid: u32,
    cause: Cause,
    who: Arc<Who>,
    /// What he says with what he does.
    why: Option<Arc<str>>,
}

impl Actor {
    /// The member whom the caller's user id belongs to, by a command.
    ///
    /// # Errors
    /// When the user id is no active member's.
    pub fn of(library: &Library, caller: &Caller) -> Result<Self, OpsError> {
        let who = library.gate.who(&Identity::Uid(caller.uid))?;
        Ok(Self { cause: Cause::command(caller.process), ..Self::of_who(library, who, caller)? })
    }

    /// A member whom the gate knows already, by a process on a mount.
    ///
    /// # Errors
    /// When he is a member no more.
    pub fn of_who(library: &Library, who: Arc<Who>, caller: &Caller) -> Result<Self, OpsError> {
        let member = library.catalog.read(|tx| tx.member(who.id))?;
        let member = member.ok_or_else(|| OpsError::Refused {
            verb: Verb::List,
            subject: format!("uid:{}", caller.uid),
            reason: format!("user id {} is no member of this library", caller.uid),
        })?;
        Ok(Self { member, uid: caller.uid, gid: caller.gid, cause: Cause::process(caller.process), who, why: None })
    }

    /// He as the gate knows him now, for what goes on for long.
    ///
    /// # Errors
    /// When he is no active member any more.
    pub fn again(&self, library: &Library) -> Result<Self, OpsError> {
        let who = library.gate.who(&Identity::Member(self.member.id))?;
        Ok(Self { who, ..self.clone() })
    }

    /// Another member, looked at by an admin.
    ///
    /// # Errors
    /// When there is no such active member.
    pub fn named(library: &Library, name: &str) -> Result<Self, OpsError> {
        let members = library.catalog.read(|tx| tx.members())?;
        let Some(member) = members.iter().find(|m| m.name == name).cloned() else {
            return Err(super::members::unknown(name, &members));
        };
        let who = library.gate.who(&Identity::Member(member.id))?;
        Ok(Self { uid: member.uid.unwrap_or(u32::MAX), gid: u32::MAX, member, cause: Cause::Unknown, who, why: None })
    }

    /// As the gate knows him.
    #[must_use]
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// What the gate decides.
    #[must_use]
    pub fn decide(&self, library: &Library, verb: Verb, asset: &Asset) -> Decision {
        library.gate.decide(&self.who, verb, asset)
    }

    /// The gate's decision as a query.
    #[must_use]
    pub fn filter(&self, library: &Library, verb: Verb) -> Expr {
        library.gate.filter(&self.who, verb)
    }

    /// Nothing when allowed. What may not be listed is not found; `target` is how the caller named it.
    ///
    /// # Errors
    /// [`OpsError::NotFound`] or [`OpsError::Refused`].
    pub fn must(&self, library: &Library, verb: Verb, asset: &Asset, target: &str) -> Result<(), OpsError> {
        if !self.decide(library, Verb::List, asset).allowed {
            return Err(OpsError::NotFound(target.to_owned()));
        }
        let decision = self.decide(library, verb, asset);
        if decision.allowed {
            return Ok(());
        }
        Err(OpsError::Refused { verb, subject: asset.id.to_string(), reason: decision.reason })
    }

    /// Whether he may change the library itself.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.who.subject.allows_everything(Verb::Admin)
    }

    /// Nothing for an admin.
    ///
    /// # Errors
    /// [`OpsError::Refused`].
    pub fn must_be_admin(&self, what: &str) -> Result<(), OpsError> {
        if self.is_admin() {
            return Ok(());
        }
        Err(OpsError::Refused {
            verb: Verb::Admin,
            subject: self.member.name.clone(),
            reason: format!("only an admin may {what}; {}", self.who.subject.no_admin()),
        })
    }

    /// Who makes nodes.
    #[must_use]
    pub fn maker(&self, now: Timestamp) -> Maker {
        Maker { uid: self.uid, gid: self.gid, member: Some(self.member.id), cause: self.cause, now }
    }

    /// The same one, taking back a turn.
    #[must_use]
    pub fn undoing(&self, turn: u64) -> Self {
        Self { cause: Cause::Undo(turn), ..self.clone() }
    }

    /// The same one, saying why.
    #[must_use]
    pub fn saying(&self, why: Option<&str>) -> Self {
        Self { why: why.map(Arc::from), ..self.clone() }
    }

    /// What he says with what he does.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }

    /// Who changes records.
    #[must_use]
    pub fn hand(&self, now: Timestamp) -> Hand {
        Hand { by: Some(self.member.id), cause: self.cause, now }
    }
}
