//! The command line that makes an export of a clip, and what it says on the way.

use std::time::Duration;

use super::clip::demuxer;
use super::{Clip, ClipFit, ClipRecipe, INPUT, OUTPUT};
use crate::media::MediaError;

/// Bits per second: of the picture at most, of the sound, and of the picture at least, below which nobody wants to see it.
const MOST_RATE: u64 = 8_000_000;
const SOUND_RATE: u64 = 128_000;
const LEAST_RATE: u64 = 150_000;
/// Part of a limit that is aimed at: the container and the encoder's own freedom take the rest.
const AIM: u64 = 94;
/// Frames per second where no row says how many.
const MOST_FPS: u32 = 60;
const USUAL_FPS: u32 = 30;
/// Longest side where no row says how long.
const MOST_SIDE: u32 = 4096;
/// What a length may differ by from what a container says.
const SLACK: Duration = Duration::from_millis(100);

/// One way to encode a clip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encode {
    /// Width and height of what is written.
    pub size: (u32, u32),
    /// Frames per second.
    pub rate: (u32, u32),
    /// Most bits per second of the picture.
    pub bits: u64,
    filter: String,
    demuxer: &'static str,
}

impl Encode {
    /// Works out how a clip of a format becomes what a recipe asks.
    ///
    /// # Errors
    /// When it cannot: too long, too small a limit, more light than is converted here.
    pub fn plan(recipe: &ClipRecipe, clip: &Clip, format: &str) -> Result<Self, MediaError> {
        let demuxer = demuxer(format).ok_or_else(|| MediaError::Unsupported { format: format.to_owned() })?;
        if clip.hdr {
            return Err(MediaError::Unsupported { format: "a clip of high dynamic range".into() });
        }
        if let Some(most) = recipe.max_seconds
            && clip.length > Duration::from_secs(u64::from(most)) + SLACK
        {
            let length = clip.length.as_secs_f64();
            return Err(MediaError::too_large(format!(
                "a clip of {length:.1} s where {most} s are taken; cut it first"
            )));
        }
        let size = size(recipe, clip);
        let rate = rate(recipe, clip);
        Ok(Self { size, rate, bits: bits(recipe, clip)?, filter: filter(recipe, clip, size, rate), demuxer })
    }

    /// The next try after a file of so many bytes, which were too many.
    ///
    /// # Errors
    /// When there would be nothing left to look at.
    pub fn smaller(&self, bytes: u64, max_bytes: u64) -> Result<Self, MediaError> {
        let aimed = u128::from(self.bits) * u128::from(max_bytes) * u128::from(AIM) / (u128::from(bytes.max(1)) * 100);
        let bits = u64::try_from(aimed).unwrap_or(MOST_RATE).min(self.bits * 4 / 5);
        if bits < LEAST_RATE {
            return Err(too_small(max_bytes));
        }
        Ok(Self { bits, ..self.clone() })
    }

    /// The arguments for ffmpeg.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let bits = self.bits.to_string();
        // Two seconds: players seek by whole groups.
        let group = self.rate.0.saturating_mul(2).div_ceil(self.rate.1).to_string();
        let line = [
            "-nostdin -y -v error -progress pipe:2 -protocol_whitelist file,pipe -threads 2 -f",
            self.demuxer,
            "-i",
            INPUT,
            "-map 0:V:0 -map 0:a:0? -sn -dn -map_metadata -1 -map_chapters -1 -filter_threads 1 -filter_complex_threads 1 -vf",
        ];
        let coded = [
            "-c:v libx264 -preset veryfast -profile:v high -pix_fmt yuv420p -crf 20 -maxrate",
            &bits,
            "-bufsize",
            &bits,
            "-g",
            &group,
            // More threads choose their bits by what the others happen to have done by then: each run gives other bytes.
            "-threads:v 1 -c:a aac -b:a 128k -ar 48000 -ac 2",
            "-fflags +bitexact -flags:v +bitexact -flags:a +bitexact -movflags +faststart -f mp4",
            OUTPUT,
        ];
        let split = |part: &&str| part.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let mut arguments: Vec<String> = line.iter().flat_map(split).collect();
        arguments.push(self.filter.clone());
        arguments.extend(coded.iter().flat_map(split));
        arguments
    }
}

fn too_small(max_bytes: u64) -> MediaError {
    MediaError::too_large(format!("the clip does not fit into {max_bytes} bytes; cut it first"))
}

fn bits(recipe: &ClipRecipe, clip: &Clip) -> Result<u64, MediaError> {
    let Some(max_bytes) = recipe.max_bytes else { return Ok(MOST_RATE) };
    // The encoder may spend a second's worth beforehand.
    let micros = (clip.length + Duration::from_secs(1)).as_micros();
    let all = u128::from(max_bytes) * 8 * u128::from(AIM) / 100 * 1_000_000 / micros;
    let sound = if clip.audio.is_some() { SOUND_RATE } else { 0 };
    let bits = u64::try_from(all).unwrap_or(u64::MAX).saturating_sub(sound).min(MOST_RATE);
    if bits < LEAST_RATE { Err(too_small(max_bytes)) } else { Ok(bits) }
}

/// The clip's own, where it is within the limits: frames are repeated or left out only for them.
fn rate(recipe: &ClipRecipe, clip: &Clip) -> (u32, u32) {
    let most = recipe.most_fps.unwrap_or(MOST_FPS);
    let least = recipe.least_fps.unwrap_or(1).min(most);
    match clip.rate {
        None => (USUAL_FPS.clamp(least, most), 1),
        Some((n, d)) if u64::from(n) > u64::from(most) * u64::from(d) => (most, 1),
        Some((n, d)) if u64::from(n) < u64::from(least) * u64::from(d) => (least, 1),
        Some(rate) => rate,
    }
}

