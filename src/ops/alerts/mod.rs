//! Alerts: what members did, as the log tells it, is held to the rules of `alerts.toml`, a text in the library's folder that is read again whenever
//! it has changed. Nobody waits for it: rows are looked at a moment after they were written, by a thread of its own.

pub(super) mod command;
mod rows;
mod webhook;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use damfs_policy::Alerts;
use damfs_policy::alerts::{Alert, Firing, Reaction, Watch, Webhook};
use serde_json::{Value, json};

use super::kept::{self, Kind, Version};
use super::own_programs::is_named_by_us;
use super::own_text::{OwnText, Seen, Stamp};
use super::record::Hand;
use super::{Actor, CHAIN, Library, OpsError, members, offboard, trail};
use crate::audit;
use crate::catalog::{CatalogError, ChangeKind, MemberRow, ReadTx, WriteTx};
use crate::types::{MemberId, Timestamp};
use rows::Places;

/// The rules, in the library's folder.
pub const FILE: &str = "alerts.toml";

const KIND: Kind<'static> = Kind { key: "alerts", action: "alerts.change", subject: FILE };
/// Up to where in the log everything that fires is on record.
const TOLD: &str = "alerts.told";
/// What the row of an alert is called.
const FIRED: &str = "alert.fire";
/// How often it is looked.
const EVERY_MS: i64 = 2_000;
/// So many are shown.
const SHOWN: usize = 10;
/// Commands at a time.
const COMMANDS: usize = 8;
/// Alerts that are being posted, at most.
const POSTS: usize = 32;
/// How often, and how long after one another, the end asks whether they are: four seconds, in which who was busy is asked once more.
const LAST_LOOKS: u32 = 200;
const LAST_LOOK: Duration = Duration::from_millis(20);

/// The rules in force, and how far the log was held to them.
pub(super) struct Watching {
    file: OwnText,
    state: Mutex<State>,
    shown: Mutex<Shown>,
    dismiss: OnceLock<Box<dyn Fn(MemberId) + Send + Sync>>,
    /// Alerts that are being posted.
    posting: AtomicUsize,
}

struct State {
    /// The number of their text; 0 is what ships.
    no: u64,
    alerts: Arc<Alerts>,
    watch: Watch,
    /// What was looked at; `None` before the first rows were.
    seen: Option<Places>,
    looked: Option<Timestamp>,
}

#[derive(Default)]
struct Shown {
    alerts: VecDeque<String>,
    fault: Option<String>,
    /// The same of the last alert with a webhook, and of all while others may write here.
    unposted: Option<String>,
    untrusted: Option<String>,
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watching {
    /// With the rules that were in force when the library was used last; at first those that ship.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub(super) fn kept(tx: &dyn ReadTx) -> Result<Self, CatalogError> {
        let kept = kept::in_force(tx, KIND.key)?;
        let read = kept.as_ref().and_then(|kept| Alerts::parse(&kept.text).ok());
        let (no, alerts) = (kept.map_or(0, |kept| kept.no), Arc::new(read.unwrap_or_default()));
        let state = State { no, alerts, watch: Watch::default(), seen: None, looked: None };
        let (shown, dismiss, posting) = (Mutex::default(), OnceLock::new(), AtomicUsize::new(0));
        Ok(Self { file: OwnText::unread(FILE), state: Mutex::new(state), shown, dismiss, posting })
    }
}

impl Library {
    /// What takes down the mounts of a member who is shut out.
    pub fn when_suspended(&self, dismiss: impl Fn(MemberId) + Send + Sync + 'static) {
        let _ = self.alerts.dismiss.set(Box::new(dismiss));
    }

    /// Takes down the mounts of a member who is out.
    pub(super) fn dismiss(&self, member: MemberId) {
        if let Some(dismiss) = self.alerts.dismiss.get() {
            dismiss(member);
        }
    }

    /// What is wrong with the library's `alerts.toml`.
    #[must_use]
    pub fn alerts_fault(&self) -> Option<String> {
        self.alerts.file.fault()
    }

