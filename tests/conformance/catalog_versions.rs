//! Versions: immutable rows, which go only when nothing rests on them.

use std::collections::BTreeMap;

use damfs::catalog::{Asset, AssetState, CatalogError, NodeClass, NodeKind, NodeRow, Trashed, Verdict, VersionRow};
use damfs::types::{ContentId, Generation, NodeId, Timestamp, VersionNo};

use crate::catalog::on_both;
use crate::samples::*;

#[test]
fn versions_are_immutable_and_their_bytes_known() {
    on_both(|engine| {
        let (a, b) = (asset_id(30), asset_id(31));
        let later = VersionRow { n: 2, no: VersionNo(900), ..version(40, a, 2) };
        write(engine, |tx| {
            publish(tx, &asset(30))?;
            publish(tx, &asset(31))?;
            tx.put_content(&content(2))?;
            tx.put_content(&content(2))?;
            tx.put_content(&damfs::types::Content { id: ContentId([0; 32]), size: 0, extents: vec![] })?;
            tx.add_version(&later)
        })
        .unwrap();
        read(engine, |tx| {
            assert_eq!(tx.version(version_id(40))?, Some(later.clone()));
            assert_eq!(tx.version_by_no(VersionNo(900))?, Some(later.clone()));
            assert_eq!(tx.version_by_no(VersionNo(1))?, None);
            assert_eq!(tx.versions(a)?, [version(30, a, 1), later.clone()]);
            assert_eq!(tx.content(ContentId([2; 32]))?, Some(content(2)));
            assert_eq!(tx.content(ContentId([9; 32]))?, None);
            assert_eq!(tx.contents()?.iter().map(|c| c.extents.len()).collect::<Vec<_>>(), [0, 2, 2]);
            assert_eq!(tx.assets_with_content(ContentId([1; 32]))?, [a, b]);
            Ok(())
        });
        write(engine, |tx| tx.put_asset(&Asset { head: Some(version_id(40)), ..asset(30) })).unwrap();
        assert_eq!(read(engine, |tx| tx.assets_with_content(ContentId([1; 32]))), [b]);
        let having = |n| read(engine, |tx| tx.versions_with_content(ContentId([n; 32])));
        let ids = |rows: Vec<VersionRow>| rows.into_iter().map(|v| (v.asset, v.n)).collect::<Vec<_>>();
        assert_eq!(ids(having(1)), [(a, 1), (b, 1)], "earlier ones too");
        assert_eq!((ids(having(2)), ids(having(9))), (vec![(a, later.n)], vec![]));
        let add = |v: VersionRow| write(engine, |tx| tx.add_version(&v));
        refused(add(later.clone()));
        refused(add(VersionRow { no: VersionNo(900), n: 3, ..version(41, a, 1) }));
        refused(add(VersionRow { n: 2, ..version(41, a, 1) }));
        refused(add(VersionRow { n: 3, ..version(41, a, 9) }));
        refused(add(version(41, asset_id(99), 1)));
        refused(write(engine, |tx| tx.put_content(&damfs::types::Content { size: 8, ..content(1) })));
        refused(write(engine, |tx| tx.put_asset(&Asset { head: Some(version_id(99)), ..asset(30) })));
    });
}

