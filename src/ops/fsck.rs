//! Is everything there, and is it what it was? The catalogue's own check, every content's extents, the audit chains.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};

use super::manifests::parse_manifest_name;
use super::{Actor, Library, OpsError};
use crate::blob::{Fault, ObjectKind};
use crate::catalog::{Counter, ReadTx};
use crate::types::{ContentId, ExtentId};

/// How many records one read takes at a time.
const PAGE: usize = 1000;
const EVERY_STATE: &str = "state=active+archived+expired+held+trashed";

/// Checks the library; `deep` reads and hashes every byte. `{"clean": bool, "faults": [..], ...}`.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin; when nothing could be checked at all. Faults are in the report.
pub fn fsck(library: &Library, actor: &Actor, deep: bool) -> Result<Value, OpsError> {
    actor.must_be_admin("check the library")?;
    let mut faults: Vec<String> = library.catalog.check()?.into_iter().map(|f| format!("catalogue: {f}")).collect();

    // Every state, or the trash would be left out.
    let all = damfs_policy::parse(EVERY_STATE).map_err(|e| OpsError::failed(e.to_string(), "report this"))?;
    let (contents, assets, unwritten) = library.catalog.read(|tx| {
        let contents = tx.contents()?;
        let known: BTreeSet<ContentId> = contents.iter().map(|c| c.id).collect();
        let mut assets = 0_u64;
        let mut unwritten = Vec::new();
        let mut after = 0;
        loop {
            let page = tx.find(&all, after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = last.ordinal;
            for asset in &page {
                assets += 1;
                faults.extend(pointers(library, tx, asset, &known)?);
                for version in tx.versions(asset.id)? {
                    if !library.has_manifest(&version)? {
                        unwritten.extend(library.manifest_of(tx, &version)?);
                    }
                }
            }
        }
        Ok::<_, OpsError>((contents, assets, unwritten))
    })?;

    // Nothing is lost with a manifest: the catalogue holds all that it says.
    for manifest in &unwritten {
        let version = &manifest.version;
        if let Err(e) = library.put_manifest(manifest) {
            faults.push(format!("store: asset {}: the manifest of version {}: {e}", version.asset, version.n));
        }
    }
    if !unwritten.is_empty() {
        library.vault.sync(&[])?;
    }
    let newer = newer_versions(library)?;
    if newer > 0 {
        faults.push(format!(
            "catalogue: it is older than the store, which tells of {newer} versions that it does not have; unmount the library, then bring \
             them back with: dam fsck --rebuild --force"
        ));
    }

    let mut bytes = 0_u64;
    // Contents share extents: each is read once.
    let mut checked: HashMap<(ExtentId, u32), Option<Fault>> = HashMap::new();
    for content in &contents {
        bytes = bytes.saturating_add(content.size);
        for (id, len) in &content.extents {
            let fault = match checked.entry((*id, *len)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(library.vault.check(*id, *len, deep)?),
            };
            if let Some(fault) = fault {
                faults.push(format!("store: content {}: {fault}", content.id));
            }
        }
    }

    for node in library.stages.aside()? {
        faults.push(format!(
            "staging: node {node}: damaged bytes that were written after its last version are kept in stage/damaged; save the file again, \
             then remove them"
        ));
    }

    let chains = library.catalog.read(|tx| tx.audit_chains())?;
    for chain in &chains {
        if let Some(fault) = library.catalog.read(|tx| crate::audit::verify(tx, chain))? {
            faults.push(format!("audit: chain {chain}: {fault}"));
        }
    }

    Ok(json!({
        "clean": faults.is_empty(),
        "deep": deep,
        "assets": assets,
        "contents": contents.len(),
        "bytes": bytes,
        "audit_chains": chains.len(),
        "manifests_made": unwritten.len(),
        "faults": faults,
    }))
}

/// How many versions the store tells of under numbers that the catalogue has not given yet: a number is durable before a manifest names it, so
/// the catalogue's last part was lost. Manifests of versions that were begun and never made have numbers that it gave.
fn newer_versions(library: &Library) -> Result<usize, OpsError> {
    let mut named = Vec::new();
    library.vault.objects(ObjectKind::Manifest, &mut |name| named.extend(parse_manifest_name(name)))?;
    // Behind the list: what is begun from now on is not in it.
    let given = library.catalog.write(|tx| tx.next(Counter::Version))?;
    let mut newer = 0;
    for (asset, n) in named {
        let last = library.catalog.read(|tx| tx.versions(asset))?.pop().map_or(0, |version| version.n);
        newer += usize::from(n > last && library.manifest_no(asset, n)?.is_some_and(|no| no.0 >= given));
    }
    Ok(newer)
}

/// What a record points at and is not there.
fn pointers(
    library: &Library,
    tx: &dyn ReadTx,
    asset: &crate::catalog::Asset,
    known: &BTreeSet<ContentId>,
) -> Result<Vec<String>, OpsError> {
    let mut faults = Vec::new();
    let versions = tx.versions(asset.id)?;
    if !versions.iter().any(|v| Some(v.id) == asset.head) {
        faults.push(format!("catalogue: asset {}: its current version is missing", asset.id));
    }
    for version in &versions {
        if version.size > 0 && !known.contains(&version.content) {
            faults.push(format!("catalogue: asset {}: version {} has no content row", asset.id, version.n));
        }
    }
    match asset.node {
        Some(node) => match tx.node(node)? {
            Some(row) if row.asset == Some(asset.id) => {
                let head = versions.iter().find(|v| Some(v.id) == asset.head);
                let staged = row.staged || library.live.get(node).is_some_and(|file| file.seen().staged);
                if !staged && head.is_some_and(|head| row.content != Some(head.content)) {
                    faults.push(format!("catalogue: asset {}: its file is not its current version", asset.id));
                }
            }
            Some(_) => faults.push(format!("catalogue: asset {}: its node {node} is another's", asset.id)),
            None => faults.push(format!("catalogue: asset {}: its node {node} is missing", asset.id)),
        },
        // Purged.
        None if asset.trashed.is_some() => {}
        None => faults.push(format!("catalogue: asset {}: it has no node", asset.id)),
    }
    Ok(faults)
}
