//! fusermount3: the set-user-id helper through which an ordinary user mounts on his own directories.

use std::ffi::{OsStr, OsString};
use std::io::{self, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};

use super::{MountError, Options, Parting, Place, holders};

/// Tried in this order; the search path first, then where distributions put it.
const NAMES: [&str; 4] = ["fusermount3", "/usr/bin/fusermount3", "/bin/fusermount3", "/sbin/fusermount3"];

/// Mounts, and gives the kernel's side. The helper sends the descriptor over a socket, which it is given as its standard input.
pub fn mount(place: &Place, options: &Options) -> Result<OwnedFd, MountError> {
    if !Path::new("/dev/fuse").exists() {
        return Err(MountError::NoDevice);
    }
    let (ours, theirs) = UnixStream::pair().map_err(|e| MountError::Helper(e.to_string()))?;
    let mut child = spawn(|command| {
        let theirs = theirs.try_clone()?;
        command
            .arg("-o")
            .arg(option_text(options))
            .arg("--")
            .arg(&place.path)
            .env("_FUSE_COMMFD", "0")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        Ok(())
    })?;
    drop(theirs);
    let device = receive_device(&ours);
    let mut said = String::new();
    if let Some(stderr) = child.stderr.take() {
        let _ = stderr.take(64 * 1024).read_to_string(&mut said);
    }
    let status = child.wait();
    match device {
        Ok(Some(device)) => Ok(device),
        _ if !said.trim().is_empty() => Err(MountError::Helper(said.trim().to_owned())),
        Err(e) => Err(MountError::Helper(e.to_string())),
        Ok(None) => Err(MountError::Helper(status.map_or_else(|e| e.to_string(), |s| s.to_string()))),
    }
}

/// Unmounts.
pub fn unmount(path: &Path, parting: Parting) -> Result<(), MountError> {
    let child = spawn(|command| {
        command.arg("-u");
        if parting == Parting::AtOnce {
            command.arg("-z");
        }
        // What it says is looked at below.
        command.env("LC_ALL", "C").arg("--").arg(path);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        Ok(())
    })?;
    let output = child.wait_with_output().map_err(|e| MountError::Helper(e.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("resource busy") {
        return Err(holders::in_use(path));
    }
    Err(MountError::Unmount { path: path.to_owned(), source: io::Error::other(said.trim().to_owned()) })
}

fn spawn(prepare: impl Fn(&mut Command) -> io::Result<()>) -> Result<std::process::Child, MountError> {
    for name in NAMES {
        let mut command = Command::new(name);
        prepare(&mut command).map_err(|e| MountError::Helper(e.to_string()))?;
        match command.spawn() {
            Ok(child) => return Ok(child),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(MountError::Helper(e.to_string())),
        }
    }
    Err(MountError::NoHelper)
}

fn option_text(options: &Options) -> OsString {
    let mut text = b"fsname=".to_vec();
    text.extend(escaped(&options.source));
    text.extend(b",subtype=damfs,nosuid,nodev");
    if options.everyone {
        text.extend(b",allow_other");
    }
    if options.posix {
        text.extend(b",default_permissions");
    }
    OsString::from_vec(text)
}

/// A comma ends an option, a backslash quotes.
fn escaped(source: &OsStr) -> Vec<u8> {
    source
        .as_bytes()
        .iter()
        .flat_map(|&b| match b {
            b',' | b'\\' => vec![b'\\', b],
            b => vec![b],
        })
        .collect()
}

fn receive_device(socket: &UnixStream) -> io::Result<Option<OwnedFd>> {
    let mut byte = [0u8];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    loop {
        match rustix::net::recvmsg(socket, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC) {
            Ok(_) => break,
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
    let device = control.drain().find_map(|part| match part {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    Ok(device)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_comma_in_a_library_path_is_no_option() {
        let options = Options { source: "/srv/a,allow_other\\".into(), uid: 1, gid: 1, everyone: false, posix: true };
        let expected = "fsname=/srv/a\\,allow_other\\\\,subtype=damfs,nosuid,nodev,default_permissions";
        assert_eq!(option_text(&options), expected);
    }
}
