//! Transactions: all or nothing, whole to every reader.

use damfs::catalog::*;
use damfs::policy::*;
use damfs::types::*;

use crate::catalog::on_both;
use crate::samples::*;

#[test]
fn an_error_undoes_everything() {
    on_both(|engine| {
        let failed = write(engine, |tx| {
            tx.set_meta("k", "v")?;
            tx.put_node(&node(20, NodeKind::File))?;
            tx.add_entry(&entry(20, NodeId::LIBRARY, "a", 20))?;
            publish(tx, &asset(30))?;
            tx.add_audit(&audit("main", 1))?;
            assert!(tx.entry(NodeId::LIBRARY, &name("a"))?.is_some(), "a write sees itself");
            Err::<(), _>(CatalogError::Engine("stop".into()))
        });
        assert!(matches!(failed, Err(CatalogError::Engine(m)) if m == "stop"));
        read(engine, |tx| {
            assert_eq!(tx.meta("k")?, None);
            assert_eq!(tx.node(NodeId(20))?, None);
            assert!(!tx.has_entries(NodeId::LIBRARY)?);
            assert_eq!(tx.count(&Expr::all())?, 0);
            assert_eq!(tx.audit_head("main")?, None);
            Ok(())
        });
        write(engine, |tx| tx.set_meta("k", "w")).unwrap();
    });
}

#[test]
fn settings_are_found_by_how_their_keys_begin() {
    on_both(|engine| {
        for key in ["a.y", "a.x", "a", "A.x", "a%x", "b.x"] {
            write(engine, |tx| tx.set_meta(key, key)).unwrap();
        }
        let found = read(engine, |tx| tx.metas("a."));
        assert_eq!(found, [("a.x".to_owned(), "a.x".to_owned()), ("a.y".to_owned(), "a.y".to_owned())]);
    });
}

#[test]
fn numbers_that_were_passed_over_are_never_given() {
    on_both(|engine| {
        let seen = write(engine, |tx| tx.next(Counter::Node)).unwrap();
        write(engine, |tx| tx.pass_over(Counter::Node, seen + 5_000)).unwrap();
        write(engine, |tx| tx.pass_over(Counter::Node, 7)).unwrap();
        assert_eq!(write(engine, |tx| tx.next(Counter::Node)).unwrap(), seen + 5_001);
    });
}

#[test]
fn what_was_undone_leaves_the_audit_chain_and_the_feed_where_they_were() {
    on_both(|engine| {
        write(engine, |tx| {
            tx.change(ChangeKind::Node, "1")?;
            tx.add_audit(&audit("main", 1))
        })
        .unwrap();
        let undone = write(engine, |tx| {
            tx.change(ChangeKind::Node, "2")?;
            tx.add_audit(&audit("main", 2))?;
            assert_eq!(tx.last_change()?, 2);
            assert_eq!(tx.audit_head("main")?, Some(audit("main", 2)), "a write sees itself");
            Err::<(), _>(CatalogError::Engine("stop".into()))
        });
        assert!(undone.is_err());
        write(engine, |tx| {
            assert_eq!((tx.audit_head("main")?, tx.last_change()?), (Some(audit("main", 1)), 1));
            tx.change(ChangeKind::Node, "3")?;
            tx.add_audit(&audit("main", 2))
        })
        .unwrap();
        assert_eq!(read(engine, |tx| tx.last_change()), 2);
    });
}

#[test]
fn readers_see_whole_transactions_while_a_writer_works() {
    on_both(|engine| {
        const ROUNDS: usize = 60;
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    loop {
                        let (one, two) = read(engine, |tx| {
                            let one = tx.meta("one")?;
                            std::thread::yield_now();
                            Ok((one, tx.meta("two")?))
                        });
                        assert_eq!(one, two, "one state per read");
                        if one == Some(ROUNDS.to_string()) {
                            break;
                        }
                    }
                });
            }
            for round in 1..=ROUNDS {
                write(engine, |tx| {
                    tx.set_meta("one", &round.to_string())?;
                    tx.set_meta("two", &round.to_string())
                })
                .unwrap();
            }
        });
    });
}

#[test]
fn a_read_inside_a_write_is_possible() {
    on_both(|engine: &dyn Engine| {
        write(engine, |tx| {
            tx.set_meta("k", "new")?;
            assert_eq!(read(engine, |other| other.meta("k")), None, "not committed yet");
            Ok(())
        })
        .unwrap();
    });
}

