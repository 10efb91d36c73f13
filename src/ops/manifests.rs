//! Manifests: each version in words beside its bytes, so that the catalogue can be made again from the store.
//!
//! A manifest is written with the extents that it speaks of; one sync covers both, and only then comes the transaction that points at them.
//! A version that a rename makes of bytes which are in the store by then is owed its manifest, as its transaction itself says.

use serde::{Deserialize, Serialize};

use super::folders::{self, Paths};
use super::library::Library;
use super::{OpsError, mapped};
use crate::blob::{BlobError, ObjectKind};
use crate::catalog::{Asset, CatalogError, NodeRow, ReadTx, VersionRow, WriteTx};
use crate::types::{AssetId, Content, Generation, MemberId, NodeId, Timestamp, VersionId, VersionNo};

/// Where the catalogue keeps the list of manifests that are owed.
const OWED: &str = "manifests owed";

/// A version, in words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    manifest: u32,
    /// The record when the version was made.
    pub asset: Asset,
    /// How its file says that it was generated.
    pub generation: Option<Generation>,
    pub version: VersionRow,
    pub content: Content,
    /// Its file, unless it was purged.
    pub file: Option<FileFacts>,
}

/// A file, but for its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    /// `library/a/b.png` with each name percent-encoded; `None` when it had no name there.
    pub path: Option<String>,
    pub node: NodeId,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub owner: Option<MemberId>,
    pub made_at: Timestamp,
    pub mtime: Timestamp,
    pub mtime_set: bool,
    /// Names and values, percent-encoded.
    pub xattrs: Vec<(String, String)>,
}

impl FileFacts {
    /// What there is to say of a file at a path.
    pub(super) fn at(path: Option<&[u8]>, node: &NodeRow) -> Self {
        Self {
            path: path.map(folders::escape_path),
            node: node.id,
            mode: node.mode,
            uid: node.uid,
            gid: node.gid,
            owner: node.owner,
            made_at: node.made_at,
            mtime: node.mtime,
            mtime_set: node.mtime_set,
            xattrs: Vec::new(),
        }
    }

    /// What the catalogue says of a node.
    pub(super) fn of(tx: &dyn ReadTx, node: &NodeRow) -> Result<Self, CatalogError> {
        // What is in the record is not said twice.
        let xattrs = mapped::not_mapped(tx, node.id)?.into_iter();
        let xattrs = xattrs.map(|(name, value)| (folders::escape(&name), folders::escape(&value))).collect();
        Ok(Self { xattrs, ..Self::at(Paths::default().bytes_of(tx, node.id)?.as_deref(), node) })
    }
}

impl Manifest {
    /// Says it.
    pub(super) fn new(
        asset: Asset,
        generation: Option<Generation>,
        version: VersionRow,
        content: Content,
        file: Option<FileFacts>,
    ) -> Self {
        Self { manifest: 1, asset, generation, version, content, file }
    }
}

/// The part that tells which version it speaks of.
#[derive(Deserialize)]
struct Subject {
    version: Ids,
}

#[derive(Deserialize)]
struct Ids {
    id: VersionId,
    no: VersionNo,
}

impl Library {
    /// Writes a manifest; the next sync of the store covers it. A later one of the same asset and number takes its place.
    pub(super) fn put_manifest(&self, manifest: &Manifest) -> Result<(), BlobError> {
        let name = manifest_name(manifest.version.asset, manifest.version.n);
        let text = serde_json::to_vec(manifest).map_err(|e| BlobError::Io(e.into()))?;
        self.vault.put_object(ObjectKind::Manifest, &name, &text)
    }

    /// Takes back the manifest of a version that did not come about. One that stays is taken for what it is.
    pub(super) fn drop_manifest(&self, asset: AssetId, n: u32) {
        if let Err(e) = self.vault.remove_object(ObjectKind::Manifest, &manifest_name(asset, n)) {
            tracing::warn!(%asset, error = %e, "the manifest of a version that was not made stays");
        }
    }

