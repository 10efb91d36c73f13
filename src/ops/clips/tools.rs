//! The programs that clips are read and written by, and whether they work here.

use std::io;
use std::path::{Path, PathBuf};

use crate::ops::Library;
use crate::ops::sandboxed::{Ended, PROBE_SECONDS, Run, TOLD, nameless, told};

/// How long the tools are waited for at the start.
const PATIENCE_MS: i64 = 20_000;

/// The programs.
#[derive(Debug, Clone)]
pub struct Tools {
    /// `dam-mountd`, which becomes the program after it has given up every right.
    pub sandbox: PathBuf,
    pub ffmpeg: PathBuf,
    pub ffprobe: PathBuf,
}

impl Library {
    /// Renders clips from now on by these tools, when they work here; else says why they do not.
    pub fn use_tools(&self, found: Result<Tools, String>) {
        let tried = found.and_then(|tools| try_out(self, &tools).map(|()| tools));
        if let Err(why) = &tried {
            tracing::warn!("no clips are rendered for platforms: {why}");
        }
        // Set once: a daemon has the tools that it started with.
        let _ = self.clips.tools.set(tried);
    }
}

/// Whether the tools run in the sandbox here, and can write what platforms take.
///
/// # Errors
/// Why not, and what to do.
fn try_out(library: &Library, tools: &Tools) -> Result<(), String> {
    let told = probe_with(library, tools, &tools.ffmpeg, &["-v", "error", "-encoders"].map(str::to_owned));
    let told = told.map_err(|e| e.to_string())??;
    let has = |encoder: &str| String::from_utf8_lossy(&told).split_whitespace().any(|word| word == encoder);
    if has("libx264") && has("aac") { Ok(()) } else { Err("install an ffmpeg that has libx264 and aac".into()) }
}

/// What a program tells that reads nothing, and has a moment to do it: the mount waits.
fn probe_with(
    library: &Library,
    tools: &Tools,
    program: &Path,
    arguments: &[String],
) -> io::Result<Result<Vec<u8>, String>> {
    let (input, output) = (nameless(library)?, nameless(library)?);
    let run = Run {
        sandbox: &tools.sandbox,
        program,
        arguments,
        input: &input,
        output: &output,
        cpu_seconds: PROBE_SECONDS,
        file_bytes: TOLD,
        is_awaited: false,
        is_apart: false,
    };
    let began = library.clock.now();
    match run.run(|_| library.clock.now().ms_since(began) < PATIENCE_MS)? {
        Ended::Done => told(&output).map(Ok),
        Ended::Stopped => Ok(Err(format!("{} does not answer", program.display()))),
        Ended::Refused(why) | Ended::Overran(why) | Ended::Unsandboxed(why) | Ended::Failed(why) => Ok(Err(why)),
    }
}
