//! Who approves: never the maker while somebody else may.

use damfs::catalog::{CatalogError, ReadTx};
use damfs::ops::log::Ask;
use damfs::ops::proto::{Command, Failure, FailureKind};
use damfs::ops::serve;
use damfs::types::Caller;
use serde_json::Value;

use crate::world::*;

const ACME: &str = "library/acme/a.png";

fn verdict(world: &World, uid: u32, word: &str) -> Result<Value, Failure> {
    let set = assign(&[&format!("status.x={word}")]);
    let why = (word == "rejected").then(|| "not this one".to_owned());
    world.serve(uid, Command::Set { what: vec![ACME.into()].into(), set, dry_run: false, why })
}

fn status(world: &World) -> Value {
    world.show(ACME)["status"]["x"]["value"].clone()
}

/// The last row about the asset tells that its maker approved it.
fn is_on_record_as_own(world: &World) -> bool {
    let rows = world.serve(0, Command::Log(Ask { target: Some(ACME.into()), limit: 1, ..Ask::default() })).unwrap();
    rows["rows"][0]["detail"]["own"] == true
}

#[test]
fn the_only_reviewer_approves_his_own_and_the_record_says_so() {
    let (world, _admin) = World::studio();
    world.member("eddy", 1002, "editor", None);
    verdict(&world, 0, "approved").unwrap();
    assert!(status(&world) == "approved" && is_on_record_as_own(&world));
    verdict(&world, 0, "rejected").unwrap();
    assert!(!is_on_record_as_own(&world), "a rejection is nobody's favour");
}

#[test]
fn nobody_approves_what_he_made_while_another_may() {
    let (world, admin) = World::studio();
    world.member("ann", 1001, "admin", None);
    let refused = verdict(&world, 0, "approved").unwrap_err();
    assert!(refused.kind == FailureKind::Refused && refused.message.contains("another member"), "{}", refused.message);
    assert_eq!(status(&world), Value::Null);
    for word in ["needs-review", "rejected"] {
        verdict(&world, 0, word).unwrap();
    }
    verdict(&world, 1001, "approved").unwrap();
    assert!(status(&world) == "approved" && !is_on_record_as_own(&world));

    // The maker is who made the bytes that are approved.
    world.seat(1001).overwrite(ACME, b"by ann").unwrap();
    world.settle();
    assert_eq!(verdict(&world, 1001, "approved").unwrap_err().kind, FailureKind::Refused);
    verdict(&world, 0, "approved").unwrap();
    drop(admin);
}

#[test]
fn another_counts_who_may_review_that_very_asset() {
    let (world, _admin) = World::studio();
    world.member("ann", 1001, "admin", Some("client=globex"));
    world.member("rita", 1002, "client-reviewer", None);
    verdict(&world, 0, "approved").unwrap();
    // As long as it is approved somewhere she may review it, and its maker lets it pass to nobody.
    let pass = || Command::Set {
        what: vec![ACME.into()].into(),
        set: assign(&["stage=client-approval"]),
        dry_run: false,
        why: None,
    };
    assert_eq!(world.kind(0, pass()), FailureKind::Refused);
    verdict(&world, 0, "needs-review").unwrap();
    // What waits for the client is rita's to review as well: from now on she does.
    world.serve(0, pass()).unwrap();
    verdict(&world, 0, "rejected").unwrap();
    assert_eq!(verdict(&world, 0, "approved").unwrap_err().kind, FailureKind::Refused);
    verdict(&world, 1002, "approved").unwrap();
    world.change_member("rita", None, Some(false));
    verdict(&world, 0, "rejected").unwrap();
    verdict(&world, 0, "approved").unwrap();
}

#[test]
fn a_value_that_comes_with_a_file_approves_no_more_than_a_command() {
    let (world, admin) = World::studio();
    admin.write("by/status/x/approved/new.png", b"alone").unwrap();
    world.settle();
    world.member("ann", 1001, "admin", None);
    assert_eq!(errno(admin.write("by/status/x/approved/two.png", b"two")), libc::EACCES);
    assert_eq!(errno(admin.rename(ACME, "by/status/x/approved/a.png")), libc::EACCES);
    assert_eq!(status(&world), Value::Null);
}

#[test]
fn a_library_may_let_makers_approve() {
    let (world, admin) = World::studio();
    drop(admin);
    world.member("ann", 1001, "admin", None);
    world.roles(&world.roles_text().replace("self_review = \"alone\"", "self_review = \"allow\""));
    verdict(&world, 0, "approved").unwrap();
    assert!(is_on_record_as_own(&world));
}

