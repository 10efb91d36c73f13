//! What the command line asks of a library, whether it is served by a daemon or opened in place: one set of requests,
//! one dispatcher (`ops::serve`), so that both ways give the same answers through the same gate.

use serde::{Deserialize, Serialize};

use super::groups::GroupChange;
use super::members::MemberChange;
use super::records::{Given, How, Shelf};
use crate::types::AssetId;

/// Something to do with a library, on behalf of a caller.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Command {
    /// Takes in one file whose bytes come as an open descriptor. Answered per file with a `crate::ops::import::Imported`.
    Import {
        /// Name and folders below the folder given, `a/b/x.png`.
        path: String,
        into: Option<String>,
        set: Vec<Assignment>,
        /// Modification time in nanoseconds.
        mtime: i64,
        /// Also take what is no recognised medium.
        any: bool,
        /// Also take further copies of bytes that the library has.
        copies: bool,
    },
    /// What a query that is being typed may become: its `words`.
    Complete {
        begun: String,
    },
    /// Where in the library the bytes of the descriptor are: its `path`, or null.
    Known,
    /// Which versions have the bytes of the descriptor, or were rendered to them; `name` is the file's, for people.
    Whence {
        name: String,
    },
    /// Answered with parts, each some of the `assets`; or with their `count`.
    Find {
        /// Else everything that the caller may list.
        expr: Option<String>,
        /// `size`, `size,desc`.
        sort: Option<String>,
        limit: Option<u64>,
        count: bool,
    },
    /// `target`: `library/..`, a path in any mount already made library-relative by the client, or an asset id.
    Show {
        target: String,
    },
    /// A page of records: of what matches, behind the asset that the page before ended with.
    Records {
        expr: Option<String>,
        after: Option<AssetId>,
    },
    /// Records put on the assets that they speak of, in one transaction. Answered with a row for each.
    RecordsImport {
        records: Vec<Given>,
        how: How,
    },
    /// What is beside the records.
    RecordsShelf {
        shelf: Shelf,
        how: How,
    },
    /// A page of what is on record, the newest first.
    Log(super::log::Ask),
    /// Whether the record is whole, and has what these heads tell.
    LogVerify {
        heads: Vec<String>,
    },
    /// The heads of now.
    LogHead,
    /// What is known of an asset and was done with it, signed, written to the descriptor that comes along.
    Evidence {
        target: String,
        since: Option<String>,
        with_bytes: bool,
    },
    /// The public key that it is checked with.
    EvidenceKey,
    Versions {
        target: String,
    },
    /// What differs between two versions.
    Diff {
        target: String,
        from: Option<u32>,
        to: Option<u32>,
    },
    /// The glossary's terms and their uses.
    Glossary,
    /// Its text, for who may change it.
    GlossaryText,
    /// Another text in the place of the one that `base` is.
    GlossaryPut {
        text: String,
        base: String,
    },
    /// Every version of the roles that was in force.
    PolicyList,
    /// The text of one of them; else of the one in force.
    PolicyShow {
        version: Option<u64>,
    },
    /// The text in the library's folder, for who may change it.
    PolicyText,
    /// Whether a text may be put in force: this one, or the one in the library's folder.
    PolicyCheck {
        text: Option<String>,
    },
    /// What it would change.
    PolicyDiff {
        text: Option<String>,
    },
    /// Puts it in force; with a `base` only in the place of the one that this is.
    PolicyApply {
        text: Option<String>,
        base: Option<String>,
    },
    /// Tries cases, these or those in the library's folder, on a text, or on the policy in force.
    PolicyTest {
        cases: Option<String>,
        text: Option<String>,
    },
    /// The table of platforms that is in force, or one platform's part of it.
    SpecList {
        platform: Option<String>,
    },
    /// Its sheet, for who may change it.
    SpecText,
    /// Another sheet in the place of the one that `base` is.
    SpecPut {
        text: String,
        base: String,
    },
    /// The sections of the captions that are in force.
    CaptionList,
    /// Their text, for who may change it.
    CaptionText,
    /// Another text in the place of the one that `base` is.
    CaptionPut {
        text: String,
        base: String,
    },
    /// What a placement takes of a query's assets, a page behind that ordinal.
    ExportList {
        expr: String,
        place: String,
        after: u64,
    },
    /// One of them, written to the descriptor that comes along.
    ExportCopy {
        asset: AssetId,
        place: String,
    },
    /// What thumbnails of each of these assets would be of.
    ThumbsList {
        assets: Vec<AssetId>,
    },
    /// Thumbnails of one of them, at most so many pixels wide and high, written to the descriptor that comes along.
    ThumbsMake {
        asset: AssetId,
        sides: Vec<u32>,
    },
    /// What is wrong with the metadata of a query's assets, or of all; `fix` mends what is certain.
    AuditMetadata {
        query: Option<String>,
        fix: bool,
    },
    /// Who reaches what, or one asset.
    AuditAccess {
        target: Option<String>,
        member: Option<String>,
        /// Only what was not made use of since then.
        #[serde(default)]
        unused: Option<String>,
    },
    /// The caller's name under who reaches what.
    AuditSign,
    /// Lets go of versions that `versions.toml` does not keep: of these assets, or of all.
    Thin {
        targets: Vec<String>,
        dry_run: bool,
    },
    /// Makes an earlier version the next one, or takes an asset out of the trash, by itself to where it was.
    Restore {
        target: String,
        version: Option<u32>,
        into: Option<String>,
        name: Option<String>,
    },
    /// What file and record say differently.
    MetaDiff {
        target: String,
    },
    /// Decides it, of one field or of all.
    MetaResolve {
        target: String,
        field: Option<String>,
        take: String,
    },
    /// What looks like the picture of an asset, within so many bits of 64.
    Similar {
        target: String,
        within: u32,
    },
    /// Takes back a turn: the caller's last one, a member's last one, or one by its number.
    Undo {
        turn: Option<u64>,
        of: Option<String>,
        dry_run: bool,
    },
    /// The last turns of a member, the caller's own by default.
    Turns {
        of: Option<String>,
        limit: usize,
    },
    /// More targets may come as an open descriptor: a file of names, each ended by NUL.
    Set {
        what: Selection,
        set: Vec<Assignment>,
        dry_run: bool,
        /// What is said with a decision.
        #[serde(default)]
        why: Option<String>,
    },
    /// What waits on the board.
    ReviewList {
        stage: Option<String>,
        mine: bool,
        overdue: bool,
    },
    /// Asks the screen about assets.
    Screen {
        targets: Vec<String>,
    },
    /// As `Set`, a remark.
    Remark {
        what: Selection,
        text: String,
        dry_run: bool,
    },
    /// As `Set`: out of circulation, everywhere or on one platform.
    Takedown {
        what: Selection,
        platform: Option<String>,
        dry_run: bool,
        why: String,
    },
    AlertsShow,
    WorkflowShow,
    /// In the place of `base`; without, of whichever is in force.
    WorkflowPut {
        text: String,
        base: Option<String>,
    },
    GuidelineList,
    GuidelineShow {
        platform: String,
    },
    /// As `WorkflowPut`.
    GuidelinePut {
        platform: String,
        text: String,
        base: Option<String>,
    },
    GuidelineStale {
        platform: String,
        mark: bool,
    },
    /// As `Set`, one tag.
    Tag {
        what: Selection,
        tag: String,
        remove: bool,
        dry_run: bool,
    },
    /// Keeps a query under a name, or changes what is said of one.
    Save {
        name: String,
        query: Option<String>,
        /// `[""]` takes all away.
        roles: Option<Vec<String>>,
        /// `Some("")` is for good.
        until: Option<String>,
    },
    SavedRemove {
        name: String,
    },
    SavedList,
    /// Lets the caller remove many names from views for a while.
    BulkAllow {
        seconds: u64,
    },
    /// Makes versions of everything that is written and closed, at once.
    Settle,
    Fsck {
        deep: bool,
    },
    /// Copies the catalogue into the store.
    Snapshot,
    MemberAdd {
        name: String,
        uid: Option<u32>,
        role: String,
        scope: Option<String>,
        #[serde(default)]
        ends: Option<String>,
    },
    MemberSet {
        name: String,
        #[serde(flatten)]
        change: MemberChange,
    },
    /// Shuts a member out and makes another the owner of what is his.
    MemberOffboard {
        name: String,
        to: String,
    },
    MemberList,
    /// Makes the people of a group of the system members.
    GroupAdd {
        group: String,
        #[serde(flatten)]
        new: GroupChange,
    },
    GroupSet {
        group: String,
        #[serde(flatten)]
        change: GroupChange,
    },
    GroupRemove {
        group: String,
    },
    /// A secret for a second factor of the caller, and its address.
    TotpBegin,
    /// Makes it his second factor, by a code of it.
    TotpEnrol {
        secret: String,
        code: String,
    },
    /// Takes away the caller's second factor, or a member's.
    TotpRemove {
        member: Option<String>,
    },
    /// Opens what is behind the caller's second factor.
    Unlock {
        seconds: u64,
        code: String,
    },
    Lock,
    Why {
        target: String,
        as_member: Option<String>,
    },
    /// Sets or lists the rule of a folder: what is filed below it gets these values.
    FolderRule {
        folder: String,
        set: Vec<Assignment>,
    },
}

