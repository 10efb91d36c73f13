//! A member who leaves.

use std::sync::Mutex;

use damfs::ops::log::Ask;
use damfs::ops::proto::{Command, FailureKind};
use damfs::ops::serve::serve;
use damfs::ops::{Listener, serve_to};
use damfs::policy::Workflow;
use damfs::types::{Caller, MemberId};
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
    world.set(MINE, &["reviewer=anna"]);
    let open = anna.open(MINE, true, true).unwrap();
    let done = offboard(&world, 0, "anna", "ben").unwrap();
    assert_eq!(done, json!({ "member": "anna", "to": "ben", "assets": 3, "reviews": 1, "saved": 1 }));
    assert_eq!(world.show(MINE)["reviewer"], "ben");
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
    assert_eq!((&rows[at]["who"], &rows[at]["detail"]["to"]), (&json!("root"), &json!("ben")));
    let inherited: Vec<&Value> = rows[..at].iter().filter(|row| row["what"] == "member.inherit").copied().collect();
    assert!(inherited.iter().all(|row| row["who"] == "root" && row["detail"]["from"] == "anna"), "{inherited:?}");
    let handed = |what: &str| inherited.iter().filter_map(|row| row["detail"][what].as_u64()).collect::<Vec<_>>();
    assert_eq!(
        (handed("assets"), handed("reviews"), handed("saved")),
        (vec![3], vec![1], vec![1]),
        "after he was out, and in this order"
    );
    assert_eq!(
        rows.iter().filter(|row| row["what"].as_str().unwrap().starts_with("member.")).count(),
        2 + 1 + 3,
        "two were added, one went, and three steps handed over"
    );
}

/// Hears of a hand-over, and asks each time whether who leaves is still let in.
struct Watcher<'a> {
    world: &'a World,
    member: MemberId,
    heard: Mutex<Vec<(usize, usize, bool)>>,
}

impl Listener for Watcher<'_> {
    fn progress(&self, done: usize, of: usize) {
        let row = self.world.library.catalog.read(|tx| tx.member(self.member)).unwrap().unwrap();
        self.heard.lock().unwrap().push((done, of, row.active));
    }
}

/// Regression: he was shut out in the transaction that handed over, and could go on for as long as it took.
#[test]
fn who_leaves_is_out_before_anything_is_handed_over() {
    let (world, anna, _ben) = stage();
    for n in 0..300 {
        anna.write(&format!("library/{n}.png"), format!("picture {n}").as_bytes()).unwrap();
    }
    let member = world.library.member_for(ANNA).unwrap();
    let watcher = Watcher { world: &world, member, heard: Mutex::default() };
    let offboard = Command::MemberOffboard { name: "anna".into(), to: "ben".into() };
    assert!(offboard.tells_progress());
    let caller = Caller { uid: 0, gid: 0, process: 2 };
    let done = serve_to(&world.library, &caller, offboard, None, &watcher).unwrap();
    assert_eq!(done["assets"], 303);
    let heard = watcher.heard.into_inner().unwrap();
    assert_eq!(heard.last(), Some(&(303, 303, false)));
    assert!(heard.len() > 4 && heard.iter().all(|(_, of, active)| *of == 303 && !active), "{heard:?}");
    assert_eq!(owners(&world), [0, 302, 0, 1].map(|n| json!(n)));
    // Of however many steps, it is one turn.
    world.serve(0, Command::Undo { turn: None, of: None, dry_run: false }).unwrap();
    assert_eq!(owners(&world), [302, 0, 1, 0].map(|n| json!(n)));
}

