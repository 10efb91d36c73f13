//! The one gate: who asks, and what he may do with an asset. The only caller of the policy crate's decisions.

mod error;
mod policy;
#[cfg(test)]
mod tests;
mod who;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

pub use crate::catalog::AssetFacts;
pub use error::AccessError;
pub use policy::Policy;
use who::Memory;
pub use who::{Identity, Terms, Who};

use crate::catalog::{Asset, Catalog, CatalogError, ChangeKind, ChangeRow, MemberRow, ReadTx};
use crate::clock::SharedClock;
use crate::policy::{Decision, Expr, Glossary, Lock, Platforms, Subject, Verb};
use crate::types::{MemberId, Timestamp};

/// Every active member, behind no second factor.
type Subjects = Arc<Vec<(MemberId, Subject)>>;

/// The one gate. Shared by everything that answers anyone.
pub struct Gate {
    catalog: Catalog,
    clock: SharedClock,
    roles: RwLock<Arc<Policy>>,
    terms: RwLock<Terms>,
    /// Moves when members or roles change: what is remembered of them is then stale.
    members: AtomicU64,
    /// Moves when any decision may have changed: members, roles, or an asset's facts.
    epoch: AtomicU64,
    /// The last row of the change feed that was heard.
    heard: Mutex<u64>,
    memory: Memory,
    /// What the members may, as of an epoch of theirs.
    subjects: Mutex<(u64, Subjects)>,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").field("epoch", &self.epoch()).finish_non_exhaustive()
    }
}

impl Gate {
    /// A gate over a library's members, its roles, its glossary and its table of platforms.
    #[must_use]
    pub fn new(catalog: Catalog, clock: SharedClock, roles: Policy, terms: Terms) -> Self {
        // Zero is the epoch of the empty memory.
        let (members, epoch) = (AtomicU64::new(1), AtomicU64::new(1));
        Self {
            catalog,
            clock,
            roles: RwLock::new(Arc::new(roles)),
            terms: RwLock::new(terms),
            members,
            epoch,
            heard: Mutex::default(),
            memory: Memory::default(),
            subjects: Mutex::default(),
        }
    }