    /// The manifest of a version that the catalogue has.
    pub(super) fn manifest_of(&self, tx: &dyn ReadTx, version: &VersionRow) -> Result<Option<Manifest>, CatalogError> {
        let (Some(asset), Some(content)) = (tx.asset(version.asset)?, tx.content(version.content)?) else {
            return Ok(None);
        };
        let node = asset.node.map(|node| tx.node(node)).transpose()?.flatten();
        let file = node.map(|node| FileFacts::of(tx, &node)).transpose()?;
        let generation = tx.generation(asset.id)?;
        Ok(Some(Manifest::new(asset, generation, version.clone(), content, file)))
    }

    /// Whether a version's manifest is there, opens, and speaks of it.
    pub(super) fn has_manifest(&self, version: &VersionRow) -> Result<bool, BlobError> {
        Ok(self.subject(version.asset, version.n)?.is_some_and(|found| found.id == version.id))
    }

    /// The number of the version that a manifest speaks of; `None` when it is not there or does not open.
    pub(super) fn manifest_no(&self, asset: AssetId, n: u32) -> Result<Option<VersionNo>, BlobError> {
        Ok(self.subject(asset, n)?.map(|found| found.no))
    }

    fn subject(&self, asset: AssetId, n: u32) -> Result<Option<Ids>, BlobError> {
        match self.vault.get_object(ObjectKind::Manifest, &manifest_name(asset, n)) {
            Ok(text) => {
                Ok(text.and_then(|text| serde_json::from_slice(&text).ok()).map(|found: Subject| found.version))
            }
            Err(BlobError::Damaged { .. }) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Writes the manifests that are owed, and says so when they are on the disk.
    pub(super) fn pay_manifests(&self) -> Result<(), OpsError> {
        let committed = self.catalog.committed();
        if self.owed.is_at(committed) {
            return Ok(());
        }
        let (owed, manifests) = self.catalog.read(|tx| {
            let owed = owed(tx)?;
            let mut manifests = Vec::new();
            for (asset, n) in &owed {
                if let Some(version) = tx.versions(*asset)?.iter().find(|version| version.n == *n) {
                    manifests.extend(self.manifest_of(tx, version)?);
                }
            }
            Ok::<_, CatalogError>((owed, manifests))
        })?;
        if !owed.is_empty() {
            manifests.iter().try_for_each(|manifest| self.put_manifest(manifest))?;
            self.vault.sync(&[])?;
            self.catalog.write(|tx| -> Result<(), CatalogError> {
                let mut left = self::owed(tx)?;
                left.retain(|one| !owed.contains(one));
                set_owed(tx, &left)
            })?;
        }
        self.owed.set(committed);
        Ok(())
    }
}

/// A version's manifest is to be written once its transaction is committed.
pub(super) fn owe(tx: &mut dyn WriteTx, version: &VersionRow) -> Result<(), CatalogError> {
    owe_all(tx, &[(version.asset, version.n)])
}

/// As [`owe`], of many.
pub(super) fn owe_all(tx: &mut dyn WriteTx, versions: &[(AssetId, u32)]) -> Result<(), CatalogError> {
    if versions.is_empty() {
        return Ok(());
    }
    let mut list = owed(tx)?;
    list.extend(versions);
    set_owed(tx, &list)
}

fn owed(tx: &dyn ReadTx) -> Result<Vec<(AssetId, u32)>, CatalogError> {
    let Some(text) = tx.meta(OWED)? else { return Ok(Vec::new()) };
    serde_json::from_str(&text).map_err(|e| CatalogError::Damaged(format!("the list of owed manifests: {e}")))
}

fn set_owed(tx: &mut dyn WriteTx, list: &[(AssetId, u32)]) -> Result<(), CatalogError> {
    let text = serde_json::to_string(list).map_err(|e| CatalogError::Engine(e.to_string()))?;
    tx.set_meta(OWED, &text)
}

/// The other way of [`manifest_name`].
pub(super) fn parse_manifest_name(name: &str) -> Option<(AssetId, u32)> {
    let (asset, n) = name.get(3..)?.rsplit_once('-')?;
    let (asset, n) = (asset.parse().ok()?, n.parse().ok()?);
    (manifest_name(asset, n) == name).then_some((asset, n))
}

/// What a version's manifest is called. The end of an asset's id is random, so the folders that the names begin with fill evenly.
pub(super) fn manifest_name(asset: AssetId, n: u32) -> String {
    let id = asset.to_string();
    let fan = id.get(id.len().saturating_sub(2)..).unwrap_or(&id);
    format!("{fan}-{id}-{n}")
}