#[test]
fn a_version_goes_unless_something_rests_on_it() {
    on_both(|engine| {
        let (a, b) = (asset_id(30), asset_id(31));
        let more = |n: u32| VersionRow { n, ..version(40 + u64::from(n), a, 1) };
        let verdict = Verdict::new("approved", Some(version_id(43)), Some(member_id(1)), Timestamp::from_secs(4));
        write(engine, |tx| {
            publish(tx, &asset(30))?;
            publish(tx, &asset(31))?;
            (2..=5).try_for_each(|n| tx.add_version(&more(n)))?;
            let status = BTreeMap::from([("x".to_owned(), verdict.clone())]);
            tx.put_asset(&Asset { head: Some(version_id(44)), status, ..asset(30) })
        })
        .unwrap();
        let remove = |id| write(engine, |tx| tx.remove_version(version_id(id)));
        refused(remove(43));
        refused(remove(44));
        refused(remove(45));
        refused(remove(31));
        refused(remove(99));
        remove(42).unwrap();
        refused(remove(42));
        read(engine, |tx| {
            let left: Vec<u32> = tx.versions(a)?.iter().map(|version| version.n).collect();
            assert_eq!(left, [1, 3, 4, 5]);
            assert_eq!((tx.version(version_id(42))?, tx.version_by_no(VersionNo(42))?), (None, None));
            assert_eq!(tx.content(ContentId([1; 32]))?, Some(content(1)), "bytes are not gone with it");
            let with = |most, after, limit| tx.assets_with_versions(most, after, limit);
            assert_eq!(with(0, None, 9)?, [a, b]);
            assert_eq!(with(0, None, 1)?, [a]);
            assert_eq!(with(0, Some(a), 9)?, [b]);
            assert_eq!(with(3, None, 9)?, [a]);
            assert_eq!(with(4, None, 9)?, []);
            assert_eq!(with(0, Some(b), 9)?, []);
            Ok(())
        });
        let undone = write(engine, |tx| {
            tx.remove_version(version_id(30))?;
            Err::<(), _>(CatalogError::Conflict)
        });
        assert!(undone.is_err());
        assert_eq!(read(engine, |tx| tx.versions(a)).len(), 4);
    });
}

#[test]
fn an_asset_of_one_version_gets_another_id_with_all_that_is_its() {
    on_both(|engine| {
        root(engine);
        let (from, to) = (asset_id(30), asset_id(77));
        let file = NodeRow { class: NodeClass::Asset, asset: Some(from), ..node(20, NodeKind::File) };
        let backup = NodeRow { class: NodeClass::Aside, asset: Some(from), ..node(21, NodeKind::File) };
        let along = Trashed {
            at: Timestamp::from_secs(4),
            parent: NodeId::LIBRARY,
            name: b"a.xmp".to_vec(),
            by: None,
            with: Some(from),
        };
        let sidecar = Asset { state: AssetState::Trashed, trashed: Some(along), ..asset(31) };
        let verdict = Verdict::new("approved", Some(version_id(30)), None, Timestamp::EPOCH);
        let whole = Asset {
            node: Some(NodeId(20)),
            tags: ["a".to_owned()].into(),
            status: BTreeMap::from([("x".to_owned(), verdict)]),
            ..asset(30)
        };
        let made = Generation { tool: "a1111".into(), ..Generation::default() };
        write(engine, |tx| {
            publish(tx, &whole)?;
            tx.put_node(&file)?;
            tx.put_node(&backup)?;
            publish(tx, &sidecar)?;
            publish(tx, &asset(32))?;
            tx.put_generation(from, &made)?;
            tx.put_tunnel(&tunnel("a.png", from, 9))
        })
        .unwrap();
        let rekey = |from, to, n| write(engine, |tx| tx.rekey_asset(from, to, n));
        refused(rekey(from, asset_id(32), 3));
        refused(rekey(asset_id(99), to, 3));
        refused(rekey(from, to, 0));
        rekey(from, to, 3).unwrap();
        read(engine, |tx| {
            assert_eq!((tx.asset(from)?, tx.asset(to)?), (None, Some(Asset { id: to, ..whole.clone() })));
            assert_eq!(tx.versions(from)?, []);
            assert_eq!(tx.versions(to)?, [VersionRow { n: 3, ..version(30, to, 1) }]);
            assert_eq!(tx.version(version_id(30))?.map(|version| version.asset), Some(to));
            let asset_of = |id| Ok::<_, CatalogError>(tx.node(NodeId(id))?.and_then(|node| node.asset));
            assert_eq!((asset_of(20)?, asset_of(21)?), (Some(to), Some(to)));
            assert_eq!((tx.generation(from)?, tx.generation(to)?), (None, Some(made.clone())));
            assert_eq!(tx.tunnels_of(to)?.len(), 1);
            assert_eq!(tx.trashed_with(to)?, [asset_id(31)]);
            assert!(tx.assets_with_content(ContentId([1; 32]))?.contains(&to));
            Ok(())
        });
        write(engine, |tx| tx.add_version(&VersionRow { n: 4, ..version(41, to, 1) })).unwrap();
        refused(rekey(to, from, 1));
    });
}
