//! Queries: SQL, maps and the evaluator say the same.

use std::collections::{BTreeMap, BTreeSet};

use damfs::catalog::memory::MemoryEngine;
use damfs::catalog::sqlite::SqliteEngine;
use damfs::catalog::{Asset, AssetFacts, AssetState, Engine, NodeClass, NodeKind, NodeRow, Verdict, WriteTx};
use damfs::policy::expr::testing::{arb_digits, arb_expr, arb_field, arb_number, arb_tag, arb_text, arb_words};
use damfs::policy::expr::{FieldKind, matches};
use damfs::policy::{Expr, Field, Term, Test, parse};
use damfs::types::{Colours, NodeId, Timestamp};
use proptest::collection::{btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use crate::catalog::on_both;
use crate::samples::*;

fn words(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|s| (*s).to_owned()).collect()
}

fn verdict(value: &str) -> Verdict {
    Verdict::new(value, None, None, Timestamp::EPOCH)
}

fn ordinals(engine: &dyn Engine, query: &Expr) -> Vec<u64> {
    read(engine, |tx| Ok(tx.find(query, 0, usize::MAX)?.iter().map(|a| a.ordinal).collect()))
}

pub(crate) fn some_assets() -> [Asset; 4] {
    [
        Asset {
            personas: words(&["luna", "mira"]),
            tags: words(&["beach", "campaigns/summer"]),
            rating: Some("safe".into()),
            width: Some(1080),
            height: Some(1350),
            duplicate: Some("0123456789abcdef".into()),
            colours: Colours::NONE.with("red").with("teal"),
            prompt: Some("a Red DRESS".into()),
            status: BTreeMap::from([("x".into(), verdict("approved")), ("instagram".into(), verdict("approved"))]),
            ..asset(30)
        },
        Asset {
            personas: words(&["mira"]),
            // Neighbours of what lies below `beach/` in byte order.
            tags: words(&["campaigns", "beach0", "beach.x", "beachfront"]),
            rating: Some("suggestive".into()),
            stars: Some(8),
            conflicts: BTreeMap::from([("bytes".into(), conflict(Some("1"), 2))]),
            created: Timestamp::from_nanos(-1),
            duplicate: Some("0123456789abcdef".into()),
            colours: Colours::NONE.with("teal"),
            notes: Some("dress".into()),
            properties: BTreeMap::from([("title".into(), "Azure Hour".into())]),
            status: BTreeMap::from([("x".into(), verdict("rejected"))]),
            ..asset(31)
        },
        Asset {
            rating: Some("adult".into()),
            seed: Some(7),
            client: Some(String::new()),
            duplicate: Some("00000000000000aa".into()),
            ..asset(1_000_000)
        },
        Asset { state: AssetState::Trashed, personas: words(&["luna"]), ..asset(1_000_001) },
    ]
}

#[test]
fn queries_find() {
    on_both(|engine| {
        write(engine, |tx| some_assets().iter().try_for_each(|a| publish(tx, a))).unwrap();
        for (text, wanted) in [
            ("persona=luna", &[30][..]),
            ("persona=luna+mira", &[30, 31]),
            ("tag=campaigns", &[30, 31]),
            ("tag=beach", &[30]),
            ("tag=none", &[1_000_000]),
            ("not.tag=beach", &[31, 1_000_000]),
            ("rating=suggestive..max", &[31, 1_000_000]),
            ("orientation=portrait", &[30]),
            ("not.orientation=portrait", &[31, 1_000_000]),
            ("orientation=none", &[31, 1_000_000]),
            ("colour=teal", &[30, 31]),
            ("colour=teal,colour=red", &[30]),
            ("not.colour=red", &[31, 1_000_000]),
            ("colour=none", &[1_000_000]),
            ("created=2026-05", &[30, 1_000_000]),
            ("text=dress", &[30, 31]),
            ("text=red dress", &[30]),
            ("text=azure", &[31]),
            ("prompt=none", &[31, 1_000_000]),
            ("conflict=bytes", &[31]),
            ("conflict=note", &[]),
            ("not.conflict=none", &[31]),
            ("stars=8", &[31]),
            ("stars=9..max", &[]),
            ("stars=0..10", &[31]),
            ("not.stars=8..max", &[30, 1_000_000]),
            ("stars=none", &[30, 1_000_000]),
            ("seed=7", &[1_000_000]),
            ("duplicate=0123456789abcdef", &[30, 31]),
            ("duplicate=aa", &[]),
            ("duplicate=none", &[]),
            ("client=none", &[30, 31, 1_000_000]),
            ("status=approved", &[30]),
            ("status.x=rejected", &[31]),
            ("status.instagram=none", &[31, 1_000_000]),
            ("state=trashed", &[1_000_001]),
            ("state=active+trashed,persona=luna", &[30, 1_000_001]),
        ] {
            let query = parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(ordinals(engine, &query), wanted, "{text}");
            assert_eq!(read(engine, |tx| tx.count(&query)), wanted.len() as u64, "{text}");
            for a in some_assets() {
                assert_eq!(read(engine, |tx| tx.finds(&query, a.id)), wanted.contains(&a.ordinal), "{text}");
            }
        }
        assert_eq!(ordinals(engine, &Expr::nothing()), Vec::<u64>::new());
        assert_eq!(ordinals(engine, &Expr::all()), [30, 31, 1_000_000]);
    });
}

