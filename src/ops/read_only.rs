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

/// Whether a command changes files, records or what is kept under a name, beside decisions about them. What is said of assets (a remark, a
/// takedown, a screening), what rules the library and who is in it is no rewriting.
fn rewrites(command: &Command) -> bool {
    match command {
        Command::Set { set, dry_run, .. } => !dry_run && !set.iter().all(decides),
        Command::Tag { dry_run, .. } | Command::Undo { dry_run, .. } | Command::Thin { dry_run, .. } => !dry_run,
        Command::AuditMetadata { fix, .. } => *fix,
        Command::RecordsImport { how, .. } | Command::RecordsShelf { how, .. } => !how.dry_run,
        Command::Import { .. }
        | Command::Restore { .. }
        | Command::MetaResolve { .. }
        // To ask for the rules of a folder makes it.
        | Command::FolderRule { .. }
        | Command::Save { .. }
        | Command::SavedRemove { .. } => true,
        Command::Remark { .. }
        | Command::Takedown { .. }
        | Command::Screen { .. }
        | Command::AuditSign
        | Command::WorkflowPut { .. }
        | Command::GuidelinePut { .. }
        | Command::GuidelineStale { .. }
        | Command::GlossaryPut { .. }
        | Command::PolicyApply { .. }
        | Command::SpecPut { .. }
        | Command::CaptionPut { .. }
        | Command::MemberAdd { .. }
        | Command::MemberSet { .. }
        | Command::MemberOffboard { .. }
        | Command::GroupAdd { .. }
        | Command::GroupSet { .. }
        | Command::GroupRemove { .. }
        | Command::TotpBegin
        | Command::TotpEnrol { .. }
        | Command::TotpRemove { .. }
        | Command::Unlock { .. }
        | Command::Lock
        | Command::BulkAllow { .. }
        // What was written before, and copies of what is there.
        | Command::Settle
        | Command::Snapshot
        | Command::Fsck { .. } => false,
        Command::Complete { .. }
        | Command::Known
        | Command::Whence { .. }
        | Command::Find { .. }
        | Command::Show { .. }
        | Command::Records { .. }
        | Command::Log(_)
        | Command::LogVerify { .. }
        | Command::LogHead
        | Command::Evidence { .. }
        | Command::EvidenceKey
        | Command::Versions { .. }
        | Command::Diff { .. }
        | Command::Glossary
        | Command::GlossaryText
        | Command::PolicyList
        | Command::PolicyShow { .. }
        | Command::PolicyText
        | Command::PolicyCheck { .. }
        | Command::PolicyDiff { .. }
        | Command::PolicyTest { .. }
        | Command::SpecList { .. }
        | Command::SpecText
        | Command::CaptionList
        | Command::CaptionText
        | Command::ExportList { .. }
        | Command::ExportCopy { .. }
        | Command::ThumbsList { .. }
        | Command::ThumbsMake { .. }
        | Command::AuditAccess { .. }
        | Command::MetaDiff { .. }
        | Command::Similar { .. }
        | Command::Turns { .. }
        | Command::ReviewList { .. }
        | Command::AlertsShow
        | Command::WorkflowShow
        | Command::GuidelineList
        | Command::GuidelineShow { .. }
        | Command::SavedList
        | Command::MemberList
        | Command::Why { .. } => false,
    }
}

fn decides(Assignment { facet, .. }: &Assignment) -> bool {
    matches!(Field::parse(facet), Some(Field::Status(_) | Field::Stage | Field::Reviewer | Field::Due))
}
