//! The board: moves in `review/` and by command, reasons, reviewers, what is late.

use std::ffi::OsStr;
use std::io::Write;
use std::sync::Arc;

use damfs::catalog::FolderRule;
use damfs::fs::{Audience, Listed, Mount, NamesKept, Show};
use damfs::ops::log::Ask;
use damfs::ops::proto::{Command, FailureKind, Selection};
use damfs::ops::serve::serve;
use damfs::ops::{OpsError, folders};
use damfs::policy::Workflow;
use damfs::types::Caller;
use serde_json::{Value, json};

use crate::world::*;

const A: &str = "library/acme/a.png";
const JUDGE: &str =
    "[role.judge]\ndescription = \"x\"\n[role.judge.allow]\nlist = \"*\"\ndownload = \"*\"\nreview = \"*\"\n";
const STAGES: [&str; 6] = ["draft", "internal-review", "client-approval", "approved", "rejected", "published"];

/// The admin's two files, an editor's own one, and somebody who judges and changes nothing.
fn studio() -> (World, Seat, Seat) {
    let (world, _admin) = World::studio();
    let world = world.with_roles(JUDGE);
    let eddy = world.member("eddy", 1001, "editor", None);
    eddy.write("library/acme/own.png", b"own").unwrap();
    world.settle();
    let rita = world.member("rita", 1002, "judge", None);
    (world, eddy, rita)
}

fn set(world: &World, uid: u32, target: &str, facets: &[&str], why: Option<&str>) -> Result<Value, FailureKind> {
    let (what, why) = (vec![target.to_owned()].into(), why.map(str::to_owned));
    world.serve(uid, Command::Set { what, set: assign(facets), dry_run: false, why }).map_err(|e| e.kind)
}

fn remark(world: &World, uid: u32, target: &str, text: &str) -> Result<Value, FailureKind> {
    let what = Selection::from(vec![target.to_owned()]);
    world.serve(uid, Command::Remark { what, text: text.into(), dry_run: false }).map_err(|e| e.kind)
}

/// In which folders of the board it is.
fn places(seat: &Seat, name: &str) -> Vec<&'static str> {
    STAGES.into_iter().filter(|stage| seat.names(&format!("review/{stage}")).contains(&name.to_owned())).collect()
}

fn denials(world: &World) -> Vec<String> {
    world.library.write_denials().unwrap();
    let rows = world.serve(0, Command::Log(Ask { limit: 99, ..Ask::default() })).unwrap();
    let denied = |row: &Value| Some(format!("{} {}", row["who"].as_str()?, row["what"].as_str()?));
    rows["rows"].as_array().unwrap().iter().filter_map(denied).filter(|row| row.contains(" deny.")).collect()
}

#[test]
fn a_move_between_stages_is_a_decision_and_nothing_is_in_two() {
    let (world, eddy, rita) = studio();
    assert_eq!(places(&eddy, "own.png"), ["draft"], "what was given no stage");
    let ino = eddy.find("library/acme/own.png").unwrap();
    eddy.rename("review/draft/own.png", "review/internal-review/own.png").unwrap();
    assert_eq!(places(&eddy, "own.png"), ["internal-review"]);
    assert_eq!(eddy.find("review/internal-review/own.png").unwrap(), ino, "the same file");
    assert_eq!(errno(eddy.rename("review/internal-review/own.png", "review/approved/own.png")), libc::EACCES);
    rita.rename("review/internal-review/own.png", "review/client-approval/own.png").unwrap();
    rita.rename("review/client-approval/own.png", "review/approved/own.png").unwrap();
    assert_eq!(places(&rita, "own.png"), ["approved"]);
    assert_eq!(world.show("library/acme/own.png")["stage"], "approved");
    assert_eq!(errno(rita.rename("review/approved/own.png", "review/published/own.png")), libc::EACCES, "to publish");
    assert_eq!(denials(&world), ["rita deny.publish", "eddy deny.review"], "each once, the last first");
}

