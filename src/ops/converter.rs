//! Pictures whose decoders are not of this process: AVIF and HEIC, by libvips in the sandbox.
//!
//! What decodes them are codecs of video, hundreds of thousands of lines of C. A crash, a hang or worse of theirs costs one picture.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Library;
use super::sandboxed::{Ended, Run, copy, nameless};
use crate::catalog::{CatalogError, ChangeKind};
use crate::media::{self, HEIF_COMMAND, Limits, Master, MediaError};
use crate::types::{ReadAt, Timestamp};

/// Seconds of the processor that a picture may take; by the clock four times as many, for it comes behind everybody else.
const SECONDS: u64 = 60;
/// How long it is let alone when it was not there, or did not do what it is for.
const AGAIN_MS: i64 = 60_000;
/// The change that says that it is there by now.
pub(super) const FOUND: &str = "decoder";
/// What the PNG of a sample may have.
const SAMPLE_BYTES: u64 = 1 << 20;
/// A picture whose PNG has so many bytes at most is decoded in the memory that the program is given, whatever its codec: they take up to four
/// times as much.
const SURELY_FITS: u64 = 400 << 20;
const SAMPLES: [(&str, &[u8]); 2] =
    [("avif", include_bytes!("converter/sample.avif")), ("heic", include_bytes!("converter/sample.heic"))];

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
#[derive(Default)]
pub struct Converter(Mutex<State>);

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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Who is to look for it again now, and what it did not decode; for one at a time.
    fn due(&self, now: Timestamp) -> Option<(Find, Option<&'static str>)> {
        let mut state = self.lock();
        let find = state.find.clone()?;
        match &mut state.now {
            Now::Not { since, decodes_no, .. } if now.ms_since(*since) >= AGAIN_MS => {
                *since = now;
                Some((find, *decodes_no))
            }
            _ => None,
        }
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
    fn give_up(&self, why: String, decodes_no: Option<&'static str>) -> String {
        let since = self.clock.now();
        let before = {
            let now = &mut self.converter.lock().now;
            std::mem::replace(now, Now::Not { why: why.clone(), decodes_no, since })
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

    /// Decodes a picture of any format.
    ///
    /// # Errors
    /// As [`Master::decode_with`].
    pub fn master(&self, source: &dyn ReadAt, limits: &Limits) -> Result<Master, MediaError> {
        Master::decode_with(source, limits, Some(self))
    }
}

impl media::Converter for Library {
    fn png(&self, source: &dyn ReadAt, format: &str, most: u64) -> Result<Vec<u8>, MediaError> {
        let unavailable = |why: String| MediaError::Unavailable { format: format.to_owned(), why };
        let decoder = self.converter.decoder().map_err(unavailable)?;
        match self.convert(&decoder, source, format, most)? {
            Ok(png) => Ok(png),
            // It is at fault, or what this format takes is not installed, which the next picture will not hear of.
            Err(what) => match self.try_sample(&decoder, format)? {
                Ok(()) => Err(MediaError::Damaged { what }),
                Err(why) => Err(unavailable(self.give_up(why, sample(format).map(|(format, _)| format)))),
            },
        }
    }
}

impl Library {
    /// The PNG, or why there is none.
    fn convert(
        &self,
        decoder: &Decoder,
        source: &dyn ReadAt,
        format: &str,
        most: u64,
    ) -> Result<Result<Vec<u8>, String>, MediaError> {
        let (input, output) = (nameless(self)?, nameless(self)?);
        let began = self.clock.now();
        let is_late = || self.clock.now().ms_since(began) / 1000 >= i64::try_from(SECONDS * 4).unwrap_or(i64::MAX);
        let goes_on = || !is_late() && !self.ending.load(Ordering::Relaxed);
        let passing = |why: String| MediaError::Io(io::Error::other(why));
        let arguments = HEIF_COMMAND.map(str::to_owned);
        let run = Run {
            sandbox: &decoder.sandbox,
            program: &decoder.vips,
            arguments: &arguments,
            input: &input,
            output: &output,
            cpu_seconds: SECONDS,
            file_bytes: most,
        };
        let is_copied = copy(source, &input, goes_on)?;
        let ended = if is_copied { run.run(|_| goes_on())? } else { Ended::Stopped };
        match ended {
            Ended::Done => Ok(Ok(written(&output)?)),
            // Not every codec says that it was memory.
            Ended::Refused(why) if most > SURELY_FITS => Err(passing(format!("{why}; or it takes too much memory"))),
            Ended::Refused(why) => Ok(Err(why)),
            Ended::Unsandboxed(why) => {
                Err(MediaError::Unavailable { format: format.to_owned(), why: self.give_up(why, Some(SAMPLES[0].0)) })
            }
            Ended::Stopped if is_late() => Err(passing(format!("decoding it took longer than {} s", SECONDS * 4))),
            Ended::Stopped => Err(passing("the library is being closed".into())),
            Ended::Failed(why) | Ended::Overran(why) => Err(passing(why)),
        }
    }

    /// Whether a picture that is known to be whole is decoded here.
    fn try_sample(&self, decoder: &Decoder, format: &str) -> Result<Result<(), String>, MediaError> {
        let Some((_, sample)) = sample(format) else { return Ok(Ok(())) };
        Ok(self
            .convert(decoder, &sample.to_vec(), format, SAMPLE_BYTES)?
            .map(drop)
            .map_err(|why| format!("vips decodes no {format} ({why}); install what libheif decodes it with")))
    }
}

fn sample(format: &str) -> Option<(&'static str, &'static [u8])> {
    SAMPLES.into_iter().find(|(of, _)| *of == format)
}

/// What was written, which the limit of the file bounds.
fn written(output: &File) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(output.metadata()?.len()).unwrap_or(0)];
    output.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}
