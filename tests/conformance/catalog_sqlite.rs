//! What only the engine on disk can show: reopening, foreign files, direct SQL, speed.

use std::time::Instant;

use damfs::catalog::sqlite::SqliteEngine;
use damfs::catalog::{Asset, CatalogError, Counter, Engine, MemberRow, NodeClass, NodeKind, NodeRow, Verdict, WriteTx};
use damfs::policy::{Expr, Field};
use damfs::types::{EntryId, Generation, NodeId, Timestamp};
use rusqlite::Connection;

use crate::samples::*;

#[test]
fn everything_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catalog.db");
    let given = {
        let engine = SqliteEngine::create(&path).unwrap();
        root(&engine);
        write(&engine, |tx| publish(tx, &asset(30))).unwrap();
        engine.barrier().unwrap();
        write(&engine, |tx| tx.next(Counter::Entry)).unwrap()
    };
    assert!(matches!(SqliteEngine::create(&path), Err(CatalogError::Engine(m)) if m.contains("exists")));
    let engine = SqliteEngine::open(&path).unwrap();
    assert_eq!(read(&engine, |tx| tx.find(&Expr::all(), 0, 9)), [asset(30)]);
    assert!(write(&engine, |tx| tx.next(Counter::Entry)).unwrap() > given);
    assert_eq!(engine.check().unwrap(), Vec::<String>::new());
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "prompts are nobody else's");
}

/// Regression: each row that was written made a table for every list of words that its columns may hold.
#[test]
fn no_row_needs_a_table_to_be_checked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catalog.db");
    drop(SqliteEngine::create(&path).unwrap());
    let conn = Connection::open(&path).unwrap();
    let column = |sql: &str, at: usize| -> Vec<String> {
        let mut statement = conn.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(at)).unwrap().map(Result::unwrap).collect()
    };
    let tables = column("SELECT name FROM sqlite_schema WHERE type = 'table'", 0);
    assert!(tables.len() > 20);
    for table in tables {
        let places = vec!["NULL"; column(&format!("PRAGMA table_info({table})"), 1).len()].join(", ");
        let program = column(&format!("EXPLAIN INSERT INTO {table} VALUES ({places})"), 1);
        assert!(!program.iter().any(|op| op == "OpenEphemeral"), "{table}");
    }
}

/// Regression: a change of one column wrote every index of the row anew.
#[test]
fn what_did_not_change_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catalog.db");
    let engine = SqliteEngine::create(&path).unwrap();
    root(&engine);
    let there = NodeRow { class: NodeClass::Asset, asset: Some(asset_id(30)), ..node(30, NodeKind::File) };
    let published = write(&engine, |tx| {
        tx.put_node(&there)?;
        publish(tx, &Asset { node: Some(NodeId(30)), ..asset(30) })?;
        Ok(tx.asset(asset_id(30))?.unwrap())
    })
    .unwrap();
    // A page in the log is its bytes and a header.
    let log = dir.path().join("catalog.db-wal");
    let pages = |f: &dyn Fn(&mut dyn WriteTx) -> Result<(), CatalogError>| {
        let before = std::fs::metadata(&log).unwrap().len();
        write(&engine, |tx| f(tx)).unwrap();
        (std::fs::metadata(&log).unwrap().len() - before) / (4096 + 24)
    };
    let later = NodeRow { size: 77, mtime: there.mtime.plus_ms(1), ..there.clone() };
    assert_eq!(pages(&|tx| tx.put_node(&later)), 1, "the row");
    assert_eq!(pages(&|tx| tx.put_node(&later)), 0, "nothing");
    assert_eq!(
        pages(&|tx| tx.put_node(&NodeRow { staged: true, ..later.clone() })),
        2,
        "the row and the list of unsettled ones"
    );
    assert_eq!(pages(&|tx| tx.put_asset(&Asset { stars: Some(3), ..published.clone() })), 1, "the row");
}

