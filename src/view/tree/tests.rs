#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::too_many_lines, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::catalog::sqlite::SqliteEngine;
use crate::catalog::{Engine, EntryRow, NodeClass, NodeKind, NodeRow, Trashed, Verdict, VersionRow, WriteTx};
use crate::policy::{RoleBook, Rule};
use crate::types::{AssetId, Colours, Content, ContentId, EntryId, Timestamp, VersionId, VersionNo};
use crate::view::naming;

mod exports;
mod names;
mod records;

/// 2026-05-14
const MAY: i64 = 1_778_716_800;
const DAY: i64 = 86_400;

struct Lib {
    _dir: tempfile::TempDir,
    engine: SqliteEngine,
}

fn set(values: &[&str]) -> BTreeSet<String> {
    values.iter().map(|v| (*v).to_owned()).collect()
}

fn node_row(id: u64, kind: NodeKind) -> NodeRow {
    NodeRow {
        id: NodeId(id),
        kind,
        class: NodeClass::Plain,
        mode: 0o644,
        uid: 0,
        gid: 0,
        size: 0,
        atime: Timestamp::EPOCH,
        mtime: Timestamp::EPOCH,
        ctime: Timestamp::EPOCH,
        target: None,
        content: None,
        staged: false,
        asset: None,
        owner: None,
        made_by_process: 0,
        made_at: Timestamp::EPOCH,
        mtime_set: false,
    }
}

fn version_id(n: u8) -> VersionId {
    VersionId::from_bytes([100 + n; 16])
}

fn asset_row(n: u8, name: &str) -> Asset {
    Asset {
        id: AssetId::from_bytes([n; 16]),
        ordinal: u64::from(n),
        view_name: name.into(),
        marked_name: None,
        named: Some(u64::from(n)),
        node: Some(NodeId(100 + u64::from(n))),
        state: AssetState::Active,
        head: Some(version_id(n)),
        duplicate: None,
        colours: Colours::NONE,
        owner: None,
        owner_name: "ann".into(),
        kind: "image".into(),
        format: "png".into(),
        width: Some(10),
        height: Some(20),
        orientation: 1,
        created: Timestamp::from_secs(MAY),
        imported: Timestamp::from_secs(MAY),
        expires: None,
        client: Some("acme".into()),
        rating: None,
        stars: None,
        rights: None,
        likeness: None,
        model: None,
        sampler: None,
        seed: None,
        stage: None,
        reviewer: None,
        due: None,
        personas: set(&[]),
        campaigns: set(&[]),
        tags: set(&[]),
        loras: set(&[]),
        prompt: None,
        negative: None,
        notes: None,
        properties: BTreeMap::new(),
        generator: None,
        status: BTreeMap::new(),
        remarks: Vec::new(),
        conflicts: BTreeMap::new(),
        trashed: None,
        changed: Timestamp::EPOCH,
    }
}

fn put(tx: &mut dyn WriteTx, asset: &Asset, folder: u64) -> Result<(), CatalogError> {
    let n = u8::try_from(asset.ordinal).unwrap();
    let content = Content { id: ContentId([n; 32]), size: 0, extents: Vec::new() };
    let id = asset.node.unwrap();
    tx.put_node(&NodeRow { class: NodeClass::Asset, asset: Some(asset.id), ..node_row(id.0, NodeKind::File) })?;
    tx.put_asset(asset)?;
    if asset.head.is_some() {
        tx.put_content(&content)?;
        tx.add_version(&VersionRow {
            id: version_id(n),
            no: VersionNo(u64::from(n)),
            asset: asset.id,
            n: 1,
            content: content.id,
            size: 0,
            mtime: Timestamp::EPOCH,
            made_at: Timestamp::EPOCH,
            made_by: None,
            format: asset.format.clone(),
            kind: asset.kind.clone(),
            width: None,
            height: None,
            orientation: 1,
        })?;
    }
    if asset.trashed.is_none() {
        let name = FileName::new(&asset.view_name).unwrap();
        tx.add_entry(&EntryRow { id: EntryId(id.0), parent: NodeId(folder), name, node: id })?;
    }
    Ok(())
}

