//! What happened: the change feed, the inbox report, the audit log.

use rusqlite::{Connection, Row, params};

use super::convert::Num;
use super::sql::{all, cursor, limit, one, run};
use crate::catalog::{AuditRow, CatalogError as E, ChangeKind, ChangeRow, InboxRow};

pub(super) fn last(conn: &Connection) -> Result<u64, E> {
    let seq = one(conn, "SELECT max(seq) FROM change", [], |row| row.get::<_, Option<Num>>(0))?;
    Ok(seq.flatten().map_or(0, |n| n.0))
}

pub(super) fn after(conn: &Connection, seq: u64, rows: usize) -> Result<Vec<ChangeRow>, E> {
    let sql = "SELECT seq, kind, id FROM change WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    all(conn, sql, [cursor(seq), limit(rows)], |row| {
        Ok(ChangeRow { seq: row.get::<_, Num>(0)?.0, kind: row.get(1)?, id: row.get(2)? })
    })
}

pub(super) fn append(conn: &Connection, seq: u64, kind: ChangeKind, id: &str) -> Result<(), E> {
    run(conn, "INSERT INTO change (seq, kind, id) VALUES (?1, ?2, ?3)", params![Num(seq), kind, id]).map(drop)
}

pub(super) fn inbox(conn: &Connection, rows: usize) -> Result<Vec<InboxRow>, E> {
    let sql = "SELECT no, at, member, name, outcome, detail, asset FROM inbox ORDER BY no DESC LIMIT ?1";
    all(conn, sql, [limit(rows)], |row| {
        Ok(InboxRow {
            no: row.get::<_, Num>(0)?.0,
            at: row.get(1)?,
            member: row.get(2)?,
            name: row.get(3)?,
            outcome: row.get(4)?,
            detail: row.get(5)?,
            asset: row.get(6)?,
        })
    })
}

pub(super) fn add_inbox(conn: &Connection, r: &InboxRow) -> Result<(), E> {
    let sql = "INSERT INTO inbox (no, at, member, name, outcome, detail, asset) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    run(conn, sql, params![Num(r.no), r.at, r.member, r.name, r.outcome, r.detail, r.asset]).map(drop)
}

fn audit_row(row: &Row<'_>) -> rusqlite::Result<AuditRow> {
    Ok(AuditRow {
        chain: row.get(0)?,
        seq: row.get::<_, Num>(1)?.0,
        at: row.get(2)?,
        actor: row.get(3)?,
        action: row.get(4)?,
        subject: row.get(5)?,
        detail: row.get(6)?,
        prev: row.get(7)?,
        hash: row.get(8)?,
    })
}

pub(super) fn audit_head(conn: &Connection, chain: &str) -> Result<Option<AuditRow>, E> {
    let sql = "SELECT chain, seq, at, actor, action, subject, detail, prev, hash FROM audit
        WHERE chain = ?1 ORDER BY seq DESC LIMIT 1";
    one(conn, sql, [chain], audit_row)
}

pub(super) fn audit_after(conn: &Connection, chain: &str, seq: u64, rows: usize) -> Result<Vec<AuditRow>, E> {
    let sql = "SELECT chain, seq, at, actor, action, subject, detail, prev, hash FROM audit
        WHERE chain = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
    all(conn, sql, params![chain, cursor(seq), limit(rows)], audit_row)
}

pub(super) fn audit_chains(conn: &Connection) -> Result<Vec<String>, E> {
    all(conn, "SELECT DISTINCT chain FROM audit ORDER BY chain", [], |row| row.get(0))
}

pub(super) fn add_audit(conn: &Connection, r: &AuditRow) -> Result<(), E> {
    let sql = "INSERT INTO audit (chain, seq, at, actor, action, subject, detail, prev, hash)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let values = params![r.chain, Num(r.seq), r.at, r.actor, r.action, r.subject, r.detail, r.prev, r.hash];
    run(conn, sql, values).map(drop)
}
