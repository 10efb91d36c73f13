//! Who is read-only looks on: his mounts take no change, and no command of his changes what a mount would. What he reads, exports, decides and
//! administers is his as before.

use damfs_policy::{Field, Verb};

use super::proto::{Assignment, Command};
use super::{Actor, OpsError};

/// Why nothing is changed.
pub const READ_ONLY: &str = "you are read-only, since much was changed at once or an admin said so; an admin lifts it: dam member set NAME --read-only false";

/// Nothing when the command may be his.
///
/// # Errors
/// [`OpsError::Refused`].
pub(super) fn must_not_rewrite(actor: &Actor, command: &Command) -> Result<(), OpsError> {
    if !actor.who().read_only || !rewrites(command) {
        return Ok(());
    }
    Err(OpsError::Refused { verb: Verb::Edit, subject: "library".to_owned(), reason: READ_ONLY.to_owned() })
}

/// Whether a command changes files or records, beside decisions about them.
fn rewrites(command: &Command) -> bool {
    match command {
        Command::Set { set, dry_run: false, .. } => !set.iter().all(decides),
        Command::Import { .. }
        | Command::Tag { dry_run: false, .. }
        | Command::Restore { .. }
        | Command::RecordsImport { .. }
        | Command::RecordsShelf { .. }
        | Command::MetaResolve { .. }
        | Command::AuditMetadata { fix: true, .. }
        | Command::Undo { dry_run: false, .. }
        | Command::Thin { dry_run: false, .. }
        | Command::FolderRule { .. } => true,
        _ => false,
    }
}

fn decides(Assignment { facet, .. }: &Assignment) -> bool {
    matches!(Field::parse(facet), Some(Field::Status(_) | Field::Stage | Field::Reviewer | Field::Due))
}
