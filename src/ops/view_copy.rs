//! A file copied into a view: when its bytes and name are those of an asset there is no second copy, the asset gets the view's values.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;

use super::library::Library;
use super::live::LiveFile;
use super::settle::Settled;
use super::value::FacetChange;
use super::{Actor, OpsError, assets, assign, trail};
use crate::access::Identity;
use crate::catalog::{CatalogError, NodeClass, NodeRow};
use crate::policy::{Field, Verb};
use crate::types::{AssetId, Caller, Content, MemberId, NodeId};
use crate::view::tree::Tree;

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

    /// Whether a node is one.
    #[must_use]
    pub fn waits(&self, node: NodeId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&node)
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
    /// Settles a copy into a view that its writer has closed, without waiting for quiet: the view is true the sooner. Takes as long as
    /// reading the bytes does. Returns the asset that it turned out to be a copy of.
    pub fn settle_view_copy(self: &Arc<Self>, node: NodeId) -> Option<AssetId> {
        let held = self.live.open(self, node, None).ok().filter(|held| held.is_ripe(self.clock.now(), 0))?;
        match self.settle_file(&held) {
            Ok(Settled::Tagged(twin)) => Some(twin),
            Ok(_) => None,
            Err(e) => {
                tracing::error!(%node, error = %e, "a copy into a view could not be settled; its bytes stay staged");
                None
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
                let named = Tree::new(tx, &who.subject, Some(who.id)).name_of(&asset)? == copy.name
                    || match asset.node {
                        Some(node) => tx.names_of(node)?.iter().any(|e| e.name.as_bytes() == copy.name.as_bytes()),
                        None => false,
                    };
                if named
                    && asset.trashed.is_none()
                    && self.gate.decide(&who, Verb::List, &asset).allowed
                    && copy.changes().iter().all(|(field, change)| {
                        self.gate.decide(&who, assign::verb_for(self, field, change, &asset), &asset).allowed
                    })
                {
                    return Ok(Some(id));
                }
            }
            Ok(None)
        })
    }

    /// Gives the twin the view's values, through the rules of `dam set`, and takes the copy away, unless somebody writes to it again. A copy
    /// whose maker may not give them after all stays a file of its own.
    pub(super) fn merge_view_copy(
        &self,
        file: &LiveFile,
        generation: u64,
        row: &NodeRow,
        twin: AssetId,
    ) -> Result<Settled, OpsError> {
        let Some(copy) = self.view_copies.get(row.id) else { return Ok(Settled::Later) };
        let now = self.clock.now();
        let who = self.gate.who(&Identity::Member(copy.member))?;
        let actor = Actor::of_who(self, who, &Caller { uid: row.uid, gid: row.gid, process: 0 })?;
        let merged = file.take_away(generation, || {
            self.catalog.write(|tx| -> Result<bool, OpsError> {
                let Some(mut asset) = tx.asset(twin)?.filter(|a| a.trashed.is_none()) else { return Ok(false) };
                let Some(mut node) = tx.node(row.id)?.filter(|n| n.asset == row.asset) else { return Ok(false) };
                let provisional = node.asset.map(|id| tx.asset(id)).transpose()?.flatten();
                let Some(provisional) = provisional.filter(|a| a.head.is_none()) else { return Ok(false) };
                assign::change_asset(self, &actor, tx, &mut asset, &copy.changes(), &copy.name, now)?;
                for entry in tx.names_of(row.id)? {
                    assets::unlink_entry(tx, &entry, now)?;
                }
                node.class = NodeClass::Local;
                node.asset = None;
                tx.put_node(&node)?;
                let detail = json!({ "name": provisional.view_name, "twin": twin.to_string() });
                trail::asset(tx, &actor.hand(now), "drop", provisional.id, &detail)?;
                assets::discard(tx, &provisional)?;
                tx.remove_node(row.id)?;
                Ok(true)
            })
        });
        match merged {
            Ok(false) => Ok(Settled::Later),
            Ok(true) => {
                self.view_copies.remove(row.id);
                Ok(Settled::Tagged(twin))
            }
            Err(
                OpsError::NotFound(_) | OpsError::Refused { .. } | OpsError::Barred { .. } | OpsError::NoTerm { .. },
            ) => {
                self.view_copies.remove(row.id);
                Ok(Settled::Later)
            }
            Err(e) => Err(e),
        }
    }
}

/// How a view's value gets into a record: added where several may be, put in place of the old one elsewhere.
#[must_use]
pub fn added(field: &Field, value: &str) -> FacetChange {
    if field.is_multi() { FacetChange::Add(value.to_owned()) } else { FacetChange::Replace(value.to_owned()) }
}