/// Regression: what he was still making stayed his, whom nobody lets in any more.
#[test]
fn what_has_no_version_yet_is_handed_over_too() {
    let (world, anna, ben) = stage();
    let (parent, name) = anna.split("library/begun.png").unwrap();
    let mode = damfs::fs::OpenMode { write: true, exclusive: true, ..Default::default() };
    let (made, opened) = anna.mount.create(&anna.caller, parent, name, 0o644, mode).unwrap();
    anna.pwrite(opened.fh, b"half of it").unwrap();
    let id = anna.getxattr("library/begun.png", "user.dam.id").unwrap();
    let before = world.library.catalog.read(|tx| tx.last_change()).unwrap();
    world.clock.advance_ms(1_000);
    assert_eq!(offboard(&world, 0, "anna", "ben").unwrap()["assets"], 4);
    let asset = world.library.catalog.read(|tx| tx.asset(id.parse().unwrap())).unwrap().unwrap();
    let heir = world.library.member_for(BEN);
    assert_eq!((asset.head, asset.owner, asset.owner_name.as_str()), (None, heir, "ben"));
    let feed = world.library.catalog.changes(before, u64::MAX, 10_000).unwrap();
    assert!(feed.iter().any(|row| row.kind == damfs::catalog::ChangeKind::Asset && row.id == id));
    let attr = ben.attr("library/begun.png").unwrap();
    assert!(
        attr.ino == made.attr.ino && attr.ctime > made.attr.ctime,
        "its owner is one of the things that ctime tells of"
    );
    let _ = anna.mount.flush(&anna.caller, opened.fh);
    let _ = anna.mount.release(&anna.caller, opened.fh);
    world.settle();
    assert_eq!(owners(&world)[..2], [json!(0), json!(3)]);
}

/// As after a crash between the two.
#[test]
fn a_hand_over_that_was_cut_off_is_done_by_asking_again() {
    let (world, anna, ben) = stage();
    world.change_member("anna", None, Some(false));
    assert!(!anna.has(MINE) && !ben.has("saved/drafts"));
    let done = offboard(&world, 0, "anna", "ben").unwrap();
    assert_eq!((&done["assets"], &done["saved"]), (&json!(3), &json!(1)));
    assert_eq!(owners(&world), [0, 2, 0, 1].map(|n| json!(n)));
    let again = offboard(&world, 0, "anna", "ben").unwrap();
    assert_eq!((&again["assets"], &again["saved"]), (&json!(0), &json!(0)));
}

/// Regression: a role that is not there any more counted as none, and who has it as the admin that he was by another one. The gate lets him not in.
#[test]
fn who_has_a_role_that_is_not_there_is_no_admin_that_stays() {
    let (world, _anna, _ben) = stage();
    let plain = world.roles_text();
    let world = world.with_roles("[role.extra.allow]\nlist = \"*\"\n");
    world.member("carl", 1003, "admin,extra", None);
    world.change_member("carl", None, Some(false));
    world.roles(&plain);
    world.change_member("carl", None, Some(true));
    assert_eq!(world.kind(1003, Command::MemberList), FailureKind::Refused);
    assert_eq!(offboard(&world, 0, "root", "ben"), Err(FailureKind::Failed), "the last admin");
    world.serve(0, Command::MemberList).unwrap();
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
    world.settle();
    assert_eq!(owners(&world)[0], json!(2));
}

/// Reviews go to the next whom the board names while the first is no member, and admins hear that it names one.
#[test]
fn the_next_whom_the_board_names_reviews_for_who_left() {
    let (world, _anna, _ben) = stage();
    let rule = |member: &str| format!("\n[[reviewer]]\nstage = \"internal-review\"\nmember = \"{member}\"\n");
    let text = format!("{}{}{}", Workflow::TEMPLATE, rule("anna"), rule("ben"));
    world.serve(0, Command::WorkflowPut { text, base: None }).unwrap();
    let status = || String::from_utf8(world.admin().read(".dam/status").unwrap()).unwrap();
    assert!(!status().contains("fault"), "{}", status());
    assert_eq!(offboard(&world, 0, "anna", "ben").unwrap()["board"], "names him still");
    assert!(status().contains("the board gives reviews to anna, no member any more"), "{}", status());
    world.set(MINE, &["stage=internal-review"]);
    assert_eq!(world.show(MINE)["reviewer"], "ben");
}
