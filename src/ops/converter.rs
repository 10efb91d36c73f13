//! Pictures whose decoders are not of this process: AVIF and HEIC, by libvips in the sandbox.
//!
//! What decodes them are codecs of video, hundreds of thousands of lines of C. A crash, a hang or worse of theirs costs one picture.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

use super::Library;
use super::sandboxed::{Ended, Run, copy, nameless};
use crate::catalog::{CatalogError, ChangeKind};
use crate::media::{self, HEIF_COMMAND, Limits, Master, MediaError};
use crate::types::ReadAt;

/// Seconds of the processor that a picture may take; by the clock four times as many, for it comes behind everybody else.
const SECONDS: u64 = 60;
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

/// How pictures of other formats are decoded for one library.
#[derive(Debug, Default)]
pub struct Converter {
    decoder: OnceLock<Result<Decoder, String>>,
    /// It was there, and could not do what it is for.
    broken: OnceLock<String>,
}

impl Converter {
    fn decoder(&self) -> Result<&Decoder, &str> {
        match (self.decoder.get(), self.broken.get()) {
            (_, Some(why)) => Err(why),
            (None, _) => Err("that is done while the library is mounted"),
            (Some(found), None) => found.as_ref().map_err(String::as_str),
        }
    }

    /// Why none are decoded, as far as that is known.
    #[must_use]
    pub fn unavailable(&self) -> Option<&str> {
        self.decoder().err()
    }
}

impl Library {
    /// Decodes AVIF and HEIC from now on by this, or says why not.
    pub fn use_decoder(&self, found: Result<Decoder, String>) {
        if let Err(why) = &found {
            tracing::warn!("AVIF and HEIC are not rendered: {why}");
        }
        // Set once: a daemon has the programs that it started with.
        let _ = self.converter.decoder.set(found);
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
        let unavailable = |why: &str| MediaError::Unavailable { format: format.to_owned(), why: why.to_owned() };
        let decoder = self.converter.decoder().map_err(unavailable)?;
        match self.convert(decoder, source, format, most)? {
            Ok(png) => Ok(png),
            // It is at fault, or what this format takes is not installed, which the next picture will not hear of.
            Err(what) => match self.try_sample(decoder, format)? {
                Ok(()) => Err(MediaError::Damaged { what }),
                Err(why) => Err(unavailable(self.give_up(why))),
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
                let why = self.give_up(why).to_owned();
                Err(MediaError::Unavailable { format: format.to_owned(), why })
            }
            Ended::Stopped if is_late() => Err(passing(format!("decoding it took longer than {} s", SECONDS * 4))),
            Ended::Stopped => Err(passing("the library is being closed".into())),
            Ended::Failed(why) | Ended::Overran(why) => Err(passing(why)),
        }
    }

    /// None is decoded any more, and what was listed as to be rendered is not there.
    fn give_up(&self, why: String) -> &str {
        let is_first = self.converter.broken.get().is_none();
        let why = self.converter.broken.get_or_init(|| why);
        if is_first {
            tracing::warn!("AVIF and HEIC are not rendered any more: {why}");
            let told = self.catalog.write(|tx| -> Result<(), CatalogError> { tx.change(ChangeKind::Access, "") });
            if let Err(e) = told {
                tracing::warn!(error = %e, "what is listed of them goes when its folder changes");
            }
        }
        why
    }

    /// Whether a picture that is known to be whole is decoded here.
    fn try_sample(&self, decoder: &Decoder, format: &str) -> Result<Result<(), String>, MediaError> {
        let Some((_, sample)) = SAMPLES.iter().find(|(of, _)| *of == format) else { return Ok(Ok(())) };
        Ok(self.convert(decoder, &sample.to_vec(), format, SAMPLE_BYTES)?.map(drop).map_err(|why| {
            format!("vips decodes no {format} ({why}); install what libheif decodes it with, and mount again")
        }))
    }
}

/// What was written, which the limit of the file bounds.
fn written(output: &File) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(output.metadata()?.len()).unwrap_or(0)];
    output.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}
