//! The tree below `library/`: from a path to a node, from a node to its path, and folders made on the way.

use std::collections::HashMap;

use serde_json::json;

use super::record::Hand;
use super::{OpsError, trail};
use crate::catalog::journal::Cause;
use crate::catalog::{
    Asset, CatalogError, ChangeKind, Counter, EntryRow, NodeClass, NodeKind, NodeRow, ReadTx, WriteTx,
};
use crate::types::{EntryId, FileName, MemberId, NodeId, Timestamp};

/// Who makes nodes, by what, and when.
#[derive(Debug, Clone, Copy)]
pub struct Maker {
    pub uid: u32,
    pub gid: u32,
    pub member: Option<MemberId>,
    pub cause: Cause,
    pub now: Timestamp,
}

impl Maker {
    /// Who changes records.
    #[must_use]
    pub const fn hand(&self) -> Hand {
        Hand { by: self.member, cause: self.cause, now: self.now }
    }
}

/// The parts of a path below `library/`; the word `library` itself, slashes at either end and doubled ones do not count.
///
/// # Errors
/// When a part is no file name (`..`, too long).
pub fn parts(path: impl AsRef<[u8]>) -> Result<Vec<FileName>, OpsError> {
    let parts = path.as_ref().split(|byte| *byte == b'/').filter(|part| !part.is_empty());
    let mut parts = parts.peekable();
    parts.next_if_eq(&b"library".as_slice());
    parts.map(|part| FileName::new(part).map_err(OpsError::from)).collect()
}

/// The node at a path (`library/a/b.png`, `a/b.png`), if there is one. `library` is the root.
///
/// # Errors
/// When the path is none, or the catalogue fails.
pub fn resolve(tx: &dyn ReadTx, path: &str) -> Result<Option<NodeRow>, OpsError> {
    node_at(tx, &parts(path)?)
}

/// As [`resolve`], by the names of the path.
///
/// # Errors
/// When the catalogue fails.
pub fn node_at(tx: &dyn ReadTx, names: &[FileName]) -> Result<Option<NodeRow>, OpsError> {
    let mut at = NodeId::LIBRARY;
    for part in names {
        match tx.entry(at, part)? {
            Some(entry) => at = entry.node,
            None => return Ok(None),
        }
    }
    Ok(tx.node(at)?)
}

/// The folder at a path, made with its parents where it is missing. The empty path is `library/` itself.
///
/// # Errors
/// When a part of the path is a file, or the catalogue fails.
pub fn ensure_folder(tx: &mut dyn WriteTx, path: &str, maker: &Maker) -> Result<NodeId, OpsError> {
    ensure_folders(tx, &parts(path)?, maker)?.ok_or_else(|| {
        OpsError::usage(format!("a part of `{path}` is a file, not a folder"), "choose another folder with --into")
    })
}

/// As [`ensure_folder`], by the names of the folders; `None` when one of them is a file.
///
/// # Errors
/// When the catalogue fails.
pub fn ensure_folders(tx: &mut dyn WriteTx, names: &[FileName], maker: &Maker) -> Result<Option<NodeId>, CatalogError> {
    let mut at = NodeId::LIBRARY;
    for name in names {
        let found = match tx.entry(at, name)? {
            Some(entry) => tx.node(entry.node)?,
            None => None,
        };
        at = match found {
            Some(node) if node.kind == NodeKind::Dir => node.id,
            Some(_) => return Ok(None),
            None => {
                let node = fresh_node(tx, NodeKind::Dir, maker)?;
                tx.put_node(&node)?;
                tx.change(ChangeKind::Node, &node.id.to_string())?;
                let entry = link(tx, at, name, node.id, maker.now)?;
                trail::at(tx, &maker.hand(), "create", (&node, &entry), json!({}))?;
                node.id
            }
        };
    }
    Ok(Some(at))
}

/// A new node's row, not stored yet: no bytes, no asset.
///
/// # Errors
/// When the catalogue fails.
pub fn fresh_node(tx: &mut dyn WriteTx, kind: NodeKind, maker: &Maker) -> Result<NodeRow, CatalogError> {
    Ok(node_row(NodeId(tx.next(Counter::Node)?), kind, maker))
}

