//! Versions, contents, tunnels, members, rules, renditions, the inbox report, the change feed and the audit log.

use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

use super::convert::*;
use crate::catalog::*;
use crate::types::*;

const VERSION: &str =
    "id, no, asset, n, content, size, mtime, made_at, made_by, format, kind, width, height, orientation";

fn version_of(row: &Row<'_>) -> R<VersionRow> {
    Ok(VersionRow {
        id: get_version(row, 0)?,
        no: VersionNo(get_u64(row, 1)?),
        asset: get_asset(row, 2)?,
        n: get_u32(row, 3)?,
        content: get_content(row, 4)?,
        size: get_u64(row, 5)?,
        mtime: get_time(row, 6)?,
        made_at: get_time(row, 7)?,
        made_by: get_opt_member(row, 8)?,
        format: row.get(9)?,
        kind: row.get(10)?,
        width: get_opt_u32(row, 11)?,
        height: get_opt_u32(row, 12)?,
        orientation: u8::try_from(get_u32(row, 13)?).unwrap_or(1),
    })
}

fn all<T>(conn: &Connection, sql: &str, args: &[&dyn ToSql], of: impl Fn(&Row<'_>) -> R<T>) -> R<Vec<T>> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(args)?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push(of(row)?);
    }
    Ok(out)
}

pub(super) fn versions(conn: &Connection, by: &str, arg: &dyn ToSql) -> R<Vec<VersionRow>> {
    all(conn, &format!("SELECT {VERSION} FROM version WHERE {by} = ?1 ORDER BY n"), &[arg], version_of)
}

pub(super) fn add_version(conn: &Connection, v: &VersionRow) -> R<()> {
    conn.prepare_cached(&format!(
        "INSERT INTO version ({VERSION}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
    ))?
    .execute(params![
        v.id.as_bytes(),
        int(v.no.0)?,
        v.asset.as_bytes(),
        v.n,
        v.content.0,
        int(v.size)?,
        v.mtime.as_nanos(),
        v.made_at.as_nanos(),
        v.made_by.map(|m| *m.as_bytes()),
        v.format,
        v.kind,
        v.width,
        v.height,
        v.orientation
    ])?;
    Ok(())
}

pub(super) fn content(conn: &Connection, id: ContentId) -> R<Option<Content>> {
    let size: Option<i64> =
        conn.prepare_cached("SELECT size FROM content WHERE id = ?1")?.query_row([id.0], |r| r.get(0)).optional()?;
    let Some(size) = size else { return Ok(None) };
    let extents =
        all(conn, "SELECT extent, len FROM content_extent WHERE content = ?1 ORDER BY idx", &[&id.0], |row| {
            let extent = get_hash(row, 0)?.ok_or_else(|| CatalogError::Damaged("no extent id".into()))?;
            Ok((ExtentId(extent), get_u32(row, 1)?))
        })?;
    Ok(Some(Content { id, size: uint(size)?, extents }))
}

pub(super) fn contents(conn: &Connection) -> R<Vec<Content>> {
    let ids = all(conn, "SELECT id FROM content ORDER BY id", &[], |row| get_content(row, 0))?;
    let mut out = Vec::with_capacity(ids.len());
    for id in ids {
        out.extend(content(conn, id)?);
    }
    Ok(out)
}