/// Regression: a power cut took the last commits, and the numbers in them were given to other nodes.
#[test]
fn a_number_that_a_power_cut_took_does_not_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catalog.db");
    let engine = SqliteEngine::create(&path).unwrap();
    let first = write(&engine, |tx| tx.next(Counter::Node)).unwrap();
    // What is on the disk by now; later commits are not synced.
    let cut = tempfile::tempdir().unwrap();
    for file in ["catalog.db", "catalog.db-wal"] {
        std::fs::copy(dir.path().join(file), cut.path().join(file)).unwrap();
    }
    let lost = (0..5).map(|_| write(&engine, |tx| tx.next(Counter::Node)).unwrap()).max().unwrap();
    assert_eq!(lost, first + 5, "they follow each other");
    let after = SqliteEngine::open(&cut.path().join("catalog.db")).unwrap();
    assert!(write(&after, |tx| tx.next(Counter::Node)).unwrap() > lost);
}

#[test]
fn a_catalogue_of_the_first_schema_is_brought_to_this_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catalog.db");
    let member = MemberRow {
        id: member_id(1),
        name: "ann".into(),
        uid: None,
        role: "editor".into(),
        scope: None,
        active: true,
        since: Timestamp::from_secs(1),
        ends: None,
        read_only: false,
        groups: Vec::new(),
    };
    let engine = SqliteEngine::create(&path).unwrap();
    root(&engine);
    let verdict = Verdict::new("approved", Some(version_id(30)), None, Timestamp::from_secs(4));
    let judged = Asset { status: [("instagram".to_owned(), verdict)].into(), ..asset(30) };
    write(&engine, |tx| {
        tx.put_member(&member)?;
        publish(tx, &judged)
    })
    .unwrap();
    drop(engine);
    // What the steps behind it add.
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch(
        "DROP TABLE group_seat; DROP TABLE group_login; DROP TABLE group_grant; DROP TABLE second_factor; ALTER TABLE member DROP COLUMN ends; ALTER TABLE member DROP COLUMN read_only; DROP TABLE asset_remark;
        ALTER TABLE asset DROP COLUMN reviewer; ALTER TABLE asset DROP COLUMN due;
        ALTER TABLE asset_status DROP COLUMN reason; ALTER TABLE asset_status DROP COLUMN guideline;
        ALTER TABLE look DROP COLUMN colours; ALTER TABLE asset DROP COLUMN colours;
        PRAGMA user_version = 1",
    )
    .unwrap();
    drop(raw);
    for _ in 0..2 {
        let engine = SqliteEngine::open(&path).unwrap();
        read(&engine, |tx| {
            assert_eq!((tx.factors()?, tx.member(member.id)?), (Vec::new(), Some(member.clone())));
            assert!(tx.groups()?.is_empty());
            assert_eq!(tx.asset(judged.id)?.map(|asset| asset.status), Some(judged.status.clone()));
            Ok(())
        });
        assert!(engine.check().unwrap().is_empty());
    }
}

#[test]
fn foreign_and_newer_files_are_refused_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catalog.db");
    drop(SqliteEngine::create(&path).unwrap());
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    assert!(matches!(SqliteEngine::open(&path), Err(CatalogError::NewerSchema { found: 99, known: 7 })));

    let foreign = dir.path().join("foreign.db");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    assert!(matches!(SqliteEngine::open(&foreign), Err(CatalogError::Damaged(_))));

    let text = dir.path().join("text.db");
    std::fs::write(&text, "this is a text that is longer than a header of a hundred bytes ".repeat(4)).unwrap();
    assert!(matches!(SqliteEngine::open(&text), Err(CatalogError::Damaged(_))));
    // One made in the place of a lost catalogue would be a library in which nothing is.
    let lost = dir.path().join("lost.db");
    assert!(matches!(SqliteEngine::open(&lost), Err(CatalogError::Damaged(m)) if m.contains("not there")));
    std::fs::write(&lost, b"").unwrap();
    assert!(matches!(SqliteEngine::open(&lost), Err(CatalogError::Damaged(m)) if m.contains("empty")));
}

