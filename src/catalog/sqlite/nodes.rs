//! Nodes and their extended attributes.

use std::sync::LazyLock;

use rusqlite::{Connection, Row, ToSql, params};

use super::convert::Num;
use super::sql::{all, any, one, run, update};
use crate::catalog::rules::refused;
use crate::catalog::{CatalogError as E, NodeClass, NodeRow, NodeStat, Xattr};
use crate::types::NodeId;

/// The columns of table `node` (as `n`), in the order of [`from_row`].
macro_rules! node_columns {
    () => {
        "n.id, n.kind, n.class, n.mode, n.uid, n.gid, n.size, n.atime, n.mtime, n.ctime, n.target, n.content, n.staged,
         n.asset, n.owner, n.made_by_process, n.made_at, n.mtime_set"
    };
}
pub(super) use node_columns;

/// What the index of unsettled nodes holds, in its own words: by these it is found.
macro_rules! unsettled {
    () => {
        "(n.staged = 1 OR (n.class = 'asset' AND n.content IS NULL))"
    };
}

/// The columns of [`NodeStat`], in the order of [`stat_from_row`].
macro_rules! stat_columns {
    () => {
        "n.id, n.kind, n.mode, n.uid, n.gid, CASE n.kind WHEN 'symlink' THEN length(n.target) ELSE n.size END,
         n.atime, n.mtime, n.ctime"
    };
}
pub(super) use stat_columns;

/// Reads what `stat` needs from the columns that begin at `at`.
pub(super) fn stat_from_row(row: &Row<'_>, at: usize) -> rusqlite::Result<NodeStat> {
    Ok(NodeStat {
        id: row.get(at)?,
        kind: row.get(at + 1)?,
        mode: row.get(at + 2)?,
        uid: row.get(at + 3)?,
        gid: row.get(at + 4)?,
        size: row.get::<_, Option<Num>>(at + 5)?.map_or(0, |n| n.0),
        atime: row.get(at + 6)?,
        mtime: row.get(at + 7)?,
        ctime: row.get(at + 8)?,
    })
}

/// Reads a node from the columns that begin at `at`.
pub(super) fn from_row(row: &Row<'_>, at: usize) -> rusqlite::Result<NodeRow> {
    Ok(NodeRow {
        id: row.get(at)?,
        kind: row.get(at + 1)?,
        class: row.get(at + 2)?,
        mode: row.get(at + 3)?,
        uid: row.get(at + 4)?,
        gid: row.get(at + 5)?,
        size: row.get::<_, Num>(at + 6)?.0,
        atime: row.get(at + 7)?,
        mtime: row.get(at + 8)?,
        ctime: row.get(at + 9)?,
        target: row.get(at + 10)?,
        content: row.get(at + 11)?,
        staged: row.get(at + 12)?,
        asset: row.get(at + 13)?,
        owner: row.get(at + 14)?,
        made_by_process: row.get(at + 15)?,
        made_at: row.get(at + 16)?,
        mtime_set: row.get(at + 17)?,
    })
}

pub(super) fn get(conn: &Connection, id: NodeId) -> Result<Option<NodeRow>, E> {
    let sql = concat!("SELECT ", node_columns!(), " FROM node n WHERE n.id = ?1");
    one(conn, sql, [id], |row| from_row(row, 0))
}

pub(super) fn staged(conn: &Connection) -> Result<Vec<NodeId>, E> {
    let sql = concat!("SELECT n.id FROM node n WHERE n.staged = 1 AND ", unsettled!(), " ORDER BY n.id");
    all(conn, sql, [], |row| row.get(0))
}

pub(super) fn unwritten(conn: &Connection) -> Result<Vec<NodeRow>, E> {
    let sql = concat!(
        "SELECT ",
        node_columns!(),
        " FROM node n JOIN asset a ON a.id = n.asset
        WHERE n.class = 'asset' AND n.content IS NULL AND n.staged = 0 AND a.head IS NOT NULL AND ",
        unsettled!(),
        " ORDER BY n.id"
    );
    all(conn, sql, [], |row| from_row(row, 0))
}

