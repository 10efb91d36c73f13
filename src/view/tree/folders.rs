//! Which folders of the library a member may know.

use super::not_trashed;
use crate::catalog::{CatalogError, NodeClass, NodeKind, ReadTx};
use crate::policy::{Expr, Field, Subject, Verb};
use crate::types::{EntryId, MemberId, NodeId};

/// Entries read at once.
const PAGE: usize = 512;

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
    Walk { tx, list: listed(subject), made_by: member }.finds(folder)
}

/// Whether a folder holds, however deep, a published asset that the member may list.
pub(super) fn holds_listable(tx: &dyn ReadTx, subject: &Subject, folder: NodeId) -> Result<bool, CatalogError> {
    Walk { tx, list: listed(subject), made_by: None }.finds(folder)
}

/// What the member may list outside the trash.
fn listed(subject: &Subject) -> Expr {
    let list = subject.filter(Verb::List);
    if list.mentions(&Field::State) { list.and(not_trashed()) } else { list }
}

struct Walk<'a> {
    tx: &'a dyn ReadTx,
    list: Expr,
    /// Also look for folders that he made.
    made_by: Option<MemberId>,
}

impl Walk<'_> {
    fn finds(&self, top: NodeId) -> Result<bool, CatalogError> {
        let mut folders = vec![top];
        while let Some(folder) = folders.pop() {
            let mut after = EntryId(0);
            loop {
                let entries = self.tx.entries(folder, after, PAGE)?;
                let ended = entries.len() < PAGE;
                for (entry, node) in entries {
                    after = entry.id;
                    match node.kind {
                        NodeKind::Dir if self.made_by.is_some() && node.owner == self.made_by => return Ok(true),
                        NodeKind::Dir => folders.push(node.id),
                        _ => {
                            if let Some(asset) = node.asset.filter(|_| node.class == NodeClass::Asset)
                                && self.tx.finds(&self.list, asset)?
                            {
                                return Ok(true);
                            }
                        }
                    }
                }
                if ended {
                    break;
                }
            }
        }
        Ok(false)
    }
}
