//! Rows: what goes in comes out, what breaks a rule stays out.

use std::collections::BTreeMap;

use damfs::catalog::{
    Asset, AssetState, CatalogError, ChangeKind, Counter, EntryRow, FolderRow, FolderRule, InboxRow, NodeClass,
    NodeKind, NodeRow, NodeStat, Outcome, Remark, RenditionRow, SavedRow, Trashed, TunnelHow, TunnelRow, Verdict,
};
use damfs::policy::Expr;
use damfs::policy::Field;
use damfs::policy::expr::FieldKind;
use damfs::types::{ContentId, EntryId, NodeId, RenditionNo, Timestamp};

use crate::catalog::on_both;
use crate::samples::*;

#[test]
fn settings_and_counters() {
    on_both(|engine| {
        let first = write(engine, |tx| {
            tx.set_meta("library", "a")?;
            tx.set_meta("library", "b\n☃")?;
            assert_eq!(tx.meta("library")?, Some("b\n☃".into()));
            Ok((tx.next(Counter::Node)?, tx.next(Counter::Node)?, tx.next(Counter::Version)?))
        });
        assert_eq!(first.unwrap(), (NodeId::FIRST_FREE, NodeId::FIRST_FREE + 1, 1));
        let mut seen = 0;
        let undone = write(engine, |tx| {
            seen = tx.next(Counter::Node)?;
            Err::<(), _>(CatalogError::Conflict)
        });
        assert!(matches!(undone, Err(CatalogError::Conflict)));
        assert!(write(engine, |tx| tx.next(Counter::Node)).unwrap() > seen, "a number is given once");
        assert_eq!(read(engine, |tx| tx.meta("nothing")), None);
    });
}

#[test]
fn nodes_keep_every_field() {
    on_both(|engine| {
        let full = NodeRow {
            class: NodeClass::Scratch,
            target: Some(vec![0xff, 0]),
            content: Some(ContentId([1; 32])),
            staged: true,
            asset: Some(asset_id(30)),
            owner: Some(member_id(4)),
            made_by_process: u32::MAX,
            made_at: Timestamp::from_nanos(i64::MIN),
            mtime_set: true,
            ..node(20, NodeKind::Symlink)
        };
        write(engine, |tx| {
            tx.put_node(&full)?;
            publish(tx, &asset(30))?;
            for (n, kind) in (21..).zip([NodeKind::Fifo, NodeKind::Socket, NodeKind::File, NodeKind::Dir]) {
                tx.put_node(&node(n, kind))?;
            }
            let asset = Some(asset_id(30));
            tx.put_node(&NodeRow { class: NodeClass::Asset, asset, ..node(23, NodeKind::File) })?;
            tx.put_node(&NodeRow { class: NodeClass::Inbox, ..node(22, NodeKind::Socket) })
        })
        .unwrap();
        read(engine, |tx| {
            assert_eq!(tx.node(NodeId(20))?, Some(full.clone()));
            assert_eq!(tx.node(NodeId(99))?, None);
            assert_eq!(tx.staged_nodes()?, [NodeId(20)]);
            assert_eq!(tx.nodes_of_class(NodeClass::Scratch)?, std::slice::from_ref(&full));
            assert_eq!(tx.nodes_of_class(NodeClass::Inbox)?.len(), 1);
            assert_eq!(tx.unwritten_nodes()?.iter().map(|n| n.id).collect::<Vec<_>>(), [NodeId(23)]);
            assert_eq!(tx.orphan_nodes()?, [20, 21, 22, 23].map(NodeId));
            Ok(())
        });
    });
}

