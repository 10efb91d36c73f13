//! What assets are ordered by: one column of each, and no record.

use roaring::RoaringBitmap;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Params, Row, params_from_iter};

use super::assets::DENSE;
use super::convert::Num;
use super::query::Filter;
use crate::catalog::{CatalogError as E, Key, KeyValue};
use damfs_policy::Expr;

/// Numbers that are looked up in one go where they lie densely.
const PAGE: usize = 4_096;

type Keyed = (u64, Option<KeyValue>);

const fn column(key: Key) -> &'static str {
    match key {
        Key::Name => "a.view_name",
        Key::Node => "a.node",
        Key::Size => "(SELECT n.size FROM node n WHERE n.id = a.node)",
        Key::Kind => "a.kind",
        Key::Format => "a.format",
        Key::Width => "a.width",
        Key::Height => "a.height",
        Key::Rating => "a.rating",
        Key::Stars => "a.stars",
        Key::Created => "a.created",
        Key::Imported => "a.imported",
        Key::Changed => "a.changed",
        Key::Expires => "a.expires",
    }
}

fn keyed(row: &Row<'_>) -> rusqlite::Result<Keyed> {
    let value = match row.get_ref(1)? {
        ValueRef::Integer(number) => Some(KeyValue::Number(number)),
        ValueRef::Text(text) => Some(KeyValue::Text(String::from_utf8_lossy(text).into_owned())),
        _ => None,
    };
    Ok((row.get::<_, Num>(0)?.0, value))
}

fn each(conn: &Connection, sql: &str, params: impl Params, mut f: impl FnMut(Keyed)) -> Result<(), E> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    while let Some(row) = rows.next()? {
        f(keyed(row)?);
    }
    Ok(())
}

/// Of all that a query finds.
pub(super) fn found(conn: &Connection, query: &Expr, key: Key) -> Result<Vec<Keyed>, E> {
    let filter = Filter::published(query);
    let sql = format!("SELECT a.ordinal, {} FROM asset a WHERE {} ORDER BY a.ordinal", column(key), filter.sql);
    let mut out = Vec::new();
    each(conn, &sql, params_from_iter(filter.params), |keyed| out.push(keyed))?;
    Ok(out)
}

/// Of these.
pub(super) fn selected(conn: &Connection, selected: &RoaringBitmap, key: Key) -> Result<Vec<Keyed>, E> {
    let sql =
        format!("SELECT a.ordinal, {} FROM asset a WHERE a.ordinal BETWEEN ?1 AND ?2 ORDER BY a.ordinal", column(key));
    let mut out = Vec::new();
    let mut numbers = selected.iter();
    loop {
        let page: Vec<u32> = numbers.by_ref().take(PAGE).collect();
        let (Some(&low), Some(&high)) = (page.first(), page.last()) else { return Ok(out) };
        if u64::from(high - low) / DENSE < page.len() as u64 {
            let is_selected = |n: u64| u32::try_from(n).is_ok_and(|n| selected.contains(n));
            each(conn, &sql, [low, high], |keyed| out.extend(Some(keyed).filter(|(n, _)| is_selected(*n))))?;
        } else {
            for number in page {
                each(conn, &sql, [number, number], |keyed| out.push(keyed))?;
            }
        }
    }
}
