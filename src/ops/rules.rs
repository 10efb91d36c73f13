//! Folder rules: what is filed below a folder gets its values. The nearest folder decides a single-valued facet;
//! a multi-valued one gathers the values of every folder above.

use damfs_policy::Field;
use damfs_policy::workflow::{DRAFT, WAITING};

use super::OpsError;
use super::folders;
use super::record::{self, Hand};
use super::value::{FacetChange, check};
use crate::catalog::{Asset, FolderRule, ReadTx, WriteTx};
use crate::types::NodeId;

/// Applies the rules of a folder and those above to a new record. What is set already stays.
///
/// # Errors
/// When the catalogue fails.
pub fn apply_rules(tx: &dyn ReadTx, asset: &mut Asset, folder: NodeId, hand: &Hand) -> Result<(), OpsError> {
    for folder in folders::ancestors(tx, folder)? {
        for rule in tx.folder_rules(folder)? {
            let Some(field) = Field::parse(&rule.facet) else { continue };
            let Ok(value) = check(&field, &rule.value) else { continue };
            // One that was put there before the board was.
            if field == Field::Stage && !is_begun(&value) {
                continue;
            }
            if field.is_multi() {
                record::set(tx, asset, &field, &FacetChange::Add(value), hand)?;
            } else if record::get(asset, &field).is_null() {
                record::set(tx, asset, &field, &FacetChange::Replace(value), hand)?;
            }
        }
    }
    Ok(())
}

/// Whether a stage is one that a file may begin in: further on somebody has judged it.
fn is_begun(stage: &str) -> bool {
    stage == DRAFT || stage == WAITING[0]
}

/// The value that a change gives, when a folder may give it to whatever is filed below it.
///
/// # Errors
/// [`OpsError::Usage`].
pub fn given<'a>(field: &Field, change: &'a FacetChange) -> Result<&'a str, OpsError> {
    let (FacetChange::Add(value) | FacetChange::Replace(value)) = change else {
        return Err(OpsError::usage("a folder's rule can be changed but not taken away yet", "give another value"));
    };
    if matches!(field, Field::Status(_) | Field::Owner | Field::State | Field::Reviewer | Field::Due) {
        return Err(OpsError::usage(
            format!("`{field}` is a decision about one asset, not a folder's rule"),
            "use client, persona, campaign, tag, rating, rights, likeness or stage",
        ));
    }
    if *field == Field::Stage && !is_begun(value) {
        return Err(OpsError::usage(
            format!("`{value}` is a decision about one asset: no folder lets pass what nobody has looked at"),
            format!("what is filed in a folder begins in {DRAFT} or {}; the board leads on", WAITING[0]),
        ));
    }
    Ok(value)
}

/// Sets the rules of a folder, which is made when it is missing.
///
/// # Errors
/// As [`given`], or when the catalogue fails.
pub fn put_rules(
    tx: &mut dyn WriteTx,
    folder: NodeId,
    changes: &[(Field, FacetChange)],
) -> Result<Vec<FolderRule>, OpsError> {
    for (field, change) in changes {
        let value = given(field, change)?.to_owned();
        tx.put_folder_rule(&FolderRule { folder, facet: field.to_string(), value })?;
    }
    Ok(tx.folder_rules(folder)?)
}
