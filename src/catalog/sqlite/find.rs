//! Queries over all assets: pages, counts, values.

use damfs_policy::{Expr, Field};
use rusqlite::{Connection, ToSql, params_from_iter, types::Value};

use super::assets::{self, ASSET};
use super::convert::*;
use super::query::{self, Condition};
use crate::catalog::facts::AssetFacts;
use crate::catalog::{Asset, AssetState};
use crate::types::AssetId;

pub(super) fn page(conn: &Connection, query: &Expr, after: u64, limit: usize) -> R<Vec<Asset>> {
    let Condition { sql, mut args } = query::listed(query);
    args.push(Value::Integer(int(after)?));
    args.push(Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX)));
    let n = args.len();
    let sql =
        format!("SELECT {ASSET} FROM asset a WHERE {sql} AND a.ordinal > ?{} ORDER BY a.ordinal LIMIT ?{n}", n - 1);
    let args: Vec<&dyn ToSql> = args.iter().map(|a| a as &dyn ToSql).collect();
    assets::load(conn, &sql, &args)
}

/// One asset is judged in memory, by the same rules: SQL would build the whole list first.
pub(super) fn has(conn: &Connection, query: &Expr, asset: AssetId) -> R<bool> {
    let Some(asset) = assets::by_id(conn, asset)? else { return Ok(false) };
    let shown = asset.head.is_some() && (asset.state != AssetState::Trashed || query.mentions(&Field::State));
    Ok(shown && query.matches(&AssetFacts(&asset)))
}

pub(super) fn count(conn: &Connection, query: &Expr) -> R<u64> {
    let Condition { sql, args } = query::listed(query);
    let sql = format!("SELECT count(*) FROM asset a WHERE {sql}");
    uint(conn.prepare_cached(&sql)?.query_row(params_from_iter(args), |r| r.get(0))?)
}

pub(super) fn values(conn: &Connection, field: &Field, within: &Expr) -> R<Vec<(String, u64)>> {
    let Condition { sql, mut args } = query::listed(within);
    let (value, join) = match field {
        Field::Persona => ("v.value", "JOIN asset_value v ON v.asset = a.id AND v.facet = 'persona'"),
        Field::Campaign => ("v.value", "JOIN asset_value v ON v.asset = a.id AND v.facet = 'campaign'"),
        Field::Tag => ("v.value", "JOIN asset_value v ON v.asset = a.id AND v.facet = 'tag'"),
        Field::Lora => ("v.value", "JOIN asset_value v ON v.asset = a.id AND v.facet = 'lora'"),
        Field::AnyStatus => ("s.value", "JOIN asset_status s ON s.asset = a.id"),
        Field::Status(_) => ("s.value", "JOIN asset_status s ON s.asset = a.id"),
        Field::Orientation => (
            "CASE WHEN a.width < a.height THEN 'portrait' WHEN a.width > a.height THEN 'landscape'
             WHEN a.width = a.height THEN 'square' END",
            "",
        ),
        Field::Created => ("strftime('%Y-%m', a.created / 1000000000, 'unixepoch')", ""),
        Field::Imported => ("strftime('%Y-%m', a.imported / 1000000000, 'unixepoch')", ""),
        Field::Width | Field::Height | Field::Seed | Field::Expires | Field::Text | Field::Prompt => {
            return Ok(Vec::new());
        }
        other => (query::column(other), ""),
    };
    let mut extra = String::new();
    if let Field::Status(platform) = field {
        args.push(Value::Text(platform.clone()));
        extra = format!(" AND s.platform = ?{}", args.len());
    }
    let sql = format!(
        "SELECT {value} AS value, count(DISTINCT a.id) FROM asset a {join} WHERE {sql}{extra} AND {value} IS NOT NULL AND {value} <> ''
         GROUP BY 1 ORDER BY 1"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(args))?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push((row.get(0)?, get_u64(row, 1)?));
    }
    Ok(out)
}
