//! The command line of the daemon.

use std::os::fd::RawFd;
use std::path::PathBuf;

/// Mounts a library and serves it until its last mount is gone. `dam mount` starts this; a service manager may, too.
#[derive(Debug, clap::Parser)]
#[command(name = "dam-mountd", version)]
pub struct Args {
    /// The library's directory
    #[arg(long, value_name = "DIR")]
    pub library: PathBuf,
    /// The file that holds the library's key
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Where to mount; without it, the daemon waits to be asked and runs until it is stopped
    #[arg(long, value_name = "DIR")]
    pub mountpoint: Option<PathBuf>,
    /// Mount for this member
    #[arg(long = "as", value_name = "NAME", conflicts_with = "shared", requires = "mountpoint")]
    pub as_member: Option<String>,
    /// Answer each user of the machine as himself
    #[arg(long, requires = "mountpoint")]
    pub shared: bool,
    /// Let the kernel check mode bits, too
    #[arg(long, requires = "mountpoint")]
    pub posix: bool,
    /// Write one line of JSON to this descriptor when the mount answers, or when it does not
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(RawFd).range(3..))]
    pub ready_fd: Option<RawFd>,
    /// Be the guardian of this daemon, and no daemon
    #[arg(long, value_name = "PID", hide = true)]
    pub guard_of: Option<u32>,
    /// Log as JSON
    #[arg(long)]
    pub log_json: bool,
}