#[test]
fn names_are_unique_and_listed_by_id() {
    on_both(|engine| {
        write(engine, |tx| {
            for n in 20..25 {
                tx.put_node(&node(n, NodeKind::File))?;
                // Names in the other order than ids.
                tx.add_entry(&entry(n, NodeId::LIBRARY, &format!("{}", 90 - n), n))?;
            }
            Ok(())
        })
        .unwrap();
        refused(write(engine, |tx| tx.add_entry(&entry(40, NodeId::LIBRARY, "70", 21))));
        refused(write(engine, |tx| tx.add_entry(&entry(20, NodeId::LIBRARY, "new", 21))));
        refused(write(engine, |tx| tx.add_entry(&entry(41, NodeId::LIBRARY, "new", 99))));
        refused(write(engine, |tx| tx.add_entry(&entry(41, NodeId(99), "new", 20))));
        refused(write(engine, |tx| tx.repoint_entry(EntryId(20), NodeId(99))));
        refused(write(engine, |tx| tx.repoint_entry(EntryId(99), NodeId(20))));
        refused(write(engine, |tx| tx.remove_entry(EntryId(99))));
        write(engine, |tx| {
            tx.repoint_entry(EntryId(22), NodeId(21))?;
            tx.remove_entry(EntryId(24))
        })
        .unwrap();
        read(engine, |tx| {
            let ids = |rows: Vec<(EntryRow, NodeRow)>| rows.iter().map(|(e, n)| (e.id.0, n.id.0)).collect::<Vec<_>>();
            assert_eq!(ids(tx.entries(NodeId::LIBRARY, EntryId(0), 2)?), [(20, 20), (21, 21)]);
            assert_eq!(ids(tx.entries(NodeId::LIBRARY, EntryId(21), usize::MAX)?), [(22, 21), (23, 23)]);
            assert_eq!(ids(tx.entries(NodeId::LIBRARY, EntryId(u64::MAX), 9)?), []);
            assert_eq!(ids(tx.entries(NodeId(20), EntryId(0), 9)?), []);
            for (after, limit) in [(0, 2), (21, usize::MAX), (u64::MAX, 9)] {
                let whole = tx.entries(NodeId::LIBRARY, EntryId(after), limit)?.into_iter();
                let short = whole
                    .map(|(e, n)| FolderRow { entry: e.id, name: e.name, node: NodeStat::from(&n) })
                    .collect::<Vec<_>>();
                assert_eq!(tx.folder_rows(NodeId::LIBRARY, EntryId(after), limit)?, short);
            }
            let begin =
                |text: &[u8]| tx.entries_named(NodeId::LIBRARY, text).map(|rows| rows.iter().map(|e| e.id.0).collect());
            let all: Vec<u64> = begin(b"")?;
            for (row, _) in tx.entries(NodeId::LIBRARY, EntryId(0), usize::MAX)? {
                let whole: Vec<u64> = begin(row.name.as_bytes())?;
                assert!(whole.contains(&row.id.0) && all.contains(&row.id.0), "{row:?}");
                let longer: Vec<u64> = begin(&[row.name.as_bytes(), b"\xff"].concat())?;
                assert!(!longer.contains(&row.id.0), "{row:?}");
            }
            assert_eq!(tx.entries_named(NodeId(20), b"")?, []);
            assert!(tx.has_entries(NodeId::LIBRARY)? && !tx.has_entries(NodeId(20))?);
            assert_eq!(tx.entry(NodeId::LIBRARY, &name("68"))?, Some(entry(22, NodeId::LIBRARY, "68", 21)));
            assert_eq!(tx.entry(NodeId::LIBRARY, &name("66"))?, None);
            assert_eq!(tx.names_of(NodeId(21))?.iter().map(|e| e.id.0).collect::<Vec<_>>(), [21, 22]);
            assert_eq!(tx.orphan_nodes()?, [NodeId(22), NodeId(24)]);
            Ok(())
        });
    });
}

