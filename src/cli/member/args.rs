//! What people may type behind `dam member`.

use clap::{Args, Subcommand};

/// Who a member is to the system.
#[derive(Debug, Clone, Copy)]
pub enum UserId {
    Of(u32),
    Nobody,
}

fn user_id(text: &str) -> Result<UserId, String> {
    match text {
        "none" => Ok(UserId::Nobody),
        _ => text.parse().map(UserId::Of).map_err(|_| "a user id is a number; `none` takes it away".to_owned()),
    }
}

#[derive(Debug, Args)]
pub struct MemberArgs {
    #[command(subcommand)]
    pub action: MemberAction,
}

#[derive(Debug, Subcommand)]
pub enum MemberAction {
    /// Add a member, or let the people of a group in.
    #[command(after_help = "\
With --group everybody of that group of the system (of /etc/group, LDAP, whatever the machine asks) is a member from the moment in which he first
comes, under his login, and has the group's roles for as long as he is in it. No group gives what an admin may.
What sssd keeps of groups may be old: sss_cache -u LOGIN has it ask again.

Example:
  dam member add anna --uid 1001 --role client-reviewer --scope client=acme
  dam member add --group studio --role content-creator --ends 2026-12-31")]
    Add {
        #[arg(value_name = "NAME", required_unless_present = "group", conflicts_with = "group")]
        name: Option<String>,
        /// A group of the system, in the place of a member.
        #[arg(long, value_name = "GROUP", conflicts_with = "uid")]
        group: Option<String>,
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
    /// Change a member, or what a group gives.
    #[command(after_help = "\
Example:
  dam member set anna --role editor --scope ''
  dam member set anna --active false
  dam member set anna --uid none
  dam member set anna --read-only false
  dam member set --group studio --role editor")]
    Set {
        #[arg(value_name = "NAME", required_unless_present = "group", conflicts_with = "group")]
        name: Option<String>,
        /// A group of the system, in the place of a member.
        #[arg(long, value_name = "GROUP", conflicts_with_all = ["uid", "active", "read_only"])]
        group: Option<String>,
        /// The system user who is this member; `none` frees one whose user id another person has now.
        #[arg(long, value_name = "N|none", value_parser = user_id)]
        uid: Option<UserId>,
        /// An empty one leaves a member what groups give him.
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
    /// Let the people of a group in no more.
    #[command(after_help = "\
Whoever was in by that group alone is out within seconds, with his mounts and what he has open. His assets stay his; a member himself
leaves by dam member offboard.

Example:
  dam member remove --group studio")]
    Remove {
        /// The group.
        #[arg(long, value_name = "GROUP", required = true)]
        group: String,
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
    /// List members, and groups as @GROUP; who is no admin sees himself.
    #[command(after_help = "Example:\n  dam member list --json")]
    List,
}
