//! What an asset is with a record put on it. What follows from the bytes and the place stays; everything else becomes what the record says.

use std::collections::{BTreeMap, BTreeSet};

use damfs_policy::Field;

use super::import::People;
use crate::catalog::{Asset, AssetState, CatalogError, Conflict, ReadTx, Remark, Verdict};
use crate::ops::show::{Record, Said};
use crate::ops::{OpsError, folders, mapped, value};
use crate::types::{Generation, VersionId};

/// What an asset's bytes have to do with those that a record speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bytes {
    /// The very same, as far as size, time and format tell, or the hash of this library.
    Same,
    /// Only their time differs: the copy lost it.
    Alike,
    Other,
}

impl Bytes {
    pub(super) fn alike(self) -> bool {
        self != Self::Other
    }
}

/// Compares an asset's bytes with those that a record speaks of.
pub(super) fn bytes(tx: &dyn ReadTx, asset: &Asset, record: &Record) -> Result<Bytes, CatalogError> {
    let head = asset.head.map(|head| tx.version(head)).transpose()?.flatten();
    let node = asset.node.map(|node| tx.node(node)).transpose()?.flatten();
    let (Some(head), Some(node), Some(current)) = (head, node, record.current()) else { return Ok(Bytes::Other) };
    if Some(head.content) == current.content {
        return Ok(Bytes::Same);
    }
    let theirs = (current.size, record.size, &current.format, current.width, current.height);
    if theirs != (Some(head.size), Some(node.size), &head.format, head.width, head.height) {
        return Ok(Bytes::Other);
    }
    let timed = record.file.as_ref().is_some_and(|file| file.mtime.0 == node.mtime);
    Ok(if timed { Bytes::Same } else { Bytes::Alike })
}

/// The members that a record names.
pub(super) fn people(record: &Record) -> impl Iterator<Item = &str> {
    let owner = Some(record.owner.as_str()).filter(|owner| !owner.is_empty());
    let judges = record.status.values().filter_map(|verdict| verdict.by.as_deref());
    let rivals = record.conflicts.values().filter_map(|conflict| conflict.by.as_deref());
    let speakers = record.remarks.iter().filter_map(|remark| remark.by.as_deref());
    owner.into_iter().chain(record.reviewer.as_deref()).chain(judges).chain(speakers).chain(rivals)
}

/// An asset with a record put on it.
pub(super) struct Merged {
    pub asset: Asset,
    /// When it is another one.
    pub generation: Option<Generation>,
    /// Of the file, when it is another.
    pub mode: Option<u32>,
    pub xattrs: Option<BTreeMap<Vec<u8>, Vec<u8>>>,
    /// What changes.
    pub fields: Vec<String>,
    pub left: Vec<String>,
}