impl Command {
    /// Whether it may take long and says how far it is.
    #[must_use]
    pub const fn tells_progress(&self) -> bool {
        matches!(
            self,
            Self::Set { .. }
                | Self::Tag { .. }
                | Self::Undo { .. }
                | Self::Remark { .. }
                | Self::Takedown { .. }
                | Self::MemberOffboard { .. }
        )
    }

    /// Whether names that a kernel holds may lead elsewhere afterwards. An import only adds names.
    #[must_use]
    pub const fn changes_names(&self) -> bool {
        match self {
            Self::Set { .. }
            | Self::Remark { .. }
            | Self::Takedown { .. }
            | Self::WorkflowPut { .. }
            | Self::GuidelinePut { .. }
            | Self::GuidelineStale { mark: true, .. }
            | Self::RecordsImport { .. }
            | Self::RecordsShelf { .. }
            | Self::Tag { .. }
            | Self::Restore { .. }
            | Self::Thin { .. }
            | Self::GlossaryPut { .. }
            | Self::SpecPut { .. }
            | Self::PolicyApply { .. }
            | Self::CaptionPut { .. }
            | Self::AuditMetadata { fix: true, .. }
            | Self::MetaResolve { .. }
            | Self::Undo { .. }
            | Self::Settle
            | Self::Save { .. }
            | Self::SavedRemove { .. }
            | Self::MemberAdd { .. }
            | Self::MemberSet { .. }
            | Self::MemberOffboard { .. }
            | Self::GroupAdd { .. }
            | Self::GroupSet { .. }
            | Self::GroupRemove { .. }
            | Self::TotpEnrol { .. }
            | Self::TotpRemove { .. }
            | Self::Unlock { .. }
            | Self::Lock
            | Self::FolderRule { .. } => true,
            Self::Import { .. }
            | Self::ReviewList { .. }
            | Self::AlertsShow
            | Self::WorkflowShow
            | Self::GuidelineList
            | Self::GuidelineShow { .. }
            | Self::GuidelineStale { mark: false, .. }
            | Self::Known
            | Self::Whence { .. }
            | Self::Evidence { .. }
            | Self::Screen { .. }
            | Self::EvidenceKey
            | Self::Complete { .. }
            | Self::Find { .. }
            | Self::Glossary
            | Self::GlossaryText
            | Self::PolicyList
            | Self::PolicyShow { .. }
            | Self::PolicyText
            | Self::PolicyCheck { .. }
            | Self::PolicyDiff { .. }
            | Self::PolicyTest { .. }
            | Self::SpecList { .. }
            | Self::SpecText
            | Self::CaptionList
            | Self::ExportList { .. }
            | Self::ExportCopy { .. }
            | Self::ThumbsList { .. }
            | Self::ThumbsMake { .. }
            | Self::CaptionText
            | Self::AuditMetadata { fix: false, .. }
            | Self::AuditAccess { .. }
            | Self::AuditSign
            | Self::Show { .. }
            | Self::Records { .. }
            | Self::Versions { .. }
            | Self::Log(_)
            | Self::LogVerify { .. }
            | Self::LogHead
            | Self::Similar { .. }
            | Self::Diff { .. }
            | Self::MetaDiff { .. }
            | Self::Turns { .. }
            | Self::Fsck { .. }
            | Self::Snapshot
            | Self::BulkAllow { .. }
            | Self::SavedList
            | Self::MemberList
            | Self::TotpBegin
            | Self::Why { .. } => false,
        }
    }
}

