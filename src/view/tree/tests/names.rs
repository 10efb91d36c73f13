use std::collections::BTreeMap;

use super::*;
use crate::policy::parse;

/// Two of acme's and globex's called `a.png`, and one of globex's that is called as the second is marked.
fn namesakes() -> Lib {
    let lib = lib();
    lib.write(|tx| {
        for (n, name, client, mark) in [(10, "a.png", "acme", "a ~10"), (11, "a.png", "globex", "a ~11")] {
            tx_put(tx, &of(n, name, client, &format!("{mark}.png")))?;
        }
        tx_put(tx, &of(12, "a ~11.png", "acme", "a ~11 ~12.png"))
    });
    lib
}

fn tx_put(tx: &mut dyn WriteTx, asset: &Asset) -> Result<(), CatalogError> {
    let home = 200 + asset.ordinal;
    folder(tx, home, 1, &home.to_string())?;
    put(tx, asset, home)
}

fn of(n: u8, name: &str, client: &str, marked: &str) -> Asset {
    let verdict = Verdict::new("approved", Some(version_id(n)), None, Timestamp::EPOCH);
    Asset {
        client: Some(client.into()),
        marked_name: Some(marked.into()),
        model: Some("flux".into()),
        status: BTreeMap::from([("instagram".into(), verdict)]),
        ..asset_row(n, name)
    }
}

fn globex() -> Subject {
    who("admin", Some("client=globex"))
}

/// Names below a directory, each with the asset that it leads to.
fn shown(lib: &Lib, who: &Subject, path: &str) -> Vec<(String, u64)> {
    let names = lib.ls(who, path).into_iter().filter(|name| name.starts_with('a'));
    names
        .map(|name| {
            let ordinal = match lib.resolve(who, &format!("{path}/{name}")) {
                Some(Item::Asset(asset) | Item::Trashed(asset) | Item::Export(asset, ..)) => asset.ordinal,
                other => panic!("{name}: {other:?}"),
            };
            (name, ordinal)
        })
        .collect()
}

fn pairs(shown: &[(String, u64)]) -> Vec<(&str, u64)> {
    shown.iter().map(|(name, n)| (name.as_str(), *n)).collect()
}

/// Regression: a view name told its maker of a namesake that he may not list.
#[test]
fn a_name_tells_nothing_of_hidden_namesakes() {
    let lib = namesakes();
    assert_eq!(pairs(&shown(&lib, &acme(), "find/model=flux")), [("a ~11.png", 12), ("a.png", 10)]);
    assert_eq!(pairs(&shown(&lib, &globex(), "find/model=flux")), [("a.png", 11)]);
    let all = [("a ~11 ~12.png", 12), ("a ~11.png", 11), ("a.png", 10)];
    assert_eq!(pairs(&shown(&lib, &admin(), "find/model=flux")), all);
    for (who, names) in [
        (acme(), ["a ~10.png", "a ~11 ~12.png", "a ~12.png", "a.jpg", "a", "a ~11.jpg"]),
        (globex(), ["a ~10.png", "a ~11 ~12.png", "a ~11.png", "a.jpg", "a", "a ~11.jpg"]),
        (admin(), ["a ~10.png", "a ~12.png", "a ~11 ~12.jpg", "a.jpg", "a", "a ~11.jpg"]),
    ] {
        for name in names {
            assert!(!lib.has(&who, &format!("find/model=flux/{name}")), "{name}");
        }
    }
    assert!(!lib.has(&admin(), "find/client=globex/a.png"), "that is the name of another everywhere");
    assert_eq!(pairs(&shown(&lib, &admin(), "find/client=globex")), [("a ~11.png", 11)]);
}

#[test]
fn exports_are_named_as_their_assets() {
    let lib = namesakes();
    let placement = "platforms/instagram/post_square";
    assert_eq!(pairs(&shown(&lib, &acme(), placement)), [("a ~11.jpg", 12), ("a.jpg", 10)]);
    assert_eq!(pairs(&shown(&lib, &globex(), placement)), [("a.jpg", 11)]);
    assert_eq!(pairs(&shown(&lib, &admin(), placement)), [("a ~11 ~12.jpg", 12), ("a ~11.jpg", 11), ("a.jpg", 10)]);
    for (who, name) in [(acme(), "a ~10.jpg"), (globex(), "a ~11.jpg"), (admin(), "a ~10.jpg")] {
        assert!(!lib.has(&who, &format!("{placement}/{name}")), "{name}");
    }
}

