//! Groups of the system whose people are members.

use rusqlite::{Connection, Row, params};

use super::sql::{all, one, run};
use crate::catalog::{CatalogError as E, GroupRow, GroupSeat};
use crate::types::MemberId;

fn from_row(row: &Row<'_>) -> rusqlite::Result<GroupRow> {
    Ok(GroupRow { name: row.get(0)?, role: row.get(1)?, scope: row.get(2)?, since: row.get(3)?, ends: row.get(4)? })
}

pub(super) fn list(conn: &Connection) -> Result<Vec<GroupRow>, E> {
    all(conn, "SELECT name, role, scope, since, ends FROM group_grant ORDER BY name", [], from_row)
}

/// Those that a member is in.
pub(super) fn of(conn: &Connection, member: MemberId) -> Result<Vec<GroupRow>, E> {
    let sql =
        "SELECT g.name, g.role, g.scope, g.since, g.ends FROM group_seat s JOIN group_grant g ON g.name = s.granted
        WHERE s.member = ?1 ORDER BY g.name";
    all(conn, sql, [member], from_row)
}

pub(super) fn seats(conn: &Connection) -> Result<Vec<GroupSeat>, E> {
    let sql = "SELECT member, granted, seen FROM group_seat ORDER BY member, granted";
    all(conn, sql, [], |row| Ok(GroupSeat { member: row.get(0)?, group: row.get(1)?, seen: row.get(2)? }))
}

pub(super) fn seats_of(conn: &Connection, member: MemberId) -> Result<Vec<GroupSeat>, E> {
    let sql = "SELECT granted, seen FROM group_seat WHERE member = ?1 ORDER BY granted";
    all(conn, sql, [member], |row| Ok(GroupSeat { member, group: row.get(0)?, seen: row.get(1)? }))
}

pub(super) fn put(conn: &Connection, g: &GroupRow) -> Result<(), E> {
    let sql = "INSERT INTO group_grant (name, role, scope, since, ends) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (name) DO UPDATE SET role = excluded.role, scope = excluded.scope, since = excluded.since,
        ends = excluded.ends";
    run(conn, sql, params![g.name, g.role, g.scope, g.since, g.ends]).map(drop)
}

pub(super) fn remove(conn: &Connection, name: &str) -> Result<bool, E> {
    Ok(run(conn, "DELETE FROM group_grant WHERE name = ?1", [name])? > 0)
}

pub(super) fn put_seat(conn: &Connection, s: &GroupSeat) -> Result<(), E> {
    let sql = "INSERT INTO group_seat (member, granted, seen) VALUES (?1, ?2, ?3)
        ON CONFLICT (member, granted) DO UPDATE SET seen = excluded.seen";
    run(conn, sql, params![s.member, s.group, s.seen]).map(drop)
}

pub(super) fn remove_seat(conn: &Connection, member: MemberId, group: &str) -> Result<bool, E> {
    Ok(run(conn, "DELETE FROM group_seat WHERE member = ?1 AND granted = ?2", params![member, group])? > 0)
}

pub(super) fn seen_login(conn: &Connection, member: MemberId) -> Result<Option<String>, E> {
    one(conn, "SELECT login FROM group_login WHERE member = ?1", [member], |row| row.get(0))
}

pub(super) fn put_seen_login(conn: &Connection, member: MemberId, login: &str) -> Result<(), E> {
    let sql = "INSERT INTO group_login (member, login) VALUES (?1, ?2)
        ON CONFLICT (member) DO UPDATE SET login = excluded.login";
    run(conn, sql, params![member, login]).map(drop)
}

pub(super) fn remove_seen_login(conn: &Connection, member: MemberId) -> Result<bool, E> {
    Ok(run(conn, "DELETE FROM group_login WHERE member = ?1", [member])? > 0)
}
