//! Folder rules: what is filed below a folder gets its values. The nearest folder decides a single-valued facet;
//! a multi-valued one gathers the values of every folder above.

use damfs_policy::Field;

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
            if field.is_multi() {
                record::set(tx, asset, &field, &FacetChange::Add(value), hand)?;
            } else if record::get(asset, &field).is_null() {
                record::set(tx, asset, &field, &FacetChange::Replace(value), hand)?;
            }
        }
    }
    Ok(())
}

/// Sets the rules of a folder, which is made when it is missing.
///
/// # Errors
/// When a value is none of the facet, or the catalogue fails.
pub fn put_rules(
    tx: &mut dyn WriteTx,
    folder: NodeId,
    changes: &[(Field, FacetChange)],
) -> Result<Vec<FolderRule>, OpsError> {
    for (field, change) in changes {
        let (FacetChange::Add(value) | FacetChange::Replace(value)) = change else {
            return Err(OpsError::usage("a folder's rule can be changed but not taken away yet", "give another value"));
        };
        if matches!(field, Field::Status(_) | Field::Owner | Field::State | Field::Reviewer | Field::Due) {
            return Err(OpsError::usage(
                format!("`{field}` is a decision about one asset, not a folder's rule"),
                "use client, persona, campaign, tag, rating, rights, likeness or stage",
            ));
        }
        tx.put_folder_rule(&FolderRule { folder, facet: field.to_string(), value: value.clone() })?;
    }
    Ok(tx.folder_rules(folder)?)
}
