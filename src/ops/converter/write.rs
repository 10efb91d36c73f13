//! AVIF of ours, by avifenc in the sandbox that decodes AVIF and HEIC: where it is, and one run of it.

use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::run::{MOST_OF_ONE, SECONDS};
use super::{FOUND, Lack};
use crate::media::{AVIF_COMMAND, Encoder, Finished, MediaError, Rendered, StillFormat};
use crate::ops::Library;
use crate::ops::sandboxed::{Ended, Run, nameless};
use crate::ops::stills::{Pace, Still, StillError};
use crate::policy::platforms::PlacementKind;
use crate::view::recipes::still_format;

/// Memory of the program for each pixel, and what it takes for none.
const FOR_EACH: u64 = 24;
const FOR_NONE: u64 = 32 << 20;
/// A file is never as long: what is beyond is no picture.
const MOST_BYTES: u64 = 256 << 20;
/// A picture of 16 pixels each way, which any encoder writes.
const SAMPLE: &[u8] = include_bytes!("sample.png");

/// The program that writes, and what gives up every right before it becomes that.
#[derive(Debug, Clone)]
pub struct Writer {
    /// `dam-mountd`.
    pub sandbox: PathBuf,
    pub avifenc: PathBuf,
}

/// Finds it, where it is by now.
type Find = Arc<dyn Fn() -> Result<Writer, String> + Send + Sync>;

#[derive(Default)]
pub(super) struct State {
    find: Option<Find>,
    now: Now,
}

#[derive(Default)]
enum Now {
    /// Nobody has looked for the program.
    #[default]
    Unknown,
    Ready(Writer),
    /// It is not there, or wrote nothing in the sandbox.
    Not(Lack),
}

impl State {
    pub(super) fn writer(&self) -> Result<Writer, String> {
        match &self.now {
            Now::Unknown => Err("that is done while the library is mounted".to_owned()),
            Now::Not(lack) => Err(lack.why.clone()),
            Now::Ready(writer) => Ok(writer.clone()),
        }
    }
}

/// Why there is no file.
enum Fault {
    Its(String),
    Passing(MediaError),
}

/// Writes one picture.
struct Writing<'a> {
    library: &'a Library,
    writer: Writer,
    pixels: u64,
    is_awaited: bool,
}

impl Encoder for Writing<'_> {
    fn avif(&self, png: &[u8], arguments: &[String]) -> Result<Vec<u8>, MediaError> {
        let Self { library, writer, pixels, is_awaited } = self;
        match library.run_writer(writer, png, arguments, *is_awaited) {
            Ok(bytes) => Ok(bytes),
            Err(Fault::Passing(e)) => Err(e),
            // The pixels are ours: what it cannot do with these it cannot do with any, or it is for want of memory.
            Err(Fault::Its(why)) => match library.run_writer(writer, SAMPLE, &[], *is_awaited) {
                Ok(_) => Err(MediaError::Overran { what: format!("{why}; {pixels} pixels may be too many") }),
                Err(Fault::Passing(e)) => Err(e),
                Err(Fault::Its(why)) => Err(library.stop_writing(unable(&why))),
            },
        }
    }
}

fn unable(why: &str) -> String {
    format!("avifenc writes nothing ({why}); install what libavif encodes with, aom")
}

fn unwritable(why: String) -> MediaError {
    MediaError::Unwritable { format: StillFormat::Avif.name().to_owned(), why }
}

impl Library {
    /// Writes AVIF from now on by what is found by this, or says why not and looks for it again now and then.
    pub fn use_writer(&self, find: impl Fn() -> Result<Writer, String> + Send + Sync + 'static) {
        let now = match find() {
            Ok(writer) => Now::Ready(writer),
            Err(why) => {
                if self.writes_avif() {
                    tracing::warn!("no AVIF is written: {why}");
                }
                Now::Not(Lack { why, since: self.clock.now(), is_tried: false })
            }
        };
        *self.converter.writer_state() = State { find: Some(Arc::new(find)), now };
    }

    /// Whether any row of the table asks for AVIF: to nobody else it matters what it is written by.
    fn writes_avif(&self) -> bool {
        let platforms = self.gate.platforms();
        let mut stills = platforms.all().filter(|row| row.kind == PlacementKind::Image);
        stills.any(|row| still_format(row) == Some(StillFormat::Avif))
    }

    /// What people are told when none is written and some row asks for it.
    #[must_use]
    pub fn no_writer(&self) -> Option<String> {
        let why = self.converter.writer_state().writer().err()?;
        self.writes_avif().then(|| format!("no AVIF is written: {why}"))
    }

