//! The daemon that mounts damfs libraries.

mod args;
mod control;
mod fuse;
mod guardian;
mod hub;
mod logs;
mod mounting;
mod ready;
mod sandbox;
mod signals;
mod telling;
mod tools;

use std::num::NonZero;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use args::Args;
use clap::Parser;
use control::Control;
use crossbeam_channel::{RecvTimeoutError, bounded};
use damfs::clock::SystemClock;
use damfs::ops::proto::{Failure, FailureKind};
use damfs::ops::{Library, OpenError, wire};
use damfs::rng::SystemEntropy;
use damfs::types::Caller;
use fuse::Pool;
use hub::{Hub, Life, Wish};
use mounting::Place;
use ready::Ready;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signals::Signals;
use tracing::{error, info};

/// How often the library is given time to make versions and to let tunnels end.
const TICK: Duration = Duration::from_millis(250);
/// The priority of what can wait.
const LAST: i32 = 19;
/// How often, and how far apart, a library in use is tried: ten seconds.
const PATIENCE: u32 = 500;
const BETWEEN: Duration = Duration::from_millis(20);

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|first| first == sandbox::WORD) {
        return sandbox::run();
    }
    let args = Args::parse();
    if let Some(daemon) = args.guard_of {
        return guardian::run(&args.library, daemon).unwrap_or(ExitCode::FAILURE);
    }
    let ready = match Ready::new(args.ready_fd) {
        Ok(ready) => ready,
        Err(e) => {
            logs::start(args.log_json);
            error!(error = %e, "the descriptor of --ready-fd is not open");
            return ExitCode::from(FailureKind::Usage.exit_code());
        }
    };
    logs::start(args.log_json);
    raise_open_files();
    match start(&args) {
        Ok(daemon) => {
            ready.done();
            daemon.run();
            ExitCode::SUCCESS
        }
        Err(failure) => {
            ready.failed(&failure);
            ExitCode::from(failure.kind.exit_code())
        }
    }
}

/// What a thread of its own does at each tick.
type Beat = fn(&Arc<Library>);

/// Gives this thread the processor when nobody else needs it. Where that is not allowed, it competes with the others.
fn come_last() {
    let _ = rustix::process::setpriority_process(None, LAST);
}

/// Takes as many descriptors as the system gives: programs keep files open here, and each that is written is two of ours.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(e) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        error!(error = %e, "the limit of open files stays as it is");
    }
}

/// Everything that runs.
struct Daemon {
    hub: Arc<Hub>,
    control: Control,
}

/// Opens the library. One whose daemon has just lost its last mount, or that a command uses in place, is let go of in a moment.
fn open_patiently(args: &Args) -> Result<Arc<Library>, OpenError> {
    let mut tries = 0;
    loop {
        let entropy = Arc::new(SystemEntropy::new());
        match Library::open(&args.library, args.key_file.as_deref(), Arc::new(SystemClock), entropy) {
            // Another daemon has it for good; whoever wants a mount can ask that one.
            Err(e @ OpenError::InUse { .. }) if wire::connect(&args.library).is_ok() => return Err(e),
            Err(OpenError::InUse { .. }) if tries < PATIENCE => tries += 1,
            opened => return opened,
        }
        std::thread::sleep(BETWEEN);
    }
}

fn start(args: &Args) -> Result<Daemon, Failure> {
    let signals = Signals::hold().map_err(|e| cannot("signals cannot be held", &e))?;
    let library = open_patiently(args).map_err(|e| Failure::from(&e))?;
    library.use_directory(damfs::directory::of_system());
    library.use_directory_for_strangers(damfs::directory::of_system_for_strangers());
    library.reads.name_programs(fuse::program_of);
    let path = std::env::var_os("PATH");
    library.use_tools(tools::of_clips(path.as_deref()));
    let same = path.clone();
    library.use_decoder(move || tools::of_pictures(same.as_deref()));
    library.use_quick_decoder(tools::of_webp(path.as_deref()));
    library.use_writer(move || tools::of_avif(path.as_deref()));
    if let Err(e) = guardian::start(library.root()) {
        error!(error = %e, "no process to guard the mounts; should the daemon be killed, programs may hang until `dam unmount`");
    }
    let started = serve(args, signals, &library);
    if started.is_err() {
        library.close();
    }
    started
}

