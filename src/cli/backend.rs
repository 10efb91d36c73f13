//! Where a command runs: in the daemon that serves the library, or here, with the library opened in place. Same answers.

use std::fs::File;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::args::Global;
use super::{Failure, failed, keys, mounts, usage};
use crate::clock::{SharedClock, SystemClock};
use crate::ops::proto::{Command, FailureKind, Request, Response};
use crate::ops::{Library, OpenError, serve, wire};
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
        let key = keys::find(global.key_file.as_deref(), root);
        let mut tries = 0;
        loop {
            if let Some(client) = daemon(root)? {
                return Ok(Self::Remote(client));
            }
            match Library::open(root, key.as_deref(), clock(), entropy()) {
                Ok(library) => return Ok(Self::Local { library, caller: caller() }),
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
        match self {
            Self::Local { library, caller } => serve(library, caller, command, file),
            Self::Remote(client) => ask(client, &Request::Run { command }, file.as_ref()),
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

/// The library's folder: `--library`, `DAM_LIBRARY`, or the one whose mount a path lies in.
pub fn root(global: &Global, paths: &[&str]) -> Result<PathBuf, Failure> {
    if let Some(root) = &global.library {
        return Ok(canonical(root));
    }
    paths
        .iter()
        .find_map(|p| mounts::containing(&mounts::absolute(Path::new(p))))
        .map(|m| m.library)
        .ok_or_else(|| usage("no library given", "add --library DIR, set DAM_LIBRARY, or name a path in a mount"))
}

/// The library's true path; as given when it is not there.
pub fn canonical(root: &Path) -> PathBuf {
    root.canonicalize().unwrap_or_else(|_| mounts::absolute(root))
}

/// The daemon that serves a library, if one answers its control socket.
pub fn daemon(root: &Path) -> Result<Option<Client>, Failure> {
    match wire::connect(root) {
        Ok(stream) => Ok(Some(Client(stream))),
        Err(e) => match e.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::NotADirectory => Ok(None),
            io::ErrorKind::PermissionDenied => Err(Failure {
                kind: FailureKind::Refused,
                message: format!("the daemon of {} may not be asked by you: {e}", root.display()),
                hint: Some("ask the library's owner to open its folder to your group".to_owned()),
            }),
            _ => Err(failed(
                format!("the daemon of {} does not answer: {e}", root.display()),
                format!("look into {}, or unmount and mount again", root.join("run/mountd.log").display()),
            )),
        },
    }
}

/// One question to a daemon.
pub fn ask(client: &mut Client, request: &Request, file: Option<&File>) -> Result<Value, Failure> {
    use std::os::fd::AsFd;
    let asked = wire::send(&client.0, request, file.map(AsFd::as_fd));
    match asked.and_then(|()| wire::receive::<Response>(&client.0)) {
        Ok(Some((Response::Done { value }, _))) => Ok(value),
        Ok(Some((Response::Failed { failure }, _))) => Err(failure),
        Ok(None) => Err(failed("the daemon hung up without an answer", "run the command again; look at dam status")),
        Err(e) => Err(failed(format!("the daemon went away: {e}"), "run the command again; look at dam status")),
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

/// Why a library cannot be opened, and what to do.
pub fn explain(e: &OpenError, root: &Path) -> Failure {
    let kind = match e {
        OpenError::NotALibrary { .. } => FailureKind::NotFound,
        OpenError::KeyInside { .. } => FailureKind::Usage,
        OpenError::Denied { .. } => FailureKind::Refused,
        _ => FailureKind::Failed,
    };
    let hint = match e {
        OpenError::NotALibrary { .. } => format!("make one with: dam init {}", root.display()),
        OpenError::KeyNeeded => format!(
            "its place is {}; name another with --key-file FILE or DAM_KEY_FILE; without it the library cannot be read",
            keys::place(root)
        ),
        OpenError::InUse { pid } if *pid != 0 => format!("wait for process {pid} to end, or unmount the library"),
        other => other.hint().to_owned(),
    };
    Failure { kind, message: e.to_string(), hint: Some(hint) }
}
