//! `dam mount`: a daemon that serves the library at a folder. Everything that can be known to fail is said before it starts.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::args::{Global, MountArgs};
use super::{Done, Failure, backend, failed, keys, mounts, not_found, print, unmount, usage};
use crate::ops::proto::{FailureKind, Request};
use crate::ops::{Library, OpenError, wire};

/// How long a daemon may take until its mount answers.
const READY: Duration = Duration::from_secs(60);

/// In the library's `run` folder, with one older file beside it.
const LOG: &str = "mountd.log";
/// A log longer than this is put aside when a daemon starts.
const LONG: u64 = 4 << 20;

/// Mounts.
pub fn run(global: &Global, args: &MountArgs) -> Done {
    let root = backend::canonical(&args.root);
    let info = Library::info_of(&root).map_err(|e| backend::explain(&e, &root))?;
    let device = Path::new("/dev/fuse");
    check_device(device)?;
    let mountpoint = check_mountpoint(&args.mountpoint, &root)?;

    // A running daemon opens the device itself; its callers need no right to.
    if let Some(client) = backend::daemon(&root)? {
        ask(client, args, &root, &mountpoint)?;
        return report(global, &root, &mountpoint);
    }
    // Whose library it is comes before what his machine lacks.
    let log = open_log(&root)?;
    check_means(device)?;
    let key = keys::find(global, &root);
    if info.sealed && key.is_none() {
        return Err(backend::explain(&OpenError::KeyNeeded, &root));
    }
    let command = daemon_command(key.as_deref(), args, &root, &mountpoint)?;
    if args.foreground {
        return Err(exec(command));
    }
    if let Err(e) = start(command, log, &root) {
        // Two may have started at once: the other's daemon serves this mount, too.
        let Some(client) = backend::daemon(&root)? else { return Err(e) };
        ask(client, args, &root, &mountpoint)?;
    }
    report(global, &root, &mountpoint)
}

/// Has a running daemon mount.
fn ask(mut client: backend::Client, args: &MountArgs, root: &Path, mountpoint: &Path) -> Result<(), Failure> {
    if args.foreground {
        return Err(failed(
            format!("{} is already mounted by a daemon in the background", root.display()),
            "leave --foreground out, or unmount it first",
        ));
    }
    let folder = fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC)
        .open(mountpoint)
        .map_err(|e| failed(format!("cannot open {}: {e}", mountpoint.display()), "choose a folder of yours"))?;
    let request = Request::Mount {
        mountpoint: mountpoint.to_string_lossy().into_owned(),
        as_member: args.as_member.clone(),
        shared: args.shared,
        posix: args.posix,
    };
    backend::ask(&mut client, &request, Some(&folder)).map(|_| ())
}