fn serve(args: &Args, signals: Signals, library: &Arc<Library>) -> Result<Daemon, Failure> {
    let pool = Pool::new().map_err(|e| cannot("no threads", &e))?;
    let life = if args.mountpoint.is_some() { Life::LastMount } else { Life::UntilStopped };
    let hub = Hub::new(Arc::clone(library), Arc::new(pool), life);
    let weak = Arc::downgrade(&hub);
    library.when_suspended(move |member| {
        if let Some(hub) = weak.upgrade()
            && hub.dismiss(member)
        {
            hub.stop();
        }
    });
    let control = Control::start(&hub).map_err(|e| cannot("the control socket cannot be made", &e))?;
    if let Some(mountpoint) = &args.mountpoint {
        let caller = Caller {
            uid: rustix::process::getuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
            process: std::process::id(),
        };
        let place = Place::open(mountpoint)?;
        let wish = Wish { place, as_member: args.as_member.clone(), shared: args.shared, posix: args.posix };
        if let Err(e) = hub.mount(&caller, wish) {
            // Somebody else may have been served meanwhile; no dead mount is left to him.
            hub.take_down();
            return Err(e);
        }
    }
    let waiting = Arc::clone(&hub);
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || match signals.wait() {
            Ok(signal) => {
                info!(signal, "ending");
                waiting.stop();
            }
            Err(e) => error!(error = %e, "signals are not heard"),
        })
        .map_err(|e| cannot("no threads", &e))?;
    Ok(Daemon { hub, control })
}

impl Daemon {
    /// Serves until the end, then takes the mounts down and commits what is written.
    fn run(self) {
        let library = Arc::clone(self.hub.library());
        let (end, ended) = bounded::<()>(0);
        let start = |name: &str, comes_last: bool, beat: Beat| {
            let (library, ended) = (Arc::clone(&library), ended.clone());
            std::thread::Builder::new().name(name.into()).spawn(move || {
                if comes_last {
                    come_last();
                }
                loop {
                    let ticked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| beat(&library)));
                    if ticked.is_err() {
                        error!("a tick panicked; the next one goes on");
                    }
                    if !matches!(ended.recv_timeout(TICK), Err(RecvTimeoutError::Timeout)) {
                        break;
                    }
                }
            })
        };
        let beats: [(&str, Beat); 7] = [
            ("tick", Library::tick),
            ("short", Library::tick_short),
            ("long", Library::settle_long),
            ("snapshots", |library| {
                library.tell_heads_daily();
                library.snapshot_daily();
                library.evict_renders();
            }),
            ("index", |library| library.index()),
            ("alerts", Library::watch_alerts),
            ("groups", |library| library.sweep_groups()),
        ];
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        // Half of the machine is left to everybody else.
        let clips: Beat = |library| {
            library.render_clips();
            library.warm_previews();
        };
        let clips = (0..(cores / 2).max(1)).map(|_| ("clips", clips));
        let ticking = Vec::from_iter(beats.into_iter().chain(clips).map(|(name, beat)| start(name, false, beat)));
        // What they do is worth nothing by half and is done again: nobody waits for them at the end.
        let stills = (0..cores).map(|_| ("stills", (|library| library.render_stills()) as Beat));
        let idle = stills.chain([
            ("looks", (|library| library.look()) as Beat),
            ("screen", (|library| library.screen_waiting()) as Beat),
        ]);
        let idle = Vec::from_iter(idle.map(|(name, beat)| start(name, true, beat)));
        for e in ticking.iter().chain(&idle).filter_map(|t| t.as_ref().err()) {
            error!(error = %e, "no thread for work of the background");
        }
        self.hub.wait();
        library.end();
        // No new commands first, then no mounts, then nothing unwritten.
        drop(self.control);
        self.hub.take_down();
        drop(end);
        for thread in ticking.into_iter().flatten() {
            let _ = thread.join();
        }
        library.close();
        info!("ended");
    }
}

fn cannot(what: &str, e: &std::io::Error) -> Failure {
    let kind = FailureKind::Failed;
    Failure {
        kind,
        message: format!("{what}: {e}"),
        hint: Some("is another daemon serving it? see `dam status`".into()),
    }
}
