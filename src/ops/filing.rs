//! Giving a new file its place: name, node, asset, first version, rules, values, in one transaction.

use damfs_policy::workflow::DRAFT;
use damfs_policy::{Field, Verb};
use serde_json::json;

use super::manifests::{FileFacts, Manifest};
use super::probe::Reading;
use super::value::FacetChange;
use super::{Actor, Library, OpsError, assign, folders, looks, manifests, names, probe, record, rules, stages};
use crate::catalog::{
    Asset, AssetState, CatalogError, ChangeKind, Counter, NodeClass, NodeKind, NodeRow, ReadTx, VersionRow, WriteTx,
    duplicate,
};
use crate::media::Probe;
use crate::types::{AssetId, Content, ContentId, FileName, NodeId, Timestamp, VersionId, VersionNo};

/// A file that was looked at but not stored yet, with the ids that it will have.
#[derive(Debug)]
pub struct Arrival {
    pub given: String,
    /// Below `library/`.
    pub folder: String,
    pub name: FileName,
    pub reading: Reading,
    pub mtime: Timestamp,
    pub asset: AssetId,
    pub version: VersionId,
    pub now: Timestamp,
}

/// A file whose bytes are in the store, on its way to a place.
#[derive(Debug)]
pub struct Plan {
    pub file: Arrival,
    pub content: Content,
    pub numbers: Numbers,
}

/// The numbers that a file gets, taken before its manifest names them.
#[derive(Debug, Clone, Copy)]
pub struct Numbers {
    node: NodeId,
    version: VersionNo,
    ordinal: u64,
}

impl Numbers {
    /// Takes them.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn take(tx: &mut dyn WriteTx) -> Result<Self, CatalogError> {
        Ok(Self {
            node: NodeId(tx.next(Counter::Node)?),
            version: VersionNo(tx.next(Counter::Version)?),
            ordinal: tx.next(Counter::Asset)?,
        })
    }
}

/// Where it ended up.
#[derive(Debug, Clone, PartialEq)]
pub enum Filed {
    New { path: String, id: AssetId },
    Known { path: String, id: AssetId },
}

impl Arrival {
    /// Gives the file its ids.
    ///
    /// # Errors
    /// When there is no randomness to be had.
    pub fn new(
        library: &Library,
        given: &str,
        folder: String,
        name: FileName,
        probe: Probe,
        mtime: Timestamp,
        now: Timestamp,
    ) -> Result<Self, OpsError> {
        let asset = AssetId::make(now, &*library.entropy)?;
        let version = VersionId::make(now, &*library.entropy)?;
        let reading = Reading { now: probe, before: None, glossary: library.gate.glossary() };
        Ok(Self { given: given.to_owned(), folder, name, reading, mtime, asset, version, now })
    }

    /// The record that the file would have in a folder, if the actor may make such an asset; without ordinal, names and node.
    ///
    /// # Errors
    /// [`OpsError::Refused`]; what the catalogue says.
    fn record(
        &self,
        library: &Library,
        actor: &Actor,
        tx: &dyn ReadTx,
        folder: NodeId,
        changes: &[(Field, FacetChange)],
    ) -> Result<Asset, OpsError> {
        let mut asset = record::blank(self.asset, self.now);
        asset.head = Some(self.version);
        asset.owner = Some(actor.member.id);
        asset.owner_name.clone_from(&actor.member.name);
        asset.created = self.mtime;
        let hand = actor.hand(self.now);
        rules::apply_rules(tx, &mut asset, folder, &hand)?;
        probe::apply_probe(&mut asset, &self.reading);
        assign::give(library, actor.who(), tx, &mut asset, changes, &hand)?;
        // By now it says all that a reviewer is chosen by.
        stages::enter(library, tx, &mut asset, DRAFT, changes, &hand)?;
        Ok(asset)
    }