#[test]
fn a_node_in_use_is_not_removed() {
    on_both(|engine| {
        write(engine, |tx| {
            tx.put_node(&node(20, NodeKind::File))?;
            tx.put_node(&node(21, NodeKind::File))?;
            tx.put_node(&node(22, NodeKind::File))?;
            tx.add_entry(&entry(20, NodeId::LIBRARY, "a", 20))?;
            tx.set_xattr(NodeId(22), b"user.a", b"1")?;
            publish(tx, &Asset { node: Some(NodeId(21)), ..asset(30) })
        })
        .unwrap();
        refused(write(engine, |tx| tx.remove_node(NodeId(20))));
        refused(write(engine, |tx| tx.remove_node(NodeId(21))));
        refused(write(engine, |tx| tx.remove_node(NodeId::LIBRARY)));
        write(engine, |tx| tx.remove_node(NodeId(22))).unwrap();
        assert_eq!(read(engine, |tx| tx.node(NodeId(22))), None);
        assert_eq!(read(engine, |tx| tx.xattrs(NodeId(22))), []);
        assert_eq!(read(engine, |tx| tx.orphan_nodes()), []);
        // A save: the asset goes to another node, the old one may leave.
        write(engine, |tx| {
            tx.put_asset(&Asset { node: Some(NodeId(20)), ..asset(30) })?;
            tx.remove_node(NodeId(21))
        })
        .unwrap();
    });
}

#[test]
fn xattrs_come_in_name_order() {
    on_both(|engine| {
        write(engine, |tx| {
            tx.put_node(&node(20, NodeKind::File))?;
            tx.set_xattr(NodeId(20), b"user.b", b"")?;
            tx.set_xattr(NodeId(20), b"user.a", &[0, 255])?;
            tx.set_xattr(NodeId(20), b"user.b", b"2")
        })
        .unwrap();
        read(engine, |tx| {
            assert_eq!(tx.xattr(NodeId(20), b"user.a")?, Some(vec![0, 255]));
            assert_eq!(
                tx.xattrs(NodeId(20))?,
                [(b"user.a".to_vec(), vec![0, 255]), (b"user.b".to_vec(), b"2".to_vec())]
            );
            Ok(())
        });
        assert!(write(engine, |tx| tx.remove_xattr(NodeId(20), b"user.a")).unwrap());
        assert!(!write(engine, |tx| tx.remove_xattr(NodeId(20), b"user.a")).unwrap());
        refused(write(engine, |tx| tx.set_xattr(NodeId(99), b"user.a", b"1")));
    });
}

fn full_asset() -> Asset {
    let verdict = |value: &str, version| Verdict::new(value, version, Some(member_id(2)), Timestamp::from_secs(5));
    let words = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
    Asset {
        view_name: "Ünï code.tar.gz".into(),
        marked_name: Some("Ünï code.tar ~k3f9.gz".into()),
        named: Some(7),
        node: Some(NodeId(20)),
        state: AssetState::Held,
        owner: Some(member_id(1)),
        owner_name: "ann".into(),
        width: Some(u32::MAX),
        height: Some(0),
        orientation: 8,
        created: Timestamp::from_nanos(i64::MIN),
        expires: Some(Timestamp::from_nanos(i64::MAX)),
        client: Some("acme".into()),
        rating: Some("adult".into()),
        stars: Some(7),
        rights: Some("editorial".into()),
        likeness: Some("self".into()),
        model: Some("flux".into()),
        sampler: Some("euler".into()),
        seed: Some(i64::MIN),
        stage: Some("draft".into()),
        reviewer: Some("rita".into()),
        due: Some(Timestamp::from_nanos(i64::MIN)),
        personas: words(&["luna", "mira"]),
        campaigns: words(&["summer", "☃ + %"]),
        tags: words(&["a", "a/b", "a/b/c"]),
        loras: words(&["skin"]),
        prompt: Some("Red\nDress".into()),
        negative: Some("blurry".into()),
        notes: Some(String::new()),
        properties: BTreeMap::from([("title".into(), "Ünï\ncode".into()), ("x".into(), String::new())]),
        generator: Some("a1111".into()),
        status: BTreeMap::from([
            (
                "instagram".into(),
                Verdict {
                    reason: Some("it is\nfine".into()),
                    guideline: Some("0a1b".into()),
                    ..verdict("approved", Some(version_id(30)))
                },
            ),
            ("x".into(), verdict("stale", None)),
        ]),
        remarks: vec![
            Remark {
                at: Timestamp::from_nanos(i64::MAX),
                by: Some(member_id(4)),
                version: Some(u32::MAX),
                about: Some("stage=rejected".into()),
                text: "too\ndark".into(),
            },
            Remark { at: Timestamp::EPOCH, by: None, version: None, about: None, text: " ".into() },
        ],
        conflicts: BTreeMap::from([("note".into(), conflict(Some("x\ny"), 2)), ("title".into(), conflict(None, 0))]),
        trashed: Some(Trashed {
            at: Timestamp::from_secs(1),
            parent: NodeId(5),
            name: vec![0xff],
            by: Some(member_id(3)),
            with: Some(asset_id(31)),
        }),
        changed: Timestamp::from_secs(6),
        ..asset(30)
    }
}