#[test]
fn what_the_board_has_no_way_for_is_an_admins_alone() {
    let (world, eddy, rita) = studio();
    assert_eq!(errno(rita.rename("review/draft/own.png", "review/approved/own.png")), libc::EPERM);
    assert_eq!(
        errno(eddy.rename("review/draft/own.png", "review/approved/own.png")),
        libc::EACCES,
        "no right to review"
    );
    let errors = String::from_utf8(rita.read(".dam/errors").unwrap()).unwrap();
    assert!(errors.contains("no way from draft to approved; from draft it goes to internal-review"), "{errors}");
    assert_eq!(set(&world, 1002, "library/acme/own.png", &["stage=published"], None), Err(FailureKind::Refused));
    assert_eq!(denials(&world).iter().filter(|row| *row == "rita deny.review").count(), 2);
    set(&world, 0, "library/acme/own.png", &["stage=published"], None).unwrap();
    assert_eq!(places(&rita, "own.png"), ["published"]);
}

#[test]
fn a_rejection_says_why_by_a_word_or_a_remark_before() {
    let (world, eddy, rita) = studio();
    let own = "library/acme/own.png";
    set(&world, 1001, own, &["stage=internal-review"], None).unwrap();
    assert_eq!(errno(rita.rename("review/internal-review/own.png", "review/rejected/own.png")), libc::EPERM);
    assert_eq!(set(&world, 1002, own, &["stage=rejected"], None), Err(FailureKind::Refused));
    assert_eq!(set(&world, 1002, own, &["status.x=rejected"], None), Err(FailureKind::Refused));
    assert_eq!(set(&world, 1002, own, &["status.x=rejected"], Some(" \n")), Err(FailureKind::Usage));
    assert_eq!(remark(&world, 1002, own, &"x".repeat(4_001)), Err(FailureKind::Usage));
    assert_eq!(remark(&world, 1002, own, "bell\u{7}"), Err(FailureKind::Usage));
    // Somebody else's word is not hers.
    remark(&world, 1001, own, "look at the hand").unwrap();
    assert_eq!(errno(rita.rename("review/internal-review/own.png", "review/rejected/own.png")), libc::EPERM);
    remark(&world, 1002, own, "six fingers").unwrap();
    rita.rename("review/internal-review/own.png", "review/rejected/own.png").unwrap();
    set(&world, 1002, own, &["status.x=rejected"], Some("not in this year")).unwrap();
    let shown = world.show(own);
    let told: Vec<_> =
        shown["remark"].as_array().unwrap().iter().map(|r| (&r["by"], &r["about"], &r["text"])).collect();
    let (rita_, eddy_, stage) = (json!("rita"), json!("eddy"), json!("stage=rejected"));
    let (hand, fingers) = (json!("look at the hand"), json!("six fingers"));
    assert_eq!(told, [(&eddy_, &Value::Null, &hand), (&rita_, &Value::Null, &fingers), (&rita_, &stage, &fingers)]);
    assert_eq!(shown["status"]["x"]["reason"], "not in this year");
    // One word is the reason of one decision.
    eddy.rename("review/rejected/own.png", "review/internal-review/own.png").unwrap();
    assert_eq!(errno(rita.rename("review/internal-review/own.png", "review/rejected/own.png")), libc::EPERM);
    world.clock.advance_ms(1);
    remark(&world, 1002, own, "five, but blue").unwrap();
    rita.rename("review/internal-review/own.png", "review/rejected/own.png").unwrap();
    assert_eq!(world.show(own)["remark"][4]["text"], "five, but blue");
    // What was said of bytes that are gone is no reason for these.
    eddy.rename("review/rejected/own.png", "review/internal-review/own.png").unwrap();
    eddy.overwrite(own, b"five").unwrap();
    world.settle();
    assert_eq!(errno(rita.rename("review/internal-review/own.png", "review/rejected/own.png")), libc::EPERM);
}

