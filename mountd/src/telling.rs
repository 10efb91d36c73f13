//! How far a long command is, told to its caller while it goes on.

use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use damfs::ops::proto::Response;
use damfs::ops::{Listener, wire};

const OFTEN: Duration = Duration::from_millis(200);

/// How far the command is.
#[derive(Default)]
struct Far {
    done: AtomicUsize,
    of: AtomicUsize,
    over: AtomicBool,
}

impl Listener for Far {
    fn progress(&self, done: usize, of: usize) {
        self.of.store(of, Ordering::Relaxed);
        self.done.store(done, Ordering::Relaxed);
    }
}

/// Also ends the telling of a command that panics.
struct End<'a> {
    far: &'a Far,
    teller: &'a thread::Thread,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.far.over.store(true, Ordering::Release);
        self.teller.unpark();
    }
}

/// Runs a command. It is told of by another thread: the command may be in a transaction, which a caller who does not read would hold up for
/// everybody.
pub fn telling<T>(caller: &UnixStream, command: impl FnOnce(&dyn Listener) -> T) -> T {
    let far = Far::default();
    thread::scope(|scope| {
        let teller = scope.spawn(|| tell(caller, &far));
        let _end = End { far: &far, teller: teller.thread() };
        command(&far)
    })
}

fn tell(caller: &UnixStream, far: &Far) {
    let mut told = 0;
    loop {
        thread::park_timeout(OFTEN);
        if far.over.load(Ordering::Acquire) {
            return;
        }
        let done = far.done.load(Ordering::Relaxed);
        if done != told {
            told = done;
            let progress = Response::Progress { done, of: far.of.load(Ordering::Relaxed) };
            if wire::send(caller, &progress, None).is_err() {
                return;
            }
        }
    }
}
