//! The ways to run a cached statement.

use rusqlite::{Connection, OptionalExtension, Params, Row, ToSql};

use crate::catalog::CatalogError as E;

/// The first row, if any.
pub(super) fn one<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    map: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, E> {
    Ok(conn.prepare_cached(sql)?.query_row(params, map).optional()?)
}

/// Every row.
pub(super) fn all<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    map: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, E> {
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map(params, map)?.collect::<Result<_, _>>()?;
    Ok(rows)
}

/// Whether there is a row.
pub(super) fn any(conn: &Connection, sql: &str, params: impl Params) -> Result<bool, E> {
    Ok(conn.prepare_cached(sql)?.exists(params)?)
}

/// Runs a statement without rows; how many it changed.
pub(super) fn run(conn: &Connection, sql: &str, params: impl Params) -> Result<usize, E> {
    Ok(conn.prepare_cached(sql)?.execute(params)?)
}

/// Writes those columns of a row that differ; the first one is its key. An update that names a column writes the indexes that it is in, and
/// looks for what it refers to, whatever the value.
pub(super) fn update(
    conn: &Connection,
    table: &str,
    columns: &[&str],
    was: &[&dyn ToSql],
    is: &[&dyn ToSql],
) -> Result<(), E> {
    let (Some(key), Some(row)) = (columns.first(), is.first()) else { return Ok(()) };
    let mut sets = Vec::new();
    let mut values = vec![*row];
    for ((column, was), is) in columns.iter().zip(was).zip(is).skip(1) {
        if was.to_sql()? != is.to_sql()? {
            values.push(*is);
            sets.push(format!("{column} = ?{}", values.len()));
        }
    }
    if sets.is_empty() {
        return Ok(());
    }
    run(conn, &format!("UPDATE {table} SET {} WHERE {key} = ?1", sets.join(", ")), values.as_slice()).map(drop)
}

/// A limit as the engine takes it.
pub(super) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// A keyset cursor as the engine takes it: behind the last number there is nothing.
pub(super) fn cursor(after: u64) -> i64 {
    i64::try_from(after).unwrap_or(i64::MAX)
}
