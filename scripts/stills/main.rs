//! What a still costs: stills TIMES MASTER OUT. Renders the master at MASTER for an Instagram portrait so many times, each time from its
//! bytes, then the portrait and four other placements from one decode, and leaves the portrait in OUT. Prints the processor's milliseconds
//! of each portrait and of each five placements, one line of either, and the most memory that the portraits took, in MiB.
#![allow(clippy::print_stdout, reason = "a program for figures")]

use std::error::Error;
use std::fs;
use std::time::Duration;

use damfs::media::{Fit, Limits, Master, Recipe, StillFormat};

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

/// Milliseconds of the processor that this process has had.
fn spent() -> Result<f64, Box<dyn Error>> {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Ok(Duration::new(used.tv_sec.try_into()?, used.tv_nsec.try_into()?).as_secs_f64() * 1e3)
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
    let [times, master, out] = args.as_slice() else { return Err("usage: stills TIMES MASTER OUT".into()) };
    let (times, limits) = (times.parse::<usize>()?, Limits::default());
    let bytes = fs::read(master)?;
    let rendered = |size| Ok::<_, Box<dyn Error>>(Master::decode(&bytes, &limits)?.render(&recipe(size))?.bytes);
    let [portrait, ..] = PLACEMENTS;
    fs::write(out, rendered(portrait)?)?;
    let one = costs(times, || rendered(portrait).map(drop))?;
    let memory = most_memory()?;
    let five = costs(times, || {
        let master = Master::decode(&bytes, &limits)?;
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
