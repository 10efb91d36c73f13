//! What people may type behind `dam policy`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

#[derive(Debug, Args)]
#[command(after_help = "\
roles.toml in the library's folder says who may do what; policy/README.md describes it. It is a draft until dam policy
apply puts it in force: then it decides at once, on every mount and for what is open too. Each text that was in force is
kept with its number, and what was decided names it: dam log, dam why.

Example:
  dam policy
  dam policy edit
  dam policy diff draft.toml && dam policy apply draft.toml")]
pub struct PolicyArgs {
    #[command(subcommand)]
    pub action: Option<PolicyAction>,
}

#[derive(Debug, Subcommand)]
pub enum PolicyAction {
    /// List the versions that were in force, the newest first; what is done without an action, too.
    #[command(after_help = "Example:\n  dam policy list --json")]
    List,
    /// Print the text of the version in force, or of another.
    #[command(after_help = "Example:\n  dam policy show\n  dam policy show 3 > old.toml")]
    Show {
        #[arg(value_name = "VERSION", value_parser = clap::value_parser!(u64).range(1..))]
        version: Option<u64>,
    },
    /// Read a text and say what is wrong with it; without a library, only whether it can be read.
    #[command(after_help = "\
The mistake is told with its line. A text that leaves a member without his role, or nobody to administer the library, is
one too. Exit code 1 when there is one.

Example:
  dam policy check
  dam policy check draft.toml")]
    Check {
        /// Another file than the library's.
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
    },
    /// Say what a text would change: of each role by verb, and of each member in assets that he gains and loses.
    #[command(after_help = "Example:\n  dam policy diff\n  dam policy diff draft.toml")]
    Diff {
        /// Another file than the library's.
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
    },
    /// Put a text in force (admin only).
    #[command(after_help = "\
A text with a mistake is refused whole, and the one in force stays. It is on record and is no turn of dam undo; an earlier
version comes back with: dam policy show N > old.toml && dam policy apply old.toml

Example:
  dam policy apply
  dam policy apply draft.toml")]
    Apply {
        /// Another file than the library's; it takes its place.
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
    },
    /// Change the roles in an editor and put them in force (admin only).
    #[command(after_help = "\
Opens a copy in $VISUAL or $EDITOR. A mistake is told with its line, and the copy can be edited again.

Example:
  dam policy edit
  EDITOR='cp draft.toml' dam policy edit")]
    Edit,
    /// Try cases, who may do what with which asset, on the policy in force.
    #[command(after_help = "\
policy-tests.toml in the library's folder has cases to begin with. Exit code 1 when one is decided otherwise.

Example:
  dam policy test
  dam policy test cases.toml --policy draft.toml")]
    Test {
        /// Another file of cases than the library's.
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
        /// Try them on this text of roles.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        policy: Option<PathBuf>,
    },
}
