//! A member who leaves.

use damfs::ops::log::Ask;
use damfs::ops::proto::{Command, FailureKind};
use damfs::ops::serve::serve;
use damfs::types::Caller;
use serde_json::{Value, json};

use crate::world::{Seat, World, errno};

const MINE: &str = "library/mine.png";
const ANNA: u32 = 1001;
const BEN: u32 = 1002;

/// anna has made a file, one that is in the trash, and a query; ben may delete what is his.
fn stage() -> (World, Seat, Seat) {
    let world = World::new();
    let anna = world.member("anna", ANNA, "content-creator", None);
    let ben = world.member("ben", BEN, "content-creator", None);
    for name in ["mine.png", "gone.png"] {
        anna.write(&format!("library/{name}"), name.as_bytes()).unwrap();
    }
    world.settle();
    anna.unlink("library/gone.png").unwrap();
    world.pass(20_000);
    anna.write("library/last.png", b"written and closed just now").unwrap();
    let save = Command::Save { name: "drafts".into(), query: Some("kind=other".into()), roles: None, until: None };
    world.serve(ANNA, save).unwrap();
    (world, anna, ben)
}

fn offboard(world: &World, by: u32, name: &str, to: &str) -> Result<Value, FailureKind> {
    world.serve(by, Command::MemberOffboard { name: name.into(), to: to.into() }).map_err(|e| e.kind)
}

fn owners(world: &World) -> Vec<Value> {
    let of = |expr: &str| {
        let find = Command::Find { expr: Some(expr.into()), sort: None, limit: None, count: true };
        world.serve(0, find).map_or(json!(0), |found| found["count"].clone())
    };
    ["owner=anna", "owner=ben", "owner=anna,state=trashed", "owner=ben,state=trashed"].map(of).into()
}

#[test]
fn who_leaves_is_out_at_once_and_another_has_what_was_his() {
    let (world, anna, ben) = stage();
    let open = anna.open(MINE, true, true).unwrap();
    let done = offboard(&world, 0, "anna", "ben").unwrap();
    assert_eq!(done, json!({ "member": "anna", "to": "ben", "assets": 3, "saved": 1 }));
    assert_eq!(errno(anna.pread(open)), libc::EACCES);
    assert_eq!(errno(anna.pwrite(open, b"x")), libc::EACCES);
    assert!(!anna.has(MINE) && anna.find("library").is_err());
    assert_eq!(world.kind(ANNA, Command::SavedList), FailureKind::Refused);
    assert_eq!(owners(&world), [0, 2, 0, 1].map(|n| json!(n)));
    assert!(ben.has("saved/drafts"));
    ben.unlink(MINE).unwrap();
    world.pass(20_000);
    assert_eq!(owners(&world)[3], json!(2), "who owns it deletes it");
    let rows = world.serve(0, Command::Log(Ask { limit: 1_000, ..Ask::default() })).unwrap();
    let rows: Vec<&Value> = rows["rows"].as_array().unwrap().iter().collect();
    let at = rows.iter().position(|row| row["what"] == "member.offboard").unwrap();
    assert_eq!((&rows[at]["who"], &rows[at]["detail"]["assets"]), (&json!("root"), &json!(3)));
    assert_eq!(
        rows.iter().filter(|row| row["what"].as_str().unwrap().starts_with("member.")).count(),
        3,
        "two were added"
    );
}

#[test]
fn what_he_had_unlocked_is_locked() {
    let (world, _anna, _ben) = stage();
    let member = world.library.member_for(ANNA).unwrap();
    let now = damfs::clock::Clock::now(&*world.clock);
    let factor = damfs::catalog::FactorRow {
        member,
        epoch: 1,
        secret: [1; 60],
        enrolled: now,
        last_step: 0,
        wrong: 0,
        blocked: None,
        unlocked: Some(now.plus_ms(60_000)),
        recovery: Vec::new(),
    };
    let put = |tx: &mut dyn damfs::catalog::WriteTx| tx.put_factor(&factor);
    world.library.catalog.write(put).unwrap();
    offboard(&world, 0, "anna", "ben").unwrap();
    let left = world.library.catalog.read(|tx| tx.factor(member)).unwrap().unwrap();
    assert_eq!(left.unlocked, None);
}

#[test]
fn it_is_one_turn_that_comes_back() {
    let (world, anna, ben) = stage();
    // A command by itself, as each is that somebody types.
    let offboard = Command::MemberOffboard { name: "anna".into(), to: "ben".into() };
    serve(&world.library, &Caller { uid: 0, gid: 0, process: 2 }, offboard, None).unwrap();
    assert_eq!(owners(&world), [0, 2, 0, 1].map(|n| json!(n)));
    let undone = world.serve(0, Command::Undo { turn: None, of: None, dry_run: false }).unwrap();
    assert_eq!(owners(&world), [2, 0, 1, 0].map(|n| json!(n)));
    assert!(anna.has(MINE), "{undone}");
    assert!(anna.has("saved/drafts") && !ben.has("saved/drafts"), "{undone}");
}

#[test]
fn who_may_not_leave_or_inherit_stays() {
    let (world, anna, _ben) = stage();
    assert_eq!(offboard(&world, BEN, "anna", "ben"), Err(FailureKind::Refused));
    assert_eq!(offboard(&world, 0, "anan", "ben"), Err(FailureKind::NotFound));
    assert_eq!(offboard(&world, 0, "anna", "bem"), Err(FailureKind::NotFound));
    assert_eq!(offboard(&world, 0, "anna", "anna"), Err(FailureKind::Usage));
    assert_eq!(offboard(&world, 0, "root", "ben"), Err(FailureKind::Failed), "the last admin");
    world.change_member("ben", None, Some(false));
    assert_eq!(offboard(&world, 0, "anna", "ben"), Err(FailureKind::Usage), "ben is out himself");
    assert!(anna.has(MINE));
    assert_eq!(owners(&world)[0], json!(2));
}
