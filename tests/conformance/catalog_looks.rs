//! Looks of pictures: both engines keep them, know what was not looked at, and group what looks alike.

use damfs::catalog::sqlite::SqliteEngine;
use damfs::catalog::{Asset, AssetState, Engine, LookRow, duplicate};
use damfs::media::LOOK;
use damfs::policy::{Expr, parse};
use damfs::types::{Colours, ContentId};

use crate::catalog::on_both;
use crate::samples::*;

fn id(n: u8) -> ContentId {
    ContentId([n; 32])
}

fn look(n: u8, look: u64) -> LookRow {
    LookRow { content: id(n), way: LOOK, look: Ok(look), colours: Colours::NONE }
}

/// Published, with bytes of its own.
fn add(engine: &dyn Engine, asset: &Asset, bytes: u8) {
    let asset = Asset { duplicate: Some(duplicate(id(bytes))), ..asset.clone() };
    write(engine, |tx| {
        tx.put_content(&content(bytes))?;
        tx.put_asset(&asset)?;
        tx.add_version(&version(asset.ordinal, asset.id, bytes))
    })
    .unwrap();
}

fn put(engine: &dyn Engine, rows: &[LookRow]) {
    write(engine, |tx| rows.iter().try_for_each(|row| tx.put_look(row))).unwrap();
}

/// The ordinals of each group.
fn groups(engine: &dyn Engine, within: &Expr) -> Vec<Vec<u64>> {
    let found = read(engine, |tx| tx.alike(within, None));
    found.iter().map(|group| group.iter().map(|alike| alike.ordinal).collect()).collect()
}

#[test]
fn a_look_is_kept_with_its_way_or_with_why_there_is_none() {
    on_both(|engine| {
        add(engine, &asset(30), 1);
        add(engine, &Asset { kind: "video".into(), ..asset(31) }, 2);
        add(engine, &asset(32), 3);
        add(engine, &asset(33), 3);
        let unlooked = |way, after| read(engine, |tx| tx.unlooked(way, after, 2));
        assert_eq!(unlooked(LOOK, 0), [(30, id(1)), (32, id(3))]);
        assert_eq!(unlooked(LOOK, 30), [(32, id(3)), (33, id(3))]);
        let none = LookRow { content: id(3), way: LOOK, look: Err("it is damaged".into()), colours: Colours::NONE };
        put(engine, &[look(1, u64::MAX - 4), none.clone()]);
        assert_eq!(read(engine, |tx| tx.look(id(1))), Some(look(1, u64::MAX - 4)));
        assert_eq!(read(engine, |tx| tx.look(id(3))), Some(none.clone()));
        assert_eq!(read(engine, |tx| tx.look(id(2))), None);
        assert_eq!(unlooked(LOOK, 0), []);
        assert_eq!(unlooked(LOOK + 1, 30), [(32, id(3)), (33, id(3))], "another way looks again");
        put(engine, &[LookRow { way: LOOK + 1, ..look(3, 7) }]);
        assert_eq!(read(engine, |tx| tx.look(id(3))), Some(LookRow { way: LOOK + 1, ..look(3, 7) }));
        refused(write(engine, |tx| tx.put_look(&LookRow { look: Err(String::new()), ..none.clone() })));
        refused(write(engine, |tx| tx.put_look(&look(9, 1))));
    });
}

#[test]
fn groups_are_of_what_a_query_finds_and_follow_every_commit() {
    on_both(|engine| {
        let with_tag = |n: u64| Asset { tags: ["sea".to_owned()].into(), ..asset(n) };
        for (asset, bytes) in [(with_tag(40), 1), (asset(30), 2), (with_tag(41), 3), (with_tag(42), 4), (asset(43), 1)]
        {
            add(engine, &asset, bytes);
        }
        let (all, sea) = (Expr::all(), parse("tag=sea").unwrap());
        assert_eq!(groups(engine, &all), Vec::<Vec<u64>>::new());
        // 1 and 3 hang together through 2 alone.
        put(engine, &[look(1, 0b1111_1111), look(2, 0b1111_0000), look(3, 0), look(4, u64::MAX)]);
        assert_eq!(groups(engine, &all), [[30, 40, 41]]);
        assert_eq!(groups(engine, &sea), Vec::<Vec<u64>>::new(), "not through what the query does not find");
        let of = |n| read(engine, |tx| tx.alike(&Expr::all(), Some(id(n)))).concat();
        let duplicates: Vec<String> = of(3).iter().map(damfs::catalog::Alike::duplicate).collect();
        assert_eq!(duplicates, [2, 1, 3].map(|n| duplicate(id(n))), "in the order of the first assets");
        assert_eq!((of(4), of(9)), (Vec::new(), Vec::new()));
        // The engine has gathered them by now: more of them, other bytes, and one that goes.
        add(engine, &with_tag(44), 5);
        put(engine, &[look(5, u64::MAX - 1)]);
        assert_eq!(groups(engine, &all), [vec![30, 40, 41], vec![42, 44]]);
        write(engine, |tx| tx.put_asset(&Asset { state: AssetState::Trashed, ..tx.asset(asset_id(30))?.unwrap() }))
            .unwrap();
        assert_eq!(groups(engine, &all), [[42, 44]]);
        let around = read(engine, |tx| tx.around(u64::MAX, 60));
        assert_eq!(
            around,
            [(duplicate(id(4)), 0), (duplicate(id(5)), 1), (duplicate(id(1)), 56), (duplicate(id(2)), 60)]
        );
    });
}

#[test]
fn seeds_of_one_family_are_not_in_one_group() {
    on_both(|engine| {
        let seeded = |n: u64, seed: i64| Asset { prompt: Some("a beach".into()), seed: Some(seed), ..asset(n) };
        for (asset, bytes) in [(seeded(30, 1), 1), (seeded(31, 2), 2), (seeded(32, 1), 3), (asset(33), 4)] {
            add(engine, &asset, bytes);
        }
        put(engine, &[look(1, 0), look(2, 0b111), look(3, 0b1_0000), look(4, 0b11)]);
        assert_eq!(
            groups(engine, &Expr::all()),
            [vec![30, 32], vec![31, 33]],
            "a copy without a prompt is with the nearest"
        );
        write(engine, |tx| tx.put_asset(&Asset { prompt: Some("a hill".into()), ..tx.asset(asset_id(31))?.unwrap() }))
            .unwrap();
        assert_eq!(groups(engine, &Expr::all()), [[30, 31, 32, 33]], "the record says what is of one family");
    });
}

/// An index answers for the moment of a read, as the tables do.
#[test]
fn an_index_groups_as_the_tables_do() {
    let dir = tempfile::tempdir().unwrap();
    let engine = SqliteEngine::create(&dir.path().join("catalog.db")).unwrap();
    root(&engine);
    for (n, bytes) in [(30, 1), (31, 2), (32, 3)] {
        add(&engine, &asset(n), bytes);
    }
    put(&engine, &[look(1, 0), look(2, 1), look(3, 2)]);
    engine.index().unwrap();
    let (before, after) = read(&engine, |tx| {
        let before = tx.alike(&Expr::all(), None)?;
        // Its bytes become others while this read goes on.
        write(&engine, |tx| {
            tx.change(damfs::catalog::ChangeKind::Asset, "x")?;
            tx.put_asset(&Asset { duplicate: Some(duplicate(id(9))), ..tx.asset(asset_id(31))?.unwrap() })
        })?;
        Ok((before, tx.alike(&Expr::all(), None)?))
    });
    assert_eq!((before.concat().len(), &before), (3, &after));
    assert_eq!(groups(&engine, &Expr::all()), [[30, 32]]);
}
