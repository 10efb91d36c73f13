//! The policy: who decides by which version of the roles, and what another one would change.

use std::sync::atomic::{AtomicBool, Ordering};

use damfs::catalog::{CatalogError, FactorRow, WriteTx};
use damfs::ops::OpenError;
use damfs::ops::log::Ask;
use damfs::ops::members::MemberChange;
use damfs::ops::proto::{Command, Failure, FailureKind};
use damfs::policy::RoleBook;
use damfs::types::Timestamp;
use serde_json::{Value, json};

use crate::world::{Seat, World, assign, errno};

const ACME: &str = "library/acme/a.png";
const GLOBEX: &str = "library/globex/secret.png";
const EDDY: u32 = 1001;

/// eddy is an editor.
fn stage() -> (World, Seat) {
    let (world, _) = World::studio();
    let eddy = world.member("eddy", EDDY, "editor", None);
    (world, eddy)
}

/// The shipped roles, where an editor may only look at what is acme's.
fn narrower() -> String {
    let (before, after) = RoleBook::TEMPLATE.split_once("[role.editor.allow]").unwrap();
    let (_, rest) = after.split_once("[role.marketing-manager]").unwrap();
    format!(
        "{before}[role.editor.allow]\nlist = \"client=acme\"\ndownload = \"not.tag=custodian\"\n[role.marketing-manager]{rest}"
    )
}

fn apply(world: &World, uid: u32, text: Option<&str>) -> Result<Value, Failure> {
    world.serve(uid, Command::PolicyApply { text: text.map(str::to_owned), base: None })
}

fn rows(world: &World, what: &str) -> Vec<Value> {
    world.library.write_denials().unwrap();
    let rows = world.serve(0, Command::Log(Ask { limit: 1_000, ..Ask::default() })).unwrap();
    rows["rows"].as_array().unwrap().iter().filter(|row| row["what"] == what).cloned().collect()
}

fn file(world: &World) -> std::path::PathBuf {
    world.library.root().join("roles.toml")
}

#[test]
fn another_policy_decides_at_once_for_what_is_open_too() {
    let (world, eddy) = stage();
    let (mine, secret) = (eddy.open(ACME, true, true).unwrap(), eddy.open(GLOBEX, true, false).unwrap());
    let done = apply(&world, 0, Some(&narrower())).unwrap();
    assert_eq!((&done["version"], &done["applied"]), (&json!(2), &json!(true)));
    assert_eq!(errno(eddy.pread(secret)), libc::EACCES);
    assert_eq!(errno(eddy.pwrite(mine, b"x")), libc::EACCES);
    assert_eq!(eddy.pread(mine).unwrap(), b"acme");
    assert!(!eddy.has(GLOBEX) && eddy.has(ACME));
    assert_eq!(std::fs::read_to_string(file(&world)).unwrap(), narrower(), "the file says what is in force");
    // It is in force after a restart, too.
    drop((eddy, world.library.clone()));
    let world = world.reopen();
    let eddy = world.seat(EDDY);
    assert!(!eddy.has(GLOBEX) && eddy.has(ACME));
    assert_eq!(world.serve(0, Command::PolicyShow { version: None }).unwrap()["version"], 2);
}

#[test]
fn a_policy_with_a_mistake_is_refused_whole_and_the_one_in_force_stays() {
    let (world, eddy) = stage();
    let fine = narrower();
    let without_admin = fine.replace("admin = \"*\"", "admin = \"none\"");
    let cases = [
        (fine.replace("download = \"*\"", "downlod = \"*\""), "did you mean `download`"),
        (fine.replace("client=acme", "clinet=acme"), "did you mean `client`"),
        (fine.replace("[role.editor", "[role.cutter"), "leaves out the role of eddy"),
        (without_admin, "no active member administers"),
        (String::new(), "no role"),
    ];
    for (text, said) in &cases {
        for command in [
            Command::PolicyApply { text: Some(text.clone()), base: None },
            Command::PolicyCheck { text: Some(text.clone()) },
            Command::PolicyDiff { text: Some(text.clone()) },
        ] {
            let refused = world.serve(0, command).unwrap_err();
            assert!(refused.kind == FailureKind::Usage && refused.message.contains(said), "{}", refused.message);
        }
        assert!(eddy.has(GLOBEX));
    }
    let line = world.serve(0, Command::PolicyCheck { text: Some(cases[0].0.clone()) }).unwrap_err().message;
    assert!(line.starts_with("roles.toml line "), "{line}");
    assert_eq!(std::fs::read_to_string(file(&world)).unwrap(), RoleBook::TEMPLATE);
    let listed = world.serve(0, Command::PolicyList).unwrap();
    assert_eq!((listed["versions"].as_array().unwrap().len(), &listed["in_force"]), (1, &json!(1)));
}

