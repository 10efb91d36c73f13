//! `dam workflow`: the board's stages, moves and reviewers.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueHint};

use super::args::Global;
use super::own_text::{self, OwnText};
use super::{Done, backend, failed, print};
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
        WorkflowAction::Show => {
            let value = backend::run(global, &[], |_| Ok(Command::WorkflowShow))?;
            if global.json {
                print::json(&value)?;
            } else {
                print::line(value["text"].as_str().unwrap_or_default().trim_end_matches('\n'))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        WorkflowAction::Check { file } => {
            let text = fs::read_to_string(&file)
                .map_err(|e| failed(format!("cannot read {}: {e}", file.display()), "name a file that is text"))?;
            own_text::checked(global, &file, read(&text).map(|()| "the board can be put in force".to_owned()))
        }
        WorkflowAction::Edit => {
            let own = OwnText {
                file: "workflow.toml",
                get: Command::WorkflowShow,
                read: &own_text::utf8,
                check: &read,
                put: &|text, base| Command::WorkflowPut { text, base: Some(base) },
            };
            if let Some(done) = own_text::change(global, own)?.filter(|_| !global.json) {
                print::line(&format!("the board is version {}", print::word(&done["version"])))?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// By the platforms that ship: those of the library are known where it is put in.
fn read(text: &str) -> Result<(), String> {
    Workflow::parse(text, &Vocabulary::shipped()).map(drop).map_err(|e| e.0)
}