#[test]
fn the_board_takes_moves_and_saves_and_nothing_else() {
    let (world, eddy, rita) = studio();
    let admin = world.admin();
    assert_eq!(errno(admin.write("review/draft/new.png", b"new")), libc::EPERM);
    assert_eq!(errno(admin.unlink("review/draft/own.png")), libc::EPERM);
    assert_eq!(errno(admin.rename(A, "review/internal-review/a.png")), libc::EPERM);
    assert_eq!(errno(admin.rename("find/client=acme/a.png", "review/internal-review/a.png")), libc::EPERM);
    assert_eq!(errno(admin.rename("review/draft/own.png", "review/draft/other.png")), libc::EPERM);
    assert_eq!(errno(admin.rename("review/draft/own.png", "review/internal-review/other.png")), libc::EPERM);
    assert_eq!(errno(admin.rename("review/draft/own.png", "review/mine/own.png")), libc::EPERM);
    assert_eq!(errno(admin.mkdir("review/later")), libc::EPERM);
    assert_eq!(errno(admin.rmdir("review/draft")), libc::EPERM);
    // An editor's save over a file that it shows is the next version.
    eddy.write("review/draft/.goutputstream-AB12CD", b"saved").unwrap();
    eddy.rename("review/draft/.goutputstream-AB12CD", "review/draft/own.png").unwrap();
    world.settle();
    assert_eq!(rita.read("library/acme/own.png").unwrap(), b"saved");
    assert_eq!(world.show("library/acme/own.png")["versions"].as_array().unwrap().len(), 2);
}

#[test]
fn what_one_is_to_review_and_what_is_late_are_folders() {
    let (world, eddy, rita) = studio();
    assert!(rita.names("review/mine").is_empty() && rita.names("review/overdue").is_empty());
    eddy.rename("review/draft/own.png", "review/internal-review/own.png").unwrap();
    let due = world.show("library/acme/own.png")["due"].as_str().unwrap().to_owned();
    assert!(due.starts_with("2026-09-23"), "two days: {due}");
    assert_eq!(set(&world, 1001, "library/acme/own.png", &["reviewer=rita"], None), Err(FailureKind::Refused));
    assert_eq!(set(&world, 0, "library/acme/own.png", &["reviewer=ritta"], None), Err(FailureKind::NotFound));
    set(&world, 0, "library/acme/own.png", &["reviewer=rita"], None).unwrap();
    assert_eq!((rita.names("review/mine"), eddy.names("review/mine")), (vec!["own.png".into()], vec![]));
    assert!(rita.names("review/overdue").is_empty());
    // Nothing tells when the day is over, also to who has the directory open and rewinds it.
    let opened = rita.mount.opendir(&rita.caller, rita.find("review/overdue").unwrap()).unwrap();
    assert_eq!(opened.names, NamesKept::Never);
    world.clock.advance_ms(3 * 24 * 3_600_000);
    assert_eq!(rita.names("review/overdue"), ["own.png"]);
    let mut is_late = false;
    let mut each = |row: Listed| {
        is_late |= row.name == b"own.png";
        true
    };
    rita.mount.readdir(&rita.caller, opened.fh, 0, false, &mut each).unwrap();
    assert!(is_late);
    let list = |uid, mine, overdue| world.serve(uid, Command::ReviewList { stage: None, mine, overdue }).unwrap();
    assert_eq!(list(1002, true, true)["assets"][0]["path"], "library/acme/own.png");
    assert_eq!((&list(1001, true, false)["count"], &list(1001, false, true)["count"]), (&json!(0), &json!(1)));
    // It is moved from there as from its stage, and what goes on is neither late nor hers any more.
    rita.rename("review/mine/own.png", "review/approved/own.png").unwrap();
    assert!(rita.names("review/mine").is_empty() && rita.names("review/overdue").is_empty());
    let shown = world.show("library/acme/own.png");
    assert!(shown["due"].is_null() && shown["reviewer"].is_null(), "{shown}");
}

