//! What changes were.

use damfs::catalog::journal::*;
use damfs::catalog::*;
use damfs::types::*;

use crate::catalog::on_both;
use crate::samples::*;

fn row(seq: u64, turn: u64, member: Option<u64>, secs: i64) -> JournalRow {
    let word = Thing::Word("tag".into(), format!("w{seq}"));
    let steps = vec![Step { thing: word, change: Change::Word(Pair { was: false, is: true }) }];
    JournalRow { seq, turn, member: member.map(member_id), at: Timestamp::from_secs(secs), undoes: None, steps }
}

#[test]
fn rows_of_the_journal_come_back_as_they_were() {
    on_both(|engine| {
        let spot = Spot { parent: NodeId(7), name: b"a\xff.png".to_vec() };
        let steps = vec![
            Step { thing: Thing::Asset(asset_id(30)), change: Change::Place(Pair { was: Some(spot), is: None }) },
            Step {
                thing: Thing::Node(NodeId(9)),
                change: Change::Xattr(vec![0, 255], Pair { was: None, is: Some(vec![1]) }),
            },
            Step {
                thing: Thing::Asset(asset_id(31)),
                change: Change::Head(Pair { was: None, is: Some(version_id(1)) }),
            },
        ];
        let row = JournalRow { undoes: Some(3), steps, ..row(1, 4, None, -5) };
        write(engine, |tx| tx.add_journal(&row)).unwrap();
        refused(write(engine, |tx| tx.add_journal(&row)));
        read(engine, |tx| {
            assert_eq!(tx.turn(4)?, std::slice::from_ref(&row));
            assert_eq!(tx.turn(3)?, []);
            assert_eq!(tx.journal_after(0, 9)?, std::slice::from_ref(&row));
            assert_eq!(tx.journal_after(1, 9)?, []);
            Ok(())
        });
    });
}

#[test]
fn turns_are_listed_newest_first_for_one_or_for_all() {
    on_both(|engine| {
        let rows = [row(1, 1, Some(1), 10), row(2, 2, Some(2), 20), row(3, 1, Some(1), 30), row(4, 3, None, 40)];
        let undoing = JournalRow { undoes: Some(2), ..row(5, 4, Some(1), 50) };
        write(engine, |tx| {
            rows.iter().try_for_each(|row| tx.add_journal(row))?;
            tx.add_journal(&undoing)
        })
        .unwrap();
        let turn = |no, member: Option<u64>, secs, undoes| TurnRow {
            no,
            member: member.map(member_id),
            began: Timestamp::from_secs(secs),
            undoes,
        };
        read(engine, |tx| {
            let all = tx.turns(None, u64::MAX, 9)?;
            assert_eq!(
                all,
                [
                    turn(4, Some(1), 50, Some(2)),
                    turn(3, None, 40, None),
                    turn(2, Some(2), 20, None),
                    turn(1, Some(1), 10, None)
                ]
            );
            assert_eq!(tx.turns(None, 4, 2)?, all[1..3]);
            assert_eq!(tx.turns(Some(member_id(1)), u64::MAX, 9)?, [all[0], all[3]]);
            assert_eq!(tx.turn(1)?, [rows[0].clone(), rows[2].clone()]);
            assert_eq!(tx.journal_after(3, 1)?, [rows[3].clone()]);
            Ok(())
        });
        assert_eq!(write(engine, |tx| tx.drop_journal(Timestamp::from_secs(30))).unwrap(), 2);
        read(engine, |tx| {
            assert_eq!(tx.journal_after(0, 9)?.iter().map(|row| row.seq).collect::<Vec<_>>(), [3, 4, 5]);
            Ok(())
        });
    });
}

#[test]
fn the_journal_goes_from_its_old_end() {
    on_both(|engine| {
        // The clock was set back once.
        let rows = [row(1, 1, None, 10), row(2, 2, None, 40), row(3, 3, None, 20), row(4, 4, None, 50)];
        write(engine, |tx| rows.iter().try_for_each(|row| tx.add_journal(row))).unwrap();
        for (before, gone, kept) in
            [(5, 0, vec![1, 2, 3, 4]), (30, 1, vec![2, 3, 4]), (45, 2, vec![4]), (60, 1, vec![])]
        {
            assert_eq!(write(engine, |tx| tx.drop_journal(Timestamp::from_secs(before))).unwrap(), gone);
            let rows = read(engine, |tx| tx.journal_after(0, 9));
            assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), kept, "before {before}");
        }
    });
}

