//! The full record of an asset as JSON: `dam show --json` and `records/`. The same record gives the same text, to whoever may have it.
//!
//! It is whole: what the catalogue knows of an asset and nobody could make again from its bytes, so that the library's files and their
//! records are a backup ([`super::records`]).

use std::collections::{BTreeMap, BTreeSet};

use damfs_policy::Verb;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::folders::{self, Paths};
use super::history::{self, Told};
use super::{Actor, Library, OpsError, mapped, target};
use crate::access::Who;
use crate::catalog::{Asset, AssetState, CatalogError, NodeRow, ReadTx};
use crate::types::{AssetId, Generation, MemberId, Rfc3339};
use crate::view::tree::Tree;

/// The version of the text.
pub const FORMAT: u32 = 1;

/// An asset, in words: keys in a fixed order, times in RFC 3339 UTC, members by name, nothing of the moment it is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`FORMAT`].
    pub record: u32,
    pub id: AssetId,
    pub path: Option<String>,
    /// The path's very bytes in hexadecimal, when they are no text.
    pub path_bytes: Option<String>,
    pub state: AssetState,
    pub owner: String,
    pub kind: String,
    pub format: String,
    pub size: Option<u64>,
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub orientation: u8,
    pub created: Rfc3339,
    pub imported: Rfc3339,
    pub expires: Option<Rfc3339>,
    pub client: Option<String>,
    #[serde(rename = "persona")]
    pub personas: BTreeSet<String>,
    #[serde(rename = "campaign")]
    pub campaigns: BTreeSet<String>,
    #[serde(rename = "tag")]
    pub tags: BTreeSet<String>,
    pub rating: Option<String>,
    pub stars: Option<u8>,
    pub rights: Option<String>,
    pub likeness: Option<String>,
    pub stage: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Rfc3339>,
    pub status: BTreeMap<String, Judged>,
    #[serde(rename = "remark", default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<Said>,
    pub model: Option<String>,
    pub sampler: Option<String>,
    pub seed: Option<i64>,
    #[serde(rename = "lora")]
    pub loras: BTreeSet<String>,
    pub prompt: Option<String>,
    pub negative: Option<String>,
    pub notes: Option<String>,
    pub properties: BTreeMap<String, String>,
    #[serde(rename = "conflict")]
    pub conflicts: BTreeMap<String, Undecided>,
    pub generator: Option<String>,
    pub generation: Option<Generation>,
    pub file: Option<FileTold>,
    pub trashed: Option<Rfc3339>,
    pub changed: Rfc3339,
    pub versions: Vec<Told>,
}

/// A verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    pub value: String,
    /// The number of the version that it was given for.
    pub version: Option<u32>,
    pub by: Option<String>,
    pub at: Rfc3339,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The digits of the guideline that it was given under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guideline: Option<String>,
}

/// A remark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    pub at: Rfc3339,
    pub by: Option<String>,
    pub version: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    pub text: String,
}

/// A conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undecided {
    pub other: Option<String>,
    pub version: u32,
    pub by: Option<String>,
    pub at: Rfc3339,
}

/// What goes with a file, but for its bytes and what its machine calls its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileTold {
    /// Permission bits, octal.
    pub mode: String,
    pub mtime: Rfc3339,
    /// Attributes that are no part of the record, names and values percent-encoded.
    pub xattrs: BTreeMap<String, String>,
}

impl FileTold {
    fn of(tx: &dyn ReadTx, node: &NodeRow) -> Result<Self, CatalogError> {
        let xattrs = mapped::not_mapped(tx, node.id)?.into_iter();
        let xattrs = xattrs.map(|(name, value)| (folders::escape(&name), folders::escape(&value))).collect();
        Ok(Self { mode: format!("{:04o}", node.mode), mtime: Rfc3339(node.mtime), xattrs })
    }
}

