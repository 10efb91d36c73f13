//! Does the mount answer? Asked as the user whom it answers, for the kernel refuses everybody else, root included.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, StatxFlags};
use rustix::process::{Gid, Uid};

/// Asks for the root's attributes as that user and group.
pub fn stat_as(root: &OwnedFd, uid: u32, gid: u32) -> io::Result<()> {
    if rustix::process::geteuid().as_raw() == uid && rustix::process::getegid().as_raw() == gid {
        return stat(root);
    }
    // Ids belong to a thread in Linux: this one takes them and ends with them.
    std::thread::scope(|scope| {
        let asking = std::thread::Builder::new().name("probe".into()).spawn_scoped(scope, || {
            let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
            rustix::thread::set_thread_res_gid(gid, gid, gid)?;
            rustix::thread::set_thread_res_uid(uid, uid, uid)?;
            stat(root)
        })?;
        asking.join().unwrap_or_else(|_| Err(io::Error::other("the probe panicked")))
    })
}

fn stat(root: &OwnedFd) -> io::Result<()> {
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_FORCE_SYNC;
    rustix::fs::statx(root.as_fd(), "", flags, StatxFlags::BASIC_STATS)?;
    Ok(())
}
