//! Versions, their contents, and what is known of exports.

use rusqlite::{Connection, Row, params};

use super::convert::Num;
use super::sql::{self, all, any, one, run};
use crate::catalog::rules::refused;
use crate::catalog::{CatalogError as E, Outcome, RenditionRow, VersionRow};
use crate::types::{AssetId, Content, ContentId, RenditionNo, VersionId, VersionNo};

macro_rules! version_columns {
    () => {
        "id, no, asset, n, content, size, mtime, made_at, made_by, format, kind, width, height, orientation"
    };
}

fn version_row(row: &Row<'_>) -> rusqlite::Result<VersionRow> {
    Ok(VersionRow {
        id: row.get(0)?,
        no: row.get(1)?,
        asset: row.get(2)?,
        n: row.get(3)?,
        content: row.get(4)?,
        size: row.get::<_, Num>(5)?.0,
        mtime: row.get(6)?,
        made_at: row.get(7)?,
        made_by: row.get(8)?,
        format: row.get(9)?,
        kind: row.get(10)?,
        width: row.get(11)?,
        height: row.get(12)?,
        orientation: row.get(13)?,
    })
}

pub(super) fn get(conn: &Connection, id: VersionId) -> Result<Option<VersionRow>, E> {
    one(conn, concat!("SELECT ", version_columns!(), " FROM version WHERE id = ?1"), [id], version_row)
}

pub(super) fn by_no(conn: &Connection, no: VersionNo) -> Result<Option<VersionRow>, E> {
    one(conn, concat!("SELECT ", version_columns!(), " FROM version WHERE no = ?1"), [no], version_row)
}

pub(super) fn of_asset(conn: &Connection, asset: AssetId) -> Result<Vec<VersionRow>, E> {
    all(conn, concat!("SELECT ", version_columns!(), " FROM version WHERE asset = ?1 ORDER BY n"), [asset], version_row)
}

pub(super) fn with_content(conn: &Connection, content: ContentId) -> Result<Vec<VersionRow>, E> {
    all(
        conn,
        concat!("SELECT ", version_columns!(), " FROM version WHERE content = ?1 ORDER BY no"),
        [content],
        version_row,
    )
}

pub(super) fn add(conn: &Connection, v: &VersionRow) -> Result<(), E> {
    let sql = concat!(
        "INSERT INTO version (",
        version_columns!(),
        ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
    );
    let values = params![
        v.id,
        v.no,
        v.asset,
        v.n,
        v.content,
        Num(v.size),
        v.mtime,
        v.made_at,
        v.made_by,
        v.format,
        v.kind,
        v.width,
        v.height,
        v.orientation,
    ];
    run(conn, sql, values).map(drop)
}

pub(super) fn assets_with(
    conn: &Connection,
    most: usize,
    after: Option<AssetId>,
    rows: usize,
) -> Result<Vec<AssetId>, E> {
    let sql = "SELECT asset FROM version WHERE asset > coalesce(?1, x'') GROUP BY asset HAVING count(*) > ?2 ORDER BY asset LIMIT ?3";
    all(conn, sql, params![after, sql::limit(most), sql::limit(rows)], |row| row.get(0))
}

pub(super) fn remove(conn: &Connection, id: VersionId) -> Result<(), E> {
    if any(conn, "SELECT 1 FROM asset WHERE head = ?1", [id])?
        || any(conn, "SELECT 1 FROM asset_status WHERE version = ?1", [id])?
    {
        return refused(format!("version {id} is its asset's current one, or has a verdict"));
    }
    let sql = "SELECT 1 FROM version AS it JOIN version AS later ON later.asset = it.asset AND later.n > it.n WHERE it.id = ?1";
    if !any(conn, sql, [id])? {
        return refused(format!("version {id} is the last one of its asset, or is not there"));
    }
    run(conn, "DELETE FROM version WHERE id = ?1", [id]).map(drop)
}