/// As [`fresh_node`], with a number that was taken before.
#[must_use]
pub fn node_row(id: NodeId, kind: NodeKind, maker: &Maker) -> NodeRow {
    NodeRow {
        id,
        kind,
        class: NodeClass::Plain,
        mode: if kind == NodeKind::Dir { 0o755 } else { 0o644 },
        uid: maker.uid,
        gid: maker.gid,
        size: 0,
        atime: maker.now,
        mtime: maker.now,
        ctime: maker.now,
        target: None,
        content: None,
        staged: false,
        asset: None,
        owner: maker.member,
        made_by_process: 0,
        made_at: maker.now,
        mtime_set: false,
    }
}

/// The set-group-ID bit.
const SET_GROUP: u32 = 0o2000;

/// The maker of something in this folder: one with the set-group-ID bit gives its group to what is made in it.
#[must_use]
pub fn maker_in(folder: &NodeRow, maker: &Maker) -> Maker {
    Maker { gid: if folder.mode & SET_GROUP == 0 { maker.gid } else { folder.gid }, ..*maker }
}

/// The mode of a folder made in another: the set-group-ID bit is passed on.
#[must_use]
pub fn folder_mode(parent: &NodeRow, mode: u32) -> u32 {
    (mode & 0o7777) | (parent.mode & SET_GROUP)
}

/// Gives a node a name; the folder's times move with it.
///
/// # Errors
/// When the name is taken, or the catalogue fails.
pub fn link(
    tx: &mut dyn WriteTx,
    parent: NodeId,
    name: &FileName,
    node: NodeId,
    now: Timestamp,
) -> Result<EntryRow, CatalogError> {
    let entry = EntryRow { id: EntryId(tx.next(Counter::Entry)?), parent, name: name.clone(), node };
    tx.add_entry(&entry)?;
    tx.change(ChangeKind::Entry, &entry_change_id(parent, name))?;
    if let Some(mut folder) = tx.node(parent)? {
        folder.mtime = now;
        folder.ctime = now;
        tx.put_node(&folder)?;
        tx.change(ChangeKind::Node, &parent.to_string())?;
    }
    Ok(entry)
}

/// Bytes as text that holds no slash and no space: all but letters, digits and `-_.~` percent-encoded.
#[must_use]
pub fn escape(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// As [`escape`], name by name.
#[must_use]
pub fn escape_path(path: &[u8]) -> String {
    path.split(|byte| *byte == b'/').map(escape).collect::<Vec<_>>().join("/")
}

/// The other way of [`escape`].
#[must_use]
pub fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte == b'%' {
            let hex = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(hex, 16).ok()?);
            rest = tail.get(2..)?;
        } else {
            bytes.push(byte);
        }
    }
    Some(bytes)
}

/// Bytes in hexadecimal: how JSON tells of a path that is no text.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The other way of [`hex`].
#[must_use]
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    text.len().is_multiple_of(2).then(|| text.as_bytes().chunks(2).map(byte).collect()).flatten()
}

/// How the change feed names an entry: the folder's number, a slash, the name percent-encoded.
#[must_use]
pub fn entry_change_id(parent: NodeId, name: &FileName) -> String {
    format!("{parent}/{}", escape(name.as_bytes()))
}

/// The entry that a change is about; the other way of [`entry_change_id`].
#[must_use]
pub fn parse_entry_change_id(id: &str) -> Option<(NodeId, FileName)> {
    let (parent, name) = id.split_once('/')?;
    Some((NodeId(parent.parse().ok()?), FileName::new(unescape(name)?).ok()?))
}

/// `library/a/b.png` of a node, or `None` when it has no name below `library/` (trash, inbox).
///
/// # Errors
/// When the catalogue fails.
pub fn path_of(tx: &dyn ReadTx, node: NodeId) -> Result<Option<String>, CatalogError> {
    Paths::default().of(tx, node)
}

