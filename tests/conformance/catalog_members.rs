//! Members and their second factors.

use damfs::catalog::{Asset, AssetState, FactorRow, GroupRow, GroupSeat, MemberRow};
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
            groups: Vec::new(),
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
fn members_sit_in_groups_that_give_something() {
    on_both(|engine| {
        let group = |name: &str, role: &str| GroupRow {
            name: name.into(),
            role: role.into(),
            scope: (name == "press").then(|| "client=acme".into()),
            since: Timestamp::from_secs(1),
            ends: (name == "press").then(|| Timestamp::from_secs(9)),
        };
        let seat = |n: u64, group: &str, seen: i64| GroupSeat {
            member: member_id(n),
            group: group.into(),
            seen: Timestamp::from_secs(seen),
        };
        let member = |n: u64, role: &str| MemberRow {
            id: member_id(n),
            name: format!("m{n}"),
            uid: Some(u32::try_from(n).unwrap()),
            role: role.into(),
            scope: None,
            active: true,
            since: Timestamp::EPOCH,
            ends: None,
            read_only: false,
            groups: Vec::new(),
        };
        write(engine, |tx| {
            tx.put_group(&group("studio", "editor"))?;
            tx.put_group(&group("press", "backup"))?;
            tx.put_member(&member(1, ""))?;
            tx.put_member(&member(2, "editor"))?;
            tx.put_seat(&seat(1, "studio", 3))?;
            tx.put_seat(&seat(1, "press", 3))?;
            tx.put_seat(&seat(2, "studio", 4))
        })
        .unwrap();
        refused(write(engine, |tx| tx.put_seat(&seat(3, "studio", 1))));
        refused(write(engine, |tx| tx.put_seat(&seat(1, "nobody", 1))));
        refused(write(engine, |tx| tx.put_group(&group("x", ""))));
        refused(write(engine, |tx| tx.put_seen_login(member_id(3), "zoe")));
        refused(write(engine, |tx| tx.put_seen_login(member_id(1), "")));
        write(engine, |tx| {
            tx.put_seen_login(member_id(1), "a.klein")?;
            tx.put_seen_login(member_id(1), "anna")?;
            assert_eq!((tx.seen_login(member_id(1))?.as_deref(), tx.seen_login(member_id(2))?), (Some("anna"), None));
            assert!(tx.remove_seen_login(member_id(1))? && !tx.remove_seen_login(member_id(1))?);
            assert_eq!(tx.seen_login(member_id(1))?, None);
            Ok(())
        })
        .unwrap();
        let names = |row: Option<MemberRow>| row.unwrap().groups.into_iter().map(|g| g.name).collect::<Vec<_>>();
        write(engine, |tx| {
            // What was read with him is stored nowhere else; and a transaction sees what it has changed.
            let row = tx.member(member_id(1))?.unwrap();
            tx.put_member(&MemberRow {
                scope: Some("client=acme".into()),
                groups: vec![group("ghost", "admin")],
                ..row
            })?;
            tx.put_seat(&seat(1, "studio", 7))?;
            assert_eq!(names(tx.member(member_id(1))?), ["press", "studio"]);
            assert!(tx.remove_seat(member_id(2), "studio")?);
            assert!(!tx.remove_seat(member_id(2), "studio")?);
            assert_eq!(tx.member(member_id(2))?, Some(member(2, "editor")));
            Ok(())
        })
        .unwrap();
        read(engine, |tx| {
            assert_eq!(tx.groups()?, [group("press", "backup"), group("studio", "editor")]);
            assert_eq!(tx.seats_of(member_id(1))?, [seat(1, "press", 3), seat(1, "studio", 7)]);
            assert!(tx.seats_of(member_id(2))?.is_empty() && tx.seats_of(member_id(3))?.is_empty());
            let by_name = tx.member_by_name("m1")?;
            assert_eq!((tx.member_by_uid(1)?, tx.member(member_id(1))?), (by_name.clone(), by_name.clone()));
            assert_eq!(tx.members()?[0], by_name.unwrap());
            Ok(())
        });
        write(engine, |tx| {
            assert!(tx.remove_group("studio")?);
            assert!(!tx.remove_group("studio")?);
            assert_eq!(names(tx.member(member_id(1))?), ["press"]);
            tx.put_group(&group("studio", "editor"))
        })
        .unwrap();
        read(engine, |tx| {
            assert_eq!(tx.seats_of(member_id(1))?, [seat(1, "press", 3)], "no seat comes back with its group");
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
                    groups: Vec::new(),
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
