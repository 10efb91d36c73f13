//! The moving proxy for those who may view but not download: a reduced clip of a low rate with the mark over all of it, a still of itself as its
//! cover, and of a size known beforehand.

use std::io;
use std::time::Duration;

use super::clip::demuxer;
use super::{Clip, INPUT, OUTPUT};
use crate::media::render::Raster;
use crate::media::{MediaError, mark};
use crate::types::ReadAt;

/// The size of every preview, so that its attributes need no rendering.
pub const PREVIEW_BYTES: u64 = 4 << 20;
/// So much of a clip is shown, from its beginning.
pub const PREVIEW_SECONDS: u64 = 120;
/// The version of the preview renderer: raised whenever it makes other bytes of the same clip.
pub const PREVIEW_RENDERER: u32 = 1;

/// Longest side and most frames per second of each try, and how much of the bits it spends: what no rate makes small is made smaller.
const TRIES: [(u32, u32, u64); 3] = [(640, 30, 100), (480, 24, 50), (320, 12, 25)];
/// A mark cannot be read on fewer pixels than this.
const MIN_LONG_SIDE: u32 = 320;
const MIN_SIDE: u32 = 64;
/// Bits per second: of the picture at most, and of the sound.
const MOST_RATE: u64 = 700_000;
const SOUND_RATE: u64 = 32_000;
/// For the index, and the cover.
const AROUND: u64 = 256 << 10;
/// Part of what is left that is aimed at.
const AIM: u64 = 94;
/// What is made may be so much shorter than the clip says that it is, beside a tenth of it: what is told of a length is often more than there is.
const SLACK: Duration = Duration::from_millis(500);
/// A box that says that it is nothing.
const FREE: usize = 8;

/// One way to make a preview of a clip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// Width and height of what is written.
    pub size: (u32, u32),
    /// Frames per second.
    pub rate: (u32, u32),
    /// Most bits per second of the picture.
    pub bits: u64,
    /// How much of the clip it shows.
    pub length: Duration,
    filter: String,
    demuxer: &'static str,
    /// Whether what comes before the scaling is made for frames of one size.
    is_rigid: bool,
}

impl Preview {
    /// Works out the nth try of a preview of a clip; `None` when there is nothing left to try.
    ///
    /// # Errors
    /// When there can be none: clips of that format are not read, or it has more light than is converted here.
    pub fn plan(clip: &Clip, format: &str, nth: usize) -> Result<Option<Self>, MediaError> {
        let demuxer = demuxer(format).ok_or_else(|| MediaError::Unsupported { format: format.to_owned() })?;
        if clip.hdr {
            return Err(MediaError::Unsupported { format: "a clip of high dynamic range".into() });
        }
        let Some((side, fps, percent)) = TRIES.get(nth).copied() else { return Ok(None) };
        let length = clip.length.min(Duration::from_secs(PREVIEW_SECONDS));
        let (inner, rate) = (inner(clip, side), rate(clip, fps));
        let size = (inner.0.max(MIN_SIDE), inner.1.max(MIN_SIDE));
        let bits = bits(length) * percent / 100;
        Ok(Some(Self {
            size,
            rate,
            bits,
            length,
            filter: filter(clip, inner, size, rate),
            demuxer,
            is_rigid: clip.interlaced || clip.turned,
        }))
    }

    /// The mark as the encoder takes it, behind the clip: two pictures of three planes each, the shades that it is drawn with, and how much of
    /// what lies below they cover.
    #[must_use]
    pub fn mark(&self, text: &str) -> Vec<u8> {
        let (width, height) = self.size;
        let drawn_on = |ground: u8| {
            let mut raster = Raster { width, height, pixels: vec![ground; self.plane() * 3], alpha: false };
            mark::tile(&mut raster, text);
            raster.pixels
        };
        // What is the same on black and on white covers all, and what differs as they do nothing.
        let (black, white) = (drawn_on(0), drawn_on(255));
        let grays =
            black.chunks_exact(3).zip(white.chunks_exact(3)).filter_map(|(b, w)| Some((*b.first()?, *w.first()?)));
        let (shades, cover): (Vec<u8>, Vec<u8>) = grays.map(|(b, w)| laid(b, w)).unzip();
        let mut out = shades;
        out.resize(self.plane() * 3, 128);
        (0..3).for_each(|_| out.extend_from_slice(&cover));
        out
    }

