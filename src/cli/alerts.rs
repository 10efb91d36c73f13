//! `dam alerts`: the rules by which somebody is told at once of what members do.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::args::Global;
use super::{Done, own_text};
use crate::ops::proto::Command;
use crate::policy::Alerts;

#[derive(Debug, Args)]
#[command(after_help = "\
The rules are alerts.toml in the library's folder: many downloads at odd hours, many denials, many changed assets. A rule
that fires is in the log and in .dam/status of admins, runs a command, posts to a webhook, and shuts the member out or lets
him only look on where it says so. Whoever may write in that folder says what is run, so no command here changes them. policy/README.md describes them.

Example:
  dam alerts
  dam alerts check ~/studio/alerts.toml")]
pub struct AlertsArgs {
    #[command(subcommand)]
    pub action: Option<AlertsAction>,
}

#[derive(Debug, Subcommand)]
pub enum AlertsAction {
    /// Print the text in force (admin only); what is done without an action, too.
    #[command(after_help = "Example:\n  dam alerts show --json      with the last alerts")]
    Show,
    /// Read a text and say what is wrong with it.
    #[command(after_help = "\
The mistake is told with its line. Exit code 1 when there is one.

Example:
  dam alerts check alerts.toml")]
    Check {
        /// The text.
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
}

/// Shows, checks.
pub fn run(global: &Global, args: AlertsArgs) -> Done {
    match args.action.unwrap_or(AlertsAction::Show) {
        AlertsAction::Show => own_text::show(global, Command::AlertsShow),
        AlertsAction::Check { file } => {
            let read = Alerts::parse(&own_text::of_file(&file)?).map_err(|e| e.0);
            own_text::checked(global, &file, read.map(|_| "the rules can be put in force".to_owned()))
        }
    }
}