#[test]
fn a_copy_made_amid_writes_is_one_state_and_nobody_elses() {
    let dir = tempfile::tempdir().unwrap();
    let (path, to) = (dir.path().join("catalog.db"), dir.path().join("copy.db"));
    let engine = SqliteEngine::create(&path).unwrap();
    root(&engine);
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 30.. {
                write(&engine, |tx| publish(tx, &asset(n))).unwrap();
                if stop.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
            }
        });
        while read(&engine, |tx| tx.count(&Expr::all())) < 20 {}
        SqliteEngine::copy(&path, &to).unwrap();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&to).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert!(SqliteEngine::copy(&path, &to).is_err(), "a copy replaces nothing");
    let copy = SqliteEngine::open(&to).unwrap();
    assert_eq!(copy.check().unwrap(), Vec::<String>::new());
    assert!(read(&copy, |tx| tx.count(&Expr::all())) >= 20);
}

#[test]
fn audit_rows_and_versions_resist_direct_changes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catalog.db");
    let engine = SqliteEngine::create(&path).unwrap();
    write(&engine, |tx| {
        publish(tx, &asset(30))?;
        tx.add_audit(&audit("main", 1))
    })
    .unwrap();
    let conn = Connection::open(&path).unwrap();
    for sql in [
        "UPDATE audit SET actor = 'bob'",
        "DELETE FROM audit",
        "UPDATE version SET n = 2",
        "UPDATE version SET asset = x'00112233445566778899aabbccddeeff', n = 2, size = 8",
        "UPDATE version SET asset = x'00112233445566778899aabbccddeeff', made_by = NULL",
    ] {
        let error = conn.execute(sql, []).unwrap_err().to_string();
        assert!(error.contains("append-only") || error.contains("immutable"), "{error}");
    }
    assert!(conn.execute("UPDATE asset SET rating = 'X'", []).is_err(), "CHECKs hold without us");
}

#[test]
fn faults_are_reported() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catalog.db");
    let engine = SqliteEngine::create(&path).unwrap();
    root(&engine);
    write(&engine, |tx| {
        tx.put_node(&node(20, NodeKind::File))?;
        tx.add_entry(&entry(20, NodeId::LIBRARY, "a", 20))?;
        publish(tx, &Asset { node: Some(NodeId(20)), ..asset(30) })?;
        publish(tx, &asset(31))
    })
    .unwrap();
    assert_eq!(engine.check().unwrap(), Vec::<String>::new());
    let conn = Connection::open(&path).unwrap();
    conn.execute_batch(
        "PRAGMA foreign_keys = OFF;
         UPDATE asset SET head = (SELECT head FROM asset WHERE ordinal = 30), node = 20 WHERE ordinal = 31;
         DELETE FROM content; DELETE FROM content_extent; UPDATE entry SET node = 99;",
    )
    .unwrap();
    let faults = engine.check().unwrap().join("\n");
    for wanted in
        ["is not one of its versions", "its content does not exist", "its node does not exist", "several assets"]
    {
        assert!(faults.contains(wanted), "{wanted} in:\n{faults}");
    }
}

#[test]
fn two_processes_take_turns() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catalog.db");
    let (one, two) = (SqliteEngine::create(&path).unwrap(), SqliteEngine::open(&path).unwrap());
    std::thread::scope(|scope| {
        let count = |engine: &SqliteEngine| {
            (0..50).map(|_| write(engine, |tx| tx.next(Counter::Node)).unwrap()).collect::<Vec<_>>()
        };
        let other = scope.spawn(move || count(&two));
        let mut all = count(&one);
        all.extend(other.join().unwrap());
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 100, "no number twice");
    });
}

