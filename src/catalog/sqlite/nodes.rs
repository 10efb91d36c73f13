//! Nodes, names, extended attributes.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::convert::*;
use crate::catalog::{EntryRow, NodeClass, NodeRow, Xattr};
use crate::types::{EntryId, FileName, NodeId};

const NODE: &str =
    "n.id, n.kind, n.class, n.mode, n.uid, n.gid, n.size, n.atime, n.mtime, n.ctime, n.target, n.content, n.staged,
    n.asset, n.owner, n.made_by_process, n.made_at, n.mtime_set";

fn node_of(row: &Row<'_>, at: usize) -> R<NodeRow> {
    Ok(NodeRow {
        id: NodeId(get_u64(row, at)?),
        kind: get_kind(row, at + 1)?,
        class: get_class(row, at + 2)?,
        mode: get_u32(row, at + 3)?,
        uid: get_u32(row, at + 4)?,
        gid: get_u32(row, at + 5)?,
        size: get_u64(row, at + 6)?,
        atime: get_time(row, at + 7)?,
        mtime: get_time(row, at + 8)?,
        ctime: get_time(row, at + 9)?,
        target: row.get(at + 10)?,
        content: get_opt_content(row, at + 11)?,
        staged: row.get(at + 12)?,
        asset: get_opt_asset(row, at + 13)?,
        owner: get_opt_member(row, at + 14)?,
        made_by_process: get_u32(row, at + 15)?,
        made_at: get_time(row, at + 16)?,
        mtime_set: row.get(at + 17)?,
    })
}

pub(super) fn node(conn: &Connection, id: NodeId) -> R<Option<NodeRow>> {
    let mut statement = conn.prepare_cached(&format!("SELECT {NODE} FROM node n WHERE n.id = ?1"))?;
    let mut rows = statement.query([int(id.0)?])?;
    rows.next()?.map(|row| node_of(row, 0)).transpose()
}

pub(super) fn staged(conn: &Connection) -> R<Vec<NodeId>> {
    ids(conn, "SELECT id FROM node WHERE staged = 1 ORDER BY id")
}

pub(super) fn orphans(conn: &Connection) -> R<Vec<NodeId>> {
    ids(
        conn,
        "SELECT n.id FROM node n WHERE n.kind <> 1 AND NOT EXISTS (SELECT 1 FROM entry e WHERE e.node = n.id)
         AND NOT EXISTS (SELECT 1 FROM asset a WHERE a.node = n.id) ORDER BY n.id",
    )
}

fn ids(conn: &Connection, sql: &str) -> R<Vec<NodeId>> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push(NodeId(get_u64(row, 0)?));
    }
    Ok(out)
}

pub(super) fn of_class(conn: &Connection, class: NodeClass) -> R<Vec<NodeRow>> {
    let mut statement = conn.prepare_cached(&format!("SELECT {NODE} FROM node n WHERE n.class = ?1 ORDER BY n.id"))?;
    let mut rows = statement.query([put_class(class)])?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push(node_of(row, 0)?);
    }
    Ok(out)
}

pub(super) fn put_node(conn: &Connection, n: &NodeRow) -> R<()> {
    conn.prepare_cached(
        "INSERT INTO node (id, kind, class, mode, uid, gid, size, atime, mtime, ctime, target, content, staged, asset, owner,
             made_by_process, made_at, mtime_set)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
         ON CONFLICT (id) DO UPDATE SET kind = ?2, class = ?3, mode = ?4, uid = ?5, gid = ?6, size = ?7, atime = ?8, mtime = ?9,
             ctime = ?10, target = ?11, content = ?12, staged = ?13, asset = ?14, owner = ?15, made_by_process = ?16,
             made_at = ?17, mtime_set = ?18",
    )?
    .execute(params![
        int(n.id.0)?,
        put_kind(n.kind),
        put_class(n.class),
        n.mode,
        n.uid,
        n.gid,
        int(n.size)?,
        n.atime.as_nanos(),
        n.mtime.as_nanos(),
        n.ctime.as_nanos(),
        n.target,
        n.content.map(|c| c.0),
        n.staged,
        n.asset.map(|a| *a.as_bytes()),
        n.owner.map(|m| *m.as_bytes()),
        n.made_by_process,
        n.made_at.as_nanos(),
        n.mtime_set,
    ])?;
    Ok(())
}