    /// The roles in force.
    #[must_use]
    pub fn roles(&self) -> Arc<Policy> {
        Arc::clone(&self.roles.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Other roles are in force from now on: what anybody may may have changed.
    pub fn govern(&self, roles: Arc<Policy>) {
        *self.roles.write().unwrap_or_else(PoisonError::into_inner) = roles;
        self.changed();
    }

    /// The glossary in force.
    #[must_use]
    pub fn glossary(&self) -> Arc<Glossary> {
        self.terms().glossary
    }

    /// The table of platforms in force.
    #[must_use]
    pub fn platforms(&self) -> Arc<Platforms> {
        self.terms().platforms
    }

    /// What words mean and platforms accept.
    #[must_use]
    pub fn terms(&self) -> Terms {
        self.terms.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Another glossary is in force from now on: what anybody may may have changed.
    pub fn learn(&self, glossary: Glossary) {
        self.terms.write().unwrap_or_else(PoisonError::into_inner).glossary = Arc::new(glossary);
        self.changed();
    }

    /// Another table of platforms is in force from now on: what circulates may have changed.
    pub fn publish_by(&self, platforms: Arc<Platforms>) {
        self.terms.write().unwrap_or_else(PoisonError::into_inner).platforms = platforms;
        self.changed();
    }

    /// The active member behind an identity; read once per change of members, and when what he had unlocked is locked again.
    ///
    /// # Errors
    /// When there is none, or the catalogue fails.
    pub fn who(&self, identity: &Identity) -> Result<Arc<Who>, AccessError> {
        // The epoch is read before the catalogue: a change in between only makes the answer be forgotten sooner.
        let mut epoch = self.members.load(Ordering::Acquire);
        if let Some(who) = self.memory.get(epoch, identity) {
            if who.is_as_remembered(self.clock.now()) {
                return Ok(who);
            }
            // Whatever was decided while it was unlocked is decided anew, listings and open handles too.
            self.changed();
            epoch = self.members.load(Ordering::Acquire);
        }
        let (row, factor) = self.catalog.read(|tx| {
            let row = match identity {
                Identity::Member(id) => tx.member(*id)?.ok_or(AccessError::Gone(*id))?,
                Identity::Uid(uid) => tx.member_by_uid(*uid)?.ok_or(AccessError::Stranger { uid: *uid })?,
            };
            let factor = tx.factor(row.id)?;
            Ok::<_, AccessError>((row, factor))
        })?;
        let who = Arc::new(Who::admit(&row, factor.as_ref(), self.clock.now(), &self.roles(), self.terms())?);
        self.memory.put(epoch, *identity, &who);
        Ok(who)
    }

    /// A number that moves whenever a decision may have changed. A handle that was decided in this epoch needs no new
    /// decision. Read it before deciding.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Members or roles changed: forgets whom it knew and moves the epoch.
    pub fn changed(&self) {
        self.members.fetch_add(1, Ordering::AcqRel);
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }

    /// Hears rows of the change feed: members and roles are read again, and handles are decided again also when an
    /// asset's record changed (a new rating may end a right). Several may read the feed; each row counts once, and whoever
    /// returns from here decides by what the rows say.
    pub fn hear(&self, rows: &[ChangeRow]) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = &rows[rows.partition_point(|row| row.seq <= *heard)..];
        *heard = rows.last().map_or(*heard, |row| row.seq);
        if rows.iter().any(|row| row.kind == ChangeKind::Access) {
            self.changed();
        } else if rows.iter().any(|row| row.kind == ChangeKind::Asset) {
            self.epoch.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// The next moment at which somebody may something else than now, only since time passes.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn next_shift(&self, now: Timestamp) -> Result<Option<Timestamp>, CatalogError> {
        let members = self.catalog.read(|tx| tx.members())?;
        let ends = members.iter().filter(|member| member.is_in(now)).filter_map(|member| member.ends);
        Ok(ends.chain(self.roles().next(now.as_nanos()).map(Timestamp::from_nanos)).min())
    }

    /// Decides one verb for one asset.
    #[must_use]
    pub fn decide(&self, who: &Who, verb: Verb, asset: &Asset) -> Decision {
        if let Some(reason) = own_draft(&who.subject, who.id, verb, asset) {
            return Decision { allowed: true, reason };
        }
        who.subject.decide(verb, &AssetFacts(asset))
    }

    /// As [`Gate::decide`], without the sentence; for listings.
    #[must_use]
    pub fn allows(&self, who: &Who, verb: Verb, asset: &Asset) -> bool {
        own_draft(&who.subject, who.id, verb, asset).is_some() || who.subject.allows(verb, &AssetFacts(asset))
    }

    /// Whether somebody may keep what is made of an asset's bytes where the gate does not reach, as in a cache in his home: he may have the
    /// bytes, and neither a lock nor the clock will ever close before them.
    #[must_use]
    pub fn may_keep(&self, who: &Who, asset: &Asset) -> Decision {
        let decision = self.decide(who, Verb::Download, asset);
        let refusal = if Lock::may_close(&AssetFacts(asset)) {
            "what is rated adult may be locked, and what lies elsewhere would stay open"
        } else if who.shift.is_some() {
            "your rights end by the clock, and what lies elsewhere would stay"
        } else {
            return decision;
        };
        if decision.allowed { Decision { allowed: false, reason: refusal.to_owned() } } else { decision }
    }

    /// What each active member may by role and scope; read once per change of members.
    fn subjects(&self, tx: &dyn ReadTx) -> Result<Subjects, CatalogError> {
        let epoch = self.members.load(Ordering::Acquire);
        let mut known = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        if known.0 != epoch {
            let (now, roles, terms) = (self.clock.now(), self.roles(), self.terms());
            let there = tx.members()?.into_iter().filter(|row| row.is_in(now));
            // A colleague who is not at work now is one all the same.
            let known_as = |row: MemberRow| Some((row.id, Who::subject_of(&row, None, &roles, terms.clone()).ok()?));
            *known = (epoch, Arc::new(there.filter_map(known_as).collect()));
        }
        Ok(Arc::clone(&known.1))
    }

    /// Whether an active member other than one may do something with an asset, by role and scope.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn another_may(
        &self,
        tx: &dyn ReadTx,
        than: MemberId,
        verb: Verb,
        asset: &Asset,
    ) -> Result<bool, CatalogError> {
        let subjects = self.subjects(tx)?;
        Ok(subjects.iter().any(|(id, subject)| *id != than && subject.allows(verb, &AssetFacts(asset))))
    }

    /// The query whose published assets are those that the verb is allowed for.
    #[must_use]
    pub fn filter(&self, who: &Who, verb: Verb) -> Expr {
        who.subject.filter(verb)
    }
}

/// A provisional asset has no facts yet that a role could speak of: until its first version it is its maker's, or a
/// program could not finish the file that it was allowed to create. Changing it needs a role that may edit something.
fn own_draft(subject: &Subject, member: MemberId, verb: Verb, asset: &Asset) -> Option<String> {
    if asset.head.is_some() || asset.owner != Some(member) {
        return None;
    }
    let granted = match verb {
        Verb::List | Verb::Download => true,
        Verb::Edit | Verb::Tag => subject.has_rule(Verb::Edit),
        Verb::Delete => subject.has_rule(Verb::Delete),
        Verb::View | Verb::Review | Verb::Export | Verb::Publish | Verb::Admin => false,
    };
    granted.then(|| format!("allowed to {}, who is making this file: it has no version yet", subject.name))
}
