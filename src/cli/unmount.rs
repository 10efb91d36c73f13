//! `dam unmount`: by the daemon, or without it when it is dead.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use super::args::UnmountArgs;
use super::mount::find_program;
use super::{Done, Failure, backend, failed, mounts, not_found, print};
use crate::ops::proto::Request;

/// How long the daemon of the last mount may take to write what is not yet written.
const ENDING: Duration = Duration::from_secs(300);

/// Takes a mount down.
pub fn run(args: &UnmountArgs) -> Done {
    let place = mounts::absolute(&args.mountpoint);
    let shown = place.display().to_string();
    let mount = mounts::at(&place)
        .or_else(|| place.canonicalize().ok().and_then(|true_path| mounts::at(&true_path)))
        .ok_or_else(|| {
        not_found(format!("no damfs is mounted at {shown}"), "see what is mounted with: dam status")
    })?;
    match backend::daemon(&mount.library)? {
        Some(mut client) => {
            let mountpoint = mount.mountpoint.to_string_lossy().into_owned();
            let answer = backend::ask(&mut client, &Request::Unmount { mountpoint }, None)?;
            // The daemon answers before the kernel has let go of the last handle.
            for _ in 0..100 {
                if mounts::at(&mount.mountpoint).is_none() {
                    break;
                }
                thread::sleep(Duration::from_millis(50));
            }
            if mounts::at(&mount.mountpoint).is_some() {
                return Err(failed(
                    format!("{shown} is still busy"),
                    "close what is open there; see: lsof +f -- MOUNTPOINT",
                ));
            }
            // Whoever unmounts the last mount may pull out the disk next, or mount again.
            if answer["ending"] == true && !backend::ended(&client, ENDING) {
                return Err(failed(
                    format!("{shown} is unmounted, but its daemon still writes after {} s", ENDING.as_secs()),
                    format!(
                        "wait for it before you move the library; see {}",
                        mount.library.join("run/mountd.log").display()
                    ),
                ));
            }
        }
        None => {
            detach(&mount.mountpoint)?;
            print::note("its daemon was dead; nothing that it had acknowledged is lost");
        }
    }
    print::line(&format!("unmounted {shown}"))?;
    Ok(ExitCode::SUCCESS)
}

/// Takes a dead mount out of the tree.
pub fn detach(place: &Path) -> Result<(), Failure> {
    let how = if backend::caller().uid == 0 {
        rustix::mount::unmount(place, rustix::mount::UnmountFlags::DETACH).map_err(|e| e.to_string())
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
