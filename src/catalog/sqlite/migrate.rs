//! The file's identity, its schema from version to version, and its faults.

use rusqlite::{Connection, TransactionBehavior};

use super::sql::all;
use crate::catalog::CatalogError as E;

/// `damC`; tells our files from others.
const APPLICATION_ID: i64 = 0x6461_6d43;

/// The steps; the schema's number is how many were taken.
const STEPS: &[&str] = &[
    include_str!("schema/0001.sql"),
    include_str!("schema/0002.sql"),
    include_str!("schema/0003.sql"),
    include_str!("schema/0004.sql"),
    include_str!("schema/0005.sql"),
    include_str!("schema/0006.sql"),
    include_str!("schema/0007.sql"),
];

const KNOWN: i64 = 7;

fn pragma(conn: &Connection, name: &str) -> Result<i64, E> {
    Ok(conn.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))?)
}

/// Refuses what is no catalogue and what is newer, before anything is changed. Returns the steps taken so far.
pub(super) fn check(conn: &Connection) -> Result<i64, E> {
    let (found, application) = (pragma(conn, "user_version")?, pragma(conn, "application_id")?);
    if application != APPLICATION_ID {
        let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if application != 0 || found != 0 || tables != 0 {
            return Err(E::Damaged("the file is not a damfs catalogue".into()));
        }
    }
    if found > KNOWN {
        return Err(E::NewerSchema { found, known: KNOWN });
    }
    Ok(found)
}

/// Takes the steps that are missing, all or none.
pub(super) fn run(conn: &mut Connection) -> Result<(), E> {
    if check(conn)? == KNOWN {
        return Ok(());
    }
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been first.
    let taken = usize::try_from(check(&tx)?).unwrap_or(0);
    for step in STEPS.iter().skip(taken) {
        tx.execute_batch(step)?;
    }
    tx.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {KNOWN};"))?;
    Ok(tx.commit()?)
}

/// One line per fault: what the engine finds, then our own rules that it does not hold by itself.
pub(super) fn faults(conn: &Connection) -> Result<Vec<String>, E> {
    let mut out = all(conn, "PRAGMA integrity_check", [], |row| row.get::<_, String>(0))?;
    out.retain(|line| line != "ok");
    out.extend(all(conn, "PRAGMA foreign_key_check", [], |row| {
        let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
        Ok(format!("a row of `{table}` refers to a row of `{parent}` that does not exist"))
    })?);
    let rules = [
        (
            "SELECT hex(a.id) FROM asset a WHERE a.head IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM version v WHERE v.id = a.head AND v.asset = a.id)
            ORDER BY a.ordinal",
            "asset {}: its head is not one of its versions",
        ),
        (
            "SELECT hex(v.id) FROM version v
            WHERE NOT EXISTS (SELECT 1 FROM content c WHERE c.id = v.content) ORDER BY v.no",
            "version {}: its content does not exist",
        ),
        (
            "SELECT CAST(e.id AS TEXT) FROM entry e
            WHERE NOT EXISTS (SELECT 1 FROM node n WHERE n.id = e.node) ORDER BY e.id",
            "entry {}: its node does not exist",
        ),
        (
            "SELECT CAST(e.id AS TEXT) FROM entry e JOIN node n ON n.id = e.parent
            WHERE n.kind <> 'dir' ORDER BY e.id",
            "entry {}: its parent is no directory",
        ),
        (
            "SELECT CAST(a.node AS TEXT) FROM asset a WHERE a.node IS NOT NULL
            GROUP BY a.node HAVING count(*) > 1 ORDER BY a.node",
            "node {}: several assets hold it",
        ),
        (
            "SELECT hex(c.id) FROM content c WHERE c.size <>
            (SELECT coalesce(sum(x.length), 0) FROM content_extent x WHERE x.content = c.id) ORDER BY c.id",
            "content {}: its extents do not add up to its size",
        ),
        (
            "SELECT hex(a.id) FROM asset a
            WHERE NOT EXISTS (SELECT 1 FROM asset_text t WHERE t.asset = a.ordinal) ORDER BY a.ordinal",
            "asset {}: its searched words are missing",
        ),
        (
            "SELECT hex(a.id) FROM asset a WHERE a.marked_name IS NULL AND EXISTS (SELECT 1 FROM asset b
            WHERE b.ordinal <> a.ordinal AND (b.view_stem = a.view_stem OR b.marked_stem = a.view_stem))
            ORDER BY a.ordinal",
            "asset {}: another has its stem, and it has no marked name",
        ),
    ];
    for (sql, line) in rules {
        let found = all(conn, sql, [], |row| row.get::<_, String>(0))?;
        out.extend(found.iter().map(|subject| line.replace("{}", subject)));
    }
    Ok(out)
}
