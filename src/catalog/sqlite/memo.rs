//! Rows that a transaction has read or written, so that it need not ask for them again: the steps of one call look at the same folder over
//! and over.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::Hash;

use crate::catalog::{Asset, CatalogError as E, EntryRow, FolderRule, MemberRow, NodeRow};
use crate::types::{AssetId, MemberId, NodeId};

/// More than a call of the filesystem looks at. A walk over everything does not keep all of it.
const MOST: usize = 64;

/// Rows by their keys, as the transaction sees them: it alone writes, and says here what.
pub(super) struct Known<K, T>(RefCell<HashMap<K, T>>);

impl<K, T> Default for Known<K, T> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<K: Eq + Hash, T: Clone> Known<K, T> {
    /// What is known, else what `ask` finds.
    pub(super) fn get(&self, key: K, ask: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        if let Some(known) = self.0.borrow().get(&key) {
            return Ok(known.clone());
        }
        let found = ask()?;
        self.put(key, found.clone());
        Ok(found)
    }

    pub(super) fn put(&self, key: K, row: T) {
        let mut rows = self.0.borrow_mut();
        if rows.len() >= MOST {
            rows.clear();
        }
        rows.insert(key, row);
    }

    pub(super) fn forget(&self, key: &K) {
        self.0.borrow_mut().remove(key);
    }

    pub(super) fn forget_all(&self) {
        self.0.borrow_mut().clear();
    }
}

/// What one transaction knows.
#[derive(Default)]
pub(super) struct Memo {
    pub assets: Known<AssetId, Option<Asset>>,
    pub nodes: Known<NodeId, Option<NodeRow>>,
    /// The names of a node.
    pub names: Known<NodeId, Vec<EntryRow>>,
    pub rules: Known<NodeId, Vec<FolderRule>>,
    pub members: Known<MemberId, Option<MemberRow>>,
}
