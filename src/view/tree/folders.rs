//! Which folders of the library a member may know.

use super::not_trashed;
use crate::catalog::{CatalogError, ReadTx};
use crate::policy::{Expr, Field, Subject, Verb};
use crate::types::{MemberId, NodeId};

/// Whether a member may know a folder: who lists everything knows them all; others know the two roots, the folders that hold,
/// however deep, an asset that they may list, and those that they made or that hold one they made.
///
/// # Errors
/// When the catalogue cannot be read.
pub fn folder_visible(
    tx: &dyn ReadTx,
    subject: &Subject,
    member: Option<MemberId>,
    folder: NodeId,
) -> Result<bool, CatalogError> {
    if folder == NodeId::LIBRARY || folder == NodeId::INBOX || subject.allows_everything(Verb::List) {
        return Ok(true);
    }
    if member.is_some() && tx.node(folder)?.is_some_and(|n| n.owner == member) {
        return Ok(true);
    }
    tx.holds(folder, &listed(subject), member)
}

/// Whether a folder holds, however deep, a published asset that the member may list.
pub(super) fn holds_listable(tx: &dyn ReadTx, subject: &Subject, folder: NodeId) -> Result<bool, CatalogError> {
    tx.holds(folder, &listed(subject), None)
}

/// What the member may list outside the trash.
fn listed(subject: &Subject) -> Expr {
    let list = subject.filter(Verb::List);
    if list.mentions(&Field::State) { list.and(not_trashed()) } else { list }
}
