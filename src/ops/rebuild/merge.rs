//! Versions that manifests tell of and the catalogue has not, put into it: each asset with its record, its versions and its place.

use std::collections::{BTreeMap, BTreeSet};

use super::Rebuild;
use super::base::{Base, Source};
use crate::blob::{BlobError, ObjectKind};
use crate::catalog::journal::Cause;
use crate::catalog::{
    Asset, CatalogError, ChangeKind, Counter, EntryRow, NodeClass, NodeKind, NodeRow, VersionRow, WriteTx, duplicate,
};
use crate::ops::folders::{self, Maker};
use crate::ops::library::seed;
use crate::ops::manifests::{FileFacts, Manifest, manifest_name, parse_manifest_name};
use crate::ops::parts::Parts;
use crate::ops::{OpsError, assets, guidelines, inbox, looks, members, names};
use crate::rng::Entropy;
use crate::types::{AssetId, FileName, MemberId, NodeId, Timestamp, VersionNo};

/// So many numbers of each kind are passed over: what was done after the catalogue's last moment may have used them, and none is used twice.
const SLACK: u64 = 1 << 20;
/// A version whose number lies so far below the catalogue's last one was not under way when the catalogue was copied.
const UNDER_WAY: u64 = 1024;

/// What came of it.
#[derive(Default)]
pub(super) struct Merged {
    /// Assets that the base did not have.
    pub assets: u64,
    pub versions: u64,
    /// Manifests of versions that were never made, or were given up before the base's last moment.
    pub never_were: u64,
    /// Assets that did not get the place that their manifest tells of, and where they are.
    pub placed: Vec<String>,
    pub lost: Vec<String>,
    /// Approvals by texts that are lost, by platform: stale from now on.
    pub stale: BTreeMap<String, u64>,
}

/// What manifests have used up, and who is spoken of in them.
#[derive(Default)]
struct Seen {
    node: u64,
    version: u64,
    asset: u64,
    owners: BTreeMap<MemberId, String>,
    /// The digits of every guideline's text that is here.
    texts: BTreeSet<String>,
    /// Platforms with approvals by a text that is not.
    unguided: BTreeSet<String>,
}

/// Brings everything into the base's catalogue.
pub(super) fn run(
    parts: &Parts,
    base: &Base,
    wish: Rebuild<'_>,
    (now, entropy): (Timestamp, &dyn Entropy),
) -> Result<Merged, OpsError> {
    let mut merged = Merged::default();
    let texts = base.catalog.read(|tx| guidelines::every_digits(tx))?;
    let mut seen = Seen { texts, ..Seen::default() };
    let wanted = survey(parts, base, &mut merged, &mut seen)?;
    for node in parts.stages.list()? {
        seen.node = seen.node.max(node.0);
    }
    // Who owned assets under the admin's name was him.
    let admin = seen.owners.iter().find(|(_, name)| *name == wish.admin.0).map(|(id, _)| *id);
    let admin = admin.map_or_else(|| MemberId::make(now, entropy), Ok)?;
    let maker = base.catalog.write(|tx| {
        if matches!(base.source, Source::Nothing) {
            seed(tx, admin, wish.admin, now)?;
        }
        pass_over(tx, &seen)?;
        owners(tx, &seen.owners, now)?;
        let root = tx.node(NodeId::LIBRARY)?;
        let (uid, gid) = root.map_or((0, 0), |root| (root.uid, root.gid));
        Ok::<_, CatalogError>(Maker { uid, gid, member: None, cause: Cause::Unknown, now })
    })?;
    for (id, ns) in wanted {
        let mut told = Vec::new();
        for n in ns {
            told.extend(read(parts, id, n)?);
        }
        if let Some(last) = told.last_mut() {
            seen.put_in_doubt(&mut last.asset, &mut merged.stale);
        }
        let bring = |fresh| base.catalog.write(|tx| bring_back(tx, id, &told, &maker, fresh));
        let brought = match bring(false) {
            // Its number in listings is another's.
            Err(OpsError::Catalog(CatalogError::Constraint(_))) => bring(true),
            done => done,
        };
        match brought {
            Ok(Brought { made, placed }) => {
                merged.assets += u64::from(made);
                merged.versions += told.len() as u64;
                merged.placed.extend(placed);
            }
            Err(e @ OpsError::Catalog(CatalogError::Full | CatalogError::Engine(_))) => return Err(e),
            Err(e) => merged.lost.push(format!("asset {id}: it cannot be brought back: {e}")),
        }
    }
    Ok(merged)
}