fn folder(tx: &mut dyn WriteTx, id: u64, parent: u64, name: &str) -> Result<(), CatalogError> {
    tx.put_node(&node_row(id, NodeKind::Dir))?;
    let name = FileName::new(name).unwrap();
    tx.add_entry(&EntryRow { id: EntryId(id), parent: NodeId(parent), name, node: NodeId(id) })
}

/// Three pictures, two of luna for acme and one of mira for globex; one not published, one in the trash.
fn lib() -> Lib {
    let dir = tempfile::tempdir().unwrap();
    let lib = Lib { engine: SqliteEngine::create(&dir.path().join("c.db")).unwrap(), _dir: dir };
    lib.write(|tx| {
        for id in [NodeId::LIBRARY, NodeId::INBOX, NodeId::LOCALS] {
            if tx.node(id)?.is_none() {
                tx.put_node(&node_row(id.0, NodeKind::Dir))?;
            }
        }
        folder(tx, 20, 1, "luna")?;
        folder(tx, 21, 1, "mira")?;
        folder(tx, 22, 1, "empty")?;
        let verdict = |n, v: &str| Verdict::new(v, Some(version_id(n)), None, Timestamp::EPOCH);
        let l1 = Asset {
            personas: set(&["luna"]),
            tags: set(&["beach/sunset", "best"]),
            rating: Some("safe".into()),
            status: BTreeMap::from([
                ("instagram".into(), verdict(1, "approved")),
                ("onlyfans".into(), verdict(1, "approved")),
            ]),
            ..asset_row(1, "l1.png")
        };
        let l2 = Asset {
            personas: set(&["luna"]),
            tags: set(&["beach"]),
            rating: Some("adult".into()),
            created: Timestamp::from_secs(MAY + 31 * DAY),
            status: BTreeMap::from([
                ("instagram".into(), verdict(2, "approved")),
                ("onlyfans".into(), verdict(2, "approved")),
                ("snapchat".into(), verdict(2, "approved")),
                ("x".into(), verdict(2, "rejected")),
            ]),
            ..asset_row(2, "l2.png")
        };
        let m1 = Asset {
            personas: set(&["mira"]),
            tags: set(&["beach", "secret/plan"]),
            client: Some("globex".into()),
            format: "jpeg".into(),
            created: Timestamp::from_secs(MAY - 365 * DAY),
            status: BTreeMap::from([("tiktok".into(), verdict(3, "approved"))]),
            ..asset_row(3, "m1.jpg")
        };
        let unpublished = Asset { head: None, personas: set(&["luna"]), ..asset_row(4, "new.png") };
        let trashed = Asset {
            personas: set(&["luna"]),
            state: AssetState::Trashed,
            trashed: Some(Trashed {
                at: Timestamp::from_secs(MAY),
                parent: NodeId(20),
                name: b"t.png".to_vec(),
                by: None,
                with: None,
            }),
            ..asset_row(5, "t.png")
        };
        for (asset, folder) in [(l1, 20), (l2, 20), (m1, 21), (unpublished, 20), (trashed, 20)] {
            put(tx, &asset, folder)?;
        }
        Ok(())
    });
    lib
}

impl Lib {
    fn write(&self, mut f: impl FnMut(&mut dyn WriteTx) -> Result<(), CatalogError>) {
        self.engine.write(&mut f).unwrap();
    }