#[test]
fn an_entry_is_found_by_its_number_and_a_rule_can_go() {
    on_both(|engine| {
        write(engine, |tx| {
            tx.put_node(&node(20, NodeKind::Dir))?;
            tx.add_entry(&entry(21, NodeId::LIBRARY, "a", 20))?;
            for (facet, value) in [("tag", "beach"), ("client", "acme")] {
                tx.put_folder_rule(&FolderRule { folder: NodeId(20), facet: facet.into(), value: value.into() })?;
            }
            tx.remove_folder_rule(NodeId(20), "tag")?;
            tx.remove_folder_rule(NodeId(20), "persona")
        })
        .unwrap();
        read(engine, |tx| {
            assert_eq!(tx.entry_by_id(EntryId(21))?, Some(entry(21, NodeId::LIBRARY, "a", 20)));
            assert_eq!(tx.entry_by_id(EntryId(22))?, None);
            assert_eq!(tx.folder_rules(NodeId(20))?.len(), 1);
            Ok(())
        });
    });
}

/// [`Catalog::write`] keeps the journal: a signed transaction leaves what it changed, an unsigned one nothing.
#[test]
fn a_signed_transaction_leaves_what_it_changed() {
    let catalog = Catalog::new(std::sync::Arc::new(memory::MemoryEngine::new()));
    let change = |by: Option<Signature>, tag: &str| {
        let done: Result<(), CatalogError> = catalog.write(|tx| {
            tx.put_node(&NodeRow { mode: 0o755, ..node(1, NodeKind::Dir) })?;
            let before = tx.asset(asset_id(30))?.unwrap_or_else(|| asset(30));
            if before.tags.is_empty() {
                publish(tx, &before)?;
            }
            tx.put_asset(&Asset { tags: [tag.to_owned()].into(), changed: Timestamp::from_secs(99), ..before })?;
            if let Some(by) = &by {
                tx.sign(by);
            }
            Ok(())
        });
        done.unwrap();
    };
    let by = |cause, secs| Some(Signature { by: Some(member_id(1)), cause, at: Timestamp::from_secs(secs) });
    change(None, "a");
    change(by(Cause::Process(5), 10), "b");
    change(by(Cause::Process(5), 12), "c");
    change(by(Cause::Process(5), 12), "c");
    change(by(Cause::Process(6), 12), "d");
    change(by(Cause::Process(5), 15), "e");
    change(by(Cause::Undo(1), 15), "f");
    let rows = catalog.read(|tx| tx.journal_after(0, 99)).unwrap();
    let turns: Vec<u64> = rows.iter().map(|row| row.turn).collect();
    assert_eq!(turns, [1, 1, 2, 3, 4], "the same again is no change; a process that paused begins anew");
    assert_eq!(rows[4].undoes, Some(1));
    let all = Step::gather(rows.into_iter().take(2).flat_map(|row| row.steps));
    let [Step { change: Change::Record(fields), .. }] = &all[..] else { panic!("{all:?}") };
    let tags = |tag: &str| [("tags".to_owned(), serde_json::json!([tag]))].into();
    assert_eq!(fields, &Pair { was: tags("a"), is: tags("c") });
}

#[test]
fn what_ends_as_it_began_is_no_step() {
    let place = |was: Option<&str>, is: Option<&str>| {
        let spot = |name: &str| Spot { parent: NodeId(1), name: name.into() };
        let change = Change::Place(Pair { was: was.map(spot), is: is.map(spot) });
        Step { thing: Thing::Asset(asset_id(1)), change }
    };
    assert_eq!(Step::gather([place(Some("a"), Some("b")), place(Some("b"), Some("a"))]), []);
    assert_eq!(Step::gather([place(None, Some("b")), place(Some("b"), None)]), []);
    let both = [place(Some("a"), Some("b")), place(Some("b"), None)];
    assert_eq!(Step::gather(both), [place(Some("a"), None)]);
}

#[test]
fn the_oldest_of_the_trash_come_first_and_only_those_with_a_file() {
    on_both(|engine| {
        let trashed = |n: u64, secs: i64, node: Option<u64>| Asset {
            node: node.map(NodeId),
            state: AssetState::Trashed,
            trashed: Some(Trashed {
                at: Timestamp::from_secs(secs),
                parent: NodeId(1),
                name: b"a".to_vec(),
                by: None,
                with: None,
            }),
            marked_name: None,
            ..asset(n)
        };
        write(engine, |tx| {
            for n in [40, 41, 42] {
                tx.put_node(&node(n, NodeKind::File))?;
            }
            for asset in [
                trashed(30, 50, Some(40)),
                trashed(31, 10, Some(41)),
                trashed(32, 5, None),
                trashed(33, 99, Some(42)),
                asset(34),
            ] {
                publish(tx, &asset)?;
            }
            Ok(())
        })
        .unwrap();
        read(engine, |tx| {
            assert_eq!(tx.trashed_before(Timestamp::from_secs(99), 9)?, [asset_id(31), asset_id(30)]);
            assert_eq!(tx.trashed_before(Timestamp::from_secs(99), 1)?, [asset_id(31)]);
            Ok(())
        });
    });
}