    fn plane(&self) -> usize {
        let side = |n: u32| usize::try_from(n).unwrap_or(0);
        side(self.size.0) * side(self.size.1)
    }

    /// The arguments for ffmpeg, of a clip of so many bytes with the mark behind it.
    #[must_use]
    pub fn arguments(&self, clip_bytes: u64) -> Vec<String> {
        let picture = self.plane() as u64 * 3;
        let shades = clip_bytes.saturating_add(picture);
        let part = |from: u64, to: u64| format!("subfile,,start,{from},end,{to},,:{INPUT}");
        let (width, height) = self.size;
        let layer = |from: u64| {
            let part = part(from, from.saturating_add(picture));
            format!("-f rawvideo -pix_fmt yuv444p -video_size {width}x{height} -i {part}")
        };
        let length = format!("{}.{:06}", self.length.as_secs(), self.length.subsec_micros());
        let group = self.rate.0.saturating_mul(2).div_ceil(self.rate.1);
        let Self { bits, filter, demuxer, .. } = self;
        // Where frames change their size, a filter that is set up anew has read its mark already, and lets nothing through. What puts fields
        // together or turns frames goes by the size that it was set up for.
        let anew = if self.is_rigid { "" } else { "-reinit_filter 0 " };
        let clip = part(0, clip_bytes);
        let lines = [
            format!(
                "-nostdin -y -v error -progress pipe:2 -protocol_whitelist file,pipe,subfile -threads 2 {anew}-f {demuxer} -i {clip}"
            ),
            layer(clip_bytes),
            layer(shades),
            format!("-filter_threads 1 -filter_complex_threads 1 -filter_complex {filter}"),
            // What tracks say of themselves is not covered by the first, nor captions that lie in the frames by any.
            "-map [v] -map 0:a:0? -map [p] -sn -dn -map_metadata -1 -map_metadata:s -1 -map_chapters -1".to_owned(),
            format!("-max_muxing_queue_size 9999 -t {length}"),
            "-c:v:0 libx264 -preset:v:0 veryfast -profile:v:0 high -pix_fmt:v:0 yuv420p -a53cc:v:0 0 -crf:v:0 26"
                .to_owned(),
            format!("-maxrate:v:0 {bits} -bufsize:v:0 {bits} -g:v:0 {group} -threads:v 1"),
            "-c:v:1 mjpeg -q:v:1 5 -pix_fmt:v:1 yuvj420p -frames:v:1 1 -disposition:v:1 attached_pic".to_owned(),
            "-c:a aac -b:a 32k -ar 24000 -ac 1".to_owned(),
            "-fflags +bitexact -flags:v +bitexact -flags:a +bitexact -write_tmcd 0 -movflags +faststart -f mp4"
                .to_owned(),
            OUTPUT.to_owned(),
        ];
        lines.iter().flat_map(|line| line.split(' ')).map(str::to_owned).collect()
    }

    /// Whether what was made is what was planned.
    ///
    /// # Errors
    /// When it is not.
    pub fn verdict(&self, made: &Clip) -> Result<(), MediaError> {
        let size = (made.width, made.height);
        if size != self.size || made.codec != "h264" {
            return Err(MediaError::damaged(format!(
                "its preview came out as {} of {}x{}",
                made.codec, size.0, size.1
            )));
        }
        if made.length + SLACK + self.length / 10 < self.length {
            let (made, from) = (made.length.as_secs_f64(), self.length.as_secs_f64());
            return Err(MediaError::damaged(format!("only {made:.1} of its first {from:.1} s can be shown")));
        }
        Ok(())
    }
}

/// Whether previews are made of clips of a format.
#[must_use]
pub fn is_previewed(format: &str) -> bool {
    demuxer(format).is_some()
}

/// Names what previews with a mark are, or those of any: the same name, the same bytes by one build of the encoder.
#[must_use]
pub fn preview_hash(mark: Option<&str>) -> [u8; 32] {
    let mark = mark.map_or_else(String::new, |mark| format!(" mark={mark}"));
    *blake3::hash(format!("damfs-preview/1{mark}").as_bytes()).as_bytes()
}

/// Whether a file that was made can be filled up to the size of every preview.
#[must_use]
pub const fn is_preview_size(bytes: u64) -> bool {
    bytes == PREVIEW_BYTES || (bytes > 0 && bytes <= PREVIEW_BYTES - FREE as u64)
}

