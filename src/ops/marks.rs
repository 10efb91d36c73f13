//! Whose marks exports have.

use std::sync::Arc;

use super::Library;
use crate::access::Who;
use crate::catalog::{CatalogError, ReadTx};
use crate::policy::platforms::{Placement, PlacementKind};
use crate::policy::{Platforms, Subject};

/// Whose exports are made so: everybody's without a name.
pub(super) type Table = (Option<String>, Arc<Platforms>);

/// The table of a member who has a mark.
pub(super) fn table_of(subject: &Subject) -> Option<Table> {
    subject.mark().map(|_| (Some(subject.name.clone()), Arc::clone(subject.platforms())))
}

/// Every placement, and whose exports are made so there. Where a row refuses marks, a member's are everybody's.
pub(super) fn placements(tables: &[Table]) -> impl Iterator<Item = (Option<&str>, &Arc<Placement>)> {
    tables.iter().flat_map(|(whose, platforms)| {
        let own = |placement: &&Arc<Placement>| {
            whose.is_none() || placement.kind == PlacementKind::Image && placement.watermark.text().is_some()
        };
        platforms.all().filter(own).map(|placement| (whose.as_deref(), placement))
    })
}

impl Library {
    /// What the platforms accept, as exports are made for whoever has no mark, and for each member who has one.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub(super) fn tables(&self, tx: &dyn ReadTx) -> Result<Vec<Table>, CatalogError> {
        let (roles, terms) = (self.gate.roles(), self.gate.terms());
        // Who may nothing now has no table.
        let subject = |member: &_| Who::subject_of(member, None, &roles, terms.clone()).ok();
        let marked =
            tx.members()?.iter().filter_map(subject).filter_map(|subject| table_of(&subject)).collect::<Vec<_>>();
        Ok([(None, self.gate.platforms())].into_iter().chain(marked).collect())
    }
}