#[test]
fn folders_hold_what_lies_below_them_however_deep() {
    on_both(|engine| {
        let (me, deep) = (Some(member_id(1)), asset_id(30));
        write(engine, |tx| {
            for (id, parent) in [(10, NodeId::LIBRARY), (11, NodeId(10)), (12, NodeId(11)), (13, NodeId::LIBRARY)] {
                tx.put_node(&node(id, NodeKind::Dir))?;
                tx.add_entry(&entry(id, parent, &id.to_string(), id))?;
            }
            tx.put_node(&NodeRow { owner: me, ..node(12, NodeKind::Dir) })?;
            tx.put_node(&node(20, NodeKind::File))?;
            let tags = words(&["beach"]);
            publish(tx, &Asset { node: Some(NodeId(20)), tags, client: Some("acme".into()), ..asset(30) })?;
            tx.put_node(&NodeRow { asset: Some(deep), class: NodeClass::Asset, ..node(20, NodeKind::File) })?;
            tx.put_node(&NodeRow { asset: Some(deep), class: NodeClass::Aside, ..node(21, NodeKind::File) })?;
            tx.add_entry(&entry(20, NodeId(11), "a.png", 20))?;
            tx.add_entry(&entry(21, NodeId(13), "a.png~", 21))
        })
        .unwrap();
        let holds = |folder, query: &str, by| read(engine, |tx| tx.holds(NodeId(folder), &parse(query).unwrap(), by));
        for (folder, query, by, wanted) in [
            (10, "client=acme", None, true),
            (11, "tag=beach", None, true),
            (12, "client=acme", None, false),
            (13, "client=acme", me, false),
            (10, "client=globex", None, false),
            (10, "client=globex", me, true),
            (12, "client=globex", me, false),
            (11, "client=globex", Some(member_id(2)), false),
            (20, "client=acme", me, false),
        ] {
            assert_eq!(holds(folder, query, by), wanted, "{folder} {query} {by:?}");
        }
        write(engine, |tx| tx.put_asset(&Asset { state: AssetState::Trashed, ..tx.asset(deep)?.unwrap() })).unwrap();
        assert!(!holds(10, "client=acme", None) && holds(10, "state=trashed", None));
    });
}

#[test]
fn values_are_counted() {
    on_both(|engine| {
        write(engine, |tx| some_assets().iter().try_for_each(|a| publish(tx, a))).unwrap();
        let values = |field: Field, within: &Expr| {
            let listed = read(engine, |tx| tx.values(&field, within));
            listed.iter().map(|(value, count)| format!("{value}:{count}")).collect::<Vec<_>>().join(" ")
        };
        let all = Expr::all();
        for (field, wanted) in [
            (Field::Persona, "luna:1 mira:2"),
            (Field::Tag, "beach:1 beach.x:1 beach0:1 beachfront:1 campaigns:1 campaigns/summer:1"),
            (Field::Created, "1969-12:1 2026-05:2"),
            (Field::Expires, ""),
            (Field::AnyStatus, "approved:1 rejected:1"),
            (Field::Status("x".into()), "approved:1 rejected:1"),
            (Field::Orientation, "portrait:1"),
            (Field::Colour, "red:1 teal:2"),
            (Field::State, "active:3"),
            (Field::Client, ""),
            (Field::Seed, "7:1"),
            (Field::Stars, "8:1"),
            (Field::Conflict, "bytes:1"),
            (Field::Duplicate, "0123456789abcdef:2"),
            (Field::Text, ""),
        ] {
            assert_eq!(values(field.clone(), &all), wanted, "{field}");
        }
        assert_eq!(values(Field::Persona, &parse("rating=safe").unwrap()), "luna:1 mira:1");
        assert_eq!(values(Field::State, &parse("not.state=held").unwrap()), "active:3 trashed:1");
    });
}

