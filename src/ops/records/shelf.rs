//! `records/.library.json`: what the catalogue knows beside the assets, and nobody could make again from the files.

use std::collections::{BTreeMap, BTreeSet};

use damfs_policy::Field;
use serde::{Deserialize, Serialize};

use crate::catalog::{CatalogError, NodeClass, NodeKind, ReadTx};
use crate::ops::folders::{self, Paths};
use crate::types::Rfc3339;
use crate::view::tree::saved::Saved;
use crate::view::tree::{self, Tree};

/// The version of the text.
const FORMAT: u32 = 1;

/// Rules of folders, words that wait for their first asset, and the saved queries that whoever asks sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelf {
    /// The version of the text.
    pub library: u32,
    /// What is filed below them gets these values.
    pub folders: Vec<Ruled>,
    /// By facet.
    pub words: BTreeMap<String, BTreeSet<String>>,
    pub saved: Vec<Kept>,
}

/// A saved query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub name: String,
    pub owner: String,
    pub query: Option<String>,
    /// Whose members see it as well.
    #[serde(rename = "for")]
    pub roles: BTreeSet<String>,
    pub until: Option<Rfc3339>,
    pub since: Rfc3339,
}

/// A folder with rules.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ruled {
    /// Its path, each name percent-encoded.
    pub path: String,
    /// By facet.
    pub rules: BTreeMap<String, String>,
}

impl Shelf {
    /// What the catalogue knows, for who sees everything.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn of(tx: &dyn ReadTx, seen: &Tree<'_>) -> Result<Self, CatalogError> {
        let mut paths = Paths::default();
        let mut ruled = Vec::new();
        for node in tx.nodes_of_class(NodeClass::Plain)?.into_iter().filter(|node| node.kind == NodeKind::Dir) {
            let rules: BTreeMap<_, _> =
                tx.folder_rules(node.id)?.into_iter().map(|rule| (rule.facet, rule.value)).collect();
            if rules.is_empty() {
                continue;
            }
            if let Some(path) = paths.folder(tx, node.id)? {
                ruled.push(Ruled { path: folders::escape_path(&path), rules });
            }
        }
        ruled.sort();
        let mut words = BTreeMap::new();
        for field in Field::ALL.iter().filter(|field| tree::takes_words(field)) {
            let known: BTreeSet<String> = tx.vocabulary(&field.to_string())?.into_iter().collect();
            if !known.is_empty() {
                words.insert(field.to_string(), known);
            }
        }
        let kept = |saved: Saved| Kept {
            name: saved.row.name,
            owner: saved.owner,
            query: saved.row.query,
            roles: saved.row.roles,
            until: saved.row.until.map(Rfc3339),
            since: Rfc3339(saved.row.since),
        };
        Ok(Self { library: FORMAT, folders: ruled, words, saved: seen.saved()?.into_iter().map(kept).collect() })
    }

    /// Reads the text of the file.
    ///
    /// # Errors
    /// Why it is none, in a sentence.
    pub fn read(text: &[u8]) -> Result<Self, String> {
        let shelf: Self = serde_json::from_slice(text).map_err(|e| format!("it is no record of a library: {e}"))?;
        match shelf.library {
            FORMAT => Ok(shelf),
            version => Err(format!("a newer damfs wrote it: version {version}; this one knows {FORMAT}")),
        }
    }

    /// The text, as it stands in the file.
    ///
    /// # Errors
    /// Never.
    pub fn text(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}
