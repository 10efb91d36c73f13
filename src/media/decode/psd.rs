//! The finished picture at the end of Photoshop's documents: each channel for itself, plain or in runs.

use std::io;

use super::super::MediaError;
use super::super::bytes::be16;
use super::super::psd::Document;
use super::{Decoded, Layout, Limits, Samples, check};
use crate::types::ReadAt;

const INDEXED: u16 = 2;
/// Bytes of a table of colours: all reds, greens, blues.
const TABLE: usize = 768;
/// Most channels that the format has.
const MAX_CHANNELS: u16 = 56;
/// Bytes that are read at a time.
const BUFFER: usize = 64 * 1024;

/// Reads it. Layers are not looked at.
pub(super) fn decode(source: &dyn ReadAt, limits: &Limits) -> Result<Decoded, MediaError> {
    let document = Document::read(source)?.ok_or_else(|| MediaError::damaged("its header is cut short"))?;
    check(document.width, document.height, limits)?;
    let unsupported = |what: String| MediaError::Unsupported { format: format!("a Photoshop document {what}") };
    let (colours, layout) = match document.mode {
        // Of two inks only their brightness is stored as a picture.
        1 | 8 => (1, Layout::Gray),
        INDEXED => (1, Layout::Rgb),
        3 => (3, Layout::Rgb),
        4 => (4, Layout::Cmyk),
        0 => return Err(unsupported("of black and white alone".to_owned())),
        9 => return Err(unsupported("in Lab".to_owned())),
        mode => return Err(unsupported(format!("of mode {mode}"))),
    };
    if !(document.depth == 8 || document.depth == 16 && document.mode != INDEXED) {
        return Err(unsupported(format!("with {} bits", document.depth)));
    }
    if document.channels < colours || document.channels > MAX_CHANNELS {
        return Err(MediaError::damaged(format!("it has {} channels", document.channels)));
    }
    let is_seen_through = document.alpha && document.channels > colours && matches!(document.mode, 1 | 3);
    let (planes, layout) = match (is_seen_through, layout) {
        (true, Layout::Gray) => (2, Layout::GrayAlpha),
        (true, _) => (4, Layout::Rgba),
        (false, layout) => (colours, layout),
    };
    let channels = planar(source, &document, usize::from(planes))?;
    let mut pixels = match document.mode {
        INDEXED => Samples::Bytes(coloured(&channels, source, document.table)?),
        _ if document.depth == 16 => {
            Samples::Words(interleaved(&channels, usize::from(planes), |pair| be16(pair, 0).unwrap_or(0)))
        }
        _ => Samples::Bytes(interleaved(&channels, usize::from(planes), |byte: &[u8]| {
            byte.first().copied().unwrap_or(0)
        })),
    };
    match (&mut pixels, layout) {
        // What is left of the paper, not what is on it.
        (Samples::Bytes(samples), Layout::Cmyk) => samples.iter_mut().for_each(|ink| *ink = u8::MAX - *ink),
        (Samples::Words(samples), Layout::Cmyk) => samples.iter_mut().for_each(|ink| *ink = u16::MAX - *ink),
        (Samples::Bytes(samples), Layout::GrayAlpha | Layout::Rgba) => off_white(samples, usize::from(planes), u8::MAX),
        (Samples::Words(samples), Layout::GrayAlpha | Layout::Rgba) => {
            off_white(samples, usize::from(planes), u16::MAX)
        }
        _ => {}
    }
    Ok(Decoded { pixels, size: (document.width, document.height), layout, icc: None })
}

/// The first channels, one after the other.
fn planar(source: &dyn ReadAt, document: &Document, planes: usize) -> Result<Vec<u8>, MediaError> {
    let short = || MediaError::damaged("the file ends before its picture does");
    let side = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
    let row = side(document.width).saturating_mul(usize::from(document.depth / 8));
    let rows = side(document.height).saturating_mul(planes);
    let mut bytes = Bytes { source, at: document.pixels, buf: Vec::new(), done: 0 };
    let compression = u16::from_be_bytes([bytes.next()?.ok_or_else(short)?, bytes.next()?.ok_or_else(short)?]);
    let whole = row.checked_mul(rows).ok_or_else(short)?;
    match compression {
        0 => {
            if (whole as u64) > source.len().saturating_sub(document.pixels) {
                return Err(short());
            }
            let mut out = vec![0; whole];
            let got = source.read_at(document.pixels.saturating_add(2), &mut out)?;
            if got == whole { Ok(out) } else { Err(short()) }
        }
        1 => {
            // The lengths of all rows come first, also of the channels that are not read.
            let wide = if document.large { 4 } else { 2 };
            let all = u64::from(document.height).saturating_mul(u64::from(document.channels));
            bytes.at = document.pixels.saturating_add(2).saturating_add(all.saturating_mul(wide));
            (bytes.buf, bytes.done) = (Vec::new(), 0);
            // A run is at most 128 bytes long.
            if (whole as u64) / 128 > source.len().saturating_sub(bytes.at) {
                return Err(short());
            }
            let mut out = Vec::with_capacity(whole);
            for _ in 0..rows {
                unpack(&mut bytes, &mut out, row)?.ok_or_else(short)?;
            }
            Ok(out)
        }
        other => Err(MediaError::Unsupported { format: format!("a Photoshop document packed by method {other}") }),
    }
}

