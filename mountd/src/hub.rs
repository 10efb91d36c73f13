//! The daemon's mounts: who may have one, which there are, and their end.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use damfs::access::AccessError;
use damfs::fs::{Audience, Mount, Show};
use damfs::ops::Library;
use damfs::ops::proto::{Failure, FailureKind, MountInfo};
use damfs::types::{Caller, MemberId};
use tracing::{error, info, warn};

use crate::fuse::{self, Pool, Running};
use crate::mounting::{self, Fresh, MountError, Mounted, Options, Parting, Place};

/// How long an unmount waits for programs to leave before it goes on without them.
const LEAVING: Duration = Duration::from_secs(2);
/// How long the end of the daemon waits for all of them together.
const STOPPING: Duration = Duration::from_secs(5);
/// How long a command waits until the kernel has been told of its changes.
const TELLING: Duration = Duration::from_secs(5);

/// When the daemon ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// With its last mount.
    LastMount,
    /// When it is told to.
    UntilStopped,
}

/// What a mount is to be.
#[derive(Debug)]
pub struct Wish {
    pub place: Place,
    pub as_member: Option<String>,
    pub shared: bool,
    pub posix: bool,
}

/// One mount.
struct Served {
    number: u64,
    owner: u32,
    member: Option<MemberId>,
    info: MountInfo,
    mounted: Mounted,
    mount: Arc<Mount>,
    running: Running,
    /// Being unmounted by a command, which sees to its end.
    leaving: bool,
}

struct State {
    mounts: Vec<Served>,
    next_number: u64,
    stopping: bool,
}

/// The mounts of one library.
pub struct Hub {
    library: Arc<Library>,
    pool: Arc<Pool>,
    life: Life,
    state: Mutex<State>,
    stop: Sender<()>,
    stopped: Receiver<()>,
    /// Mounting and unmounting, one at a time: both look at the tree before they change it.
    turn: Mutex<()>,
}

impl Hub {
    pub fn new(library: Arc<Library>, pool: Arc<Pool>, life: Life) -> Arc<Self> {
        let (stop, stopped) = bounded(1);
        let state = Mutex::new(State { mounts: Vec::new(), next_number: 0, stopping: false });
        Arc::new(Self { library, pool, life, state, stop, stopped, turn: Mutex::new(()) })
    }

    /// The library served.
    pub fn library(&self) -> &Arc<Library> {
        &self.library
    }

    /// Mounts for a caller.
    ///
    /// # Errors
    /// When he may not, has the mount already, or the system refuses.
    pub fn mount(self: &Arc<Self>, caller: &Caller, wish: Wish) -> Result<MountInfo, Failure> {
        let met = self.meet(caller);
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if self.lock().stopping {
            return Err(failed("the daemon is stopping", "run the command again"));
        }
        let daemon = rustix::process::geteuid().as_raw();
        if daemon != 0 && caller.uid != daemon {
            return Err(refused(
                "this daemon runs as another user and mounts for him alone",
                "ask for a system daemon",
            ));
        }
        let member = self.member_of(caller, &wish, met)?;
        let audience = member.map_or(Audience::Everyone, Audience::Member);
        if let Some(there) = self.lock().mounts.iter().find(|m| m.member == member && m.mounted.is_in_place()) {
            let who = there.info.member.as_deref().unwrap_or("everyone");
            let message = format!("{who} has this library mounted already, at {}", there.info.mountpoint);
            return Err(Failure {
                kind: FailureKind::Failed,
                message,
                hint: Some("use that, or unmount it first".into()),
            });
        }

        let show = Show { uid: caller.uid, gid: caller.gid };
        let mount = Mount::new(Arc::clone(&self.library), audience, show)
            .map_err(|e| failed(&format!("the library cannot be mounted: {e}"), "see the daemon's log"))?;
        let options = Options {
            source: self.library.root().as_os_str().to_owned(),
            uid: caller.uid,
            gid: caller.gid,
            everyone: wish.shared,
            posix: wish.posix,
        };
        let fresh = mounting::mount(wish.place, &options)?;
        let info = MountInfo {
            pid: std::process::id(),
            library: self.library.root().display().to_string(),
            mountpoint: fresh.mounted.path.display().to_string(),
            member: member.and_then(|id| self.library.member_name(id)),
            shared: wish.shared,
        };
        self.serve(caller, member, info, fresh, mount)
    }

