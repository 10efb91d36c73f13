//! What people may type behind `dam review` and `dam takedown`.

use clap::{Args, Subcommand, ValueHint};

use crate::cli::many::Many;

#[derive(Debug, Args)]
#[command(after_help = "\
The board is also review/ in a mount: a folder for each stage, mine/ and overdue/; mv from one stage's folder to another's
is the decision. Which moves there are, and what they need, says dam workflow.

Example:
  dam review
  dam review approve library/luna/IMG_1.png
  dam review reject ~/mnt/review/internal-review/IMG_1.png -m 'six fingers'
  dam review assign --to rita --due 2026-12-01 --query kind=video,stage=internal-review")]
pub struct ReviewArgs {
    #[command(subcommand)]
    pub action: Option<ReviewAction>,
}

/// Assets of a decision, and the word with it.
#[derive(Debug, Args)]
pub struct Decision {
    /// Paths in a mount, library/..., or asset ids.
    #[arg(value_name = "PATH|ID", value_hint = ValueHint::FilePath)]
    pub targets: Vec<String>,
    /// Why; kept with the decision.
    #[arg(short, long, value_name = "TEXT")]
    pub message: Option<String>,
    #[command(flatten)]
    pub many: Many,
}

#[derive(Debug, Subcommand)]
pub enum ReviewAction {
    /// List what waits; what is done without an action, too.
    #[command(after_help = "\
The earliest due first. Without a STAGE those in which somebody is to look: internal-review and client-approval.

Example:
  dam review list --mine
  dam review list rejected --json")]
    List {
        /// One stage.
        #[arg(value_name = "STAGE")]
        stage: Option<String>,
        /// Only what I am to review.
        #[arg(long)]
        mine: bool,
        /// Only what is late.
        #[arg(long)]
        overdue: bool,
    },
    /// Ask the library's screen about assets now, and print what it says.
    #[command(after_help = "\
The screen is a program that damfs.toml names; the daemon asks it by itself about what waits for review. What it has said of
some bytes is kept; this asks it again. Exit code 1 when it did not answer.

Example:
  dam review screen library/luna/IMG_1.png")]
    Screen {
        /// Paths in a mount, library/..., or asset ids.
        #[arg(value_name = "PATH|ID", value_hint = ValueHint::FilePath, required = true)]
        targets: Vec<String>,
    },
    /// Hand in for review.
    #[command(after_help = "Example:\n  dam review submit library/luna/IMG_1.png")]
    Submit(Decision),
    /// Approve: on the board, or for a platform.
    #[command(after_help = "\
For a platform the verdict is bound to the bytes as they are now, and to the guideline in force.

Example:
  dam review approve library/luna/IMG_1.png
  dam review approve --for instagram --query stage=approved,persona=luna")]
    Approve {
        /// For this platform; again for more.
        #[arg(long = "for", value_name = "PLATFORM")]
        platforms: Vec<String>,
        #[command(flatten)]
        what: Decision,
    },
    /// Reject, with a reason: on the board, or for a platform.
    #[command(after_help = "\
Example:
  dam review reject library/luna/IMG_1.png -m 'six fingers'
  dam review reject library/luna/IMG_1.png --for x -m 'logo of another brand'")]
    Reject {
        /// For this platform; again for more.
        #[arg(long = "for", value_name = "PLATFORM")]
        platforms: Vec<String>,
        #[command(flatten)]
        what: Decision,
    },
    /// Move to a stage.
    #[command(after_help = "Example:\n  dam review move client-approval library/luna/IMG_1.png")]
    Move {
        /// The stage.
        #[arg(value_name = "STAGE")]
        stage: String,
        #[command(flatten)]
        what: Decision,
    },
    /// Say who is to review, and until when.
    #[command(after_help = "Example:\n  dam review assign library/luna/IMG_1.png --to rita --due 2026-12-01")]
    Assign {
        /// Who; empty takes it away.
        #[arg(long, value_name = "NAME", required_unless_present = "due")]
        to: Option<String>,
        /// Until when; empty takes it away.
        #[arg(long, value_name = "DAY")]
        due: Option<String>,
        #[command(flatten)]
        what: Decision,
    },
    /// Say something of assets as they are now.
    #[command(after_help = "\
A comment on the current version is also the reason of a rejection that follows without -m, as by mv.

Example:
  dam review comment library/luna/IMG_1.png -m 'the left hand'")]
    Comment(Decision),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Every platform's verdict becomes rejected, with the reason: exports are gone, for open handles and running uploads too,
when the command returns. On the board it goes to rejected, where there is a way. Whoever may review may take down.
dam undo takes it back.

Example:
  dam takedown library/luna/IMG_1.png -m 'claim of the photographer'
  dam takedown --for x --query persona=luna -m 'account suspended'")]
pub struct TakedownArgs {
    /// Only on this platform.
    #[arg(long = "for", value_name = "PLATFORM")]
    pub platform: Option<String>,
    #[command(flatten)]
    pub what: Decision,
}
