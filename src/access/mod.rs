//! The one gate: who asks, and what he may do with an asset. The only caller of the policy crate's decisions.

mod error;
mod policy;
#[cfg(test)]
mod tests;
mod who;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

pub use crate::catalog::AssetFacts;
pub use error::AccessError;
pub use policy::Policy;
use who::Memory;
pub use who::{Identity, Terms, Who};

use crate::catalog::{Asset, Catalog, CatalogError, ChangeKind, ChangeRow, MemberRow, ReadTx};
use crate::clock::SharedClock;
use crate::policy::{Decision, Expr, Glossary, Lock, Platforms, Subject, Verb};
use crate::types::{MemberId, Timestamp};

/// Whoever may review something now or later: every active member, behind no second factor, in each way that the clock will have him.
#[derive(Default)]
struct Reviewers {
    /// As of which epoch of the members.
    epoch: u64,
    /// From when on, until somebody's days are over.
    since: Timestamp,
    next: Option<Timestamp>,
    ways: Arc<Vec<(MemberId, Subject)>>,
}

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
    reviewers: Mutex<Reviewers>,
    door: OnceLock<Door>,
}

/// Who is asked of a user id.
pub type Door = Box<dyn Fn(u32) -> Result<(), AccessError> + Send + Sync>;

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
            terms: RwLock::new(terms.agreed()),
            members,
            epoch,
            heard: Mutex::default(),
            memory: Memory::default(),
            reviewers: Mutex::default(),
            door: OnceLock::new(),
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
        let mut terms = self.terms.write().unwrap_or_else(PoisonError::into_inner);
        *terms = Terms { glossary: Arc::new(glossary), platforms: Arc::clone(&terms.platforms) }.agreed();
        drop(terms);
        self.changed();
    }

    /// Another table of platforms is in force from now on: what circulates may have changed.
    pub fn publish_by(&self, platforms: Arc<Platforms>) {
        let mut terms = self.terms.write().unwrap_or_else(PoisonError::into_inner);
        *terms = Terms { glossary: Arc::clone(&terms.glossary), platforms }.agreed();
        drop(terms);
        self.changed();
    }

    /// From now on somebody is asked of each user id that is not remembered, before its member is looked up: who is in a group of the system may be
    /// one from that moment on.
    pub fn keep_door(&self, door: Door) {
        let _ = self.door.set(door);
    }

    /// Asks of a user id what there is to know of it. Outside of transactions and locks: it may take seconds.
    ///
    /// # Errors
    /// [`AccessError::Unasked`], which matters of who is no member.
    pub fn knock(&self, uid: u32) -> Result<(), AccessError> {
        self.door.get().map_or(Ok(()), |door| door(uid))
    }

    /// The active member behind an identity; read once per change of members, and when what he had unlocked is locked again.
    ///
    /// # Errors
    /// When there is none, or the catalogue fails.
    pub fn who(&self, identity: &Identity) -> Result<Arc<Who>, AccessError> {
        // The epoch is read before the catalogue: a change in between only makes the answer be forgotten sooner.
        let remembered = self.members.load(Ordering::Acquire);
        if let Some(who) = self.memory.get(remembered, identity) {
            if who.is_as_remembered(self.clock.now()) {
                return Ok(who);
            }
            // Whatever was decided while it was unlocked is decided anew, listings and open handles too.
            self.changed();
        }
        let unasked = match identity {
            Identity::Uid(uid) => self.knock(*uid).err(),
            Identity::Member(_) => None,
        };
        let epoch = self.members.load(Ordering::Acquire);
        let found = self.catalog.read(|tx| {
            let row = match identity {
                Identity::Member(id) => tx.member(*id)?.ok_or(AccessError::Gone(*id))?,
                Identity::Uid(uid) => tx.member_by_uid(*uid)?.ok_or(AccessError::Stranger { uid: *uid })?,
            };
            let factor = tx.factor(row.id)?;
            Ok::<_, AccessError>((row, factor))
        });
        let (row, factor) = match (found, unasked) {
            (Err(AccessError::Stranger { .. }), Some(unasked)) => return Err(unasked),
            (found, _) => found?,
        };
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
        // Who comes with the rows in between finds that they are behind: they count here, whatever they are.
        let skips = rows.first().is_some_and(|row| row.seq > heard.saturating_add(1));
        *heard = rows.last().map_or(*heard, |row| row.seq);
        if skips || rows.iter().any(|row| row.kind == ChangeKind::Access) {
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
        Ok(shift(&members, &self.roles(), now))
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
        let is_lent = |verb| who.subject.is_lent(verb, &AssetFacts(asset));
        let refusal = if is_lent(Verb::List) || is_lent(Verb::Download) {
            "your right to it ends with your second factor, and what lies elsewhere would stay"
        } else if Lock::may_close(&AssetFacts(asset)) {
            "what is rated adult may be locked, and what lies elsewhere would stay open"
        } else if who.shift.is_some() {
            "your rights end by the clock, and what lies elsewhere would stay"
        } else {
            return decision;
        };
        if decision.allowed { Decision { allowed: false, reason: refusal.to_owned() } } else { decision }
    }

    /// What each active member may by role and scope, now or later; read once per change of members and of times.
    fn reviewers(&self, tx: &dyn ReadTx) -> Result<Arc<Vec<(MemberId, Subject)>>, CatalogError> {
        // Read before it is looked how old the transaction is.
        let (epoch, now) = (self.members.load(Ordering::Acquire), self.clock.now());
        let mut known = self.reviewers.lock().unwrap_or_else(PoisonError::into_inner);
        if known.epoch != epoch || now < known.since || known.next.is_some_and(|next| next <= now) {
            let (members, roles, terms) = (tx.members()?, self.roles(), self.terms());
            let mut ways = Vec::new();
            // A colleague who is not at work now is one all the same.
            for row in members.iter().filter(|row| row.is_in(now)) {
                ways.extend(Who::ever(row, Verb::Review, now, &roles, &terms).into_iter().map(|who| (row.id, who)));
            }
            let ways = Arc::new(ways);
            // What was begun before the last change, or may yet be undone, tells of other members than there are.
            if tx.last_change()? != self.catalog.committed() {
                return Ok(ways);
            }
            *known = Reviewers { epoch, since: now, next: shift(&members, &roles, now), ways };
        }
        Ok(Arc::clone(&known.ways))
    }

    /// Whether an active member other than one may review an asset, by role and scope, be it at another hour.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn another_may_review(&self, tx: &dyn ReadTx, than: MemberId, asset: &Asset) -> Result<bool, CatalogError> {
        let ways = self.reviewers(tx)?;
        Ok(ways.iter().any(|(id, subject)| *id != than && subject.allows(Verb::Review, &AssetFacts(asset))))
    }

    /// The query whose published assets are those that the verb is allowed for.
    #[must_use]
    pub fn filter(&self, who: &Who, verb: Verb) -> Expr {
        who.subject.filter(verb)
    }
}

/// The next moment at which one of the members may something else than now, only since time passes.
fn shift(members: &[MemberRow], roles: &Policy, now: Timestamp) -> Option<Timestamp> {
    let ends = members.iter().filter(|member| member.is_in(now)).filter_map(|member| member.next_end(now));
    ends.chain(roles.next(now.as_nanos()).map(Timestamp::from_nanos)).min()
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
