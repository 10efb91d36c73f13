//! Second factors.

use rusqlite::types::Type;
use rusqlite::{Connection, Error, Row, params};

use super::convert::Num;
use super::sql::{all, one, run};
use crate::catalog::{CatalogError as E, FactorRow};
use crate::types::MemberId;

fn from_row(row: &Row<'_>) -> rusqlite::Result<FactorRow> {
    let recovery: Vec<u8> = row.get(8)?;
    let (recovery, rest) = recovery.as_chunks::<32>();
    if !rest.is_empty() {
        return Err(Error::FromSqlConversionFailure(8, Type::Blob, "recovery codes are no whole hashes".into()));
    }
    Ok(FactorRow {
        member: row.get(0)?,
        epoch: row.get(1)?,
        secret: row.get(2)?,
        enrolled: row.get(3)?,
        last_step: row.get::<_, Num>(4)?.0,
        wrong: row.get(5)?,
        blocked: row.get(6)?,
        unlocked: row.get(7)?,
        recovery: recovery.to_vec(),
    })
}

pub(super) fn get(conn: &Connection, member: MemberId) -> Result<Option<FactorRow>, E> {
    let sql = "SELECT member, epoch, secret, enrolled, last_step, wrong, blocked, unlocked, recovery
        FROM second_factor WHERE member = ?1";
    one(conn, sql, [member], from_row)
}

pub(super) fn list(conn: &Connection) -> Result<Vec<FactorRow>, E> {
    let sql = "SELECT member, epoch, secret, enrolled, last_step, wrong, blocked, unlocked, recovery
        FROM second_factor ORDER BY member";
    all(conn, sql, [], from_row)
}

pub(super) fn put(conn: &Connection, f: &FactorRow) -> Result<(), E> {
    let sql = "INSERT INTO second_factor (member, epoch, secret, enrolled, last_step, wrong, blocked, unlocked, recovery)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
        ON CONFLICT (member) DO UPDATE SET epoch = excluded.epoch, secret = excluded.secret, enrolled = excluded.enrolled,
        last_step = excluded.last_step, wrong = excluded.wrong, blocked = excluded.blocked,
        unlocked = excluded.unlocked, recovery = excluded.recovery";
    let recovery = f.recovery.concat();
    let (step, secret) = (Num(f.last_step), f.secret.as_slice());
    let values = params![f.member, f.epoch, secret, f.enrolled, step, f.wrong, f.blocked, f.unlocked, recovery];
    run(conn, sql, values).map(drop)
}

pub(super) fn remove(conn: &Connection, member: MemberId) -> Result<bool, E> {
    Ok(run(conn, "DELETE FROM second_factor WHERE member = ?1", [member])? > 0)
}