/// Sides are even, for half of the colours are left out.
fn size(recipe: &ClipRecipe, clip: &Clip) -> (u32, u32) {
    let (w, h) = (clip.width, clip.height);
    let scaled = |a: u32, by: u32, of: u32| {
        let n = u64::from(a) * u64::from(by) / u64::from(of.max(1));
        u32::try_from(n).unwrap_or(MOST_SIDE)
    };
    let even = |n: u32| (n & !1).max(2);
    let bound = match (recipe.width, recipe.height) {
        (Some(x), Some(y)) => (x, y),
        (Some(x), None) => (x, scaled(h, x, w)),
        (None, Some(y)) => (scaled(w, y, h), y),
        (None, None) => (w, h),
    };
    let bound = (bound.0.clamp(2, MOST_SIDE), bound.1.clamp(2, MOST_SIDE));
    // Where no side is asked for the clip keeps its shape, however it is to fit.
    let keeps = recipe.fit == ClipFit::Any || recipe.width.or(recipe.height).is_none();
    if !keeps || (w <= bound.0 && h <= bound.1) {
        let whole = if keeps { (w, h) } else { bound };
        return (even(whole.0), even(whole.1));
    }
    if u64::from(bound.0) * u64::from(h) <= u64::from(bound.1) * u64::from(w) {
        (even(bound.0), even(scaled(h, bound.0, w)))
    } else {
        (even(scaled(w, bound.1, h)), even(bound.1))
    }
}

fn filter(recipe: &ClipRecipe, clip: &Clip, (w, h): (u32, u32), (n, d): (u32, u32)) -> String {
    let mut filter = String::new();
    if clip.interlaced {
        filter.push_str("yadif,");
    }
    if !clip.square {
        filter.push_str("scale=trunc(iw*sar/2)*2:ih,setsar=1,");
    }
    let full = "flags=bicubic:out_range=tv";
    let has_ratio = u64::from(w) * u64::from(clip.height) == u64::from(h) * u64::from(clip.width);
    let inside = format!("scale={w}:{h}:force_original_aspect_ratio=decrease:force_divisible_by=2:{full}");
    let laid = match recipe.fit {
        ClipFit::Crop if !has_ratio => {
            format!("scale={w}:{h}:force_original_aspect_ratio=increase:{full},crop={w}:{h}")
        }
        ClipFit::Pad if !has_ratio => format!("{inside},pad={w}:{h}:(ow-iw)/2:(oh-ih)/2"),
        // The ground is blurred small: it shows no more when it is large.
        ClipFit::Blur if !has_ratio => {
            let (sw, sh) = (((w / 8) & !1).max(16), ((h / 8) & !1).max(16));
            format!(
                "split[a][b];[a]scale={sw}:{sh}:force_original_aspect_ratio=increase:flags=area:out_range=tv,crop={sw}:{sh},boxblur=4:2,\
                 scale={w}:{h}:flags=bilinear[ground];[b]{inside}[front];[ground][front]overlay=(W-w)/2:(H-h)/2"
            )
        }
        _ => format!("scale={w}:{h}:{full}"),
    };
    format!("{filter}{laid},setsar=1,fps={n}/{d}")
}

/// What ffmpeg says of itself while it works.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// How much of the result is there.
    pub done: Duration,
    /// The first of what it complained of: what follows is mostly of that.
    pub complaint: String,
    /// The disk took no more.
    pub disk_full: bool,
    /// It was given no more memory.
    pub out_of_memory: bool,
    /// It is the program that cannot, or the machine, and not the clip.
    pub unable: bool,
}

/// What it says of itself, built with less than is asked for, or of a machine that lets it start nothing; never of a clip.
const UNABLE: [&str; 7] = [
    "No such filter",
    "Unknown encoder",
    // Up to ffmpeg 6, and since.
    "Decoder (codec ",
    "no decoder found for: ",
    "Protocol not found",
    "Resource temporarily unavailable",
    "Too many open files",
];
/// How programs and their libraries say that there is none.
const NO_MEMORY: [&str; 4] = ["out of memory", "Cannot allocate memory", "failed to allocate", "bad_alloc"];

/// Whether a codec is meant that has no name: nobody decodes that, wherever it runs.
fn is_nameless(line: &str) -> bool {
    line.contains("(codec none)") || line.trim_end().ends_with("for: none")
}

impl Progress {
    /// Takes one line of its output.
    pub fn hear(&mut self, line: &str) {
        const MOST: usize = 200;
        match line.split_once('=') {
            Some(("out_time_us", micros)) => self.done = Duration::from_micros(micros.trim().parse().unwrap_or(0)),
            Some((key, _))
                if !key.is_empty()
                    && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') => {}
            _ if line.trim().is_empty() => {}
            // GLib's go before what a program ends of.
            _ if line.contains("WARNING **") => {}
            _ => {
                self.disk_full |= line.contains("No space left on device");
                self.unable |= UNABLE.iter().any(|words| line.contains(words)) && !is_nameless(line);
                self.out_of_memory |= NO_MEMORY.iter().any(|words| line.contains(words));
                if self.complaint.is_empty() {
                    self.complaint = line.trim().chars().filter(|c| !c.is_control()).take(MOST).collect();
                }
            }
        }
    }

    /// Percent of a clip of that length, 0 to 99: what is done to the end is said otherwise.
    #[must_use]
    pub fn percent(&self, length: Duration) -> u8 {
        let percent = self.done.as_micros().saturating_mul(100) / length.as_micros().max(1);
        u8::try_from(percent.min(99)).unwrap_or(99)
    }
}

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
