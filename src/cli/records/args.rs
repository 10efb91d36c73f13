//! What people may type behind `dam records`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

#[derive(Debug, Args)]
pub struct RecordsArgs {
    #[command(subcommand)]
    pub action: RecordsAction,
}

#[derive(Debug, Subcommand)]
pub enum RecordsAction {
    /// Write the records of what you may list, one file for each, as records/ of a mount shows them.
    #[command(after_help = "\
Each file is written whole or not at all. One that is as it was is left alone, so that rsync moves nothing twice.

Example:
  dam records export ~/backup/records
  dam records export --delete --query persona=luna ~/luna-records")]
    Export(RecordsExport),
}

#[derive(Debug, Args)]
pub struct RecordsExport {
    /// The folder to write to; it is made when it is not there.
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
    /// Only the records of what matches.
    #[arg(long, value_name = "EXPR")]
    pub query: Option<String>,
    /// Remove the records in DIR that are not written now.
    #[arg(long)]
    pub delete: bool,
}
