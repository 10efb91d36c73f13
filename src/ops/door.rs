//! Who is let in by a group of the system: whoever has a user id that is no member's is asked for at first sight, and whoever is in is asked for
//! again and again. The gate itself decides by what is stored here, and by nothing else.

mod plan;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::{Value, json};

use self::plan::{Plan, Seen};
use super::record::Hand;
use super::{Library, OpsError, members, offboard, trail};
use crate::access::AccessError;
use crate::catalog::journal::Cause;
use crate::catalog::{CatalogError, ChangeKind, GroupSeat, MemberRow, ReadTx, WriteTx};
use crate::directory::{DirectoryError, Person, SharedDirectory};
use crate::types::{MemberId, Timestamp};

/// How often everybody is asked for who is in, and how long an answer is believed of one who is not.
const EVERY_MS: i64 = 2_000;
const OUT_MS: i64 = 3_000;
/// Strangers that are asked for within a second: who has many user ids keeps nobody's directory busy.
const STRANGERS: usize = 20;
const SECOND_MS: i64 = 1_000;
/// A round takes no more than this part of the time: databases are others' machines.
const SHARE: i64 = 10;
/// User ids that are remembered.
const MOST: usize = 4_096;

/// Whether a user id may be a person's who joins by a group: not those of the system and its services, those that systemd gives to services of the
/// moment, or what the kernel and NFS call nobody. Whoever is to be a member by one of these is named.
#[must_use]
pub fn may_join(uid: u32) -> bool {
    (1_000..61_184).contains(&uid) || (65_536..u32::MAX).contains(&uid)
}

/// What follows when nobody can say who is in which group.
pub(super) const SILENCE: &str = "nobody new is let in by a group, and who is in stays a quarter of an hour at most";

/// What came of asking.
#[derive(Debug, Clone)]
enum Answer {
    In,
    Out,
    Failed(String),
}

#[derive(Default)]
struct State {
    known: BTreeMap<u32, (Timestamp, Answer)>,
    asking: BTreeSet<u32>,
    /// Strangers since a moment.
    strangers: (Timestamp, usize),
    /// What admins were told of a user id, so that they are told once.
    told: BTreeMap<u32, String>,
    /// Members who were in by a group: when one is out, so are his mounts.
    inside: BTreeSet<MemberId>,
    /// When the next round is due.
    due: Option<Timestamp>,
    /// Moves whenever everybody is to be asked for anew: what was asked before says nothing of now.
    turning: u64,
    /// Why somebody could not be asked for in the last round, and why a stranger could not of late.
    fault: Option<String>,
    unasked: Option<String>,
}

impl State {
    fn admits(&mut self, now: Timestamp) -> bool {
        if !(0..SECOND_MS).contains(&now.ms_since(self.strangers.0)) {
            self.strangers = (now, 0);
        }
        self.strangers.1 = self.strangers.1.saturating_add(1);
        self.strangers.1 <= STRANGERS
    }
}

/// Who asks for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// The round.
    Round,
    /// A member himself, whom nobody has asked for since the start.
    Member,
    /// One who is none.
    Stranger,
}

/// Who was asked for, and what was said.
#[derive(Default)]
pub struct Doorman {
    directory: OnceLock<SharedDirectory>,
    for_strangers: OnceLock<SharedDirectory>,
    state: Mutex<State>,
}

impl Doorman {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everybody is asked for anew.
    pub(super) fn forget(&self) {
        let mut state = self.lock();
        // Who is in waits for the round, which is due at once, and for nobody else.
        state.known.retain(|_, (at, answer)| {
            *at = Timestamp::EPOCH;
            matches!(answer, Answer::In)
        });
        state.told.clear();
        state.due = None;
        state.turning = state.turning.wrapping_add(1);
    }

    /// Whether one was asked for since the start, and was not out then when anybody was changed.
    fn knows(&self, uid: u32) -> bool {
        self.lock().known.contains_key(&uid)
    }

    /// The turn to ask for one, unless the answer is known. Nobody waits for what another asks: whoever serves a mount would.
    fn turn(&self, uid: u32, now: Timestamp, by: By) -> Result<Turn<'_>, Answer> {
        let mut state = self.lock();
        if by != By::Round
            && let Some((at, answer)) = state.known.get(&uid)
            && (0..OUT_MS).contains(&now.ms_since(*at))
        {
            return Err(answer.clone());
        }
        if state.asking.contains(&uid) {
            return Err(Answer::Failed("that is being done just now".to_owned()));
        }
        if by == By::Stranger && !state.admits(now) {
            return Err(Answer::Failed("too many are asked for just now".to_owned()));
        }
        state.asking.insert(uid);
        let (turning, answer) = (state.turning, Answer::Failed("nothing came of asking".to_owned()));
        Ok(Turn { doorman: self, uid, at: now, turning, answer })
    }
}

