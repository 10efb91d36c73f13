//! How the command line and the daemon talk: frames of a little-endian `u32` length and that many bytes of JSON, over a Unix stream
//! socket, with at most one descriptor beside a frame.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The longest frame; a longer one ends the conversation.
pub const MAX_FRAME: u32 = 16 << 20;

/// How long a begun frame may take, and how long a server keeps a silent connection.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How long a daemon may take to say that it is there.
pub const GREETING: Duration = Duration::from_secs(5);

const DIRECTORY: &str = "run";
const SOCKET: &str = "control.sock";
/// More than one descriptor is not in the protocol, but has to be received to be closed.
const MOST_DESCRIPTORS: usize = 4;

/// Where a library's daemon listens: `<library>/run/control.sock`.
#[must_use]
pub fn socket_path(library_root: &Path) -> PathBuf {
    library_root.join(DIRECTORY).join(SOCKET)
}

/// The folder of the socket, the lock and the log, made anew when a restore lost it. Members reach the socket by name through it, and it
/// belongs to whom the library belongs to, also when root comes first.
///
/// # Errors
/// When it is not there and cannot be made.
pub fn run_directory(library_root: &Path) -> io::Result<PathBuf> {
    let directory = library_root.join(DIRECTORY);
    if !directory.is_dir() {
        std::fs::create_dir(&directory)?;
        std::fs::set_permissions(&directory, PermissionsExt::from_mode(0o711))?;
        belong(&directory, library_root)?;
    }
    Ok(directory)
}

/// Opens a file of the run directory, made with mode 0600 and for the library's owner when it is missing.
///
/// # Errors
/// When it cannot be opened.
pub fn open_run_file(library_root: &Path, name: &str, options: &OpenOptions) -> io::Result<File> {
    let path = run_directory(library_root)?.join(name);
    match options.open(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
            belong(&path, library_root)?;
            options.open(&path)
        }
        opened => opened,
    }
}

/// Gives what root makes in a library to the library's owner, whom it would lock out.
fn belong(path: &Path, library_root: &Path) -> io::Result<()> {
    let (owner, made) = (std::fs::metadata(library_root)?, std::fs::metadata(path)?);
    if made.uid() == owner.uid() || !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    std::os::unix::fs::chown(path, Some(owner.uid()), Some(owner.gid()))
}

/// Listens for a library. A socket that nobody serves any more is replaced.
///
/// # Errors
/// `AddrInUse` when a daemon answers there already.
pub fn listen(library_root: &Path) -> io::Result<UnixListener> {
    let directory = run_directory(library_root)?;
    let (_held, short) = short_path(&directory)?;
    match UnixStream::connect(&short) {
        Ok(_) => return Err(io::Error::new(io::ErrorKind::AddrInUse, "a daemon serves this library already")),
        Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(&short)?,
        Err(_) => {}
    }
    UnixListener::bind(&short)
}

/// Calls a library's daemon. `NotFound` and `ConnectionRefused` mean that there is none, `WouldBlock` that it takes no calls.
///
/// # Errors
/// When there is no daemon, or its socket may not be reached.
pub fn connect(library_root: &Path) -> io::Result<UnixStream> {
    let (_held, short) = short_path(&library_root.join(DIRECTORY))?;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // Also bounds the call itself: a stuck daemon's queue fills up.
    set_socket_timeout(&socket, Timeout::Send, Some(GREETING))?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(&short)?)?;
    if rustix::net::sockopt::socket_peercred(&socket).is_ok_and(|peer| is_zombie(peer.pid)) {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    let stream = UnixStream::from(socket);
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Whether a process was killed and has not ended: a thread that the kernel holds up keeps its socket open, and nobody will answer.
fn is_zombie(pid: rustix::process::Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    // The name before the state may hold anything, blanks and brackets too.
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X']))
}

/// Socket addresses hold 108 bytes; library paths may be longer. The descriptor must live as long as the path is used.
fn short_path(directory: &Path) -> io::Result<(File, PathBuf)> {
    // O_PATH: whoever may enter the directory may ask, without being able to list it.
    let held = OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_DIRECTORY).open(directory)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd())).join(SOCKET);
    Ok((held, path))
}