#[test]
fn assets_keep_every_field() {
    on_both(|engine| {
        let full = full_asset();
        write(engine, |tx| {
            tx.put_node(&node(20, NodeKind::File))?;
            publish(tx, &full)?;
            publish(tx, &asset(31))
        })
        .unwrap();
        let other = Asset {
            personas: ["mira".to_owned(), "zoe".to_owned()].into(),
            tags: Default::default(),
            generator: None,
            status: BTreeMap::from([("x".into(), full.status["instagram"].clone())]),
            remarks: full.remarks[1..].to_vec(),
            reviewer: None,
            due: None,
            conflicts: BTreeMap::from([("note".into(), conflict(Some("z"), 3))]),
            trashed: None,
            prompt: None,
            stars: None,
            properties: BTreeMap::from([("title".into(), "another".into())]),
            ..full.clone()
        };
        let more = Asset { remarks: [&full.remarks[..], &full.remarks[..1]].concat(), ..full.clone() };
        for now in [&full, &other, &full, &more, &full] {
            write(engine, |tx| tx.put_asset(now)).unwrap();
            read(engine, |tx| {
                assert_eq!(tx.asset(now.id)?.as_ref(), Some(now));
                assert_eq!(tx.namesake("Ünï code.tar", asset_id(9))?.as_ref(), Some(now));
                assert_eq!(tx.find(&Expr::all(), 0, 10)?, [now.clone(), asset(31)]);
                assert_eq!(tx.asset(asset_id(9))?, None);
                let along = if now.trashed.is_some() { vec![now.id] } else { vec![] };
                assert_eq!((tx.trashed_with(asset_id(31))?, tx.trashed_with(now.id)?), (along, vec![]));
                Ok(())
            });
        }
    });
}

#[test]
fn closed_vocabularies_are_closed() {
    on_both(|engine| {
        write(engine, |tx| publish(tx, &asset(30))).unwrap();
        let set = |field: &Field, value: &str| {
            let mut asset = asset(30);
            match field {
                Field::Rating => asset.rating = Some(value.into()),
                Field::Rights => asset.rights = Some(value.into()),
                Field::Likeness => asset.likeness = Some(value.into()),
                Field::Stage => asset.stage = Some(value.into()),
                Field::Kind => asset.kind = value.into(),
                _ => {
                    let verdict = Verdict::new(value, None, None, Timestamp::EPOCH);
                    asset.status.insert("x".into(), verdict);
                }
            }
            asset
        };
        for field in [Field::Rating, Field::Rights, Field::Likeness, Field::Stage, Field::Kind, Field::AnyStatus] {
            let FieldKind::Closed(known) = field.kind() else { panic!("{field} is open") };
            for value in known {
                write(engine, |tx| tx.put_asset(&set(&field, value))).unwrap();
            }
            refused(write(engine, |tx| tx.put_asset(&set(&field, "Other"))));
        }
        refused(write(engine, |tx| tx.put_asset(&Asset { stars: Some(11), ..asset(30) })));
        refused(write(engine, |tx| tx.put_asset(&Asset { kind: String::new(), ..asset(30) })));
        refused(write(engine, |tx| tx.put_asset(&Asset { tags: [String::new()].into(), ..asset(30) })));
    });
}

