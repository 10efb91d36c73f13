//! Members by groups of the system, whose databases are made up here.

use std::sync::{Arc, Mutex};

use damfs::catalog::journal::Thing;
use damfs::catalog::{FactorRow, WriteTx};
use damfs::ops::groups::GroupChange;
use damfs::ops::members::MemberChange;
use damfs::ops::proto::{Command, FailureKind};
use damfs::ops::serve;
use damfs::types::{Caller, MemberId};
use serde_json::{Value, json};

use crate::people::*;
use crate::world::{World, errno};

#[test]
fn who_is_in_a_group_is_a_member_of_his_own_from_first_sight() {
    let (world, people) = stage();
    assert!(!may_ask(&world, EVE) && !may_ask(&world, BOB));
    assert_eq!(people.asked(EVE), 0, "nobody is asked for while no group gives anything");
    assert_eq!(grant(&world, "studio", "editor")["known"], true);
    assert_eq!(member(&world, "eve"), None, "nobody is made before he comes");

    let eve = shared(&world, EVE);
    eve.write("library/acme/hers.png", b"by eve").unwrap();
    world.settle();
    assert_eq!(world.show("library/acme/hers.png")["owner"], "eve");
    assert_eq!(errno(shared(&world, BOB).find("library")), libc::EACCES, "and a stranger is nobody");
    assert_eq!(member(&world, "bob"), None);

    let row = member(&world, "eve").unwrap();
    assert_eq!((row["uid"].clone(), row["role"].clone(), row["active"].clone()), (json!(EVE), json!(""), json!(true)));
    assert_eq!(row["groups"][0]["group"], "studio");
    assert_eq!(list(&world)["groups"][0]["members"], json!(["eve"]));
    let joined = deeds(&world, "member.join");
    assert_eq!(
        (joined.len(), &joined[0]["detail"]["groups"], &joined[0]["who"]),
        (1, &json!(["studio"]), &json!("damfs"))
    );
    // Which group it came by is told.
    let why = world.serve(0, Command::Why { target: A.into(), as_member: Some("eve".into()) }).unwrap();
    assert_eq!(why["role"], "editor by @studio");
    let ask = Command::AuditAccess { target: None, member: Some("eve".into()), unused: None };
    assert_eq!(world.serve(0, ask).unwrap()["rows"][0]["role"], "editor by @studio");
    // By command as on mounts, and on one of her own.
    assert!(may_ask(&world, EVE));
    assert!(world.seat(EVE).has(SECRET));
    let told = world.serve(EVE, Command::MemberList).unwrap();
    assert_eq!((told["members"].as_array().unwrap().len(), told.get("groups")), (1, None), "others learn of no group");
}

#[test]
fn who_leaves_a_group_has_nothing_within_a_round_and_keeps_what_is_hers() {
    let (world, people) = stage();
    let gone: Arc<Mutex<Vec<MemberId>>> = Arc::default();
    let heard = Arc::clone(&gone);
    world.library.when_suspended(move |id| heard.lock().unwrap().push(id));
    grant(&world, "studio", "content-creator");
    let everybodys = shared(&world, EVE);
    everybodys.write("library/acme/hers.png", b"by eve").unwrap();
    world.settle();
    let own = world.seat(EVE);
    let handles = [&everybodys, &own].map(|seat| (seat, seat.open("library/acme/hers.png", true, true).unwrap()));
    round(&world);
    assert!(gone.lock().unwrap().is_empty());

    people.put(EVE, "eve", &[]);
    round(&world);
    for (seat, fh) in handles {
        assert_eq!(errno(seat.pread(fh)), libc::EACCES);
        assert_eq!(errno(seat.pwrite(fh, b"x")), libc::EACCES);
        assert_eq!(errno(seat.find("library")), libc::EACCES);
    }
    assert!(!may_ask(&world, EVE));
    let id = world.library.member_called("eve").unwrap();
    assert_eq!(*gone.lock().unwrap(), [id], "her mounts are taken down, once");
    round(&world);
    assert_eq!(gone.lock().unwrap().len(), 1);
    assert_eq!(world.show("library/acme/hers.png")["owner"], "eve");
    assert_eq!(deeds(&world, "member.groups")[0]["detail"]["left"], json!(["studio"]));

    // She is the same one when she comes back, at once for who asks for her.
    people.put(EVE, "eve", &["studio"]);
    world.clock.advance_ms(3_500);
    assert!(shared(&world, EVE).has("library/acme/hers.png"));
    assert_eq!(world.library.member_called("eve"), Some(id));
    // And leaves by being offboarded as anybody.
    let done = world.serve(0, Command::MemberOffboard { name: "eve".into(), to: "root".into() }).unwrap();
    assert_eq!(done["assets"], 1);
    round(&world);
    world.clock.advance_ms(100_000);
    assert!(!may_ask(&world, EVE), "no group lets in whom an admin shut out");
    assert_eq!(member(&world, "eve").unwrap()["active"], false);
    world.change_member("eve", None, Some(true));
    assert!(may_ask(&world, EVE), "until he says so");
}

