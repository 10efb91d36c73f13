//! XMP sidecars: `a.jpg.xmp` and `a.xmp` say in a file of their own what others write into `a.jpg`. What they say is merged into that
//! asset's record as what its own file says, three ways against what the sidecar's version before said.

use serde_json::json;

use damfs_policy::Verb;

use super::conflicts;
use super::notices::Notice;
use super::probe::apply_said;
use super::record::Hand;
use super::{Library, OpsError, assign, folders, trail, verdicts};
use crate::access::Identity;
use crate::catalog::{Asset, CatalogError, EntryRow, NodeClass, ReadTx, VersionRow, WriteTx};
use crate::media::{self, Probe};
use crate::types::{FileName, NodeId, VersionId};
use crate::view::class::{NameClass, classify, is_raw, sidecar_of};

/// The asset that the sidecar of that name in a folder belongs to: the one with the whole name, else the one with the stem; of several the
/// one that is a camera's own format, and when that does not tell, none.
///
/// # Errors
/// When the catalogue fails.
pub(super) fn master(tx: &dyn ReadTx, folder: NodeId, sidecar: &FileName) -> Result<Option<Asset>, CatalogError> {
    let Some(base) = sidecar_of(sidecar) else { return Ok(None) };
    if let Some(entry) = tx.entry(folder, &base)?
        && let Some(asset) = ordinary(tx, &entry)?
    {
        return Ok(Some(asset));
    }
    let mut found = with_stem(tx, folder, &base)?;
    if found.len() > 1 {
        found.retain(|(raw, _)| *raw);
    }
    Ok(if found.len() == 1 { found.pop().map(|(_, asset)| asset) } else { None })
}

/// The assets in a folder whose names have a stem, each with whether it is a camera's own format.
pub(super) fn with_stem(tx: &dyn ReadTx, folder: NodeId, stem: &FileName) -> Result<Vec<(bool, Asset)>, CatalogError> {
    let mut found = Vec::new();
    for entry in tx.entries_named(folder, &[stem.as_bytes(), b".".as_slice()].concat())? {
        if entry.name.split_extension().0 == stem.as_bytes()
            && let Some(asset) = ordinary(tx, &entry)?
        {
            found.push((is_raw(&entry.name), asset));
        }
    }
    Ok(found)
}

/// The asset of a name that a sidecar can belong to.
fn ordinary(tx: &dyn ReadTx, entry: &EntryRow) -> Result<Option<Asset>, CatalogError> {
    if classify(&entry.name) != NameClass::Ordinary {
        return Ok(None);
    }
    match tx.node(entry.node)?.filter(|node| node.class == NodeClass::Asset).and_then(|node| node.asset) {
        Some(id) => tx.asset(id),
        None => Ok(None),
    }
}

impl Library {
    /// Reads what a version brings: of a sidecar into its asset; of an asset's first one, the sidecars that were there before it.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub(super) fn read_sidecars(
        &self,
        tx: &mut dyn WriteTx,
        asset: &mut Asset,
        node: NodeId,
        version: &VersionRow,
        before: Option<VersionId>,
    ) -> Result<(), OpsError> {
        let Some(entry) = folders::entry_of(tx, node)? else { return Ok(()) };
        if classify(&entry.name) == NameClass::Sidecar {
            let Some(mut master) = master(tx, entry.parent, &entry.name)?.filter(|master| master.head.is_some()) else {
                return Ok(());
            };
            let before = before.map(|id| tx.version(id)).transpose()?.flatten();
            return self.read_sidecar(tx, &mut master, &entry, version, before.as_ref());
        }
        if before.is_some() {
            return Ok(());
        }
        for sidecar in beside(tx, &entry)? {
            let head = tx.node(sidecar.node)?.and_then(|node| node.asset).map(|id| tx.asset(id)).transpose()?.flatten();
            let head = head.and_then(|asset| asset.head).map(|id| tx.version(id)).transpose()?.flatten();
            if let Some(version) = head {
                self.read_sidecar(tx, asset, &sidecar, &version, None)?;
            }
        }
        Ok(())
    }

    /// Merges what a version of a sidecar says into its asset, as who made that version may.
    fn read_sidecar(
        &self,
        tx: &mut dyn WriteTx,
        master: &mut Asset,
        sidecar: &EntryRow,
        version: &VersionRow,
        before: Option<&VersionRow>,
    ) -> Result<(), OpsError> {
        let now = self.clock.now();
        let (Some(said), had) = (self.said(tx, version)?, before.map(|v| self.said(tx, v)).transpose()?.flatten())
        else {
            return Ok(());
        };
        let mut changed = master.clone();
        let lost = apply_said(&mut changed, had.as_ref(), &said, &self.gate.glossary());
        let n = master.head.map(|head| tx.version(head)).transpose()?.flatten().map_or(1, |head| head.n);
        conflicts::keep(&mut changed, lost, n, version.made_by, now);
        if changed == *master {
            return Ok(());
        }
        let Some(who) = version.made_by.and_then(|by| self.gate.who(&Identity::Member(by)).ok()) else { return Ok(()) };
        let refusal =
            [&*master, &changed].into_iter().map(|asset| self.gate.decide(&who, Verb::Tag, asset)).find(|d| !d.allowed);
        if let Some(refusal) = refusal {
            // What he may not list is not there.
            if self.gate.decide(&who, Verb::List, master).allowed {
                let reason = refusal.reason;
                let sentence =
                    format!("what `{}` says was not taken into `{}`: {reason}", sidecar.name, master.view_name);
                self.notices.add(Notice { at: now, member: version.made_by, op: "sidecar".into(), sentence });
            }
            return Ok(());
        }
        let doubted = verdicts::doubted(self, master, &mut changed);
        changed.changed = now.max(changed.changed);
        *master = changed;
        assign::store(tx, master)?;
        let mut detail = json!({ "sidecar": trail::path(tx, sidecar)?, "version": version.n });
        if !doubted.is_empty() {
            detail["changed"] = doubted.into();
        }
        Ok(trail::asset(tx, &Hand::own(version.made_by, now), "set", master.id, &detail)?)
    }

    /// What a version of a sidecar says; nothing when it cannot be read.
    fn said(&self, tx: &dyn ReadTx, version: &VersionRow) -> Result<Option<Probe>, CatalogError> {
        let content = tx.content(version.content)?;
        Ok(content.and_then(|content| media::sidecar(&self.vault.open(&content)).ok().flatten()))
    }
}

/// The sidecars that belong to the file of a name.
///
/// # Errors
/// When the catalogue fails.
fn beside(tx: &dyn ReadTx, entry: &EntryRow) -> Result<Vec<EntryRow>, CatalogError> {
    let stem = entry.name.split_extension().0;
    let mut found = Vec::new();
    for sidecar in tx.entries_named(entry.parent, &[stem, b".".as_slice()].concat())? {
        let of = sidecar_of(&sidecar.name);
        if of.is_some_and(|of| of == entry.name || of.as_bytes() == stem)
            && master(tx, entry.parent, &sidecar.name)?.is_some_and(|master| master.node == Some(entry.node))
        {
            found.push(sidecar);
        }
    }
    Ok(found)
}