/// Which manifests tell of something that the base has not, and that is there: by asset, in order.
fn survey(
    parts: &Parts,
    base: &Base,
    merged: &mut Merged,
    seen: &mut Seen,
) -> Result<BTreeMap<AssetId, Vec<u32>>, OpsError> {
    let mut named: BTreeMap<AssetId, BTreeSet<u32>> = BTreeMap::new();
    parts.vault.objects(ObjectKind::Manifest, &mut |name| {
        if let Some((asset, n)) = parse_manifest_name(name) {
            named.entry(asset).or_default().insert(n);
        }
    })?;
    let last_no = base.catalog.read(|tx| last_version(tx, named.keys()))?;
    let mut wanted = BTreeMap::new();
    for (asset, ns) in named {
        let last = base.catalog.read(|tx| tx.versions(asset))?.pop().map_or(0, |version| version.n);
        let mut there = Vec::new();
        for n in ns.into_iter().filter(|n| *n > last) {
            let manifest = match read(parts, asset, n) {
                Ok(Some(manifest)) => manifest,
                Ok(None) => continue,
                Err(e) => {
                    merged.lost.push(format!("asset {asset}: version {n}: {e}"));
                    continue;
                }
            };
            if manifest.version.no.0.saturating_add(UNDER_WAY) < last_no {
                merged.never_were += 1;
                continue;
            }
            if let Some(fault) = bytes_fault(parts, &manifest)? {
                merged.lost.push(format!("asset {asset}: version {n}: {fault}"));
                continue;
            }
            seen.note(&manifest);
            there.push(n);
        }
        if !there.is_empty() {
            wanted.insert(asset, there);
        }
    }
    Ok(wanted)
}

/// The highest version number that the catalogue has.
fn last_version<'a>(
    tx: &dyn crate::catalog::ReadTx,
    assets: impl Iterator<Item = &'a AssetId>,
) -> Result<u64, CatalogError> {
    let mut last = 0;
    for asset in assets {
        last = tx.versions(*asset)?.iter().map(|version| version.no.0).max().unwrap_or(0).max(last);
    }
    Ok(last)
}

/// One that is newer, or speaks of another asset than its name does, is an error.
fn read(parts: &Parts, asset: AssetId, n: u32) -> Result<Option<Manifest>, BlobError> {
    let name = manifest_name(asset, n);
    let Some(text) = parts.vault.get_object(ObjectKind::Manifest, &name)? else { return Ok(None) };
    let damaged = |why: String| BlobError::Damaged { what: format!("manifest {name}"), why };
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|e| damaged(e.to_string()))?;
    if manifest.version.asset != asset || manifest.asset.id != asset || manifest.version.n != n {
        return Err(damaged("it speaks of another version".into()));
    }
    Ok(Some(manifest))
}

fn bytes_fault(parts: &Parts, manifest: &Manifest) -> Result<Option<String>, OpsError> {
    for (id, len) in &manifest.content.extents {
        if let Some(fault) = parts.vault.check(*id, *len, false)? {
            return Ok(Some(fault.to_string()));
        }
    }
    Ok(None)
}

impl Seen {
    fn note(&mut self, manifest: &Manifest) {
        let asset = &manifest.asset;
        self.node = self.node.max(manifest.file.as_ref().map_or(0, |file| file.node.0));
        self.version = self.version.max(manifest.version.no.0);
        self.asset = self.asset.max(asset.ordinal).max(asset.named.unwrap_or(0));
        if let Some(owner) = asset.owner.filter(|_| !asset.owner_name.is_empty()) {
            self.owners.insert(owner, asset.owner_name.clone());
        }
        let by_lost = asset.status.iter().filter(|(_, verdict)| {
            let by = verdict.guideline.as_ref();
            by.is_some_and(|by| !self.texts.contains(by))
        });
        self.unguided.extend(by_lost.map(|(platform, _)| platform.clone()));
    }