    fn serve(
        self: &Arc<Self>,
        caller: &Caller,
        member: Option<MemberId>,
        info: MountInfo,
        fresh: Fresh,
        mount: Arc<Mount>,
    ) -> Result<MountInfo, Failure> {
        let Fresh { mounted, root, device } = fresh;
        let number = {
            let mut state = self.lock();
            state.next_number += 1;
            state.next_number
        };
        let hub = Arc::downgrade(self);
        let ended = Box::new(move || Self::gone(&hub, number));
        let running = match fuse::start(device, Arc::clone(&mount), Arc::clone(&self.pool), ended) {
            Ok(running) => running,
            Err(e) => {
                let _ = mounted.unmount(Parting::AtOnce);
                return Err(MountError::Handshake(e).into());
            }
        };
        if let Err(e) = mounted.settle_in(root, caller.uid, caller.gid) {
            let _ = mounted.unmount(Parting::AtOnce);
            return Err(e.into());
        }
        info!(mount = number, shared = info.shared, "mounted");
        let over = running.is_over();
        let served =
            Served { number, owner: caller.uid, member, info: info.clone(), mounted, mount, running, leaving: false };
        self.lock().mounts.push(served);
        // It may have been taken away before it was in the list, when `gone` found nothing to remove.
        if over {
            Self::gone(&Arc::downgrade(self), number);
        }
        Ok(info)
    }

    /// Has the system asked whose a user id is before anything is held: what it says is known for a moment. Who is no member is told when it does
    /// not say.
    fn meet(&self, caller: &Caller) -> Result<(), AccessError> {
        self.library.gate.knock(caller.uid)
    }

    /// Whom a mount answers for; `None` is everyone.
    fn member_of(
        &self,
        caller: &Caller,
        wish: &Wish,
        met: Result<(), AccessError>,
    ) -> Result<Option<MemberId>, Failure> {
        let admin = self.library.may_admin(caller.uid);
        match (&wish.as_member, wish.shared) {
            (Some(_), true) => Err(Failure {
                kind: FailureKind::Usage,
                message: "a shared mount answers each user as himself".into(),
                hint: Some("leave out --as, or --shared".into()),
            }),
            (None, true) if admin => Ok(None),
            (None, true) => Err(refused("a shared mount needs an admin", "ask an admin of this library to mount it")),
            (Some(name), false) => {
                let found = self.library.member_named(name);
                match found {
                    Some(member) if admin || self.library.member_for(caller.uid) == Some(member) => Ok(Some(member)),
                    None if admin => Err(Failure {
                        kind: FailureKind::NotFound,
                        message: format!("there is no member `{name}`"),
                        hint: Some("list them: dam member list".into()),
                    }),
                    // Who is no admin does not learn which members there are.
                    _ => Err(refused("mounting as another member needs an admin", "leave out --as")),
                }
            }
            (None, false) => match (self.library.member_for(caller.uid), met) {
                (Some(member), _) => Ok(Some(member)),
                (None, Err(e)) => {
                    Err(refused(&e.to_string(), "or ask an admin: dam member add NAME --uid UID --role ROLE"))
                }
                (None, Ok(())) => Err(refused(
                    &format!("user id {} is no member of this library", caller.uid),
                    "ask an admin: dam member add NAME --uid UID --role ROLE",
                )),
            },
        }
    }

    /// Takes down the caller's mount at a path; an admin takes down any. One in use stays as it is, unless `parting` says otherwise.
    /// `true` when the daemon has nothing left to live for: the caller ends it with [`Self::stop`] when he has heard.
    ///
    /// # Errors
    /// When there is none, it is another's, or it is in use.
    pub fn unmount(&self, caller: &Caller, mountpoint: &Path, parting: Parting) -> Result<bool, Failure> {
        let _ = self.meet(caller);
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let admin = self.library.may_admin(caller.uid);
        let (number, mounted) = {
            let mut state = self.lock();
            let served = state
                .mounts
                .iter_mut()
                .find(|m| m.mounted.path == mountpoint && (admin || m.owner == caller.uid))
                .ok_or_else(|| Failure {
                    kind: FailureKind::NotFound,
                    message: format!("you have no mount of this library at {}", mountpoint.display()),
                    hint: Some("dam status lists them".into()),
                })?;
            served.leaving = true;
            (served.number, served.mounted.clone())
        };
        self.part_with(number, &mounted, parting)
    }

    /// Takes down whatever answers for a member, whoever holds files open in it. `true` as in [`Self::unmount`].
    pub fn dismiss(&self, member: MemberId) -> bool {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let his: Vec<(u64, Mounted)> = {
            let mut state = self.lock();
            let his = state.mounts.iter_mut().filter(|m| m.member == Some(member));
            his.map(|served| {
                served.leaving = true;
                (served.number, served.mounted.clone())
            })
            .collect()
        };
        let mut ending = false;
        for (number, mounted) in his {
            match self.part_with(number, &mounted, Parting::AtOnce) {
                Ok(was_last) => ending = was_last,
                Err(e) => error!(mount = number, error = %e, "a mount of who has left stays; nothing is in it"),
            }
        }
        ending
    }