fn report(global: &Global, root: &Path, mountpoint: &Path) -> Done {
    if global.json {
        let text = |p: &Path| p.to_string_lossy().into_owned();
        print::json(&json!({ "library": text(root), "mountpoint": text(mountpoint) }))?;
    } else {
        print::line(&format!("mounted {} at {}", root.display(), mountpoint.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn check_device(device: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::FileTypeExt;
    match fs::metadata(device) {
        Ok(meta) if meta.file_type().is_char_device() => Ok(()),
        Ok(_) => Err(without_device(device, "it is no device")),
        Err(e) => Err(without_device(device, &e.to_string())),
    }
}

fn without_device(device: &Path, why: &str) -> Failure {
    failed(
        format!("{} is missing or does not work: {why}", device.display()),
        "load it with: sudo modprobe fuse; a container needs --device /dev/fuse --cap-add SYS_ADMIN",
    )
}

/// What a daemon of one's own needs beside the device.
fn check_means(device: &Path) -> Result<(), Failure> {
    match File::options().read(true).write(true).open(device) {
        Ok(_) => {}
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            return Err(failed(
                format!("you may not open {}", device.display()),
                "join the group that owns it, or as root: chmod 666 /dev/fuse",
            ));
        }
        Err(e) => return Err(without_device(device, &e.to_string())),
    }
    if backend::caller().uid != 0 && find_program("fusermount3").is_none() {
        return Err(failed("fusermount3 is not installed", "install it with: sudo apt install fuse3"));
    }
    Ok(())
}

/// An empty folder with nothing mounted on it. What a crash left mounted is taken down first.
fn check_mountpoint(given: &Path, root: &Path) -> Result<PathBuf, Failure> {
    let place = mounts::absolute(given);
    let shown = place.display();
    if let Some(mount) = mounts::at(&place) {
        if backend::daemon(&mount.library)?.is_some() && !mount.is_dead() {
            return Err(failed(
                format!("{shown} is busy: {} is mounted there", mount.library.display()),
                format!("take it down with: dam unmount {shown}"),
            ));
        }
        unmount::detach(&mount)?;
        print::note(&format!("took down the mount that a dead daemon left at {shown}"));
    }
    let meta = match fs::metadata(&place) {
        Ok(meta) => meta,
        Err(e) if e.kind() == std::io::ErrorKind::NotConnected => {
            return Err(failed(
                format!("{shown} is busy: a dead mount of another filesystem is there"),
                format!("take it down with: fusermount3 -uz {shown}"),
            ));
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return Err(not_found(
                format!("the mountpoint {shown} does not exist"),
                format!("make it with: mkdir -p {shown}"),
            ));
        }
        Err(e) => return Err(failed(format!("the mountpoint {shown}: {e}"), "choose a folder of yours")),
    };
    if !meta.is_dir() {
        return Err(failed(format!("the mountpoint {shown} is not a folder"), "choose an empty folder"));
    }
    let place = backend::canonical(&place);
    if place.starts_with(root) || root.starts_with(&place) {
        return Err(usage(
            format!("the mountpoint {shown} and the library lie in one another"),
            "choose a folder outside the library",
        ));
    }
    if mounts::any_at(&place) {
        return Err(failed(format!("{shown} is busy: another filesystem is mounted there"), "choose another folder"));
    }
    let mut names =
        fs::read_dir(&place).map_err(|e| failed(format!("the mountpoint {shown}: {e}"), "choose a folder of yours"))?;
    if names.next().is_some() {
        return Err(failed(
            format!("the mountpoint {shown} is not empty"),
            "choose an empty folder; a mount would hide its files",
        ));
    }
    Ok(place)
}

fn daemon_command(key: Option<&Path>, args: &MountArgs, root: &Path, mountpoint: &Path) -> Result<Command, Failure> {
    let beside = std::env::current_exe().ok().and_then(|exe| exe.parent().map(|d| d.join("dam-mountd")));
    let program = beside
        .filter(|p| p.is_file())
        .or_else(|| find_program("dam-mountd"))
        .ok_or_else(|| failed("dam-mountd is not installed", "put it beside dam, or into PATH"))?;
    let mut command = Command::new(program);
    command.arg("--library").arg(root).arg("--mountpoint").arg(mountpoint);
    if let Some(key) = key {
        command.arg("--key-file").arg(key);
    }
    if let Some(name) = &args.as_member {
        command.arg("--as").arg(name);
    }
    if args.shared {
        command.arg("--shared");
    }
    if args.posix {
        command.arg("--posix");
    }
    Ok(command)
}

/// The daemon in this process's place, its log on this terminal.
fn exec(mut command: Command) -> Failure {
    let e = command.exec();
    failed(format!("cannot start dam-mountd: {e}"), "put it beside dam, or into PATH")
}

/// What the daemon says of its start, in one line.
#[derive(Debug, serde::Deserialize)]
struct Started {
    ok: bool,
    message: Option<String>,
    hint: Option<String>,
    exit: Option<u8>,
}

/// Starts the daemon in a session of its own and waits for the one line that says that the mount answers, or why not.
fn start(mut command: Command, log: File, root: &Path) -> Result<(), Failure> {
    let look = format!("look into {}", root.join("run").join(LOG).display());
    let broken = |what: &str, e: io::Error| failed(format!("{what}: {e}"), "the library must be writable for you");
    let (answer, ready) = io::pipe().map_err(|e| broken("cannot make a pipe", e))?;
    command.arg("--ready-fd").arg(ready.as_raw_fd().to_string());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).current_dir("/");
    let number = ready.as_raw_fd();
    let detach = move || {
        #[expect(unsafe_code, reason = "the number is all that reaches the child")]
        // SAFETY: the parent holds the pipe's end open until the child has been started.
        let ready = unsafe { BorrowedFd::borrow_raw(number) };
        rustix::io::fcntl_setfd(ready, rustix::io::FdFlags::empty())?;
        rustix::process::setsid()?;
        Ok(())
    };
    #[expect(unsafe_code, reason = "the daemon must outlive this terminal's session, and inherit the pipe")]
    // SAFETY: fcntl and setsid are async-signal-safe and allocate nothing.
    unsafe {
        command.pre_exec(detach);
    }
    let mut child = command
        .spawn()
        .map_err(|e| failed(format!("cannot start dam-mountd: {e}"), "put it beside dam, or into PATH"))?;
    // Ours must be closed, or the daemon's death would not end the reading below.
    drop(ready);
    let (send, heard) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        let _ = BufReader::new(answer).read_line(&mut line);
        let _ = send.send(line);
    });
    let line = heard.recv_timeout(READY).map_err(|_| {
        let _ = child.kill();
        failed(format!("dam-mountd gave no answer in {} s", READY.as_secs()), look.clone())
    })?;
    match serde_json::from_str::<Started>(&line) {
        Ok(started) if started.ok => Ok(()),
        Ok(started) => Err(Failure {
            kind: match started.exit {
                Some(2) => FailureKind::Usage,
                Some(3) => FailureKind::NotFound,
                Some(4) => FailureKind::Refused,
                _ => FailureKind::Failed,
            },
            message: started.message.unwrap_or_else(|| "the mount failed".to_owned()),
            hint: started.hint.or(Some(look)),
        }),
        Err(_) => {
            let _ = child.wait();
            Err(failed("dam-mountd ended before its mount answered", look))
        }
    }
}

/// The daemon's log, to append to; a long one makes place for a new one first.
fn open_log(root: &Path) -> Result<File, Failure> {
    let opened = wire::run_directory(root).and_then(|folder| {
        let log = folder.join(LOG);
        if fs::metadata(&log).is_ok_and(|meta| meta.len() > LONG) {
            fs::rename(&log, folder.join(format!("{LOG}.1")))?;
        }
        wire::open_run_file(root, LOG, File::options().append(true))
    });
    opened.map_err(|e| match e.kind() {
        io::ErrorKind::PermissionDenied => backend::explain(&OpenError::Denied { path: root.to_owned() }, root),
        _ => failed(
            format!("cannot write the log {LOG} of {}: {e}", root.display()),
            "the library must be writable for you",
        ),
    })
}

/// A program in PATH, or where system programs are.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/bin"), PathBuf::from("/bin")])
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}