/// One who is being asked for; whatever comes of it is remembered.
struct Turn<'d> {
    doorman: &'d Doorman,
    uid: u32,
    /// When the answer came.
    at: Timestamp,
    turning: u64,
    answer: Answer,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.doorman.lock();
        state.asking.remove(&self.uid);
        // Whoever makes up user ids does not make this large.
        if state.known.len() >= MOST {
            state.known.retain(|_, (_, answer)| matches!(answer, Answer::In));
        }
        if state.turning == self.turning {
            state.known.insert(self.uid, (self.at, self.answer.clone()));
        } else if matches!(self.answer, Answer::In) {
            state.known.insert(self.uid, (Timestamp::EPOCH, Answer::In));
        }
    }
}

impl Library {
    /// Whose user ids are whose, and who is in which group. Without one nobody comes or goes by a group.
    pub fn use_directory(&self, directory: SharedDirectory) {
        let _ = self.door.directory.set(directory);
    }

    /// Another for those who are no members, so that they take nobody's turn.
    pub fn use_directory_for_strangers(&self, directory: SharedDirectory) {
        let _ = self.door.for_strangers.set(directory);
    }

    /// Why nobody can say who is in which group, when that is so.
    pub(super) fn groups_fault(&self) -> Option<String> {
        let state = self.door.lock();
        state
            .fault
            .as_ref()
            .or(state.unasked.as_ref())
            .map(|why| format!("who is in which group cannot be asked: {why}"))
    }

    /// The directory, if there is one.
    pub(super) fn directory(&self) -> Option<&SharedDirectory> {
        self.door.directory.get()
    }

    /// Asks for a user id at first sight, unless it was lately, and stores what he is by it. Who has a role of his own, or was asked for since the
    /// start, is left to the rounds: he waits for nobody. Nothing is held meanwhile.
    ///
    /// # Errors
    /// [`AccessError::Unasked`] when nobody can say; whoever is in already stays for a while.
    pub(super) fn meet(&self, uid: u32) -> Result<(), AccessError> {
        if self.door.directory.get().is_none() || !may_join(uid) {
            return Ok(());
        }
        let now = self.clock.now();
        let (groups, member) = self.catalog.read(|tx| Ok::<_, CatalogError>((tx.groups()?, tx.member_by_uid(uid)?)))?;
        match member.filter(|member| member.is_in(now)) {
            _ if groups.is_empty() => Ok(()),
            Some(member) if !member.role.is_empty() || self.door.knows(uid) => Ok(()),
            Some(_) => self.ask(uid, By::Member),
            None => self.ask(uid, By::Stranger),
        }
    }

    fn ask(&self, uid: u32, by: By) -> Result<(), AccessError> {
        let own = self.door.for_strangers.get().filter(|_| by == By::Stranger);
        let Some(directory) = own.or_else(|| self.door.directory.get()).filter(|_| may_join(uid)) else {
            return Ok(());
        };
        let now = self.clock.now();
        let unasked = |why: String| AccessError::Unasked { uid, why };
        let mut turn = match self.door.turn(uid, now, by) {
            // What is asked for him already tells it.
            Err(_) if by == By::Round => return Ok(()),
            Ok(turn) => turn,
            Err(Answer::Failed(why)) => return Err(unasked(why)),
            Err(Answer::In | Answer::Out) => return Ok(()),
        };
        // Read behind the turn: only a turn lets somebody in, so he is in none that is not asked for.
        let mut groups = self.catalog.read(|tx| tx.groups())?;
        groups.retain(|group| group.gives(now));
        let asked: Vec<String> = groups.into_iter().map(|group| group.name).collect();
        let person = directory.person(uid, &asked);
        turn.at = self.clock.now();
        turn.answer = match (self.settle_groups(uid, &asked, &person, now), person) {
            (Err(e), _) => Answer::Failed(e.to_string()),
            (Ok(_), Err(DirectoryError(why))) | (Ok((_, Some(why))), Ok(_)) => Answer::Failed(why),
            (Ok((true, None)), Ok(_)) => Answer::In,
            (Ok((false, None)), Ok(_)) => Answer::Out,
        };
        let failed = if let Answer::Failed(why) = &turn.answer { Some(why.clone()) } else { None };
        if by != By::Round {
            self.tell_fault(|state| &mut state.unasked, failed.clone());
        }
        failed.map_or(Ok(()), |why| Err(unasked(why)))
    }