/// Regression: a name that came back into a view of what is approved brought the verdict back for whatever bytes it had by then.
#[test]
fn a_verdict_does_not_come_back_with_a_name() {
    let (world, admin) = World::studio();
    world.member("ann", 1001, "admin", None);
    verdict(&world, 1001, "approved").unwrap();
    admin.overwrite(ACME, b"other bytes").unwrap();
    world.settle();
    admin.unlink("by/status/x/approved/a.png").unwrap();
    assert_eq!(status(&world), Value::Null);
    let _ = admin.write("by/status/x/approved/a.png", b"and others");
    world.settle();
    assert_eq!(status(&world), Value::Null);
    assert!(admin.has(ACME));
}

/// Regression: who restored a version counted as its maker, and not who had made it.
#[test]
fn who_restores_a_version_has_not_made_it() {
    let (world, _admin) = World::studio();
    world.member("ann", 1001, "admin", None);
    world.seat(1001).overwrite(ACME, b"by ann").unwrap();
    world.settle();
    let restore = Command::Restore { target: ACME.into(), version: Some(1), into: None, name: None };
    world.serve(1001, restore).unwrap();
    assert_eq!(verdict(&world, 0, "approved").unwrap_err().kind, FailureKind::Refused, "it is root's again");
    verdict(&world, 1001, "approved").unwrap();
}

/// Regression: taking back a rejection brought the maker's own approval back.
#[test]
fn an_undo_approves_no_more_than_a_command() {
    let (world, _admin) = World::studio();
    verdict(&world, 0, "approved").unwrap();
    // By another process: what one does is one turn.
    let other = Caller { uid: 0, gid: 0, process: 77 };
    let why = Some("not this one".to_owned());
    let set = Command::Set { what: vec![ACME.into()].into(), set: assign(&["status.x=rejected"]), dry_run: false, why };
    serve::serve(&world.library, &other, set, None).unwrap();
    let turns = world.serve(0, Command::Turns { of: None, limit: 9 }).unwrap();
    let turn = turns["turns"][0]["turn"].as_u64();
    assert!(turn.is_some(), "{turns}");
    world.member("ann", 1001, "admin", None);
    let undone = world.serve(0, Command::Undo { turn, of: None, dry_run: false }).unwrap();
    let left = undone["left"][0]["why"].as_str().unwrap_or_default();
    assert!(undone["done"] == 0 && left.contains("another member may"), "{undone}");
    assert_eq!(status(&world), "rejected");
}

/// Regression: one verdict that may not come back kept everything else of its asset from coming back.
#[test]
fn an_undo_leaves_a_verdict_and_brings_the_rest_back() {
    let (world, _admin) = World::studio();
    verdict(&world, 0, "approved").unwrap();
    let other = Caller { uid: 0, gid: 0, process: 77 };
    let (what, set) =
        (vec![ACME.into()].into(), assign(&["status.x=rejected", "status.tiktok=needs-review", "tag=+gone"]));
    let set = Command::Set { what, set, dry_run: false, why: Some("not this one".to_owned()) };
    serve::serve(&world.library, &other, set, None).unwrap();
    let turns = world.serve(0, Command::Turns { of: None, limit: 1 }).unwrap();
    let turn = turns["turns"][0]["turn"].as_u64();
    world.member("ann", 1001, "admin", None);
    let undone = world.serve(0, Command::Undo { turn, of: None, dry_run: false }).unwrap();
    let left = undone["left"][0]["why"].as_str().unwrap_or_default();
    assert!(undone["done"] == 1 && left.contains("another member may"), "{undone}");
    let shown = world.show(ACME);
    assert_eq!(status(&world), "rejected");
    assert!(shown["status"]["tiktok"].is_null() && !shown["tag"].to_string().contains("gone"), "{shown}");
    let rows = world.serve(0, Command::Log(Ask { target: Some(ACME.into()), limit: 1, ..Ask::default() })).unwrap();
    let told = rows["rows"][0]["detail"]["changed"].to_string();
    assert!(told.contains("gone") && !told.contains("approved"), "the log tells what was done: {told}");
}

/// Regression: who was a reviewer when somebody began to read was kept as one of those that there are, when he had been shut out in between.
#[test]
fn who_reads_as_of_before_makes_nobody_a_reviewer_again() {
    let (world, _admin) = World::studio();
    world.member("ann", 1001, "admin", None);
    let (maker, id) = (world.library.member_for(0).unwrap(), world.show(ACME)["id"].as_str().unwrap().parse().unwrap());
    let read = world.library.catalog.read(|tx: &dyn ReadTx| -> Result<bool, CatalogError> {
        let asset = tx.asset(id)?.unwrap();
        world.change_member("ann", None, Some(false));
        world.library.gate.another_may_review(tx, maker, &asset)
    });
    read.unwrap();
    verdict(&world, 0, "approved").unwrap();
    assert!(is_on_record_as_own(&world));
}