pub(super) fn put_content(conn: &Connection, c: &Content) -> R<()> {
    let new = conn
        .prepare_cached("INSERT INTO content (id, size) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING")?
        .execute(params![c.id.0, int(c.size)?])?;
    if new == 0 {
        return Ok(());
    }
    for (idx, (extent, len)) in c.extents.iter().enumerate() {
        conn.prepare_cached("INSERT INTO content_extent (content, idx, extent, len) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![c.id.0, i64::try_from(idx).unwrap_or(i64::MAX), extent.0, len])?;
    }
    Ok(())
}

const TUNNEL: &str = "parent, name, asset, node, process, member, at, how";

fn tunnel_of(row: &Row<'_>) -> R<TunnelRow> {
    Ok(TunnelRow {
        parent: NodeId(get_u64(row, 0)?),
        name: get_name(row, 1)?,
        asset: get_asset(row, 2)?,
        node: NodeId(get_u64(row, 3)?),
        process: get_u32(row, 4)?,
        member: get_opt_member(row, 5)?,
        at: get_time(row, 6)?,
        how: get_how(row, 7)?,
    })
}

pub(super) fn tunnels(conn: &Connection, which: &str, args: &[&dyn ToSql]) -> R<Vec<TunnelRow>> {
    all(conn, &format!("SELECT {TUNNEL} FROM tunnel WHERE {which} ORDER BY at, parent, name"), args, tunnel_of)
}

pub(super) fn put_tunnel(conn: &Connection, t: &TunnelRow) -> R<()> {
    conn.prepare_cached(&format!(
        "INSERT INTO tunnel ({TUNNEL}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (parent, name) DO UPDATE SET asset = ?3, node = ?4, process = ?5, member = ?6, at = ?7, how = ?8"
    ))?
    .execute(params![
        int(t.parent.0)?,
        t.name.as_bytes(),
        t.asset.as_bytes(),
        int(t.node.0)?,
        t.process,
        t.member.map(|m| *m.as_bytes()),
        t.at.as_nanos(),
        put_how(t.how)
    ])?;
    Ok(())
}

pub(super) fn remove_tunnel(conn: &Connection, parent: NodeId, name: &FileName) -> R<()> {
    conn.prepare_cached("DELETE FROM tunnel WHERE parent = ?1 AND name = ?2")?
        .execute(params![int(parent.0)?, name.as_bytes()])?;
    Ok(())
}

const MEMBER: &str = "id, name, uid, role, scope, active, since";

pub(super) fn members(conn: &Connection, which: &str, args: &[&dyn ToSql]) -> R<Vec<MemberRow>> {
    all(conn, &format!("SELECT {MEMBER} FROM member WHERE {which} ORDER BY name"), args, |row| {
        Ok(MemberRow {
            id: get_member(row, 0)?,
            name: row.get(1)?,
            uid: get_opt_u32(row, 2)?,
            role: row.get(3)?,
            scope: row.get(4)?,
            active: row.get(5)?,
            since: get_time(row, 6)?,
        })
    })
}

pub(super) fn put_member(conn: &Connection, m: &MemberRow) -> R<()> {
    conn.prepare_cached(&format!(
        "INSERT INTO member ({MEMBER}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (id) DO UPDATE SET name = ?2, uid = ?3, role = ?4, scope = ?5, active = ?6, since = ?7"
    ))?
    .execute(params![m.id.as_bytes(), m.name, m.uid, m.role, m.scope, m.active, m.since.as_nanos()])?;
    Ok(())
}

pub(super) fn folder_rules(conn: &Connection, folder: NodeId) -> R<Vec<FolderRule>> {
    let sql = "SELECT facet, value FROM folder_rule WHERE folder = ?1 ORDER BY facet, value";
    all(conn, sql, &[&int(folder.0)?], |row| Ok(FolderRule { folder, facet: row.get(0)?, value: row.get(1)? }))
}

pub(super) fn put_folder_rule(conn: &Connection, rule: &FolderRule) -> R<()> {
    conn.prepare_cached(
        "INSERT INTO folder_rule (folder, facet, value) VALUES (?1, ?2, ?3) ON CONFLICT (folder, facet, value) DO NOTHING",
    )?
    .execute(params![int(rule.folder.0)?, rule.facet, rule.value])?;
    Ok(())
}

pub(super) fn vocabulary(conn: &Connection, facet: &str) -> R<Vec<String>> {
    all(conn, "SELECT value FROM word WHERE facet = ?1 ORDER BY value", &[&facet], |row| Ok(row.get(0)?))
}

pub(super) fn add_word(conn: &Connection, facet: &str, value: &str) -> R<()> {
    conn.prepare_cached("INSERT INTO word (facet, value) VALUES (?1, ?2) ON CONFLICT (facet, value) DO NOTHING")?
        .execute([facet, value])?;
    Ok(())
}

pub(super) fn remove_word(conn: &Connection, facet: &str, value: &str) -> R<bool> {
    Ok(conn.prepare_cached("DELETE FROM word WHERE facet = ?1 AND value = ?2")?.execute([facet, value])? > 0)
}

const RENDITION: &str = "no, content, recipe, renderer, size, hash, since";

pub(super) fn renditions(conn: &Connection, which: &str, args: &[&dyn ToSql]) -> R<Option<RenditionRow>> {
    let sql = format!("SELECT {RENDITION} FROM rendition WHERE {which}");
    let mut rows = all(conn, &sql, args, |row| {
        Ok(RenditionRow {
            no: RenditionNo(get_u64(row, 0)?),
            content: get_content(row, 1)?,
            recipe: get_hash(row, 2)?.unwrap_or_default(),
            renderer: get_u32(row, 3)?,
            size: row.get::<_, Option<i64>>(4)?.map(uint).transpose()?,
            hash: get_hash(row, 5)?,
            since: get_time(row, 6)?,
        })
    })?;
    Ok(rows.pop())
}

pub(super) fn put_rendition(conn: &Connection, r: &RenditionRow) -> R<()> {
    conn.prepare_cached(&format!(
        "INSERT INTO rendition ({RENDITION}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (content, recipe, renderer) DO UPDATE SET no = ?1, size = ?5, hash = ?6, since = ?7"
    ))?
    .execute(params![
        int(r.no.0)?,
        r.content.0,
        r.recipe,
        r.renderer,
        r.size.map(int).transpose()?,
        r.hash,
        r.since.as_nanos()
    ])?;
    Ok(())
}

pub(super) fn inbox(conn: &Connection, limit: usize) -> R<Vec<InboxRow>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let sql = "SELECT no, at, member, name, outcome, detail, asset FROM inbox ORDER BY no DESC LIMIT ?1";
    all(conn, sql, &[&limit], |row| {
        Ok(InboxRow {
            no: get_u64(row, 0)?,
            at: get_time(row, 1)?,
            member: get_opt_member(row, 2)?,
            name: row.get(3)?,
            outcome: row.get(4)?,
            detail: row.get(5)?,
            asset: get_opt_asset(row, 6)?,
        })
    })
}