/// The one name of a node below `library/`.
///
/// # Errors
/// When the catalogue fails.
pub fn entry_of(tx: &dyn ReadTx, node: NodeId) -> Result<Option<EntryRow>, CatalogError> {
    for entry in tx.names_of(node)? {
        if ancestors(tx, entry.parent)?.last() == Some(&NodeId::LIBRARY) {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

/// As [`path_of`], of an asset's file.
///
/// # Errors
/// When the catalogue fails.
pub fn path_of_asset(tx: &dyn ReadTx, asset: &Asset) -> Result<Option<String>, CatalogError> {
    asset.node.map_or(Ok(None), |node| path_of(tx, node))
}

/// Paths of many nodes of one state; each folder is walked once.
#[derive(Debug, Default)]
pub struct Paths {
    folders: HashMap<NodeId, Option<Vec<u8>>>,
}

impl Paths {
    /// Paths below `inbox/`, too.
    #[must_use]
    pub fn with_inbox() -> Self {
        Self { folders: HashMap::from([(NodeId::INBOX, Some(b"inbox".to_vec()))]) }
    }

    /// As [`path_of`].
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn of(&mut self, tx: &dyn ReadTx, node: NodeId) -> Result<Option<String>, CatalogError> {
        Ok(self.bytes_of(tx, node)?.map(|path| String::from_utf8_lossy(&path).into_owned()))
    }

    /// As [`path_of`], also of names that are no text.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn bytes_of(&mut self, tx: &dyn ReadTx, node: NodeId) -> Result<Option<Vec<u8>>, CatalogError> {
        if node == NodeId::LIBRARY {
            return Ok(Some(b"library".to_vec()));
        }
        for entry in tx.names_of(node)? {
            if let Some(folder) = self.folder(tx, entry.parent)? {
                return Ok(Some([&folder, b"/".as_slice(), entry.name.as_bytes()].concat()));
            }
        }
        Ok(None)
    }

    /// The path of a folder.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn folder(&mut self, tx: &dyn ReadTx, folder: NodeId) -> Result<Option<Vec<u8>>, CatalogError> {
        if let Some(known) = self.folders.get(&folder) {
            return Ok(known.clone());
        }
        let path = self.bytes_of(tx, folder)?;
        self.folders.insert(folder, path.clone());
        Ok(path)
    }
}

/// What the hidden folder of a virtual directory's local files is called below [`NodeId::LOCALS`]: a hash of the directory's path, since
/// paths are longer than names may be.
///
/// # Errors
/// Never.
pub fn local_name(path: &str) -> Result<FileName, OpsError> {
    Ok(FileName::try_from(blake3::hash(path.as_bytes()).to_hex().as_str())?)
}

/// Everything in a folder, however deep; folders come before what is in them.
///
/// # Errors
/// When the catalogue fails.
pub fn below(tx: &dyn ReadTx, folder: NodeId) -> Result<Vec<(EntryRow, NodeRow)>, CatalogError> {
    let mut found = tx.entries(folder, EntryId(0), usize::MAX)?;
    let mut at = 0;
    while let Some((_, node)) = found.get(at) {
        if node.kind == NodeKind::Dir {
            found.extend(tx.entries(node.id, EntryId(0), usize::MAX)?);
        }
        at += 1;
    }
    Ok(found)
}

/// The folders above a node, nearest first, up to and including `library/`.
///
/// # Errors
/// When the catalogue fails.
pub fn ancestors(tx: &dyn ReadTx, folder: NodeId) -> Result<Vec<NodeId>, CatalogError> {
    let mut line = vec![folder];
    let mut at = folder;
    while at != NodeId::LIBRARY {
        match tx.names_of(at)?.first() {
            // A loop cannot be made by rename; a damaged catalogue must not hang us.
            Some(entry) if !line.contains(&entry.parent) => at = entry.parent,
            _ => break,
        }
        line.push(at);
    }
    Ok(line)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_entry_change_reads_back() {
        let name = FileName::new(b"a b/%\xff.png".iter().copied().filter(|b| *b != b'/').collect::<Vec<_>>()).unwrap();
        let id = entry_change_id(NodeId(17), &name);
        assert_eq!(id, "17/a%20b%25%FF.png");
        assert_eq!(parse_entry_change_id(&id), Some((NodeId(17), name)));
        assert_eq!(parse_entry_change_id("17/%4"), None);
    }

    #[test]
    fn a_path_has_parts_and_never_leads_out() {
        let names = |p: &str| parts(p).map(|v| v.iter().map(FileName::to_text).collect::<Vec<_>>());
        assert_eq!(names("library/a//b.png").unwrap(), ["a", "b.png"]);
        assert_eq!(names("/a/b/").unwrap(), ["a", "b"]);
        assert_eq!(names("libraryx").unwrap(), ["libraryx"]);
        assert!(names("library").unwrap().is_empty());
        assert!(names("library/../etc").is_err());
    }
}
