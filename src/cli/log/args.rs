//! What people may type behind `dam log`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct LogArgs {
    #[command(subcommand)]
    pub action: Option<LogAction>,
    /// An asset; else everything.
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub target: Option<String>,
    /// What one member did (an admin may name others than himself).
    #[arg(long, value_name = "NAME")]
    pub member: Option<String>,
    /// From then on: a date, a time, or how long ago (36h, 7d).
    #[arg(long, value_name = "WHEN", allow_hyphen_values = false)]
    pub since: Option<String>,
    /// Refusals alone.
    #[arg(long)]
    pub denied: bool,
    /// Who opened what to read it, in place of what was changed; a quarter of a second late.
    #[arg(long, conflicts_with = "denied")]
    pub reads: bool,
    /// Most rows.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: u64,
}

#[derive(Debug, Subcommand)]
pub enum LogAction {
    /// Check that nothing in the record was changed, taken out or cut off (admin only).
    #[command(after_help = "\
Each row holds the hash of the row before it, so a row that was changed, put in or taken out shows. That rows at the
end are missing shows beside heads that were told before: those of audit_heads in damfs.toml, and those of --heads.
Exit code 1 when something is wrong.

Example:
  dam log verify
  dam log verify --heads /media/safe/heads.txt")]
    Verify {
        /// Lines that dam log head has written; - is standard input.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        heads: Option<PathBuf>,
    },
    /// Print the last row's number and hash, sealed, to keep where nobody of the library can change it (admin only).
    #[command(after_help = "\
With audit_heads = \"/var/log/damfs/heads\" in damfs.toml the daemon does the same daily, and at its beginning and end.

Example:
  dam log head >> /media/safe/heads.txt
  dam log head | ssh elsewhere 'cat >> heads.txt'")]
    Head,
}