#[test]
fn pages_follow_ordinals() {
    on_both(|engine| {
        let one = |tx: &mut dyn WriteTx, n: u64| {
            tx.put_node(&node(1_000 + n, NodeKind::File))?;
            publish(tx, &Asset { node: Some(NodeId(1_000 + n)), ..asset(n) })
        };
        write(engine, |tx| (50..80).rev().try_for_each(|n| one(tx, n))).unwrap();
        let (mut after, mut seen) = (0, Vec::new());
        loop {
            let page = read(engine, |tx| tx.find(&Expr::all(), after, 7));
            let Some(last) = page.last() else { break };
            let rows = read(engine, |tx| tx.view_rows(&Expr::all(), after, 7));
            assert_eq!(
                rows.iter().map(|r| (r.ordinal, r.asset, r.view_name.clone(), Some(r.node.id))).collect::<Vec<_>>(),
                page.iter().map(|a| (a.ordinal, a.id, a.view_name.clone(), a.node)).collect::<Vec<_>>()
            );
            after = last.ordinal;
            seen.extend(page.iter().map(|a| a.ordinal));
        }
        assert_eq!(seen, (50..80).collect::<Vec<_>>());
        assert_eq!(read(engine, |tx| tx.find(&Expr::all(), u64::MAX, 7)), []);
        assert_eq!(read(engine, |tx| tx.find(&Expr::all(), 0, 0)), []);
    });
}

#[test]
fn long_queries_are_translated() {
    on_both(|engine| {
        write(engine, |tx| some_assets().iter().try_for_each(|a| publish(tx, a))).unwrap();
        let many: Vec<Expr> = (0..3000).map(|n| Expr::is(Field::Persona, format!("p{n}"))).collect();
        assert_eq!(ordinals(engine, &Expr::Or(many.clone())), Vec::<u64>::new());
        let none = Expr::And(many.into_iter().map(|e| Expr::Not(Box::new(e))).collect());
        assert_eq!(ordinals(engine, &none), [30, 31, 1_000_000]);
    });
}

#[test]
fn a_search_for_many_words_is_translated() {
    on_both(|engine| {
        write(engine, |tx| some_assets().iter().try_for_each(|a| publish(tx, a))).unwrap();
        let many = |extra: &str| Term {
            field: Field::Text,
            test: Test::Words((0..1_300).map(|_| "dress".to_owned()).chain([extra.to_owned()]).collect()),
        };
        assert_eq!(ordinals(engine, &Expr::Term(many("red"))), [30]);
        assert_eq!(ordinals(engine, &Expr::Term(many("blue"))), Vec::<u64>::new());
    });
}

fn closed(field: Field) -> impl Strategy<Value = Option<String>> {
    let FieldKind::Closed(known) = field.kind() else { panic!("{field} is open") };
    of(select(known).prop_map(str::to_owned))
}

fn number(field: Field) -> impl Strategy<Value = Option<i64>> {
    of(arb_number(&field))
}

fn maybe_text() -> impl Strategy<Value = Option<String>> {
    of(prop_oneof![9 => arb_text(), 1 => Just(String::new())])
}

prop_compose! {
    fn numbers()(
        (width, height) in (number(Field::Width), number(Field::Height)),
        square in any::<bool>(),
        created in arb_number(&Field::Created),
        imported in arb_number(&Field::Imported),
        expires in number(Field::Expires),
        due in number(Field::Due),
        seed in number(Field::Seed),
    ) -> Asset {
        let small = |n: Option<i64>| n.and_then(|n| u32::try_from(n).ok());
        Asset {
            width: small(width),
            height: small(if square { width } else { height }),
            created: Timestamp::from_nanos(created),
            imported: Timestamp::from_nanos(imported),
            expires: expires.map(Timestamp::from_nanos),
            due: due.map(Timestamp::from_nanos),
            seed,
            ..asset(0)
        }
    }
}

prop_compose! {
    fn texts()(
        base in numbers(),
        (client, model, sampler) in (maybe_text(), maybe_text(), maybe_text()),
        (rating, rights, likeness, stage) in
            (closed(Field::Rating), closed(Field::Rights), closed(Field::Likeness), closed(Field::Stage)),
        kind in closed(Field::Kind),
        stars in closed(Field::Stars),
        (owner_name, format, reviewer) in (maybe_text(), maybe_text(), of(arb_text())),
        state in select(&[AssetState::Active, AssetState::Archived, AssetState::Expired, AssetState::Held, AssetState::Trashed][..]),
    ) -> Asset {
        Asset {
            client, model, sampler, rating, rights, likeness, stage, state, reviewer,
            stars: stars.and_then(|n| n.parse().ok()),
            kind: kind.unwrap_or_else(|| "other".into()),
            owner_name: owner_name.unwrap_or_default(),
            format: format.unwrap_or_default(),
            ..base
        }
    }
}

