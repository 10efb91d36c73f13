//! `dam workflow`: the board's stages, moves and reviewers.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueHint};

use super::args::Global;
use super::own_text::{self, OwnText};
use super::{Done, print};
use crate::ops::proto::Command;
use crate::policy::{Vocabulary, Workflow};

#[derive(Debug, Args)]
#[command(after_help = "\
The board says between which stages an asset moves, which right a move needs, which wants a reason, how many days a stage
may take and who reviews what. policy/README.md describes it.

Example:
  dam workflow
  dam workflow edit
  dam workflow > board.toml && dam workflow check board.toml")]
pub struct WorkflowArgs {
    #[command(subcommand)]
    pub action: Option<WorkflowAction>,
}

#[derive(Debug, Subcommand)]
pub enum WorkflowAction {
    /// Print the text in force, to who is no admin without reviewers and comments; what is done without an action, too.
    #[command(after_help = "Example:\n  dam workflow show --json")]
    Show,
    /// Read a text and say what is wrong with it.
    #[command(after_help = "\
The mistake is told with its line. Exit code 1 when there is one.

Example:
  dam workflow check board.toml")]
    Check {
        /// The text.
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Change the board in an editor (admin only).
    #[command(after_help = "\
Opens a copy in $VISUAL or $EDITOR and puts it in force when it has no mistake. It is on record and is no turn of dam undo.

Example:
  dam workflow edit
  EDITOR='cp board.toml' dam workflow edit")]
    Edit,
}

/// Shows, checks, edits.
pub fn run(global: &Global, args: WorkflowArgs) -> Done {
    match args.action.unwrap_or(WorkflowAction::Show) {
        WorkflowAction::Show => own_text::show(global, Command::WorkflowShow),
        WorkflowAction::Check { file } => {
            let text = own_text::of_file(&file)?;
            let read = read(&text, &own_text::vocabulary(global).unwrap_or_else(Vocabulary::shipped));
            own_text::checked(global, &file, read.map(|()| "the board can be put in force".to_owned()))
        }
        WorkflowAction::Edit => {
            // Where the library alone knows its platforms it says itself what is wrong.
            let known = own_text::vocabulary(global);
            let own = OwnText {
                file: "workflow.toml",
                get: Command::WorkflowShow,
                read: &own_text::utf8,
                check: &|text| known.as_ref().map_or(Ok(()), |known| read(text, known)),
                put: &|text, base| Command::WorkflowPut { text, base: Some(base) },
            };
            if let Some(done) = own_text::change(global, own)?.filter(|_| !global.json) {
                print::line(&format!("the board is version {}", print::word(&done["version"])))?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn read(text: &str, known: &Vocabulary) -> Result<(), String> {
    Workflow::parse(text, known).map(drop).map_err(|e| e.0)
}
