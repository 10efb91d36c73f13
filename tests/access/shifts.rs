//! Rights that begin and end by the clock, members whose last day is over, and members of several roles.

use damfs::catalog::ChangeKind;
use damfs::ops::members::MemberChange;
use damfs::ops::proto::{Command, FailureKind};
use serde_json::{Value, json};

use crate::world::{Seat, World, assign, errno};

const ACME: &str = "library/acme/a.png";
const GLOBEX: &str = "library/globex/secret.png";
const TINA: u32 = 1001;
const HOUR: i64 = 3_600_000;

/// It is Monday, 2026-09-21, 13:33:20 in UTC and 15:33:20 in Berlin; what ends with the day of Berlin ends at 22:00 in UTC.
const ROLES: &str = r#"
[role.temp.allow]
list = { of = "*", hours = "mon-fri 08:00-19:00", ends = 2026-09-22 }
download = "*"
edit = "*"
[role.watch.allow]
list = "*"
download = "*"
[role.watch.deny]
list = { of = "client=globex", hours = "19:00-08:00" }
"#;

fn stage(role: &str) -> (World, Seat) {
    let (world, _) = World::studio();
    let world = world.with_roles(ROLES);
    world.roles(&world.roles_text().replace("time_zone = \"UTC\"", "time_zone = \"Europe/Berlin\""));
    let tina = world.member("tina", TINA, role, None);
    (world, tina)
}

/// To a time of the clock in Berlin of that Monday; no beat comes.
fn to(world: &World, hour: i64, minute: i64) {
    let berlin = 1_790_000_000_000 + 2 * HOUR;
    let midnight = berlin - berlin % (24 * HOUR) - 2 * HOUR;
    let now = damfs::clock::Clock::now(&*world.clock).as_nanos() / 1_000_000;
    world.clock.advance_ms(midnight + hour * HOUR + minute * 60_000 - now);
}

fn beat(world: &World) {
    world.library.tick_short();
}

/// How often whoever holds on to earlier answers was told to ask again.
fn told(world: &World) -> usize {
    let rows = world.library.catalog.changes(0, u64::MAX, 10_000).unwrap();
    rows.iter().filter(|row| row.kind == ChangeKind::Access && row.id == "roles.toml").count()
}

fn sees(world: &World, tina: &Seat, path: &str) -> [bool; 5] {
    let (folder, name) = path.rsplit_once('/').unwrap();
    let find = Command::Find { expr: None, sort: None, limit: None, count: false };
    let found = world.serve(TINA, find).map(|found| found.to_string()).unwrap_or_default();
    [
        tina.has(path),
        tina.read(path).is_ok(),
        tina.find(folder).is_ok_and(|ino| tina.rows_in(ino).iter().any(|(listed, _)| listed == name)),
        found.contains(name),
        world.serve(TINA, Command::Show { target: path.into() }).is_ok(),
    ]
}

#[test]
fn what_hours_and_days_allow_ends_and_begins_with_them() {
    let (world, tina) = stage("temp");
    beat(&world);
    let open = tina.open(ACME, true, true).unwrap();
    let before = told(&world);
    to(&world, 18, 59);
    beat(&world);
    assert_eq!((sees(&world, &tina, ACME), told(&world)), ([true; 5], before));
    assert_eq!(tina.pread(open).unwrap(), b"acme");
    to(&world, 19, 0);
    assert_eq!(sees(&world, &tina, ACME), [false; 5], "before anybody has heard of it");
    beat(&world);
    assert_eq!(told(&world), before + 1);
    assert_eq!(errno(tina.pread(open)), libc::EACCES);
    assert_eq!(errno(tina.pwrite(open, b"x")), libc::EACCES);
    beat(&world);
    assert_eq!(told(&world), before + 1, "once");
    let why = Command::Why { target: ACME.into(), as_member: Some("tina".into()) };
    let why = world.serve(0, why).unwrap()["verbs"][0]["reason"].clone();
    assert!(why.as_str().unwrap().contains("mon-fri 08:00-19:00"), "{why}");

    to(&world, 24 + 8, 0);
    beat(&world);
    assert_eq!((sees(&world, &tina, ACME), told(&world)), ([true; 5], before + 2));
    assert_eq!(tina.pread(open).unwrap(), b"acme", "what he has open is his to read again");
    // Tuesday is the last day.
    to(&world, 3 * 24 - 12, 0);
    beat(&world);
    assert_eq!(sees(&world, &tina, ACME), [false; 5]);
    assert!(world.admin().has(ACME), "nobody else is kept from it");
}

