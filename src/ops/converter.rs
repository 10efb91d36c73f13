//! Pictures whose codecs are not of this process: AVIF and HEIC are decoded by libvips in the sandbox, and AVIF is written there (`write`).
//!
//! What decodes them are codecs of video, hundreds of thousands of lines of C. A crash, a hang or worse of theirs costs one picture.

mod quick;
mod run;
mod write;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Library;
use crate::catalog::{CatalogError, ChangeKind};
use crate::media::{self, Budget, MediaError};
use crate::types::Timestamp;
use crate::view::tree::Lacks;
pub use quick::{NotQuick, QuickDecoder};
pub use write::Writer;

/// Bytes of memory: what the sandbox gives one of them.
const ROOM: u64 = 2 << 30;
/// How long a picture is let alone that took more than it was given, and a program that did not do what it is for.
const REST_MS: i64 = 600_000;
/// How long it is not looked for when it was not there.
const AGAIN_MS: i64 = 60_000;
/// The change that says that it is there by now.
pub(super) const FOUND: &str = "decoder";
/// The formats, as they are called.
const FORMATS: [(&str, &str); 2] = [("avif", "AVIF"), ("heic", "HEIC")];

/// The program that decodes, and what gives up every right before it becomes that.
#[derive(Debug, Clone)]
pub struct Decoder {
    /// `dam-mountd`.
    pub sandbox: PathBuf,
    pub vips: PathBuf,
}

/// Finds it, where it is by now.
type Find = Arc<dyn Fn() -> Result<Decoder, String> + Send + Sync>;

/// How pictures of other formats are decoded for one library.
pub struct Converter {
    state: Mutex<State>,
    writer: Mutex<write::State>,
    quick: Mutex<Option<QuickDecoder>>,
    /// The memory that all programs at once may take. Not that of the decodes: a slow one keeps no other format waiting.
    room: Budget,
    /// What took more than it was given, by a content's hash or, to be written, by that of content and recipe: when, and of what.
    resting: Mutex<HashMap<[u8; 32], (Timestamp, String)>>,
}

impl Default for Converter {
    fn default() -> Self {
        let room = Budget::new(ROOM);
        Self {
            state: Mutex::default(),
            writer: Mutex::default(),
            quick: Mutex::default(),
            room,
            resting: Mutex::default(),
        }
    }
}

#[derive(Default)]
struct State {
    find: Option<Find>,
    now: Now,
    /// Formats of which it decoded not even a whole picture.
    decodes_no: BTreeMap<&'static str, Lack>,
}

#[derive(Default)]
enum Now {
    /// Nobody has looked for the program.
    #[default]
    Unknown,
    Ready(Decoder),
    /// It is not there, or nothing could be run in the sandbox.
    Not(Lack),
}

struct Lack {
    why: String,
    since: Timestamp,
    /// It has to show that it can do it now: it was there, and could not.
    is_tried: bool,
}

impl Lack {
    /// Whether it is to be looked at again; then it is so for one at a time.
    fn is_due(&mut self, now: Timestamp) -> bool {
        // To look for a program costs nothing; to try it, a run.
        let is_due = now.ms_since(self.since) >= if self.is_tried { REST_MS } else { AGAIN_MS };
        if is_due {
            self.since = now;
        }
        is_due
    }
}

impl State {
    fn decoder(&self, format: &str) -> Result<&Decoder, &str> {
        match (&self.now, self.decodes_no.get(format)) {
            (Now::Unknown, _) => Err("that is done while the library is mounted"),
            (Now::Not(lack), _) | (Now::Ready(_), Some(lack)) => Err(&lack.why),
            (Now::Ready(decoder), None) => Ok(decoder),
        }
    }
}

impl Converter {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer_state(&self) -> MutexGuard<'_, write::State> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn quick_state(&self) -> MutexGuard<'_, Option<QuickDecoder>> {
        self.quick.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What cannot be rendered for want of a program, as far as that is known.
    #[must_use]
    pub(super) fn lacks(&self) -> Lacks {
        Lacks { masters: self.lacking(), avif: self.writer_state().writer().err(), signed: None }
    }

    fn decoder(&self, format: &str) -> Result<Decoder, String> {
        self.lock().decoder(format).cloned().map_err(str::to_owned)
    }

    /// Why none of a format are decoded, as far as that is known; `None` of those that need no other program.
    #[must_use]
    pub fn unavailable(&self, format: &str) -> Option<String> {
        if media::is_heif(format) { self.decoder(format).err() } else { None }
    }

    /// The same of each such format, by its name.
    fn lacking(&self) -> BTreeMap<&'static str, String> {
        let state = self.lock();
        let lacking = |format| state.decoder(format).err().map(|why| (format, why.to_owned()));
        FORMATS.iter().filter_map(|(format, _)| lacking(*format)).collect()
    }

