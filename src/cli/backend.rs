//! Where a command runs: in the daemon that serves the library, or here, with the library opened in place. Same answers.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::args::Global;
use super::{Failure, environment, failed, keys, mounts, usage};
use crate::clock::{SharedClock, SystemClock};
use crate::directory;
use crate::ops::proto::{Command, FailureKind, Hello, PROTOCOL, Request, Response};
use crate::ops::{Library, Listener, OpenError, serve_to, wire};
use crate::rng::{SharedEntropy, SystemEntropy};
use crate::types::Caller;

/// How often a library that another short command holds is tried again, 50 ms apart.
const PATIENCE: u32 = 60;

/// A conversation with a library's daemon.
pub struct Client(UnixStream);

/// A library to run commands on.
pub enum Backend {
    /// Opened here.
    Local { library: Arc<Library>, caller: Caller },
    /// Served by a daemon.
    Remote(Client),
}

impl Backend {
    /// The daemon if one answers, else the library itself.
    pub fn open(global: &Global, root: &Path) -> Result<Self, Failure> {
        let key = keys::find(global, root);
        let mut tries = 0;
        loop {
            if let Some(client) = daemon(root)? {
                return Ok(Self::Remote(client));
            }
            match Library::open(root, key.as_deref(), clock(), entropy()) {
                Ok(library) => {
                    library.use_directory(directory::of_system());
                    return Ok(Self::Local { library, caller: caller() });
                }
                Err(OpenError::InUse { .. }) if tries < PATIENCE => {
                    tries += 1;
                    thread::sleep(Duration::from_millis(50));
                }
                Err(e) => return Err(explain(&e, root)),
            }
        }
    }

    /// Runs one command; `file` goes with an import.
    pub fn run(&mut self, command: Command, file: Option<File>) -> Result<Value, Failure> {
        self.run_telling(command, file, &())
    }

    /// As [`Backend::run`]; `file` goes with it, and `listener` hears how far it is.
    pub fn run_telling(
        &mut self,
        command: Command,
        file: Option<File>,
        listener: &dyn Listener,
    ) -> Result<Value, Failure> {
        match self {
            Self::Local { library, caller } => serve_to(library, caller, command, file, listener),
            Self::Remote(client) => ask_telling(client, &Request::Run { command }, file.as_ref(), listener),
        }
    }
}

/// Opens the backend of the library that the options or the paths name, and runs one command.
pub fn run(
    global: &Global,
    paths: &[&str],
    command: impl FnOnce(&Path) -> Result<Command, Failure>,
) -> Result<Value, Failure> {
    let root = root(global, paths)?;
    let command = command(&root)?;
    Backend::open(global, &root)?.run(command, None)
}

/// The library's folder: `--library`, or the one whose mount a path lies in, or `DAM_LIBRARY`.
pub fn root(global: &Global, paths: &[&str]) -> Result<PathBuf, Failure> {
    root_of(global, paths.iter().map(OsStr::new))
}

/// As [`root`].
pub fn root_of<'a>(global: &Global, mut paths: impl Iterator<Item = &'a OsStr>) -> Result<PathBuf, Failure> {
    let mounts = mounts::all();
    let mut of_mount = || paths.find_map(|path| mounts::locate_among(&mounts, Path::new(path)));
    named(global)
        .or_else(|| of_mount().map(|(mount, _)| mount.library.clone()))
        .or_else(|| environment("DAM_LIBRARY").map(|root| canonical(&root)))
        .ok_or_else(|| usage("no library given", "add --library DIR, set DAM_LIBRARY, or name a path in a mount"))
}

/// The library that `--library` names.
pub fn named(global: &Global) -> Option<PathBuf> {
    global.library.as_deref().filter(|p| !p.as_os_str().is_empty()).map(canonical)
}

/// The library's true path; as given when it is not there.
pub fn canonical(root: &Path) -> PathBuf {
    root.canonicalize().unwrap_or_else(|_| mounts::absolute(root))
}

/// The daemon that serves a library, if there is one. It has said that it is there; what it is asked then may take long.
pub fn daemon(root: &Path) -> Result<Option<Client>, Failure> {
    match wire::connect(root) {
        Ok(stream) => greet(Client(stream), root).map(Some),
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => Err(silent(root)),
        Err(e) => match e.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::NotADirectory => Ok(None),
            io::ErrorKind::PermissionDenied => Err(Failure {
                kind: FailureKind::Refused,
                message: format!("the daemon of {} may not be asked by you: {e}", root.display()),
                hint: Some(format!("ask the library's owner for: chmod a+x {}", root.display())),
            }),
            _ => Err(failed(
                format!("the daemon of {} does not answer: {e}", root.display()),
                format!("look into {}, or unmount and mount again", root.join("run/mountd.log").display()),
            )),
        },
    }
}

