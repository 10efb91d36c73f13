//! What changes were.

use rusqlite::types::Type;
use rusqlite::{Connection, Error, Row, params};

use super::convert::Num;
use super::sql::{all, cursor, limit, one, run};
use crate::catalog::CatalogError as E;
use crate::catalog::journal::{JournalRow, TurnRow};
use crate::types::{MemberId, Timestamp};

fn from_row(row: &Row<'_>) -> rusqlite::Result<JournalRow> {
    let steps: String = row.get(5)?;
    Ok(JournalRow {
        seq: row.get::<_, Num>(0)?.0,
        turn: row.get::<_, Num>(1)?.0,
        member: row.get(2)?,
        at: row.get(3)?,
        undoes: row.get::<_, Option<Num>>(4)?.map(|n| n.0),
        steps: serde_json::from_str(&steps).map_err(|e| Error::FromSqlConversionFailure(5, Type::Text, e.into()))?,
    })
}

pub(super) fn turns(conn: &Connection, of: Option<MemberId>, before: u64, rows: usize) -> Result<Vec<TurnRow>, E> {
    let sql = "SELECT turn, member, min(at), max(undoes) FROM journal
        WHERE turn < ?1 AND (?2 IS NULL OR member = ?2) GROUP BY turn, member ORDER BY turn DESC LIMIT ?3";
    all(conn, sql, params![cursor(before), of, limit(rows)], |row| {
        Ok(TurnRow {
            no: row.get::<_, Num>(0)?.0,
            member: row.get(1)?,
            began: row.get(2)?,
            undoes: row.get::<_, Option<Num>>(3)?.map(|n| n.0),
        })
    })
}

pub(super) fn of_turn(conn: &Connection, no: u64) -> Result<Vec<JournalRow>, E> {
    let sql = "SELECT seq, turn, member, at, undoes, steps FROM journal WHERE turn = ?1 ORDER BY seq";
    all(conn, sql, [cursor(no)], from_row)
}

pub(super) fn after(conn: &Connection, seq: u64, rows: usize) -> Result<Vec<JournalRow>, E> {
    let sql = "SELECT seq, turn, member, at, undoes, steps FROM journal WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    all(conn, sql, [cursor(seq), limit(rows)], from_row)
}

pub(super) fn add(conn: &Connection, r: &JournalRow) -> Result<(), E> {
    let steps = serde_json::to_string(&r.steps).map_err(|e| E::Engine(e.to_string()))?;
    let sql = "INSERT INTO journal (seq, turn, member, at, undoes, steps) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    run(conn, sql, params![Num(r.seq), Num(r.turn), r.member, r.at, r.undoes.map(Num), steps]).map(drop)
}

pub(super) fn drop_before(conn: &Connection, time: Timestamp) -> Result<u64, E> {
    let sql = "SELECT seq FROM journal WHERE at >= ?1 ORDER BY seq LIMIT 1";
    let kept = one(conn, sql, [time], |row| row.get::<_, i64>(0))?;
    let dropped = run(conn, "DELETE FROM journal WHERE seq < ?1", [kept.unwrap_or(i64::MAX)])?;
    Ok(u64::try_from(dropped).unwrap_or(u64::MAX))
}
