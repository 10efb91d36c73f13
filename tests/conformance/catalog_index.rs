//! The index of bitmaps: whatever is committed before, while and after it is built, it says what the tables and the evaluator say, of the
//! moment that a read sees.

use damfs::catalog::memory::MemoryEngine;
use damfs::catalog::sqlite::SqliteEngine;
use damfs::catalog::{Asset, AssetState, CatalogError, ChangeKind, Engine, Key, KeyValue, NodeKind, ReadTx, ViewRow};
use damfs::policy::expr::testing::{arb_expr, arb_field};
use damfs::policy::{Expr, Field, parse};
use damfs::types::NodeId;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::catalog_query::{arb_asset, arb_odd_term, some_assets};
use crate::samples::*;

/// What is asked of a moment.
struct Asked {
    queries: Vec<Expr>,
    fields: Vec<Field>,
}

/// All that an engine answers.
#[derive(Debug, PartialEq)]
struct Answers {
    found: Vec<Vec<Asset>>,
    rows: Vec<Vec<ViewRow>>,
    counts: Vec<u64>,
    numbers: Vec<Vec<u64>>,
    again: Vec<Vec<Asset>>,
    keys: Vec<Vec<(u64, Option<KeyValue>)>>,
    values: Vec<Vec<(String, u64)>>,
}

impl Asked {
    fn of(&self, tx: &dyn ReadTx) -> Result<Answers, CatalogError> {
        let pairs = self.queries.iter().flat_map(|query| self.fields.iter().map(move |field| (query, field)));
        // In pages of two: a page goes on where the last one ended.
        let rows = |query: &Expr| {
            let mut rows = Vec::new();
            loop {
                let page = tx.view_rows(query, rows.last().map_or(0, |row: &ViewRow| row.ordinal), 2)?;
                if page.is_empty() {
                    return Ok(rows);
                }
                rows.extend(page);
            }
        };
        let keys = self.queries.iter().flat_map(|query| Key::ALL.map(|key| (query, key)));
        Ok(Answers {
            found: self.queries.iter().map(|query| tx.find(query, 0, usize::MAX)).collect::<Result<_, _>>()?,
            rows: self.queries.iter().map(rows).collect::<Result<_, CatalogError>>()?,
            numbers: self.queries.iter().map(|query| tx.numbers(query)).collect::<Result<_, _>>()?,
            again: self.queries.iter().map(|query| tx.assets(&tx.numbers(query)?)).collect::<Result<_, _>>()?,
            keys: keys.map(|(query, key)| tx.keys(query, key)).collect::<Result<_, _>>()?,
            counts: self.queries.iter().map(|query| tx.count(query)).collect::<Result<_, _>>()?,
            values: pairs.map(|(query, field)| tx.values(field, query)).collect::<Result<_, _>>()?,
        })
    }
}

/// One commit: an asset is made, changed, trashed or published, and the feed is told.
fn commit(engine: &dyn Engine, asset: &Asset) {
    let stored = write(engine, |tx| {
        let node = NodeId(1_000 + asset.ordinal);
        tx.put_node(&node_of(asset))?;
        let known = tx.asset(asset.id)?.is_some_and(|known| known.head.is_some());
        let asset = Asset { node: Some(node), ..asset.clone() };
        tx.change(ChangeKind::Asset, &asset.id.to_string())?;
        if known || asset.head.is_none() { tx.put_asset(&asset) } else { publish(tx, &asset) }
    });
    stored.unwrap();
}

fn node_of(asset: &Asset) -> damfs::catalog::NodeRow {
    node(1_000 + asset.ordinal, NodeKind::File)
}

fn disk() -> (tempfile::TempDir, SqliteEngine) {
    let dir = tempfile::tempdir().unwrap();
    let engine = SqliteEngine::create(&dir.path().join("catalog.db")).unwrap();
    (dir, engine)
}

/// Drawn assets over and over: each is one of six, so that most commits change one that is there. Once published it stays so.
fn history(drawn: Vec<(u64, Asset)>) -> Vec<Asset> {
    let mut published = std::collections::BTreeSet::new();
    let each = drawn.into_iter().map(|(n, drawn)| {
        let ordinal = [20, 21, 22, 70_000, 200_000, 9_000_000][usize::try_from(n).unwrap() % 6];
        let head = drawn.head.is_some() || published.contains(&ordinal);
        if head {
            published.insert(ordinal);
        }
        let head = head.then(|| version_id(ordinal));
        let named = (drawn.state != AssetState::Trashed).then_some(ordinal);
        Asset { id: asset_id(ordinal), ordinal, view_name: format!("{ordinal}.png"), head, named, ..drawn }
    });
    each.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn it_says_what_the_tables_say(
        drawn in vec((0u64..6, arb_asset()), 1..16),
        built in 0usize..16,
        queries in vec(prop_oneof![4 => arb_expr(), 1 => arb_odd_term()], 1..12),
        fields in vec(arb_field(), 1..5),
    ) {
        let (dir, mut disk) = disk();
        let maps = MemoryEngine::new();
        let asked = Asked { queries, fields };
        for (n, asset) in history(drawn).iter().enumerate() {
            if n == built {
                disk.index().unwrap();
            } else if n > built && n % 4 == 0 {
                // The next process has it from the file.
                disk.keep_index().unwrap();
                drop(disk);
                disk = SqliteEngine::open(&dir.path().join("catalog.db")).unwrap();
                disk.index().unwrap();
            }
            commit(&maps, asset);
            let (before, after) = read(&disk, |tx| {
                let before = asked.of(tx)?;
                // Committed while this read goes on: it sees nothing of it.
                commit(&disk, asset);
                Ok((before, asked.of(tx)?))
            });
            prop_assert_eq!(before, after, "one read, one moment");
            prop_assert_eq!(read(&disk, |tx| asked.of(tx)), read(&maps, |tx| asked.of(tx)));
            prop_assert_eq!(disk.has_index(), n >= built);
        }
    }
}

