//! How far a long command is, told to its caller while it goes on.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use damfs::ops::proto::Response;
use damfs::ops::{Listener, OpsError, wire};
use serde_json::Value;

const OFTEN: Duration = Duration::from_millis(200);

/// Tells the caller.
struct Teller<'a> {
    caller: &'a UnixStream,
    /// Frames go out one by one.
    sending: Mutex<()>,
    done: AtomicUsize,
    of: AtomicUsize,
    over: AtomicBool,
}

impl Listener for Teller<'_> {
    fn progress(&self, done: usize, of: usize) {
        self.of.store(of, Ordering::Relaxed);
        self.done.store(done, Ordering::Relaxed);
    }

    fn part(&self, value: Value) -> Result<(), OpsError> {
        Ok(self.send(&Response::Part { value })?)
    }
}

impl Teller<'_> {
    fn send(&self, response: &Response) -> io::Result<()> {
        let _turn = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
        wire::send(self.caller, response, None)
    }

    fn tell(&self) {
        let mut told = 0;
        loop {
            thread::park_timeout(OFTEN);
            if self.over.load(Ordering::Acquire) {
                return;
            }
            let done = self.done.load(Ordering::Relaxed);
            if done != told {
                told = done;
                if self.send(&Response::Progress { done, of: self.of.load(Ordering::Relaxed) }).is_err() {
                    return;
                }
            }
        }
    }
}

/// Also ends the telling of a command that panics.
struct End<'a> {
    teller: &'a Teller<'a>,
    thread: &'a thread::Thread,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.teller.over.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// Runs a command. How far a long one is tells another thread: it may be in a transaction, which a caller who does not read would hold up for
/// everybody.
pub fn telling<T>(caller: &UnixStream, long: bool, command: impl FnOnce(&dyn Listener) -> T) -> T {
    let teller = Teller {
        caller,
        sending: Mutex::default(),
        done: AtomicUsize::new(0),
        of: AtomicUsize::new(0),
        over: AtomicBool::new(false),
    };
    if !long {
        return command(&teller);
    }
    thread::scope(|scope| {
        let thread = scope.spawn(|| teller.tell());
        let _end = End { teller: &teller, thread: thread.thread() };
        command(&teller)
    })
}