/// Who may review is told no names by guessing, and nobody is asked who is shut out.
#[test]
fn a_reviewer_is_somebody_who_is_in_and_no_guess_names_another() {
    let (world, eddy, rita) = studio();
    drop((eddy, rita));
    let ask = |uid, name: &str| {
        let (what, set) = (vec!["library/acme/own.png".to_owned()].into(), assign(&[&format!("reviewer={name}")]));
        world.serve(uid, Command::Set { what, set, dry_run: false, why: None })
    };
    let failed = ask(1002, "edy").unwrap_err();
    assert_eq!(failed.kind, FailureKind::NotFound);
    assert!(!format!("{} {:?}", failed.message, failed.hint).contains("eddy"), "{failed:?}");
    ask(1002, "eddy").unwrap();
    world.change_member("rita", None, Some(false));
    assert_eq!(ask(0, "rita").unwrap_err().kind, FailureKind::NotFound);
    world.change_member("eddy", None, Some(false));
    // Who was asked before he was shut out stands there until another is, or it goes on.
    set(&world, 0, "library/acme/own.png", &["tag=sea"], None).unwrap();
    assert_eq!(world.show("library/acme/own.png")["reviewer"], "eddy");
    set(&world, 0, "library/acme/own.png", &["stage=internal-review"], None).unwrap();
    assert!(world.show("library/acme/own.png")["reviewer"].is_null());
}

/// One mount for all remembers one folder: whose it is follows from who asks, not from who looked it up last.
#[test]
fn what_one_is_to_review_is_his_own_on_a_shared_mount() {
    let (world, eddy, rita) = studio();
    set(&world, 0, A, &["stage=internal-review", "reviewer=eddy"], None).unwrap();
    set(&world, 0, "library/acme/own.png", &["stage=internal-review", "reviewer=rita"], None).unwrap();
    let mount = Mount::new(world.library.clone(), Audience::Everyone, Show { uid: 0, gid: 0 }).unwrap();
    let [eddy, rita] = [eddy, rita].map(|own| Seat { mount: Arc::clone(&mount), caller: own.caller });
    let mine = eddy.find("review/mine").unwrap();
    assert_eq!(rita.find("review/mine").unwrap(), mine, "one folder of that path");
    let listed = |seat: &Seat| {
        let mut names: Vec<String> = seat.rows_in(mine).into_iter().map(|(name, _)| name).collect();
        names.retain(|name| name.ends_with(".png"));
        names
    };
    assert_eq!((listed(&eddy), listed(&rita)), (vec!["a.png".to_owned()], vec!["own.png".to_owned()]));
    eddy.find("review/mine").unwrap();
    assert_eq!(listed(&rita), ["own.png"]);
    let look = |seat: &Seat, name: &str| seat.mount.lookup(&seat.caller, mine, OsStr::new(name)).map(drop);
    assert!(look(&rita, "own.png").is_ok() && errno(look(&rita, "a.png")) == libc::ENOENT);
    assert!(look(&eddy, "a.png").is_ok() && errno(look(&eddy, "own.png")) == libc::ENOENT);
}

#[test]
fn nobody_lets_pass_what_he_made_while_another_may() {
    let (world, eddy, rita) = studio();
    set(&world, 0, A, &["stage=internal-review"], None).unwrap();
    let admin = world.admin();
    assert_eq!(errno(admin.rename("review/internal-review/a.png", "review/approved/a.png")), libc::EACCES);
    assert_eq!(set(&world, 0, A, &["stage=client-approval"], None), Err(FailureKind::Refused));
    set(&world, 0, A, &["stage=rejected"], Some("not good enough")).unwrap();
    eddy.rename("review/rejected/a.png", "review/internal-review/a.png").unwrap();
    rita.rename("review/internal-review/a.png", "review/approved/a.png").unwrap();
}

/// What is hidden from somebody is in no stage for him, and no move of his finds it.
#[test]
fn the_board_shows_and_moves_what_is_listed_alone() {
    let (world, _eddy, _rita) = studio();
    let cleo = world.member("cleo", 1003, "judge", Some("client=acme"));
    set(&world, 0, "library/globex/secret.png", &["stage=internal-review"], None).unwrap();
    assert!(places(&cleo, "secret.png").is_empty());
    let moved = cleo.rename("review/internal-review/secret.png", "review/approved/secret.png");
    assert_eq!(errno(moved), libc::ENOENT);
    assert_eq!(remark(&world, 1003, "library/globex/secret.png", "x"), Err(FailureKind::NotFound));
    let list = world.serve(1003, Command::ReviewList { stage: None, mine: false, overdue: false }).unwrap();
    assert_eq!(list["count"], 0);
}

