//! `dam meta`: what file and record say differently.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueHint};

use super::args::{Global, ShowArgs};
use super::{Done, backend, print, target};
use crate::ops::proto::Command;

#[derive(Debug, Args)]
pub struct MetaArgs {
    #[command(subcommand)]
    pub action: MetaAction,
}

#[derive(Debug, Subcommand)]
pub enum MetaAction {
    /// Show what waits for a decision: the field, what stands, what does not, and since when.
    #[command(after_help = "Example:\n  dam meta diff library/luna/IMG_1.png")]
    Diff(ShowArgs),
    /// Decide.
    #[command(after_help = "\
Setting the field by any other way decides, too.

Example:
  dam meta resolve library/luna/IMG_1.png --take stands
  dam meta resolve library/luna/IMG_1.png note --take other
  dam meta resolve library/luna/IMG_1.png title --take 'Blue hour'
  dam meta resolve library/luna/IMG_1.png bytes --take 3")]
    Resolve {
        /// A path in a mount, library/..., or an asset id.
        #[arg(value_name = "PATH|ID", value_hint = ValueHint::FilePath)]
        target: String,
        /// The field; else all that wait.
        #[arg(value_name = "FIELD")]
        field: Option<String>,
        /// What is to stand; of bytes a VALUE is the number of a version.
        #[arg(long, value_name = "stands|other|VALUE")]
        take: String,
    },
}

/// Tells or decides.
pub fn run(global: &Global, args: MetaArgs) -> Done {
    match args.action {
        MetaAction::Diff(what) => diff(global, &what.target),
        MetaAction::Resolve { target: name, field, take } => {
            let done = backend::run(global, &[&name], |root| {
                Ok(Command::MetaResolve { target: target::resolve(root, &name)?, field, take })
            })?;
            if global.json {
                print::json(&done)?;
            } else {
                print::line(&format!("decided: {}", print::word(&done["resolved"])))?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn diff(global: &Global, name: &str) -> Done {
    let value = backend::run(global, &[name], |root| Ok(Command::MetaDiff { target: target::resolve(root, name)? }))?;
    if global.json {
        print::json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    let fields = value["fields"].as_array().map_or(&[][..], Vec::as_slice);
    if fields.is_empty() {
        print::note("file and record agree");
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = print::table(&["field", "stands", "other", "since version", "by", "at"]);
    for field in fields {
        table.add_row(["field", "stands", "other", "version", "by", "at"].map(|key| print::word(&field[key])));
    }
    print::line(&table.to_string())?;
    Ok(ExitCode::SUCCESS)
}
