//! One run of one program in the sandbox.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use memmap2::MmapOptions;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, Mode, OFlags, SealFlags};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::Library;
use crate::media::video::Progress;
use crate::types::ReadAt;

/// What the sandbox begins with when it says why it runs nothing.
pub const UNSANDBOXED: &str = "dam-mountd sandbox: ";
/// How often a run is looked at: at first, for most are short, and then.
const LOOK_AT_FIRST: Duration = Duration::from_millis(4);
const LOOK: Duration = Duration::from_millis(100);
/// A line of a program is heard to here.
const LINE: u64 = 4096;
/// Most bytes of what a prober tells.
pub(super) const TOLD: u64 = 1 << 20;
/// Bytes that are copied at once.
const CHUNK: usize = 1 << 20;
const TIME: &str = "it takes more of the processor's time than it is given";
/// Processor seconds that reading a header may take.
pub(super) const PROBE_SECONDS: u64 = 30;

/// What to run, on what.
pub(super) struct Run<'a> {
    /// `dam-mountd`, which becomes the program.
    pub sandbox: &'a Path,
    pub program: &'a Path,
    pub arguments: &'a [String],
    /// Descriptors 0 and 1.
    pub input: &'a File,
    pub output: &'a File,
    pub cpu_seconds: u64,
    pub file_bytes: u64,
    /// Somebody waits for it: it does not come behind everybody else.
    pub is_awaited: bool,
    /// The program talks on its standard output: it is told of another path of the output, behind its arguments.
    pub is_apart: bool,
}

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Done,
    /// It was stopped, for it was no longer wanted.
    Stopped,
    /// What it read is at fault: it would end so again.
    Refused(String),
    /// It took all that it was given of time, memory or room, which another machine, or more of it, might not have done.
    Overran(String),
    /// Nothing was run, for it would have run with rights.
    Unsandboxed(String),
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
        let child = Command::new(self.sandbox)
            .arg("sandbox")
            .args(["--parent", &std::process::id().to_string()])
            .args(["--cpu-seconds", &self.cpu_seconds.to_string()])
            .args(["--file-bytes", &self.file_bytes.to_string()])
            .args(self.is_awaited.then_some("--awaited"))
            .args(self.is_apart.then_some("--apart"))
            .arg(self.program)
            .args(self.arguments)
            // Nothing that the daemon was told is anything to it.
            .env_clear()
            .stdin(Stdio::from(self.input.try_clone()?))
            .stdout(Stdio::from(self.output.try_clone()?))
            .stderr(Stdio::piped())
            .spawn()?;
        let mut child = Guard(child);
        let ended = pidfd_open(Pid::from_child(&child.0), PidfdFlags::empty()).ok();
        let progress = Mutex::new(Progress::default());
        let heard = || progress.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let said = child.0.stderr.take();
        let status = std::thread::scope(|scope| {
            scope.spawn(|| said.map(|said| listen(said, &progress)));
            let mut pause = LOOK_AT_FIRST;
            let status = loop {
                if let Some(status) = child.0.try_wait()? {
                    break Some(status);
                }
                if !goes_on(&heard()) {
                    break None;
                }
                wait(ended.as_ref(), pause);
                pause = (pause * 2).min(LOOK);
            };
            // Its end closes what the listener reads.
            drop(child);
            Ok::<_, io::Error>(status)
        })?;
        Ok(status.map_or(Ended::Stopped, |status| self.ended(status, &heard())))
    }
}

impl Run<'_> {
    fn ended(&self, status: ExitStatus, progress: &Progress) -> Ended {
        let said = &progress.complaint;
        if let Some(why) = said.strip_prefix(UNSANDBOXED) {
            return Ended::Unsandboxed(why.to_owned());
        }
        let program = self.program.file_name().unwrap_or_default().to_string_lossy();
        match status.signal() {
            _ if progress.disk_full => Ended::Failed("no space is left on the disk".into()),
            None if status.success() => Ended::Done,
            _ if progress.out_of_memory => Ended::Overran("it takes more memory than it is given".into()),
            // It is told by a signal that its time is over, and ends by itself, with nothing to say.
            None if program == "ffmpeg" && matches!(status.code(), Some(123 | 255)) => Ended::Overran(TIME.into()),
            // Its libraries cannot be loaded.
            None if status.code() == Some(127) => Ended::Failed(format!("{program} cannot be started: {said}")),
            None if progress.unable => Ended::Failed(format!("{program} cannot do it here: {said}")),
            None if said.is_empty() => Ended::Refused(format!("{program} ended with {status}")),
            None => Ended::Refused(said.clone()),
            Some(libc::SIGXCPU) => Ended::Overran(TIME.into()),
            Some(libc::SIGXFSZ) => Ended::Overran("what is made of it is longer than it may be".into()),
            // By whoever ends processes when memory is short, or a person.
            Some(libc::SIGKILL | libc::SIGTERM | libc::SIGINT) => Ended::Failed(format!("{program} was killed")),
            Some(signal) => Ended::Refused(format!("{program} died of signal {signal}")),
        }
    }
}

/// Until a process has ended, or for so long.
fn wait(ended: Option<&OwnedFd>, most: Duration) {
    let Some((ended, most)) = ended.zip(Timespec::try_from(most).ok()) else { return std::thread::sleep(most) };
    // Whatever comes of it, the process is looked at next.
    let _ = poll(&mut [PollFd::new(ended, PollFlags::IN)], Some(&most));
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

/// A file in memory alone.
///
/// # Errors
/// When there is none to be had.
pub(super) fn in_memory() -> io::Result<File> {
    Ok(File::from(rustix::fs::memfd_create("damfs", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?))
}

/// What a file in memory holds, where it is, when nobody will write to it any more.
///
/// # Errors
/// When somebody might still.
pub(super) fn left_in(file: &File) -> io::Result<Bytes> {
    rustix::fs::fcntl_add_seals(file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE)?;
    #[expect(unsafe_code, reason = "what is mapped has to stay as it is, which only who maps it can know")]
    // Privately, for older kernels share no sealed file, not even for reading.
    // SAFETY: it is sealed: whoever still has it can neither change nor shorten it.
    let map = unsafe { MmapOptions::new().map_copy_read_only(file)? };
    Ok(Bytes::from_owner(map))
}

/// What was written to a file, to a bound.
pub(super) fn told(output: &File) -> io::Result<Vec<u8>> {
    use std::os::unix::fs::FileExt;
    let length = output.metadata()?.len().min(TOLD);
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    output.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// Copies bytes, and asks now and then whether it is to go on; whether it came to the end.
///
/// # Errors
/// When they cannot be read, or not be written.
pub(super) fn copy(source: &dyn ReadAt, to: &File, mut goes_on: impl FnMut() -> bool) -> io::Result<bool> {
    use std::os::unix::fs::FileExt;
    let mut buf = vec![0; CHUNK];
    let mut at = 0;
    while at < source.len() {
        let count = source.read_at(at, &mut buf)?;
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the bytes end before their length"));
        }
        to.write_all_at(&buf[..count], at)?;
        at += count as u64;
        if !goes_on() {
            return Ok(false);
        }
    }
    Ok(true)
}