    /// What a lost guideline may refuse does not circulate: approvals on its platform by no text that is here are stale.
    fn put_in_doubt(&self, asset: &mut Asset, stale: &mut BTreeMap<String, u64>) {
        let theirs = asset.status.iter_mut().filter(|(platform, _)| self.unguided.contains(*platform));
        for (platform, verdict) in theirs.filter(|(_, verdict)| verdict.value == "approved") {
            if !verdict.guideline.as_ref().is_some_and(|by| self.texts.contains(by)) {
                "stale".clone_into(&mut verdict.value);
                *stale.entry(platform.clone()).or_default() += 1;
            }
        }
    }
}

fn pass_over(tx: &mut dyn WriteTx, seen: &Seen) -> Result<(), CatalogError> {
    let used = [
        (Counter::Node, seen.node),
        (Counter::Entry, 0),
        (Counter::Version, seen.version),
        (Counter::Rendition, 0),
        (Counter::Asset, seen.asset),
        (Counter::Inbox, 0),
    ];
    for (counter, used) in used {
        let next = tx.next(counter)?;
        tx.pass_over(counter, next.max(used).saturating_add(SLACK))?;
    }
    Ok(())
}

/// Owners that nothing else tells of, locked out: nobody knows any more what they may do.
fn owners(tx: &mut dyn WriteTx, owners: &BTreeMap<MemberId, String>, now: Timestamp) -> Result<(), CatalogError> {
    for (id, name) in owners {
        if tx.member(*id)?.is_some() {
            continue;
        }
        // Of two with one name the one is known by his id.
        let taken = tx.member_by_name(name)?.is_some();
        let name = if taken { format!("{name} ({id})") } else { name.clone() };
        tx.put_member(&members::locked_out(*id, &name, now))?;
        tx.change(ChangeKind::Access, &id.to_string())?;
    }
    Ok(())
}

/// What became of one asset.
struct Brought {
    made: bool,
    placed: Option<String>,
}

