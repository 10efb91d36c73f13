//! SIGTERM and SIGINT end the daemon in order; SIGHUP of a closed terminal does not concern it.

use std::io;
use std::mem::MaybeUninit;

const ENDING: [libc::c_int; 2] = [libc::SIGTERM, libc::SIGINT];

/// Signals that are held back from every thread started from now on, to be waited for by one.
pub struct Signals(libc::sigset_t);

impl Signals {
    /// Holds them back; called before any other thread starts, for threads inherit it.
    ///
    /// # Errors
    /// When the system refuses.
    #[expect(unsafe_code, reason = "the standard library knows no signals")]
    pub fn hold() -> io::Result<Self> {
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: `sigemptyset` fills the set in; the calls after it get a pointer to that filled set and valid signal numbers.
        let set = unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            for signal in ENDING {
                libc::sigaddset(set.as_mut_ptr(), signal);
            }
            set.assume_init()
        };
        // SAFETY: `set` is filled in, and no old set is asked for.
        match unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) } {
            0 => {}
            code => return Err(io::Error::from_raw_os_error(code)),
        }
        // SAFETY: ignoring a signal installs no handler that could run.
        unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
        Ok(Self(set))
    }

    /// Waits for one.
    #[expect(unsafe_code, reason = "the standard library knows no signals")]
    pub fn wait(&self) -> io::Result<&'static str> {
        let mut signal = 0;
        // SAFETY: both pointers are to values that live through the call; the signals are held back, as sigwait requires.
        match unsafe { libc::sigwait(&raw const self.0, &raw mut signal) } {
            0 if signal == libc::SIGINT => Ok("SIGINT"),
            0 => Ok("SIGTERM"),
            code => Err(io::Error::from_raw_os_error(code)),
        }
    }
}
