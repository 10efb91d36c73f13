//! Who asks: the user from the request, the process from `/proc`.

use damfs::types::Caller;
use fuser::Request;

/// The caller without his process: enough for everything that makes, moves or removes no name.
pub fn caller(req: &Request) -> Caller {
    Caller { uid: req.uid(), gid: req.gid(), process: 0 }
}

/// The caller and his process. The kernel gives the thread; which process it belongs to is read from `/proc`, and 0 when that
/// fails (the thread is gone, or lives in another pid namespace).
pub fn caller_with_process(req: &Request) -> Caller {
    Caller { process: process_of(req.pid()), ..caller(req) }
}

fn process_of(thread: u32) -> u32 {
    if thread == 0 {
        return 0;
    }
    std::fs::read(format!("/proc/{thread}/status")).ok().and_then(|status| tgid(&status)).unwrap_or(0)
}

/// The name of a thread: of most programs all have the program's.
pub fn program_of(thread: u32) -> Option<String> {
    let name = std::fs::read(format!("/proc/{thread}/comm")).ok()?;
    Some(String::from_utf8_lossy(&name).trim_end().to_owned())
}

/// The `Tgid:` line. Only lines before it could be forged (`Name:`), and the kernel escapes line breaks there.
fn tgid(status: &[u8]) -> Option<u32> {
    let line = status.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(b"Tgid:"))?;
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_thread_belongs_to_its_process() {
        let thread = std::thread::spawn(rustix::thread::gettid).join().unwrap();
        assert_ne!(thread.as_raw_pid().cast_unsigned(), std::process::id());
        let (send, receive) = std::sync::mpsc::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let living = std::thread::spawn(move || {
            tell.send(rustix::thread::gettid().as_raw_pid().cast_unsigned()).unwrap();
            let _ = receive.recv();
        });
        assert_eq!(process_of(told.recv().unwrap()), std::process::id());
        drop(send);
        living.join().unwrap();
    }

    #[test]
    fn what_is_unknown_is_zero() {
        assert_eq!(process_of(0), 0);
        assert_eq!(process_of(u32::MAX), 0);
        assert_eq!(tgid(b"Name:\tx\nTgid:\t42\nNgid:\t0\n"), Some(42));
        assert_eq!(tgid(b"Name:\tx\n"), None);
    }
}
