//! `dam unmount`: by the daemon, or without it when it is dead.

use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use rustix::mount::UnmountFlags;
use serde_json::json;

use super::args::{Global, UnmountArgs};
use super::mount::find_program;
use super::mounts::FuseMount;
use super::{Done, Failure, backend, failed, mounts, not_found, print};
use crate::ops::proto::{FailureKind, Request};

/// How long the daemon of the last mount may take to write what is not yet written.
const ENDING: Duration = Duration::from_secs(300);

/// Takes a mount down.
pub fn run(global: &Global, args: &UnmountArgs) -> Done {
    let place = mounts::absolute(&args.mountpoint);
    let shown = place.display().to_string();
    let mount = mounts::at(&place)
        .or_else(|| place.canonicalize().ok().and_then(|true_path| mounts::at(&true_path)))
        .ok_or_else(|| {
        not_found(format!("no damfs is mounted at {shown}"), "see what is mounted with: dam status")
    })?;
    let was_dead = match backend::daemon(&mount.library) {
        Ok(Some(client)) => !ask(client, &mount, args.force)?,
        Ok(None) => {
            detach(&mount)?;
            true
        }
        // A daemon that does not answer holds its mounts until it is ended; out of the tree they come without it.
        Err(e) if args.force && e.kind == FailureKind::Failed => {
            detach(&mount)?;
            print::note(&format!("{}; its mount is out of the tree", e.message));
            false
        }
        Err(e) => return Err(e),
    };
    if was_dead {
        print::note("its daemon was dead; nothing that it had acknowledged is lost");
    }
    if global.json {
        print::json(&json!({ "unmounted": shown, "was_dead": was_dead }))?;
    } else {
        print::line(&format!("unmounted {shown}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Has the daemon take its mount down; `false` when it was a dead one of another daemon, which is taken down here.
fn ask(mut client: backend::Client, mount: &FuseMount, force: bool) -> Result<bool, Failure> {
    let shown = mount.mountpoint.display();
    let mountpoint = mount.mountpoint.to_string_lossy().into_owned();
    let answer = match backend::ask(&mut client, &Request::Unmount { mountpoint, force }, None) {
        Ok(answer) => answer,
        Err(e) if e.kind == FailureKind::NotFound && mount.is_dead() => {
            detach(mount)?;
            return Ok(false);
        }
        Err(e) => return Err(e),
    };
    // The kernel may still be at it.
    for _ in 0..100 {
        if mounts::at(&mount.mountpoint).is_none_or(|there| there != *mount) {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    if mounts::at(&mount.mountpoint).is_some_and(|there| there == *mount) {
        return Err(failed(format!("{shown} is still mounted"), "look into run/mountd.log of the library"));
    }
    // Whoever unmounts the last mount may pull out the disk next, or mount again.
    if answer["ending"] == true && !backend::ended(&client, ENDING) {
        return Err(failed(
            format!("{shown} is unmounted, but its daemon still writes after {} s", ENDING.as_secs()),
            format!("wait for it before you move the library; see {}", mount.library.join("run/mountd.log").display()),
        ));
    }
    Ok(true)
}

/// Takes a mount that nobody answers for out of the tree. Its connection is aborted first: a thread of the dead daemon may wait in the
/// kernel for a directory that a request holds which waits for the dead daemon, and until both give up, nothing of it ends.
pub fn detach(mount: &FuseMount) -> Result<(), Failure> {
    let place = mount.mountpoint.as_path();
    mount.abort();
    if mounts::at(place).is_none_or(|there| there != *mount) {
        return Ok(());
    }
    let how = if backend::caller().uid == 0 {
        rustix::mount::unmount(place, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW).map_err(|e| e.to_string())
    } else {
        let program = find_program("fusermount3")
            .ok_or_else(|| failed("fusermount3 is not installed", "install it with: sudo apt install fuse3"))?;
        match Command::new(program).arg("-uz").arg("--").arg(place).stdin(Stdio::null()).output() {
            Ok(done) if done.status.success() => Ok(()),
            Ok(done) => Err(String::from_utf8_lossy(&done.stderr).trim().to_owned()),
            Err(e) => Err(e.to_string()),
        }
    };
    how.map_err(|e| {
        failed(format!("cannot take down the dead mount at {}: {e}", place.display()), "as root: umount -l MOUNTPOINT")
    })
}