/// Sends one frame.
///
/// # Errors
/// When the value cannot be written as JSON, the frame is too long, or the other side is gone.
pub fn send<T: Serialize>(stream: &UnixStream, value: &T, descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let body = serde_json::to_vec(value)?;
    let length = u32::try_from(body.len()).ok().filter(|&n| n <= MAX_FRAME).ok_or_else(|| too_long(body.len()))?;
    // The descriptor travels with the first byte of the frame.
    let header = length.to_le_bytes();
    let held;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if let Some(fd) = descriptor {
        held = [fd];
        if !control.push(SendAncillaryMessage::ScmRights(&held)) {
            return Err(io::Error::other("no room for the descriptor"));
        }
    }
    let sent = loop {
        match rustix::net::sendmsg(stream, &[IoSlice::new(&header)], &mut control, SendFlags::NOSIGNAL) {
            Ok(n) => break n,
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    };
    let mut rest = stream;
    rest.write_all(header.get(sent..).unwrap_or_default())?;
    rest.write_all(&body)
}

/// Receives one frame; `None` when the other side hung up between frames.
///
/// # Errors
/// When the frame is cut off, too long, no JSON of that shape, or the stream's read timeout passes.
pub fn receive<T: DeserializeOwned>(stream: &UnixStream) -> io::Result<Option<(T, Option<OwnedFd>)>> {
    let mut header = [0u8; 4];
    let mut descriptors = Vec::new();
    let got = receive_start(stream, &mut header, &mut descriptors)?;
    if got == 0 {
        return Ok(None);
    }
    let mut rest = stream;
    rest.read_exact(header.get_mut(got..).unwrap_or_default())?;
    let length = u32::from_le_bytes(header);
    if length > MAX_FRAME {
        return Err(too_long(usize::try_from(length).unwrap_or(usize::MAX)));
    }
    // Grows as bytes come, so that a length alone takes no memory.
    let mut body = Vec::new();
    rest.take(u64::from(length)).read_to_end(&mut body)?;
    if u32::try_from(body.len()).ok() != Some(length) {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the other side hung up within a frame"));
    }
    if descriptors.len() > 1 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "more than one descriptor beside a frame"));
    }
    let value = serde_json::from_slice(&body)?;
    Ok(Some((value, descriptors.pop())))
}

fn receive_start(stream: &UnixStream, header: &mut [u8], descriptors: &mut Vec<OwnedFd>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let message = loop {
        match rustix::net::recvmsg(stream, &mut [IoSliceMut::new(header)], &mut control, RecvFlags::CMSG_CLOEXEC) {
            Ok(message) => break message,
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    };
    for part in control.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = part {
            descriptors.extend(fds);
        }
    }
    if message.flags.contains(ReturnFlags::CTRUNC) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "more than one descriptor beside a frame"));
    }
    Ok(message.bytes)
}

fn too_long(length: usize) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("a frame may have {MAX_FRAME} bytes at most; this one has {length}"),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests {
    use std::io::Seek;
    use std::os::fd::AsFd;

    use super::*;
    use crate::ops::proto::{Command, Request};

    #[test]
    fn frames_round_trip() {
        let (a, b) = UnixStream::pair().unwrap();
        let long = "x".repeat(300_000);
        let writer = std::thread::spawn({
            let long = long.clone();
            move || {
                send(&a, &Request::Status, None).unwrap();
                send(&a, &Request::Run { command: Command::Show { target: long } }, None).unwrap();
            }
        });
        assert!(matches!(receive::<Request>(&b).unwrap(), Some((Request::Status, None))));
        match receive::<Request>(&b).unwrap() {
            Some((Request::Run { command: Command::Show { target } }, None)) => assert_eq!(target, long),
            other => panic!("{other:?}"),
        }
        writer.join().unwrap();
        assert!(receive::<Request>(&b).unwrap().is_none(), "a hang-up between frames is an end, not an error");
    }

    #[test]
    fn a_descriptor_travels_beside_its_frame_only() {
        let (a, b) = UnixStream::pair().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"bytes").unwrap();
        file.rewind().unwrap();
        send(&a, &Request::Status, Some(file.as_fd())).unwrap();
        send(&a, &Request::Stop, None).unwrap();
        let (_, descriptor) = receive::<Request>(&b).unwrap().unwrap();
        let descriptor = descriptor.unwrap();
        assert!(rustix::io::fcntl_getfd(&descriptor).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
        let mut text = String::new();
        File::from(descriptor).read_to_string(&mut text).unwrap();
        assert_eq!(text, "bytes");
        assert!(matches!(receive::<Request>(&b).unwrap(), Some((Request::Stop, None))));
    }

    #[test]
    fn bad_frames_are_errors() {
        let (a, b) = UnixStream::pair().unwrap();
        (&a).write_all(&(MAX_FRAME + 1).to_le_bytes()).unwrap();
        assert_eq!(receive::<Request>(&b).unwrap_err().kind(), io::ErrorKind::InvalidData);

        let (a, b) = UnixStream::pair().unwrap();
        (&a).write_all(&[9, 0, 0, 0, b'{']).unwrap();
        drop(a);
        assert_eq!(receive::<Request>(&b).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);

        let (a, b) = UnixStream::pair().unwrap();
        (&a).write_all(&[2, 0]).unwrap();
        b.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        assert!(receive::<Request>(&b).is_err(), "half a header does not hold the reader for ever");

        let (a, b) = UnixStream::pair().unwrap();
        send(&a, &serde_json::json!({"ask": "nothing-known"}), None).unwrap();
        assert!(receive::<Request>(&b).is_err());
    }

    #[test]
    fn a_long_library_path_is_no_obstacle_and_a_stale_socket_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("d".repeat(200));
        std::fs::create_dir(&root).unwrap();
        let first = listen(&root).unwrap();
        assert_eq!(listen(&root).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(first);
        assert_eq!(connect(&root).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        let second = listen(&root).unwrap();
        let client = connect(&root).unwrap();
        let (server, _) = second.accept().unwrap();
        send(&client, &Request::Status, None).unwrap();
        assert!(receive::<Request>(&server).unwrap().is_some());
        assert!(socket_path(&root).exists());
    }
}
