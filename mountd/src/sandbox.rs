//! The last step before a program that decodes strangers' files: this process gives up what that program must not have, then becomes it.
//!
//! What is left is reading the system's own programs and libraries, reading descriptor 0 and writing descriptor 1. Landlock holds it to these
//! files, seccomp keeps it from the network and from other processes, and it has no capability left, whoever runs it. Where the kernel has
//! no Landlock nothing is run.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::Parser;
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, Ruleset, RulesetAttr, RulesetCreatedAttr,
    Scope, path_beneath_rules,
};
use rustix::io::Errno;
use rustix::process::{Pid, Resource, Rlimit, Signal, getppid, nice, set_parent_process_death_signal, setrlimit};
use rustix::stdio::dup2_stdout;
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs};
use seccompiler::{SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule};

/// The first argument that makes this program the sandbox.
pub const WORD: &str = "sandbox";
/// Where the program and its libraries lie, and what they read at their start.
const READABLE: [&str; 10] = [
    "/usr",
    "/bin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/dev/null",
    "/dev/urandom",
    "/sys/kernel/mm/transparent_hugepage",
];
/// What a program makes of a picture lies in large pages, as what the daemon itself decodes does, where there are any. Told to glibc.
const LARGE_PAGES: (&str, &str) = ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1");
/// Address space: several times what the largest clip takes.
const MEMORY: u64 = 2 << 30;
const OPEN_FILES: u64 = 64;
/// Seconds of the processor between being told that it was enough and being killed.
const AFTER_SIGNAL: u64 = 10;
/// Behind everybody else.
const NICE: i32 = 10;

/// Runs a program that can read the system's programs, its input and nothing else.
#[derive(Debug, Parser)]
#[command(name = "dam-mountd sandbox")]
struct Args {
    /// The process whose end is this one's
    #[arg(long)]
    parent: i32,
    /// Seconds of processor time
    #[arg(long)]
    cpu_seconds: u64,
    /// Bytes of the longest file that it may write
    #[arg(long)]
    file_bytes: u64,
    /// Somebody waits for it
    #[arg(long)]
    awaited: bool,
    /// What the program says goes nowhere, and the path of its output is its last argument
    #[arg(long)]
    apart: bool,
    /// The program
    program: PathBuf,
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Becomes the program. Comes back only to say why not.
pub fn run() -> ExitCode {
    let mut args = Args::parse_from(std::env::args_os().skip(1));
    let given_up = set_apart(&mut args).and_then(|output| give_up(&args, output.as_ref()).map(|()| output));
    let why = match given_up {
        Ok(_output) => Command::new(&args.program).args(&args.arguments).env(LARGE_PAGES.0, LARGE_PAGES.1).exec(),
        Err(e) => e,
    };
    eprintln!("{}{why}", damfs::ops::UNSANDBOXED);
    ExitCode::FAILURE
}

/// Of a program that talks on its standard output the output gets another descriptor, which is told of behind its arguments.
fn set_apart(args: &mut Args) -> io::Result<Option<OwnedFd>> {
    if !args.apart {
        return Ok(None);
    }
    // It stays open in the program.
    let output = rustix::io::dup(io::stdout())?;
    args.arguments.push(format!("/proc/self/fd/{}", output.as_raw_fd()).into());
    dup2_stdout(File::options().write(true).open("/dev/null")?)?;
    Ok(Some(output))
}

fn give_up(args: &Args, output: Option<&OwnedFd>) -> io::Result<()> {
    let limits = [
        (Resource::As, MEMORY),
        (Resource::Cpu, args.cpu_seconds),
        (Resource::Fsize, args.file_bytes),
        (Resource::Nofile, OPEN_FILES),
        (Resource::Core, 0),
    ];
    if !args.awaited {
        nice(NICE)?;
    }
    for (resource, most) in limits {
        // At the hard limit of the processor the kernel kills, as somebody does who is short of memory; the signal before that says why.
        let hard = if resource == Resource::Cpu { most.saturating_add(AFTER_SIGNAL) } else { most };
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(hard) })?;
    }
    set_no_new_privs(true)?;
    confine(args, output).map_err(|e| io::Error::other(format!("the kernel's Landlock cannot be used: {e}")))?;
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid() != Pid::from_raw(args.parent) {
        return Err(io::Error::other("the daemon has ended"));
    }
    silence().map_err(|e| io::Error::other(format!("the kernel's seccomp cannot be used: {e}")))
}