#[test]
fn provisional_assets_come_and_go() {
    on_both(|engine| {
        let made =
            Asset { head: None, kind: String::new(), format: String::new(), tags: ["t".into()].into(), ..asset(30) };
        write(engine, |tx| {
            tx.put_node(&NodeRow { asset: Some(made.id), class: NodeClass::Asset, ..node(20, NodeKind::File) })?;
            tx.put_asset(&Asset { node: Some(NodeId(20)), ..made.clone() })?;
            tx.put_tunnel(&tunnel("a", made.id, 1))?;
            publish(tx, &asset(31))
        })
        .unwrap();
        read(engine, |tx| {
            assert_eq!(tx.find(&Expr::all(), 0, 10)?, [asset(31)]);
            assert_eq!(tx.count(&Expr::all())?, 1);
            assert!(!tx.finds(&Expr::all(), made.id)?);
            assert_eq!(tx.values(&Field::Tag, &Expr::all())?, []);
            assert_eq!(tx.asset(made.id)?.map(|a| a.tags.len()), Some(1));
            Ok(())
        });
        refused(write(engine, |tx| tx.remove_asset(asset_id(31))));
        // The node still names the asset when the transaction ends.
        refused(write(engine, |tx| tx.remove_asset(made.id)));
        write(engine, |tx| {
            tx.remove_asset(made.id)?;
            tx.put_node(&node(20, NodeKind::File))
        })
        .unwrap();
        refused(write(engine, |tx| tx.remove_asset(made.id)));
        assert_eq!(read(engine, |tx| tx.asset(made.id)), None);
        assert_eq!(read(engine, |tx| tx.tunnels_of(made.id)), []);
        // Its names are nobody's.
        assert_eq!(read(engine, |tx| tx.namesake("img_30", asset_id(31))), None);
    });
}

#[test]
fn tunnels_are_replaced_by_name() {
    on_both(|engine| {
        let a = asset_id(30);
        write(engine, |tx| {
            publish(tx, &asset(30))?;
            tx.put_tunnel(&tunnel("b", a, 5))?;
            tx.put_tunnel(&tunnel("a", a, 9))?;
            tx.put_tunnel(&tunnel("c", a, 7))?;
            tx.put_tunnel(&TunnelRow { how: TunnelHow::AsideInView, member: None, ..tunnel("b", a, 8) })
        })
        .unwrap();
        let names = |rows: Vec<TunnelRow>| rows.iter().map(|t| t.name.to_text()).collect::<String>();
        read(engine, |tx| {
            assert_eq!(tx.tunnel(NodeId::LIBRARY, &name("a"))?, Some(tunnel("a", a, 9)));
            assert_eq!(tx.tunnel(NodeId::LIBRARY, &name("b"))?.map(|t| t.how), Some(TunnelHow::AsideInView));
            assert_eq!(names(tx.tunnels_of(a)?), "cba");
            assert_eq!(names(tx.tunnels_in(NodeId::LIBRARY)?), "abc");
            assert_eq!(names(tx.tunnels_in(NodeId::INBOX)?), "");
            assert_eq!(names(tx.tunnels_before(Timestamp::from_secs(9))?), "cb");
            Ok(())
        });
        write(engine, |tx| {
            tx.remove_tunnel(NodeId::LIBRARY, &name("c"))?;
            tx.remove_tunnel(NodeId::LIBRARY, &name("c"))
        })
        .unwrap();
        assert_eq!(names(read(engine, |tx| tx.tunnels_of(a))), "ba");
        refused(write(engine, |tx| tx.put_tunnel(&tunnel("d", asset_id(99), 1))));
    });
}

