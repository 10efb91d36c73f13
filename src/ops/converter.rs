//! Pictures whose decoders are not of this process: AVIF and HEIC, by libvips in the sandbox.
//!
//! What decodes them are codecs of video, hundreds of thousands of lines of C. A crash, a hang or worse of theirs costs one picture.

mod run;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Library;
use crate::catalog::{CatalogError, ChangeKind};
use crate::media::{self, Budget, MediaError};
use crate::types::{ContentId, Timestamp};

/// Bytes of memory: what the sandbox gives one of them.
const ROOM: u64 = 2 << 30;
/// How long a picture is let alone that took more than it was given, and a program that did not do what it is for.
const REST_MS: i64 = 600_000;
/// How long it is not looked for when it was not there.
const AGAIN_MS: i64 = 60_000;
/// The change that says that it is there by now.
pub(super) const FOUND: &str = "decoder";
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
    /// The memory that all programs at once may take. Not that of the decodes: a slow one keeps no other format waiting.
    room: Budget,
    /// What took more than it was given: when, and of what.
    resting: Mutex<HashMap<ContentId, (Timestamp, String)>>,
}

impl Default for Converter {
    fn default() -> Self {
        Self { state: Mutex::default(), room: Budget::new(ROOM), resting: Mutex::default() }
    }
}

#[derive(Default)]
struct State {
    find: Option<Find>,
    now: Now,
}

#[derive(Default)]
enum Now {
    /// Nobody has looked for the program.
    #[default]
    Unknown,
    Ready(Decoder),
    /// It is not there, or decoded not even a whole picture of that format.
    Not {
        why: String,
        decodes_no: Option<&'static str>,
        since: Timestamp,
    },
}

impl Converter {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decoder(&self) -> Result<Decoder, String> {
        match &self.lock().now {
            Now::Unknown => Err("that is done while the library is mounted".to_owned()),
            Now::Ready(decoder) => Ok(decoder.clone()),
            Now::Not { why, .. } => Err(why.clone()),
        }
    }

    /// Why none are decoded, as far as that is known.
    #[must_use]
    pub fn unavailable(&self) -> Option<String> {
        self.decoder().err()
    }

    /// Whether one of this format is not to be had for as long as none are decoded.
    pub(super) fn is_without(&self, format: &str) -> bool {
        media::is_heif(format) && self.unavailable().is_some()
    }

    /// Of what a picture took too much a short while ago.
    fn overran(&self, content: ContentId, now: Timestamp) -> Option<String> {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.retain(|_, (since, _)| now.ms_since(*since) < REST_MS);
        resting.get(&content).map(|(_, what)| what.clone())
    }

    fn rest(&self, content: ContentId, now: Timestamp, what: &str) {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.insert(content, (now, what.to_owned()));
    }

    /// Who is to look for it again now, and what it did not decode; for one at a time.
    fn due(&self, now: Timestamp) -> Option<(Find, Option<&'static str>)> {
        let mut state = self.lock();
        let find = state.find.clone()?;
        let Now::Not { since, decodes_no, .. } = &mut state.now else { return None };
        // To look for it costs nothing; to try it, a run.
        let pause = if decodes_no.is_some() { REST_MS } else { AGAIN_MS };
        if now.ms_since(*since) < pause {
            return None;
        }
        *since = now;
        Some((find, *decodes_no))
    }
}

impl Library {
    /// Decodes AVIF and HEIC from now on by what is found by this, or says why not and looks for it again now and then.
    pub fn use_decoder(&self, find: impl Fn() -> Result<Decoder, String> + Send + Sync + 'static) {
        let now = match find() {
            Ok(decoder) => Now::Ready(decoder),
            Err(why) => {
                tracing::warn!("AVIF and HEIC are not rendered: {why}");
                Now::Not { why, decodes_no: None, since: self.clock.now() }
            }
        };
        *self.converter.lock() = State { find: Some(Arc::new(find)), now };
    }

    /// Looks again for what was not there, or did not do what it is for: somebody may have installed it. What has waited for it goes on.
    pub fn look_for_decoder(&self) {
        let Some((find, decodes_no)) = self.converter.due(self.clock.now()) else { return };
        let found = find().and_then(|decoder| {
            let proof = decodes_no.map_or(Ok(Ok(())), |format| self.try_sample(&decoder, format));
            let passing = |e: MediaError| match e {
                MediaError::Unavailable { why, .. } => why,
                e => e.to_string(),
            };
            proof.map_err(passing).flatten().map(|()| decoder)
        });
        match found {
            Ok(decoder) => {
                self.converter.lock().now = Now::Ready(decoder);
                tracing::info!("AVIF and HEIC are rendered from now on");
                self.tell_of_decoder(FOUND);
            }
            // What it is about was said already.
            Err(again) => {
                tracing::debug!("AVIF and HEIC are still not rendered: {again}");
                if let Now::Not { why, .. } = &mut self.converter.lock().now {
                    *why = again;
                }
            }
        }
    }

    /// None is decoded for now, and what was listed as to be rendered is not there.
    fn give_up(&self, why: String, decodes_no: &'static str) -> String {
        let since = self.clock.now();
        let before = {
            let now = &mut self.converter.lock().now;
            std::mem::replace(now, Now::Not { why: why.clone(), decodes_no: Some(decodes_no), since })
        };
        if !matches!(before, Now::Not { .. }) {
            tracing::warn!("AVIF and HEIC are not rendered any more: {why}");
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
