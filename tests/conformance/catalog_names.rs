//! Namesakes: who has a stem, and who has it first.

use damfs::catalog::{Asset, AssetState};
use damfs::policy::{Expr, parse};

use crate::catalog::on_both;
use crate::samples::*;

#[test]
fn names_may_be_shared_and_marked_stems_may_not() {
    on_both(|engine| {
        let named = |n, view_name: &str, marked: Option<&str>| Asset {
            view_name: view_name.into(),
            marked_name: marked.map(str::to_owned),
            ..asset(n)
        };
        write(engine, |tx| {
            publish(tx, &named(30, "a.png", Some("a ~1.png")))?;
            publish(tx, &named(31, "a.png", Some("a ~2.png")))?;
            publish(tx, &named(32, "a ~1.jpg", Some("a ~1 ~3.jpg")))
        })
        .unwrap();
        assert_eq!(engine.check().unwrap(), Vec::<String>::new());
        write(engine, |tx| tx.put_asset(&named(32, "a ~1.jpg", None))).unwrap();
        let faults = engine.check().unwrap();
        assert!(faults.len() == 1 && faults[0].contains("another has its stem"), "{faults:?}");
        write(engine, |tx| tx.put_asset(&named(32, "a ~1.jpg", Some("a ~1 ~3.jpg")))).unwrap();
        refused(write(engine, |tx| publish(tx, &named(33, "b.png", Some("a ~1.png")))));
        refused(write(engine, |tx| publish(tx, &named(33, "b.png", Some("a ~1.jpg")))));
        refused(write(engine, |tx| publish(tx, &named(33, "", None))));
        refused(write(engine, |tx| publish(tx, &named(33, "b.png", Some("")))));
        refused(write(engine, |tx| publish(tx, &Asset { named: None, ..asset(33) })));
        refused(write(engine, |tx| publish(tx, &Asset { id: asset_id(33), ..asset(30) })));
        refused(write(engine, |tx| tx.put_asset(&Asset { ordinal: 33, ..asset(30) })));
        write(engine, |tx| {
            tx.put_asset(&named(30, "b.png", None))?;
            tx.put_asset(&named(31, "a.png", Some("a ~1.png")))
        })
        .unwrap();
        let namesake = |stem: &str, of| read(engine, |tx| tx.namesake(stem, asset_id(of))).map(|a| a.ordinal);
        assert_eq!(namesake("a", 30), Some(31));
        assert_eq!(namesake("a", 31), None, "nobody is his own namesake");
        assert_eq!(namesake("a ~1", 31), Some(32), "by its view name");
        assert_eq!(namesake("a ~1", 32), Some(31), "by its marked name");
        assert_eq!(namesake("a ~2", 30), None, "a name that was given up is nobody's");
        assert_eq!(namesake("a.png", 30), None);
    });
}

#[test]
fn a_stem_belongs_to_its_marked_one_then_to_the_one_named_first() {
    on_both(|engine| {
        let named = |n, turn, state| Asset {
            view_name: "a.png".into(),
            marked_name: Some(format!("a ~{n}.png")),
            named: turn,
            state,
            tags: [format!("t/{n}")].into(),
            client: Some(format!("c{n}")),
            ..asset(n)
        };
        let (live, trashed) = (AssetState::Active, AssetState::Trashed);
        let provisional = Asset { head: None, ..named(33, Some(4), live) };
        let literal = Asset { view_name: "a ~30.jpg".into(), named: Some(1), ..named(34, None, trashed) };
        write(engine, |tx| {
            publish(tx, &named(30, None, trashed))?;
            publish(tx, &named(31, Some(9), live))?;
            publish(tx, &named(32, Some(5), trashed))?;
            tx.put_asset(&provisional)?;
            publish(tx, &literal)
        })
        .unwrap();
        let holder = |stem: &str, query: &str| {
            let query = if query.is_empty() { Expr::all() } else { parse(query).unwrap() };
            read(engine, |tx| tx.stem_holder(stem, &query)).map(|id| (30..35).find(|n| asset_id(*n) == id).unwrap())
        };
        assert_eq!(holder("a", ""), Some(33), "published or not");
        assert_eq!(holder("a", "not.tag=t.33"), Some(32), "in the trash or not");
        assert_eq!(holder("a", "not.client=c33,not.tag=t.32"), Some(31));
        assert_eq!(holder("a", "any(client=c30;tag=t.34)"), Some(30), "one that let go comes last");
        assert_eq!(holder("a", "state=active"), Some(33));
        assert_eq!(holder("a", "client=c99"), None);
        assert_eq!(holder("a ~30", ""), Some(30), "marked before plain");
        assert_eq!(holder("a ~30", "not.tag=t.30"), Some(34));
        assert_eq!(holder("a ~30.png", ""), None);
    });
}
