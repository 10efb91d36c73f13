//! Who made something does not approve it himself while somebody else may.

use damfs_policy::{Field, SelfReview, Verb};

use super::value::FacetChange;
use super::{Library, OpsError};
use crate::access::Who;
use crate::catalog::{Asset, CatalogError, ReadTx};
use crate::types::MemberId;

/// Whether a change approves what its maker made: then he may, for he is the only one who could.
///
/// # Errors
/// [`OpsError::Refused`] when another member may review it.
pub(super) fn is_own_approval(
    library: &Library,
    who: &Who,
    tx: &dyn ReadTx,
    asset: &Asset,
    (field, change): (&Field, &FacetChange),
) -> Result<bool, OpsError> {
    let approves = matches!((field, change), (Field::Status(_), FacetChange::Replace(word)) if word == "approved");
    if !approves {
        return Ok(false);
    }
    if maker(tx, asset)? != Some(who.id) {
        return Ok(false);
    }
    if library.gate.roles().self_review() == SelfReview::Alone && library.gate.another_may_review(tx, who.id, asset)? {
        let reason = "who made something does not approve it himself while another member may; ask one, or an admin sets \
            self_review = \"allow\" with dam policy edit";
        return Err(OpsError::Refused { verb: Verb::Review, subject: asset.id.to_string(), reason: reason.into() });
    }
    Ok(true)
}

/// Who made the bytes: the first who did, for whoever restored them has not.
fn maker(tx: &dyn ReadTx, asset: &Asset) -> Result<Option<MemberId>, CatalogError> {
    let Some(head) = asset.head.map(|head| tx.version(head)).transpose()?.flatten() else { return Ok(asset.owner) };
    let first = tx.versions(asset.id)?.into_iter().find(|version| version.content == head.content);
    Ok(first.unwrap_or(head).made_by.or(asset.owner))
}

/// Nothing when putting back verdicts makes nobody approve what he made himself.
pub(super) fn may_come_back(
    library: &Library,
    who: &Who,
    tx: &dyn ReadTx,
    asset: &Asset,
    back: &Asset,
) -> Result<(), OpsError> {
    let approved = |asset: &Asset, platform: &str| asset.status.get(platform).is_some_and(|v| v.value == "approved");
    for platform in back.status.keys().filter(|p| approved(back, p) && !approved(asset, p)) {
        let change = FacetChange::Replace("approved".to_owned());
        is_own_approval(library, who, tx, asset, (&Field::Status(platform.clone()), &change))?;
    }
    Ok(())
}
