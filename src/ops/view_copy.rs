//! A file copied into a view: when its bytes and name are those of an asset there is no second copy, the asset gets the view's values.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::library::Library;
use super::live::LiveFile;
use super::value::FacetChange;
use super::{Actor, OpsError, assign};
use crate::access::Identity;
use crate::catalog::{CatalogError, NodeRow};
use crate::policy::{Field, Verb};
use crate::types::{AssetId, Caller, Content, MemberId, NodeId};

/// What a file that was created in a view would add to the asset it may be a copy of.
#[derive(Debug, Clone)]
pub struct ViewCopy {
    pub member: MemberId,
    /// The name it was given.
    pub name: String,
    /// The view's values.
    pub sets: Vec<(Field, String)>,
}

impl ViewCopy {
    fn changes(&self) -> Vec<(Field, FacetChange)> {
        self.sets.iter().map(|(field, value)| (field.clone(), added(field, value))).collect()
    }
}

/// Files created in views and not settled yet. A memory only: after a crash such a file is an asset of its own.
#[derive(Default)]
pub struct ViewCopies(Mutex<HashMap<NodeId, ViewCopy>>);

impl ViewCopies {
    /// Remembers one.
    pub fn add(&self, node: NodeId, copy: ViewCopy) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(node, copy);
    }

    /// The nodes that wait.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }

    fn get(&self, node: NodeId) -> Option<ViewCopy> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&node).cloned()
    }

    /// Forgets one.
    pub fn remove(&self, node: NodeId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&node);
    }
}

impl Library {
    /// Settles closed copies into views, so that the next listing is true. Waits a moment for one whose close is on its way.
    pub fn settle_view_copies(self: &Arc<Self>) {
        for node in self.view_copies.nodes() {
            let Some(file) = self.live.get(node) else {
                self.view_copies.remove(node);
                continue;
            };
            for _ in 0..20 {
                if !file.is_closing() {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            if file.is_ripe(self.clock.now(), 0) {
                if let Err(e) = self.settle_file(&file) {
                    tracing::error!(%node, error = %e, "a copy into a view could not be settled; its bytes stay staged");
                }
                self.view_copies.remove(node);
            }
        }
    }

    /// The asset that these bytes are a copy of: same bytes, same name, and the one who copied may list it and give it the view's values.
    pub(super) fn view_copy_twin(&self, row: &NodeRow, content: &Content) -> Result<Option<AssetId>, CatalogError> {
        let Some(copy) = self.view_copies.get(row.id) else { return Ok(None) };
        let Ok(who) = self.gate.who(&Identity::Member(copy.member)) else { return Ok(None) };
        self.catalog.read(|tx| {
            for id in tx.assets_with_content(content.id)? {
                let Some(asset) = tx.asset(id)? else { continue };
                let named = asset.view_name == copy.name
                    || match asset.node {
                        Some(node) => tx.names_of(node)?.iter().any(|e| e.name.as_bytes() == copy.name.as_bytes()),
                        None => false,
                    };
                if named
                    && asset.trashed.is_none()
                    && self.gate.decide(&who, Verb::List, &asset).allowed
                    && copy.changes().iter().all(|(field, change)| {
                        self.gate.decide(&who, assign::verb_for(field, change, &asset), &asset).allowed
                    })
                {
                    return Ok(Some(id));
                }
            }
            Ok(None)
        })
    }

    /// Gives the twin the view's values, through the rules of `dam set`, and takes the copy away; `false` when it may not be given them.
    pub(super) fn merge_view_copy(
        self: &Arc<Self>,
        file: &Arc<LiveFile>,
        row: &NodeRow,
        twin: AssetId,
    ) -> Result<bool, OpsError> {
        let Some(copy) = self.view_copies.get(row.id) else { return Ok(false) };
        let now = self.clock.now();
        let who = self.gate.who(&Identity::Member(copy.member))?;
        let actor = Actor::of_who(self, who, &Caller { uid: row.uid, gid: row.gid, process: 0 })?;
        let merged = self.catalog.write(|tx| -> Result<(), OpsError> {
            let Some(mut asset) = tx.asset(twin)? else { return Err(OpsError::NotFound(copy.name.clone())) };
            assign::change_asset(self, &actor, tx, &mut asset, &copy.changes(), &copy.name, now)?;
            for entry in tx.names_of(row.id)? {
                tx.remove_entry(entry.id)?;
            }
            let Some(mut node) = tx.node(row.id)? else { return Ok(()) };
            if let Some(provisional) = node.asset.take() {
                node.class = crate::catalog::NodeClass::Local;
                tx.put_node(&node)?;
                tx.remove_asset(provisional)?;
            }
            Ok(tx.remove_node(row.id)?)
        });
        self.view_copies.remove(row.id);
        match merged {
            Ok(()) => {
                self.live.let_go(self, file);
                Ok(true)
            }
            Err(OpsError::NotFound(_) | OpsError::Refused { .. }) => Ok(false),
            Err(e) => Err(e),
        }
    }
}

/// How a view's value gets into a record: added where several may be, put in place of the old one elsewhere.
#[must_use]
pub fn added(field: &Field, value: &str) -> FacetChange {
    if field.is_multi() { FacetChange::Add(value.to_owned()) } else { FacetChange::Replace(value.to_owned()) }
}