prop_compose! {
    pub(crate) fn arb_asset()(
        base in texts(),
        (personas, campaigns, loras) in
            (btree_set(arb_text(), 0..3), btree_set(arb_text(), 0..3), btree_set(arb_text(), 0..2)),
        tags in btree_set(arb_tag(), 0..4),
        (prompt, notes, title) in (of(arb_words()), of(arb_words()), of(arb_words())),
        (instagram, x) in (closed(Field::AnyStatus), closed(Field::AnyStatus)),
        at_odds in of(arb_text()),
        digits in of(arb_digits()),
        colours in 0..4_096u16,
        provisional in prop::bool::weighted(0.1),
    ) -> Asset {
        let status = [("instagram", instagram), ("x", x)];
        let status = status.into_iter().filter_map(|(p, v)| Some((p.to_owned(), verdict(&v?)))).collect();
        let head = if provisional { None } else { base.head };
        let duplicate = digits.filter(|_| !provisional);
        let properties = title.map(|title| ("title".to_owned(), title)).into_iter().collect();
        let conflicts = at_odds.map(|field| (field, conflict(None, 1))).into_iter().collect();
        let colours = Colours::from_bits(colours & colours.rotate_left(7) & 0xfff).unwrap();
        Asset { personas, campaigns, loras, tags, prompt, notes, properties, status, conflicts, head, duplicate, colours, ..base }
    }
}

/// Any field with any test, also those that no text gives.
pub(crate) fn arb_odd_term() -> impl Strategy<Value = Expr> {
    let test = prop_oneof![
        arb_text().prop_map(Test::Is),
        Just(Test::Is(String::new())),
        Just(Test::Empty),
        (of(-2..4i64), of(-2..4i64)).prop_map(|(a, b)| Test::Between(a, b)),
        vec(arb_words(), 0..2).prop_map(Test::Words),
    ];
    (arb_field(), test).prop_map(|(field, test)| Expr::Term(Term { field, test }))
}

fn speaks_of_state(query: &Expr) -> bool {
    match query {
        Expr::And(parts) | Expr::Or(parts) => parts.iter().any(speaks_of_state),
        Expr::Not(inner) => speaks_of_state(inner),
        Expr::Term(term) => term.field == Field::State,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn sql_maps_and_the_evaluator_agree(
        drawn in vec(arb_asset(), 1..24),
        queries in vec(prop_oneof![4 => arb_expr(), 1 => arb_odd_term()], 1..40),
        fields in vec(arb_field(), 1..6),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let disk = SqliteEngine::create(&dir.path().join("catalog.db")).unwrap();
        let maps = MemoryEngine::new();
        let assets: Vec<Asset> = (20..).step_by(3).zip(drawn).map(|(n, drawn)| {
            let head = drawn.head.map(|_| version_id(n));
            let view_name = format!("{}.png", n % 2);
            let named = (drawn.state != AssetState::Trashed || n % 5 > 0).then_some(n % 7 + 1);
            Asset { id: asset_id(n), ordinal: n, view_name, named, head, ..drawn }
        }).collect();
        for engine in [&disk as &dyn Engine, &maps] {
            write(engine, |tx| assets.iter().try_for_each(|a| publish(tx, a))).unwrap();
        }
        for query in &queries {
            let wanted: Vec<&Asset> = assets.iter()
                .filter(|a| a.head.is_some() && (speaks_of_state(query) || a.state != AssetState::Trashed))
                .filter(|a| matches(query, &AssetFacts(a)))
                .collect();
            for engine in [&maps as &dyn Engine, &disk] {
                let found = read(engine, |tx| tx.find(query, 0, usize::MAX));
                prop_assert_eq!(found.iter().collect::<Vec<_>>(), wanted.clone(), "{:?}", query);
            }
            prop_assert_eq!(read(&disk, |tx| tx.count(query)), wanted.len() as u64);
            for stem in ["0", "1"] {
                let named = assets.iter().filter(|a| a.view_name.starts_with(stem) && matches(query, &AssetFacts(a)));
                let first = named.min_by_key(|a| (a.named.is_none(), a.named, a.ordinal)).map(|a| a.id);
                let held = [&maps as &dyn Engine, &disk].map(|e| read(e, |tx| tx.stem_holder(stem, query)));
                prop_assert_eq!(held, [first; 2], "{:?}", query);
            }
            for a in &assets {
                let found = [&maps as &dyn Engine, &disk].map(|e| read(e, |tx| tx.finds(query, a.id)));
                prop_assert_eq!(found, [wanted.contains(&a); 2], "{:?}", query);
            }
            for field in &fields {
                let lists = [&maps as &dyn Engine, &disk].map(|e| read(e, |tx| tx.values(field, query)));
                prop_assert_eq!(&lists[0], &lists[1], "{} within {:?}", field, query);
            }
        }
    }
}
