//! Saved queries.

use rusqlite::types::Type;
use rusqlite::{Connection, Error, Row, params};

use super::sql::{all, run};
use crate::catalog::{CatalogError as E, SavedRow};
use crate::types::MemberId;

fn from_row(row: &Row<'_>) -> rusqlite::Result<SavedRow> {
    let roles: String = row.get(3)?;
    Ok(SavedRow {
        name: row.get(0)?,
        owner: row.get(1)?,
        query: row.get(2)?,
        roles: serde_json::from_str(&roles).map_err(|e| Error::FromSqlConversionFailure(3, Type::Text, e.into()))?,
        until: row.get(4)?,
        since: row.get(5)?,
    })
}

pub(super) fn list(conn: &Connection) -> Result<Vec<SavedRow>, E> {
    all(conn, "SELECT name, owner, query, roles, until, since FROM saved ORDER BY name, owner", [], from_row)
}

pub(super) fn named(conn: &Connection, name: &str) -> Result<Vec<SavedRow>, E> {
    let sql = "SELECT name, owner, query, roles, until, since FROM saved WHERE name = ?1 ORDER BY owner";
    all(conn, sql, [name], from_row)
}

pub(super) fn put(conn: &Connection, s: &SavedRow) -> Result<(), E> {
    let roles = serde_json::to_string(&s.roles).map_err(|e| E::Engine(e.to_string()))?;
    let sql = "INSERT INTO saved (name, owner, query, roles, until, since) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (name, owner) DO UPDATE SET query = excluded.query, roles = excluded.roles,
        until = excluded.until, since = excluded.since";
    run(conn, sql, params![s.name, s.owner, s.query, roles, s.until, s.since]).map(drop)
}

pub(super) fn remove(conn: &Connection, name: &str, owner: MemberId) -> Result<bool, E> {
    Ok(run(conn, "DELETE FROM saved WHERE name = ?1 AND owner = ?2", params![name, owner])? > 0)
}
