//! A mounted `/dev/fuse` descriptor to running loops, and their end.

use std::fs::File;
use std::io;
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use damfs::fs::Mount;
use fuser::{Config, Session, SessionACL};
use tracing::{error, info};

use super::dispatch::Adapter;
use super::notify;
use super::pool::Pool;

/// Fewer loops than this let one slow request hold up a whole mount.
const FEWEST_LOOPS: usize = 4;

/// Called once, when the mount is gone.
pub type Ended = Box<dyn FnOnce() + Send>;

/// The loops of one mount.
pub struct Running {
    thread: JoinHandle<()>,
    over: Receiver<()>,
}

impl Running {
    /// Whether the loops ended within the time.
    pub fn ends_within(&self, patience: Duration) -> bool {
        // The thread holds the sending side: the channel closes when it ends.
        !matches!(self.over.recv_timeout(patience), Err(crossbeam_channel::RecvTimeoutError::Timeout))
    }

    /// Whether the loops have ended.
    pub fn is_over(&self) -> bool {
        self.ends_within(Duration::ZERO)
    }

    /// Waits for loops that are known to end.
    pub fn join(self) {
        let _ = self.thread.join();
    }
}

/// Takes the kernel's first request and starts to serve. `ended` runs when the mount is gone, whoever unmounted it.
///
/// # Errors
/// When the kernel speaks no protocol that we do, or the threads cannot be had.
pub fn start(device: OwnedFd, mount: Arc<Mount>, pool: Arc<Pool>, ended: Ended) -> io::Result<Running> {
    let mut config = Config::default();
    config.n_threads = Some(std::thread::available_parallelism().map_or(FEWEST_LOOPS, NonZero::get).max(FEWEST_LOOPS));
    // A loop of its own opens the device again, which the helper's descriptor does not promise.
    config.clone_fd = File::options().read(true).write(true).open("/dev/fuse").is_ok();
    // Who may ask at all is the kernel's business: it refuses by user id, or lets everybody in with `allow_other`.
    config.acl = SessionACL::All;
    let adapter = Adapter::new(Arc::clone(&mount), pool);
    let to_kernel = adapter.notifier();
    let session = Session::from_fd(adapter, device, SessionACL::All, config)?;
    let _ = to_kernel.set(session.notifier());
    let notifying = notify::start(mount, session.notifier())?;
    let (running, over) = bounded::<()>(0);
    let thread = std::thread::Builder::new().name("mount".into()).spawn(move || {
        match session.run() {
            Ok(()) => info!("the mount is gone"),
            // Both mean that the connection was cut, by an unmount or by an abort.
            Err(e) if matches!(e.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::NotConnected) => {
                info!("the mount was cut off")
            }
            Err(e) => error!(error = %e, "the mount's loops ended"),
        }
        drop(notifying);
        drop(running);
        ended();
    })?;
    Ok(Running { thread, over })
}
