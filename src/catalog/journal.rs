//! What changes were, so that they can be taken back: the rows of the journal.
//!
//! A transaction with an audit row leaves one row here, with a [`Step`] for each aspect of each thing that it changed: what it was and
//! what it became. What a turn did as a whole is its steps put together ([`Step::gather`]): a thing that ended as it began is not in it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rows::{FolderRule, MemberRow, NodeClass, NodeKind, NodeRow, SavedRow};
use super::tx::Xattr;
use crate::types::{AssetId, ContentId, FileName, MemberId, NodeId, Timestamp, VersionId};

/// What made a change. What one command did, or one process without a pause, is one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Cause {
    /// damfs in its own time, or a process that is not known.
    #[default]
    Unknown,
    /// A process on a mount, by its thread group.
    Process(u32),
    /// The process of a command.
    Command(u32),
    /// That somebody with this user id came by a group; always a turn of its own.
    Joining(u32),
    /// Taking back this turn; always a turn of its own.
    Undo(u64),
}

impl Cause {
    /// Of a process on a mount; 0 is none that is known.
    #[must_use]
    pub const fn process(id: u32) -> Self {
        if id == 0 { Self::Unknown } else { Self::Process(id) }
    }

    /// Of a command's process; 0 is none that is known.
    #[must_use]
    pub const fn command(id: u32) -> Self {
        if id == 0 { Self::Unknown } else { Self::Command(id) }
    }
}

/// By whose hand a transaction changes what it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// `None` is damfs itself.
    pub by: Option<MemberId>,
    pub cause: Cause,
    pub at: Timestamp,
}

/// One row of the journal: what one transaction changed.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalRow {
    pub seq: u64,
    pub turn: u64,
    pub member: Option<MemberId>,
    pub at: Timestamp,
    /// The turn that this one takes back.
    pub undoes: Option<u64>,
    pub steps: Vec<Step>,
}

/// A turn, as a list of turns shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TurnRow {
    pub no: u64,
    pub member: Option<MemberId>,
    pub began: Timestamp,
    pub undoes: Option<u64>,
}

/// What can change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Thing {
    Asset(AssetId),
    /// A folder, a symbolic link, a backup, a file in the inbox.
    Node(NodeId),
    /// A word of a facet's vocabulary, as the catalogue keeps them.
    Word(String, String),
    Member(MemberId),
    /// A saved query, by its owner and its name.
    Saved(MemberId, String),
}

/// Before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair<T> {
    pub was: T,
    pub is: T,
}

impl<T: PartialEq> Pair<T> {
    fn differs(&self) -> bool {
        self.was != self.is
    }
}

/// A name in a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    pub parent: NodeId,
    pub name: Vec<u8>,
}

impl Spot {
    /// The name, unless the row is damaged.
    #[must_use]
    pub fn file_name(&self) -> Option<FileName> {
        FileName::new(&self.name).ok()
    }
}

/// Mode, owner and the times that a program sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attrs {
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// `None` where the time was not spoken of: times move by themselves.
    pub atime: Option<Timestamp>,
    pub mtime: Option<Timestamp>,
}

/// What is left of a node that is no asset's once its last name is gone; enough to make it again under its own number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relic {
    pub kind: NodeKind,
    pub class: NodeClass,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    pub atime: Timestamp,
    pub mtime: Timestamp,
    pub target: Option<Vec<u8>>,
    pub content: Option<ContentId>,
    /// Its newest bytes were in no store.
    pub staged: bool,
    pub asset: Option<AssetId>,
    pub owner: Option<MemberId>,
    pub made_at: Timestamp,
    pub mtime_set: bool,
    pub xattrs: Vec<Xattr>,
    pub rules: Vec<FolderRule>,
}

impl Relic {
    pub(super) fn of(row: &NodeRow, xattrs: Vec<Xattr>, rules: Vec<FolderRule>) -> Self {
        Self {
            kind: row.kind,
            class: row.class,
            mode: row.mode,
            uid: row.uid,
            gid: row.gid,
            size: row.size,
            atime: row.atime,
            mtime: row.mtime,
            target: row.target.clone(),
            content: row.content,
            staged: row.staged,
            asset: row.asset,
            owner: row.owner,
            made_at: row.made_at,
            mtime_set: row.mtime_set,
            xattrs,
            rules,
        }
    }

    /// The node's row again.
    #[must_use]
    pub fn row(&self, id: NodeId, now: Timestamp) -> NodeRow {
        NodeRow {
            id,
            kind: self.kind,
            class: self.class,
            mode: self.mode,
            uid: self.uid,
            gid: self.gid,
            size: self.size,
            atime: self.atime,
            mtime: self.mtime,
            ctime: now,
            target: self.target.clone(),
            content: self.content,
            staged: false,
            asset: self.asset,
            owner: self.owner,
            made_by_process: 0,
            made_at: self.made_at,
            mtime_set: self.mtime_set,
        }
    }
}

/// Fields of a record by their names in it.
pub type Fields = BTreeMap<String, Value>;

/// Numbers of aspects, in the order of which the steps of a thing are.
const PLACE: u8 = 0;
const DROPPED: u8 = 10;

