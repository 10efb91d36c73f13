//! The catalogue's records, as plain data.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::GroupRow;
use crate::types::{
    AssetId, Colours, ContentId, EntryId, FileName, MemberId, NodeId, RenditionNo, Timestamp, VersionId, VersionNo,
};

/// What kind of node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NodeKind {
    File,
    Dir,
    Symlink,
    Fifo,
    Socket,
}

/// What part a node plays (DESIGN: identity).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NodeClass {
    /// Directories, symlinks, pipes, sockets.
    Plain,
    /// The bytes of an asset (published or provisional).
    Asset,
    /// A saver's temporary file; becomes a version when renamed onto an asset, an asset when it stays.
    Scratch,
    /// Lock, swap and operating-system junk, never an asset; a directory that lies in a desktop's trash.
    Local,
    /// Old bytes that were moved aside under a backup name.
    Aside,
    /// Lies in the inbox and waits to be filed.
    Inbox,
}

/// One node: an inode's worth of attributes and bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRow {
    pub id: NodeId,
    pub kind: NodeKind,
    pub class: NodeClass,
    /// Permission bits.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Bytes. For a staged node the staging file knows better; this is what was last recorded.
    pub size: u64,
    pub atime: Timestamp,
    pub mtime: Timestamp,
    pub ctime: Timestamp,
    /// Symlink target; for a directory below [`NodeId::LOCALS`] the view path it serves.
    pub target: Option<Vec<u8>>,
    /// The committed bytes below the staged ones; `None` is empty.
    pub content: Option<ContentId>,
    /// Whether a staging file holds bytes newer than `content`.
    pub staged: bool,
    /// The asset these are (or were, for [`NodeClass::Aside`]) the bytes of.
    pub asset: Option<AssetId>,
    /// Who made it; `None` for the library itself.
    pub owner: Option<MemberId>,
    /// Process that created it; 0 unknown. Only meaningful minutes long.
    pub made_by_process: u32,
    pub made_at: Timestamp,
    /// Whether a program set `mtime` after the last write (then a version does not move it).
    pub mtime_set: bool,
}

/// What `stat` needs of a node, so that a listing need not carry the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeStat {
    pub id: NodeId,
    pub kind: NodeKind,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Bytes; of a symlink those of its target.
    pub size: u64,
    pub atime: Timestamp,
    pub mtime: Timestamp,
    pub ctime: Timestamp,
}

impl From<&NodeRow> for NodeStat {
    fn from(row: &NodeRow) -> Self {
        let target = row.target.as_ref().filter(|_| row.kind == NodeKind::Symlink);
        Self {
            id: row.id,
            kind: row.kind,
            mode: row.mode,
            uid: row.uid,
            gid: row.gid,
            size: target.map_or(row.size, |t| t.len() as u64),
            atime: row.atime,
            mtime: row.mtime,
            ctime: row.ctime,
        }
    }
}

/// One row of a folder's listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderRow {
    pub entry: EntryId,
    pub name: FileName,
    pub node: NodeStat,
}

/// One file of a view's listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewRow {
    pub ordinal: u64,
    pub asset: AssetId,
    pub view_name: String,
    pub marked_name: Option<String>,
    pub node: NodeStat,
}

/// One name in one directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryRow {
    /// Orders listings; the cookie.
    pub id: EntryId,
    pub parent: NodeId,
    pub name: FileName,
    pub node: NodeId,
}

/// Where an asset stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AssetState {
    #[default]
    Active,
    Archived,
    Expired,
    Held,
    Trashed,
}

/// A verdict for one platform; bound to the bytes of one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// `needs-review`, `approved`, `rejected`, `stale`.
    pub value: String,
    /// The version it was given for; an approved one goes on circulating while newer ones wait.
    pub version: Option<VersionId>,
    pub by: Option<MemberId>,
    pub at: Timestamp,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
    /// The platform's guideline that it was given under, by its digits.
    #[serde(default)]
    pub guideline: Option<String>,
}

impl Verdict {
    /// One without a word.
    pub fn new(value: impl Into<String>, version: Option<VersionId>, by: Option<MemberId>, at: Timestamp) -> Self {
        Self { value: value.into(), version, by, at, reason: None, guideline: None }
    }
}