#[test]
fn a_move_is_taken_back_by_who_could_make_it() {
    let (world, _eddy, rita) = studio();
    set(&world, 1001, "library/acme/own.png", &["stage=internal-review"], None).unwrap();
    rita.rename("review/internal-review/own.png", "review/client-approval/own.png").unwrap();
    world.serve(1002, Command::Undo { turn: None, of: None, dry_run: false }).unwrap();
    assert_eq!(places(&rita, "own.png"), ["internal-review"]);
    remark(&world, 1002, "library/acme/own.png", "oh").unwrap();
    world.serve(1002, Command::Undo { turn: None, of: None, dry_run: false }).unwrap();
    assert!(world.show("library/acme/own.png")["remark"].is_null());
    // The due day that a stage brought goes with it, for who may not set one.
    assert!(world.show("library/acme/own.png")["due"].is_string());
    let undone = world.serve(1001, Command::Undo { turn: None, of: None, dry_run: false }).unwrap();
    let shown = world.show("library/acme/own.png");
    assert!(shown["stage"].is_null() && shown["due"].is_null(), "{undone} {shown}");
}

#[test]
fn another_board_is_an_admins_to_put_in_force_and_stays_in_force() {
    let (world, eddy, rita) = studio();
    drop((eddy, rita));
    let text = format!(
        "{}\n[[reviewer]]\nstage = \"internal-review\"\nwhen = \"client=acme\"\nmember = \"rita\"\n",
        Workflow::TEMPLATE
    );
    let put = |uid, text: &str, base: Option<&str>| {
        world.serve(uid, Command::WorkflowPut { text: text.into(), base: base.map(str::to_owned) }).map_err(|e| e.kind)
    };
    assert_eq!(put(1002, &text, None), Err(FailureKind::Refused));
    assert_eq!(put(0, "[[move]]", None), Err(FailureKind::Usage));
    assert_eq!(put(0, &text, Some("another")), Err(FailureKind::Failed));
    assert_eq!(put(0, &text.replace("rita", "ritta"), None), Err(FailureKind::NotFound));
    assert_eq!(put(0, &text, Some(Workflow::TEMPLATE)).unwrap()["version"], 1);
    assert_eq!(put(0, &text, None).unwrap()["applied"], false);
    let world = world.reopen();
    assert_eq!(world.serve(0, Command::WorkflowShow).unwrap()["text"], text);
    let shown = world.serve(1002, Command::WorkflowShow).unwrap()["text"].as_str().unwrap().to_owned();
    assert!(shown.contains("client-approval") && !shown.contains("acme") && !shown.contains('#'), "{shown}");
    assert_eq!(
        Workflow::parse(&shown, &damfs::policy::Vocabulary::shipped()).unwrap().ways("draft").collect::<Vec<_>>(),
        ["internal-review"]
    );
    set(&world, 0, A, &["stage=internal-review"], None).unwrap();
    assert_eq!(world.show(A)["reviewer"], "rita", "who reviews this client");
    set(&world, 0, "library/globex/secret.png", &["stage=internal-review"], None).unwrap();
    assert!(world.show("library/globex/secret.png")["reviewer"].is_null());
}