/// Which assets a command is about: what is named, and what a query finds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    pub targets: Vec<String>,
    pub query: Option<String>,
}

impl From<Vec<String>> for Selection {
    fn from(targets: Vec<String>) -> Self {
        Self { targets, query: None }
    }
}

/// `facet=value`; `-value` or an empty value takes it away, `+value` adds to a multi-valued facet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    pub facet: String,
    pub value: String,
}

/// The version of what stands in this file; a daemon of another one is not asked anything.
pub const PROTOCOL: u32 = 2;

/// What a daemon says of itself, at once, whatever else it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    pub protocol: u32,
    /// The release, for people.
    pub version: String,
    pub pid: u32,
}

/// What a client sends to a daemon: one JSON frame, with at most one descriptor beside it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "ask")]
pub enum Request {
    /// Asked first; answered with a [`Hello`] in every version.
    Hello,
    /// `import`: the descriptor is the file, open for reading.
    Run {
        command: Command,
    },
    /// The descriptor is the mountpoint (O_PATH|O_DIRECTORY); `mountpoint` is its path for people.
    Mount {
        mountpoint: String,
        as_member: Option<String>,
        shared: bool,
        posix: bool,
    },
    /// Takes one mount down; the daemon ends with its last one. `force`: also when files are open in it, which are cut off with the
    /// daemon's end.
    Unmount {
        mountpoint: String,
        force: bool,
    },
    Status,
    /// Everything down.
    Stop,
}

/// What a daemon answers: frames of JSON, of which `done` or `failed` is the last.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer")]
pub enum Response {
    /// Some of the answer.
    Part {
        value: serde_json::Value,
    },
    /// How far a long command is.
    Progress {
        done: usize,
        of: usize,
    },
    Done {
        value: serde_json::Value,
    },
    Failed {
        failure: Failure,
    },
}

/// Why something was not done; becomes the message and the exit code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub kind: FailureKind,
    /// What failed.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

/// The exit codes, the one documented table: 0 done, 1 failed, 2 usage, 3 not found, 4 refused by policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    Failed,
    Usage,
    NotFound,
    Refused,
}

impl FailureKind {
    /// The process's exit code.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Refused => 4,
        }
    }
}

/// One mount in `dam status --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountInfo {
    pub pid: u32,
    pub library: String,
    pub mountpoint: String,
    /// The member it answers for; `null` for a shared mount.
    pub member: Option<String>,
    pub shared: bool,
}
