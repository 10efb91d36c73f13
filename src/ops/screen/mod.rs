//! The first screen: a program of the library's owner (`[screen]` in `damfs.toml`) that looks at what is to be approved. Its answer is of one
//! asset with some bytes, by one command; no answer is no pass. It is asked by a thread of the daemon for what waits on the board, and by hand.

mod run;

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};

use damfs_policy::Verb;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::own_programs::is_named_by_us;
use super::record::Hand;
use super::show::Record;
use super::{Actor, Library, OpsError, info, target, trail};
use crate::catalog::{Asset, CatalogError, ChangeKind, ReadTx, VersionRow};
use crate::types::{AssetId, ContentId, Timestamp};
use crate::view::tree::board;
use run::{Answer, Word};

/// A program that did not answer is asked again after so long.
const AGAIN_MS: i64 = 60_000;
/// Assets read at once.
const PAGE: usize = 512;

/// The program, and what its answers weigh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScreenInfo {
    /// A program by its whole path, and its arguments.
    pub command: Vec<String>,
    /// How long it may take.
    #[serde(default = "usual_seconds")]
    pub seconds: u64,
    /// What its refusing an asset is, and its not answering.
    #[serde(default)]
    pub refusal: Weight,
    #[serde(default)]
    pub outage: Weight,
}

const fn usual_seconds() -> u64 {
    60
}

/// Of what is no pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// It is not approved.
    #[default]
    Refuse,
    /// Who approves it says why.
    Flag,
}

impl ScreenInfo {
    /// Nothing when it can be used.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn check(&self) -> Result<(), String> {
        match self.command.first() {
            Some(program) if program.starts_with('/') => {}
            _ => return Err("screen: `command` begins with the whole path of a program".to_owned()),
        }
        if self.command.iter().any(|word| word.contains('\0')) {
            return Err("screen: a command has no NUL in it".to_owned());
        }
        if !(1..=600).contains(&self.seconds) {
            return Err(format!("screen: `seconds` is {}, and may be 1 to 600", self.seconds));
        }
        Ok(())
    }

    /// Which command it is: another one is asked anew.
    fn digits(&self) -> String {
        blake3::hash(self.command.join("\0").as_bytes()).to_hex().chars().take(12).collect()
    }

    /// An answer is also of the record that was handed over: of another asset with the same bytes it tells nothing, nor that there is one.
    fn key(&self, (asset, content): Asked) -> String {
        format!("screen.{}.{asset}.{content}", self.digits())
    }
}

/// What an approval is held to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Held {
    No,
    /// Approved with a reason alone.
    Reason(String),
    Never(String),
    /// Not screened, and not what is current.
    Past,
}

/// What is asked about.
type Asked = (AssetId, ContentId);

/// What is asked next, and what was not answered.
#[derive(Debug, Default)]
pub(super) struct Screening(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Somebody wanted to approve them.
    wanted: BTreeSet<AssetId>,
    /// The last change that was looked at.
    seen: Option<u64>,
    /// Asked in vain, until it is asked again.
    silent: HashMap<Asked, (Timestamp, String)>,
    fault: Option<String>,
    asks: u64,
    running: HashMap<Asked, Running>,
}

/// Asks about one thing at one time.
#[derive(Debug, Default)]
struct Running {
    count: usize,
    /// The newest ask that is answered.
    answered: u64,
}

impl State {
    /// The number of an ask that begins.
    fn begin(&mut self, asked: Asked) -> u64 {
        self.asks += 1;
        self.running.entry(asked).or_default().count += 1;
        self.asks
    }

    /// Whether an answer counts: none to a question that was asked later is there.
    fn counts(&mut self, asked: Asked, no: u64) -> bool {
        let Some(running) = self.running.get_mut(&asked) else { return true };
        let counts = no > running.answered;
        running.answered = running.answered.max(no);
        counts
    }

    fn end(&mut self, asked: Asked) {
        if let Some(running) = self.running.get_mut(&asked) {
            running.count -= 1;
            if running.count == 0 {
                self.running.remove(&asked);
            }
        }
    }
}

impl Library {
    fn screening(&self) -> MutexGuard<'_, State> {
        self.screening.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the screen did not answer the last time.
    pub(super) fn screen_fault(&self) -> Option<String> {
        self.screening().fault.clone()
    }

    /// What was answered of the current bytes; `None` without a screen.
    fn answered(&self, tx: &dyn ReadTx, asset: &Asset) -> Result<Option<Result<Answer, String>>, CatalogError> {
        let Some(screen) = &self.info().screen else { return Ok(None) };
        let Some(version) = asset.head.map(|head| tx.version(head)).transpose()?.flatten() else {
            return Ok(Some(Err("it has no version yet".to_owned())));
        };
        // What is kept and cannot be read is no answer.
        let kept = tx.meta(&screen.key((asset.id, version.content)))?.and_then(|kept| serde_json::from_str(&kept).ok());
        Ok(Some(kept.ok_or_else(|| {
            let silent = self.screening().silent.get(&(asset.id, version.content)).map(|(_, why)| why.clone());
            silent.unwrap_or_else(|| "the screen has not looked at these bytes yet".to_owned())
        })))
    }

