//! A query's directory and `dam find` say the same, whatever is asked and whoever asks.

use std::collections::BTreeSet;

use damfs::fs::{Audience, FsError, Invalidation, Listed, Mount, NamesKept, OpenedDir, Show};
use damfs::ops::members::MemberChange;
use damfs::ops::proto::{Command, FailureKind};
use damfs::policy::expr::testing::arb_expr;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::world::{Seat, World};

/// Files with values that drawn queries speak of, some of them out of reach of eddy, one in the trash.
fn studio() -> (World, Seat, Seat) {
    let world = World::new();
    let admin = world.admin();
    let sets: [&[&str]; 8] = [
        &["persona=luna", "client=luna", "tag=campaigns.summer", "rating=safe"],
        &["persona=mira", "client=luna", "tag=a", "rating=adult", "stars=5"],
        &["persona=Luna", "tag=a.b", "tag=+ab", "status.instagram=approved"],
        &["persona=a_b", "client=mira", "campaign=luna", "likeness=self"],
        &["persona=luna", "persona=+mira", "client=luna", "status.x=rejected", "state=archived"],
        &["client=luna", "model=luna", "lora=mira", "expires=2026-05-10"],
        &["client=luna", "rating=suggestive", "tag=summer", "rights=editorial"],
        &["client=luna", "tag=campaigns"],
    ];
    for (n, set) in sets.iter().enumerate() {
        let path = format!("library/red {n}.png");
        admin.write(&path, format!("bytes {n}").as_bytes()).unwrap();
        world.settle();
        for one in *set {
            world.set(&path, &[one]);
        }
    }
    admin.unlink("library/red 7.png").unwrap();
    world.pass(20_000);
    let eddy = world.member("eddy", 1001, "editor", Some("client=luna"));
    (world, admin, eddy)
}

#[test]
fn a_query_lists_what_dam_find_finds() {
    let (world, admin, eddy) = studio();
    let mut runner = TestRunner::new(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() });
    let met = std::cell::Cell::new(0);
    let done = runner.run(&arb_expr(), |query| {
        let text = query.flatten().to_string();
        prop_assume!((1..=255).contains(&text.len()));
        for seat in [&admin, &eddy] {
            let view = format!("find/{text}");
            let listed = seat.find(&view).map(|_| seat.names(&view).into_iter().filter(|name| name != "+and"));
            let find = Command::Find { expr: Some(text.clone()), sort: None, limit: None, count: false };
            match (listed, world.serve(seat.caller.uid, find)) {
                (Ok(listed), Ok(found)) => {
                    let found = found["assets"].as_array().unwrap().iter();
                    let names: BTreeSet<String> = found.map(|a| a["view_name"].as_str().unwrap().to_owned()).collect();
                    prop_assert_eq!(&listed.collect::<BTreeSet<_>>(), &names, "{}", text);
                    let count = Command::Find { expr: Some(text.clone()), sort: None, limit: None, count: true };
                    prop_assert_eq!(
                        world.serve(seat.caller.uid, count).unwrap()["count"].as_u64(),
                        Some(names.len() as u64)
                    );
                    met.set(met.get() + usize::from(!names.is_empty()));
                }
                (Err(FsError::NotFound), Err(failure)) => prop_assert_eq!(failure.kind, FailureKind::Usage, "{}", text),
                (listed, found) => {
                    return Err(TestCaseError::fail(format!("{text}: {:?} {found:?}", listed.map(|_| ()))));
                }
            }
        }
        Ok(())
    });
    done.unwrap();
    assert!(met.get() > 100, "most queries found nothing: {met:?}");
}

/// Eight files, of which eddy may know all but the second and the sixth.
fn shelf() -> (World, Seat) {
    let world = World::new();
    let admin = world.admin();
    for n in 0..8 {
        admin.write(&format!("library/n{n}.png"), format!("bytes {n}").as_bytes()).unwrap();
    }
    world.settle();
    (0..8).for_each(|n| {
        world.set(&format!("library/n{n}.png"), &[if n % 4 == 1 { "client=acme" } else { "client=luna" }])
    });
    let eddy = world.member("eddy", 1001, "editor", Some("client=luna"));
    (world, eddy)
}