/// To the files that it needs. What the first Landlock has is required, what later ones added is taken where it is there.
fn confine(args: &Args, output: Option<&OwnedFd>) -> Result<(), Box<dyn std::error::Error>> {
    let (stdin, stdout) = (io::stdin(), io::stdout());
    let output = output.map_or(stdout.as_fd(), AsFd::as_fd);
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V6))?
        .handle_access(AccessNet::from_all(ABI::V6))?
        .scope(Scope::from_all(ABI::V6))?
        .create()?
        .add_rules(path_beneath_rules(READABLE, AccessFs::from_read(ABI::V6)))?
        .add_rules(path_beneath_rules([&args.program], AccessFs::Execute | AccessFs::ReadFile))?;
    let ruleset = match has_path(stdin.as_fd())? {
        true => ruleset.add_rule(PathBeneath::new(stdin.as_fd(), AccessFs::ReadFile))?,
        false => ruleset,
    };
    let write = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate;
    let ruleset = match has_path(output)? {
        true => ruleset.add_rule(PathBeneath::new(output, write))?,
        false => ruleset,
    };
    ruleset.restrict_self()?;
    Ok(())
}

/// Whether it is a file that a path leads to: to what is in memory alone none does, and no rule takes it.
fn has_path(fd: BorrowedFd<'_>) -> io::Result<bool> {
    let link = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()))?;
    let is_in_memory = link.as_os_str().as_encoded_bytes().starts_with(b"/memfd:");
    Ok(File::from(fd.try_clone_to_owned()?).metadata()?.is_file() && !is_in_memory)
}

/// Calls by which a path gets another mode, owner, time, attribute or length, which no Landlock, or no early one, knows of.
const CHANGING: &[i64] = &[
    libc::SYS_truncate,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchmodat2,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
];

/// Their older forms, which newer machines do not have.
#[cfg(target_arch = "x86_64")]
const CHANGING_BEFORE: &[i64] =
    &[libc::SYS_chmod, libc::SYS_chown, libc::SYS_lchown, libc::SYS_utime, libc::SYS_utimes, libc::SYS_futimesat];
#[cfg(not(target_arch = "x86_64"))]
const CHANGING_BEFORE: &[i64] = &[];

/// From the network, from other processes and from what files are beside their bytes: those calls are EPERM.
fn silence() -> Result<(), Box<dyn std::error::Error>> {
    let refused = [
        libc::SYS_socket,
        libc::SYS_socketpair,
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_listen,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_kill,
        libc::SYS_tkill,
        libc::SYS_tgkill,
        libc::SYS_rt_sigqueueinfo,
        libc::SYS_rt_tgsigqueueinfo,
        libc::SYS_pidfd_send_signal,
        libc::SYS_pidfd_getfd,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_setns,
        libc::SYS_unshare,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_io_uring_setup,
        libc::SYS_add_key,
        libc::SYS_keyctl,
        libc::SYS_request_key,
        libc::SYS_userfaultfd,
    ];
    let refused = refused.iter().chain(CHANGING).chain(CHANGING_BEFORE);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = refused.map(|call| (*call, Vec::new())).collect();
    // Limits of its own it may ask for: process 0 is itself.
    let other = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, 0)?;
    rules.insert(libc::SYS_prlimit64, vec![SeccompRule::new(vec![other])?]);
    let refuse = SeccompAction::Errno(u32::try_from(Errno::PERM.raw_os_error())?);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, std::env::consts::ARCH.try_into()?)?;
    let program: seccompiler::BpfProgram = filter.try_into()?;
    Ok(seccompiler::apply_filter(&program)?)
}