#[test]
fn an_open_file_ends_with_the_hours_when_nobody_asks_meanwhile() {
    let (world, tina) = stage("temp");
    beat(&world);
    let open = tina.open(ACME, true, false).unwrap();
    to(&world, 19, 0);
    beat(&world);
    assert_eq!(errno(tina.pread(open)), libc::EACCES);
    // A clock that is set back is heard of as well.
    to(&world, 12, 0);
    beat(&world);
    assert_eq!(tina.pread(open).unwrap(), b"acme");
}

/// Regression: behind the last of all last days nobody remembered since when it was so, and a clock that was set back to before it was not noticed.
#[test]
fn a_clock_that_is_set_back_before_the_last_of_all_days_is_heard_of() {
    let (world, _) = World::studio();
    let world = world.with_roles("[role.past.allow]\nlist = { of = \"*\", ends = 2026-09-20 }\ndownload = \"*\"\n");
    let tina = world.member("tina", TINA, "past", None);
    world.member("rita", 1002, "editor", None);
    ends(&world, "rita", "2026-09-20").unwrap();
    beat(&world);
    assert_eq!(sees(&world, &tina, ACME), [false; 5]);
    let before = told(&world);
    world.clock.advance_ms(-48 * HOUR);
    assert_eq!(sees(&world, &tina, ACME), [true; 5], "before anybody has heard of it");
    assert!(world.library.member_for(1002).is_some());
    beat(&world);
    assert_eq!(told(&world), before + 1);
    beat(&world);
    assert_eq!(told(&world), before + 1, "once");
}

#[test]
fn what_hours_deny_is_gone_in_them() {
    let (world, tina) = stage("watch");
    assert_eq!(sees(&world, &tina, GLOBEX), [true; 5]);
    to(&world, 19, 0);
    assert_eq!((sees(&world, &tina, GLOBEX), sees(&world, &tina, ACME)), ([false; 5], [true; 5]));
    to(&world, 24 + 7, 59);
    assert_eq!(sees(&world, &tina, GLOBEX), [false; 5]);
    to(&world, 24 + 8, 0);
    assert_eq!(sees(&world, &tina, GLOBEX), [true; 5]);
}

fn ends(world: &World, name: &str, day: &str) -> Result<Value, FailureKind> {
    let set = Command::MemberSet {
        name: name.into(),
        change: MemberChange { ends: Some(day.into()), ..MemberChange::default() },
    };
    world.serve(0, set).map_err(|e| e.kind)
}

#[test]
fn a_member_is_one_until_the_end_of_his_last_day() {
    let (world, tina) = stage("watch");
    let set = ends(&world, "tina", "2026-09-21").unwrap();
    assert_eq!(set["ends"], "2026-09-21T22:00:00Z");
    beat(&world);
    let open = tina.open(ACME, true, false).unwrap();
    let before = told(&world);
    to(&world, 23, 59);
    beat(&world);
    assert_eq!(sees(&world, &tina, ACME), [true; 5]);
    to(&world, 24, 0);
    assert_eq!(sees(&world, &tina, ACME), [false; 5]);
    beat(&world);
    assert!(told(&world) > before);
    assert!(tina.pread(open).is_err());
    let refused = world.serve(TINA, Command::SavedList).unwrap_err();
    assert!(refused.kind == FailureKind::Refused && refused.message.contains("--ends"), "{}", refused.message);
    assert!(world.library.member_for(TINA).is_none() && world.library.member_named("tina").is_none());
    // An admin lets her in again.
    ends(&world, "tina", "").unwrap();
    assert_eq!(sees(&world, &tina, ACME), [true; 5]);
    assert_eq!(ends(&world, "tina", "May"), Err(FailureKind::Usage));
}

#[test]
fn the_last_admin_has_no_last_day() {
    let (world, _tina) = stage("watch");
    assert_eq!(ends(&world, "root", "2026-12-31"), Err(FailureKind::Failed));
    world.member("ann", 1002, "admin", None);
    ends(&world, "ann", "2026-12-31").unwrap();
    assert_eq!(ends(&world, "root", "2026-12-31"), Err(FailureKind::Failed), "ann's days are counted");
    ends(&world, "ann", "").unwrap();
    ends(&world, "root", "2026-12-31").unwrap();
}