/// A handle of `library/`, as the kernel opens it.
fn opened(seat: &Seat) -> OpenedDir {
    seat.mount.opendir(&seat.caller, seat.find("library").unwrap()).unwrap()
}

/// The files behind a place, by name and cookie.
fn listed(seat: &Seat, dir: OpenedDir, after: u64) -> Result<Vec<(String, u64)>, FsError> {
    let mut rows = Vec::new();
    let mut each = |row: Listed| {
        rows.push((String::from_utf8(row.name).unwrap(), row.cookie));
        true
    };
    seat.mount.readdir(&seat.caller, dir.fh, after, false, &mut each)?;
    rows.retain(|(name, _)| name.starts_with('n'));
    Ok(rows)
}

fn numbers(rows: &[(String, u64)]) -> String {
    rows.iter().map(|(name, _)| &name[1..2]).collect()
}

#[test]
fn what_the_kernel_kept_for_one_handle_goes_on_in_another() {
    let (world, eddy) = shelf();
    let first = opened(&eddy);
    assert_eq!(first.names, NamesKept::Anew);
    let rows = listed(&eddy, first, 0).unwrap();
    assert_eq!(numbers(&rows), "023467");
    let second = opened(&eddy);
    assert_eq!(second.names, NamesKept::Right, "nothing has changed");
    // The kernel gave it three of those, and then had to drop them.
    let place = rows[2].1;
    world.set("library/n6.png", &["client=acme"]);
    assert_eq!(
        numbers(&listed(&eddy, second, place).unwrap()),
        "47",
        "each name once, and no longer what is out of reach"
    );
    let third = opened(&eddy);
    assert_eq!(third.names, NamesKept::Anew, "other names than before");
    assert!(matches!(listed(&eddy, third, place), Err(FsError::Stale)), "a place among names that it never had");
    assert_eq!(numbers(&listed(&eddy, third, 0).unwrap()), "02347");
}

#[test]
fn places_among_the_same_names_stay_right_and_tell_nothing_of_others() {
    let (world, eddy) = shelf();
    let before = listed(&eddy, opened(&eddy), 0).unwrap();
    world.set("library/n3.png", &["tag=beach"]);
    world.set("library/n1.png", &["tag=beach"]);
    world.admin().write("library/n0 hidden.png", b"x").unwrap();
    world.admin().unlink("library/n5.png").unwrap();
    let dir = opened(&eddy);
    assert_eq!(dir.names, NamesKept::Anew, "something has changed");
    assert_eq!(numbers(&listed(&eddy, dir, before[2].1).unwrap()), "467");
    assert_eq!(listed(&eddy, dir, 0).unwrap(), before);
    assert!(before.windows(2).all(|pair| pair[1].1 == pair[0].1 + 1), "{before:?}");
}

/// The same member where everybody is answered.
fn shared(seat: &Seat, world: &World) -> Seat {
    let mount = Mount::new(world.library.clone(), Audience::Everyone, Show { uid: 0, gid: 0 }).unwrap();
    Seat { mount, caller: seat.caller }
}

/// What a listing with attributes tells while something happens between its first name and the files.
fn told_while(seat: &Seat, happens: impl FnOnce()) -> Vec<Listed> {
    let (dir, mut happens, mut rows) = (opened(seat), Some(happens), Vec::new());
    let mut each = |row: Listed| {
        if let Some(happens) = happens.take() {
            happens();
        }
        rows.push(row);
        true
    };
    seat.mount.readdir(&seat.caller, dir.fh, 0, true, &mut each).unwrap();
    rows.retain(|row| row.name.starts_with(b"n"));
    rows
}

/// Regression: the listing under way named what was hidden since, and what it had found by the rights of before was kept as what there is now: each
/// later one named it, too, until anything else changed.
#[test]
fn a_right_that_ends_during_a_listing_leaves_no_name_of_what_is_hidden() {
    let (world, eddy) = shelf();
    let everyones = shared(&eddy, &world);
    for (seat, scope, has) in [(&eddy, "client=acme", "15"), (&everyones, "client=luna", "023467")] {
        let told = told_while(seat, || world.change_member("eddy", Some(scope), None));
        let after = numbers(&listed(seat, opened(seat), 0).unwrap());
        assert_eq!((told.len(), after.as_str()), (0, has), "{scope}");
    }
}

