//! Makes the sample roster: images of four personas, as the common generators write them. The same arguments make the
//! same bytes, so that a figure or a failing test can be repeated elsewhere.
//!
//! `cargo run --release --example roster -- OUT_DIR [--count N] [--seed S] [--max-side PX]`

mod carry;
mod paint;
mod seeds;
mod words;

use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use clap::Parser;

use carry::{Carrier, Turn};
use seeds::Seeds;
use words::{Persona, Story, Tool};

type Failure = Box<dyn Error + Send + Sync>;

/// Makes a sample roster of images with genuine generation metadata.
#[derive(Debug, Parser)]
#[command(name = "roster")]
struct Args {
    /// Folder to fill; one folder per persona is made in it.
    out: PathBuf,
    /// How many images.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    /// Another seed makes another roster.
    #[arg(long, default_value_t = 2026)]
    seed: u64,
    /// Longest side in pixels.
    #[arg(long, default_value_t = 2048, value_parser = clap::value_parser!(u32).range(16..=8192))]
    max_side: u32,
}

/// Everything that decides one file.
struct Plan {
    persona: Persona,
    /// Number within the persona, from 1.
    number: u32,
    carrier: Carrier,
    turn: Turn,
    size: (u32, u32),
    story: Story,
    seed: u64,
}

/// The sizes people generate at; the last ones are upscaled.
const SIZES: [(u32, u32); 8] =
    [(832, 1216), (1024, 1024), (1216, 832), (1080, 1350), (1536, 2048), (768, 1344), (2048, 1152), (2048, 2048)];

/// 2026-05-01T09:00:00Z: the oldest picture; the roster spans three months.
const FIRST: Duration = Duration::from_secs(1_777_626_000);

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    for persona in Persona::ALL {
        fs::create_dir_all(args.out.join(persona.name()))
            .map_err(|e| format!("cannot make {}: {e}", args.out.join(persona.name()).display()))?;
    }
    let next = AtomicUsize::new(0);
    let bytes = AtomicU64::new(0);
    let count = usize::try_from(args.count)?;
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| -> Result<(), Failure> {
        let hands: Vec<_> = (0..workers)
            .map(|_| {
                scope.spawn(|| -> Result<(), Failure> {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        if index >= count {
                            return Ok(());
                        }
                        bytes.fetch_add(make(&args, u32::try_from(index)?)?, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        for hand in hands {
            hand.join().map_err(|_| "a worker panicked")??;
        }
        Ok(())
    })?;
    println!(
        "{} images of {} personas, {:.1} MB, in {}",
        args.count,
        Persona::ALL.len(),
        Duration::from_micros(bytes.into_inner()).as_secs_f64(),
        args.out.display()
    );
    Ok(())
}

/// Decides the file with this index.
fn plan(args: &Args, index: u32) -> Result<Plan, Failure> {
    let personas = u32::try_from(Persona::ALL.len())?;
    let persona = Persona::ALL[usize::try_from(index % personas)?];
    let number = index / personas + 1;
    let mut seeds = Seeds::new(args.seed ^ (u64::from(index) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    // Strides that share no factor with the number of personas: everybody gets every format, tool and size.
    let carrier = Carrier::ALL[usize::try_from((number + index % personas) % 3)?];
    let tool = match carrier {
        Carrier::Jpeg => Tool::A1111,
        Carrier::Png | Carrier::Webp if (number / 3 + index).is_multiple_of(2) => Tool::Comfy,
        Carrier::Png | Carrier::Webp => Tool::A1111,
    };
    let turn = match (carrier, number % 4) {
        (Carrier::Jpeg, 1) => Turn::Right,
        (Carrier::Jpeg, 3) => Turn::Half,
        _ => Turn::None,
    };
    let (w, h) = SIZES[seeds.below(SIZES.len())];
    let longest = w.max(h).max(args.max_side);
    let fit = |side: u32| (u64::from(side) * u64::from(args.max_side) / u64::from(longest)).max(8);
    let size = (u32::try_from(fit(w))?, u32::try_from(fit(h))?);
    let story = Story::tell(persona, tool, number, size, &mut seeds);
    Ok(Plan { persona, number, carrier, turn, size, story, seed: seeds.next() })
}

/// Makes one file and says how large it became.
fn make(args: &Args, index: u32) -> Result<u64, Failure> {
    let plan = plan(args, index)?;
    let name = match plan.story.tool {
        Tool::A1111 => format!("{:05}-{}", plan.number, plan.story.seed),
        Tool::Comfy => format!("ComfyUI_{:05}_", plan.number),
    };
    let path = args.out.join(plan.persona.name()).join(format!("{name}.{}", plan.carrier.extension()));
    let picture = paint::picture(plan.size, plan.persona, plan.story.scene, plan.seed);
    let bytes = carry::encode(plan.carrier, plan.turn, picture, &plan.story)?;
    let made = FIRST + Duration::from_secs(u64::from(index % 2160) * 3600 + u64::from(index % 3600));
    write(&path, &bytes, made).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
    Ok(u64::try_from(bytes.len())?)
}

fn write(path: &Path, bytes: &[u8], made: Duration) -> std::io::Result<()> {
    fs::write(path, bytes)?;
    File::options().write(true).open(path)?.set_modified(UNIX_EPOCH + made)
}
