//! Names in directories, and the tunnels of names that went away.

use damfs_policy::Expr;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};

use super::nodes::{self, node_columns, stat_columns};
use super::query::Filter;
use super::sql::{all, any, cursor, limit, one, run};
use crate::catalog::rules::refused;
use crate::catalog::{CatalogError as E, EntryRow, FolderRow, NodeRow, TunnelRow};
use crate::types::{AssetId, EntryId, FileName, MemberId, NodeId, Timestamp};

fn from_row(row: &Row<'_>) -> rusqlite::Result<EntryRow> {
    Ok(EntryRow { id: row.get(0)?, parent: row.get(1)?, name: row.get(2)?, node: row.get(3)? })
}

pub(super) fn get(conn: &Connection, parent: NodeId, name: &FileName) -> Result<Option<EntryRow>, E> {
    let sql = "SELECT id, parent, name, node FROM entry WHERE parent = ?1 AND name = ?2";
    one(conn, sql, params![parent, name], from_row)
}

pub(super) fn by_id(conn: &Connection, id: EntryId) -> Result<Option<EntryRow>, E> {
    one(conn, "SELECT id, parent, name, node FROM entry WHERE id = ?1", [id], from_row)
}

pub(super) fn list(
    conn: &Connection,
    parent: NodeId,
    after: EntryId,
    rows: usize,
) -> Result<Vec<(EntryRow, NodeRow)>, E> {
    let sql = concat!(
        "SELECT e.id, e.parent, e.name, e.node, ",
        node_columns!(),
        " FROM entry e JOIN node n ON n.id = e.node WHERE e.parent = ?1 AND e.id > ?2 ORDER BY e.id LIMIT ?3"
    );
    all(conn, sql, params![parent, cursor(after.0), limit(rows)], |row| Ok((from_row(row)?, nodes::from_row(row, 4)?)))
}

pub(super) fn named(conn: &Connection, parent: NodeId, beginning: &[u8]) -> Result<Vec<EntryRow>, E> {
    // No name is longer than 255 bytes, and this is more than any of them goes on with.
    let end = [beginning, [0xff; 256].as_slice()].concat();
    let sql = "SELECT id, parent, name, node FROM entry WHERE parent = ?1 AND name >= ?2 AND name < ?3 ORDER BY name";
    all(conn, sql, params![parent, beginning, end], from_row)
}

pub(super) fn folder_rows(conn: &Connection, parent: NodeId, after: EntryId, rows: usize) -> Result<Vec<FolderRow>, E> {
    let sql = concat!(
        "SELECT e.id, e.name, ",
        stat_columns!(),
        " FROM entry e JOIN node n ON n.id = e.node WHERE e.parent = ?1 AND e.id > ?2 ORDER BY e.id LIMIT ?3"
    );
    all(conn, sql, params![parent, cursor(after.0), limit(rows)], |row| {
        Ok(FolderRow { entry: row.get(0)?, name: row.get(1)?, node: nodes::stat_from_row(row, 2)? })
    })
}

pub(super) fn has_any(conn: &Connection, parent: NodeId) -> Result<bool, E> {
    any(conn, "SELECT 1 FROM entry WHERE parent = ?1", [parent])
}

/// The folder and those below it, then what lies in each, nearest first and only as far as it is asked. CROSS JOIN keeps to this order.
const BELOW: &str = "WITH RECURSIVE below (folder) AS (
        SELECT ? UNION ALL
        SELECT e.node FROM below b CROSS JOIN entry e CROSS JOIN node n
        WHERE e.parent = b.folder AND n.id = e.node AND n.kind = 'dir'
    )
    SELECT 1 FROM below b CROSS JOIN entry e CROSS JOIN node n";

pub(super) fn holds(conn: &Connection, folder: NodeId, query: &Expr, made_by: Option<MemberId>) -> Result<bool, E> {
    let made = "WHERE e.parent = b.folder AND n.id = e.node AND n.kind = 'dir' AND n.owner = ? LIMIT 1";
    if let Some(member) = made_by
        && any(conn, &format!("{BELOW} {made}"), params![folder, member])?
    {
        return Ok(true);
    }
    let filter = Filter::published_of_few(query);
    let sql = format!(
        "{BELOW} CROSS JOIN asset a WHERE e.parent = b.folder AND n.id = e.node AND n.class = 'asset' AND a.id = n.asset AND {} LIMIT 1",
        filter.sql
    );
    any(conn, &sql, params_from_iter([Value::from(cursor(folder.0))].into_iter().chain(filter.params)))
}