/// A preview filled up with a free box at its end, which every reader skips; its zeros take no memory.
#[derive(Debug, PartialEq, Eq)]
pub struct FilledPreview(Vec<u8>);

impl FilledPreview {
    /// Fills a file up.
    ///
    /// # Errors
    /// When it is too large for that.
    pub fn new(mut file: Vec<u8>) -> Result<Self, MediaError> {
        let size = file.len() as u64;
        if !is_preview_size(size) {
            return Err(MediaError::too_large(format!("a preview of {size} bytes does not fit into {PREVIEW_BYTES}")));
        }
        if let Some(missing) = u32::try_from(PREVIEW_BYTES - size).ok().filter(|missing| *missing > 0) {
            file.extend(missing.to_be_bytes());
            file.extend(b"free");
        }
        Ok(Self(file))
    }

    /// BLAKE3 of all of it, as it is read.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let block = [0; 1 << 12];
        let mut hash = blake3::Hasher::new();
        hash.update(&self.0);
        let mut left = usize::try_from(PREVIEW_BYTES).unwrap_or(0).saturating_sub(self.0.len());
        while left > 0 {
            let zeros = block.get(..left).unwrap_or(&block);
            hash.update(zeros);
            left -= zeros.len();
        }
        *hash.finalize().as_bytes()
    }
}

impl ReadAt for FilledPreview {
    fn len(&self) -> u64 {
        PREVIEW_BYTES
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(PREVIEW_BYTES.saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = left.min(buf.len());
        let (buf, _) = buf.split_at_mut(count);
        let there = self.0.read_at(offset, buf)?;
        buf.iter_mut().skip(there).for_each(|zero| *zero = 0);
        Ok(count)
    }
}

/// Shade, as video has it, and cover of a pixel that is this gray on black and that on white.
fn laid(black: u8, white: u8) -> (u8, u8) {
    let cover = 255 - white.saturating_sub(black);
    let shade = u32::from(black) * 255 / u32::from(cover.max(1));
    (u8::try_from(16 + shade.min(255) * 219 / 255).unwrap_or(235), cover)
}

/// Never more detail than a reduced copy has, never too small to carry the mark. Sides are even, for half of the colours are left out.
fn inner(clip: &Clip, side: u32) -> (u32, u32) {
    let longest = clip.width.max(clip.height).max(1);
    let side = longest.clamp(MIN_LONG_SIDE, side);
    let scaled = |n: u32| {
        let n = u64::from(n) * u64::from(side) / u64::from(longest);
        (u32::try_from(n).unwrap_or(side) & !1).max(2)
    };
    (scaled(clip.width), scaled(clip.height))
}

fn rate(clip: &Clip, most: u32) -> (u32, u32) {
    match clip.rate {
        Some((n, d)) if n < d => (1, 1),
        Some((n, d)) if u64::from(n) <= u64::from(most) * u64::from(d) => (n, d),
        _ => (most, 1),
    }
}

/// The encoder may spend a second's worth beforehand.
fn bits(length: Duration) -> u64 {
    let micros = (length + Duration::from_secs(1)).as_micros();
    let all = u128::from(PREVIEW_BYTES - AROUND) * 8 * u128::from(AIM) / 100 * 1_000_000 / micros;
    u64::try_from(all).unwrap_or(u64::MAX).saturating_sub(SOUND_RATE).min(MOST_RATE)
}

fn filter(clip: &Clip, (w, h): (u32, u32), (cw, ch): (u32, u32), (n, d): (u32, u32)) -> String {
    let fields = if clip.interlaced { "yadif," } else { "" };
    let square = if clip.square { "" } else { "scale=trunc(iw*sar/2)*2:ih,setsar=1," };
    // Each frame gets the mark, or there is none: `overlay` lets frames through without it when it cannot be read. What frames carry beside
    // their picture, encoders write down: a still's its profile of colours, which may say anything.
    format!(
        "[0:V:0]{fields}{square}scale={w}:{h}:flags=bicubic:out_range=tv,pad={cw}:{ch}:(ow-iw)/2:(oh-ih)/2,setsar=1,\
         fps={n}/{d}:start_time=0,format=yuv444p[s];[s][1:v][2:v]maskedmerge,format=yuv420p,\
         sidedata=mode=delete,split[v][c];[c]thumbnail=60[p]"
    )
}

#[cfg(test)]
#[path = "preview_tests.rs"]
mod tests;