/// What somebody said of an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    pub at: Timestamp,
    pub by: Option<MemberId>,
    /// The number of the version that it speaks of.
    pub version: Option<u32>,
    /// The decision that it gives the reason for, as `stage=rejected`.
    pub about: Option<String>,
    pub text: String,
}

/// Everything known of one asset: the aggregate that queries, roles and records speak of.
/// Provisional (not yet in any view) while `head` is `None`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asset {
    pub id: AssetId,
    /// Orders views; the cookie. Never reused.
    pub ordinal: u64,
    /// The name of its file, as views show it to who may list no namesake that was named before it.
    pub view_name: String,
    /// As views show it to the others. `None`: no other asset has its stem.
    pub marked_name: Option<String>,
    /// Grows with every naming: of namesakes the one named first has the plain name. `None`: it lies in the trash, no tunnel brings it back,
    /// and whoever comes goes first.
    pub named: Option<u64>,
    /// The node that holds its bytes; `None` only when trashed bytes were purged.
    pub node: Option<NodeId>,
    pub state: AssetState,
    /// Current version.
    pub head: Option<VersionId>,
    /// What it has in common with every asset of the same current bytes, by [`super::facts::duplicate`].
    pub duplicate: Option<String>,
    /// What stands out in its current bytes, once somebody has looked.
    #[serde(skip)]
    pub colours: Colours,
    pub owner: Option<MemberId>,
    /// The owner's name (kept for the `owner` field).
    pub owner_name: String,
    /// `image`, `video`, `audio`, `document`, `other`.
    pub kind: String,
    /// `png`, `jpeg`, `webp`, ... by content.
    pub format: String,
    pub width: Option<u32>,
    pub height: Option<u32>,
    /// EXIF orientation 1 to 8; width and height are as shown after applying it.
    pub orientation: u8,
    pub created: Timestamp,
    pub imported: Timestamp,
    pub expires: Option<Timestamp>,
    pub client: Option<String>,
    pub rating: Option<String>,
    /// 0 to 10, two for each star (`user.baloo.rating`, xmp:Rating).
    pub stars: Option<u8>,
    pub rights: Option<String>,
    pub likeness: Option<String>,
    pub model: Option<String>,
    pub sampler: Option<String>,
    pub seed: Option<i64>,
    pub stage: Option<String>,
    /// Who is to review it, by name.
    #[serde(default)]
    pub reviewer: Option<String>,
    /// Until when it is to be reviewed.
    #[serde(default)]
    pub due: Option<Timestamp>,
    pub personas: BTreeSet<String>,
    pub campaigns: BTreeSet<String>,
    /// Tags, `/` between levels.
    pub tags: BTreeSet<String>,
    pub loras: BTreeSet<String>,
    pub prompt: Option<String>,
    pub negative: Option<String>,
    /// Caption or comment (`user.xdg.comment`, dc:description).
    pub notes: Option<String>,
    /// Free texts by name: `user.dublincore.*` and the Dublin Core of the file but for what has a facet (`title`, `creator`, `rights`).
    pub properties: BTreeMap<String, String>,
    /// The program that generated it, when its file says so or once said so. All that the file says is long, and beside the record.
    pub generator: Option<String>,
    /// Per platform.
    pub status: BTreeMap<String, Verdict>,
    /// What was said of it, in the order in which it was.
    #[serde(default)]
    pub remarks: Vec<Remark>,
    /// What file and record, or two writers, said differently, by field; until somebody decides.
    pub conflicts: BTreeMap<String, Conflict>,
    /// Where it was and when it was put in the trash.
    pub trashed: Option<Trashed>,
    /// Moves with every change of the record; the ctime that its files show.
    pub changed: Timestamp,
}

/// What did not stand when both sides had changed a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The value that does not stand; `None` is no value. Of bytes the number of their version.
    pub other: Option<String>,
    /// The version that brought the value which stands.
    pub version: u32,
    pub by: Option<MemberId>,
    pub at: Timestamp,
}

/// The place an asset had before it was put in the trash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trashed {
    pub at: Timestamp,
    pub parent: NodeId,
    /// The name's bytes.
    pub name: Vec<u8>,
    pub by: Option<MemberId>,
    /// The asset that it went along with; it comes back with that one.
    pub with: Option<AssetId>,
}