pub(super) fn of_class(conn: &Connection, class: NodeClass) -> Result<Vec<NodeRow>, E> {
    let sql = match class {
        NodeClass::Asset => concat!("SELECT ", node_columns!(), " FROM node n WHERE n.class = ?1 ORDER BY n.id"),
        // The index is of these alone, and has to be told so.
        _ => {
            concat!("SELECT ", node_columns!(), " FROM node n WHERE n.class = ?1 AND n.class <> 'asset' ORDER BY n.id")
        }
    };
    all(conn, sql, [class], |row| from_row(row, 0))
}

pub(super) fn orphans(conn: &Connection) -> Result<Vec<NodeId>, E> {
    let sql = "SELECT n.id FROM node n
        WHERE n.kind <> 'dir'
          AND NOT EXISTS (SELECT 1 FROM entry e WHERE e.node = n.id)
          AND NOT EXISTS (SELECT 1 FROM asset a WHERE a.node = n.id)
        ORDER BY n.id";
    all(conn, sql, [], |row| row.get(0))
}

/// The same columns by themselves.
static COLUMNS: LazyLock<Vec<&str>> =
    LazyLock::new(|| node_columns!().split(',').map(|column| column.trim().trim_start_matches("n.")).collect());

static INSERT: LazyLock<String> = LazyLock::new(|| {
    let places: Vec<String> = (1..=COLUMNS.len()).map(|n| format!("?{n}")).collect();
    format!("INSERT INTO node ({}) VALUES ({})", COLUMNS.join(", "), places.join(", "))
});

pub(super) fn put(conn: &Connection, old: Option<&NodeRow>, new: &NodeRow) -> Result<(), E> {
    with_row(new, |is| match old {
        Some(old) => with_row(old, |was| update(conn, "node", &COLUMNS, was, is)),
        None => run(conn, &INSERT, is).map(drop),
    })
}

/// Gives the values of a node's columns to `f`, in the order of [`from_row`].
fn with_row<T>(node: &NodeRow, f: impl FnOnce(&[&dyn ToSql]) -> T) -> T {
    f(params![
        node.id,
        node.kind,
        node.class,
        node.mode,
        node.uid,
        node.gid,
        Num(node.size),
        node.atime,
        node.mtime,
        node.ctime,
        node.target,
        node.content,
        node.staged,
        node.asset,
        node.owner,
        node.made_by_process,
        node.made_at,
        node.mtime_set,
    ])
}

pub(super) fn remove(conn: &Connection, id: NodeId) -> Result<(), E> {
    if any(conn, "SELECT 1 FROM entry WHERE node = ?1", [id])?
        || any(conn, "SELECT 1 FROM entry WHERE parent = ?1", [id])?
    {
        return refused(format!("node {id} still has a name or names in it"));
    }
    if any(conn, "SELECT 1 FROM asset WHERE node = ?1", [id])? {
        return refused(format!("node {id} holds the bytes of an asset"));
    }
    run(conn, "DELETE FROM node WHERE id = ?1", [id]).map(drop)
}

pub(super) fn xattr(conn: &Connection, node: NodeId, name: &[u8]) -> Result<Option<Vec<u8>>, E> {
    one(conn, "SELECT value FROM xattr WHERE node = ?1 AND name = ?2", params![node, name], |row| row.get(0))
}

pub(super) fn xattrs(conn: &Connection, node: NodeId) -> Result<Vec<Xattr>, E> {
    let sql = "SELECT name, value FROM xattr WHERE node = ?1 ORDER BY name";
    all(conn, sql, [node], |row| Ok((row.get(0)?, row.get(1)?)))
}

pub(super) fn set_xattr(conn: &Connection, node: NodeId, name: &[u8], value: &[u8]) -> Result<(), E> {
    let sql = "INSERT INTO xattr (node, name, value) VALUES (?1, ?2, ?3)
        ON CONFLICT (node, name) DO UPDATE SET value = excluded.value";
    run(conn, sql, params![node, name, value]).map(drop)
}

pub(super) fn remove_xattr(conn: &Connection, node: NodeId, name: &[u8]) -> Result<bool, E> {
    Ok(run(conn, "DELETE FROM xattr WHERE node = ?1 AND name = ?2", params![node, name])? > 0)
}
