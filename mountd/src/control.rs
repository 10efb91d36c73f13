//! The control socket: who calls is what the kernel says of the other end.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use damfs::ops::proto::{Command, Failure, FailureKind, Hello, PROTOCOL, Request, Response};
use damfs::ops::{serve_to, wire};
use damfs::types::{Caller, MemberId};
use serde_json::json;
use tracing::{debug, error, warn};

use crate::hub::{Hub, Wish, absolute};
use crate::mounting::{Parting, Place};
use crate::telling::telling;

/// Conversations at once; who comes beyond them is told to try again.
const MOST: usize = 64;

/// The listening socket; its name goes with it.
pub struct Control {
    path: std::path::PathBuf,
}

impl Control {
    /// Listens for the library's commands and answers each conversation on a thread of its own.
    ///
    /// # Errors
    /// When another daemon serves the library, or the socket cannot be made.
    pub fn start(hub: &Arc<Hub>) -> io::Result<Self> {
        let listener = wire::listen(hub.library().root())?;
        let path = wire::socket_path(hub.library().root());
        // Whoever reaches the library's directory may call; what he may do is decided by his user id.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666))?;
        let hub = Arc::clone(hub);
        std::thread::Builder::new().name("control".into()).spawn(move || accept(&listener, &hub))?;
        Ok(Self { path })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn accept(listener: &UnixListener, hub: &Arc<Hub>) {
    let talking = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        let stream = match stream {
            Ok(stream) => stream,
            Err(e) => {
                warn!(error = %e, "a call did not come through");
                // Out of descriptors, mostly: a moment lets others end.
                std::thread::sleep(std::time::Duration::from_millis(50));
                continue;
            }
        };
        let turn = Turn::take(&talking);
        let hub = Arc::clone(hub);
        let spawned = std::thread::Builder::new().name("talk".into()).spawn(move || match turn {
            Some(_turn) => converse(&stream, &hub),
            None => decline(&stream),
        });
        if let Err(e) = spawned {
            warn!(error = %e, "no thread for a call");
        }
    }
}

/// One of the [`MOST`] places, given back when dropped.
struct Turn(Arc<AtomicUsize>);

impl Turn {
    fn take(talking: &Arc<AtomicUsize>) -> Option<Self> {
        let turn = Self(Arc::clone(talking));
        (talking.fetch_add(1, Ordering::AcqRel) < MOST).then_some(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn decline(stream: &UnixStream) {
    let failure = failure(FailureKind::Failed, "too many commands at once", "try again in a moment");
    let _ = wire::send(stream, &Response::Failed { failure }, None);
}

fn converse(stream: &UnixStream, hub: &Arc<Hub>) {
    if let Err(e) = stream.set_read_timeout(Some(wire::PATIENCE)).and(stream.set_write_timeout(Some(wire::PATIENCE))) {
        warn!(error = %e, "a call without a time limit is not taken");
        return;
    }
    let caller = match rustix::net::sockopt::socket_peercred(stream) {
        Ok(peer) => {
            Caller { uid: peer.uid.as_raw(), gid: peer.gid.as_raw(), process: peer.pid.as_raw_pid().unsigned_abs() }
        }
        Err(e) => {
            warn!(error = %e, "a call without a caller is not taken");
            return;
        }
    };
    loop {
        let (request, descriptor) = match wire::receive::<Request>(stream) {
            Ok(Some(next)) => next,
            Ok(None) => return,
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => return,
            Err(e) => {
                debug!(error = %e, "a call was no request");
                let failure = failure(
                    FailureKind::Usage,
                    "the daemon did not understand that",
                    "are dam and dam-mountd of one version?",
                );
                let _ = wire::send(stream, &Response::Failed { failure }, None);
                return;
            }
        };
        let leaving = leaving(hub, &request);
        let answer = catch_unwind(AssertUnwindSafe(|| answer(hub, stream, &caller, request, descriptor)))
            .unwrap_or_else(|_| {
                error!("a command panicked");
                Err(failure(FailureKind::Failed, "the daemon made a mistake", "see its log"))
            });
        let (response, mut next) = match answer {
            Ok((value, next)) => (Response::Done { value }, next),
            Err(failure) => (Response::Failed { failure }, Next::Listen),
        };
        // Out he is with the first thing that is committed, whatever became of the rest.
        if leaving.is_some_and(|member| hub.library().is_shut_out(member) && hub.dismiss(member)) {
            next = Next::End;
        }
        match wire::send(stream, &response, None) {
            // Nothing of it was sent.
            Err(e) if e.kind() == io::ErrorKind::InvalidData => {
                let failure = failure(
                    FailureKind::Failed,
                    &format!("what was asked is done, and its answer cannot be told: {e}"),
                    "ask about fewer things at once",
                );
                let _ = wire::send(stream, &Response::Failed { failure }, None);
            }
            Err(e) => debug!(error = %e, "the caller did not wait for his answer"),
            Ok(()) => {}
        }
        if next == Next::End {
            hub.stop();
            // The caller learns by the end of this stream that the library is closed, so it stays open until the process is gone.
            loop {
                std::thread::park();
            }
        }
    }
}

/// The member whose mounts a request may leave without anybody whom they answer for.
fn leaving(hub: &Hub, request: &Request) -> Option<MemberId> {
    match request {
        Request::Run { command: Command::MemberOffboard { name, .. } } => hub.library().member_called(name),
        _ => None,
    }
}

/// What comes after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Listen,
    /// The daemon's end.
    End,
}

fn answer(
    hub: &Arc<Hub>,
    stream: &UnixStream,
    caller: &Caller,
    request: Request,
    descriptor: Option<OwnedFd>,
) -> Result<(serde_json::Value, Next), Failure> {
    let value = match request {
        Request::Hello => {
            json!(Hello { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").into(), pid: std::process::id() })
        }
        Request::Run { command } => {
            let shows = command.changes_names();
            let file = descriptor.map(Into::into);
            let long = command.tells_progress();
            let done = telling(stream, long, |listener| serve_to(hub.library(), caller, command, file, listener));
            // Also of what failed some of it may be done.
            if shows {
                hub.wait_told();
            }
            done?
        }
        Request::Mount { mountpoint, as_member, shared, posix } => {
            let Some(directory) = descriptor else {
                return Err(failure(
                    FailureKind::Usage,
                    "a mount needs its directory",
                    "pass an open descriptor of it",
                ));
            };
            let place = Place::from_descriptor(directory, Path::new(&mountpoint), caller.uid)?;
            let info = hub.mount(caller, Wish { place, as_member, shared, posix })?;
            json!(info)
        }
        Request::Unmount { mountpoint, force } => {
            let parting = if force { Parting::AtOnce } else { Parting::WhenFree };
            let ending = hub.unmount(caller, &absolute(&mountpoint), parting)?;
            let next = if ending { Next::End } else { Next::Listen };
            return Ok((json!({ "unmounted": mountpoint, "ending": ending }), next));
        }
        Request::Status => json!({
            "pid": std::process::id(),
            "library": hub.library().root().display().to_string(),
            "mounts": hub.mounts(caller),
            "faults": Some(hub.library().faults()).filter(|_| hub.library().may_admin(caller.uid)),
        }),
        Request::Stop if hub.library().may_admin(caller.uid) => return Ok((json!({ "ending": true }), Next::End)),
        Request::Stop => {
            return Err(failure(
                FailureKind::Refused,
                "stopping the daemon needs an admin",
                "unmount your own mount instead",
            ));
        }
    };
    Ok((value, Next::Listen))
}

fn failure(kind: FailureKind, message: &str, hint: &str) -> Failure {
    Failure { kind, message: message.into(), hint: Some(hint.into()) }
}