/// Followers are told from memory what has just been committed, and from the rows what was before: together it is every row, once and in order.
#[test]
fn a_follower_hears_every_change_once_whoever_commits() {
    let dir = tempfile::tempdir().unwrap();
    let engine = damfs::catalog::sqlite::SqliteEngine::create(&dir.path().join("catalog.db")).unwrap();
    root(&engine);
    for n in 0..20u32 {
        write(&engine, |tx| tx.change(ChangeKind::Node, &format!("before {n}"))).unwrap();
    }
    let catalog = Catalog::new(std::sync::Arc::new(engine));
    std::thread::scope(|scope| {
        for writer in 0..3u32 {
            let catalog = &catalog;
            scope.spawn(move || {
                for n in 0..2_000u32 {
                    let some = n % 4;
                    let append = |tx: &mut dyn WriteTx| {
                        (0..some).try_for_each(|k| tx.change(ChangeKind::Entry, &format!("{writer}/{n}.{k}")))
                    };
                    catalog.write(append).unwrap();
                }
            });
        }
        let mut heard = Vec::new();
        let all = 20 + 3 * 2_000 / 4 * 6;
        while heard.len() < all {
            let from = heard.last().map_or(0, |row: &ChangeRow| row.seq);
            let rows = catalog.changes(from, catalog.committed().max(from), 100).unwrap();
            heard.extend(rows);
        }
        assert!(heard.iter().map(|row| row.seq).eq(1..=all as u64));
        assert_eq!(heard, catalog.read(|tx| tx.changes_after(0, all + 1)).unwrap());
        // What is long gone from memory is still to be had.
        assert_eq!(catalog.changes(3, 7, 100).unwrap(), heard[3..7]);
        assert_eq!(catalog.changes(3, 700, 5).unwrap(), heard[3..8]);
    });
}

#[test]
fn a_transaction_that_has_looked_sees_what_it_changes_then() {
    on_both(|engine| {
        root(engine);
        write(engine, |tx| {
            let (file, other) = (node(20, NodeKind::File), node(21, NodeKind::File));
            assert_eq!((tx.node(file.id)?, tx.names_of(file.id)?), (None, vec![]));
            for row in [&file, &other] {
                tx.put_node(row)?;
                assert_eq!(tx.node(row.id)?.as_ref(), Some(row));
            }
            let larger = NodeRow { size: 7, ..file.clone() };
            tx.put_node(&larger)?;
            assert_eq!(tx.node(file.id)?, Some(larger));

            let name = entry(30, NodeId::LIBRARY, "a", 20);
            tx.add_entry(&name)?;
            assert_eq!((tx.names_of(file.id)?.len(), tx.names_of(other.id)?.len()), (1, 0));
            tx.repoint_entry(name.id, other.id)?;
            assert_eq!((tx.names_of(file.id)?.len(), tx.names_of(other.id)?.len()), (0, 1));
            tx.remove_entry(name.id)?;
            assert_eq!(tx.names_of(other.id)?, []);
            tx.remove_node(other.id)?;
            assert_eq!(tx.node(other.id)?, None);

            // A backup of an asset that is dropped is nobody's.
            tx.put_asset(&Asset { head: None, ..asset(40) })?;
            let backup = NodeRow { class: NodeClass::Aside, asset: Some(asset_id(40)), ..node(22, NodeKind::File) };
            tx.put_node(&backup)?;
            assert_eq!(tx.node(backup.id)?.as_ref(), Some(&backup));
            tx.remove_asset(asset_id(40))?;
            assert_eq!(tx.node(backup.id)?, Some(NodeRow { asset: None, ..backup }));

            let rule =
                |value: &str| FolderRule { folder: NodeId::LIBRARY, facet: "client".into(), value: value.into() };
            assert_eq!(tx.folder_rules(NodeId::LIBRARY)?, []);
            for value in ["acme", "zenith"] {
                tx.put_folder_rule(&rule(value))?;
                assert_eq!(tx.folder_rules(NodeId::LIBRARY)?, [rule(value)]);
            }
            tx.remove_folder_rule(NodeId::LIBRARY, "client")?;
            assert_eq!(tx.folder_rules(NodeId::LIBRARY)?, []);
            Ok(())
        })
        .unwrap();
    });
}
