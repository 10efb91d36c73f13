//! Thinning: earlier versions that no rule of `versions.toml` keeps are let go of. Their bytes stay in the store until gc removes them.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use damfs_policy::thinning::Version;
use damfs_policy::{ThinningRules, Verb};
use serde_json::{Value, json};

use super::conflicts::BYTES;
use super::record::Hand;
use super::{Actor, Library, OpsError, folders, target, trail};
use crate::catalog::{Asset, AssetState, CatalogError, ChangeKind, ReadTx, VersionRow, WriteTx};
use crate::types::{AssetId, Timestamp};

/// The rules, in the library's folder.
pub const FILE: &str = "versions.toml";

const DAY_MS: i64 = 24 * 3_600_000;
/// Assets looked at by one beat; what is left is the next beat's.
const AT_ONCE: usize = 100;
/// Assets looked for at once by a command.
const PAGE: usize = 1_000;

/// How far the daily sweep is.
#[derive(Default)]
pub(super) struct Thinning(Mutex<Sweep>);

#[derive(Default)]
struct Sweep {
    begun: Option<Timestamp>,
    /// The rules of a sweep that is not at its end.
    rules: Option<ThinningRules>,
    after: Option<AssetId>,
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Library {
    /// The rules that hold now; else what is wrong with the library's file. By rules that may not be those that were meant nothing is let
    /// go of.
    fn thinning_rules(&self) -> Result<ThinningRules, String> {
        match fs::read_to_string(self.root().join(FILE)) {
            Ok(text) => ThinningRules::parse(&text).map_err(|e| e.0),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(ThinningRules::default()),
            Err(e) => Err(format!("{FILE} cannot be read: {e}")),
        }
    }

    /// What is wrong with the library's `versions.toml`.
    #[must_use]
    pub fn thinning_fault(&self) -> Option<String> {
        self.thinning_rules().err()
    }

    /// Thins every asset once a day, some at each beat.
    pub(super) fn sweep_versions(self: &Arc<Self>) -> Result<(), OpsError> {
        let now = self.clock.now();
        let mut sweep = lock(&self.thinning.0);
        if sweep.rules.is_none() {
            if sweep.begun.is_some_and(|begun| now.ms_since(begun) < DAY_MS) {
                return Ok(());
            }
            let rules = self.thinning_rules();
            if let Err(fault) = &rules {
                tracing::warn!("{fault}; no version is thinned out until it is mended");
            }
            *sweep = Sweep { begun: Some(now), rules: rules.ok(), after: None };
        }
        let Some(rules) = sweep.rules.clone() else { return Ok(()) };
        let page = self.catalog.read(|tx| tx.assets_with_versions(rules.least(), sweep.after, AT_ONCE))?;
        for id in &page {
            // One that cannot be thinned does not keep the others waiting.
            sweep.after = Some(*id);
            self.thin_one(*id, &rules, &Hand::own(None, now))?;
        }
        if page.len() < AT_ONCE {
            sweep.rules = None;
        }
        Ok(())
    }

    /// Lets go of what the rules do not keep of one asset, in one transaction; in none when they keep everything.
    fn thin_one(&self, id: AssetId, rules: &ThinningRules, hand: &Hand) -> Result<Option<Thinned>, OpsError> {
        match self.catalog.read(|tx| self.thinned(tx, id, rules, hand.now))? {
            Some(_) => self.catalog.write(|tx| self.let_go(tx, id, rules, hand)),
            None => Ok(None),
        }
    }

    fn let_go(
        &self,
        tx: &mut dyn WriteTx,
        id: AssetId,
        rules: &ThinningRules,
        hand: &Hand,
    ) -> Result<Option<Thinned>, OpsError> {
        let Some(thinned) = self.thinned(tx, id, rules, hand.now)? else { return Ok(None) };
        for version in &thinned.gone {
            tx.remove_version(version.id)?;
        }
        // Its record has become another.
        let changed = hand.now.max(thinned.asset.changed);
        tx.put_asset(&Asset { changed, ..thinned.asset.clone() })?;
        let detail = json!({ "versions": thinned.numbers(), "size": thinned.size() });
        trail::asset(tx, hand, "thin", id, &detail)?;
        tx.change(ChangeKind::Asset, &id.to_string())?;
        Ok(Some(thinned))
    }

    /// What the rules do not keep of an asset; `None` when they keep everything. In the trash everything is kept, for it comes back with all of
    /// its versions, and so it is while an asset is held.
    fn thinned(
        &self,
        tx: &dyn ReadTx,
        id: AssetId,
        rules: &ThinningRules,
        now: Timestamp,
    ) -> Result<Option<Thinned>, CatalogError> {
        let Some(asset) = tx.asset(id)? else { return Ok(None) };
        if matches!(asset.state, AssetState::Trashed | AssetState::Held) {
            return Ok(None);
        }
        let versions = tx.versions(id)?;
        let kept = kept(&asset, &versions, now.plus_ms(-self.recovery_ms()));
        let seen: Vec<Version> = versions
            .iter()
            .map(|version| Version { n: version.n, made_at: version.made_at.as_nanos(), size: version.size })
            .collect();
        let gone: BTreeSet<u32> = rules.goes(&seen, &kept, now.as_nanos()).iter().map(|version| version.n).collect();
        let (gone, left): (Vec<_>, Vec<_>) = versions.into_iter().partition(|version| gone.contains(&version.n));
        Ok((!gone.is_empty()).then_some(Thinned { asset, gone, left: left.len() }))
    }
}

/// The versions that something rests on: a verdict, a conflict of bytes, what was taken over since `undoable` and `dam undo` can still bring
/// back.
fn kept(asset: &Asset, versions: &[VersionRow], undoable: Timestamp) -> BTreeSet<u32> {
    let mut kept = BTreeSet::new();
    let bound: BTreeSet<_> = asset.status.values().filter_map(|verdict| verdict.version).chain(asset.head).collect();
    kept.extend(versions.iter().filter(|version| bound.contains(&version.id)).map(|version| version.n));
    if let Some(conflict) = asset.conflicts.get(BYTES) {
        kept.insert(conflict.version);
        kept.extend(conflict.other.as_deref().and_then(|n| n.parse::<u32>().ok()));
    }
    let followed = versions.iter().zip(versions.iter().skip(1));
    kept.extend(followed.filter(|(_, next)| next.made_at >= undoable).map(|(version, _)| version.n));
    kept
}

/// What thinning takes of one asset.
struct Thinned {
    asset: Asset,
    gone: Vec<VersionRow>,
    left: usize,
}

impl Thinned {
    fn numbers(&self) -> Vec<u32> {
        self.gone.iter().map(|version| version.n).collect()
    }