/// Queries of reviewers speak of clients, names and notes of people: however a board spells them, they are for admins.
#[test]
fn who_reviews_what_is_told_to_admins_in_no_spelling() {
    let (world, eddy, rita) = studio();
    drop((eddy, rita));
    let rule = "stage = \"internal-review\", when = \"client=acme\", member = \"rita\"";
    let lines = rule.replace(", ", "\n");
    let ways = Workflow::TEMPLATE;
    for text in [
        format!("reviewer = [{{ {rule} }}]\n{ways}"),
        format!("reviewer = [\n  {{ {rule} }},\n]\n{ways}"),
        format!("{ways}\n[[ reviewer ]]\n{lines}\n"),
        format!("{ways}\n[[\"reviewer\"]]\n{lines}\n"),
        format!("{ways}\n[['reviewer']]\n{lines}\n"),
        format!("{ways}\n[[\"\\u0072eviewer\"]]\n{lines}\n"),
        format!("{ways}\n[stage.approved]\t# rita looks for acme\ndays = 3\t# acme\n"),
    ] {
        let put = Command::WorkflowPut { text: text.clone(), base: None };
        world.serve(0, put).unwrap_or_else(|e| panic!("{}: {text}", e.message));
        assert_eq!(world.serve(0, Command::WorkflowShow).unwrap()["text"], text);
        let shown = world.serve(1002, Command::WorkflowShow).unwrap()["text"].as_str().unwrap().to_owned();
        assert!(!shown.contains("acme") && !shown.contains("rita"), "{text}: {shown}");
        let shown = Workflow::parse(&shown, &damfs::policy::Vocabulary::shipped()).unwrap();
        let own = Workflow::parse(&text, &damfs::policy::Vocabulary::shipped()).unwrap();
        let all = STAGES.iter().flat_map(|from| STAGES.iter().map(move |to| (from, to)));
        for (from, to) in all {
            assert_eq!(shown.way(from, to), own.way(from, to));
            assert_eq!(shown.due(from, 0), own.due(from, 0));
        }
    }
}

#[test]
fn a_file_that_comes_with_a_stage_enters_it() {
    let (world, eddy, _rita) = studio();
    eddy.write("find/stage=internal-review/in.png", b"handed in").unwrap();
    world.settle();
    let path = "library/Unsorted/2026/09/in.png";
    let shown = world.show(path);
    assert!(shown["stage"] == "internal-review" && shown["due"].is_string(), "{shown}");
    assert_eq!(errno(eddy.write("find/stage=approved/in2.png", b"x")), libc::EACCES);
    let dry = Command::Remark { what: vec![path.to_owned()].into(), text: "x".into(), dry_run: true };
    assert_eq!(world.serve(1001, dry).unwrap()["changed"], 1);
    assert!(world.show(path)["remark"].is_null(), "only said what would be");
    set(&world, 1001, path, &["rating=safe"], Some("as discussed")).unwrap();
    assert_eq!(world.show(path)["remark"][0]["text"], "as discussed");
}

/// Other bytes were judged by nobody, whoever saved them and however: by a save in place, by rename, in the very folder of the board, or by taking an
/// earlier version out again.
#[test]
fn other_bytes_are_judged_again() {
    let (world, eddy, rita) = studio();
    let own = "library/acme/own.png";
    let stage = || world.show(own)["stage"].clone();
    let pass = || {
        rita.rename("review/internal-review/own.png", "review/approved/own.png").unwrap();
        assert_eq!(stage(), "approved");
    };
    eddy.rename("review/draft/own.png", "review/internal-review/own.png").unwrap();
    pass();
    set(&world, 1002, own, &["status.x=approved"], None).unwrap();
    eddy.overwrite(own, b"own").unwrap();
    world.settle();
    assert_eq!(stage(), "approved", "the same bytes");

    eddy.overwrite("review/approved/own.png", b"unseen").unwrap();
    world.settle();
    let shown = world.show(own);
    assert!(shown["stage"] == "internal-review" && shown["due"].is_string(), "{shown}");
    assert_eq!(shown["status"]["x"]["value"], "approved", "it names its version: {shown}");
    assert_eq!(places(&rita, "own.png"), ["internal-review"]);
    let rows = world.serve(0, Command::Log(Ask { limit: 99, ..Ask::default() })).unwrap();
    let commit = rows["rows"].as_array().unwrap().iter().find(|row| row["what"] == "version.commit").unwrap().clone();
    let changed = json!({ "facet": "stage", "old": "approved", "new": "internal-review" });
    assert!(commit["who"] == "eddy" && commit["detail"]["changed"][0] == changed, "{commit}");

    pass();
    eddy.write("library/acme/.goutputstream-AB12CD", b"by rename").unwrap();
    eddy.rename("library/acme/.goutputstream-AB12CD", own).unwrap();
    world.settle();
    assert_eq!(stage(), "internal-review");

    pass();
    let restore = Command::Restore { target: own.into(), version: Some(1), into: None, name: None };
    world.serve(1001, restore).unwrap();
    assert_eq!(stage(), "internal-review", "an earlier version was judged earlier");
    assert_eq!(rita.read(own).unwrap(), b"own");

    set(&world, 0, own, &["stage=published"], None).unwrap();
    eddy.overwrite(own, b"after all").unwrap();
    world.settle();
    assert_eq!(stage(), "internal-review");
    assert_eq!(errno(eddy.rename("review/internal-review/own.png", "review/approved/own.png")), libc::EACCES);
}

