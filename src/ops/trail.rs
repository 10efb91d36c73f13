//! What the audit log says of calls: one row for each thing that a call changes, in the transaction that changes it.
//!
//! A thing is an asset, a folder, a link, a word of a vocabulary, or a file that is no asset yet or no more (waiting in the inbox, a
//! backup). Local files (scratch, locks, junk, pipes, sockets) have no rows, and neither have bytes: these have the row of their version.

use serde_json::{Value, json};

use super::CHAIN;
use super::folders::Paths;
use super::record::Hand;
use crate::audit;
use crate::catalog::journal::Signature;
use crate::catalog::{Asset, CatalogError, EntryRow, NodeClass, NodeKind, NodeRow, ReadTx, WriteTx};
use crate::policy::Field;
use crate::types::{AssetId, FileName};
use crate::view::class::{NameClass, classify};

/// Appends a row by whoever's hand it is, and signs the transaction for the journal: by damfs itself when it is no member's.
///
/// # Errors
/// When the catalogue fails.
pub fn append(
    tx: &mut dyn WriteTx,
    hand: &Hand,
    action: &str,
    subject: &str,
    detail: &Value,
) -> Result<(), CatalogError> {
    tx.sign(&Signature { by: hand.by, cause: hand.cause, at: hand.now });
    let actor = match hand.by {
        Some(id) => tx.member(id)?.map_or_else(|| id.to_string(), |m| m.name),
        None => "damfs".to_owned(),
    };
    audit::append(tx, CHAIN, hand.now, &actor, action, subject, detail)
}

/// Appends a row about an asset.
///
/// # Errors
/// When the catalogue fails.
pub fn asset(
    tx: &mut dyn WriteTx,
    hand: &Hand,
    what: &str,
    asset: AssetId,
    detail: &Value,
) -> Result<(), CatalogError> {
    append(tx, hand, &format!("asset.{what}"), &asset.to_string(), detail)
}

/// Appends a row about what has a name, with its path in front of the detail.
///
/// # Errors
/// When the catalogue fails.
pub fn at(
    tx: &mut dyn WriteTx,
    hand: &Hand,
    what: &str,
    (node, entry): (&NodeRow, &EntryRow),
    detail: Value,
) -> Result<(), CatalogError> {
    let Some((kind, id)) = thing(node, Some(&entry.name)) else { return Ok(()) };
    let detail = before(json!({ "path": path(tx, entry)? }), detail);
    append(tx, hand, &format!("{kind}.{what}"), &id, &detail)
}

/// As [`at`], wherever the node is; an asset in the trash has no path.
///
/// # Errors
/// When the catalogue fails.
pub fn named(tx: &mut dyn WriteTx, hand: &Hand, what: &str, node: &NodeRow, detail: Value) -> Result<(), CatalogError> {
    let entry = tx.names_of(node.id)?.into_iter().next();
    let Some((kind, id)) = thing(node, entry.as_ref().map(|e| &e.name)) else { return Ok(()) };
    let path = match &entry {
        Some(entry) => Some(path(tx, entry)?),
        // `library/` and `inbox/` have no names.
        None => Paths::with_inbox().folder(tx, node.id)?.map(|path| String::from_utf8_lossy(&path).into_owned()),
    };
    append(tx, hand, &format!("{kind}.{what}"), &id, &before(json!({ "path": path }), detail))
}

/// Appends the row of a rename: of what it is afterwards, or was, when it has become a local file.
///
/// # Errors
/// When the catalogue fails.
pub fn moved(
    tx: &mut dyn WriteTx,
    hand: &Hand,
    (old, from): (&NodeRow, &EntryRow),
    (new, to): (&NodeRow, &EntryRow),
) -> Result<(), CatalogError> {
    let thing = thing(new, Some(&to.name)).or_else(|| thing(old, Some(&from.name)));
    let Some((kind, id)) = thing else { return Ok(()) };
    let mut paths = Paths::with_inbox();
    let detail = json!({ "from": path_among(&mut paths, tx, from)?, "to": path_among(&mut paths, tx, to)? });
    append(tx, hand, &format!("{kind}.move"), &id, &detail)
}

/// Appends a row about a word of a vocabulary.
///
/// # Errors
/// When the catalogue fails.
pub fn word(tx: &mut dyn WriteTx, hand: &Hand, what: &str, field: &Field, word: &str) -> Result<(), CatalogError> {
    append(tx, hand, &format!("word.{what}"), &format!("{field}={word}"), &json!({}))
}

/// Where a file came from that is an asset's from now on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Origin<'a> {
    /// The name that it had before.
    pub from: Option<&'a EntryRow>,
    /// The view whose values it gets.
    pub view: Option<&'a str>,
}

impl Origin<'_> {
    /// What a row says of it.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn detail(&self, tx: &dyn ReadTx, asset: &Asset, entry: &EntryRow) -> Result<Value, CatalogError> {
        let mut detail = json!({ "name": asset.view_name, "path": path(tx, entry)? });
        if let Some(from) = self.from {
            detail["from"] = path(tx, from)?.into();
        }
        if let Some(view) = self.view {
            detail["view"] = view.into();
        }
        Ok(detail)
    }
}

/// How rows call a node, and by which id; nothing for a local file.
fn thing(node: &NodeRow, name: Option<&FileName>) -> Option<(&'static str, String)> {
    let ordinary = |name| matches!(classify(name), NameClass::Ordinary | NameClass::Sidecar);
    let kind = match (node.kind, node.class) {
        (NodeKind::Dir, _) => "folder",
        (NodeKind::File, NodeClass::Asset) => return node.asset.map(|id| ("asset", id.to_string())),
        (NodeKind::File, NodeClass::Aside | NodeClass::Inbox) => "file",
        (NodeKind::Symlink, _) if name.is_some_and(ordinary) => "link",
        _ => return None,
    };
    Some((kind, node.id.to_string()))
}

/// The path of a name: below `library/`, `inbox/`, or the view that it is local to.
///
/// # Errors
/// When the catalogue fails.
pub fn path(tx: &dyn ReadTx, entry: &EntryRow) -> Result<String, CatalogError> {
    path_among(&mut Paths::with_inbox(), tx, entry)
}

fn path_among(paths: &mut Paths, tx: &dyn ReadTx, entry: &EntryRow) -> Result<String, CatalogError> {
    let folder = match paths.folder(tx, entry.parent)? {
        Some(path) => path,
        None => tx.node(entry.parent)?.and_then(|folder| folder.target).unwrap_or_default(),
    };
    Ok(String::from_utf8_lossy(&[&folder, b"/".as_slice(), entry.name.as_bytes()].concat()).into_owned())
}

/// The fields of the second behind those of the first.
fn before(mut first: Value, second: Value) -> Value {
    if let (Some(first), Value::Object(second)) = (first.as_object_mut(), second) {
        first.extend(second);
    }
    first
}