pub(super) fn add_inbox(conn: &Connection, r: &InboxRow) -> R<()> {
    conn.prepare_cached(
        "INSERT INTO inbox (no, at, member, name, outcome, detail, asset) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        int(r.no)?,
        r.at.as_nanos(),
        r.member.map(|m| *m.as_bytes()),
        r.name,
        r.outcome,
        r.detail,
        r.asset.map(|a| *a.as_bytes())
    ])?;
    Ok(())
}

pub(super) fn changes(conn: &Connection, after: u64, limit: usize) -> R<Vec<ChangeRow>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let sql = "SELECT seq, kind, id FROM change WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    all(conn, sql, &[&int(after)?, &limit], |row| {
        Ok(ChangeRow { seq: get_u64(row, 0)?, kind: get_change(row, 1)?, id: row.get(2)? })
    })
}

pub(super) fn last_change(conn: &Connection) -> R<u64> {
    uint(conn.prepare_cached("SELECT coalesce(max(seq), 0) FROM change")?.query_row([], |r| r.get(0))?)
}

pub(super) fn add_change(conn: &Connection, kind: ChangeKind, id: &str) -> R<()> {
    conn.prepare_cached(
        "INSERT INTO change (seq, kind, id) VALUES ((SELECT coalesce(max(seq), 0) + 1 FROM change), ?1, ?2)",
    )?
    .execute(params![put_change(kind), id])?;
    Ok(())
}

const AUDIT: &str = "chain, seq, at, actor, action, subject, detail, prev, hash";

pub(super) fn audit(conn: &Connection, which: &str, args: &[&dyn ToSql]) -> R<Vec<AuditRow>> {
    all(conn, &format!("SELECT {AUDIT} FROM audit WHERE {which}"), args, |row| {
        Ok(AuditRow {
            chain: row.get(0)?,
            seq: get_u64(row, 1)?,
            at: get_time(row, 2)?,
            actor: row.get(3)?,
            action: row.get(4)?,
            subject: row.get(5)?,
            detail: row.get(6)?,
            prev: get_hash(row, 7)?.unwrap_or_default(),
            hash: get_hash(row, 8)?.unwrap_or_default(),
        })
    })
}

pub(super) fn add_audit(conn: &Connection, a: &AuditRow) -> R<()> {
    conn.prepare_cached(&format!("INSERT INTO audit ({AUDIT}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"))?.execute(
        params![a.chain, int(a.seq)?, a.at.as_nanos(), a.actor, a.action, a.subject, a.detail, a.prev, a.hash],
    )?;
    Ok(())
}

pub(super) fn audit_chains(conn: &Connection) -> R<Vec<String>> {
    all(conn, "SELECT DISTINCT chain FROM audit ORDER BY chain", &[], |row| Ok(row.get(0)?))
}

pub(super) fn meta(conn: &Connection, key: &str) -> R<Option<String>> {
    Ok(conn.prepare_cached("SELECT value FROM meta WHERE key = ?1")?.query_row([key], |r| r.get(0)).optional()?)
}

pub(super) fn set_meta(conn: &Connection, key: &str, value: &str) -> R<()> {
    conn.prepare_cached("INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2")?
        .execute([key, value])?;
    Ok(())
}

pub(super) fn next(conn: &Connection, counter: Counter) -> R<u64> {
    let (name, first) = match counter {
        Counter::Node => ("node", NodeId::FIRST_FREE),
        Counter::Entry => ("entry", 1),
        Counter::Version => ("version", 1),
        Counter::Rendition => ("rendition", 1),
        Counter::Asset => ("asset", 1),
        Counter::Inbox => ("inbox", 1),
    };
    uint(
        conn.prepare_cached(
            "INSERT INTO counter (name, last) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET last = last + 1 RETURNING last",
        )?
        .query_row(params![name, int(first)?], |r| r.get(0))?,
    )
}