/// Who takes back what he saved has the bytes as they were; that they were judged is for whoever may judge.
#[test]
fn taking_back_a_save_judges_nothing() {
    let (world, eddy, rita) = studio();
    let own = "library/acme/own.png";
    let undo = |uid, of: Option<&str>| {
        world.serve(uid, Command::Undo { turn: None, of: of.map(str::to_owned), dry_run: false }).unwrap()
    };
    set(&world, 1001, own, &["stage=internal-review"], None).unwrap();
    set(&world, 1002, own, &["stage=approved"], None).unwrap();
    world.pass(60_000);
    eddy.overwrite(own, b"unseen").unwrap();
    world.settle();
    let undone = undo(1001, None);
    let shown = world.show(own);
    assert_eq!((rita.read(own).unwrap(), &shown["stage"]), (b"own".to_vec(), &json!("internal-review")), "{undone}");
    assert_eq!(undone["left"].as_array().map(Vec::len), Some(1), "{undone}");

    // He takes back what was judged since: the bytes of before were not.
    world.pass(60_000);
    eddy.overwrite(own, b"better").unwrap();
    world.settle();
    set(&world, 1002, own, &["stage=approved"], None).unwrap();
    let undone = undo(1001, None);
    assert_eq!(
        (rita.read(own).unwrap(), &world.show(own)["stage"]),
        (b"own".to_vec(), &json!("internal-review")),
        "{undone}"
    );

    // An admin may judge: bytes and stage come back.
    set(&world, 1002, own, &["stage=approved"], None).unwrap();
    world.pass(60_000);
    eddy.overwrite(own, b"unseen again").unwrap();
    world.settle();
    let undone = undo(0, Some("eddy"));
    assert_eq!((rita.read(own).unwrap(), &world.show(own)["stage"]), (b"own".to_vec(), &json!("approved")), "{undone}");
}

/// A judgement that another's later bytes stand in the way of stays away with them.
#[test]
fn a_stage_comes_back_with_its_bytes_or_not_at_all() {
    let (world, eddy, _rita) = studio();
    let own = "library/acme/own.png";
    set(&world, 0, own, &["stage=approved"], None).unwrap();
    eddy.overwrite(own, b"second").unwrap();
    world.settle();
    world.pass(60_000);
    world.admin().overwrite(own, b"thirds").unwrap();
    world.settle();
    world.serve(0, Command::Undo { turn: None, of: Some("eddy".into()), dry_run: false }).unwrap();
    let shown = world.show(own);
    assert_eq!((world.admin().read(own).unwrap(), &shown["stage"]), (b"thirds".to_vec(), &json!("internal-review")));
    assert!(shown["due"].is_string(), "{shown}");
}