#[test]
fn folder_rules_and_vocabulary() {
    on_both(|engine| {
        let rule =
            |facet: &str, value: &str| FolderRule { folder: NodeId(20), facet: facet.into(), value: value.into() };
        write(engine, |tx| {
            tx.put_node(&node(20, NodeKind::Dir))?;
            tx.put_folder_rule(&rule("persona", "luna"))?;
            tx.put_folder_rule(&rule("client", "acme"))?;
            tx.put_folder_rule(&rule("persona", "mira"))?;
            tx.add_word("persona", "zoe")?;
            tx.add_word("persona", "amy")?;
            tx.add_word("persona", "amy")?;
            tx.add_word("tag", "x")
        })
        .unwrap();
        read(engine, |tx| {
            assert_eq!(tx.folder_rules(NodeId(20))?, [rule("client", "acme"), rule("persona", "mira")]);
            assert_eq!(tx.vocabulary("persona")?, ["amy", "zoe"]);
            assert_eq!(tx.vocabulary("lora")?, Vec::<String>::new());
            Ok(())
        });
        assert!(write(engine, |tx| tx.remove_word("persona", "amy")).unwrap());
        assert!(!write(engine, |tx| tx.remove_word("persona", "amy")).unwrap());
        refused(write(engine, |tx| tx.put_folder_rule(&FolderRule { folder: NodeId(99), ..rule("client", "x") })));
        write(engine, |tx| tx.remove_node(NodeId(20))).unwrap();
        assert_eq!(read(engine, |tx| tx.folder_rules(NodeId(20))), []);
    });
}

#[test]
fn saved_queries_are_their_owners() {
    on_both(|engine| {
        let row = |name: &str, owner| SavedRow {
            owner: member_id(owner),
            name: name.into(),
            query: Some("tag=a".into()),
            roles: ["editor".to_owned(), "o'neill".to_owned()].into(),
            until: Some(Timestamp::from_nanos(-1)),
            since: Timestamp::from_secs(3),
        };
        let untold = SavedRow { query: None, roles: [].into(), until: None, ..row("a", 2) };
        write(engine, |tx| {
            tx.put_saved(&row("b", 1))?;
            tx.put_saved(&untold)?;
            tx.put_saved(&row("a", 1))?;
            tx.put_saved(&SavedRow { query: Some("tag=b".into()), ..row("b", 1) })
        })
        .unwrap();
        let b = SavedRow { query: Some("tag=b".into()), ..row("b", 1) };
        read(engine, |tx| {
            assert_eq!(tx.saved()?, [row("a", 1), untold.clone(), b.clone()]);
            assert_eq!(tx.saved_as("a")?, [row("a", 1), untold.clone()]);
            assert_eq!(tx.saved_as("c")?, []);
            Ok(())
        });
        assert!(write(engine, |tx| tx.remove_saved("a", member_id(1))).unwrap());
        assert!(!write(engine, |tx| tx.remove_saved("a", member_id(1))).unwrap());
        assert_eq!(read(engine, |tx| tx.saved()), [untold.clone(), b.clone()]);
        refused(write(engine, |tx| tx.put_saved(&row("", 1))));
        refused(write(engine, |tx| tx.put_saved(&SavedRow { query: Some(String::new()), ..row("a", 1) })));
    });
}