/// One row of runs. A run that goes on into the next row is cut there.
fn unpack(bytes: &mut Bytes<'_>, out: &mut Vec<u8>, row: usize) -> io::Result<Option<()>> {
    let end = out.len().saturating_add(row);
    while out.len() < end {
        let Some(head) = bytes.next()? else { return Ok(None) };
        let left = end - out.len();
        match head {
            0..=127 => {
                for n in 0..=usize::from(head) {
                    let Some(byte) = bytes.next()? else { return Ok(None) };
                    if n < left {
                        out.push(byte);
                    }
                }
            }
            128 => {}
            129.. => {
                let Some(byte) = bytes.next()? else { return Ok(None) };
                let run = 257 - usize::from(head);
                out.resize(out.len() + run.min(left), byte);
            }
        }
    }
    Ok(Some(()))
}

/// The file from a place on, byte by byte.
struct Bytes<'a> {
    source: &'a dyn ReadAt,
    at: u64,
    buf: Vec<u8>,
    done: usize,
}

impl Bytes<'_> {
    fn next(&mut self) -> io::Result<Option<u8>> {
        if self.done == self.buf.len() {
            self.buf.resize(BUFFER, 0);
            let got = self.source.read_at(self.at, &mut self.buf)?;
            self.buf.truncate(got);
            self.at = self.at.saturating_add(got as u64);
            self.done = 0;
        }
        let byte = self.buf.get(self.done).copied();
        self.done = self.done.saturating_add(1).min(self.buf.len());
        Ok(byte)
    }
}

/// Channels side by side, of one byte or of two as `sample` reads them.
fn interleaved<T>(planar: &[u8], planes: usize, sample: impl Fn(&[u8]) -> T) -> Vec<T> {
    let wide = size_of::<T>();
    let plane = (planar.len() / planes.max(1)).max(1);
    let at = |channel: usize, n: usize| planar.get(channel * plane + n..channel * plane + n + wide).unwrap_or_default();
    // As much as there will be: while it grew it would be there twice.
    let mut out = Vec::with_capacity(planar.len() / wide);
    for n in (0..plane / wide * wide).step_by(wide) {
        out.extend((0..planes).map(|channel| sample(at(channel, n))));
    }
    out
}

/// What the numbers of a picture mean by its table.
fn coloured(numbers: &[u8], source: &dyn ReadAt, table: u64) -> Result<Vec<u8>, MediaError> {
    let mut colours = [0; TABLE];
    if source.read_at(table, &mut colours)? < TABLE {
        return Err(MediaError::damaged("its table of colours is cut short"));
    }
    let third = TABLE / 3;
    let at = |n: u8| (0..3).map(move |part| usize::from(n) + part * third);
    let mut out = Vec::with_capacity(numbers.len().saturating_mul(3));
    for n in numbers {
        out.extend(at(*n).map(|at| colours.get(at).copied().unwrap_or(0)));
    }
    Ok(out)
}

/// The finished picture is stored as it looks on white; takes the white out of what is seen through. The last channel says how much that is.
fn off_white<T: Copy + Into<u64> + TryFrom<u64>>(samples: &mut [T], channels: usize, full: T) {
    let most: u64 = full.into();
    for pixel in samples.chunks_exact_mut(channels.max(1)) {
        let Some((alpha, colours)) = pixel.split_last_mut() else { continue };
        let alpha: u64 = (*alpha).into();
        for colour in colours {
            let on_white: u64 = (*colour).into();
            let white = most - alpha;
            let own = (on_white.saturating_sub(white) * most + alpha / 2).checked_div(alpha).unwrap_or(most);
            *colour = T::try_from(own.min(most)).unwrap_or(full);
        }
    }
}