#[test]
fn a_change_that_the_feed_was_not_told_ends_it() {
    let (_dir, disk) = disk();
    let [first, ..] = some_assets();
    let first = Asset { head: Some(version_id(first.ordinal)), ..first };
    let count = |text: &str| read(&disk, |tx| tx.count(&parse(text).unwrap()));
    commit(&disk, &first);
    disk.index().unwrap();
    write(&disk, |tx| tx.put_asset(&Asset { tags: ["night".to_owned()].into(), ..tx.asset(first.id)?.unwrap() }))
        .unwrap();
    assert!(!disk.has_index());
    assert_eq!((count("tag=night"), count("tag=beach")), (1, 0));
    disk.index().unwrap();
    assert!(disk.has_index());
    assert_eq!((count("tag=night"), count("tag=beach")), (1, 0));
}

/// A moment that is longer past than the index knows is asked of the tables.
#[test]
fn a_long_read_stays_right() {
    let (_dir, disk) = disk();
    let [first, ..] = some_assets();
    let first = Asset { head: Some(version_id(first.ordinal)), ..first };
    commit(&disk, &first);
    disk.index().unwrap();
    let asked = Asked { queries: vec![Expr::all(), parse("tag=beach").unwrap()], fields: vec![Field::Tag] };
    let (before, after) = read(&disk, |tx| {
        let before = asked.of(tx)?;
        for n in 0..4_200 {
            commit(&disk, &Asset { tags: [n.to_string()].into(), ..first.clone() });
        }
        // Nothing that was selected before is asked again.
        let other = Asked { queries: vec![parse("tag=beach,rating=safe").unwrap()], fields: vec![Field::Tag] };
        assert_eq!(other.of(tx)?.counts, [1]);
        Ok((before, asked.of(tx)?))
    });
    assert_eq!(before, after);
    assert_eq!(read(&disk, |tx| tx.count(&parse("tag=4199").unwrap())), 1);
}

/// What was kept is of one moment of one catalogue, whole or not at all: the index is built from the tables else.
#[test]
fn the_next_process_has_what_was_kept() {
    let (dir, engine) = disk();
    let path = dir.path().join("catalog.db");
    let [first, second, ..] = some_assets();
    let publish = |asset: Asset| Asset { head: Some(version_id(asset.ordinal)), ..asset };
    commit(&engine, &publish(first.clone()));
    engine.keep_index().unwrap();
    assert!(!path.with_extension("index").exists(), "there is none to keep");
    engine.index().unwrap();
    engine.keep_index().unwrap();
    drop(engine);
    // Behind the back of the feed: what is built from the tables tells it, what was kept does not.
    let rows = |sql: &str| rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    rows("UPDATE asset_value SET value = 'night' WHERE value = 'beach'");
    let opened = || {
        let engine = SqliteEngine::open(&path).unwrap();
        engine.index().unwrap();
        assert!(engine.has_index());
        engine
    };
    let counts = |engine: &SqliteEngine| {
        ["tag=beach", "tag=night"].map(|text| read(engine, |tx| tx.count(&parse(text).unwrap())))
    };
    assert_eq!(counts(&opened()), [1, 0], "from the file");
    let kept = std::fs::read(path.with_extension("index")).unwrap();
    let owned: String = rusqlite::Connection::open(&path)
        .unwrap()
        .query_row("SELECT value FROM meta WHERE key = 'index'", [], |row| row.get(0))
        .unwrap();
    let mut other = kept.clone();
    *other.last_mut().unwrap() ^= 1;
    for bad in [&other[..], &kept[..kept.len() - 1], &[&kept[..], b"x"].concat(), &kept[..70], b""] {
        std::fs::write(path.with_extension("index"), bad).unwrap();
        let engine = opened();
        assert_eq!(counts(&engine), [0, 1], "{} of {} bytes", bad.len(), kept.len());
        // Regression: the damaged one passed for the one to leave, and each start built the index again.
        engine.keep_index().unwrap();
        assert_ne!(std::fs::read(path.with_extension("index")).unwrap(), bad);
        drop(engine);
        rows(&format!("UPDATE meta SET value = '{owned}' WHERE key = 'index'"));
    }
    std::fs::write(path.with_extension("index"), &kept).unwrap();
    assert_eq!(counts(&opened()), [1, 0]);
    commit(&opened(), &publish(second));
    assert_eq!(counts(&opened()), [0, 1], "of an earlier moment");
}

#[test]
fn a_change_that_the_feed_was_not_told_ends_what_was_kept() {
    let (dir, engine) = disk();
    let path = dir.path().join("catalog.db");
    let [first, ..] = some_assets();
    let first = Asset { head: Some(version_id(first.ordinal)), ..first };
    commit(&engine, &first);
    engine.index().unwrap();
    engine.keep_index().unwrap();
    drop(engine);
    // By a process that needs no index.
    let other = SqliteEngine::open(&path).unwrap();
    write(&other, |tx| tx.put_asset(&Asset { tags: ["night".to_owned()].into(), ..tx.asset(first.id)?.unwrap() }))
        .unwrap();
    drop(other);
    let engine = SqliteEngine::open(&path).unwrap();
    engine.index().unwrap();
    assert_eq!(read(&engine, |tx| tx.count(&parse("tag=night").unwrap())), 1);
}