#[test]
fn what_was_unlocked_is_locked_when_what_a_group_gave_ends() {
    let day = 24 * 3_600_000;
    type End = fn(&World, &People);
    let ways: [(&str, End); 3] = [
        ("she leaves", |_, people| people.put(EVE, "eve", &[])),
        ("it is taken away", |world, _| drop(world.serve(0, Command::GroupRemove { group: "studio".into() }).unwrap())),
        ("its last day passes", |world, _| world.clock.advance_ms(400 * 24 * 3_600_000)),
    ];
    for (how, end) in ways {
        let (world, people) = stage();
        let ends = Some("2026-12-31".to_owned());
        let new = GroupChange { role: Some("editor".into()), scope: None, ends };
        world.serve(0, Command::GroupAdd { group: "studio".into(), new }).unwrap();
        let member = world.library.member_for(EVE).unwrap();
        round(&world);
        let now = damfs::clock::Clock::now(&*world.clock);
        let factor = FactorRow {
            member,
            epoch: 1,
            secret: [1; 60],
            enrolled: now,
            last_step: 0,
            wrong: 0,
            blocked: None,
            unlocked: Some(now.plus_ms(500 * day)),
            recovery: Vec::new(),
        };
        world.library.catalog.write(|tx: &mut dyn WriteTx| tx.put_factor(&factor)).unwrap();
        round(&world);
        let unlocked = || world.library.catalog.read(|tx| tx.factor(member)).unwrap().unwrap().unlocked;
        assert!(unlocked().is_some());
        end(&world, &people);
        world.clock.advance_ms(2_500);
        world.library.sweep_groups();
        assert_eq!(unlocked(), None, "{how}");
    }
}

#[test]
fn what_a_group_gives_ends_with_its_last_day_and_when_it_is_taken_away() {
    let (world, people) = stage();
    people.put(BOB, "bob", &["press"]);
    let ends = Some("2026-12-31".to_owned());
    let new = GroupChange { role: Some("editor".into()), scope: Some("client=acme".into()), ends };
    world.serve(0, Command::GroupAdd { group: "press".into(), new }).unwrap();
    grant(&world, "studio", "editor");
    let (eve, bob) = (shared(&world, EVE), shared(&world, BOB));
    assert!(bob.has(A) && !bob.has(SECRET), "within the group's scope");
    assert!(eve.has(A) && eve.has(SECRET));
    let fh = bob.open(A, true, false).unwrap();

    let change = GroupChange { role: Some("backup".into()), ..GroupChange::default() };
    world.serve(0, Command::GroupSet { group: "studio".into(), change }).unwrap();
    assert_eq!(errno(eve.overwrite(SECRET, b"x")), libc::EACCES, "another role at once");
    world.library.tick_short();
    // Its last day passes.
    let day = 24 * 3_600_000;
    world.clock.advance_ms(400 * day);
    world.library.tick_short();
    assert_eq!(errno(bob.pread(fh)), libc::EACCES);
    assert!(!may_ask(&world, BOB) && may_ask(&world, EVE));
    let change = GroupChange { ends: Some(String::new()), ..GroupChange::default() };
    world.serve(0, Command::GroupSet { group: "press".into(), change }).unwrap();
    assert!(may_ask(&world, BOB));

    let fh = eve.open(A, true, false).unwrap();
    world.serve(0, Command::GroupRemove { group: "studio".into() }).unwrap();
    assert_eq!(errno(eve.pread(fh)), libc::EACCES);
    assert!(!may_ask(&world, EVE));
    assert_eq!(deeds(&world, "group.remove")[0]["detail"]["members"], json!(["eve"]));
    // What she was given herself is hers.
    let change = MemberChange { role: Some("backup".into()), ..MemberChange::default() };
    world.serve(0, Command::MemberSet { name: "eve".into(), change }).unwrap();
    assert!(may_ask(&world, EVE));
    grant(&world, "studio", "editor");
    round(&world);
    assert_eq!(member(&world, "eve").unwrap()["groups"][0]["role"], "editor", "and a group adds to it");
    people.put(EVE, "eve", &[]);
    round(&world);
    assert!(may_ask(&world, EVE));
    let change = MemberChange { role: Some(String::new()), ..MemberChange::default() };
    world.serve(0, Command::MemberSet { name: "eve".into(), change }).unwrap();
    assert!(!may_ask(&world, EVE));
}