/// One aspect of a thing, before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Where its name is; an asset in the trash, and what is not there, has none.
    Place(Pair<Option<Spot>>),
    /// The node of what is no asset.
    Node(Pair<Option<Box<Relic>>>),
    /// The version that an asset's bytes are.
    Head(Pair<Option<VersionId>>),
    /// What differs in an asset's record.
    Record(Pair<Fields>),
    Attrs(Pair<Attrs>),
    Xattr(Vec<u8>, Pair<Option<Vec<u8>>>),
    /// What a folder's rules give, by facet.
    Rules(Pair<BTreeMap<String, String>>),
    /// Whether a word is there.
    Word(Pair<bool>),
    Member(Pair<Option<MemberRow>>),
    Saved(Pair<Option<SavedRow>>),
    /// An asset's record is no more: its bytes became another's version, or it was purged.
    Dropped,
}

impl Change {
    /// Whether it changes anything.
    #[must_use]
    pub fn differs(&self) -> bool {
        match self {
            Self::Place(pair) => pair.differs(),
            Self::Node(pair) => pair.differs(),
            Self::Head(pair) => pair.differs(),
            Self::Record(pair) => pair.differs(),
            Self::Attrs(pair) => pair.differs(),
            Self::Xattr(_, pair) => pair.differs(),
            Self::Rules(pair) => pair.differs(),
            Self::Word(pair) => pair.differs(),
            Self::Member(pair) => pair.differs(),
            Self::Saved(pair) => pair.differs(),
            Self::Dropped => true,
        }
    }

    /// The same aspect, changed again later.
    fn follow(&mut self, later: &Self) {
        match (self, later) {
            (Self::Place(first), Self::Place(next)) => first.is.clone_from(&next.is),
            (Self::Node(first), Self::Node(next)) => first.is.clone_from(&next.is),
            (Self::Head(first), Self::Head(next)) => first.is = next.is,
            (Self::Attrs(first), Self::Attrs(next)) => follow_attrs(first, next),
            (Self::Xattr(_, first), Self::Xattr(_, next)) => first.is.clone_from(&next.is),
            (Self::Rules(first), Self::Rules(next)) => first.is.clone_from(&next.is),
            (Self::Word(first), Self::Word(next)) => first.is = next.is,
            (Self::Member(first), Self::Member(next)) => first.is.clone_from(&next.is),
            (Self::Saved(first), Self::Saved(next)) => first.is.clone_from(&next.is),
            (Self::Record(first), Self::Record(next)) => {
                for (field, value) in &next.is {
                    let before = next.was.get(field).cloned().unwrap_or_default();
                    first.was.entry(field.clone()).or_insert(before);
                    first.is.insert(field.clone(), value.clone());
                }
                let same: Vec<String> =
                    first.is.iter().filter(|(f, v)| first.was.get(*f) == Some(v)).map(|(f, _)| f.clone()).collect();
                for field in same {
                    first.was.remove(&field);
                    first.is.remove(&field);
                }
            }
            _ => {}
        }
    }

    const fn aspect(&self) -> u8 {
        match self {
            Self::Place(_) => PLACE,
            Self::Node(_) => 1,
            Self::Head(_) => 2,
            Self::Record(_) => 3,
            Self::Attrs(_) => 4,
            Self::Xattr(..) => 5,
            Self::Rules(_) => 6,
            Self::Word(_) => 7,
            Self::Member(_) => 8,
            Self::Saved(_) => 9,
            Self::Dropped => DROPPED,
        }
    }
}

/// Times that were not spoken of before were those that the later change found.
fn follow_attrs(first: &mut Pair<Attrs>, next: &Pair<Attrs>) {
    let (was, is) = (first.was, first.is);
    first.was = Attrs { atime: was.atime.or(next.was.atime), mtime: was.mtime.or(next.was.mtime), ..was };
    first.is = Attrs { atime: next.is.atime.or(is.atime), mtime: next.is.mtime.or(is.mtime), ..next.is };
}

/// What one transaction, or one turn, did to one aspect of one thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub thing: Thing,
    pub change: Change,
}

impl Step {
    /// What steps come to, each aspect of each thing once, in the order of the things. An asset that was made and dropped again, as a
    /// saver's temporary file is, comes to nothing.
    #[must_use]
    pub fn gather(steps: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut all: BTreeMap<(Thing, u8, Vec<u8>), Change> = BTreeMap::new();
        for Self { thing, change } in steps {
            let name = if let Change::Xattr(name, _) = &change { name.clone() } else { Vec::new() };
            match all.entry((thing, change.aspect(), name)) {
                std::collections::btree_map::Entry::Vacant(free) => {
                    free.insert(change);
                }
                std::collections::btree_map::Entry::Occupied(mut there) => there.get_mut().follow(&change),
            }
        }
        let passing = |(thing, aspect, _): &(Thing, u8, Vec<u8>)| {
            let made = all.get(&(thing.clone(), PLACE, Vec::new()));
            (*aspect == DROPPED && matches!(made, Some(Change::Place(place)) if place.was.is_none()))
                .then(|| thing.clone())
        };
        let passing: BTreeSet<Thing> = all.keys().filter_map(passing).collect();
        let differing = all.into_iter().filter(|((thing, ..), change)| change.differs() && !passing.contains(thing));
        differing.map(|((thing, ..), change)| Self { thing, change }).collect()
    }
}

/// An entry's place.
pub(super) fn spot(parent: NodeId, name: &FileName) -> Spot {
    Spot { parent, name: name.as_bytes().to_vec() }
}