pub(super) fn content(conn: &Connection, id: ContentId) -> Result<Option<Content>, E> {
    let Some(size) = one(conn, "SELECT size FROM content WHERE id = ?1", [id], |row| row.get::<_, Num>(0))? else {
        return Ok(None);
    };
    let sql = "SELECT extent, length FROM content_extent WHERE content = ?1 ORDER BY position";
    let extents = all(conn, sql, [id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Some(Content { id, size: size.0, extents }))
}

pub(super) fn contents(conn: &Connection) -> Result<Vec<Content>, E> {
    let mut out = all(conn, "SELECT id, size FROM content ORDER BY id", [], |row| {
        Ok(Content { id: row.get(0)?, size: row.get::<_, Num>(1)?.0, extents: Vec::new() })
    })?;
    let sql = "SELECT content, extent, length FROM content_extent ORDER BY content, position";
    let extents = all(conn, sql, [], |row| Ok((row.get::<_, ContentId>(0)?, (row.get(1)?, row.get(2)?))))?;
    let mut rows = extents.into_iter().peekable();
    for content in &mut out {
        while let Some((_, extent)) = rows.next_if(|(of, _)| *of == content.id) {
            content.extents.push(extent);
        }
    }
    Ok(out)
}

pub(super) fn put_content(conn: &Connection, new: &Content) -> Result<(), E> {
    if let Some(old) = content(conn, new.id)? {
        return if old == *new { Ok(()) } else { refused(format!("content {} is known with other extents", new.id)) };
    }
    run(conn, "INSERT INTO content (id, size) VALUES (?1, ?2)", params![new.id, Num(new.size)])?;
    let sql = "INSERT INTO content_extent (content, position, extent, length) VALUES (?1, ?2, ?3, ?4)";
    for (position, (extent, length)) in (0i64..).zip(&new.extents) {
        run(conn, sql, params![new.id, position, extent, length])?;
    }
    Ok(())
}

fn rendition_row(row: &Row<'_>) -> rusqlite::Result<RenditionRow> {
    Ok(RenditionRow {
        no: row.get(0)?,
        content: row.get(1)?,
        recipe: row.get(2)?,
        renderer: row.get(3)?,
        outcome: match row.get(6)? {
            Some(reason) => Outcome::Failed(reason),
            None => Outcome::Made { size: row.get::<_, Num>(4)?.0, hash: row.get(5)?, quality: row.get(8)? },
        },
        since: row.get(7)?,
    })
}

pub(super) fn rendition(
    conn: &Connection,
    content: ContentId,
    recipe: &[u8; 32],
    renderer: u32,
) -> Result<Option<RenditionRow>, E> {
    let sql = "SELECT no, content, recipe, renderer, size, hash, failure, since, quality FROM rendition
        WHERE content = ?1 AND recipe = ?2 AND renderer = ?3";
    one(conn, sql, params![content, recipe, renderer], rendition_row)
}

pub(super) fn rendition_by_no(conn: &Connection, no: RenditionNo) -> Result<Option<RenditionRow>, E> {
    let sql = "SELECT no, content, recipe, renderer, size, hash, failure, since, quality FROM rendition WHERE no = ?1";
    one(conn, sql, [no], rendition_row)
}

pub(super) fn renditions_with_hash(conn: &Connection, hash: &[u8; 32]) -> Result<Vec<RenditionRow>, E> {
    let sql = "SELECT no, content, recipe, renderer, size, hash, failure, since, quality FROM rendition
        WHERE hash = ?1 ORDER BY no";
    all(conn, sql, [hash], rendition_row)
}

pub(super) fn rendered_contents(conn: &Connection) -> Result<Vec<ContentId>, E> {
    all(conn, "SELECT DISTINCT content FROM rendition ORDER BY content", [], |row| row.get(0))
}

pub(super) fn put_rendition(conn: &Connection, r: &RenditionRow) -> Result<(), E> {
    let (size, hash, quality, failure) = match &r.outcome {
        Outcome::Made { size, hash, quality } => (Some(Num(*size)), Some(hash), *quality, None),
        Outcome::Failed(reason) => (None, None, None, Some(reason)),
    };
    let values = params![r.no, r.content, r.recipe, r.renderer, size, hash, failure, r.since, quality];
    let update = "UPDATE rendition
        SET content = ?2, recipe = ?3, renderer = ?4, size = ?5, hash = ?6, failure = ?7, since = ?8, quality = ?9 WHERE no = ?1";
    if run(conn, update, values)? == 0 {
        let insert = "INSERT INTO rendition (no, content, recipe, renderer, size, hash, failure, since, quality)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        run(conn, insert, values)?;
    }
    Ok(())
}
