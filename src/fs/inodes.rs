//! Inode numbers: what they mean and how long we remember it.
//!
//! The top four bits tell the space: 1 nodes of the tree, 2 versions (both a keyed permutation of their number, so that
//! numbers tell nothing of how much there is, and need no memory), 3 exports, 4 paths of the virtual tree and 5 marked proxies (keyed
//! hashes, remembered while the kernel does), and 1 alone is the root. Numbers are the same after a remount and are never reused.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::clips::ClipRef;
use super::text::Text;
use crate::catalog::{Asset, VersionRow};
use crate::crypto::Permutation;
use crate::media::Recipe;
use crate::policy::platforms::Placement;
use crate::types::{AssetId, MemberId, NodeId, VersionId, VersionNo};
use crate::view::tree::Dir;

/// The root's number.
pub const ROOT: u64 = 1;

const SPACE: u64 = 1 << 60;
const NUMBER: u64 = (1 << 56) - 1;

/// One export: which version for which placement, and how it was to be rendered when its name was looked up.
#[derive(Debug, Clone)]
pub struct ExportRef {
    pub asset: Asset,
    pub version: VersionRow,
    pub placement: Arc<Placement>,
    pub recipe: Recipe,
}

/// What a remembered inode is.
#[derive(Debug, Clone)]
pub enum Virtual {
    Dir(Dir),
    Text(Text),
    /// The symbolic link that the kernel was told of when one saved a query, and its target.
    Link(Box<[u8]>),
    Export(Box<ExportRef>),
    Clip(Box<ClipRef>),
    /// What a member who may view but not download reads of an asset's version.
    Proxy(AssetId, VersionId),
    /// What he reads in place of one of its versions.
    VersionProxy(AssetId, VersionId),
    /// What he sees of a file that was set aside and whose bytes he may not have.
    Aside(NodeId),
}

/// What a number says by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    Root,
    Node(NodeId),
    Version(VersionNo),
    Remembered,
}

/// The numbers of one mount.
pub struct Inodes {
    permutation: Permutation,
    key: [u8; 32],
    table: Mutex<HashMap<u64, (Arc<Virtual>, u64)>>,
}

impl Inodes {
    pub(super) fn new(permutation: Permutation, key: [u8; 32]) -> Self {
        Self { permutation, key, table: Mutex::default() }
    }

    /// The number of a node.
    #[must_use]
    pub fn node(&self, id: NodeId) -> u64 {
        SPACE | self.permutation.forward(id.0 & NUMBER)
    }

    /// The number of a version.
    #[must_use]
    pub fn version(&self, no: VersionNo) -> u64 {
        (2 * SPACE) | self.permutation.forward(no.0 & NUMBER)
    }

    /// What a number says by itself.
    #[must_use]
    pub fn space(&self, ino: u64) -> Space {
        match ino / SPACE {
            _ if ino == ROOT => Space::Root,
            1 => Space::Node(NodeId(self.permutation.back(ino & NUMBER))),
            2 => Space::Version(VersionNo(self.permutation.back(ino & NUMBER))),
            _ => Space::Remembered,
        }
    }

