//! What people may type behind `dam audit`.

use clap::{Args, Subcommand, ValueHint};

#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(subcommand)]
    pub action: AuditAction,
}

#[derive(Debug, Subcommand)]
pub enum AuditAction {
    /// Look for missing fields, words that the glossary does not know, and what tells too much.
    #[command(after_help = "\
Core fields (glossary.toml says which) that are empty; words that are no term where terms alone are taken, or one slip
away from one; aliases and retired terms; words made with mkdir that nothing has; masters that say where they were taken
(GPS), and kept exports that say so or tell a prompt. Exit code 1 when there is something.

--fix mends what is certain, in one turn that dam undo takes back: an alias becomes its term, a retired term the one that
took its place.

Example:
  dam audit metadata
  dam audit metadata persona=luna,created=2026 --fix
  dam audit metadata --json")]
    Metadata {
        /// Assets to look at; else all.
        #[arg(value_name = "QUERY")]
        query: Option<String>,
        /// Mend what is certain.
        #[arg(long)]
        fix: bool,
    },
    /// Show how far each member reaches, by which rule, and when he last made use of it.
    #[command(after_help = "\
For each member and verb: how many assets he reaches when what he can unlock is unlocked, the query that says so, and the newest
row of the log in which he did it (- where the log would not tell). With an asset: whether he reaches that one, and why. With --unused
what nobody has made use of lately, and could be taken away. For admins.

Example:
  dam audit access
  dam audit access --unused 90d
  dam audit access --member rita
  dam audit access library/luna/IMG_1.png --json")]
    Access {
        /// One asset: a path in a mount, library/..., or an id; else all.
        #[arg(value_name = "PATH|ID", value_hint = ValueHint::FilePath)]
        target: Option<String>,
        /// One member alone.
        #[arg(long, value_name = "NAME")]
        member: Option<String>,
        /// Only rights that were not used since then: a date, a time, or how long ago as 90d.
        #[arg(long, value_name = "SINCE")]
        unused: Option<String>,
    },
    /// Put your name under who reaches what, once a quarter.
    #[command(after_help = "\
The row on record has a digest of the table that dam audit access shows, without when it was used. For admins.

Example:
  dam audit access && dam audit sign-off")]
    SignOff,
}