    /// Whether the screen lets an asset's current bytes be approved. What it has not looked at it is asked of soon.
    pub(super) fn held_by_screen(&self, tx: &dyn ReadTx, asset: &Asset) -> Result<Held, CatalogError> {
        let (Some(screen), Some(answered)) = (&self.info().screen, self.answered(tx, asset)?) else {
            return Ok(Held::No);
        };
        let weigh = |weight, why| if weight == Weight::Flag { Held::Reason(why) } else { Held::Never(why) };
        Ok(match answered {
            Ok(Answer { answer: Word::Pass, .. }) => Held::No,
            Ok(Answer { answer: Word::Flag, reason }) => {
                Held::Reason(format!("the screen flags it: {}", reason.unwrap_or_default()))
            }
            Ok(Answer { answer: Word::Refuse, reason }) => {
                weigh(screen.refusal, format!("the screen refuses it: {}", reason.unwrap_or_default()))
            }
            Err(why) => {
                // Nothing else than what is current is ever asked about.
                if tx.asset(asset.id)?.is_none_or(|now| now.head == asset.head) {
                    self.screening().wanted.insert(asset.id);
                } else if screen.outage != Weight::Flag {
                    return Ok(Held::Past);
                }
                weigh(screen.outage, format!("it was not screened: {why}"))
            }
        })
    }

    /// `{"answer", "reason"}` for people, `null` without a screen.
    pub(super) fn screen_told(&self, tx: &dyn ReadTx, asset: &Asset) -> Result<Value, CatalogError> {
        Ok(match self.answered(tx, asset)? {
            None => Value::Null,
            Some(Ok(answer)) => json!(answer),
            Some(Err(why)) => json!({ "answer": "none", "reason": why }),
        })
    }

    /// One beat; a daemon has a thread for it.
    pub fn screen_waiting(&self) {
        if self.info().screen.is_none() {
            return;
        }
        match self.unscreened() {
            Ok(waiting) => {
                for id in waiting {
                    if self.ending.load(Ordering::Relaxed) {
                        return;
                    }
                    if let Err(e) = self.screen_one(id) {
                        tracing::warn!(error = %e, asset = %id, "the screen could not be asked");
                    }
                }
            }
            Err(e) => tracing::warn!(error = %e, "what waits for the screen could not be read"),
        }
    }

    /// What waits on the board, or was to be approved, without an answer that is due.
    fn unscreened(&self) -> Result<Vec<AssetId>, CatalogError> {
        let now = self.clock.now();
        let (mut ids, silent) = {
            let mut state = self.screening();
            let count = state.silent.len();
            state.silent.retain(|_, (at, _)| (0..AGAIN_MS).contains(&now.ms_since(*at)));
            if state.silent.len() < count {
                state.seen = None;
            }
            let resting: BTreeSet<Asked> = state.silent.keys().copied().collect();
            (std::mem::take(&mut state.wanted), resting)
        };
        let wanted = ids.clone();
        let last = self.catalog.read(|tx| tx.last_change())?;
        let has_changed = self.screening().seen.replace(last) != Some(last);
        self.catalog.read(|tx| {
            let numbers = if has_changed { tx.numbers(&board::waiting())? } else { Vec::new() };
            for page in numbers.chunks(PAGE) {
                ids.extend(tx.assets(page)?.into_iter().map(|asset| asset.id));
            }
            let mut found = Vec::new();
            for id in &ids {
                let Some(asset) = tx.asset(*id)? else { continue };
                let version = asset.head.map(|head| tx.version(head)).transpose()?.flatten();
                let Some(version) = version else { continue };
                if !matches!(self.answered(tx, &asset)?, Some(Err(_))) {
                    continue;
                }
                if !silent.contains(&(*id, version.content)) {
                    found.push(*id);
                } else if wanted.contains(id) {
                    self.screening().wanted.insert(*id);
                }
            }
            Ok(found)
        })
    }

