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
        /// A role of roles.toml, for example editor.
        #[arg(long, value_name = "ROLE")]
        role: String,
        /// A query that limits everything he may do, for example client=acme.
        #[arg(long, value_name = "EXPR")]
        scope: Option<String>,
    },
    /// Change a member.
    #[command(
        after_help = "Example:\n  dam member set anna --role editor --scope ''\n  dam member set anna --active false"
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
    },
    /// List members; who is no admin sees himself.
    #[command(after_help = "Example:\n  dam member list --json")]
    List,
}
