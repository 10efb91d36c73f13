//! What people may type behind `dam glossary`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

#[derive(Debug, Args)]
#[command(after_help = "\
glossary.toml in the library's folder says it: definitions, aliases that become their terms, terms that imply others,
levels that may stand below a tag, retired terms, and fields that take terms alone. policy/README.md describes it.

Example:
  dam glossary
  dam glossary edit
  dam glossary check draft.toml")]
pub struct GlossaryArgs {
    #[command(subcommand)]
    pub action: Option<GlossaryAction>,
}

#[derive(Debug, Subcommand)]
pub enum GlossaryAction {
    /// List the terms and how many of the assets that you may list have each; what is listed without an action, too.
    #[command(after_help = "Example:\n  dam glossary list --json")]
    List,
    /// Read a glossary and say what is wrong with it.
    #[command(after_help = "\
Exit code 1 when it has a mistake.

Example:
  dam glossary check
  dam glossary check draft.toml")]
    Check {
        /// Another file than the library's.
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
    },
    /// Change the glossary in an editor (admin only).
    #[command(after_help = "\
Opens a copy in $VISUAL or $EDITOR and puts it in when it has no mistake: every member and mount has the new words at
once. A mistake is told with its line, and the copy can be edited again. An edit is on record and is no turn of dam undo.

Example:
  dam glossary edit
  EDITOR='cp draft.toml' dam glossary edit")]
    Edit,
}