    /// Why somebody cannot be asked for; admins are told when it begins.
    fn tell_fault(&self, of: impl FnOnce(&mut State) -> &mut Option<String>, fault: Option<String>) {
        let mut state = self.door.lock();
        let is_new = fault.is_some() && state.fault.is_none() && state.unasked.is_none();
        of(&mut state).clone_from(&fault);
        drop(state);
        if let Some(why) = fault.filter(|_| is_new) {
            self.trouble("member", format!("who is in which group cannot be asked: {why}; {SILENCE}"));
        }
    }

    /// Stores what somebody is by what the system says of him; whether he is a member by it or without it, and why that is in doubt.
    fn settle_groups(
        &self,
        uid: u32,
        asked: &[String],
        person: &Result<Option<Person>, DirectoryError>,
        now: Timestamp,
    ) -> Result<(bool, Option<String>), OpsError> {
        // Most of the time there is nothing to be done, and nobody is kept from writing for it.
        let (plan, doubt) = self.catalog.read(|tx| plan_of(tx, uid, asked, person, now))?;
        let plan = match plan {
            Plan::Join { .. } | Plan::Change { .. } => {
                self.catalog.write(|tx| self.carry_out(tx, uid, asked, person, now))?
            }
            plan => plan,
        };
        if let Plan::Refuse(why) = &plan {
            let mut state = self.door.lock();
            let is_new = state.told.get(&uid) != Some(why);
            if is_new && (state.told.len() < MOST || state.told.contains_key(&uid)) {
                state.told.insert(uid, why.clone());
                drop(state);
                self.trouble("member", why.clone());
            }
        }
        let member = self.catalog.read(|tx| tx.member_by_uid(uid))?;
        // Who has just left was in, whether or not anybody saw him here.
        let left = matches!(&plan, Plan::Change { left, .. } if !left.is_empty());
        if let Some(member) = member.as_ref().filter(|member| left || !member.groups.is_empty()) {
            self.door.lock().inside.insert(member.id);
        }
        Ok((member.is_some_and(|member| member.is_in(now)), doubt))
    }

    /// What is to be done, done in the transaction that it was found in.
    fn carry_out(
        &self,
        tx: &mut dyn WriteTx,
        uid: u32,
        asked: &[String],
        person: &Result<Option<Person>, DirectoryError>,
        now: Timestamp,
    ) -> Result<Plan, OpsError> {
        let (plan, _) = plan_of(tx, uid, asked, person, now)?;
        match &plan {
            Plan::Join { login, groups } => {
                let id = MemberId::make(now, &*self.entropy)?;
                tx.put_member(&members::by_group(id, login, uid, now))?;
                tx.put_seen_login(id, login)?;
                for group in groups {
                    tx.put_seat(&GroupSeat { member: id, group: group.clone(), seen: now })?;
                }
                let new = tx.member(id)?.as_ref().map(members::member_json);
                // Nobody's joining is taken back with another's, nor with what damfs does besides.
                let hand = Hand { by: None, cause: Cause::Joining(uid), now };
                told(tx, &hand, id, "member.join", &json!({ "groups": groups, "new": new }))?;
            }
            Plan::Change { came, left, seen, why } => {
                let Some(old) = tx.member_by_uid(uid)? else { return Ok(Plan::Stay) };
                for group in came.iter().chain(seen) {
                    tx.put_seat(&GroupSeat { member: old.id, group: group.clone(), seen: now })?;
                }
                if let (true, Ok(Some(person))) = (!came.is_empty() || !seen.is_empty(), person) {
                    tx.put_seen_login(old.id, &person.login)?;
                }
                for group in left {
                    tx.remove_seat(old.id, group)?;
                }
                if !came.is_empty() || !left.is_empty() {
                    let locked = shut_behind(tx, std::slice::from_ref(&old), now)?;
                    let detail = json!({ "came": came, "left": left, "why": why, "locked": !locked.is_empty() });
                    told(tx, &Hand::own(None, now), old.id, "member.groups", &detail)?;
                }
            }
            Plan::Stay | Plan::Refuse(_) => {}
        }
        Ok(plan)
    }

    /// Asks for everybody who is or may be in by a group, when it is time, and takes down the mounts of who is out. A daemon has a thread for it,
    /// for the system is waited for.
    pub fn sweep_groups(&self) {
        let began = self.clock.now();
        let (due, turning) = {
            let state = self.door.lock();
            (state.due, state.turning)
        };
        // A clock that was set back does not put it off.
        if due.is_some_and(|due| (1..=EVERY_MS * 60).contains(&due.ms_since(began))) {
            return;
        }
        if let Err(e) = self.round(began) {
            tracing::warn!(error = %e, "groups: this round failed; the next one tries again");
        }
        let took = self.clock.now().ms_since(began).clamp(0, EVERY_MS * 6 - 1);
        let next = self.clock.now().plus_ms(EVERY_MS.max(took * SHARE));
        let mut state = self.door.lock();
        // What was changed meanwhile waits for no pause.
        state.due = (state.turning == turning).then_some(next);
    }

