//! Who made something does not approve it himself while somebody else may.

use damfs_policy::{Field, SelfReview, Verb};

use super::value::FacetChange;
use super::{Library, OpsError};
use crate::access::Who;
use crate::catalog::{Asset, ReadTx};

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
    let version = asset.head.map(|head| tx.version(head)).transpose()?.flatten();
    let maker = version.and_then(|version| version.made_by).or(asset.owner);
    if maker != Some(who.id) {
        return Ok(false);
    }
    if library.gate.roles().self_review() == SelfReview::Alone
        && library.gate.another_may(tx, who.id, Verb::Review, asset)?
    {
        let reason = "who made something does not approve it himself while another member may; ask one, or an admin sets \
            self_review = \"allow\" in roles.toml";
        return Err(OpsError::Refused { verb: Verb::Review, subject: asset.id.to_string(), reason: reason.into() });
    }
    Ok(true)
}