pub(super) fn remove_node(conn: &Connection, id: NodeId) -> R<()> {
    let id = int(id.0)?;
    let held: bool = conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM entry WHERE node = ?1 OR parent = ?1) OR EXISTS (SELECT 1 FROM asset WHERE node = ?1)",
        )?
        .query_row([id], |r| r.get(0))?;
    if held {
        return Err(crate::catalog::CatalogError::Constraint(format!("node {id} is still held by a name or an asset")));
    }
    conn.prepare_cached("DELETE FROM xattr WHERE node = ?1")?.execute([id])?;
    conn.prepare_cached("DELETE FROM folder_rule WHERE folder = ?1")?.execute([id])?;
    conn.prepare_cached("DELETE FROM node WHERE id = ?1")?.execute([id])?;
    Ok(())
}

fn entry_of(row: &Row<'_>) -> R<EntryRow> {
    Ok(EntryRow {
        id: EntryId(get_u64(row, 0)?),
        parent: NodeId(get_u64(row, 1)?),
        name: get_name(row, 2)?,
        node: NodeId(get_u64(row, 3)?),
    })
}

pub(super) fn entry(conn: &Connection, parent: NodeId, name: &FileName) -> R<Option<EntryRow>> {
    let mut statement =
        conn.prepare_cached("SELECT id, parent, name, node FROM entry WHERE parent = ?1 AND name = ?2")?;
    let mut rows = statement.query(params![int(parent.0)?, name.as_bytes()])?;
    rows.next()?.map(entry_of).transpose()
}

pub(super) fn entries(conn: &Connection, parent: NodeId, after: EntryId, limit: usize) -> R<Vec<(EntryRow, NodeRow)>> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT e.id, e.parent, e.name, e.node, {NODE} FROM entry e JOIN node n ON n.id = e.node
         WHERE e.parent = ?1 AND e.id > ?2 ORDER BY e.id LIMIT ?3"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![int(parent.0)?, int(after.0)?, limit])?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push((entry_of(row)?, node_of(row, 4)?));
    }
    Ok(out)
}

pub(super) fn has_entries(conn: &Connection, parent: NodeId) -> R<bool> {
    Ok(conn
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM entry WHERE parent = ?1)")?
        .query_row([int(parent.0)?], |r| r.get(0))?)
}

pub(super) fn names_of(conn: &Connection, node: NodeId) -> R<Vec<EntryRow>> {
    let mut statement = conn.prepare_cached("SELECT id, parent, name, node FROM entry WHERE node = ?1 ORDER BY id")?;
    let mut rows = statement.query([int(node.0)?])?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push(entry_of(row)?);
    }
    Ok(out)
}

pub(super) fn add_entry(conn: &Connection, e: &EntryRow) -> R<()> {
    conn.prepare_cached("INSERT INTO entry (id, parent, name, node) VALUES (?1, ?2, ?3, ?4)")?.execute(params![
        int(e.id.0)?,
        int(e.parent.0)?,
        e.name.as_bytes(),
        int(e.node.0)?
    ])?;
    Ok(())
}

pub(super) fn repoint(conn: &Connection, entry: EntryId, node: NodeId) -> R<()> {
    let changed = conn
        .prepare_cached("UPDATE entry SET node = ?2 WHERE id = ?1")?
        .execute(params![int(entry.0)?, int(node.0)?])?;
    if changed == 1 {
        Ok(())
    } else {
        Err(crate::catalog::CatalogError::Constraint(format!("there is no entry {entry}")))
    }
}

pub(super) fn remove_entry(conn: &Connection, entry: EntryId) -> R<()> {
    conn.prepare_cached("DELETE FROM entry WHERE id = ?1")?.execute([int(entry.0)?])?;
    Ok(())
}

pub(super) fn xattr(conn: &Connection, node: NodeId, name: &[u8]) -> R<Option<Vec<u8>>> {
    Ok(conn
        .prepare_cached("SELECT value FROM xattr WHERE node = ?1 AND name = ?2")?
        .query_row(params![int(node.0)?, name], |r| r.get(0))
        .optional()?)
}

pub(super) fn xattrs(conn: &Connection, node: NodeId) -> R<Vec<Xattr>> {
    let mut statement = conn.prepare_cached("SELECT name, value FROM xattr WHERE node = ?1 ORDER BY name")?;
    let rows = statement.query_map([int(node.0)?], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn set_xattr(conn: &Connection, node: NodeId, name: &[u8], value: &[u8]) -> R<()> {
    conn.prepare_cached(
        "INSERT INTO xattr (node, name, value) VALUES (?1, ?2, ?3) ON CONFLICT (node, name) DO UPDATE SET value = ?3",
    )?
    .execute(params![int(node.0)?, name, value])?;
    Ok(())
}

pub(super) fn remove_xattr(conn: &Connection, node: NodeId, name: &[u8]) -> R<bool> {
    let n =
        conn.prepare_cached("DELETE FROM xattr WHERE node = ?1 AND name = ?2")?.execute(params![int(node.0)?, name])?;
    Ok(n > 0)
}
