//! What a still costs: stills TIMES MASTER OUT [DAM-MOUNTD DWEBP]. Renders the master at MASTER for an Instagram portrait so many times, each
//! time from its bytes, then the portrait and four other placements from one decode, and leaves the portrait in OUT. Prints the processor's milliseconds
//! of each portrait and of each five placements, one line of either, and the most memory that the portraits took, in MiB. With two programs WebP
//! is decoded as a daemon does it, and the times are also those of the processes that this takes.
#![allow(clippy::print_stdout, reason = "a program for figures")]

use std::error::Error;
use std::fs;
use std::time::Duration;

use bytes::Bytes;
use damfs::media::{Converter, Fit, Limits, Master, MediaError, Quick, Recipe, StillFormat};
use damfs::ops::converter::QuickDecoder;
use damfs::types::ReadAt;
use nix::sys::resource::{UsageWho, getrusage};

const PLACEMENTS: [(u32, u32); 5] = [(1080, 1350), (1080, 1080), (1080, 1440), (1080, 566), (1080, 1920)];

fn recipe((width, height): (u32, u32)) -> Recipe {
    Recipe {
        width: Some(width),
        height: Some(height),
        fit: Fit::Crop,
        format: StillFormat::Jpeg,
        quality: 85,
        mark_ai: true,
        // The peer enlarges what is too small.
        upscale: true,
        ..Recipe::default()
    }
}

/// Milliseconds of the processor that this process has had, and those that it has waited for.
fn spent() -> Result<f64, Box<dyn Error>> {
    let mut spent = 0.0;
    for whose in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
        let used = getrusage(whose)?;
        for time in [used.user_time(), used.system_time()] {
            let time =
                Duration::from_secs(time.tv_sec().try_into()?) + Duration::from_micros(time.tv_usec().try_into()?);
            spent += time.as_secs_f64() * 1e3;
        }
    }
    Ok(spent)
}

/// What dwebp makes of a master.
struct Made(Option<Bytes>);

impl Made {
    fn of(decoder: Option<&QuickDecoder>, bytes: &dyn ReadAt) -> Result<Self, Box<dyn Error>> {
        let Some((decoder, wanted)) = decoder.zip(Quick::of(bytes, &Limits::default())?) else { return Ok(Self(None)) };
        let made = decoder.decode(bytes, &wanted, true, || true)?;
        Ok(Self(Some(made.map_err(|why| format!("dwebp makes nothing of it: {why:?}"))?)))
    }
}

impl Converter for Made {
    fn png(&self, _: &dyn ReadAt, format: &str, _: u64) -> Result<Vec<u8>, MediaError> {
        Err(MediaError::Unsupported { format: format.to_owned() })
    }

    fn pixels(&self) -> Option<Bytes> {
        self.0.clone()
    }
}

fn costs(times: usize, work: impl Fn() -> Result<(), Box<dyn Error>>) -> Result<Vec<f64>, Box<dyn Error>> {
    let mut costs = Vec::with_capacity(times);
    for _ in 0..times {
        let begun = spent()?;
        work()?;
        costs.push(spent()? - begun);
    }
    Ok(costs)
}

fn most_memory() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? / 1024)
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let ([times, master, out, programs @ ..], limits) = (args.as_slice(), Limits::default()) else {
        return Err("usage: stills TIMES MASTER OUT [DAM-MOUNTD DWEBP]".into());
    };
    let quick = match programs {
        [sandbox, dwebp] => Some(QuickDecoder { sandbox: sandbox.into(), dwebp: dwebp.into() }),
        _ => None,
    };
    let times = times.parse::<usize>()?;
    let bytes = fs::read(master)?;
    let decoded = || {
        let made = Made::of(quick.as_ref(), &bytes)?;
        Ok::<_, Box<dyn Error>>(Master::decode_with(&bytes, &limits, Some(&made))?)
    };
    let rendered = |size| Ok::<_, Box<dyn Error>>(decoded()?.render(&recipe(size))?.bytes);
    let [portrait, ..] = PLACEMENTS;
    fs::write(out, rendered(portrait)?)?;
    let one = costs(times, || rendered(portrait).map(drop))?;
    let memory = most_memory()?;
    let five = costs(times, || {
        let master = decoded()?;
        for size in PLACEMENTS {
            master.render(&recipe(size))?;
        }
        Ok(())
    })?;
    for line in [one, five] {
        println!("{}", line.iter().map(|ms| format!("{ms:.2}")).collect::<Vec<_>>().join(" "));
    }
    println!("{memory}");
    Ok(())
}
