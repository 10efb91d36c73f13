//! One run of one program in the sandbox.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};

use super::{Tools, UNSANDBOXED};
use crate::media::video::Progress;
use crate::ops::Library;

/// How often a run is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// A line of a program is heard to here.
const LINE: u64 = 4096;
/// Most bytes of what a prober tells.
pub(super) const TOLD: u64 = 1 << 20;
/// How long the tools are waited for at the start.
const PATIENCE_MS: i64 = 20_000;
/// Processor seconds that reading a header may take.
pub(super) const PROBE_SECONDS: u64 = 30;

/// What to run, on what.
pub(super) struct Run<'a> {
    pub tools: &'a Tools,
    pub program: &'a Path,
    pub arguments: &'a [String],
    /// Descriptors 0 and 1.
    pub input: &'a File,
    pub output: &'a File,
    pub cpu_seconds: u64,
    pub file_bytes: u64,
}

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Done,
    /// It was stopped, for it was no longer wanted.
    Stopped,
    /// The clip is at fault: it would end so again.
    Refused(String),
    /// The machine is.
    Failed(String),
}

/// A program that ends with its guard.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Run<'_> {
    /// Runs it, and asks now and then whether it is to go on.
    ///
    /// # Errors
    /// When the sandbox cannot be started.
    pub(super) fn run(&self, mut goes_on: impl FnMut(&Progress) -> bool) -> io::Result<Ended> {
        let child = Command::new(&self.tools.sandbox)
            .arg("sandbox")
            .args(["--parent", &std::process::id().to_string()])
            .args(["--cpu-seconds", &self.cpu_seconds.to_string()])
            .args(["--file-bytes", &self.file_bytes.to_string()])
            .arg(self.program)
            .args(self.arguments)
            // Nothing that the daemon was told is anything to it.
            .env_clear()
            .stdin(Stdio::from(self.input.try_clone()?))
            .stdout(Stdio::from(self.output.try_clone()?))
            .stderr(Stdio::piped())
            .spawn()?;
        let mut child = Guard(child);
        let progress = Mutex::new(Progress::default());
        let heard = || progress.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let said = child.0.stderr.take();
        let status = std::thread::scope(|scope| {
            scope.spawn(|| said.map(|said| listen(said, &progress)));
            let status = loop {
                if let Some(status) = child.0.try_wait()? {
                    break Some(status);
                }
                if !goes_on(&heard()) {
                    break None;
                }
                std::thread::sleep(LOOK);
            };
            // Its end closes what the listener reads.
            drop(child);
            Ok::<_, io::Error>(status)
        })?;
        Ok(status.map_or(Ended::Stopped, |status| ended(status, &heard())))
    }
}

/// Hears what it says until it has ended.
fn listen(said: ChildStderr, progress: &Mutex<Progress>) {
    let mut said = BufReader::new(said);
    let mut line = Vec::new();
    loop {
        line.clear();
        match said.by_ref().take(LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => progress.lock().unwrap_or_else(PoisonError::into_inner).hear(&String::from_utf8_lossy(&line)),
        }
    }
}

fn ended(status: ExitStatus, progress: &Progress) -> Ended {
    let said = &progress.complaint;
    if let Some(why) = said.strip_prefix(UNSANDBOXED) {
        return Ended::Failed(why.to_owned());
    }
    match status.signal() {
        _ if progress.disk_full => Ended::Failed("no space is left on the disk".into()),
        None if status.success() => Ended::Done,
        None => Ended::Refused(if said.is_empty() { format!("the encoder ended with {status}") } else { said.clone() }),
        Some(libc::SIGXCPU) => {
            Ended::Refused("it takes more of the processor's time than it is given; cut it first".into())
        }
        // By whoever ends processes when memory is short, or a person.
        Some(libc::SIGKILL | libc::SIGTERM | libc::SIGINT) => Ended::Failed("the encoder was killed".into()),
        Some(signal) => Ended::Refused(format!("the encoder died of signal {signal}")),
    }
}

/// A file without a name: it ends with who holds it, however that ends, so that the plain bytes in it are never left behind.
///
/// # Errors
/// When the library's disk has none.
pub(super) fn nameless(library: &Library) -> io::Result<File> {
    let folder = library.root().join("run");
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = rustix::fs::open(folder, flags, Mode::RUSR | Mode::WUSR);
    let file = file.map_err(|e| {
        io::Error::other(format!("a file without a name (O_TMPFILE) cannot be had in the library's folder: {e}"))
    })?;
    Ok(File::from(file))
}

/// Whether the tools run in the sandbox here, and can write what platforms take.
///
/// # Errors
/// Why not, and what to do.
pub(super) fn try_out(library: &Library, tools: &Tools) -> Result<(), String> {
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
    let run =
        Run { tools, program, arguments, input: &input, output: &output, cpu_seconds: PROBE_SECONDS, file_bytes: TOLD };
    let began = library.clock.now();
    match run.run(|_| library.clock.now().ms_since(began) < PATIENCE_MS)? {
        Ended::Done => told(&output).map(Ok),
        Ended::Stopped => Ok(Err(format!("{} does not answer", program.display()))),
        Ended::Refused(why) | Ended::Failed(why) => Ok(Err(why)),
    }
}

/// What was written to a file, to a bound.
pub(super) fn told(output: &File) -> io::Result<Vec<u8>> {
    use std::os::unix::fs::FileExt;
    let length = output.metadata()?.len().min(TOLD);
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    output.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}