/// Whether somebody answers at the other end, and understands us.
fn greet(client: Client, root: &Path) -> Result<Client, Failure> {
    let limit = |time| {
        client
            .0
            .set_read_timeout(time)
            .map_err(|e| failed(format!("cannot ask the daemon: {e}"), "run the command again"))
    };
    limit(Some(wire::GREETING))?;
    wire::send(&client.0, &Request::Hello, None).map_err(|e| gone(&e))?;
    let hello: Hello = match wire::receive::<Response>(&client.0) {
        Ok(Some((Response::Done { value }, _))) => serde_json::from_value(value).map_err(|e| gone(&e.into()))?,
        Ok(Some((Response::Failed { failure }, _))) => return Err(failure),
        Ok(None | Some((Response::Progress { .. } | Response::Part { .. }, _))) => return Err(hung_up()),
        Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => return Err(silent(root)),
        Err(e) => return Err(gone(&e)),
    };
    if hello.protocol != PROTOCOL {
        return Err(failed(
            format!(
                "the daemon of {} is damfs {}, and this is {}",
                root.display(),
                hello.version,
                env!("CARGO_PKG_VERSION")
            ),
            format!("end it with: kill {}; then mount again", hello.pid),
        ));
    }
    limit(None)?;
    Ok(client)
}

fn silent(root: &Path) -> Failure {
    failed(
        format!("the daemon of {} does not answer", root.display()),
        format!(
            "it may be stopped or stuck: look into {}; when it stays so, end the process that `fuser {}` names, then: dam unmount MOUNTPOINT",
            root.join("run/mountd.log").display(),
            root.join("run/lock").display()
        ),
    )
}

fn hung_up() -> Failure {
    failed("the daemon hung up without an answer", "run the command again; look at dam status")
}

fn gone(e: &io::Error) -> Failure {
    failed(format!("the daemon went away: {e}"), "run the command again; look at dam status")
}

/// One question to a daemon.
pub fn ask(client: &mut Client, request: &Request, file: Option<&File>) -> Result<Value, Failure> {
    ask_telling(client, request, file, &())
}

/// As [`ask`]; `listener` hears how far it is.
fn ask_telling(
    client: &mut Client,
    request: &Request,
    file: Option<&File>,
    listener: &dyn Listener,
) -> Result<Value, Failure> {
    use std::os::fd::AsFd;
    wire::send(&client.0, request, file.map(AsFd::as_fd)).map_err(|e| gone(&e))?;
    loop {
        match wire::receive::<Response>(&client.0) {
            Ok(Some((Response::Progress { done, of }, _))) => listener.progress(done, of),
            Ok(Some((Response::Part { value }, _))) => listener.part(value)?,
            Ok(Some((Response::Done { value }, _))) => return Ok(value),
            Ok(Some((Response::Failed { failure }, _))) => return Err(failure),
            Ok(None) => return Err(hung_up()),
            Err(e) => return Err(gone(&e)),
        }
    }
}

/// Waits until the daemon has ended and let go of its library: the stream ends with its process.
pub fn ended(client: &Client, within: Duration) -> bool {
    use std::io::Read;
    client.0.set_read_timeout(Some(within)).is_ok() && matches!((&client.0).read(&mut [0]), Ok(0))
}

/// The machine's clock.
pub fn clock() -> SharedClock {
    Arc::new(SystemClock)
}

/// The machine's randomness.
pub fn entropy() -> SharedEntropy {
    Arc::new(SystemEntropy::new())
}

/// Who runs this command, as the kernel says.
pub fn caller() -> Caller {
    Caller {
        uid: rustix::process::getuid().as_raw(),
        gid: rustix::process::getgid().as_raw(),
        process: std::process::id(),
    }
}

/// Why a library cannot be opened, and what to do: as the library says it, with what only the command line knows.
pub fn explain(e: &OpenError, root: &Path) -> Failure {
    let mut failure = Failure::from(e);
    match e {
        OpenError::NotALibrary { .. } => failure.hint = Some(format!("make one with: dam init {}", root.display())),
        OpenError::KeyNeeded => {
            failure.hint = Some(format!(
                "its place is {}; name another with --key-file FILE or DAM_KEY_FILE; without it the library cannot be read",
                keys::place(root)
            ));
        }
        _ => {}
    }
    failure
}