/// Puts a record on an asset. What this version of damfs does not know, and what its bytes do not bear, is left and told.
pub(super) fn merge(
    tx: &dyn ReadTx,
    was: &Asset,
    record: &Record,
    people: &People,
    bytes: Bytes,
) -> Result<Merged, OpsError> {
    let mut left = Vec::new();
    let mut asset = was.clone();
    let who = |name: &Option<String>| name.as_ref().and_then(|name| people.get(name).copied());
    match people.get(&record.owner) {
        None if !record.owner.is_empty() => {
            left.push(format!("owner: `{}` cannot be a member's name", record.owner.escape_debug()))
        }
        owner => {
            asset.owner = owner.copied();
            asset.owner_name.clone_from(&record.owner);
        }
    }
    if record.state == AssetState::Trashed {
        left.push("state: it lay in the trash; here it does not".to_owned());
    } else {
        asset.state = record.state;
    }
    (asset.created, asset.imported) = (record.created.0, record.imported.0);
    (asset.expires, asset.due) = (record.expires.map(|time| time.0), record.due.map(|time| time.0));
    asset.reviewer = record.reviewer.clone().filter(|name| people.contains_key(name));
    let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let many = |texts: &BTreeSet<String>| texts.iter().filter(|text| !text.is_empty()).cloned().collect();
    (asset.client, asset.model, asset.sampler) = (some(&record.client), some(&record.model), some(&record.sampler));
    (asset.personas, asset.campaigns) = (many(&record.personas), many(&record.campaigns));
    (asset.tags, asset.loras) = (many(&record.tags), many(&record.loras));
    asset.seed = record.seed;
    (asset.prompt, asset.negative, asset.notes) =
        (record.prompt.clone(), record.negative.clone(), record.notes.clone());
    asset.properties = record.properties.iter().filter(|(name, _)| !name.is_empty()).map(owned).collect();
    asset.generator.clone_from(&record.generator);
    let stars = record.stars.map(|stars| stars.to_string());
    let mut closed = |field: Field, told: &Option<String>| match told.as_ref().map(|told| value::check(&field, told)) {
        None => Some(None),
        Some(Ok(word)) => Some(Some(word)),
        Some(Err(e)) => {
            left.push(format!("{field}: {e}"));
            None
        }
    };
    if let Some(word) = closed(Field::Rating, &record.rating) {
        asset.rating = word;
    }
    if let Some(word) = closed(Field::Rights, &record.rights) {
        asset.rights = word;
    }
    if let Some(word) = closed(Field::Likeness, &record.likeness) {
        asset.likeness = word;
    }
    if let Some(word) = closed(Field::Stage, &record.stage) {
        asset.stage = word;
    }
    if let Some(word) = closed(Field::Stars, &stars) {
        asset.stars = word.and_then(|word| word.parse().ok());
    }
    let version = Numbers::of(tx, was, record, bytes)?;
    asset.status.clear();
    for (platform, told) in &record.status {
        if platform.is_empty() || value::check(&Field::Status(platform.clone()), &told.value).is_err() {
            left.push(format!("status.{platform}: `{}` is no verdict that is known here", told.value));
            asset.status.extend(was.status.get(platform).map(|verdict| (platform.clone(), verdict.clone())));
            continue;
        }
        let bound = told.version.and_then(|n| version.id(n));
        if let (Some(n), None) = (told.version, bound) {
            left.push(format!(
                "status.{platform}: version {n}, which it was given for, is not here; it lets nothing circulate"
            ));
        }
        let verdict = Verdict {
            value: told.value.clone(),
            version: bound,
            by: who(&told.by),
            at: told.at.0,
            reason: some(&told.reason),
            guideline: some(&told.guideline),
        };
        asset.status.insert(platform.clone(), verdict);
    }
    let remark = |told: &Said| Remark {
        at: told.at.0,
        by: who(&told.by),
        version: told.version.filter(|n| *n > 0),
        about: some(&told.about),
        text: told.text.clone(),
    };
    asset.remarks = record.remarks.iter().filter(|told| !told.text.is_empty()).map(remark).collect();
    let conflict = |(field, told): (&String, &crate::ops::show::Undecided)| {
        let (other, at) = (told.other.clone(), told.at.0);
        (field.clone(), Conflict { other, version: told.version, by: who(&told.by), at })
    };
    asset.conflicts = record.conflicts.iter().filter(|(field, _)| !field.is_empty()).map(conflict).collect();
    let mut fields = changed(was, &asset)?;
    let generation =
        record.generation.clone().filter(|told| !tx.generation(was.id).is_ok_and(|it| it.as_ref() == Some(told)));
    fields.extend(generation.as_ref().map(|_| "generation".to_owned()));
    let (mut mode, mut xattrs) = (None, None);
    if let (Some(file), Some(node)) = (&record.file, was.node.map(|node| tx.node(node)).transpose()?.flatten()) {
        match u32::from_str_radix(&file.mode, 8).ok().filter(|mode| *mode <= 0o7777) {
            Some(told) => mode = Some(told).filter(|told| *told != node.mode),
            None => left.push(format!("file.mode: `{}` is no mode", file.mode)),
        }
        let pairs = file.xattrs.iter().map(|(name, value)| Some((attribute(name)?, folders::unescape(value)?)));
        match pairs.collect::<Option<BTreeMap<_, _>>>() {
            Some(told) => {
                let told: BTreeMap<_, _> =
                    told.into_iter().filter(|(name, value)| mapped::is_not_mapped(name, value)).collect();
                let there: BTreeMap<_, _> = mapped::not_mapped(tx, node.id)?.into_iter().collect();
                xattrs = Some(told).filter(|told| *told != there);
            }
            None => left.push("file.xattrs: a name or a value is none".to_owned()),
        }
        fields.extend(mode.map(|_| "mode".to_owned()));
        fields.extend(xattrs.as_ref().map(|_| "xattrs".to_owned()));
    }
    Ok(Merged { asset, generation, mode, xattrs, fields, left })
}

/// The fields in which two states of a record differ.
fn changed(was: &Asset, is: &Asset) -> Result<Vec<String>, CatalogError> {
    let fields = |asset| serde_json::to_value(asset).map_err(|e| CatalogError::Engine(e.to_string()));
    let (was, is) = (fields(was)?, fields(is)?);
    let names = is.as_object().into_iter().flatten().filter(|(name, value)| was[name.as_str()] != **value);
    Ok(names.map(|(name, _)| name.clone()).collect())
}

fn owned((name, text): (&String, &String)) -> (String, String) {
    (name.clone(), text.clone())
}

/// The name of an attribute that files may have here.
fn attribute(name: &str) -> Option<Vec<u8>> {
    folders::unescape(name).filter(|name| name.starts_with(b"user.") && name.len() > 5 && name != mapped::ID)
}

/// Which versions of an asset the numbers in a record mean.
struct Numbers(BTreeMap<u32, VersionId>);

impl Numbers {
    fn of(tx: &dyn ReadTx, asset: &Asset, record: &Record, bytes: Bytes) -> Result<Self, CatalogError> {
        let there = tx.versions(asset.id)?;
        let same = |n: u32, content| there.iter().find(|version| version.n == n && Some(version.content) == content);
        let mut numbers: BTreeMap<u32, VersionId> =
            record.versions.iter().filter_map(|told| Some((told.n, same(told.n, told.content)?.id))).collect();
        if let (Bytes::Same, Some(current), Some(head)) = (bytes, record.current(), asset.head) {
            numbers.insert(current.n, head);
        }
        Ok(Self(numbers))
    }

    fn id(&self, n: u32) -> Option<VersionId> {
        self.0.get(&n).copied()
    }
}