    fn read<T>(&self, who: &Subject, f: impl Fn(&Tree<'_>) -> T) -> T {
        let mut out = None;
        self.engine
            .read(&mut |tx| {
                out = Some(f(&Tree::new(tx, who, None)));
                Ok(())
            })
            .unwrap();
        out.unwrap()
    }

    fn resolve(&self, who: &Subject, path: &str) -> Option<Item> {
        self.read(who, |tree| {
            let mut item = Item::Dir(Dir::Root);
            for name in path.split('/').filter(|n| !n.is_empty()) {
                let Item::Dir(dir) = &item else { return None };
                item = tree.child(dir, &FileName::new(name).unwrap()).unwrap()?;
            }
            Some(item)
        })
    }

    /// Sorted names; every name listed resolves to the same kind of thing, also when the listing is read in small pages.
    fn ls(&self, who: &Subject, path: &str) -> Vec<String> {
        let Some(Item::Dir(dir)) = self.resolve(who, path) else { panic!("{path} is no directory") };
        self.read(who, |tree| {
            let whole = tree.list(&dir, 0, usize::MAX).unwrap();
            let mut after = 0;
            let mut paged = Vec::new();
            loop {
                let page = tree.list(&dir, after, 2).unwrap();
                assert!(page.len() <= 2);
                let Some(last) = page.last() else { break };
                after = last.0;
                paged.extend(page.into_iter().map(|(cookie, name, _)| (cookie, name)));
            }
            assert_eq!(whole.iter().map(|(c, n, _)| (*c, n.clone())).collect::<Vec<_>>(), paged, "{path}");
            assert!(whole.windows(2).all(|w| w[0].0 < w[1].0) && whole.iter().all(|r| r.0 < (1 << 62) - 16));
            for (_, name, item) in &whole {
                let child = tree.child(&dir, name).unwrap();
                match (item, child) {
                    (Leaf::Item(item), child) => {
                        assert_eq!(child.map(|c| format!("{c:?}")), Some(format!("{item:?}")), "{path}/{name}");
                    }
                    (Leaf::File(row), Some(Item::Asset(asset) | Item::Trashed(asset))) => {
                        assert_eq!((row.asset, Some(row.node.id)), (asset.id, asset.node), "{path}/{name}");
                    }
                    (Leaf::File(row), child) => panic!("{path}/{name}: {row:?} against {child:?}"),
                }
            }
            let mut names: Vec<String> = whole.iter().map(|(_, name, _)| name.to_text()).collect();
            names.sort();
            names
        })
    }

    fn has(&self, who: &Subject, path: &str) -> bool {
        self.resolve(who, path).is_some()
    }
}

fn who(role: &str, scope: Option<&str>) -> Subject {
    let book = RoleBook::parse(RoleBook::TEMPLATE).unwrap();
    Subject::new("ann", book.get(role).unwrap(), scope.map(|s| Rule::parse(s).unwrap()))
}

fn admin() -> Subject {
    who("admin", None)
}

fn acme() -> Subject {
    who("admin", Some("client=acme"))
}

#[test]
fn the_top_is_fixed() {
    let (lib, admin) = (lib(), admin());
    assert_eq!(
        lib.ls(&admin, ""),
        [".dam", "by", "find", "inbox", "library", "platforms", "records", "review", "saved", "trash", "versions"]
    );
    assert_eq!(
        lib.ls(&admin, "by"),
        [
            ".nomedia",
            ".trackerignore",
            "campaign",
            "client",
            "colour",
            "created",
            "duplicate",
            "expires",
            "format",
            "imported",
            "kind",
            "likeness",
            "lora",
            "model",
            "orientation",
            "owner",
            "persona",
            "prompt",
            "rating",
            "rights",
            "sampler",
            "similar",
            "stage",
            "stars",
            "state",
            "status",
            "tag",
            "too-small"
        ]
    );
    assert_eq!(lib.ls(&admin, "find"), [".nomedia", ".trackerignore"]);
    assert_eq!(lib.ls(&admin, ".dam"), [".nomedia", ".trackerignore", "README", "errors", "status", "why"]);
    assert!(matches!(lib.resolve(&admin, "library"), Some(Item::Node(NodeId::LIBRARY))));
    for path in ["nothing", "by/nothing", "by/text", "by/status.instagram", "find/persna=luna", "platforms/nothing"] {
        assert!(!lib.has(&admin, path), "{path}");
    }
}

#[test]
fn facets_list_values_and_values_list_files() {
    let (lib, admin) = (lib(), admin());
    assert_eq!(lib.ls(&admin, "by/persona"), ["luna", "mira"]);
    assert_eq!(lib.ls(&admin, "by/persona/luna"), ["+and", "l1.png", "l2.png"]);
    assert_eq!(lib.ls(&admin, "by/persona/mira"), ["m1.jpg"]);
    assert_eq!(lib.ls(&admin, "by/rating"), ["adult", "none", "safe"]);
    assert_eq!(lib.ls(&admin, "by/format"), ["jpeg", "png"]);
    assert_eq!(lib.ls(&admin, "by/client"), ["acme", "globex"], "typed facets list too");
    assert_eq!(lib.ls(&admin, "by/created"), ["2025", "2026"]);
    assert_eq!(lib.ls(&admin, "by/created/2026"), ["05", "06"]);
    assert_eq!(lib.ls(&admin, "by/created/2026/06"), ["l2.png"]);
    assert_eq!(lib.ls(&admin, "by/status"), ["instagram", "onlyfans", "snapchat", "tiktok", "x"]);
    assert_eq!(lib.ls(&admin, "by/status/x"), ["none", "rejected"]);
    assert_eq!(lib.ls(&admin, "by/status/x/none"), ["l1.png", "m1.jpg"]);
    assert_eq!(lib.ls(&admin, "by/status/x/rejected"), ["l2.png"]);
    for path in [
        "by/persona/mira/l1.png",
        "by/persona/luna/new.png",
        "by/persona/luna/t.png",
        "by/persona/nobody",
        "by/created/2024",
        "by/created/2026/07",
        "by/created/2026/5",
        "by/status/nowhere",
        "by/rating/odd",
    ] {
        assert!(!lib.has(&admin, path), "{path}");
    }
    let Some(Item::Dir(Dir::Query(q))) = lib.resolve(&admin, "by/persona/luna/+and/rating/safe") else { panic!() };
    assert_eq!((q.path.as_str(), q.plain), ("by/persona/luna/+and/rating/safe", true));
    assert_eq!(q.sets, [(Field::Persona, "luna".into()), (Field::Rating, "safe".into())]);
    let Some(Item::Dir(Dir::Query(q))) = lib.resolve(&admin, "by/created/2026/05") else { panic!() };
    assert!(!q.plain && q.sets.is_empty());
    // Closed lists take a first file.
    assert_eq!(lib.ls(&admin, "by/rating/suggestive"), [""; 0]);
    assert_eq!(lib.ls(&admin, "by/status/x/approved"), [""; 0]);
}

#[test]
fn tags_are_a_tree() {
    let (lib, admin) = (lib(), admin());
    assert_eq!(lib.ls(&admin, "by/tag"), ["beach", "best", "secret"]);
    assert_eq!(lib.ls(&admin, "by/tag/beach"), ["+and", "l1.png", "l2.png", "m1.jpg", "sunset"]);
    assert_eq!(lib.ls(&admin, "by/tag/beach/sunset"), ["l1.png"]);
    assert_eq!(lib.ls(&admin, "by/tag/secret"), ["m1.jpg", "plan"]);
    assert!(!lib.has(&admin, "by/tag/beach%2Fsunset"));
    let Some(Item::Dir(Dir::Query(q))) = lib.resolve(&admin, "by/tag/beach/sunset") else { panic!() };
    assert_eq!(q.sets, [(Field::Tag, "beach/sunset".into())]);
    assert_eq!(lib.ls(&admin, "by/persona/luna/+and/tag"), ["beach.sunset", "best"], "beach holds for both");
    assert_eq!(lib.ls(&admin, "by/persona/luna/+and/tag/beach.sunset"), ["l1.png"]);
    // A child tag with the name of a file is spelled apart; the file keeps its name.
    lib.write(|tx| {
        let mut l2 = tx.asset(AssetId::from_bytes([2; 16]))?.unwrap();
        l2.tags = set(&["beach/l1.png", "beach/a+b, c%20d"]);
        tx.put_asset(&l2)
    });
    assert_eq!(
        lib.ls(&admin, "by/tag/beach"),
        ["%6C1.png", "+and", "a+b, c%2520d", "l1.png", "l2.png", "m1.jpg", "sunset"]
    );
    assert!(matches!(lib.resolve(&admin, "by/tag/beach/l1.png"), Some(Item::Asset(_))));
    assert_eq!(lib.ls(&admin, "by/tag/beach/%6C1.png"), ["l2.png"]);
}

#[test]
fn narrowing_ends_and_deeper_paths_resolve_when_typed() {
    let (lib, admin) = (lib(), admin());
    assert_eq!(lib.ls(&admin, "by/persona/luna/+and"), ["created", "rating", "status", "tag"]);
    assert_eq!(lib.ls(&admin, "by/persona/luna/+and/rating"), ["adult", "safe"]);
    assert_eq!(lib.ls(&admin, "by/persona/luna/+and/created"), ["2026-05", "2026-06"]);
    assert_eq!(lib.ls(&admin, "by/persona/luna/+and/created/2026-05"), ["l1.png"]);
    assert_eq!(lib.ls(&admin, "by/persona/luna/+and/status"), ["snapchat", "x"], "a verdict that some have");
    assert_eq!(lib.ls(&admin, "by/persona/luna/+and/status/x/rejected"), ["l2.png"]);
    assert_eq!(lib.ls(&admin, "by/tag/beach/+and/persona/luna"), ["l1.png", "l2.png"], "no +and below +and");
    assert_eq!(lib.ls(&admin, "by/tag/beach/+and/persona/luna/+and/rating/adult"), ["l2.png"]);
    assert_eq!(lib.ls(&admin, "by/rating/adult/+and/persona/luna/+and/tag/beach"), ["l2.png"]);
    assert_eq!(lib.ls(&admin, "by/persona/mira/+and/tag/best"), [""; 0]);
    assert_eq!(lib.ls(&admin, "find/not.persona=mira"), ["+and", "l1.png", "l2.png"]);
    assert_eq!(lib.ls(&admin, "find/persona=luna,orientation=landscape"), [""; 0]);
    assert_eq!(lib.ls(&admin, "find/state=trashed"), ["t.png"]);
    assert!(matches!(lib.resolve(&admin, "find/state=trashed/t.png"), Some(Item::Trashed(_))));

    let mut directories = 0;
    let mut left = vec![("by".to_owned(), 1)];
    while let Some((path, depth)) = left.pop() {
        directories += 1;
        assert!(depth <= 8 && directories < 500, "{path}");
        for name in lib.ls(&admin, &path) {
            let child = format!("{path}/{name}");
            if let Some(Item::Dir(_)) = lib.resolve(&admin, &child) {
                left.push((child, depth + 1));
            }
        }
    }
}

#[test]
fn what_may_not_be_listed_is_nowhere() {
    let (lib, acme) = (lib(), acme());
    assert_eq!(lib.ls(&acme, "by/persona"), ["luna"]);
    assert_eq!(lib.ls(&acme, "by/tag"), ["beach", "best"]);
    assert_eq!(lib.ls(&acme, "by/tag/beach"), ["+and", "l1.png", "l2.png", "sunset"]);
    assert_eq!(lib.ls(&acme, "by/format"), ["png"]);
    assert_eq!(lib.ls(&acme, "by/created"), ["2026"]);
    assert_eq!(lib.ls(&acme, "by/client"), ["acme"]);
    assert_eq!(lib.ls(&acme, "by/status"), ["instagram", "onlyfans", "snapchat", "x"]);
    assert_eq!(lib.ls(&acme, "find/kind=image"), ["+and", "l1.png", "l2.png"]);
    assert_eq!(lib.ls(&acme, "versions"), [".nomedia", ".trackerignore", "luna"]);
    assert_eq!(lib.ls(&acme, "records"), [".nomedia", ".trackerignore", "luna"]);
    assert_eq!(lib.ls(&acme, ".dam/why/library"), ["luna"]);
    assert_eq!(lib.ls(&acme, "platforms/tiktok/photo"), [""; 0]);
    for path in [
        "by/persona/mira",
        "by/persona/mira/m1.jpg",
        "by/tag/beach/m1.jpg",
        "by/tag/secret",
        "by/tag/secret/plan",
        "by/created/2025",
        "by/created/2025/05",
        "by/format/jpeg",
        "by/client/globex",
        "find/kind=image/m1.jpg",
        "find/client=globex/m1.jpg",
        "versions/mira",
        "versions/mira/m1.jpg",
        "records/mira/m1.jpg.json",
        ".dam/why/library/mira",
        ".dam/why/library/mira/m1.jpg",
        "platforms/tiktok/photo/m1.jpg",
        "by/persona/luna/+and/tag/secret.plan",
    ] {
        assert!(!lib.has(&acme, path), "{path}");
        if !path.contains("secret.plan") {
            assert!(lib.has(&admin(), path), "{path}");
        }
    }
    let marketing = who("marketing-manager", Some("client=globex"));
    assert_eq!(lib.ls(&marketing, "by/persona"), ["mira"]);
}

#[test]
fn words_wait_for_their_first_file() {
    let (lib, admin, acme) = (lib(), admin(), acme());
    lib.write(|tx| {
        tx.add_word("tag", "fresh/one")?;
        tx.add_word("persona", "nova")?;
        tx.add_word("persona", "mira")
    });
    assert_eq!(lib.ls(&admin, "by/persona"), ["luna", "mira", "nova"]);
    assert_eq!(lib.ls(&acme, "by/persona"), ["luna", "nova"], "a word in hidden use is hidden");
    assert!(!lib.has(&acme, "by/persona/mira"));
    assert_eq!(lib.ls(&acme, "by/tag"), ["beach", "best", "fresh"]);
    assert_eq!(lib.ls(&acme, "by/tag/fresh"), ["one"]);
    assert_eq!(lib.ls(&acme, "by/tag/fresh/one"), [""; 0]);
}

#[test]
fn a_rule_about_states_shows_no_trash() {
    let lib = lib();
    let roles = "[role.r]\ndescription = \"r\"\n[role.r.allow]\nlist = \"not.state=held\"\n";
    let book = RoleBook::parse(roles).unwrap();
    let who = Subject::new("ann", book.get("r").unwrap(), None);
    assert_eq!(lib.ls(&who, "by/persona/luna"), ["+and", "l1.png", "l2.png"]);
    assert!(!lib.has(&who, "by/persona/luna/t.png"));
    assert!(!lib.has(&who, "platforms/instagram/post_square/t.jpg"));
    assert_eq!(lib.ls(&who, "trash/2026-05-14"), ["t.png"], "he may list it where it is");
}

#[test]
fn versions_records_and_trash_mirror_the_library() {
    let (lib, admin) = (lib(), admin());
    assert_eq!(
        lib.ls(&admin, "versions"),
        [".nomedia", ".trackerignore", "luna", "mira"],
        "empty folders are left out"
    );
    assert_eq!(lib.ls(&admin, "versions/luna"), ["l1.png", "l2.png"]);
    assert_eq!(lib.ls(&admin, "versions/luna/l1.png"), ["1.png"]);
    assert!(matches!(lib.resolve(&admin, "versions/luna/l1.png/1.png"), Some(Item::Version(..))));
    assert!(!lib.has(&admin, "versions/luna/l1.png/01.png"));
    assert_eq!(lib.ls(&admin, "records/luna"), ["l1.png.json", "l2.png.json"]);
    assert_eq!(lib.ls(&admin, ".dam/why/library"), ["empty", "luna", "mira"]);
    assert!(matches!(lib.resolve(&admin, ".dam/why/library/luna/l1.png"), Some(Item::Why(_))));
    assert_eq!(lib.ls(&admin, "trash"), [".nomedia", ".trackerignore", "2026-05-14"]);
    assert_eq!(lib.ls(&admin, "trash/2026-05-14"), ["t.png"]);
    assert!(!lib.has(&admin, "trash/2026-05-14/l1.png"));
    assert!(!lib.has(&admin, "trash/2026-05-15"));
    assert_eq!(lib.ls(&who("admin", Some("client=globex")), "trash"), [".nomedia", ".trackerignore"]);
    lib.write(|tx| folder(tx, 30, 20, "l1.png.json").and_then(|()| put(tx, &asset_row(6, "deep.png"), 30)));
    assert_eq!(lib.ls(&admin, "records/luna/l1.png.json"), ["deep.png.json"]);
}

#[test]
fn folders_are_known_by_what_they_hold_or_who_made_them() {
    let lib = lib();
    let me = MemberId::from_bytes([1; 16]);
    lib.write(|tx| {
        folder(tx, 30, 22, "mine")?;
        tx.put_node(&NodeRow { owner: Some(me), ..node_row(30, NodeKind::Dir) })
    });
    let visible = |who: &Subject, member: Option<MemberId>, node: u64| {
        let mut out = None;
        lib.engine
            .read(&mut |tx| {
                out = Some(folder_visible(tx, who, member, NodeId(node))?);
                Ok(())
            })
            .unwrap();
        out.unwrap()
    };
    assert!([1, 2, 20, 21, 22, 30].iter().all(|n| visible(&admin(), None, *n)));
    assert!([1, 2, 20].iter().all(|n| visible(&acme(), None, *n)));
    assert!([21, 22, 30].iter().all(|n| !visible(&acme(), None, *n)));
    assert!([22, 30].iter().all(|n| visible(&acme(), Some(me), *n)), "his own folder, and the way to it");
    assert!(!visible(&acme(), Some(me), 21));
}

#[test]
fn who_shares_a_stem_has_a_marked_name() {
    let lib = lib();
    let name = |wanted: &str, id: AssetId| {
        let mut out = None;
        lib.engine
            .read(&mut |tx| {
                out = Some(naming::names(tx, &FileName::new(wanted).unwrap(), id)?);
                Ok(())
            })
            .unwrap();
        out.unwrap()
    };
    let id = AssetId::from_bytes([0x99; 16]);
    assert_eq!(name("free.png", id), ("free.png".into(), None));
    assert_eq!(name("l1.png", AssetId::from_bytes([1; 16])), ("l1.png".into(), None), "its own name is free to it");
    let (plain, second) = name("l1.png", id);
    let second = second.unwrap();
    assert_eq!(plain, "l1.png");
    assert!(second.starts_with("l1 ~") && second.ends_with(".png") && second.len() == "l1 ~k3f9.png".len(), "{second}");
    let (plain, by_stem) = name("l1.jpg", id);
    assert!(plain == "l1.jpg" && by_stem.is_some_and(|n| n.starts_with("l1 ~") && n.ends_with(".jpg")));
    assert!(name("t.png", id).1.is_some(), "a namesake in the trash is one");
    for reserved in ["+and", ".nomedia", ".trackerignore"] {
        let (plain, marked) = name(reserved, id);
        assert!(plain.starts_with(&format!("{reserved} ~")) && marked.is_none(), "{plain}");
    }
    lib.write(|tx| put(tx, &Asset { ordinal: 7, ..asset_row(7, &second) }, 20));
    let third = name("l1.png", id).1.unwrap();
    assert_eq!(third.len(), second.len() + 1, "{third}");
    let long = "x".repeat(255);
    assert!(name(&long, id) == (long.clone(), None));
}

#[test]
fn names_that_are_no_text_are_no_view_names() {
    let (lib, admin) = (lib(), admin());
    let odd = FileName::new([0xff, b'a']).unwrap();
    lib.read(&admin, |tree| {
        for dir in [Dir::Root, Dir::By, Dir::Field(Field::Tag), Dir::Find, Dir::VersionsTree(NodeId(20))] {
            assert!(tree.child(&dir, &odd).unwrap().is_none());
        }
    });
}