/// Puts one asset's versions, and its record as the last of them tells it, into the catalogue.
fn bring_back(
    tx: &mut dyn WriteTx,
    id: AssetId,
    told: &[Manifest],
    maker: &Maker,
    fresh: bool,
) -> Result<Brought, OpsError> {
    let Some(last) = told.last() else { return Ok(Brought { made: false, placed: None }) };
    if is_left_id(tx, id, told)? {
        return Ok(Brought { made: false, placed: None });
    }
    let there = tx.asset(id)?;
    let versions = numbered(tx, told)?;
    let mut asset = last.asset.clone();
    let known: BTreeSet<_> = tx.versions(id)?.iter().chain(&versions).map(|version| version.id).collect();
    asset.status.retain(|_, verdict| verdict.version.is_none_or(|version| known.contains(&version)));
    asset.head = Some(last.version.id);
    asset.duplicate = Some(duplicate(last.version.content));
    asset.colours = looks::colours(tx, last.version.content)?;
    let old = there.as_ref().and_then(|there| there.node);
    let node = match &last.file {
        Some(file) => Some(file_node(tx, &asset, last, file)?),
        None if asset.trashed.is_some() => None,
        None => Some(NodeRow {
            content: Some(last.content.id),
            size: last.content.size,
            ..folders::fresh_node(tx, NodeKind::File, maker)?
        }),
    };
    asset.node = node.as_ref().map(|node| node.id);
    told.iter().try_for_each(|manifest| tx.put_content(&manifest.content))?;
    if let Some(node) = &node {
        // The node speaks of the asset, the asset of the node and of the version, the version of the asset: each first without.
        tx.put_node(&NodeRow { asset: None, class: NodeClass::Plain, ..node.clone() })?;
    }
    let place =
        asset.node.filter(|_| asset.trashed.is_none()).map(|node| place(tx, &asset, last, node, maker)).transpose()?;
    let name = match &place {
        Some(place) => place.name.clone(),
        None => wanted_name(last)?,
    };
    match &there {
        Some(there) => {
            asset.ordinal = there.ordinal;
            asset.view_name.clone_from(&there.view_name);
            asset.marked_name.clone_from(&there.marked_name);
            asset.named = there.named;
            if asset.trashed.is_none() {
                names::take_turn(tx, &mut asset)?;
            }
            assets::forget_tunnels(tx, id)?;
        }
        None => {
            if fresh || asset.ordinal == 0 {
                asset.ordinal = tx.next(Counter::Asset)?;
            }
            let turn = asset.named.unwrap_or(asset.ordinal);
            names::name_after(tx, &mut asset, &name, turn)?;
            tx.put_asset(&Asset { head: None, duplicate: None, status: BTreeMap::new(), ..asset.clone() })?;
            names::mark_namesake(tx, &asset)?;
        }
    }
    versions.iter().try_for_each(|version| tx.add_version(version))?;
    tx.put_asset(&asset)?;
    if let Some(generation) = &last.generation {
        tx.put_generation(id, generation)?;
    }
    if let Some(node) = &node {
        tx.put_node(node)?;
        tx.change(ChangeKind::Node, &node.id.to_string())?;
    }
    let before = leave_old(tx, old, asset.node, place.as_ref(), maker.now)?;
    if let (Some(place), Some(node)) = (&place, asset.node) {
        match &place.entry {
            Some(entry) => tx.repoint_entry(entry.id, node)?,
            None => drop(folders::link(tx, place.folder, &place.name, node, maker.now)?),
        }
    }
    if there.is_some() {
        let old_name = before.unwrap_or_else(|| name.clone());
        assets::follow_name(tx, &mut asset, &old_name, &name, maker.now)?;
    }
    tx.change(ChangeKind::Asset, &id.to_string())?;
    let placed = match &place {
        Some(place) if place.elsewhere => folders::path_of_asset(tx, &asset)?.map(|path| format!("asset {id}: {path}")),
        _ => None,
    };
    Ok(Brought { made: there.is_none(), placed })
}

/// Whether an asset goes by another id by now, which a record brought back (`dam records import`). When it is this one that is the newer, the
/// catalogue's asset gets it.
fn is_left_id(tx: &mut dyn WriteTx, id: AssetId, told: &[Manifest]) -> Result<bool, OpsError> {
    for manifest in told {
        let Some(known) = tx.version(manifest.version.id)?.filter(|known| known.asset != id) else { continue };
        if tx.asset(known.asset)?.is_some_and(|other| other.changed >= manifest.asset.changed) {
            return Ok(true);
        }
        tx.rekey_asset(known.asset, id, manifest.version.n)?;
    }
    Ok(false)
}

/// The versions that the catalogue has not, under numbers that nothing else has.
fn numbered(tx: &mut dyn WriteTx, told: &[Manifest]) -> Result<Vec<VersionRow>, CatalogError> {
    let mut versions: Vec<VersionRow> = Vec::with_capacity(told.len());
    for manifest in told {
        let mut version = manifest.version.clone();
        if tx.version(version.id)?.is_some() {
            continue;
        }
        if tx.version_by_no(version.no)?.is_some() || versions.iter().any(|other| other.no == version.no) {
            version.no = VersionNo(tx.next(Counter::Version)?);
        }
        versions.push(version);
    }
    Ok(versions)
}

