//! What time lets go of: the trash past its recovery window, the journal of what could be taken back until then, and saved queries past theirs.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::json;

use super::record::Hand;
use super::{Library, OpsError, assets, bin, trail};
use crate::catalog::{ChangeKind, NodeClass, NodeRow, WriteTx};
use crate::types::{AssetId, Timestamp};

/// How long the trash is kept, unless `damfs.toml` says otherwise.
pub const RECOVERY_DAYS: u32 = 30;
/// The longest that may be said.
pub const LONGEST_DAYS: u32 = 36_500;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Assets purged at one beat, each in a transaction of its own: what is left is the next beat's.
const AT_ONCE: usize = 100;

/// When it was last looked for what is past its time.
#[derive(Debug)]
pub(super) struct Kept {
    looked: AtomicI64,
}

impl Default for Kept {
    fn default() -> Self {
        Self { looked: AtomicI64::new(i64::MIN) }
    }
}

impl Library {
    /// How long what was removed can be brought back.
    #[must_use]
    pub fn recovery_ms(&self) -> i64 {
        i64::from(self.info().recovery_days) * DAY_MS
    }

    /// Lets go of what is past the recovery window; once an hour, and on while there is more.
    pub(super) fn sweep_kept(self: &Arc<Self>) -> Result<(), OpsError> {
        let now = self.clock.now();
        let looked = Timestamp::from_nanos(self.kept.looked.load(Ordering::Relaxed));
        if now.ms_since(looked) < HOUR_MS {
            return Ok(());
        }
        let past = now.plus_ms(-self.recovery_ms());
        let old = self.catalog.read(|tx| tx.trashed_before(past, AT_ONCE))?;
        for id in &old {
            self.catalog.write(|tx| -> Result<(), OpsError> {
                // It may have been brought back since.
                let asset = tx.asset(*id)?.and_then(|asset| asset.trashed);
                match asset.filter(|trashed| trashed.at < past) {
                    Some(_) => purge(tx, self, &Hand::own(None, now), *id),
                    None => Ok(()),
                }
            })?;
        }
        if old.len() == AT_ONCE {
            return Ok(());
        }
        self.catalog.write(|tx| tx.drop_journal(past))?;
        self.sweep_saved(now)?;
        self.kept.looked.store(now.as_nanos(), Ordering::Relaxed);
        Ok(())
    }
}

/// Lets go of an asset's file for good. Its record and its versions stay; the bytes go when nothing else has them.
///
/// # Errors
/// [`OpsError::NotFound`] when there is nothing to let go of, or when the catalogue fails.
pub fn purge(tx: &mut dyn WriteTx, library: &Library, hand: &Hand, asset: AssetId) -> Result<(), OpsError> {
    let gone = || OpsError::NotFound(asset.to_string());
    let mut asset = tx.asset(asset)?.ok_or_else(gone)?;
    let node = asset.node.take().ok_or_else(gone)?;
    asset.changed = hand.now;
    asset.named = None;
    assets::forget_tunnels(tx, asset.id)?;
    tx.put_asset(&asset)?;
    trail::asset(tx, hand, "purge", asset.id, &json!({ "name": asset.view_name }))?;
    if let Some(row) = tx.node(node)? {
        tx.put_node(&NodeRow { asset: None, class: NodeClass::Local, ..row })?;
        bin::leave(tx, library, node, hand.now)?;
        assets::drop_if_nameless(tx, library, node)?;
    }
    Ok(tx.change(ChangeKind::Asset, &asset.id.to_string())?)
}