/// Prints figures with `--nocapture`; asserts only that the rows are there.
#[test]
fn ten_thousand_assets() {
    const ASSETS: u64 = 10_000;
    let dir = tempfile::tempdir().unwrap();
    let engine = SqliteEngine::create(&dir.path().join("catalog.db")).unwrap();
    root(&engine);
    let sample = |n: u64| Asset {
        node: Some(NodeId(n)),
        personas: [format!("persona-{}", n % 4)].into(),
        tags: (0..6).map(|t| format!("tag/{}", (n * 7 + t * 13) % 200)).collect(),
        loras: [format!("lora-{}", n % 9)].into(),
        rating: Some("safe".into()),
        model: Some(format!("model-{}", n % 5)),
        prompt: Some("a long prompt of an image, masterpiece, best quality, sunset, beach, dress ".repeat(5)),
        generator: Some("a1111".into()),
        status: [(
            "instagram".to_owned(),
            Verdict::new("approved", Some(version_id(n)), None, damfs::types::Timestamp::EPOCH),
        )]
        .into(),
        ..asset(n)
    };
    let start = Instant::now();
    for from in (100..100 + ASSETS).step_by(100) {
        write(&engine, |tx| {
            (from..from + 100).try_for_each(|n| {
                tx.put_node(&NodeRow { class: NodeClass::Asset, asset: Some(asset_id(n)), ..node(n, NodeKind::File) })?;
                tx.add_entry(&entry(n, NodeId::LIBRARY, &format!("img_{n}.png"), n))?;
                publish(tx, &sample(n))?;
                let made = Generation { raw: "x".repeat(800), ..Generation::default() };
                tx.put_generation(asset_id(n), &made)
            })
        })
        .unwrap();
    }
    let inserted = start.elapsed();
    let timed = |what: &str, f: &mut dyn FnMut() -> usize| {
        let start = Instant::now();
        let rows = f();
        println!("{what}: {rows} rows in {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
        rows
    };
    println!(
        "insert: {ASSETS} assets with node, entry, version in {:.0} ms, 100 per commit",
        inserted.as_secs_f64() * 1e3
    );
    let one = Expr::is(Field::Persona, "persona-1");
    let all = timed("find all", &mut || read(&engine, |tx| tx.find(&Expr::all(), 0, usize::MAX)).len());
    assert_eq!(all, 10_000);
    timed("find all again", &mut || read(&engine, |tx| tx.find(&Expr::all(), 0, usize::MAX)).len());
    timed("find all in pages of 1000", &mut || {
        let (mut after, mut rows) = (0, 0);
        loop {
            let page = read(&engine, |tx| tx.find(&Expr::all(), after, 1000));
            let Some(last) = page.last() else { return rows };
            (after, rows) = (last.ordinal, rows + page.len());
        }
    });
    timed("find persona", &mut || read(&engine, |tx| tx.find(&one, 0, usize::MAX)).len());
    timed("find tag", &mut || read(&engine, |tx| tx.find(&Expr::is(Field::Tag, "tag/7"), 0, usize::MAX)).len());
    timed("count persona", &mut || usize::try_from(read(&engine, |tx| tx.count(&one))).unwrap());
    timed("values of tag", &mut || read(&engine, |tx| tx.values(&Field::Tag, &Expr::all())).len());
    timed("values of tag within persona", &mut || read(&engine, |tx| tx.values(&Field::Tag, &one)).len());
    timed("entries", &mut || read(&engine, |tx| tx.entries(NodeId::LIBRARY, EntryId(0), usize::MAX)).len());
    timed("lookups of entry and node", &mut || {
        read(&engine, |tx| {
            let mut hits = 0;
            for n in 100..100 + ASSETS {
                let found = tx.entry(NodeId::LIBRARY, &name(&format!("img_{n}.png")))?;
                hits += usize::from(tx.node(found.unwrap().node)?.is_some());
            }
            Ok(hits)
        })
    });
    timed("finds", &mut || (100..1100).filter(|n| read(&engine, |tx| tx.finds(&one, asset_id(*n)))).count());
    timed("put_asset with one more tag, 1 per commit", &mut || {
        (100..600)
            .filter(|n| {
                let mut changed = sample(*n);
                changed.tags.insert("new".into());
                write(&engine, |tx| tx.put_asset(&changed)).is_ok()
            })
            .count()
    });
    timed("barrier", &mut || usize::from(engine.barrier().is_ok()));
}