/// The node of an asset's file, with what the manifest tells of it.
fn file_node(tx: &mut dyn WriteTx, asset: &Asset, told: &Manifest, file: &FileFacts) -> Result<NodeRow, OpsError> {
    let its_own = match tx.node(file.node)? {
        Some(there) => there.asset == Some(asset.id),
        None => true,
    };
    let row = NodeRow {
        id: if its_own { file.node } else { NodeId(tx.next(Counter::Node)?) },
        kind: NodeKind::File,
        class: NodeClass::Asset,
        mode: file.mode,
        uid: file.uid,
        gid: file.gid,
        size: told.content.size,
        atime: file.mtime,
        mtime: file.mtime,
        ctime: asset.changed,
        target: None,
        content: Some(told.content.id),
        staged: false,
        asset: Some(asset.id),
        owner: file.owner,
        made_by_process: 0,
        made_at: file.made_at,
        mtime_set: file.mtime_set,
    };
    tx.put_node(&NodeRow { asset: None, class: NodeClass::Plain, content: None, ..row.clone() })?;
    for (name, value) in &file.xattrs {
        if let (Some(name), Some(value)) = (folders::unescape(name), folders::unescape(value)) {
            tx.set_xattr(row.id, &name, &value)?;
        }
    }
    Ok(row)
}

/// Where an asset comes to lie.
struct Place {
    folder: NodeId,
    name: FileName,
    /// The name that is there already and is its own.
    entry: Option<EntryRow>,
    elsewhere: bool,
}

fn wanted_name(told: &Manifest) -> Result<FileName, OpsError> {
    let path = told.file.as_ref().and_then(path_of).and_then(|path| path.last().cloned());
    path.map_or_else(|| Ok(FileName::try_from(told.asset.view_name.as_str())?), Ok)
}

/// The names of the path that the manifest tells of, below `library/`.
fn path_of(file: &FileFacts) -> Option<Vec<FileName>> {
    let names = file.path.as_deref()?.split('/').map(|part| folders::unescape(part).map(FileName::new));
    let names: Vec<FileName> = names.map(|name| name?.ok()).collect::<Option<_>>()?;
    names.split_first().map(|(_, below)| below.to_vec())
}

/// At its last known path; beside it when that is taken; in `library/Unsorted/` when there is none or a file lies across it.
fn place(tx: &mut dyn WriteTx, asset: &Asset, told: &Manifest, node: NodeId, maker: &Maker) -> Result<Place, OpsError> {
    let path = told.file.as_ref().and_then(path_of);
    let folder = match path.as_deref().and_then(|path| path.split_last()) {
        Some((_, above)) => folders::ensure_folders(tx, above, maker)?,
        None => None,
    };
    let wanted = wanted_name(told)?;
    let Some(folder) = folder else {
        let folder = inbox::unsorted(tx, maker)?;
        let name = inbox::free_name(tx, folder, &wanted)?;
        return Ok(Place { folder, name, entry: None, elsewhere: true });
    };
    if let Some(entry) = tx.entry(folder, &wanted)? {
        let its_own = entry.node == node || tx.node(entry.node)?.is_some_and(|row| row.asset == Some(asset.id));
        if its_own {
            return Ok(Place { folder, name: wanted, entry: Some(entry), elsewhere: false });
        }
    }
    let name = inbox::free_name(tx, folder, &wanted)?;
    let elsewhere = name != wanted;
    Ok(Place { folder, name, entry: None, elsewhere })
}

/// Takes an asset out of the place that the base knows, unless it is its place still; the name it had there.
fn leave_old(
    tx: &mut dyn WriteTx,
    old: Option<NodeId>,
    new: Option<NodeId>,
    place: Option<&Place>,
    now: Timestamp,
) -> Result<Option<FileName>, OpsError> {
    let Some(old) = old else { return Ok(None) };
    let stays = place.and_then(|place| place.entry.as_ref()).map(|entry| entry.id);
    let entry = folders::entry_of(tx, old)?;
    if let Some(entry) = entry.as_ref().filter(|entry| Some(entry.id) != stays) {
        assets::unlink_entry(tx, entry, now)?;
    }
    if new != Some(old)
        && let Some(row) = tx.node(old)?
    {
        tx.put_node(&NodeRow { asset: None, class: NodeClass::Local, ..row })?;
        if let Some(entry) = entry.as_ref().filter(|entry| Some(entry.id) == stays)
            && let Some(new) = new
        {
            tx.repoint_entry(entry.id, new)?;
        }
        if tx.names_of(old)?.is_empty() {
            tx.remove_node(old)?;
        }
    }
    Ok(entry.map(|entry| entry.name))
}