/// One version of an asset. Immutable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionRow {
    pub id: VersionId,
    /// Number behind its inode.
    pub no: VersionNo,
    pub asset: AssetId,
    /// 1, 2, 3 ... within the asset.
    pub n: u32,
    pub content: ContentId,
    pub size: u64,
    pub mtime: Timestamp,
    pub made_at: Timestamp,
    pub made_by: Option<MemberId>,
    pub format: String,
    pub kind: String,
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub orientation: u8,
}

/// A name that was set aside or removed and may come back (15 seconds).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TunnelRow {
    pub parent: NodeId,
    pub name: FileName,
    pub asset: AssetId,
    /// The node that had the name.
    pub node: NodeId,
    pub process: u32,
    pub member: Option<MemberId>,
    pub at: Timestamp,
    pub how: TunnelHow,
    /// What a removal in a view took from the asset: the value, or the tags that are or lie below it.
    pub taken: Vec<String>,
}

/// How a name went away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TunnelHow {
    /// Moved to a backup name: the asset comes back with the name.
    Aside,
    /// Renamed away to an ordinary name: only a weak hint.
    Moved,
    /// Unlinked.
    Removed,
    /// Unlinked by someone who may edit but not delete: put back when the name does not return.
    RemovedWithoutDelete,
    /// Moved aside inside a view; the library name never moved.
    AsideInView,
    /// Unlinked in a view: the asset lost the view's value.
    RemovedInView,
}

/// A member of the library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRow {
    pub id: MemberId,
    pub name: String,
    /// The system user who is this member.
    pub uid: Option<u32>,
    /// The role given to himself; of several all of them, with commas between; empty when he has what groups give him alone.
    pub role: String,
    /// A query ANDed with every verb.
    pub scope: Option<String>,
    pub active: bool,
    pub since: Timestamp,
    /// The first moment at which he is a member no more.
    #[serde(default)]
    pub ends: Option<Timestamp>,
    /// He changes no file, and nothing of an asset's record but verdicts and the board.
    #[serde(default)]
    pub read_only: bool,
    /// What he is in by groups of the system. Read with him, and stored by seats alone ([`WriteTx::put_seat`](super::WriteTx::put_seat)).
    #[serde(skip)]
    pub groups: Vec<GroupRow>,
}

impl MemberRow {
    /// The names of the roles given to himself.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.role.split(',').filter(|role| !role.is_empty())
    }

    /// Whether he is a member at a moment.
    #[must_use]
    pub fn is_in(&self, now: Timestamp) -> bool {
        let has_role = !self.role.is_empty() || self.groups.iter().any(|group| group.gives(now));
        self.active && self.ends.is_none_or(|end| now < end) && has_role
    }

    /// The next end of his, or of what a group gives him.
    #[must_use]
    pub fn next_end(&self, now: Timestamp) -> Option<Timestamp> {
        let groups = self.groups.iter().filter_map(|group| group.ends).filter(|end| now < *end);
        groups.chain(self.ends).min()
    }

    /// His roles for people, each group's behind its name.
    #[must_use]
    pub fn told_roles(&self) -> String {
        let own = Some(self.role.clone()).filter(|own| !own.is_empty());
        let within = |group: &GroupRow| group.scope.as_ref().map(|scope| format!(" in {scope}")).unwrap_or_default();
        let groups = self.groups.iter().map(|group| format!("{} by @{}{}", group.role, group.name, within(group)));
        own.into_iter().chain(groups).collect::<Vec<_>>().join("; ")
    }

    /// As he is stored, without what groups give him.
    #[must_use]
    pub fn bare(self) -> Self {
        Self { groups: Vec::new(), ..self }
    }
}

/// A member's second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactorRow {
    pub member: MemberId,
    /// The number of the key that wraps the secret.
    pub epoch: u32,
    /// Nonce, wrapped secret, tag.
    pub secret: [u8; 60],
    pub enrolled: Timestamp,
    /// The last time step of which a code was taken: none of it or before it is taken again.
    pub last_step: u64,
    /// Wrong codes since the last right one.
    pub wrong: u32,
    /// No code is taken before then.
    pub blocked: Option<Timestamp>,
    /// What is behind it is open before then.
    pub unlocked: Option<Timestamp>,
    /// Hashes of the recovery codes that nobody has used.
    pub recovery: Vec<[u8; 32]>,
}