/// A text that somebody has half written decides nothing, also over a restart.
#[test]
fn the_file_is_a_draft_until_it_is_put_in_force() {
    let (world, eddy) = stage();
    assert!(world.library.roles_fault().is_none());
    std::fs::write(file(&world), narrower()).unwrap();
    world.beats();
    assert!(eddy.has(GLOBEX));
    let told = world.library.roles_fault().unwrap();
    assert!(told.contains("dam policy diff"), "{told}");
    std::fs::write(file(&world), "[role.x").unwrap();
    assert!(world.library.roles_fault().unwrap().contains("line 1"));
    drop(eddy);
    let world = world.reopen();
    let eddy = world.seat(EDDY);
    assert!(eddy.has(GLOBEX), "the one in force is kept, whatever became of the file");
    std::fs::write(file(&world), narrower()).unwrap();
    assert_eq!(apply(&world, 0, None).unwrap()["version"], 2);
    assert!(!eddy.has(GLOBEX) && world.library.roles_fault().is_none());
    let again = apply(&world, 0, None).unwrap();
    assert_eq!((&again["version"], &again["applied"]), (&json!(2), &json!(false)), "it is in force already");
    // An edit that began before that one is not put over it.
    let late = Command::PolicyApply { text: Some(narrower() + "\n"), base: Some(RoleBook::TEMPLATE.into()) };
    assert_eq!(world.kind(0, late), FailureKind::Failed);
}

/// Regression: a version that could not be read was silently replaced by whatever stood in the file.
#[test]
fn a_version_in_force_that_cannot_be_read_is_not_replaced_by_a_draft() {
    let (world, eddy) = stage();
    drop(eddy);
    apply(&world, 0, Some(&narrower())).unwrap();
    std::fs::write(file(&world), RoleBook::TEMPLATE).unwrap();
    // As a newer damfs may have written it.
    let newer = "UPDATE meta SET value = replace(value, 'download', 'teleport') WHERE key = 'policy.2'";
    let refused = world.try_tampered(newer).err().unwrap();
    let said = refused.to_string();
    assert!(matches!(refused, OpenError::RolesInForce { no: 2, .. }) && said.contains("`teleport`"), "{said}");
    assert!(refused.hint().contains("the damfs that put it in force"));

    for gone in ["DELETE FROM meta WHERE key = 'policy.1'", "UPDATE meta SET value = '{' WHERE key = 'policy.1'"] {
        let (world, eddy) = stage();
        drop(eddy);
        let refused = world.try_tampered(gone).err().unwrap();
        assert!(matches!(refused, OpenError::Catalog(CatalogError::Damaged(_))), "{refused}");
        assert!(refused.hint().contains("--rebuild"));
    }
}

/// Regression: the file had the text already, and what was decided meanwhile named the version that never was.
#[test]
fn a_policy_that_cannot_be_recorded_is_not_in_force() {
    let (world, eddy) = stage();
    drop(eddy);
    let world = world.tampered(
        "CREATE TRIGGER full BEFORE INSERT ON meta WHEN NEW.key = 'policy.2' BEGIN SELECT RAISE(ABORT, 'full'); END;",
    );
    let eddy = world.seat(EDDY);
    apply(&world, 0, Some(&narrower())).unwrap_err();
    assert!(eddy.has(GLOBEX) && world.library.roles_fault().is_none());
    assert_eq!(std::fs::read_to_string(file(&world)).unwrap(), RoleBook::TEMPLATE);
    assert_eq!(world.serve(0, Command::PolicyList).unwrap()["in_force"], 1);
    drop(eddy);
    let world = world.reopen();
    assert!(world.seat(EDDY).has(GLOBEX));
}