#[test]
fn one_that_let_go_of_its_name_in_the_trash_comes_last() {
    let lib = namesakes();
    let trashed = |named: Option<u64>| {
        lib.write(|tx| {
            let mut asset = tx.asset(AssetId::from_bytes([10; 16]))?.unwrap();
            let at = Timestamp::from_secs(1_778_716_800);
            asset.state = AssetState::Trashed;
            asset.named = named;
            asset.trashed = Some(Trashed { at, parent: NodeId(1), name: b"a.png".to_vec(), by: None, with: None });
            tx.put_asset(&asset)
        });
    };
    trashed(Some(10));
    assert_eq!(pairs(&shown(&lib, &admin(), "find/client=globex")), [("a ~11.png", 11)], "it may come back");
    assert_eq!(pairs(&shown(&lib, &admin(), "trash/2026-05-14")), [("a.png", 10)]);
    trashed(None);
    assert_eq!(pairs(&shown(&lib, &admin(), "find/client=globex")), [("a.png", 11)]);
    assert_eq!(pairs(&shown(&lib, &admin(), "trash/2026-05-14")), [("a ~10.png", 10)]);
    assert_eq!(pairs(&shown(&lib, &acme(), "trash/2026-05-14")), [("a.png", 10)]);
    assert!(!lib.has(&acme(), "trash/2026-05-14/a ~10.png"));
}

#[test]
fn a_listing_of_namesakes_asks_once_whose_the_name_is() {
    const CROWD: u64 = 5_000;
    let lib = lib();
    let id = |n: u64| AssetId::from_bytes((u128::from(n) << 32).to_be_bytes());
    lib.write(|tx| {
        (1_000..1_000 + CROWD).try_for_each(|n| {
            let head = VersionId::from_bytes((u128::from(n) << 32).to_be_bytes());
            let client = if n % 2 == 0 { "acme" } else { "globex" };
            let asset = Asset {
                id: id(n),
                ordinal: n,
                named: Some(n),
                node: Some(NodeId(n)),
                head: None,
                ..of(20, "image.png", client, &format!("image ~{n}.png"))
            };
            let asset = Asset { status: BTreeMap::new(), ..asset };
            tx.put_node(&node_row(n, NodeKind::File))?;
            tx.put_asset(&asset)?;
            tx.add_version(&VersionRow {
                id: head,
                no: VersionNo(n),
                asset: id(n),
                n: 1,
                content: ContentId([1; 32]),
                size: 0,
                mtime: Timestamp::EPOCH,
                made_at: Timestamp::EPOCH,
                made_by: None,
                format: "png".into(),
                kind: "image".into(),
                width: None,
                height: None,
                orientation: 1,
            })?;
            tx.put_asset(&Asset { head: Some(head), ..asset })
        })
    });
    let crowd = Dir::Query(QueryDir::typed("find/model=flux".into(), parse("model=flux").unwrap()));
    for (who, first, count) in [(admin(), 1_000, CROWD), (globex(), 1_001, CROWD / 2)] {
        lib.read(&who, |tree| {
            let rows = tree.list(&crowd, 0, usize::MAX).unwrap();
            let names: Vec<String> =
                rows.iter().map(|(_, name, _)| name.to_text()).filter(|n| n.starts_with("image")).collect();
            assert_eq!(names.len() as u64, count);
            assert_eq!(names.iter().filter(|name| *name == "image.png").count(), 1);
            assert_eq!(tree.holders.borrow().len(), 1);
            for (n, name) in [(first, "image.png".to_owned()), (first + 2, format!("image ~{}.png", first + 2))] {
                let item = tree.child(&crowd, &FileName::new(name).unwrap()).unwrap();
                assert!(matches!(item, Some(Item::Asset(asset)) if asset.id == id(n)), "{n}");
            }
        });
    }
}