    /// Takes one mount down that is marked as leaving.
    fn part_with(&self, number: u64, mounted: &Mounted, parting: Parting) -> Result<bool, Failure> {
        let done = mounted.unmount(parting);
        let served = {
            let mut state = self.lock();
            let at = state.mounts.iter().position(|m| m.number == number);
            match (at, &done) {
                // It may have been taken away from outside meanwhile.
                (Some(at), Err(_)) if !state.mounts[at].running.is_over() => {
                    state.mounts[at].leaving = false;
                    None
                }
                (Some(at), _) => Some(state.mounts.remove(at)),
                (None, _) => None,
            }
        };
        let Some(served) = served else { return done.map(|()| self.was_last()).map_err(Failure::from) };
        info!(mount = number, "unmounted");
        if served.running.ends_within(LEAVING) {
            served.running.join();
        } else {
            info!(mount = number, "programs still hold files of this mount open; they may finish");
        }
        Ok(self.was_last())
    }

    /// Waits until every mount's kernel has been told of what has changed, so that who reads a command's answer sees its effect.
    pub fn wait_told(&self) {
        let mounts: Vec<_> = self.lock().mounts.iter().map(|m| (m.number, Arc::clone(&m.mount))).collect();
        let deadline = Instant::now() + TELLING;
        for (number, mount) in mounts {
            match mount.wait_told(deadline.saturating_duration_since(Instant::now())) {
                Ok(true) => {}
                Ok(false) => {
                    warn!(mount = number, "the kernel is slow to forget; old names may resolve a moment longer")
                }
                Err(e) => warn!(mount = number, error = %e, "the change feed cannot be read"),
            }
        }
    }

    /// The mounts that a caller may know of: his own, and as a member the shared ones; an admin knows all.
    pub fn mounts(&self, caller: &Caller) -> Vec<MountInfo> {
        let admin = self.library.may_admin(caller.uid);
        let member = self.library.member_for(caller.uid).is_some();
        let knows = |m: &Served| admin || m.owner == caller.uid || (m.info.shared && member);
        self.lock().mounts.iter().filter(|m| knows(m)).map(|m| m.info.clone()).collect()
    }

    /// Tells the daemon to end.
    pub fn stop(&self) {
        let _ = self.stop.try_send(());
    }

    /// Waits until the daemon is to end.
    pub fn wait(&self) {
        let _ = self.stopped.recv();
    }

    /// Takes everything down. Files that stay open are cut off when the process ends.
    pub fn take_down(&self) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mounts = {
            let mut state = self.lock();
            state.stopping = true;
            std::mem::take(&mut state.mounts)
        };
        for served in &mounts {
            if let Err(e) = served.mounted.unmount(Parting::AtOnce) {
                error!(mount = served.number, error = %e, "a mount stays; unmount it by hand");
            }
        }
        let deadline = Instant::now() + STOPPING;
        for served in mounts {
            if served.running.ends_within(deadline.saturating_duration_since(Instant::now())) {
                served.running.join();
            } else {
                warn!(mount = served.number, "programs still hold files open; they are cut off");
            }
        }
    }

    /// A mount's loops ended: by our unmount, by anybody's, or by a fault.
    fn gone(hub: &Weak<Self>, number: u64) {
        let Some(hub) = hub.upgrade() else { return };
        let served = {
            let mut state = hub.lock();
            let at = state.mounts.iter().position(|m| m.number == number && !m.leaving);
            at.map(|at| state.mounts.remove(at))
        };
        let Some(served) = served else { return };
        // After a fault the dead mount would be left for people to find.
        if let Err(e) = served.mounted.unmount(Parting::AtOnce) {
            warn!(mount = number, error = %e, "a dead mount stays");
        }
        info!(mount = number, "unmounted from outside");
        if hub.was_last() {
            hub.stop();
        }
    }

    fn was_last(&self) -> bool {
        self.life == Life::LastMount && self.lock().mounts.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a client's path leads, for finding a mount: its last name is not followed, for it may be a mount that refuses us.
pub fn absolute(path: &str) -> PathBuf {
    let path = Path::new(path);
    match (path.parent().and_then(|up| up.canonicalize().ok()), path.file_name()) {
        (Some(up), Some(name)) => up.join(name),
        _ => path.to_owned(),
    }
}

fn refused(message: &str, hint: &str) -> Failure {
    Failure { kind: FailureKind::Refused, message: message.to_owned(), hint: Some(hint.to_owned()) }
}

fn failed(message: &str, hint: &str) -> Failure {
    Failure { kind: FailureKind::Failed, message: message.to_owned(), hint: Some(hint.to_owned()) }
}