#[test]
fn renditions_are_known_once_per_content_recipe_and_renderer() {
    on_both(|engine| {
        let failed = RenditionRow {
            no: RenditionNo(5),
            content: ContentId([1; 32]),
            recipe: [3; 32],
            renderer: 1,
            outcome: Outcome::Failed("too large".into()),
            since: Timestamp::from_secs(1),
        };
        let done = RenditionRow {
            outcome: Outcome::Made { size: 1 << 40, hash: [4; 32], quality: Some(90) },
            ..failed.clone()
        };
        let worse = RenditionRow { no: RenditionNo(6), renderer: 2, ..failed.clone() };
        write(engine, |tx| {
            tx.put_content(&content(1))?;
            tx.put_rendition(&failed)?;
            tx.put_rendition(&done)?;
            tx.put_rendition(&worse)
        })
        .unwrap();
        read(engine, |tx| {
            assert_eq!(tx.rendition(done.content, &[3; 32], 1)?, Some(done.clone()));
            assert_eq!(tx.rendition(done.content, &[3; 32], 2)?, Some(worse.clone()));
            assert_eq!(tx.rendition_by_no(RenditionNo(5))?, Some(done.clone()));
            assert_eq!(tx.rendition(done.content, &[4; 32], 1)?, None);
            assert_eq!(tx.renditions_with_hash(&[4; 32])?, std::slice::from_ref(&done));
            assert_eq!(tx.renditions_with_hash(&[5; 32])?, []);
            assert_eq!(tx.rendered_contents()?, [done.content], "each once");
            Ok(())
        });
        refused(write(engine, |tx| tx.put_rendition(&RenditionRow { no: RenditionNo(7), ..failed.clone() })));
        let unsaid = Outcome::Failed(String::new());
        for quality in [0, 101] {
            let outcome = Outcome::Made { size: 1, hash: [4; 32], quality: Some(quality) };
            refused(write(engine, |tx| tx.put_rendition(&RenditionRow { outcome: outcome.clone(), ..done.clone() })));
        }
        refused(write(engine, |tx| tx.put_rendition(&RenditionRow { outcome: unsaid.clone(), ..done.clone() })));
        refused(write(engine, |tx| {
            tx.put_rendition(&RenditionRow { no: RenditionNo(8), content: ContentId([9; 32]), ..failed.clone() })
        }));
    });
}

#[test]
fn the_feed_the_inbox_and_the_audit_log_only_grow() {
    on_both(|engine| {
        let line = |no| InboxRow {
            no,
            at: Timestamp::from_secs(1),
            member: None,
            name: "a.png".into(),
            outcome: "filed".into(),
            detail: "library/a.png".into(),
            asset: Some(asset_id(1)),
        };
        assert_eq!(read(engine, |tx| tx.last_change()), 0);
        write(engine, |tx| {
            tx.change(ChangeKind::Node, "1")?;
            tx.change(ChangeKind::Access, "")?;
            tx.change(ChangeKind::Entry, "1/%20")?;
            (1..4).try_for_each(|no| tx.add_inbox(&line(no)))?;
            (1..4).try_for_each(|seq| tx.add_audit(&audit("main", seq)))?;
            tx.add_audit(&audit("cli", 7))
        })
        .unwrap();
        assert!(
            write(engine, |tx| {
                tx.change(ChangeKind::Inbox, "lost")?;
                Err::<(), _>(CatalogError::Conflict)
            })
            .is_err()
        );
        write(engine, |tx| tx.change(ChangeKind::Asset, "x")).unwrap();
        read(engine, |tx| {
            let rows = tx.changes_after(1, 10)?;
            assert_eq!(
                rows.iter().map(|r| (r.seq, r.id.as_str())).collect::<Vec<_>>(),
                [(2, ""), (3, "1/%20"), (4, "x")]
            );
            assert_eq!(rows[2].kind, ChangeKind::Asset);
            assert_eq!(tx.changes_after(0, 1)?.len(), 1);
            assert_eq!(tx.last_change()?, 4);
            assert_eq!(tx.inbox_report(2)?, [line(3), line(2)]);
            assert_eq!(tx.audit_head("main")?, Some(audit("main", 3)));
            assert_eq!(tx.audit_head("none")?, None);
            assert_eq!(tx.audit_after("main", 1, 1)?, [audit("main", 2)]);
            assert_eq!(tx.audit_chains()?, ["cli", "main"]);
            Ok(())
        });
        refused(write(engine, |tx| tx.add_audit(&audit("main", 3))));
        refused(write(engine, |tx| tx.add_audit(&audit("main", 2))));
        refused(write(engine, |tx| tx.add_inbox(&line(2))));
    });
}