    /// Looks again for what was not there, or wrote nothing: somebody may have installed it. What has waited for it goes on.
    pub fn look_for_writer(&self) {
        let due = {
            let mut state = self.converter.writer_state();
            let State { find: Some(find), now: Now::Not(lack) } = &mut *state else { return };
            if !lack.is_due(self.clock.now()) {
                return;
            }
            (Arc::clone(find), lack.is_tried)
        };
        let (find, is_tried) = due;
        let found = find().and_then(|writer| match is_tried.then(|| self.run_writer(&writer, SAMPLE, &[], false)) {
            None | Some(Ok(_)) => Ok(writer),
            Some(Err(Fault::Its(why))) => Err(unable(&why)),
            Some(Err(Fault::Passing(e))) => Err(e.to_string()),
        });
        let mut state = self.converter.writer_state();
        match found {
            Ok(writer) => {
                state.now = Now::Ready(writer);
                drop(state);
                tracing::info!("AVIF is written by what is there by now");
                self.tell_of_decoder(FOUND);
            }
            // What it is about was said already.
            Err(again) => {
                if let Now::Not(lack) = &mut state.now {
                    lack.why = again;
                }
            }
        }
    }

    /// A finished still as AVIF.
    ///
    /// # Errors
    /// [`StillError::Busy`] when others have the memory that it takes, [`MediaError::Unwritable`] without the program.
    pub(in crate::ops) fn written(
        &self,
        finished: &Finished,
        still: &Still,
        pace: Pace,
    ) -> Result<Rendered, StillError> {
        let converter = &self.converter;
        let writer = converter.writer_state().writer().map_err(unwritable)?;
        let key = *blake3::hash(&[still.content.0, still.recipe.hash()].concat()).as_bytes();
        if let Some(what) = converter.overran(key, self.clock.now()) {
            return Err(MediaError::Overran { what }.into());
        }
        let pixels = finished.pixels();
        let bytes = pixels.saturating_mul(FOR_EACH).saturating_add(FOR_NONE).min(MOST_OF_ONE);
        let share = match pace {
            Pace::Reader => converter.room.take(bytes, pace.patience()),
            Pace::Background => converter.room.take_spare(bytes),
        };
        let _share = share.ok_or(StillError::Busy)?;
        let is_awaited = matches!(pace, Pace::Reader);
        let made = finished.write(Some(&Writing { library: self, writer, pixels, is_awaited }), None);
        Ok(made.map_err(|e| match e {
            // It is so of the next picture, too.
            MediaError::Unwritable { why, .. } => self.stop_writing(why),
            MediaError::Overran { what } => {
                converter.rest(key, self.clock.now(), &what);
                MediaError::Overran { what }
            }
            e => e,
        })?)
    }

    /// None is written for now, and what was listed as to be written is not there.
    fn stop_writing(&self, why: String) -> MediaError {
        let lack = Lack { why: why.clone(), since: self.clock.now(), is_tried: true };
        let before = std::mem::replace(&mut self.converter.writer_state().now, Now::Not(lack));
        if !matches!(before, Now::Not(_)) {
            tracing::warn!("no AVIF is written any more: {why}");
            self.tell_of_decoder("");
        }
        unwritable(why)
    }

    fn run_writer(
        &self,
        writer: &Writer,
        png: &[u8],
        arguments: &[String],
        is_awaited: bool,
    ) -> Result<Vec<u8>, Fault> {
        let passing = |e: io::Error| Fault::Passing(MediaError::Io(e));
        let overran = |what: String| Fault::Passing(MediaError::Overran { what });
        let (input, output) = (nameless(self).map_err(passing)?, nameless(self).map_err(passing)?);
        input.write_all_at(png, 0).map_err(passing)?;
        let arguments: Vec<String> = AVIF_COMMAND
            .map(str::to_owned)
            .into_iter()
            .chain(arguments.iter().cloned())
            .chain(["/proc/self/fd/0".to_owned()])
            .collect();
        let run = Run {
            sandbox: &writer.sandbox,
            program: &writer.avifenc,
            arguments: &arguments,
            input: &input,
            output: &output,
            cpu_seconds: SECONDS,
            file_bytes: MOST_BYTES,
            is_awaited,
            is_apart: true,
        };
        let began = self.clock.now();
        let is_late = || self.clock.now().ms_since(began) / 1000 >= i64::try_from(SECONDS * 4).unwrap_or(i64::MAX);
        let ended = run.run(|_| !is_late() && !self.ending.load(Ordering::Relaxed)).map_err(passing)?;
        match ended {
            Ended::Done => {
                let mut bytes = vec![0; usize::try_from(output.metadata().map_err(passing)?.len()).unwrap_or(0)];
                output.read_exact_at(&mut bytes, 0).map_err(passing)?;
                if bytes.is_empty() { Err(Fault::Its("avifenc made nothing of it".into())) } else { Ok(bytes) }
            }
            Ended::Refused(why) => Err(Fault::Its(why)),
            Ended::Overran(why) => Err(overran(why)),
            Ended::Stopped if is_late() => Err(overran(format!("writing it takes longer than {} s", SECONDS * 4))),
            Ended::Unsandboxed(why) => Err(Fault::Passing(self.stop_writing(why))),
            Ended::Stopped => Err(passing(io::Error::other("the library is being closed"))),
            Ended::Failed(why) => Err(passing(io::Error::other(why))),
        }
    }
}
