//! WebP by libwebp's dwebp, which takes half of the time of our own decoder and sees the same. Where it is not, or does not come to an end with
//! a picture, ours decodes it.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;

use crate::media::{self, Limits, MediaError, Share};
use crate::ops::Library;
use crate::ops::sandboxed::{Ended, Run, copy, in_memory, left_in};
use crate::ops::stills::Pace;
use crate::types::ReadAt;

/// Seconds of the processor, several times what a picture of the largest size takes.
const SECONDS: u64 = 30;
/// Memory for each byte that it makes: the program's, and that of what it makes.
const FOR_EACH: u64 = 4;

/// The program that decodes WebP, and what gives up every right before it becomes that.
#[derive(Debug, Clone)]
pub struct QuickDecoder {
    /// `dam-mountd`.
    pub sandbox: PathBuf,
    pub dwebp: PathBuf,
}

impl QuickDecoder {
    /// What it makes of a picture, in memory; `Ok(Err(why))` when it makes nothing.
    ///
    /// # Errors
    /// When the bytes cannot be read, or there is no memory to be had.
    pub fn decode(
        &self,
        source: &dyn ReadAt,
        wanted: &media::Quick,
        is_awaited: bool,
        mut goes_on: impl FnMut() -> bool,
    ) -> io::Result<Result<Bytes, NotQuick>> {
        let (input, output) = (in_memory()?, in_memory()?);
        let run = Run {
            sandbox: &self.sandbox,
            program: &self.dwebp,
            arguments: &wanted.command().map(str::to_owned),
            input: &input,
            output: &output,
            cpu_seconds: SECONDS,
            file_bytes: wanted.most,
            is_awaited,
            is_apart: false,
        };
        if !copy(source, &input, &mut goes_on)? {
            return Ok(Err(NotQuick::This));
        }
        Ok(match run.run(|_| goes_on())? {
            Ended::Done => Ok(left_in(&output)?),
            Ended::Unsandboxed(why) => Err(NotQuick::Never(why)),
            Ended::Stopped | Ended::Refused(_) | Ended::Overran(_) | Ended::Failed(_) => Err(NotQuick::This),
        })
    }
}

/// Why nothing was made.
#[derive(Debug, PartialEq, Eq)]
pub enum NotQuick {
    /// This picture is not for it.
    This,
    /// Nothing runs in the sandbox.
    Never(String),
}

impl Library {
    /// Decodes WebP from now on by this where that is quicker.
    pub fn use_quick_decoder(&self, found: Result<QuickDecoder, String>) {
        let found = found.inspect_err(|why| tracing::info!("WebP takes twice as long as it could: {why}"));
        *self.converter.quick_state() = found.ok();
    }

    /// A picture by the quicker program, while there is memory for it.
    pub(super) fn quickly(
        &self,
        source: &dyn ReadAt,
        limits: &Limits,
        pace: Pace,
    ) -> Result<Option<(Bytes, Share)>, MediaError> {
        let Some(decoder) = self.converter.quick_state().clone() else { return Ok(None) };
        let Some(wanted) = media::Quick::of(source, limits)? else { return Ok(None) };
        let bytes = wanted.most.saturating_mul(FOR_EACH);
        let share = match pace {
            Pace::Reader => self.converter.room.take(bytes, Duration::ZERO),
            // What would wait for memory afterwards would be made in vain, and again.
            Pace::Background => match self.decodes.take_spare(media::decoded_bytes(source)?) {
                Some(_) => self.converter.room.take_spare(bytes),
                None => None,
            },
        };
        let Some(share) = share else { return Ok(None) };
        let began = self.clock.now();
        let is_late = || self.clock.now().ms_since(began) / 1000 >= i64::try_from(SECONDS * 2).unwrap_or(i64::MAX);
        let goes_on = || !is_late() && !self.ending.load(Ordering::Relaxed);
        Ok(match decoder.decode(source, &wanted, matches!(pace, Pace::Reader), goes_on) {
            Ok(Ok(made)) => Some((made, share)),
            Ok(Err(NotQuick::This)) => None,
            Ok(Err(NotQuick::Never(why))) => {
                self.use_quick_decoder(Err(why));
                None
            }
            // Such as a daemon whose file was replaced by a newer one. What is wrong with the picture ours will say.
            Err(e) => {
                tracing::debug!(error = %e, "dwebp could not be run");
                None
            }
        })
    }
}