    /// What people are told of that: each reason once, with the formats that it holds for.
    #[must_use]
    pub fn told(&self) -> Vec<String> {
        let lacking = self.lacking();
        let names = |why: &String| {
            let of_it = FORMATS.iter().filter(|(format, _)| lacking.get(format) == Some(why));
            of_it.map(|(_, name)| *name).collect::<Vec<_>>().join(" and ")
        };
        let whys: BTreeSet<&String> = lacking.values().collect();
        whys.into_iter().map(|why| format!("none of {}: {why}", names(why))).collect()
    }

    /// Of what a picture took too much a short while ago.
    pub(super) fn overran(&self, key: [u8; 32], now: Timestamp) -> Option<String> {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.retain(|_, (since, _)| now.ms_since(*since) < REST_MS);
        resting.get(&key).map(|(_, what)| what.clone())
    }

    pub(super) fn rest(&self, key: [u8; 32], now: Timestamp, what: &str) {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.insert(key, (now, what.to_owned()));
    }

    /// Who is to look for it again now, and by which format it is to show that it can; for one at a time.
    fn due(&self, now: Timestamp) -> Option<(Find, Option<&'static str>)> {
        let mut state = self.lock();
        let find = state.find.clone()?;
        if let Now::Not(lack) = &mut state.now {
            return lack.is_due(now).then_some((find, lack.is_tried.then_some(FORMATS[0].0)));
        }
        state.decodes_no.iter_mut().find_map(|(format, lack)| lack.is_due(now).then_some((find.clone(), Some(*format))))
    }
}

impl Library {
    /// Decodes AVIF and HEIC from now on by what is found by this, or says why not and looks for it again now and then.
    pub fn use_decoder(&self, find: impl Fn() -> Result<Decoder, String> + Send + Sync + 'static) {
        let now = match find() {
            Ok(decoder) => Now::Ready(decoder),
            Err(why) => {
                tracing::warn!("AVIF and HEIC are not rendered: {why}");
                Now::Not(Lack { why, since: self.clock.now(), is_tried: false })
            }
        };
        *self.converter.lock() = State { find: Some(Arc::new(find)), now, decodes_no: BTreeMap::new() };
    }

    /// Looks again for what was not there, or did not do what it is for: somebody may have installed it. What has waited for it goes on.
    pub fn look_for_decoder(&self) {
        let Some((find, of)) = self.converter.due(self.clock.now()) else { return };
        let found = find().and_then(|decoder| {
            let proof = of.map_or(Ok(Ok(())), |format| self.try_sample(&decoder, format));
            let passing = |e: MediaError| match e {
                MediaError::Unavailable { why, .. } => why,
                e => e.to_string(),
            };
            proof.map_err(passing).flatten().map(|()| decoder)
        });
        let mut state = self.converter.lock();
        match found {
            Ok(decoder) => {
                state.now = Now::Ready(decoder);
                of.map(|format| state.decodes_no.remove(format));
                drop(state);
                tracing::info!("AVIF and HEIC are decoded by what is there by now");
                self.tell_of_decoder(FOUND);
            }
            // What it is about was said already.
            Err(again) => {
                tracing::debug!("AVIF and HEIC are still not rendered: {again}");
                let State { now, decodes_no, .. } = &mut *state;
                match (now, of.and_then(|format| decodes_no.get_mut(format))) {
                    (Now::Not(lack), _) | (_, Some(lack)) => lack.why = again,
                    _ => {}
                }
            }
        }
    }

    /// None is decoded for now, of one format or of all, and what was listed as to be rendered is not there.
    fn give_up(&self, why: String, of: Option<&'static str>) -> String {
        let lack = Lack { why: why.clone(), since: self.clock.now(), is_tried: true };
        let is_known = {
            let mut state = self.converter.lock();
            match of {
                Some(format) => state.decodes_no.insert(format, lack).is_some(),
                None => matches!(std::mem::replace(&mut state.now, Now::Not(lack)), Now::Not(_)),
            }
        };
        if !is_known {
            let name = FORMATS.iter().find(|(format, _)| Some(*format) == of).map_or("AVIF and HEIC", |(_, name)| name);
            tracing::warn!("none of {name} is rendered any more: {why}");
            self.tell_of_decoder("");
        }
        why
    }

    fn tell_of_decoder(&self, what: &str) {
        let told = self.catalog.write(|tx| -> Result<(), CatalogError> { tx.change(ChangeKind::Access, what) });
        if let Err(e) = told {
            tracing::warn!(error = %e, "what is listed of AVIF and HEIC is as before until its folder changes");
        }
    }
}