/// Regression: members were looked at before the text was written, synced and recorded, and could get a role meanwhile that it leaves out.
#[test]
fn no_policy_is_put_in_force_over_a_member_who_has_just_got_a_role() {
    let (world, _) = World::studio();
    let plain = world.roles_text();
    let with_x = format!("{plain}\n[role.x.allow]\nlist = \"*\"\n");
    world.roles(&with_x);
    world.member("tina", EDDY, "editor", None);
    let role = |role: &str| Command::MemberSet {
        name: "tina".into(),
        change: MemberChange { role: Some(role.into()), ..MemberChange::default() },
    };
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                for name in ["x", "editor"] {
                    let _ = world.serve(0, role(name));
                }
            }
        });
        let mut applied = 0;
        for n in 0..60 {
            let text = if n % 2 == 0 { format!("{plain}# {n}\n") } else { format!("{with_x}# {n}\n") };
            applied += u32::from(apply(&world, 0, Some(&text)).is_ok());
            let gone = world
                .library
                .catalog
                .read(|tx| {
                    let no: u64 = tx.meta("policy")?.unwrap().parse().unwrap();
                    let book = tx.meta(&format!("policy.{no}"))?.unwrap();
                    let has_x = book.contains("role.x");
                    Ok::<_, CatalogError>(!has_x && tx.member_by_name("tina")?.unwrap().role == "x")
                })
                .unwrap();
            if gone {
                over.store(true, Ordering::Relaxed);
            }
            assert!(!gone, "tina has a role that is not there, at {n}");
        }
        over.store(true, Ordering::Relaxed);
        assert!(applied > 1, "some of them came between");
    });
}

#[test]
fn what_is_decided_names_the_version_that_decided() {
    let (world, eddy) = stage();
    let denied = |uid| {
        world.kind(
            uid,
            Command::Set {
                what: vec![ACME.into()].into(),
                set: assign(&["status.x=approved"]),
                dry_run: false,
                why: None,
            },
        )
    };
    assert_eq!(denied(EDDY), FailureKind::Refused);
    apply(&world, 0, Some(&narrower())).unwrap();
    assert_eq!(errno(eddy.unlink(ACME)), libc::EACCES);
    assert_eq!(denied(EDDY), FailureKind::Refused);
    let versions =
        |what: &str| -> Vec<Value> { rows(&world, what).iter().map(|row| row["detail"]["policy"].clone()).collect() };
    assert_eq!(versions("deny.review"), [2, 1]);
    let unlinked = [versions("deny.edit"), versions("deny.delete")].concat();
    assert!(!unlinked.is_empty() && unlinked.iter().all(|version| *version == 2), "{unlinked:?}");
    world.set(ACME, &["status.x=approved"]);
    let approved = &rows(&world, "asset.set")[0];
    assert_eq!(approved["detail"]["policy"], 2, "{approved}");
    let applied = rows(&world, "policy.apply");
    assert_eq!(applied.iter().map(|row| &row["detail"]["version"]).collect::<Vec<_>>(), [2, 1]);
    assert_eq!((&applied[0]["who"], &applied[1]["who"]), (&json!("root"), &json!("damfs")));
    assert_eq!(applied[0]["detail"]["roles"][0]["role"], "editor");
    // The digest on record is that of the text that is kept.
    let kept = world.serve(0, Command::PolicyShow { version: Some(1) }).unwrap();
    assert_eq!((&kept["text"], &kept["digest"]), (&json!(RoleBook::TEMPLATE), &applied[1]["detail"]["digest"]));
    assert_eq!(kept["digest"], json!(blake3::hash(RoleBook::TEMPLATE.as_bytes()).to_hex().to_string()));
    let why = Command::Why { target: ACME.into(), as_member: Some("eddy".into()) };
    assert_eq!(world.serve(0, why).unwrap()["policy"], 2);
    assert_eq!(world.kind(0, Command::PolicyShow { version: Some(3) }), FailureKind::NotFound);
}