    /// The number of a path (or of an export's key); two that hash alike get different numbers as long as both are remembered.
    fn hashed(&self, space: u64, key: &[u8], same: impl Fn(&Virtual) -> bool) -> u64 {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(key);
        let mut bytes = [0u8; 8];
        hasher.finalize_xof().fill(&mut bytes);
        let mut number = u64::from_le_bytes(bytes) & NUMBER;
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let ino = (space * SPACE) | number;
            match table.get(&ino) {
                Some((there, _)) if !same(there) => number = (number + 1) & NUMBER,
                _ => return ino,
            }
        }
    }

    /// The number of a virtual directory or text, by its canonical path.
    #[must_use]
    pub fn path(&self, what: &Virtual, path: &str) -> u64 {
        let same = |there: &Virtual| match (what, there) {
            (Virtual::Dir(a), Virtual::Dir(b)) => crate::view::tree::path_of(a) == crate::view::tree::path_of(b),
            (Virtual::Text(_), Virtual::Text(_)) | (Virtual::Link(_), Virtual::Link(_)) => true,
            _ => false,
        };
        self.hashed(4, path.as_bytes(), same)
    }

    /// The number of the virtual directory that has a canonical path.
    #[must_use]
    pub fn directory(&self, path: &str) -> u64 {
        self.hashed(
            4,
            path.as_bytes(),
            |there| matches!(there, Virtual::Dir(dir) if crate::view::tree::path_of(dir) == path),
        )
    }

    /// The number of an export: one per version (so per asset, whatever its bytes are) and placement, and another for other bytes.
    #[must_use]
    pub fn export(&self, export: &ExportRef) -> u64 {
        let ExportRef { version, placement, recipe, .. } = export;
        self.hashed(3, &placed(b"export", version.id, &recipe.hash(), placement), |there| {
            matches!(there, Virtual::Export(other) if other.version.id == version.id
                && other.placement.path() == placement.path() && other.recipe == *recipe)
        })
    }

    /// The number of a finished clip, in the same way.
    #[must_use]
    pub fn clip(&self, clip: &ClipRef) -> u64 {
        let ClipRef { version, placement, hash, .. } = clip;
        self.hashed(3, &placed(b"clip", version.id, hash, placement), |there| {
            matches!(there, Virtual::Clip(other) if other.version.id == version.id
                && other.placement.path() == placement.path() && other.hash == *hash)
        })
    }

    /// The number of a marked proxy: one per version and member.
    #[must_use]
    pub fn proxy(&self, version: VersionId, member: MemberId) -> u64 {
        let key = [b"proxy".as_slice(), version.as_bytes(), member.as_bytes()].concat();
        self.hashed(5, &key, |there| matches!(there, Virtual::Proxy(_, v) if *v == version))
    }

    /// The number of the proxy that stands in `versions/`: a file's ends with its version, and this one stays.
    #[must_use]
    pub fn version_proxy(&self, version: VersionId, member: MemberId) -> u64 {
        let key = [b"version proxy".as_slice(), version.as_bytes(), member.as_bytes()].concat();
        self.hashed(5, &key, |there| matches!(there, Virtual::VersionProxy(_, v) if *v == version))
    }

    /// The number of what stands in place of a file that was set aside.
    #[must_use]
    pub fn aside(&self, node: NodeId, member: MemberId) -> u64 {
        let key = [b"aside".as_slice(), &node.0.to_be_bytes(), member.as_bytes()].concat();
        self.hashed(5, &key, |there| matches!(there, Virtual::Aside(n) if *n == node))
    }

    /// What a remembered number is.
    #[must_use]
    pub fn get(&self, ino: u64) -> Option<Arc<Virtual>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).get(&ino).map(|(v, _)| v.clone())
    }

    /// The kernel was told this number once more.
    pub fn remember(&self, ino: u64, what: Virtual) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = table.entry(ino).or_insert_with(|| (Arc::new(what.clone()), 0));
        slot.0 = Arc::new(what);
        slot.1 += 1;
    }

    /// A directory was renamed: what the kernel knows by the number that it had is where it is now, for whoever stands in it or has it open.
    pub fn follow(&self, was: &Dir, is: Dir) {
        let ino = self.directory(&crate::view::tree::path_of(was));
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = table.get_mut(&ino) {
            slot.0 = Arc::new(Virtual::Dir(is));
        }
    }

    /// The kernel forgot it so many times.
    pub fn forget(&self, ino: u64, times: u64) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = table.get_mut(&ino) {
            slot.1 = slot.1.saturating_sub(times);
            if slot.1 == 0 {
                table.remove(&ino);
            }
        }
    }
}

/// What the number of a version in a placement hangs on.
fn placed(kind: &[u8], version: VersionId, bytes: &[u8; 32], placement: &Placement) -> Vec<u8> {
    [kind, version.as_bytes(), bytes, placement.path().as_bytes()].concat()
}