    /// Why nobody was told of the last alert that has a command, and of the last with a webhook.
    #[must_use]
    pub(super) fn untold_faults(&self) -> Vec<String> {
        let shown = lock(&self.alerts.shown);
        [&shown.untrusted, &shown.fault, &shown.unposted].into_iter().flatten().cloned().collect()
    }

    /// The last alerts, the oldest first, for admins.
    #[must_use]
    pub fn recent_alerts(&self) -> Vec<String> {
        lock(&self.alerts.shown).alerts.iter().cloned().collect()
    }

    /// Reads the rules when the library is opened: without any those that ship are in force, and a mistake changes nothing.
    pub(super) fn first_alerts(&self) -> Result<(), OpsError> {
        let (file, mut state) = (&self.alerts.file, lock(&self.alerts.state));
        match file.bytes(self.root()) {
            Ok(None) => self.watch_by(&mut state, Alerts::default()),
            Ok(Some(_)) | Err(_) => self.read_alerts(&mut state, &mut file.seen(), file.stamp(self.root())),
        }
    }

    /// One beat; a daemon has a thread for it, for commands are waited for.
    pub fn watch_alerts(self: &Arc<Self>) {
        if let Err(e) = self.look_for_alerts() {
            tracing::warn!(error = %e, "alerts: this beat failed; the next one tries again");
        }
    }

    fn look_for_alerts(self: &Arc<Self>) -> Result<(), OpsError> {
        let now = self.clock.now();
        let mut state = lock(&self.alerts.state);
        if state.looked.is_some_and(|looked| (0..EVERY_MS).contains(&now.ms_since(looked))) {
            return Ok(());
        }
        state.looked = Some(now);
        let file = &self.alerts.file;
        let mut seen = file.seen();
        if let Some(stamp) = file.changed(self.root(), &mut seen) {
            self.read_alerts(&mut state, &mut seen, stamp)?;
        }
        drop(seen);
        let fired = self.fired(&mut state, now)?;
        if fired.is_empty() {
            return Ok(());
        }
        let recorded = self.record(&state, &fired, now);
        let done = recorded.inspect_err(|_| {
            // Not on record, it is to fire again.
            state.seen = None;
        })?;
        drop(state);
        self.react(&fired, &done);
        Ok(())
    }

    fn read_alerts(&self, state: &mut State, seen: &mut Seen, now: Option<Stamp>) -> Result<(), OpsError> {
        let decode = |bytes| String::from_utf8(bytes).map_err(|e| format!("{FILE} is no UTF-8 text: {e}"));
        let parse = |text: String| Alerts::parse(&text).map_err(|e| e.0);
        let fault = match self.alerts.file.must(self.root()).and_then(decode).and_then(parse) {
            Ok(alerts) => {
                self.watch_by(state, alerts)?;
                None
            }
            Err(fault) => {
                self.trouble("alert", format!("{fault}; the rules before it stay in force"));
                Some(fault)
            }
        };
        seen.read(now, fault);
        Ok(())
    }

    /// From now on these rules are in force; on record, or those before them stay.
    fn watch_by(&self, state: &mut State, alerts: Alerts) -> Result<(), OpsError> {
        if *state.alerts == alerts {
            return Ok(());
        }
        let next = Version::new(state.no + 1, alerts.text(), "damfs", self.clock.now());
        let names: Vec<&str> = alerts.rules().iter().map(|rule| rule.name.as_str()).collect();
        self.catalog.write(|tx| next.keep(tx, KIND, json!({ "alerts": names })))?;
        // What was done of late counts by the new rules, too, as far as nothing has fired.
        let (no, alerts) = (next.no, Arc::new(alerts));
        *state = State { no, alerts, watch: Watch::default(), seen: None, looked: state.looked };
        Ok(())
    }