/// Regression: bytes that came while a turn went on were taken for those that it had found.
#[test]
fn a_stage_does_not_come_back_to_bytes_that_came_in_the_middle_of_the_turn() {
    let (world, own) = (studio().0, "library/acme/own.png");
    set(&world, 0, own, &["stage=approved"], None).unwrap();
    let of_one_turn = |target: &str, word: &str| {
        let set = Command::Set { what: vec![target.into()].into(), set: assign(&[word]), dry_run: false, why: None };
        serve(&world.library, &Caller { uid: 0, gid: 0, process: 77 }, set, None).unwrap();
    };
    of_one_turn(own, "stage=draft");
    world.admin().overwrite(own, b"unseen").unwrap();
    world.settle();
    of_one_turn(A, "tag=+later");
    let turns = world.serve(0, Command::Turns { of: None, limit: 9 }).unwrap();
    let turn = turns["turns"].as_array().unwrap().iter().find(|turn| turn["what"].to_string().contains("2 "));
    let turn = turn.unwrap_or_else(|| panic!("one of both: {turns}"))["turn"].as_u64();
    let undone = world.serve(0, Command::Undo { turn, of: None, dry_run: false }).unwrap();
    assert!(undone["left"][0]["why"].as_str().is_some_and(|why| why.starts_with("changed since")), "{undone}");
    assert!(!world.show(A)["tag"].to_string().contains("later"), "{undone}");
    assert!(world.show(own)["stage"] != "approved", "nobody has judged them");
}

/// A file that is removed from a view of a stage and written there anew has other bytes.
#[test]
fn a_view_gives_no_stage_back() {
    let (world, _eddy, _rita) = studio();
    let admin = world.admin();
    let own = "library/acme/own.png";
    set(&world, 0, own, &["stage=approved"], None).unwrap();
    admin.unlink("find/stage=approved/own.png").unwrap();
    assert!(world.show(own)["stage"].is_null());
    admin.write("find/stage=approved/own.png", b"unseen").unwrap();
    world.settle();
    assert_eq!(admin.read(own).unwrap(), b"unseen");
    assert!(world.show(own)["stage"].is_null(), "{}", world.show(own));
}

/// A folder begins what is filed in it, and lets nothing pass.
#[test]
fn a_folder_hands_in_and_lets_nothing_pass() {
    let (world, eddy, _rita) = studio();
    let board = format!(
        "{}\n[[reviewer]]\nstage = \"internal-review\"\nwhen = \"client=acme\"\nmember = \"rita\"\n",
        Workflow::TEMPLATE
    );
    world.serve(0, Command::WorkflowPut { text: board, base: None }).unwrap();
    let rule = |set: &[&str]| {
        world.serve(0, Command::FolderRule { folder: "acme/in".into(), set: assign(set) }).map_err(|e| e.kind)
    };
    for stage in ["client-approval", "approved", "rejected", "published"] {
        assert_eq!(rule(&[&format!("stage={stage}")]), Err(FailureKind::Usage), "{stage}");
    }
    rule(&["stage=draft"]).unwrap();
    rule(&["stage=internal-review", "client=acme"]).unwrap();
    eddy.write("library/acme/in/new.png", b"new").unwrap();
    world.settle();
    let (path, into) = ("imported.png".to_owned(), Some("acme/in".to_owned()));
    let import = Command::Import { path, into, set: Vec::new(), mtime: 0, any: true, copies: false };
    let mut bytes = tempfile::tempfile().unwrap();
    bytes.write_all(b"imported").unwrap();
    serve(&world.library, &Caller { uid: 1001, gid: 1001, process: 1 }, import, Some(bytes)).unwrap();
    for name in ["new.png", "imported.png"] {
        let shown = world.show(&format!("library/acme/in/{name}"));
        let begun = shown["stage"] == "internal-review" && shown["due"].is_string() && shown["reviewer"] == "rita";
        assert!(begun, "{shown}");
    }

    // A rule from before the board gives nothing.
    let written = world.library.catalog.write(|tx| -> Result<(), OpsError> {
        let folder = folders::resolve(tx, "library/acme/in")?.unwrap().id;
        Ok(tx.put_folder_rule(&FolderRule { folder, facet: "stage".into(), value: "approved".into() })?)
    });
    written.unwrap();
    eddy.write("library/acme/in/old.png", b"old").unwrap();
    world.settle();
    assert!(world.show("library/acme/in/old.png")["stage"].is_null());
}