impl Record {
    /// What the catalogue knows of an asset.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn of(tx: &dyn ReadTx, asset: &Asset) -> Result<Self, CatalogError> {
        let name = |id: Option<MemberId>| -> Result<_, CatalogError> {
            Ok(id.map(|id| tx.member(id)).transpose()?.flatten().map(|member| member.name))
        };
        let mut status = BTreeMap::new();
        for (platform, verdict) in &asset.status {
            let version = verdict.version.map(|id| tx.version(id)).transpose()?.flatten().map(|version| version.n);
            let (value, by, at) = (verdict.value.clone(), name(verdict.by)?, Rfc3339(verdict.at));
            let (reason, guideline) = (verdict.reason.clone(), verdict.guideline.clone());
            status.insert(platform.clone(), Judged { value, version, by, at, reason, guideline });
        }
        let mut remarks = Vec::with_capacity(asset.remarks.len());
        for remark in &asset.remarks {
            let (at, by, version) = (Rfc3339(remark.at), name(remark.by)?, remark.version);
            remarks.push(Said { at, by, version, about: remark.about.clone(), text: remark.text.clone() });
        }
        let mut conflicts = BTreeMap::new();
        for (field, conflict) in &asset.conflicts {
            let (other, version) = (conflict.other.clone(), conflict.version);
            let undecided = Undecided { other, version, by: name(conflict.by)?, at: Rfc3339(conflict.at) };
            conflicts.insert(field.clone(), undecided);
        }
        let node = asset.node.map(|node| tx.node(node)).transpose()?.flatten();
        let path = asset.node.map(|node| Paths::default().bytes_of(tx, node)).transpose()?.flatten();
        let all = asset.clone();
        Ok(Self {
            record: FORMAT,
            id: asset.id,
            path_bytes: path.as_deref().filter(|path| std::str::from_utf8(path).is_err()).map(folders::hex),
            path: path.map(|path| String::from_utf8_lossy(&path).into_owned()),
            state: asset.state,
            owner: all.owner_name,
            kind: all.kind,
            format: all.format,
            size: node.as_ref().map(|node| node.size),
            width: asset.width,
            height: asset.height,
            orientation: asset.orientation,
            created: Rfc3339(asset.created),
            imported: Rfc3339(asset.imported),
            expires: asset.expires.map(Rfc3339),
            client: all.client,
            personas: all.personas,
            campaigns: all.campaigns,
            tags: all.tags,
            rating: all.rating,
            stars: asset.stars,
            rights: all.rights,
            likeness: all.likeness,
            stage: all.stage,
            reviewer: all.reviewer,
            due: all.due.map(Rfc3339),
            status,
            remarks,
            model: all.model,
            sampler: all.sampler,
            seed: asset.seed,
            loras: all.loras,
            prompt: all.prompt,
            negative: all.negative,
            notes: all.notes,
            properties: all.properties,
            conflicts,
            generator: all.generator,
            generation: tx.generation(asset.id)?,
            file: node.map(|node| FileTold::of(tx, &node)).transpose()?,
            trashed: asset.trashed.as_ref().map(|trashed| Rfc3339(trashed.at)),
            changed: Rfc3339(asset.changed),
            versions: history::rows(tx, asset)?,
        })
    }

    /// What somebody is told who may list the asset: the size and the hashes of bytes belong to who may have them.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn told(library: &Library, who: &Who, tx: &dyn ReadTx, asset: &Asset) -> Result<Self, CatalogError> {
        let record = Self::of(tx, asset)?;
        if library.gate.allows(who, Verb::Download, asset) {
            return Ok(record);
        }
        let versions = record.versions.into_iter().map(Told::without_bytes).collect();
        // Programs keep hashes in attributes of theirs.
        let file = record.file.map(|file| FileTold { xattrs: BTreeMap::new(), ..file });
        Ok(Self { size: None, versions, file, ..record })
    }

    /// The version whose bytes the asset has.
    #[must_use]
    pub fn current(&self) -> Option<&Told> {
        self.versions.iter().find(|version| version.current)
    }

    /// The text, as it stands in a file.
    ///
    /// # Errors
    /// Never.
    pub fn text(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// The record of one target, for who may list it, with the name that views show him.
///
/// # Errors
/// [`OpsError::NotFound`], or what the catalogue says.
pub fn show(library: &Library, actor: &Actor, name: &str) -> Result<Value, OpsError> {
    library.catalog.read(|tx| {
        let asset = target::asset(library, actor, tx, name)?;
        actor.must(library, Verb::List, &asset, name)?;
        let who = actor.who();
        let record = Record::told(library, who, tx, &asset)?;
        let mut record = serde_json::to_value(record).map_err(|e| CatalogError::Engine(e.to_string()))?;
        record["view_name"] = Tree::new(tx, &who.subject, Some(who.id)).name_of(&asset)?.into();
        Ok(record)
    })
}
