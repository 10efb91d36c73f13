//! Members and their second factors.

use damfs::catalog::{Asset, AssetState, FactorRow, MemberRow};
use damfs::types::Timestamp;

use crate::catalog::on_both;
use crate::samples::*;

#[test]
fn members_have_unique_names_and_user_ids() {
    on_both(|engine| {
        let member = |n: u64, name: &str, uid| MemberRow {
            id: member_id(n),
            name: name.into(),
            uid,
            role: "editor".into(),
            scope: (n == 1).then(|| "client=acme".into()),
            active: n == 1,
            since: Timestamp::from_secs(1),
            ends: (n == 2).then(|| Timestamp::from_secs(9)),
            read_only: false,
        };
        write(engine, |tx| {
            tx.put_member(&member(1, "zoe", Some(1000)))?;
            tx.put_member(&member(2, "bob", None))?;
            tx.put_member(&member(3, "cy", None))
        })
        .unwrap();
        refused(write(engine, |tx| tx.put_member(&member(4, "zoe", None))));
        refused(write(engine, |tx| tx.put_member(&member(4, "dan", Some(1000)))));
        refused(write(engine, |tx| tx.put_member(&member(2, "zoe", None))));
        write(engine, |tx| {
            tx.put_member(&member(1, "ann", Some(1000)))?;
            tx.put_member(&member(1, "ann", Some(1000)))
        })
        .unwrap();
        read(engine, |tx| {
            assert_eq!(tx.member_by_uid(1000)?, Some(member(1, "ann", Some(1000))));
            assert_eq!(tx.member_by_name("ann")?, tx.member(member_id(1))?);
            assert_eq!(tx.member_by_name("zoe")?, None);
            assert_eq!(tx.members()?.iter().map(|m| m.name.as_str()).collect::<Vec<_>>(), ["ann", "bob", "cy"]);
            Ok(())
        });
    });
}

#[test]
fn what_a_member_owns_is_found_with_a_version_or_without_one() {
    on_both(|engine| {
        write(engine, |tx| {
            for n in [1, 2, 3, 4, 5] {
                publish(tx, &Asset { owner: (n != 4).then(|| member_id(n % 2)), ..asset(n) })?;
            }
            let trashed = tx.asset(asset_id(3))?.unwrap();
            tx.put_asset(&Asset { state: AssetState::Trashed, ..trashed })?;
            tx.put_asset(&Asset { owner: Some(member_id(1)), head: None, kind: String::new(), ..asset(6) })
        })
        .unwrap();
        read(engine, |tx| {
            assert_eq!(tx.owned(member_id(1))?, [1, 3, 5, 6]);
            assert_eq!(tx.owned(member_id(0))?, [2]);
            assert!(tx.owned(member_id(7))?.is_empty());
            Ok(())
        });
    });
}

#[test]
fn second_factors_are_of_members() {
    on_both(|engine| {
        let factor = |n: u64, last_step: u64, recovery: u8| FactorRow {
            member: member_id(n),
            epoch: 1,
            secret: [7; 60],
            enrolled: Timestamp::from_secs(1),
            last_step,
            wrong: 2,
            blocked: (n == 1).then(|| Timestamp::from_secs(5)),
            unlocked: (n == 2).then(|| Timestamp::from_secs(6)),
            recovery: (0..recovery).map(|i| [i; 32]).collect(),
        };
        refused(write(engine, |tx| tx.put_factor(&factor(1, 0, 0))));
        write(engine, |tx| {
            for n in [2, 1] {
                tx.put_member(&MemberRow {
                    id: member_id(n),
                    name: format!("m{n}"),
                    uid: None,
                    role: "editor".into(),
                    scope: None,
                    active: true,
                    since: Timestamp::EPOCH,
                    ends: None,
                    read_only: false,
                })?;
                tx.put_factor(&factor(n, 7, 0))?;
            }
            tx.put_factor(&factor(1, 59_000_000, 3))
        })
        .unwrap();
        read(engine, |tx| {
            assert_eq!(tx.factor(member_id(1))?, Some(factor(1, 59_000_000, 3)));
            assert_eq!(tx.factors()?, [factor(1, 59_000_000, 3), factor(2, 7, 0)]);
            assert_eq!(tx.factor(member_id(3))?, None);
            Ok(())
        });
        write(engine, |tx| {
            assert!(tx.remove_factor(member_id(1))?);
            assert!(!tx.remove_factor(member_id(1))?);
            Ok(())
        })
        .unwrap();
        read(engine, |tx| {
            assert_eq!(tx.factor(member_id(1))?, None);
            Ok(())
        });
    });
}
