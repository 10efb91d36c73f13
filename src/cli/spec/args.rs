//! What people may type behind `dam spec`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

#[derive(Debug, Args)]
#[command(after_help = "\
platforms.csv in the library's folder says it, one row for each placement: size, fit, formats, most bytes, whether adult
content may stand there, and when somebody last looked whether that is still so. Any spreadsheet may change it. A changed
cell changes the exports at once; a sheet with a mistake is not used. policy/README.md describes the columns.

Example:
  dam spec
  dam spec review
  VISUAL='libreoffice --calc' dam spec edit")]
pub struct SpecArgs {
    #[command(subcommand)]
    pub action: Option<SpecAction>,
}

#[derive(Debug, Subcommand)]
pub enum SpecAction {
    /// List the rows in force; what is done without an action, too.
    #[command(after_help = "Example:\n  dam spec list --platform instagram\n  dam spec list --json")]
    List {
        /// Only the rows of this platform.
        #[arg(long, value_name = "PLATFORM")]
        platform: Option<String>,
    },
    /// Read a sheet and say what is wrong with it.
    #[command(after_help = "\
Each mistake is told with its row, as a spreadsheet numbers it, its column, and what may stand there. Exit code 1 when
there is one.

Example:
  dam spec check
  dam spec check draft.csv")]
    Check {
        /// Another file than the library's.
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
    },
    /// List the rows that somebody should look at again.
    #[command(after_help = "\
A row is due when its `verified` is older than 92 days, or empty. Look at its source, mend what has changed, and write
today's date. Exit code 1 when a row is due.

Example:
  dam spec review
  dam spec review --json")]
    Review,
    /// Change the sheet in an editor (admin only).
    #[command(after_help = "\
Opens a copy in $VISUAL or $EDITOR and puts it in when it has no mistake: every export is made by it at once. A mistake
is told with its row and column, and the copy can be edited again. An edit is on record and is no turn of dam undo.

Example:
  dam spec edit
  VISUAL='libreoffice --calc' dam spec edit
  EDITOR='cp draft.csv' dam spec edit")]
    Edit,
}