#[test]
fn whom_an_admin_shut_out_or_whose_day_is_over_no_group_lets_in() {
    let (world, people) = stage();
    grant(&world, "studio", "editor");
    assert!(may_ask(&world, EVE));
    world.change_member("eve", None, Some(false));
    people.put(BOB, "bob", &["studio"]);
    let bob = world.member("bob", BOB, "backup", None);
    let change = MemberChange { ends: Some("2026-10-01".into()), ..MemberChange::default() };
    world.serve(0, Command::MemberSet { name: "bob".into(), change }).unwrap();
    for days in [0, 60] {
        world.clock.advance_ms(days * 24 * 3_600_000);
        round(&world);
        assert!(!may_ask(&world, EVE));
        assert_eq!(may_ask(&world, BOB), days == 0);
    }
    assert!(bob.find("library").is_err());
    assert_eq!(deeds(&world, "member.join").len(), 1, "nor is another made in his place");
    // To take back that somebody joined shuts him out as well.
    people.put(1_003, "cy", &["studio"]);
    assert!(may_ask(&world, 1_003));
    undo_last_of_damfs(&world);
    assert!(!may_ask(&world, 1_003));
    assert_eq!(member(&world, "cy").unwrap()["active"], false);
}

/// Takes back the newest turn that damfs itself has made.
fn undo_last_of_damfs(world: &World) {
    let turns = world.library.catalog.read(|tx| tx.turns(None, 1 << 40, 100)).unwrap();
    let last = turns.iter().filter(|turn| turn.member.is_none()).map(|turn| turn.no).max();
    world.serve(0, Command::Undo { turn: last, of: None, dry_run: false }).unwrap();
}

/// Regression: whoever joined within two seconds, or was suspended in them, was in one turn; taking back one joining shut out all, and let in
/// again whom an alert had shut out.
#[test]
fn each_joining_is_taken_back_alone() {
    let (world, people) = stage();
    let mira = world.member("mira", 1_500, "editor", None);
    people.put(BOB, "bob", &["studio"]);
    people.put(1_003, "cy", &["studio"]);
    grant(&world, "studio", "editor");
    let rule = "[alert.a]\non = \"downloads\"\nmore_than = 1\nwithin = \"10 minutes\"\naction = \"suspend\"\n";
    std::fs::write(world.library.root().join("alerts.toml"), rule).unwrap();
    world.watches();
    assert!(may_ask(&world, EVE));
    for path in [A, SECRET] {
        mira.read(path).unwrap();
    }
    world.watches();
    let active = |name: &str| member(&world, name).unwrap()["active"] == true;
    assert!(!active("mira"));
    assert!(may_ask(&world, BOB) && may_ask(&world, 1_003));
    let at_once = |no: u64| {
        let rows = world.library.catalog.read(|tx| tx.turn(no)).unwrap();
        rows.iter().flat_map(|row| &row.steps).filter(|step| matches!(step.thing, Thing::Member(_))).count()
    };
    let turns = world.library.catalog.read(|tx| tx.turns(None, 1 << 40, 100)).unwrap();
    let turns: Vec<usize> = turns.iter().filter(|turn| turn.member.is_none()).map(|turn| at_once(turn.no)).collect();
    assert!(turns.iter().all(|members| *members <= 1) && turns.iter().sum::<usize>() >= 4, "{turns:?}");
    undo_last_of_damfs(&world);
    assert!(!active("cy") && active("bob") && active("eve") && !active("mira"), "{}", list(&world));
}

