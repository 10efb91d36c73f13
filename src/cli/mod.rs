//! The command line: one file per command. It alone reads the environment and prints.

mod alerts;
mod args;
mod audit;
mod backend;
mod bulk;
mod caption;
mod complete;
mod diff;
mod editor;
mod evidence;
mod export;
mod factor;
mod find;
mod fsck;
mod glossary;
mod guideline;
mod import;
mod init;
mod keys;
mod log;
mod many;
mod member;
mod meta;
mod mount;
mod mounts;
mod own_text;
mod policy;
mod print;
mod progress;
mod rebuild;
mod records;
mod restore;
mod review;
mod save;
mod scout;
mod set;
mod settle;
mod show;
mod similar;
mod snapshot;
mod spec;
mod status;
mod tag;
mod target;
mod thin;
mod thumbs;
mod undo;
mod unmount;
mod versions;
mod walk;
mod whence;
mod whole;
mod why;
mod workflow;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::ops::proto::{Failure, FailureKind};
use args::{Cli, Cmd};

/// Runs `dam` with the process's arguments.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            let _ = e.print();
            return ExitCode::from(if e.use_stderr() { FailureKind::Usage.exit_code() } else { 0 });
        }
    };
    let global = cli.global;
    let done = match cli.command {
        Cmd::Init(args) => init::run(&global, &args),
        Cmd::Import(args) => import::run(&global, &args),
        Cmd::Mount(args) => mount::run(&global, &args),
        Cmd::Unmount(args) => unmount::run(&global, &args),
        Cmd::Status => status::run(&global),
        Cmd::Find(args) => find::run(&global, args),
        Cmd::Scout(args) => scout::run(&global, &args),
        Cmd::Show(args) => show::run(&global, &args),
        Cmd::Versions(args) => versions::run(&global, &args),
        Cmd::Similar(args) => similar::run(&global, &args),
        Cmd::Diff(args) => diff::run(&global, &args),
        Cmd::Thin(args) => thin::run(&global, &args),
        Cmd::Audit(args) => audit::run(&global, args),
        Cmd::Glossary(args) => glossary::run(&global, args),
        Cmd::Policy(args) => policy::run(&global, args),
        Cmd::Review(args) => review::run(&global, args),
        Cmd::Takedown(args) => review::takedown(&global, args),
        Cmd::Alerts(args) => alerts::run(&global, args),
        Cmd::Workflow(args) => workflow::run(&global, args),
        Cmd::Guideline(args) => guideline::run(&global, args),
        Cmd::Spec(args) => spec::run(&global, args),
        Cmd::Caption(args) => caption::run(&global, args),
        Cmd::Thumbs(args) => thumbs::run(&global, &args),
        Cmd::Export(args) => export::run(&global, &args),
        Cmd::Log(args) => log::run(&global, args),
        Cmd::Evidence(args) => evidence::run(&global, args),
        Cmd::Whence(args) => whence::run(&global, &args),
        Cmd::Restore(args) => restore::run(&global, &args),
        Cmd::Meta(args) => meta::run(&global, args),
        Cmd::Records(args) => records::run(&global, args),
        Cmd::Undo(args) => undo::run(&global, &args),
        Cmd::Set(args) => set::run(&global, &args),
        Cmd::Tag(args) => tag::run(&global, args),
        Cmd::Settle => settle::run(&global),
        Cmd::Save(args) => save::run(&global, args),
        Cmd::Saved => save::list(&global),
        Cmd::Bulk(args) => bulk::run(&global, &args),
        Cmd::Snapshot => snapshot::run(&global),
        Cmd::Fsck(args) if args.rebuild => rebuild::run(&global, &args),
        Cmd::Fsck(args) => fsck::run(&global, &args),
        Cmd::Member(args) => member::run(&global, args),
        Cmd::Unlock(args) => factor::unlock(&global, &args),
        Cmd::Lock => factor::lock(&global),
        Cmd::Why(args) => why::run(&global, args),
        Cmd::Completions(args) => complete::completions(&args),
        Cmd::Complete(args) => complete::complete(&global, &args),
        Cmd::Man(args) => complete::man(&args),
    };
    match done {
        Ok(code) => code,
        Err(failure) => {
            print::failure(&failure);
            ExitCode::from(failure.kind.exit_code())
        }
    }
}

/// A path in the environment; an empty one is none.
fn environment(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// What a command ends with.
type Done = Result<ExitCode, Failure>;

fn failed(message: impl Into<String>, hint: impl Into<String>) -> Failure {
    Failure { kind: FailureKind::Failed, message: message.into(), hint: Some(hint.into()) }
}

fn usage(message: impl Into<String>, hint: impl Into<String>) -> Failure {
    Failure { kind: FailureKind::Usage, message: message.into(), hint: Some(hint.into()) }
}

fn not_found(message: impl Into<String>, hint: impl Into<String>) -> Failure {
    Failure { kind: FailureKind::NotFound, message: message.into(), hint: Some(hint.into()) }
}

/// What a daemon of another version says.
fn misunderstood() -> Failure {
    failed("the daemon's answer is not understood", "use one version of damfs")
}