/// Each has the number and the size that a lookup tells now.
fn are_told_as_by_now(seat: &Seat, told: Vec<Listed>) {
    let after = seat.rows("library");
    for row in told {
        let name = String::from_utf8(row.name.clone()).unwrap();
        assert_eq!(row.entry.unwrap().attr.size, seat.attr(&format!("library/{name}")).unwrap().size, "{name}");
        assert!(after.contains(&(name, row.ino)), "{after:?}");
    }
}

/// Regression: of a file in whose place the member sees a picture since then, the listing under way told number and size.
#[test]
fn a_right_to_bytes_that_ends_during_a_listing_ends_what_it_tells_of_them() {
    let (world, eddy) = shelf();
    let roles = "[role.looker]\ndescription = \"x\"\n[role.looker.allow]\nlist = \"*\"\nview = \"*\"\n\
                 [role.sparing]\ndescription = \"x\"\n[role.sparing.allow]\nlist = \"*\"\nview = \"*\"\ndownload = \"*\"\n\
                 [role.sparing.deny]\ndownload = \"tag=closed\"\n";
    let world = world.with_roles(roles);
    let everyones = shared(&eddy, &world);
    let change = |role: &str| {
        let change = MemberChange { role: Some(role.into()), ..MemberChange::default() };
        world.serve(0, Command::MemberSet { name: "eddy".into(), change }).unwrap();
    };
    for (seat, scope, all) in [(&eddy, "client=luna", 6), (&everyones, "client=luna", 6), (&eddy, "", 8)] {
        change("editor");
        world.change_member("eddy", Some(scope), None);
        let told = told_while(seat, || change("looker"));
        assert_eq!(told.len(), all);
        are_told_as_by_now(seat, told);
    }
    // Nothing is hidden from him, and he is who he was; the file is another.
    change("sparing");
    let told = told_while(&eddy, || world.set("library/n3.png", &["tag=closed"]));
    assert_eq!(told.len(), 8);
    are_told_as_by_now(&eddy, told);
}

/// Regression: who had the descriptor of another's open directory was told on by the other's rights.
#[test]
fn a_directory_that_another_opened_names_nothing_hidden() {
    let (world, eddy) = shelf();
    let eddy = shared(&eddy, &world);
    let admin = Seat { mount: eddy.mount.clone(), caller: world.admin().caller };
    let dir = opened(&admin);
    let rows = listed(&admin, dir, 0).unwrap();
    assert_eq!(numbers(&rows), "01234567");
    assert_eq!(numbers(&listed(&eddy, dir, rows[0].1).unwrap()), "23467");
    assert_eq!(numbers(&listed(&admin, dir, rows[0].1).unwrap()), "1234567");
}

/// Regression: rows that were under way when something changed came to be the kernel's names behind the news of it, and stayed true for who rewound
/// the directory.
#[test]
fn what_the_kernel_takes_of_an_old_listing_is_taken_back_at_its_end() {
    let (world, eddy) = shelf();
    for (seat, hidden) in [(eddy, "library/n2.png"), (world.admin(), "library/n3.png")] {
        let (news, folder) = (seat.mount.invalidations(), seat.find("library").unwrap());
        let told = || {
            let told = news.try_iter().filter(|one| *one == Invalidation::Inode { ino: folder, bytes: true });
            told.count()
        };
        let list = |dir: OpenedDir, change: &dyn Fn()| {
            let mut last = None;
            let mut each = |row: Listed| {
                if last.is_none() {
                    change();
                }
                last = Some(row.cookie);
                true
            };
            seat.mount.readdir(&seat.caller, dir.fh, 0, true, &mut each).unwrap();
            let before = told();
            assert_eq!(listed(&seat, dir, last.unwrap()).unwrap(), []);
            (before, told())
        };
        let dir = opened(&seat);
        let change = || {
            world.set(hidden, &["client=acme"]);
            let seq = world.library.catalog.committed();
            while !matches!(news.recv().unwrap(), Invalidation::Reached { seq: reached } if reached >= seq) {}
        };
        assert_eq!(list(dir, &change), (0, 1), "once everything is taken");
        assert_eq!(list(opened(&seat), &|| {}), (0, 0), "what is true is kept");
        // Rewound: the kernel may have some of the rows of before.
        assert_eq!(list(dir, &|| {}).0, 0);
    }
}