    /// Whether the actor may make such an asset; asked before its bytes are stored. Rules of folders that are not there yet are none.
    ///
    /// # Errors
    /// [`OpsError::Refused`]; what the catalogue says.
    pub fn allowed(
        &self,
        library: &Library,
        actor: &Actor,
        tx: &dyn ReadTx,
        changes: &[(Field, FacetChange)],
    ) -> Result<(), OpsError> {
        let at = self.nearest(tx)?;
        self.record(library, actor, tx, at, changes).map(|_| ())
    }

    /// The nearest folder above the file that is there.
    fn nearest(&self, tx: &dyn ReadTx) -> Result<NodeId, OpsError> {
        let mut at = NodeId::LIBRARY;
        for part in folders::parts(&self.folder)? {
            match tx.entry(at, &part)? {
                Some(entry) => at = entry.node,
                None => break,
            }
        }
        Ok(at)
    }
}

impl Plan {
    fn version(&self, actor: &Actor) -> VersionRow {
        VersionRow {
            id: self.file.version,
            no: self.numbers.version,
            asset: self.file.asset,
            n: 1,
            content: self.content.id,
            size: self.content.size,
            mtime: self.file.mtime,
            made_at: self.file.now,
            made_by: Some(actor.member.id),
            format: self.file.reading.now.format.to_string(),
            kind: self.file.reading.now.kind.to_string(),
            width: self.file.reading.now.width,
            height: self.file.reading.now.height,
            orientation: self.file.reading.now.orientation,
        }
    }

    fn node(&self, actor: &Actor) -> NodeRow {
        NodeRow {
            class: NodeClass::Asset,
            size: self.content.size,
            mtime: self.file.mtime,
            mtime_set: true,
            content: Some(self.content.id),
            asset: Some(self.file.asset),
            ..folders::node_row(self.numbers.node, NodeKind::File, &actor.maker(self.file.now))
        }
    }

    fn named(&self, tx: &dyn ReadTx, mut asset: Asset, name: &FileName) -> Result<Asset, CatalogError> {
        asset.ordinal = self.numbers.ordinal;
        names::name_after(tx, &mut asset, name, self.numbers.ordinal)?;
        asset.node = Some(self.numbers.node);
        asset.duplicate = Some(duplicate(self.content.id));
        asset.colours = looks::colours(tx, self.content.id)?;
        Ok(asset)
    }

    /// The manifest of the asset that [`file()`] will make.
    ///
    /// # Errors
    /// As [`file()`].
    pub fn manifest(
        &self,
        library: &Library,
        actor: &Actor,
        tx: &dyn ReadTx,
        changes: &[(Field, FacetChange)],
    ) -> Result<Manifest, OpsError> {
        let at = self.file.nearest(tx)?;
        let asset = self.named(tx, self.file.record(library, actor, tx, at, changes)?, &self.file.name)?;
        let folder = folders::parts(&self.file.folder)?;
        let parts = [b"library".as_slice()].into_iter();
        let path: Vec<_> = parts.chain(folder.iter().chain([&self.file.name]).map(FileName::as_bytes)).collect();
        let file = FileFacts::at(Some(&path.join(&b'/')), &self.node(actor));
        let generation = probe::generation_after(None, 1, &self.file.reading.now);
        Ok(Manifest::new(asset, generation, self.version(actor), self.content.clone(), Some(file)))
    }
}

/// The folders and the name of `a/b/x.png`. Nothing may lead out.
///
/// # Errors
/// When a part is no file name.
pub fn split(given: &str) -> Result<(String, FileName), OpsError> {
    let given = given.trim_start_matches('/');
    let (folder, name) = given.rsplit_once('/').unwrap_or(("", given));
    for part in folder.split('/').filter(|p| !p.is_empty()) {
        FileName::try_from(part)?;
    }
    Ok((folder.to_owned(), FileName::try_from(name)?))
}

/// Path and id of a live asset that has these bytes now, is below `library/`, and may be listed by the caller.
///
/// # Errors
/// When the catalogue fails.
pub fn known(
    library: &Library,
    actor: &Actor,
    tx: &dyn ReadTx,
    content: ContentId,
) -> Result<Option<(String, String)>, OpsError> {
    for id in tx.assets_with_content(content)? {
        let Some(asset) = tx.asset(id)? else { continue };
        if asset.state == AssetState::Trashed || !actor.decide(library, Verb::List, &asset).allowed {
            continue;
        }
        let Some(node) = asset.node else { continue };
        if let Some(path) = folders::path_of(tx, node)? {
            return Ok(Some((path, id.to_string())));
        }
    }
    Ok(None)
}