/// Regression: the seats of whoever was shut out stayed, so that he was in again by what the system had said long ago, whatever it says now.
#[test]
fn who_is_let_in_again_is_asked_for_anew() {
    type Out = fn(&World);
    let ways: [(&str, Out); 4] = [
        ("by an admin", |world| world.change_member("eve", None, Some(false))),
        ("for good", |world| {
            drop(world.serve(0, Command::MemberOffboard { name: "eve".into(), to: "root".into() }).unwrap());
        }),
        ("by an alert", |world| {
            let rule = "[alert.a]\non = \"downloads\"\nmore_than = 1\nwithin = \"10 minutes\"\naction = \"suspend\"\n";
            std::fs::write(world.library.root().join("alerts.toml"), rule).unwrap();
            world.watches();
            [A, SECRET].iter().for_each(|path| drop(shared(world, EVE).read(path).unwrap()));
            world.watches();
        }),
        ("by an undo", undo_last_of_damfs),
    ];
    for (how, out) in ways {
        let (world, people) = stage();
        grant(&world, "studio", "editor");
        assert!(may_ask(&world, EVE));
        out(&world);
        let row = member(&world, "eve").unwrap();
        assert_eq!((&row["active"], row.get("groups")), (&json!(false), None), "{how}");
        people.silent(true);
        world.change_member("eve", None, Some(true));
        assert!(!may_ask(&world, EVE), "{how}: nobody can say that she is in it");
        people.silent(false);
        world.change_member("eve", Some("client=acme"), None);
        assert!(may_ask(&world, EVE), "{how}");
    }
    // What an undo lets in again is asked for at once, too.
    let (world, people) = stage();
    grant(&world, "studio", "editor");
    assert!(may_ask(&world, EVE));
    world.change_member("eve", None, Some(false));
    assert!(!may_ask(&world, EVE));
    world.serve(0, Command::Undo { turn: None, of: None, dry_run: false }).unwrap();
    assert!(may_ask(&world, EVE) && people.asked(EVE) > 1);
}

#[test]
fn a_name_that_another_has_is_refused_and_admins_are_told() {
    let (world, people) = stage();
    world.member("eve", 1_500, "backup", None);
    people.put(BOB, "ACME\\bob", &["studio"]);
    grant(&world, "studio", "editor");
    assert!(!may_ask(&world, EVE) && !may_ask(&world, BOB));
    let told = troubles(&world);
    assert!(told.contains("eve (user id 1001, of group studio) is not let in"), "{told}");
    assert!(told.contains("dam member set eve --uid 1001"), "{told}");
    assert!(told.contains("cannot be a member's name"), "{told}");
    assert_eq!(list(&world)["members"].as_array().unwrap().len(), 2, "nothing was merged");
    // An admin says that they are one.
    let change = MemberChange { uid: Some(EVE), ..MemberChange::default() };
    world.serve(0, Command::MemberSet { name: "eve".into(), change }).unwrap();
    assert!(shared(&world, EVE).has(A));
    // What the system said of one user id is none of another's, least of all of one that it is never asked for.
    let change = MemberChange { uid: Some(500), role: Some(String::new()), ..MemberChange::default() };
    world.serve(0, Command::MemberSet { name: "eve".into(), change }).unwrap();
    assert!(!may_ask(&world, 500));
    assert_eq!(member(&world, "eve").unwrap().get("groups"), None);
}

/// Regression by thought: a user id that the system gave to another person brought along what the one before had owned and locked.
#[test]
fn a_user_id_that_is_another_persons_now_is_not_the_member_it_was() {
    let (world, people) = stage();
    grant(&world, "studio", "content-creator");
    shared(&world, EVE).write("library/acme/hers.png", b"by eve").unwrap();
    world.settle();
    people.put(EVE, "zoe", &["studio"]);
    round(&world);
    assert_eq!(errno(shared(&world, EVE).find("library")), libc::EACCES);
    assert!(!may_ask(&world, EVE));
    world.clock.advance_ms(5_000);
    assert!(!may_ask(&world, EVE));
    assert!(troubles(&world).contains("user id 1001 is zoe's now and was eve's"), "{}", troubles(&world));
    // It is the same person under another login: an admin says so.
    assert!(troubles(&world).contains("dam member set eve --uid 1001"), "{}", troubles(&world));
    let change = MemberChange { uid: Some(EVE), ..MemberChange::default() };
    world.serve(0, Command::MemberSet { name: "eve".into(), change }).unwrap();
    assert!(shared(&world, EVE).has("library/acme/hers.png"));
    assert_eq!(member(&world, "eve").unwrap()["groups"][0]["group"], "studio");
    round(&world);
    assert!(may_ask(&world, EVE));
}