pub(super) fn of_node(conn: &Connection, node: NodeId) -> Result<Vec<EntryRow>, E> {
    all(conn, "SELECT id, parent, name, node FROM entry WHERE node = ?1 ORDER BY id", [node], from_row)
}

pub(super) fn add(conn: &Connection, entry: &EntryRow) -> Result<(), E> {
    let sql = "INSERT INTO entry (id, parent, name, node) VALUES (?1, ?2, ?3, ?4)";
    run(conn, sql, params![entry.id, entry.parent, entry.name, entry.node]).map(drop)
}

pub(super) fn repoint(conn: &Connection, entry: EntryId, node: NodeId) -> Result<(), E> {
    match run(conn, "UPDATE entry SET node = ?2 WHERE id = ?1", params![entry, node])? {
        0 => refused(format!("there is no entry {entry}")),
        _ => Ok(()),
    }
}

pub(super) fn remove(conn: &Connection, entry: EntryId) -> Result<(), E> {
    match run(conn, "DELETE FROM entry WHERE id = ?1", [entry])? {
        0 => refused(format!("there is no entry {entry}")),
        _ => Ok(()),
    }
}

fn tunnel_row(row: &Row<'_>) -> rusqlite::Result<TunnelRow> {
    Ok(TunnelRow {
        parent: row.get(0)?,
        name: row.get(1)?,
        asset: row.get(2)?,
        node: row.get(3)?,
        process: row.get(4)?,
        member: row.get(5)?,
        at: row.get(6)?,
        how: row.get(7)?,
        taken: serde_json::from_str(&row.get::<_, String>(8)?)
            .map_err(|e| rusqlite::Error::FromSqlConversionFailure(8, rusqlite::types::Type::Text, e.into()))?,
    })
}

pub(super) fn tunnel(conn: &Connection, parent: NodeId, name: &FileName) -> Result<Option<TunnelRow>, E> {
    let sql =
        "SELECT parent, name, asset, node, process, member, at, how, taken FROM tunnel WHERE parent = ?1 AND name = ?2";
    one(conn, sql, params![parent, name], tunnel_row)
}

pub(super) fn tunnels_before(conn: &Connection, time: Timestamp) -> Result<Vec<TunnelRow>, E> {
    let sql = "SELECT parent, name, asset, node, process, member, at, how, taken FROM tunnel
        WHERE at < ?1 ORDER BY at, parent, name";
    all(conn, sql, [time], tunnel_row)
}

pub(super) fn tunnels_in(conn: &Connection, parent: NodeId) -> Result<Vec<TunnelRow>, E> {
    let sql =
        "SELECT parent, name, asset, node, process, member, at, how, taken FROM tunnel WHERE parent = ?1 ORDER BY name";
    all(conn, sql, [parent], tunnel_row)
}

pub(super) fn tunnels_of(conn: &Connection, asset: AssetId) -> Result<Vec<TunnelRow>, E> {
    let sql = "SELECT parent, name, asset, node, process, member, at, how, taken FROM tunnel
        WHERE asset = ?1 ORDER BY at, parent, name";
    all(conn, sql, [asset], tunnel_row)
}

pub(super) fn put_tunnel(conn: &Connection, t: &TunnelRow) -> Result<(), E> {
    let sql = "INSERT INTO tunnel (parent, name, asset, node, process, member, at, how, taken)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
        ON CONFLICT (parent, name) DO UPDATE SET
            asset = excluded.asset, node = excluded.node, process = excluded.process, member = excluded.member,
            at = excluded.at, how = excluded.how, taken = excluded.taken";
    let taken = serde_json::to_string(&t.taken).map_err(|e| E::Constraint(e.to_string()))?;
    run(conn, sql, params![t.parent, t.name, t.asset, t.node, t.process, t.member, t.at, t.how, taken]).map(drop)
}

pub(super) fn remove_tunnel(conn: &Connection, parent: NodeId, name: &FileName) -> Result<(), E> {
    run(conn, "DELETE FROM tunnel WHERE parent = ?1 AND name = ?2", params![parent, name]).map(drop)
}
