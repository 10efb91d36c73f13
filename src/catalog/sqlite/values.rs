//! Which values a field has among the assets that a query finds.

use std::collections::BTreeMap;

use damfs_policy::expr::FieldKind;
use damfs_policy::{Expr, Field};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::convert::Num;
use super::query::{Filter, ORIENTATION, column, facet};
use super::sql::all;
use crate::catalog::CatalogError as E;
use crate::catalog::rules::month;
use crate::types::{Colours, Timestamp};

const DAY: i64 = 86_400_000_000_000;

pub(super) fn list(conn: &Connection, field: &Field, within: &Expr) -> Result<Vec<(String, u64)>, E> {
    let Filter { sql: condition, params, .. } = Filter::published(within);
    let shared = if field.is_digits() { " HAVING count(*) > 1" } else { "" };
    let text = |value: &str| {
        format!(
            "SELECT {value} AS x, count(*) FROM asset a
             WHERE {condition} AND x IS NOT NULL AND x <> '' GROUP BY x{shared}"
        )
    };
    let (sql, first) = match (field, facet(field), column(field), field.kind()) {
        (Field::Status(platform), ..) => {
            let sql = format!(
                "SELECT s.value, count(*) FROM asset_status s JOIN asset a ON a.ordinal = s.asset
                 WHERE s.platform = ? AND {condition} GROUP BY s.value"
            );
            (sql, Some(Value::from(platform.clone())))
        }
        (Field::AnyStatus, ..) => {
            let sql = format!(
                "SELECT s.value, count(DISTINCT s.asset) FROM asset_status s JOIN asset a ON a.ordinal = s.asset
                 WHERE {condition} GROUP BY s.value"
            );
            (sql, None)
        }
        (Field::Conflict, ..) => {
            let sql = format!(
                "SELECT c.field, count(*) FROM asset_conflict c JOIN asset a ON a.ordinal = c.asset
                 WHERE {condition} GROUP BY c.field"
            );
            (sql, None)
        }
        (Field::Orientation, ..) => (text(ORIENTATION), None),
        (Field::Colour, ..) => return colours(conn, &condition, params),
        (_, Some(facet), ..) => {
            let sql = format!(
                "SELECT v.value, count(*) FROM asset_value v JOIN asset a ON a.ordinal = v.asset
                 WHERE v.facet = ? AND {condition} GROUP BY v.value"
            );
            (sql, Some(Value::from(facet.to_owned())))
        }
        (_, _, Some(column), FieldKind::Date) => return months(conn, column, &condition, params),
        (_, _, Some(column), FieldKind::Number) => {
            let sql = format!(
                "SELECT CAST({column} AS TEXT) AS x, count(*) FROM asset a
                 WHERE {condition} AND {column} IS NOT NULL GROUP BY x"
            );
            (sql, None)
        }
        (_, _, Some(column), _) => (text(column), None),
        _ => return Ok(Vec::new()),
    };
    let rows = all(conn, &sql, params_from_iter(first.into_iter().chain(params)), |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, Num>(1)?.0))
    })?;
    Ok(rows.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect())
}

/// The engine counts what goes together, the bits are ours.
fn colours(conn: &Connection, condition: &str, params: Vec<Value>) -> Result<Vec<(String, u64)>, E> {
    let sql =
        format!("SELECT a.colours, count(*) FROM asset a WHERE {condition} AND a.colours <> 0 GROUP BY a.colours");
    let found =
        all(conn, &sql, params_from_iter(params), |row| Ok((row.get::<_, Colours>(0)?, row.get::<_, Num>(1)?.0)))?;
    let mut out = BTreeMap::new();
    for (colours, count) in found {
        colours.names().for_each(|name| *out.entry(name.to_owned()).or_insert(0) += count);
    }
    Ok(out.into_iter().collect())
}

/// The engine counts by day, the calendar is ours.
fn months(conn: &Connection, column: &str, condition: &str, params: Vec<Value>) -> Result<Vec<(String, u64)>, E> {
    let sql = format!(
        "SELECT {column} / {DAY} - CASE WHEN {column} % {DAY} < 0 THEN 1 ELSE 0 END AS x, count(*) FROM asset a
         WHERE {condition} AND {column} IS NOT NULL GROUP BY x"
    );
    let days = all(conn, &sql, params_from_iter(params), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Num>(1)?.0)))?;
    let mut out = BTreeMap::new();
    for (day, count) in days {
        *out.entry(month(Timestamp::from_nanos(day.saturating_mul(DAY)))).or_insert(0) += count;
    }
    Ok(out.into_iter().collect())
}
