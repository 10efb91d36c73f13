//! How files were generated: long texts that only a look at one asset reads.

use rusqlite::{Connection, params};

use super::sql::{one, run};
use crate::catalog::CatalogError as E;
use crate::catalog::rules::refused;
use crate::types::{AssetId, Generation};

pub(super) fn get(conn: &Connection, asset: AssetId) -> Result<Option<Generation>, E> {
    let sql = "SELECT g.json FROM generation g JOIN asset a ON a.ordinal = g.asset WHERE a.id = ?1";
    let json: Option<String> = one(conn, sql, [asset], |row| row.get(0))?;
    let damaged = |e: serde_json::Error| E::Damaged(format!("generation metadata of asset {asset}: {e}"));
    json.map(|json| serde_json::from_str(&json).map_err(damaged)).transpose()
}

pub(super) fn put(conn: &Connection, asset: AssetId, generation: &Generation) -> Result<(), E> {
    let json = serde_json::to_string(generation).map_err(|e| E::Constraint(e.to_string()))?;
    let sql = "INSERT INTO generation (asset, json) SELECT a.ordinal, ?2 FROM asset a WHERE a.id = ?1
        ON CONFLICT (asset) DO UPDATE SET json = excluded.json";
    match run(conn, sql, params![asset, json])? {
        0 => refused(format!("there is no asset {asset}")),
        _ => Ok(()),
    }
}
