//! What people may type behind `dam caption`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

#[derive(Debug, Args)]
#[command(after_help = "\
captions.toml in the library's folder says what stands in NAME.caption.txt beside each export: a template for all
platforms, for one, or for one of its placements, with hashtags, a link, and what is said of what was generated.
policy/README.md describes it. A caption is never longer than its platform takes: words of the note go first.

Example:
  dam caption
  dam caption edit
  cat ~/mnt/platforms/instagram/post_square/IMG_1.caption.txt")]
pub struct CaptionArgs {
    #[command(subcommand)]
    pub action: Option<CaptionAction>,
}

#[derive(Debug, Subcommand)]
pub enum CaptionAction {
    /// List the sections in force; what is done without an action, too.
    #[command(after_help = "Example:\n  dam caption list --json")]
    List,
    /// Read a text of captions and say what is wrong with it.
    #[command(after_help = "\
The mistake is told with its line. Exit code 1 when there is one.

Example:
  dam caption check
  dam caption check draft.toml")]
    Check {
        /// Another file than the library's.
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
    },
    /// Change the captions in an editor (admin only).
    #[command(after_help = "\
Opens a copy in $VISUAL or $EDITOR and puts it in when it has no mistake: every caption is made by it at once. A mistake
is told with its line, and the copy can be edited again. An edit is on record and is no turn of dam undo.

Example:
  dam caption edit
  EDITOR='cp draft.toml' dam caption edit")]
    Edit,
}
