//! Pictures made ready to be decoded here: by the program in its sandbox, in memory of its own, before there is any for them here.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::{Decoder, ROOM};
use crate::media::{self, Conversion, HEIF_COMMAND, Limits, Master, MediaError, Share};
use crate::ops::Library;
use crate::ops::sandboxed::{Ended, Run, copy, nameless};
use crate::ops::stills::Pace;
use crate::types::{ContentId, ReadAt};

/// Seconds of the processor that a picture may take; by the clock four times as many, for it comes behind everybody else.
pub(super) const SECONDS: u64 = 60;
/// Memory of the program for each byte of the PNG that it makes: the codec's, and that of whoever is between.
const FOR_EACH: u64 = 4;
/// A picture is counted as no more: a slow giant, which the sandbox bounds, leaves room for usual ones.
pub(super) const MOST_OF_ONE: u64 = ROOM / 4 * 3;
/// A PNG of so many bytes at most is made in the memory that the program is given, whatever the codec.
const SURELY_FITS: u64 = 400 << 20;
const SAMPLES: [(&str, &[u8]); 2] = [("avif", include_bytes!("sample.avif")), ("heic", include_bytes!("sample.heic"))];
/// What the PNG of a sample may have.
const SAMPLE_BYTES: u64 = 1 << 20;

/// A picture that is decoded here: itself, or what was made of it.
pub(in crate::ops) struct Ready<'a> {
    source: &'a dyn ReadAt,
    limits: Limits,
    made: Made,
}

/// What was made of it.
enum Made {
    Nothing,
    /// In a file without a name.
    Png(File),
    /// With the memory that they take until they are those of the decoded picture.
    Pixels {
        made: Bytes,
        _share: Share,
    },
}

impl media::Converter for Made {
    fn png(&self, _: &dyn ReadAt, format: &str, _: u64) -> Result<Vec<u8>, MediaError> {
        let Self::Png(file) = self else {
            return Err(MediaError::Unavailable {
                format: format.to_owned(),
                why: "nothing was made of it".to_owned(),
            });
        };
        // The limit of the file bounds it.
        let mut bytes = vec![0; usize::try_from(file.metadata()?.len()).unwrap_or(0)];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    fn pixels(&self) -> Option<Bytes> {
        match self {
            Self::Pixels { made, .. } => Some(made.clone()),
            Self::Nothing | Self::Png(_) => None,
        }
    }
}

impl Ready<'_> {
    /// Memory that decoding it takes.
    pub(in crate::ops) fn bytes(&self) -> Result<u64, MediaError> {
        media::decoded_bytes(self.source)
    }

    /// Whether there was work for it that is not to be done again.
    pub(in crate::ops) const fn is_converted(&self) -> bool {
        matches!(self.made, Made::Png(_))
    }

    pub(in crate::ops) fn decode(&self) -> Result<Master, MediaError> {
        Master::decode_with(self.source, &self.limits, Some(&self.made))
    }
}

/// Why there is no PNG.
enum Fault {
    /// The picture's, as far as one knows, or the program's.
    Its(String),
    /// It took all that it was given.
    Overran(String),
}

impl Library {
    /// Makes a picture ready; `None` when others have the memory that it takes.
    ///
    /// # Errors
    /// As [`Master::decode_with`], as far as that is known before it is decoded here.
    pub(in crate::ops) fn ready<'a>(
        &self,
        content: ContentId,
        source: &'a dyn ReadAt,
        limits: &Limits,
        pace: Pace,
    ) -> Result<Option<Ready<'a>>, MediaError> {
        let made = match media::conversion(source, limits)? {
            None => match self.quickly(source, limits, pace)? {
                Some((made, share)) => Made::Pixels { made, _share: share },
                None => Made::Nothing,
            },
            Some(wanted) => match self.converted(content, source, wanted, pace)? {
                Some(png) => Made::Png(png),
                None => return Ok(None),
            },
        };
        Ok(Some(Ready { source, limits: *limits, made }))
    }

    fn converted(
        &self,
        content: ContentId,
        source: &dyn ReadAt,
        wanted: Conversion,
        pace: Pace,
    ) -> Result<Option<File>, MediaError> {
        let converter = &self.converter;
        let unavailable = |why: String| MediaError::Unavailable { format: wanted.format.to_owned(), why };
        let decoder = converter.decoder(wanted.format).map_err(unavailable)?;
        if let Some(what) = converter.overran(content.0, self.clock.now()) {
            return Err(MediaError::Overran { what });
        }
        let bytes = wanted.most.saturating_mul(FOR_EACH).min(MOST_OF_ONE);
        let share = match pace {
            Pace::Reader => converter.room.take(bytes, pace.patience()),
            Pace::Background => converter.room.take_spare(bytes),
        };
        let Some(_share) = share else { return Ok(None) };
        match self.convert(&decoder, source, wanted, pace)? {
            Ok(png) => Ok(Some(png)),
            Err(Fault::Overran(what)) => {
                converter.rest(content.0, self.clock.now(), &what);
                Err(MediaError::Overran { what })
            }
            // It is at fault, or what this format takes is not installed, which the next picture will not hear of.
            Err(Fault::Its(what)) => match self.try_sample(&decoder, wanted.format)? {
                Ok(()) => Err(MediaError::Damaged { what }),
                Err(why) => Err(unavailable(self.give_up(why, Some(wanted.format)))),
            },
        }
    }

    fn convert(
        &self,
        decoder: &Decoder,
        source: &dyn ReadAt,
        wanted: Conversion,
        pace: Pace,
    ) -> Result<Result<File, Fault>, MediaError> {
        let Conversion { format, most } = wanted;
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
            is_awaited: matches!(pace, Pace::Reader),
            is_apart: false,
        };
        let is_copied = copy(source, &input, goes_on)?;
        let ended = if is_copied { run.run(|_| goes_on())? } else { Ended::Stopped };
        match ended {
            Ended::Done if output.metadata()?.len() == 0 => Ok(Err(Fault::Its("vips made nothing of it".into()))),
            Ended::Done => Ok(Ok(output)),
            // Not every codec says that it was memory.
            Ended::Refused(why) if most > SURELY_FITS => {
                Ok(Err(Fault::Overran(format!("{why}; or it takes too much memory"))))
            }
            Ended::Refused(why) => Ok(Err(Fault::Its(why))),
            Ended::Overran(why) => Ok(Err(Fault::Overran(why))),
            Ended::Stopped if is_late() => {
                Ok(Err(Fault::Overran(format!("decoding it took longer than {} s", SECONDS * 4))))
            }
            Ended::Unsandboxed(why) => {
                Err(MediaError::Unavailable { format: format.to_owned(), why: self.give_up(why, None) })
            }
            Ended::Stopped => Err(passing("the library is being closed".into())),
            Ended::Failed(why) => Err(passing(why)),
        }
    }

    /// Whether a picture that is known to be whole is decoded here.
    pub(super) fn try_sample(&self, decoder: &Decoder, format: &'static str) -> Result<Result<(), String>, MediaError> {
        let Some((_, sample)) = SAMPLES.into_iter().find(|(of, _)| *of == format) else { return Ok(Ok(())) };
        let wanted = Conversion { format, most: SAMPLE_BYTES };
        let tried = self.convert(decoder, &sample.to_vec(), wanted, Pace::Background)?.map(drop);
        Ok(tried.map_err(|(Fault::Its(why) | Fault::Overran(why))| {
            format!("vips decodes no {format} ({why}); install what libheif decodes it with")
        }))
    }
}