#[test]
fn a_comparison_counts_what_each_member_gains_and_loses() {
    let (world, _eddy) = stage();
    let told = world.serve(0, Command::PolicyDiff { text: Some(narrower()) }).unwrap();
    let role = &told["roles"][0];
    assert_eq!((&role["role"], told["roles"].as_array().unwrap().len()), (&json!("editor"), 1));
    let effects: Vec<(&str, &str)> = role["verbs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|verb| (verb["verb"].as_str().unwrap(), verb["effect"].as_str().unwrap()))
        .collect();
    assert_eq!(effects, [("list", "loses"), ("download", "loses"), ("edit", "loses"), ("tag", "loses")]);
    let member = |verb: &str| json!({ "member": "eddy", "verb": verb, "gains": 0, "loses": if verb == "list" || verb == "download" { 1 } else { 2 } });
    assert_eq!(told["members"], json!(["list", "download", "edit", "tag"].map(member)));
    apply(&world, 0, Some(&narrower())).unwrap();
    let back = world.serve(0, Command::PolicyDiff { text: Some(RoleBook::TEMPLATE.into()) }).unwrap();
    assert_eq!((&back["members"][0]["gains"], &back["members"][0]["loses"]), (&json!(1), &json!(0)));
    let same = world.serve(0, Command::PolicyDiff { text: Some(format!("# other words\n{}", narrower())) }).unwrap();
    assert_eq!((&same["roles"], &same["members"], &same["settings"]), (&json!([]), &json!([]), &json!([])));
}

#[test]
fn cases_are_tried_on_members_and_roles() {
    let (world, _eddy) = stage();
    let shipped = world.serve(0, Command::PolicyTest { cases: None, text: None }).unwrap();
    assert_eq!((&shipped["failed"], &shipped["version"]), (&json!([]), &json!(1)), "the library has the shipped cases");
    let cases = "[[case]]\nname = \"an editor sees all\"\nmember = \"eddy\"\nasset = { client = \"globex\" }\nallow = [\"list\"]\n\
        deny = [\"delete\"]\n[[case]]\nrole = \"editor\"\nscope = \"client=acme\"\nasset = { client = \"globex\" }\ndeny = [\"list\"]\n";
    let test = |text: Option<String>| world.serve(0, Command::PolicyTest { cases: Some(cases.into()), text });
    assert_eq!(test(None).unwrap()["failed"], json!([]));
    let failed = test(Some(narrower())).unwrap();
    assert_eq!((&failed["cases"], &failed["version"]), (&json!(2), &Value::Null));
    let failed = &failed["failed"][0];
    assert_eq!((&failed["line"], &failed["verb"], &failed["allowed"]), (&json!(1), &json!("list"), &json!(false)));
    assert!(failed["reason"].as_str().unwrap().contains("may list only `client=acme`"), "{failed}");
    let wrong =
        |cases: &str| world.serve(0, Command::PolicyTest { cases: Some(cases.into()), text: None }).unwrap_err();
    assert!(wrong("[[case]]\nmember=\"edy\"\nallow=[\"list\"]").message.contains("`eddy`"));
    assert!(wrong("[[case]]\nrole=\"editr\"\nallow=[\"list\"]").message.contains("did you mean `editor`"));
}

/// Regression: a case about a member knew nothing of his last day, nor of a gate that asks everybody for a second factor.
#[test]
fn a_case_decides_as_the_gate_would() {
    let (world, _eddy) = stage();
    world.member("tina", 1002, "editor", None);
    let ends = |day: &str| {
        let ends = Some(day.to_owned());
        let set = Command::MemberSet { name: "tina".into(), change: MemberChange { ends, ..MemberChange::default() } };
        world.serve(0, set).unwrap();
    };
    let failed = |cases: &str, text: Option<&str>| {
        let test = Command::PolicyTest { cases: Some(cases.into()), text: text.map(str::to_owned) };
        world.serve(0, test).unwrap()["failed"].clone()
    };
    let day = |at: &str, verbs: &str| format!("[[case]]\nmember = \"tina\"\n{at}{verbs}\n");
    ends("2026-09-30");
    let until = [
        day("at = 2026-09-30T23:59:00\n", "allow = [\"list\"]"),
        day("at = 2026-10-01T00:00:00\n", "deny = [\"list\"]"),
        day("", "allow = [\"list\"]"),
    ];
    assert_eq!(failed(&until.concat(), None), json!([]));
    let late = failed(&day("at = 2026-10-01T00:00:00\n", "allow = [\"list\"]"), None);
    assert!(late[0]["reason"].as_str().unwrap().contains("was one until 2026-10-01"), "{late}");
    ends("2026-09-20");
    assert_eq!(failed(&day("", "deny = [\"list\"]"), None), json!([]), "her last day is over by now");
    world.change_member("tina", None, Some(false));
    assert_eq!(failed(&day("", "deny = [\"list\"]"), None), json!([]));

    let adult =
        |who: &str, verbs: &str| format!("[[case]]\n{who}asset = {{ rating = \"adult\" }}\n{verbs} = [\"list\"]\n");
    let gated = RoleBook::TEMPLATE.replace("adult_gate = \"enrolled\"", "adult_gate = \"on\"");
    assert_ne!(gated, RoleBook::TEMPLATE);
    let nobody_has_one = adult("member = \"eddy\"\n", "deny");
    assert_eq!(failed(&nobody_has_one, Some(&gated)), json!([]));
    assert_eq!(failed(&nobody_has_one, None).as_array().unwrap().len(), 1);
    // Of a role by itself it is taken to be there, and unlocked.
    assert_eq!(failed(&adult("role = \"editor\"\n", "allow"), Some(&gated)), json!([]));
    enrol(&world, EDDY);
    assert_eq!(failed(&adult("member = \"eddy\"\n", "allow"), Some(&gated)), json!([]));
}

/// Gives a member a second factor, which is locked.
fn enrol(world: &World, uid: u32) {
    let factor = FactorRow {
        member: world.library.member_for(uid).unwrap(),
        epoch: 1,
        secret: [1; 60],
        enrolled: Timestamp::EPOCH,
        last_step: 0,
        wrong: 0,
        blocked: None,
        unlocked: None,
        recovery: Vec::new(),
    };
    world.library.catalog.write(|tx: &mut dyn WriteTx| tx.put_factor(&factor)).unwrap();
    world.library.gate.changed();
}

/// Regression: what somebody has locked at the moment was not counted among what another policy gives or takes him.
#[test]
fn a_comparison_counts_what_lies_behind_a_lock_too() {
    let (world, eddy) = stage();
    world.set(GLOBEX, &["rating=adult"]);
    enrol(&world, EDDY);
    assert!(!eddy.has(GLOBEX));
    let told = world.serve(0, Command::PolicyDiff { text: Some(narrower()) }).unwrap();
    assert_eq!(told["members"][0], json!({ "member": "eddy", "verb": "list", "gains": 0, "loses": 1 }));
}

#[test]
fn the_policy_is_an_admins_alone() {
    let (world, _eddy) = stage();
    let text = || Some(narrower());
    for command in [
        Command::PolicyList,
        Command::PolicyShow { version: None },
        Command::PolicyText,
        Command::PolicyCheck { text: text() },
        Command::PolicyDiff { text: text() },
        Command::PolicyApply { text: text(), base: None },
        Command::PolicyTest { cases: None, text: text() },
    ] {
        let said = format!("{command:?}");
        assert_eq!(world.kind(EDDY, command), FailureKind::Refused, "{said}");
    }
}

/// Rules like those that `policy/README.md` gives for it.
#[test]
fn records_of_consent_may_be_hidden_from_all_but_a_custodian() {
    let roles = "[role.keeper.allow]\nlist = \"tag=consent\"\ndownload = \"*\"\nedit = \"*\"\ntag = \"*\"\n\
        [role.creator.allow]\nlist = \"*\"\ndownload = \"*\"\nedit = \"*\"\ntag = \"*\"\n\
        [role.creator.deny]\nlist = \"tag=consent\"\n";
    let (world, _admin) = World::studio();
    let world = world.with_roles(roles);
    let cora = world.member("cora", 1004, "keeper", None);
    let mia = world.member("mia", 1005, "creator", None);
    // Her first one makes the word, for an admin alone makes one that has no file yet.
    world.set(ACME, &["tag=consent.ann"]);
    cora.write("find/tag=consent.ann/ann.pdf", b"signed by ann").unwrap();
    world.settle();
    assert_eq!(cora.names("find/tag=consent"), ["a.png", "ann.pdf"]);
    let place = world.show("library/Unsorted/2026/09/ann.pdf")["path"].as_str().unwrap().to_owned();
    assert!(!cora.has("library/globex") && !mia.has(&place) && !mia.has("library/Unsorted"));
    assert!(!mia.has("by/tag/consent") && !mia.has(&format!("records/{}.json", place.trim_start_matches("library/"))));
    mia.write("library/globex/hers.png", b"hers").unwrap();
    world.settle();
    let what = || vec!["library/globex/hers.png".to_owned()].into();
    let set = Command::Set { what: what(), set: assign(&["tag=+consent"]), dry_run: false, why: None };
    assert_eq!(world.kind(1005, set), FailureKind::Refused, "nobody puts a file where he would not see it");
}

/// By the shipped roles.
#[test]
fn records_of_consent_are_read_by_the_custodian_alone() {
    let (world, admin) = World::studio();
    let (cora, mia) =
        (world.member("cora", 1004, "custodian", None), world.member("mia", 1005, "content-creator", None));
    let bob = world.member("bob", 1006, "backup", None);
    admin.mkdir("library/kept").unwrap();
    mia.write("library/kept/ann.pdf", b"signed by ann").unwrap();
    world.settle();
    let record = "library/kept/ann.pdf";
    let what = || vec![record.to_owned()].into();
    let set = || Command::Set { what: what(), set: assign(&["tag=+custodian.consent.ann"]), dry_run: false, why: None };
    assert_eq!(world.kind(1005, set()), FailureKind::Refused, "who would not have it then puts nothing there");
    let open = mia.open(record, true, true).unwrap();
    world.serve(0, set()).unwrap();
    for seat in [&mia, &admin] {
        assert_eq!(
            (errno(seat.read(record)), seat.attr(record).is_ok()),
            (libc::EACCES, true),
            "he knows that it is there"
        );
        assert_eq!(errno(seat.read("versions/kept/ann.pdf/1.pdf")), libc::EACCES);
        assert_eq!(seat.attr("versions/kept/ann.pdf/1.pdf").unwrap().size, 0);
        assert!(!String::from_utf8(seat.read("records/kept/ann.pdf.json").unwrap()).unwrap().contains("\"size\": 13"));
    }
    assert_eq!(
        (errno(mia.pread(open)), errno(mia.overwrite(record, b"x")), mia.attr(record).unwrap().size),
        (libc::EACCES, libc::EACCES, 0)
    );
    // One among others, in a listing as in a lookup.
    mia.write("library/kept/free.pdf", b"a photograph").unwrap();
    world.settle();
    let numbers = |seat: &Seat| seat.rows("library/kept").into_iter().collect::<std::collections::BTreeMap<_, _>>();
    let (hers, all) = (numbers(&mia), numbers(&bob));
    assert_ne!(hers["ann.pdf"], all["ann.pdf"], "not the file itself");
    assert_eq!((hers["free.pdf"], hers["ann.pdf"]), (all["free.pdf"], mia.attr(record).unwrap().ino));
    admin.unlink("library/kept/free.pdf").unwrap();
    assert_eq!(mia.names("library/kept"), ["ann.pdf"]);
    assert_eq!(mia.read("library/acme/a.png").unwrap(), b"acme", "all else is as it was");
    assert_eq!(errno(mia.unlink(record)), libc::EACCES, "who brought it does not take it away");
    assert_eq!(cora.names("find/tag=custodian"), ["ann.pdf"]);
    assert_eq!((cora.read(record).unwrap(), cora.has("library/acme")), (b"signed by ann".to_vec(), false));
    cora.overwrite(record, b"signed by Ann").unwrap();
    world.settle();
    assert_eq!(bob.read(record).unwrap(), b"signed by Ann", "a backup has everything");
    // In a studio of one the admin is the custodian, too.
    let command = Command::MemberSet {
        name: "root".into(),
        change: MemberChange { role: Some("admin,custodian".into()), ..MemberChange::default() },
    };
    world.serve(0, command).unwrap();
    assert_eq!(world.admin().read(record).unwrap(), b"signed by Ann");
    let changed =
        world.serve(0, Command::Log(damfs::ops::log::Ask { limit: 20, ..damfs::ops::log::Ask::default() })).unwrap();
    assert!(changed.to_string().contains("admin,custodian"), "{changed}");
}

/// What a freelancer is to review is assigned to him.
#[test]
fn a_freelancer_works_on_what_is_assigned_to_him() {
    let (world, _admin) = World::studio();
    let fay = world.member("fay", 1004, "freelance-editor", None);
    assert!(!fay.has(ACME));
    world.set(ACME, &["stage=internal-review", "reviewer=fay"]);
    fay.overwrite(ACME, b"acme by fay").unwrap();
    world.settle();
    let open = fay.open(ACME, true, false).unwrap();
    assert_eq!(fay.pread(open).unwrap(), b"acme by fay");
    assert!(!fay.has("library/globex"));
    world.set(ACME, &["reviewer="]);
    assert_eq!((fay.has(ACME), errno(fay.pread(open))), (false, libc::EACCES));
}