impl FactorRow {
    /// The longest that anything is unlocked.
    pub const LONGEST: Duration = Duration::from_secs(12 * 3600);

    /// Until when what is behind it is open, when it is now.
    #[must_use]
    pub fn open_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.unlocked.filter(|until| Self::is_open(*until, now))
    }

    /// Whether what is open until then is open now. A clock that was set back does not hold it open.
    #[must_use]
    pub fn is_open(until: Timestamp, now: Timestamp) -> bool {
        now < until && u128::try_from(until.ms_since(now)).is_ok_and(|ms| ms <= Self::LONGEST.as_millis())
    }
}

/// A folder's rule: what is filed below it gets this value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderRule {
    pub folder: NodeId,
    pub facet: String,
    pub value: String,
}

/// A query that a member keeps under a name: `saved/<name>/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedRow {
    pub owner: MemberId,
    /// Unique among his.
    pub name: String,
    /// As it was written; `None` until it is told, and finds nothing.
    pub query: Option<String>,
    /// Whose members see it as well.
    pub roles: BTreeSet<String>,
    /// The last moment at which it is there.
    pub until: Option<Timestamp>,
    /// When it was made, or last shown to more; of namesakes the first one has the plain name.
    pub since: Timestamp,
}

/// What is known of one export; kept for good, even when its bytes are evicted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenditionRow {
    pub no: RenditionNo,
    pub content: ContentId,
    /// Hash of the recipe's canonical text.
    pub recipe: [u8; 32],
    pub renderer: u32,
    pub outcome: Outcome,
    /// When the recipe was first used here.
    pub since: Timestamp,
}

/// What a picture looks like ([`crate::media::Master::look`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookRow {
    pub content: ContentId,
    /// The number of the way in which it was looked at; only looks of one number are compared.
    pub way: u32,
    /// Or why it has none.
    pub look: Result<u64, String>,
    /// A picture of one even shade has some, and no look.
    pub colours: Colours,
}

/// A content of a group of pictures that look alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alike {
    /// What [`Alike::duplicate`] writes.
    pub digits: u64,
    /// The first asset that has it, of those that were asked for.
    pub ordinal: u64,
}

impl Alike {
    /// The value of `duplicate` that its assets have.
    #[must_use]
    pub fn duplicate(&self) -> String {
        super::facts::digits(self.digits)
    }
}

/// What came of a render. The same bytes, recipe and renderer always come to the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Made {
        size: u64,
        /// BLAKE3 of the rendered bytes.
        hash: [u8; 32],
        /// 1 to 100; of formats that have one.
        quality: Option<u8>,
    },
    /// It cannot be rendered, and why.
    Failed(String),
}

/// One thing that happened in the inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxRow {
    pub no: u64,
    pub at: Timestamp,
    pub member: Option<MemberId>,
    pub name: String,
    /// `filed`, `duplicate`, `refused`.
    pub outcome: String,
    /// Where it went, or why not.
    pub detail: String,
    pub asset: Option<AssetId>,
}

/// What a change was about. `id` in [`ChangeRow`] is its number or its 16 bytes as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChangeKind {
    /// A node's attributes or bytes; id = node number.
    Node,
    /// A directory's names; id = `parent/name` as number, slash, name in percent-encoding.
    Entry,
    /// An asset's record; id = asset id.
    Asset,
    /// A member, a role, a rule; id = member id or empty. Moves the access epoch.
    Access,
    /// The inbox report.
    Inbox,
    /// Words of an open vocabulary that wait for their first asset; id = the facet.
    Word,
    /// A saved query; id = its owner's id, slash, its name.
    Saved,
}

/// One row of the change feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRow {
    pub seq: u64,
    pub kind: ChangeKind,
    pub id: String,
}

/// One row of the audit log, as chained by `crate::audit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// One chain per writer.
    pub chain: String,
    pub seq: u64,
    pub at: Timestamp,
    /// Member name, or `uid:1000` for a stranger, or `damfs` for the daemon itself.
    pub actor: String,
    /// `version.commit`, `asset.set`, `deny.download`, ...
    pub action: String,
    /// Asset or member id, or a path.
    pub subject: String,
    /// JSON with what changed (old and new values); never prompts or secrets.
    pub detail: String,
    pub prev: [u8; 32],
    pub hash: [u8; 32],
}
