//! `dam bulk allow`: the brake on removals in views is off for a while.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::SignedDuration;

use super::args::Global;
use super::{Done, backend, failed, print, usage};
use crate::ops::proto::{Command, Request};

#[derive(Debug, Args)]
pub struct BulkArgs {
    #[command(subcommand)]
    pub command: BulkCmd,
}

#[derive(Debug, Subcommand)]
pub enum BulkCmd {
    /// You may remove as many files from views as you like.
    Allow(BulkAllowArgs),
}

#[derive(Debug, Args)]
pub struct BulkAllowArgs {
    /// For how long, an hour at most.
    #[arg(long = "for", value_name = "TIME", default_value = "5m")]
    pub duration: String,
}

/// Tells the daemon, for the brake is its own.
pub fn run(global: &Global, args: &BulkArgs) -> Done {
    let BulkCmd::Allow(allow) = &args.command;
    let length: Option<SignedDuration> = allow.duration.parse().ok();
    let seconds = length.and_then(|length| u64::try_from(length.as_secs()).ok());
    let Some(seconds) = seconds else {
        return Err(usage(format!("`{}` is no length of time", allow.duration), "write --for 5m, or --for 90s"));
    };
    let root = backend::root(global, &[])?;
    let Some(mut daemon) = backend::daemon(&root)? else {
        return Err(failed(
            "the library is not mounted, and the brake is in mounts alone",
            "mount it first: dam mount",
        ));
    };
    let request = Request::Run { command: Command::BulkAllow { seconds } };
    let value = backend::ask(&mut daemon, &request, None)?;
    if global.json {
        print::json(&value)?;
    } else {
        let until = print::word(&value["until"]);
        print::line(&format!("until {until} you may remove as many files from views as you like"))?;
    }
    Ok(ExitCode::SUCCESS)
}