/// Regression: with a role of her own she was followed by her user id alone, and got nothing by groups when her name was not her login.
#[test]
fn what_a_group_gives_follows_the_login_and_not_the_name_or_the_user_id() {
    let (world, people) = stage();
    grant(&world, "studio", "content-creator");
    assert!(may_ask(&world, EVE));
    let change = MemberChange { role: Some("backup".into()), ..MemberChange::default() };
    world.serve(0, Command::MemberSet { name: "eve".into(), change }).unwrap();
    // That an admin names her user id once more does not let another have it later.
    let change = MemberChange { uid: Some(EVE), ..MemberChange::default() };
    world.serve(0, Command::MemberSet { name: "eve".into(), change }).unwrap();
    round(&world);
    assert_eq!(member(&world, "eve").unwrap()["groups"][0]["group"], "studio");
    people.put(EVE, "zoe", &["studio"]);
    round(&world);
    assert_eq!(member(&world, "eve").unwrap().get("groups"), None);
    round(&world);
    assert!(troubles(&world).contains("user id 1001 is zoe's now and was eve's"), "{}", troubles(&world));
    // Named by an admin otherwise than the login, and with no role of his own.
    world.member("Bob-the-painter", BOB, "backup", None);
    let change = MemberChange { role: Some(String::new()), ..MemberChange::default() };
    world.serve(0, Command::MemberSet { name: "Bob-the-painter".into(), change }).unwrap();
    assert!(!may_ask(&world, BOB));
    people.put(BOB, "bob", &["studio"]);
    round(&world);
    assert!(may_ask(&world, BOB));
}

/// Regression: whoever had the user id of one who was shut out was never let in, nobody was told, and what admins were told otherwise did not work.
#[test]
fn a_user_id_of_one_who_was_shut_out_is_freed_for_whoever_has_it_now() {
    let (world, people) = stage();
    grant(&world, "studio", "content-creator");
    shared(&world, EVE).write("library/acme/hers.png", b"by eve").unwrap();
    world.settle();
    world.serve(0, Command::MemberOffboard { name: "eve".into(), to: "root".into() }).unwrap();
    people.put(EVE, "zoe", &["studio"]);
    world.clock.advance_ms(3_500);
    assert!(!may_ask(&world, EVE));
    let told = troubles(&world);
    assert!(told.contains("no group lets zoe in by it") && told.contains("dam member set eve --uid none"), "{told}");
    let change = MemberChange { no_uid: true, ..MemberChange::default() };
    world.serve(0, Command::MemberSet { name: "eve".into(), change }).unwrap();
    assert!(shared(&world, EVE).has(A));
    let (eve, zoe) = (member(&world, "eve").unwrap(), member(&world, "zoe").unwrap());
    assert_eq!((&eve["uid"], &eve["active"], &zoe["uid"]), (&Value::Null, &json!(false), &json!(EVE)));
    let change = MemberChange { no_uid: true, ..MemberChange::default() };
    assert_eq!(world.kind(0, Command::MemberSet { name: "root".into(), change }), FailureKind::Usage);
}

/// Regression: an undo gave a freed user id back without as whom its member had been in a group, so the next one to have it became her.
#[test]
fn a_user_id_that_an_undo_gives_back_is_nobody_elses() {
    let (world, people) = stage();
    grant(&world, "studio", "content-creator");
    assert!(may_ask(&world, EVE));
    let change = MemberChange { no_uid: true, ..MemberChange::default() };
    world.serve(0, Command::MemberSet { name: "eve".into(), change }).unwrap();
    let told = deeds(&world, "member.set").remove(0)["detail"].clone();
    assert!(told["old"].to_string().contains("studio") && !told["new"].to_string().contains("studio"), "{told}");
    people.put(EVE, "zoe", &["studio"]);
    world.serve(0, Command::Undo { turn: None, of: None, dry_run: false }).unwrap();
    assert_eq!(member(&world, "eve").unwrap()["uid"], EVE);
    round(&world);
    assert!(!may_ask(&world, EVE), "zoe is not eve");
}

/// Regression: whenever any member was changed, each one who is in by a group waited for the directory at his next call.
#[test]
fn who_is_in_waits_for_nobody_when_another_is_changed() {
    let (world, people) = stage();
    grant(&world, "studio", "editor");
    world.member("bob", BOB, "backup", None);
    assert!(may_ask(&world, EVE));
    let asked = people.asked(EVE);
    world.change_member("bob", Some("client=acme"), None);
    world.clock.advance_ms(10_000);
    assert!(may_ask(&world, EVE));
    assert_eq!(people.asked(EVE), asked);
    people.put(EVE, "eve", &[]);
    round(&world);
    assert!(!may_ask(&world, EVE), "the round asks");
}