    /// Puts what has fired on record, and does with its member what it says; with whom it was done.
    fn record(&self, state: &State, fired: &[Firing], now: Timestamp) -> Result<Vec<Option<MemberId>>, OpsError> {
        let places = state.seen.clone().unwrap_or_default();
        self.catalog.write(|tx| {
            let mut done = Vec::new();
            for firing in fired {
                let member = tx.member_by_name(&firing.member)?;
                let subject = member.as_ref().map_or_else(|| firing.member.clone(), |member| member.id.to_string());
                let mut detail = told(firing);
                detail["version"] = state.no.into();
                audit::append(tx, CHAIN, now, "damfs", FIRED, &subject, &detail)?;
                done.push(match member {
                    Some(member) => self.restrain(tx, &member, firing, now)?,
                    None => None,
                });
            }
            tx.set_meta(TOLD, &places.text())?;
            Ok(done)
        })
    }

    /// Whether another member administers the library.
    fn may_do_without(&self, tx: &dyn ReadTx, member: &MemberRow) -> Result<bool, OpsError> {
        match members::leaves_an_admin(self, tx, member, &MemberRow { active: false, ..member.clone() }) {
            Ok(()) => Ok(true),
            Err(OpsError::Failed { .. }) => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Shuts a member out and locks what he had unlocked, or lets him look on alone; unless nobody would be left who could lift that.
    fn restrain(
        &self,
        tx: &mut dyn WriteTx,
        old: &MemberRow,
        firing: &Firing,
        now: Timestamp,
    ) -> Result<Option<MemberId>, OpsError> {
        let mut detail = json!({ "member": old.name, "alert": firing.alert.name });
        let (is_so, row, word) = match firing.alert.reaction {
            Reaction::Tell => return Ok(None),
            Reaction::Suspend => (!old.active, MemberRow { active: false, ..old.clone() }, "member.suspend"),
            Reaction::ReadOnly => (old.read_only, MemberRow { read_only: true, ..old.clone() }, "member.read-only"),
        };
        if is_so || !self.may_do_without(tx, old)? {
            return Ok(None);
        }
        if firing.alert.reaction == Reaction::Suspend {
            detail["locked"] = json!(offboard::lock(tx, old.id)?);
            members::unseat(tx, old.id)?;
        }
        tx.put_member(&row)?;
        tx.change(ChangeKind::Access, &old.id.to_string())?;
        trail::append(tx, &Hand::own(None, now), word, &old.id.to_string(), &detail)?;
        Ok(Some(old.id))
    }

    /// What is done when all is on record: mounts go first, then somebody is told.
    fn react(self: &Arc<Self>, fired: &[Firing], done: &[Option<MemberId>]) {
        let is = |firing: &Firing, reaction| firing.alert.reaction == reaction;
        let out = fired.iter().zip(done).filter(|(firing, _)| is(firing, Reaction::Suspend));
        out.filter_map(|(_, member)| *member).for_each(|member| self.dismiss(member));
        let (mut calls, mut posts) = (Vec::new(), Vec::new());
        for (firing, member) in fired.iter().zip(done) {
            self.trouble("alert", sentence(&told(firing)));
            let mut said = told(firing);
            said["library"] = self.root().to_string_lossy().into();
            said["suspended"] = (member.is_some() && is(firing, Reaction::Suspend)).into();
            said["read_only"] = (member.is_some() && is(firing, Reaction::ReadOnly)).into();
            posts.extend(firing.alert.webhook.clone().map(|hook| (firing.alert.name.clone(), hook, said.to_string())));
            if !firing.alert.command.is_empty() {
                calls.push((&firing.alert, said.to_string()));
            }
        }
        if calls.is_empty() && posts.is_empty() {
            return;
        }
        // Nobody shall say what is run to a daemon that may more than he.
        let trusted = is_named_by_us(self.root(), FILE);
        let untrusted = trusted.err().map(|why| format!("no command of {FILE} is run and no webhook asked: {why}"));
        lock(&self.alerts.shown).untrusted.clone_from(&untrusted);
        if let Some(fault) = untrusted {
            tracing::error!("nobody was told of an alert: {fault}");
            return;
        }
        // First: nobody who is slow to answer keeps a command waiting, or is kept by one.
        posts.into_iter().for_each(|post| self.post(post));
        if !calls.is_empty() {
            self.run_commands(&calls);
        }
    }

    fn run_commands(&self, calls: &[(&Alert, String)]) {
        let mut faults = Vec::new();
        for some in calls.chunks(COMMANDS) {
            let ended: Vec<Result<(), String>> = std::thread::scope(|scope| {
                let running = some.iter().map(|(alert, said)| scope.spawn(|| command::tell(&alert.command, said)));
                let running: Vec<_> = running.collect();
                running.into_iter().map(|one| one.join().unwrap_or_else(|_| Err("it panicked".into()))).collect()
            });
            let named = some.iter().zip(ended).filter_map(|((alert, _), ended)| Some((&alert.name, ended.err()?)));
            faults.extend(named.map(|(name, fault)| format!("the command of alert {name}: {fault}")));
        }
        faults.iter().for_each(|fault| tracing::error!("nobody was told of an alert: {fault}"));
        lock(&self.alerts.shown).fault = faults.into_iter().next();
    }

    /// Posts one alert by a thread of its own: the next ones are not kept waiting by who does not answer.
    fn post(self: &Arc<Self>, (name, hook, said): (String, Webhook, String)) {
        if self.alerts.posting.fetch_add(1, Ordering::Relaxed) >= POSTS {
            self.posted(&name, Err(format!("{hook}: {POSTS} alerts are being posted already")));
            return;
        }
        let (library, called) = (Arc::downgrade(self), name.clone());
        let post = move || {
            let done = webhook::post(&hook, &said);
            // A library that is closed meanwhile is not kept open.
            if let Some(library) = library.upgrade() {
                library.posted(&called, done);
            }
        };
        if let Err(e) = std::thread::Builder::new().name("webhook".to_owned()).spawn(post) {
            self.posted(&name, Err(format!("no thread can be made: {e}")));
        }
    }

    /// Waits for what is being posted, for a moment: it is on record as told, and no start does it again.
    pub(super) fn end_posts(&self) {
        for _ in 0..LAST_LOOKS {
            if self.alerts.posting.load(Ordering::Acquire) == 0 {
                return;
            }
            std::thread::sleep(LAST_LOOK);
        }
        tracing::error!(
            "nobody may have been told of an alert: its webhook had not answered at the end; the alert itself is in dam log"
        );
    }

    fn posted(&self, name: &str, done: Result<(), String>) {
        self.alerts.posting.fetch_sub(1, Ordering::Release);
        let fault = done.err().map(|fault| format!("the webhook of alert {name}: {fault}"));
        if let Some(fault) = &fault {
            tracing::error!("nobody was told of an alert: {fault}");
        }
        lock(&self.alerts.shown).unposted = fault;
    }
}

/// What a row says of an alert.
fn told(firing: &Firing) -> Value {
    let (alert, time) = (&firing.alert, |at| Timestamp::from_nanos(at).to_string());
    json!({
        "alert": alert.name,
        "member": firing.member,
        "on": alert.on.name(),
        "count": firing.count,
        "within_s": alert.within / 1_000_000_000,
        "since": time(firing.since),
        "at": time(firing.at),
    })
}

/// The same for people.
fn sentence(told: &Value) -> String {
    let word = |key: &str| told[key].as_str().unwrap_or_default();
    let (count, within) = (&told["count"], &told["within_s"]);
    format!("alert {}: {}, {count} {} within {within} s", word("alert"), word("member"), word("on"))
}

/// The rules in force: `{"version", "text", ..}`.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin.
pub fn show(library: &Library, actor: &Actor) -> Result<Value, OpsError> {
    actor.must_be_admin("read the rules of alerts")?;
    let kept = library.catalog.read(|tx| kept::in_force(tx, KIND.key))?;
    let mut told = kept.map_or_else(|| json!({ "version": 0 }), |kept| kept.told());
    told["text"] = lock(&library.alerts.state).alerts.text().into();
    told["recent"] = json!(library.recent_alerts());
    Ok(told)
}
