//! What people may type behind `dam member`.

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub struct MemberArgs {
    #[command(subcommand)]
    pub action: MemberAction,
}

#[derive(Debug, Subcommand)]
pub enum MemberAction {
    /// Add a member.
    #[command(after_help = "Example:\n  dam member add anna --uid 1001 --role client-reviewer --scope client=acme")]
    Add {
        #[arg(value_name = "NAME")]
        name: String,
        /// The system user who is this member.
        #[arg(long, value_name = "N")]
        uid: Option<u32>,
        /// A role of roles.toml, for example editor; of several, with commas between, he may what one grants and none denies.
        #[arg(long, value_name = "ROLE")]
        role: String,
        /// A query that limits everything he may do, for example client=acme.
        #[arg(long, value_name = "EXPR")]
        scope: Option<String>,
        /// His last day, for example 2026-12-31.
        #[arg(long, value_name = "DAY")]
        ends: Option<String>,
    },
    /// Change a member.
    #[command(
        after_help = "Example:\n  dam member set anna --role editor --scope ''\n  dam member set anna --active false\n  dam member set anna --read-only false"
    )]
    Set {
        #[arg(value_name = "NAME")]
        name: String,
        #[arg(long, value_name = "N")]
        uid: Option<u32>,
        #[arg(long, value_name = "ROLE")]
        role: Option<String>,
        /// An empty one takes the scope away.
        #[arg(long, value_name = "EXPR")]
        scope: Option<String>,
        /// `false` shuts him out and ends what he has open.
        #[arg(long, value_name = "true|false")]
        active: Option<bool>,
        /// His last day; an empty one takes it away.
        #[arg(long, value_name = "DAY")]
        ends: Option<String>,
        /// `true` lets him change no file any more, also through what he has open, and nothing but verdicts by commands; `false` lifts
        /// that, also when a rule of alerts.toml has said it. Nobody lifts his own.
        #[arg(long, value_name = "true|false")]
        read_only: Option<bool>,
    },
    /// Shut a member out for good and make another the owner of what is his.
    #[command(after_help = "\
Ends his mounts, what he has open, and what he had unlocked; then assets, reviews and saved queries of his become the other's, some at
a time. The same command once more goes on where it was cut off, and dam undo takes all of it back.

Example:
  dam member offboard anna --to ben")]
    Offboard {
        #[arg(value_name = "NAME")]
        name: String,
        /// Who gets what is his.
        #[arg(long, value_name = "NAME")]
        to: String,
    },
    /// Enrol a second factor: an authenticator app's codes, and recovery codes for when it is lost.
    #[command(after_help = "\
The secret is shown as a QR code; it counts when the app's code is given, and it replaces a former one. Who has a second
factor unlocks with it what is rated adult and what an admin does: dam unlock.

Example:
  dam member totp
  dam member totp anna --remove")]
    Totp {
        /// Whose is taken away; an admin's to say. Else your own.
        #[arg(value_name = "NAME", requires = "remove")]
        name: Option<String>,
        /// Take it away.
        #[arg(long)]
        remove: bool,
    },
    /// List members; who is no admin sees himself.
    #[command(after_help = "Example:\n  dam member list --json")]
    List,
}