    fn round(&self, now: Timestamp) -> Result<(), OpsError> {
        let (groups, all) = self.catalog.read(|tx| Ok::<_, OpsError>((tx.groups()?, tx.members()?)))?;
        let (mut fault, mut asked) = (None, false);
        let uids = all.iter().filter(|member| member.active).filter_map(|member| member.uid);
        for uid in uids.filter(|_| !groups.is_empty()) {
            if self.ending.load(std::sync::atomic::Ordering::Relaxed) {
                return Ok(());
            }
            asked |= may_join(uid);
            if let Err(AccessError::Unasked { why, .. }) = self.ask(uid, By::Round) {
                fault.get_or_insert(why);
            }
        }
        let is_well = fault.is_none() && (asked || groups.is_empty());
        self.tell_fault(|state| &mut state.fault, fault);
        if is_well {
            self.door.lock().unasked = None;
        }
        let inside: Vec<MemberId> = self.door.lock().inside.iter().copied().collect();
        for id in inside {
            if self.catalog.read(|tx| tx.member(id))?.is_some_and(|member| member.is_in(now)) {
                continue;
            }
            let is_out = self.catalog.write(|tx| -> Result<bool, OpsError> {
                // He may have come back while others wrote.
                let now = self.clock.now();
                if tx.member(id)?.is_some_and(|member| member.is_in(now)) {
                    return Ok(false);
                }
                if offboard::lock(tx, id)? {
                    told(tx, &Hand::own(None, now), id, "lock", &json!({ "by": "group" }))?;
                }
                Ok(true)
            })?;
            if is_out {
                self.door.lock().inside.remove(&id);
                self.dismiss(id);
            }
        }
        Ok(())
    }
}

/// Locks what those of them had unlocked who were members and are none now.
///
/// # Errors
/// When the catalogue fails.
pub(super) fn shut_behind(tx: &mut dyn WriteTx, were: &[MemberRow], now: Timestamp) -> Result<Vec<String>, OpsError> {
    let mut locked = Vec::new();
    for member in were.iter().filter(|member| member.is_in(now)) {
        if tx.member(member.id)?.is_none_or(|is| !is.is_in(now)) && offboard::lock(tx, member.id)? {
            locked.push(member.name.clone());
        }
    }
    Ok(locked)
}

/// What is to be done, and why what the system says is no answer.
fn plan_of(
    tx: &dyn ReadTx,
    uid: u32,
    asked: &[String],
    person: &Result<Option<Person>, DirectoryError>,
    now: Timestamp,
) -> Result<(Plan, Option<String>), OpsError> {
    let member = tx.member_by_uid(uid)?;
    let seats = member.as_ref().map(|member| tx.seats_of(member.id)).transpose()?.unwrap_or_default();
    let person = match person {
        Ok(person) => person.as_ref(),
        Err(DirectoryError(why)) => return Ok((plan::of_silence(&seats, why, now), None)),
    };
    let mut given = tx.groups()?;
    given.retain(|group| group.gives(now));
    // One that gave nothing when he was asked for, and does by now: nothing was said of it.
    let is_unasked = |group: &str| given.iter().any(|g| g.name == group) && !asked.iter().any(|name| name == group);
    if seats.iter().any(|seat| is_unasked(&seat.group)) {
        return Ok((Plan::Stay, None));
    }
    let taken = match person {
        Some(person) => tx.member_by_name(&person.login)?.is_some(),
        None => false,
    };
    let of = |names: &BTreeSet<String>| given.iter().map(|g| g.name.clone()).filter(|g| names.contains(g)).collect();
    let seen = Seen {
        uid,
        login: person.map(|person| person.login.as_str()),
        groups: person.map(|person| of(&person.groups)).unwrap_or_default(),
        unknown: person.map(|person| of(&person.unknown)).unwrap_or_default(),
        taken,
    };
    let face = member.as_ref().map(|member| tx.seen_login(member.id)).transpose()?.flatten();
    let doubt = seen.doubt(&seats);
    Ok((plan::of(member.as_ref(), face.as_deref(), &seats, &seen, now), doubt))
}

/// Whoever decides by it hears of it, and so does the record.
fn told(tx: &mut dyn WriteTx, hand: &Hand, id: MemberId, what: &str, detail: &Value) -> Result<(), OpsError> {
    tx.change(ChangeKind::Access, &id.to_string())?;
    Ok(trail::append(tx, hand, what, &id.to_string(), detail)?)
}
