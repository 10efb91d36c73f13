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
    /// Put the records of a folder on the assets that they speak of (admin only).
    #[command(after_help = "\
A record is put on the asset of its id, else on the one at its path, else on the only one with its size, time and format.
It is the whole truth: what it does not say goes. An asset gets the record's id back when no other has it and the asset
has had one version. One that was changed here since the record was written, or has other bytes under the name of one
that is gone, is left and told, unless with --force. A verdict is bound to its version only when the bytes are those
that it was given for, as far as size, time and format tell between two libraries. Members who are not known here are
made, locked out. Each batch of 200 is one transaction, all of it one turn of dam undo. The exit code is 1 when anything
is not as the records say.

Example:
  dam init ~/studio          (a library from a backup of library/ and records/)
  dam import ~/backup/library --into library --any --copies
  dam records import ~/backup/records")]
    Import(RecordsImport),
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

#[derive(Debug, Args)]
pub struct RecordsImport {
    /// The folder of records.
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
    /// Only say what would be done.
    #[arg(long)]
    pub dry_run: bool,
    /// Also put records on assets that were changed here since.
    #[arg(long)]
    pub force: bool,
}
