//! Tells the kernel what to forget: one thread per mount that holds no lock. Never from a handler: the kernel may hold the directory
//! that a notification wants, until the handler's reply.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Sender, bounded, select_biased};
use damfs::fs::{Invalidation, Mount};
use fuser::{INodeNo, Notifier};
use tracing::{debug, warn};

/// The running thread; ends when dropped or when the mount is gone.
pub struct NotifyThread {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Starts passing invalidations on.
pub fn start(mount: Arc<Mount>, notifier: Notifier) -> io::Result<NotifyThread> {
    let invalidations = mount.invalidations();
    let (stop, stopped) = bounded::<()>(0);
    let thread = std::thread::Builder::new().name("notify".into()).spawn(move || {
        loop {
            let next = select_biased! {
                recv(stopped) -> _ => return,
                recv(invalidations) -> next => next,
            };
            let Ok(next) = next else { return };
            match tell(&mount, &notifier, &next) {
                Ok(()) => {}
                Err(e) if is_gone(&e) => {
                    debug!("the mount is gone; no more invalidations");
                    return;
                }
                Err(e) => warn!(error = %e, "the kernel did not take an invalidation"),
            }
        }
    })?;
    Ok(NotifyThread { stop: Some(stop), thread: Some(thread) })
}

fn tell(mount: &Mount, notifier: &Notifier, what: &Invalidation) -> io::Result<()> {
    let told = match what {
        Invalidation::Name { parent, name } => notifier.inval_entry(INodeNo(*parent), OsStr::from_bytes(name)),
        // Offset 0 and length 0: every page. Below 0: attributes alone.
        Invalidation::Inode { ino, bytes: true } => notifier.inval_inode(INodeNo(*ino), 0, 0),
        Invalidation::Inode { ino, bytes: false } => {
            mount.take_back_attr(*ino, || notifier.inval_inode(INodeNo(*ino), -1, 0))
        }
        Invalidation::Reached { seq } => {
            mount.told(*seq);
            Ok(())
        }
    };
    match told {
        // What the kernel does not know it need not forget.
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        // A directory that is in use as a mount's root or holds one cannot be dropped; its lifetime ends by itself.
        Err(e)
            if matches!(
                e.kind(),
                io::ErrorKind::ResourceBusy | io::ErrorKind::NotADirectory | io::ErrorKind::DirectoryNotEmpty
            ) =>
        {
            Ok(())
        }
        told => told,
    }
}

fn is_gone(e: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(Errno::from_io_error(e), Some(Errno::NODEV | Errno::NOTCONN | Errno::CONNABORTED | Errno::PERM))
}

impl Drop for NotifyThread {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