    /// Asks about an asset's current bytes, and keeps what is answered, on record. Why there is no answer.
    fn screen_one(&self, id: AssetId) -> Result<Option<String>, OpsError> {
        let Some(screen) = &self.info().screen else { return Ok(None) };
        let found = self.catalog.read(|tx| {
            let Some(asset) = tx.asset(id)? else { return Ok(None) };
            let Some(version) = asset.head.map(|head| tx.version(head)).transpose()?.flatten() else { return Ok(None) };
            let Some(content) = tx.content(version.content)? else { return Ok(None) };
            Ok::<_, CatalogError>(Some((Record::of(tx, &asset)?, version, content)))
        })?;
        let Some((record, version, content)) = found else { return Ok(None) };
        let line = json!({ "screen": 1, "asset": id.to_string(), "version": version.n, "size": version.size, "record": record });
        let asked = (id, version.content);
        let no = self.screening().begin(asked);
        let trusted = is_named_by_us(self.root(), info::FILE).map_err(|why| format!("it is not run: {why}"));
        let answer = trusted.and_then(|()| {
            run::ask(screen, line.to_string(), self.vault.open(&content), || !self.ending.load(Ordering::Relaxed))
        });
        let kept = match answer {
            Ok(answer) => self.keep_answer(screen, (id, &version), no, &answer).map(|()| None),
            Err(why) => {
                self.trouble("screen", format!("the screen did not answer of {id}: {why}"));
                let now = self.clock.now();
                let mut state = self.screening();
                // Of several asks at once the last that was begun counts.
                if state.counts(asked, no) {
                    state.fault = Some(why.clone());
                    state.silent.insert(asked, (now, why.clone()));
                    // Who wanted to approve it need not ask once more.
                    state.wanted.insert(id);
                }
                Ok(Some(why))
            }
        };
        self.screening().end(asked);
        kept
    }

    fn keep_answer(
        &self,
        screen: &ScreenInfo,
        (id, version): (AssetId, &VersionRow),
        no: u64,
        answer: &Answer,
    ) -> Result<(), OpsError> {
        let (now, asked) = (self.clock.now(), (id, version.content));
        let kept = serde_json::to_string(answer).map_err(|e| CatalogError::Engine(e.to_string()))?;
        self.catalog.write(|tx| -> Result<(), OpsError> {
            if !self.screening().counts(asked, no) {
                return Ok(());
            }
            tx.set_meta(&screen.key(asked), &kept)?;
            let detail =
                json!({ "version": version.n, "answer": answer.answer, "reason": answer.reason, "screen": screen.digits() });
            trail::asset(tx, &Hand::own(None, now), "screen", id, &detail)?;
            Ok(tx.change(ChangeKind::Asset, &id.to_string())?)
        })?;
        let mut state = self.screening();
        state.silent.remove(&asked);
        state.fault = None;
        Ok(())
    }
}

/// Asks the screen about assets now, whatever it has said before: `dam review screen`. `{"assets": [{id, answer, reason}]}`.
///
/// # Errors
/// [`OpsError::Refused`] for who may not review one of them; [`OpsError::Failed`] in a library without a screen.
pub fn screen(library: &Library, actor: &Actor, targets: &[String]) -> Result<Value, OpsError> {
    if library.info().screen.is_none() {
        return Err(OpsError::failed("this library has no screen", "name its program: [screen] in damfs.toml"));
    }
    let assets = library.catalog.read(|tx| {
        let mut assets = Vec::new();
        for name in targets {
            let asset = target::asset(library, actor, tx, name)?;
            actor.must(library, Verb::Review, &asset, name)?;
            assets.push(asset.id);
        }
        Ok::<_, OpsError>(assets)
    })?;
    let mut told = Vec::new();
    for id in assets {
        let outage = library.screen_one(id)?;
        let mut row = library.catalog.read(|tx| match tx.asset(id)? {
            Some(asset) => library.screen_told(tx, &asset),
            None => Ok(json!({ "answer": "none", "reason": "it is gone" })),
        })?;
        // What it said before stands, and is no answer to this question.
        if let Some(why) = outage {
            let before = row["answer"].as_str().filter(|before| *before != "none");
            let stands = before.map_or_else(String::new, |before| format!("; what it said before stands: {before}"));
            row = json!({ "answer": "none", "reason": format!("{why}{stands}") });
        }
        row["id"] = id.to_string().into();
        told.push(row);
    }
    Ok(json!({ "assets": told }))
}

#[cfg(test)]
mod tests {
    use super::State;
    use crate::types::{AssetId, ContentId};

    /// Regression: of two asks at once the one that was answered last counted, whichever was asked last.
    #[test]
    fn the_answer_to_the_last_question_counts() {
        let (mut state, asked) = (State::default(), (AssetId::from_bytes([1; 16]), ContentId([2; 32])));
        let (first, second) = (state.begin(asked), state.begin(asked));
        assert!(state.counts(asked, second));
        state.end(asked);
        assert!(!state.counts(asked, first), "it was asked before");
        state.end(asked);
        assert!(state.running.is_empty());
        let third = state.begin(asked);
        assert!(state.counts(asked, third));
    }
}