/// Regression: a round threw out whom a group that was granted while it went on had let in, with his mounts and what he had unlocked.
#[test]
fn what_is_granted_while_a_round_goes_on_is_no_leaving_and_waits_for_no_pause() {
    let (world, people) = stage();
    world.member("bob", BOB, "backup", None);
    grant(&world, "press", "editor");
    grant(&world, "studio", "editor");
    assert!(may_ask(&world, EVE));
    world.serve(0, Command::GroupRemove { group: "studio".into() }).unwrap();
    round(&world);
    assert!(!may_ask(&world, EVE));
    let left =
        || deeds(&world, "member.groups").iter().filter(|row| row["detail"]["left"] == json!(["studio"])).count();
    let before = left();
    world.clock.advance_ms(5_000);
    let (library, clock) = (world.library.clone(), world.clock.clone());
    people.while_asked(BOB, move || {
        let serve = |uid, command| serve(&library, &Caller { uid, gid: uid, process: 1 }, command, None);
        serve(0, granting("studio", "editor")).unwrap();
        serve(EVE, Command::SavedList).unwrap();
        clock.advance_ms(12_000);
    });
    world.library.sweep_groups();
    assert_eq!(left(), before);
    assert!(may_ask(&world, EVE));
    let asked = people.asked(BOB);
    world.clock.advance_ms(1_000);
    world.library.sweep_groups();
    assert_eq!(people.asked(BOB), asked + 1, "what the last one took puts it off no more");
}

#[test]
fn who_left_while_nothing_ran_is_nobody_at_the_next_start() {
    let (world, people) = stage();
    grant(&world, "studio", "editor");
    assert!(may_ask(&world, EVE));
    let world = world.reopen();
    people.put(EVE, "eve", &[]);
    world.library.use_directory(people.clone());
    assert!(!may_ask(&world, EVE));
    assert_eq!(errno(shared(&world, EVE).find("library")), libc::EACCES);
    assert!(world.library.member_for(EVE).is_none());
}

#[test]
fn what_a_group_may_give_is_an_admins_to_say_and_never_the_library_itself() {
    let (world, _) = stage();
    world.member("bob", BOB, "editor", None);
    let ask = |by: u32, group: &str, role: &str| {
        let new = GroupChange { role: Some(role.into()), ..GroupChange::default() };
        world.serve(by, Command::GroupAdd { group: group.into(), new })
    };
    assert_eq!(ask(BOB, "studio", "editor").unwrap_err().kind, FailureKind::Refused);
    for (group, role, said) in [
        ("studio", "admin", "no group gives that"),
        ("studio", "editor,admin", "no group gives that"),
        ("studio", "editr", "`editor`"),
        ("", "editor", "cannot be a group's name"),
        ("@studio", "editor", "cannot be a group's name"),
        ("a:b", "editor", "cannot be a group's name"),
    ] {
        let e = ask(0, group, role).unwrap_err();
        assert!(e.kind == FailureKind::Usage || e.kind == FailureKind::NotFound, "{e:?}");
        assert!(format!("{e:?}").contains(said), "{e:?}");
    }
    assert_eq!(ask(0, "ACME\\domain users", "editor").unwrap()["known"], false);
    assert!(ask(0, "studio", "custodian,editor").is_ok());
    assert!(ask(0, "studio", "editor").unwrap_err().message.contains("already"));
    let nobody = world.serve(0, Command::GroupRemove { group: "studoi".into() }).unwrap_err();
    assert!(format!("{nobody:?}").contains("`studio`"), "{nobody:?}");
    // A policy that comes to say that such a role administers gives it to nobody by a group; one without the role is refused.
    world.roles(&world.roles_text().replace("[role.custodian.allow]\n", "[role.custodian.allow]\nadmin = \"*\"\n"));
    assert!(may_ask(&world, EVE));
    assert_eq!(world.kind(EVE, Command::AuditSign), FailureKind::Refused);
    assert_eq!(world.kind(EVE, Command::GroupRemove { group: "studio".into() }), FailureKind::Refused);
    let text = world.roles_text().replace("[role.custodian", "[role.keeper");
    let e = world.serve(0, Command::PolicyApply { text: Some(text), base: None }).unwrap_err();
    assert!(e.message.contains("the role of the group studio"), "{e:?}");
}