/// Makes the asset. Killed before its commit nothing is there; run again it finds what was committed.
///
/// # Errors
/// [`OpsError::Refused`] when the caller may not make such an asset; what the catalogue says.
pub fn file(
    library: &Library,
    actor: &Actor,
    tx: &mut dyn WriteTx,
    plan: &Plan,
    changes: &[(Field, FacetChange)],
) -> Result<Filed, OpsError> {
    let maker = actor.maker(plan.file.now);
    let folder = folders::ensure_folder(tx, &plan.file.folder, &maker)?;
    let name = match free_name(tx, folder, plan, library, actor)? {
        Place::Free(name) => name,
        Place::Taken { path, id } => return Ok(Filed::Known { path, id }),
    };

    let node = plan.node(actor);
    let mut asset = plan.named(tx, plan.file.record(library, actor, tx, folder, changes)?, &name)?;
    let version = plan.version(actor);
    tx.put_content(&plan.content)?;
    // The node speaks of the asset, the asset of the node and of the version, the version of the asset: each first without.
    tx.put_node(&NodeRow { asset: None, class: NodeClass::Plain, ..node.clone() })?;
    tx.put_asset(&Asset { head: None, duplicate: None, ..asset.clone() })?;
    names::mark_namesake(tx, &asset)?;
    tx.add_version(&version)?;
    tx.put_asset(&asset)?;
    probe::keep_generation(tx, asset.id, version.n, &plan.file.reading.now)?;
    tx.put_node(&node)?;
    folders::link(tx, folder, &name, node.id, plan.file.now)?;
    let said = asset.clone();
    library.read_sidecars(tx, &mut asset, node.id, &version, None)?;
    if name != plan.file.name || asset != said {
        // Its manifest says the name that was taken, or less than the record.
        manifests::owe(tx, &version)?;
    }
    tx.change(ChangeKind::Node, &node.id.to_string())?;
    tx.change(ChangeKind::Asset, &asset.id.to_string())?;

    let path = folders::path_of(tx, node.id)?.unwrap_or_default();
    let detail = json!({
        "path": path,
        "content": plan.content.id,
        "size": plan.content.size,
        "set": changes.iter().map(|(f, _)| (f.to_string(), record::get(&asset, f))).collect::<serde_json::Map<_, _>>(),
    });
    crate::audit::append(
        tx,
        super::CHAIN,
        plan.file.now,
        &actor.member.name,
        "asset.import",
        &asset.id.to_string(),
        &detail,
    )?;
    Ok(Filed::New { path, id: asset.id })
}

enum Place {
    Free(FileName),
    /// An asset there has, or had in an earlier version, these very bytes.
    Taken {
        path: String,
        id: AssetId,
    },
}

/// `name.ext`, or `name (2).ext` and on when other bytes have that name.
fn free_name(
    tx: &dyn ReadTx,
    folder: NodeId,
    plan: &Plan,
    library: &Library,
    actor: &Actor,
) -> Result<Place, OpsError> {
    for n in 1_u32.. {
        let name = if n == 1 { plan.file.name.clone() } else { plan.file.name.numbered(n) };
        let Some(entry) = tx.entry(folder, &name)? else { return Ok(Place::Free(name)) };
        let Some(id) = tx.node(entry.node)?.and_then(|node| node.asset) else { continue };
        let Some(asset) = tx.asset(id)? else { continue };
        let same = tx.versions(id)?.iter().any(|v| v.content == plan.content.id);
        if same && actor.decide(library, Verb::List, &asset).allowed {
            let path = folders::path_of(tx, entry.node)?.unwrap_or_default();
            return Ok(Place::Taken { path, id });
        }
    }
    Err(OpsError::failed("no free name in the folder", "choose another folder with --into"))
}