/// Who is asleep could approve it tomorrow.
#[test]
fn a_colleague_out_of_hours_may_review_all_the_same() {
    let (world, _tina) = stage("watch");
    let night = "[role.rev.allow]\nlist = \"*\"\nreview = { of = \"*\", hours = \"08:00-19:00\" }\n";
    let world = world.with_roles(night);
    world.member("rita", 1002, "rev", None);
    to(&world, 22, 0);
    let approve = || Command::Set {
        what: vec![ACME.into()].into(),
        set: assign(&["status.x=approved"]),
        dry_run: false,
        why: None,
    };
    assert_eq!(world.kind(0, approve()), FailureKind::Refused);
    assert_eq!(world.kind(1002, approve()), FailureKind::Refused);
    ends(&world, "rita", "2026-09-20").unwrap();
    world.serve(0, approve()).unwrap();
}

/// Regression: rules counted as they are written, so that a denial of hours made nobody a colleague, and a right that was over for good made one.
#[test]
fn a_colleague_is_who_may_review_it_now_or_later() {
    let (world, _tina) = stage("watch");
    let world = world.with_roles(
        "[role.days.allow]\nlist = \"*\"\nreview = \"*\"\n[role.days.deny]\nreview = { of = \"*\", hours = \"19:00-08:00\" }\n\
         [role.past.allow]\nlist = \"*\"\nreview = { of = \"*\", ends = 2026-09-22 }\n",
    );
    let approve = || Command::Set {
        what: vec![ACME.into()].into(),
        set: assign(&["status.x=approved"]),
        dry_run: false,
        why: None,
    };
    world.member("dora", 1002, "days", None);
    for hour in [16, 22] {
        to(&world, hour, 0);
        assert_eq!(world.kind(0, approve()), FailureKind::Refused, "at {hour}");
    }
    world.change_member("dora", None, Some(false));
    world.member("petra", 1003, "past", None);
    to(&world, 2 * 24 - 1, 0);
    assert_eq!(world.kind(0, approve()), FailureKind::Refused, "it is the last hour of her last day");
    // No beat has come since.
    to(&world, 2 * 24, 0);
    world.serve(0, approve()).unwrap();
}

#[test]
fn a_member_of_several_roles_may_what_one_grants_and_none_denies() {
    let (world, _) = World::studio();
    let world = world.with_roles(
        "[role.looker.allow]\nlist = \"client=acme\"\n[role.tagger.allow]\nlist = \"persona=nova\"\ndownload = \"*\"\ntag = \"*\"\n\
         [role.tagger.deny]\nlist = \"rating=adult\"\n",
    );
    let tina = world.member("tina", TINA, "looker, tagger,looker", None);
    assert!(tina.has(ACME) && tina.has(GLOBEX));
    let listed = world.serve(TINA, Command::MemberList).unwrap();
    assert_eq!(listed["members"][0]["role"], "looker,tagger");
    let role = |role: &str| Command::MemberSet {
        name: "tina".into(),
        change: MemberChange { role: Some(role.into()), ..MemberChange::default() },
    };
    world.set(ACME, &["rating=adult"]);
    assert!(!tina.has(ACME), "the other role denies it");
    world.set(ACME, &["rating=safe"]);
    // What is kept for one of them is kept for her.
    let save = Command::Save {
        name: "mine".into(),
        query: Some("kind=other".into()),
        roles: Some(vec!["tagger".into()]),
        until: None,
    };
    world.serve(0, save).unwrap();
    assert!(tina.has("saved/mine"));
    world.serve(0, role("looker")).unwrap();
    assert!(tina.has(ACME) && !tina.has(GLOBEX) && !tina.has("saved/mine"));
    assert_eq!(world.kind(0, role("looker,taggr")), FailureKind::Usage);
    assert_eq!(world.kind(0, role("looker,")), FailureKind::Usage);
    // No policy leaves out one of them.
    world.serve(0, role("looker,tagger")).unwrap();
    let without = world.roles_text().replace("role.tagger", "role.other");
    assert_eq!(world.kind(0, Command::PolicyApply { text: Some(without), base: None }), FailureKind::Usage);
    assert_eq!(listed["members"][0]["ends"], json!(null));
}
