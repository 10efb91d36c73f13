//! A query's directory and `dam find` say the same, whatever is asked and whoever asks.

use std::collections::BTreeSet;

use damfs::fs::FsError;
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
