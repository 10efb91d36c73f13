//! Members, folder rules, the words of open vocabularies, settings and counters.

use rusqlite::{Connection, Row, params};

use super::convert::Num;
use super::groups;
use super::sql::{all, one, run};
use super::tx::{Given, Heads};
use crate::catalog::rules::before_first;
use crate::catalog::{CatalogError as E, Counter, FolderRule, MemberRow};
use crate::types::{MemberId, NodeId};

pub(super) fn meta(conn: &Connection, key: &str) -> Result<Option<String>, E> {
    one(conn, "SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
}

pub(super) fn metas(conn: &Connection, beginning: &str) -> Result<Vec<(String, String)>, E> {
    let sql = "SELECT key, value FROM meta WHERE substr(key, 1, length(?1)) = ?1 ORDER BY key";
    all(conn, sql, [beginning], |row| Ok((row.get(0)?, row.get(1)?)))
}

pub(super) fn set_meta(conn: &Connection, key: &str, value: &str) -> Result<(), E> {
    let sql = "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    run(conn, sql, [key, value]).map(drop)
}

/// Numbers that are reserved at once. A power cut may take back what was done with a number, never that it was reserved.
const BLOCK: u64 = 1024;

/// A number that nobody was given before: the next one of a reserved block, or the first of a new block.
pub(super) fn next(conn: &Connection, counter: Counter, given: &mut Given, heads: &mut Heads) -> Result<u64, E> {
    let reserved = reserved(conn, counter, heads)?;
    // In a new process every reserved number may have been given, and what says so lost.
    let number = given.last.get(&counter).copied().unwrap_or(reserved) + 1;
    if number > reserved {
        reserve(conn, counter, number + BLOCK - 1, given, heads)?;
    }
    given.last.insert(counter, number);
    Ok(number)
}

/// Numbers up to this one are never given any more.
pub(super) fn pass_over(
    conn: &Connection,
    counter: Counter,
    upto: u64,
    given: &mut Given,
    heads: &mut Heads,
) -> Result<(), E> {
    let reserved = reserved(conn, counter, heads)?;
    if upto > reserved {
        reserve(conn, counter, upto, given, heads)?;
    }
    let last = given.last.entry(counter).or_insert(reserved);
    *last = upto.max(*last);
    Ok(())
}

/// Up to which number a counter's are reserved.
fn reserved(conn: &Connection, counter: Counter, heads: &mut Heads) -> Result<u64, E> {
    if let Some(reserved) = heads.reserved.get(&counter) {
        return Ok(*reserved);
    }
    let stored = one(conn, "SELECT last FROM counter WHERE name = ?1", [counter], |row| row.get::<_, Num>(0))?;
    let reserved = stored.map_or(before_first(counter), |n| n.0);
    heads.reserved.insert(counter, reserved);
    Ok(reserved)
}

fn reserve(conn: &Connection, counter: Counter, upto: u64, given: &mut Given, heads: &mut Heads) -> Result<(), E> {
    let sql = "INSERT INTO counter (name, last) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET last = excluded.last";
    run(conn, sql, params![counter, Num(upto)])?;
    heads.reserved.insert(counter, upto);
    given.reserved = true;
    Ok(())
}

fn member_row(row: &Row<'_>) -> rusqlite::Result<MemberRow> {
    Ok(MemberRow {
        id: row.get(0)?,
        name: row.get(1)?,
        uid: row.get(2)?,
        role: row.get(3)?,
        scope: row.get(4)?,
        active: row.get(5)?,
        since: row.get(6)?,
        ends: row.get(7)?,
        read_only: row.get(8)?,
        groups: Vec::new(),
    })
}

fn with_groups(conn: &Connection, found: Option<MemberRow>) -> Result<Option<MemberRow>, E> {
    found.map(|row| Ok(MemberRow { groups: groups::of(conn, row.id)?, ..row })).transpose()
}

pub(super) fn get(conn: &Connection, id: MemberId) -> Result<Option<MemberRow>, E> {
    let sql = "SELECT id, name, uid, role, scope, active, since, ends, read_only FROM member WHERE id = ?1";
    with_groups(conn, one(conn, sql, [id], member_row)?)
}

pub(super) fn by_name(conn: &Connection, name: &str) -> Result<Option<MemberRow>, E> {
    let sql = "SELECT id, name, uid, role, scope, active, since, ends, read_only FROM member WHERE name = ?1";
    with_groups(conn, one(conn, sql, [name], member_row)?)
}

pub(super) fn by_uid(conn: &Connection, uid: u32) -> Result<Option<MemberRow>, E> {
    let sql = "SELECT id, name, uid, role, scope, active, since, ends, read_only FROM member WHERE uid = ?1";
    with_groups(conn, one(conn, sql, [uid], member_row)?)
}

pub(super) fn list(conn: &Connection) -> Result<Vec<MemberRow>, E> {
    let sql = "SELECT id, name, uid, role, scope, active, since, ends, read_only FROM member ORDER BY name";
    let mut rows = all(conn, sql, [], member_row)?;
    let granted = groups::list(conn)?;
    // Most libraries grant nothing to any group.
    let seats = if granted.is_empty() { Vec::new() } else { groups::seats(conn)? };
    for seat in seats {
        let row = rows.iter_mut().find(|row| row.id == seat.member);
        if let (Some(row), Some(group)) = (row, granted.iter().find(|group| group.name == seat.group)) {
            row.groups.push(group.clone());
        }
    }
    Ok(rows)
}

pub(super) fn put(conn: &Connection, m: &MemberRow) -> Result<(), E> {
    let values = params![m.id, m.name, m.uid, m.role, m.scope, m.active, m.since, m.ends, m.read_only];
    let update = "UPDATE member SET name = ?2, uid = ?3, role = ?4, scope = ?5, active = ?6, since = ?7, ends = ?8,
        read_only = ?9 WHERE id = ?1";
    if run(conn, update, values)? == 0 {
        let insert = "INSERT INTO member (id, name, uid, role, scope, active, since, ends, read_only)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        run(conn, insert, values)?;
    }
    Ok(())
}

pub(super) fn folder_rules(conn: &Connection, folder: NodeId) -> Result<Vec<FolderRule>, E> {
    let sql = "SELECT folder, facet, value FROM folder_rule WHERE folder = ?1 ORDER BY facet";
    all(conn, sql, [folder], |row| Ok(FolderRule { folder: row.get(0)?, facet: row.get(1)?, value: row.get(2)? }))
}

pub(super) fn put_folder_rule(conn: &Connection, rule: &FolderRule) -> Result<(), E> {
    let sql = "INSERT INTO folder_rule (folder, facet, value) VALUES (?1, ?2, ?3)
        ON CONFLICT (folder, facet) DO UPDATE SET value = excluded.value";
    run(conn, sql, params![rule.folder, rule.facet, rule.value]).map(drop)
}

pub(super) fn remove_folder_rule(conn: &Connection, folder: NodeId, facet: &str) -> Result<(), E> {
    run(conn, "DELETE FROM folder_rule WHERE folder = ?1 AND facet = ?2", params![folder, facet]).map(drop)
}

pub(super) fn vocabulary(conn: &Connection, facet: &str) -> Result<Vec<String>, E> {
    all(conn, "SELECT value FROM word WHERE facet = ?1 ORDER BY value", [facet], |row| row.get(0))
}

pub(super) fn add_word(conn: &Connection, facet: &str, value: &str) -> Result<(), E> {
    let sql = "INSERT INTO word (facet, value) VALUES (?1, ?2) ON CONFLICT (facet, value) DO NOTHING";
    run(conn, sql, [facet, value]).map(drop)
}

pub(super) fn remove_word(conn: &Connection, facet: &str, value: &str) -> Result<bool, E> {
    Ok(run(conn, "DELETE FROM word WHERE facet = ?1 AND value = ?2", [facet, value])? > 0)
}