    fn size(&self) -> u64 {
        self.gone.iter().fold(0, |sum, version| sum.saturating_add(version.size))
    }
}

/// Thins some assets, or all that the caller may list: `dam thin`. `{"assets": [{path, versions, ..}], ..}` tells of those that lose versions.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin; [`OpsError::Failed`] when `versions.toml` cannot be used; [`OpsError::NotFound`] or [`OpsError::Usage`] for a target. Nothing is thinned then.
pub fn thin(library: &Library, actor: &Actor, targets: &[String], dry_run: bool) -> Result<Value, OpsError> {
    actor.must_be_admin("thin versions")?;
    let rules = library.thinning_rules().map_err(|fault| {
        OpsError::failed(fault, format!("mend {FILE} in the library's folder; nothing was thinned"))
    })?;
    let now = library.clock.now();
    let mut rows = Vec::new();
    let (mut versions, mut size) = (0_usize, 0_u64);
    let mut each = |id: AssetId| -> Result<(), OpsError> {
        let thinned = if dry_run {
            library.catalog.read(|tx| library.thinned(tx, id, &rules, now))?
        } else {
            library.thin_one(id, &rules, &actor.hand(now))?
        };
        let Some(thinned) = thinned else { return Ok(()) };
        versions += thinned.gone.len();
        // How long bytes are is told to who may have them.
        let told = Some(thinned.size()).filter(|_| actor.decide(library, Verb::Download, &thinned.asset).allowed);
        size = size.saturating_add(told.unwrap_or(0));
        rows.push(json!({
            "id": id.to_string(),
            "path": library.catalog.read(|tx| folders::path_of_asset(tx, &thinned.asset))?,
            "versions": thinned.numbers(),
            "left": thinned.left,
            "size": told,
        }));
        Ok(())
    };
    if targets.is_empty() {
        let mut after = None;
        loop {
            let page = library.catalog.read(|tx| tx.assets_with_versions(rules.least(), after, PAGE))?;
            let Some(last) = page.last() else { break };
            after = Some(*last);
            let listed = library.catalog.read(|tx| listed(library, actor, tx, &page))?;
            listed.into_iter().try_for_each(&mut each)?;
        }
    } else {
        let chosen = library.catalog.read(|tx| chosen(library, actor, tx, targets))?;
        chosen.into_iter().try_for_each(&mut each)?;
    }
    Ok(json!({ "dry_run": dry_run, "assets": rows, "versions": versions, "size": size }))
}

/// Those that the caller may list.
fn listed(library: &Library, actor: &Actor, tx: &dyn ReadTx, ids: &[AssetId]) -> Result<Vec<AssetId>, CatalogError> {
    let mut listed = Vec::new();
    for id in ids {
        let asset = tx.asset(*id)?;
        listed.extend(asset.filter(|asset| actor.decide(library, Verb::List, asset).allowed).map(|asset| asset.id));
    }
    Ok(listed)
}

/// The assets that targets mean, each once.
fn chosen(
    library: &Library,
    actor: &Actor,
    tx: &dyn ReadTx,
    targets: &[String],
) -> Result<BTreeSet<AssetId>, OpsError> {
    let mut chosen = BTreeSet::new();
    for name in targets {
        let found = target::find(library, actor, tx, name)?;
        if let Some(version) = found.version {
            return Err(OpsError::usage(
                format!("`{name}` is version {} alone; {FILE} says which versions go", version.n),
                format!("name the asset: dam thin {}", found.asset.id),
            ));
        }
        chosen.insert(found.asset.id);
    }
    Ok(chosen)
}
