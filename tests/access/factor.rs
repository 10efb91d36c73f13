//! The second factor: what it hides until it is given, and how it is given.

use damfs::ops::log::Ask;
use damfs::ops::proto::{Command, Failure, FailureKind};
use damfs::types::Timestamp;
use serde_json::Value;
use totp_rs::{Algorithm, Secret, TOTP};

use crate::world::*;

const SAFE: &str = "library/acme/a.png";
const ADULT: &str = "library/globex/secret.png";
const ANN: u32 = 1001;

/// An authenticator app.
struct Phone(TOTP);

impl Phone {
    fn new(secret: &str) -> Self {
        let secret = Secret::Encoded(secret.to_owned()).to_bytes().unwrap();
        Self(TOTP::new(Algorithm::SHA1, 6, 1, 30, secret, None, String::new()).unwrap())
    }

    fn code(&self, world: &World) -> String {
        self.0.generate(u64::try_from(now(world).as_nanos() / 1_000_000_000).unwrap())
    }
}

fn now(world: &World) -> Timestamp {
    damfs::clock::Clock::now(&*world.clock)
}

/// `a.png` is safe, `secret.png` adult; ann may do everything with both.
fn stage() -> (World, Seat) {
    let (world, _) = World::studio();
    world.set(SAFE, &["rating=safe"]);
    world.set(ADULT, &["rating=adult", "tag=velvet"]);
    let ann = world.member("ann", ANN, "admin", None);
    (world, ann)
}

/// Enrols; answers with the phone and the recovery codes. The code that proved it is used up.
fn enrol(world: &World, uid: u32) -> (Phone, Vec<String>) {
    let begun = world.serve(uid, Command::TotpBegin).unwrap();
    let secret = begun["secret"].as_str().unwrap().to_owned();
    assert!(begun["uri"].as_str().unwrap().contains(&secret));
    let phone = Phone::new(&secret);
    let code = phone.code(world);
    let done = world.serve(uid, Command::TotpEnrol { secret, code }).unwrap();
    let recovery = done["recovery"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    world.clock.advance_ms(30_000);
    (phone, recovery)
}

fn unlock(world: &World, uid: u32, seconds: u64, code: &str) -> Result<Value, Failure> {
    world.serve(uid, Command::Unlock { seconds, code: code.to_owned() })
}

fn log(world: &World, uid: u32) -> Vec<String> {
    let rows = world.serve(uid, Command::Log(Ask { limit: 1_000, ..Ask::default() })).unwrap();
    assert!(!rows.to_string().contains("secret\":"));
    let text = |row: &Value| row["what"].as_str().unwrap().to_owned();
    rows["rows"].as_array().unwrap().iter().map(text).collect()
}

/// Everything in which the adult file could show.
fn sees(world: &World, ann: &Seat, uid: u32) -> Vec<bool> {
    let found = |query: &str| {
        world.serve(uid, Command::Find { expr: Some(query.into()), sort: None, limit: None, count: true })
    };
    vec![
        ann.has(ADULT),
        ann.has("library/globex") && ann.names("library/globex").contains(&"secret.png".into()),
        ann.names("library").contains(&"globex".into()),
        ann.names("by/rating").contains(&"adult".into()),
        ann.has("by/tag/velvet/secret.png"),
        ann.names("by/tag").contains(&"velvet".into()),
        ann.has("records/globex/secret.png.json"),
        ann.has("find/rating=adult/secret.png"),
        found("rating=adult").unwrap()["count"] == 1,
        world.serve(uid, Command::Show { target: ADULT.into() }).is_ok(),
    ]
}

#[test]
fn what_is_adult_does_not_exist_until_it_is_unlocked() {
    let (world, ann) = stage();
    assert!(sees(&world, &ann, ANN).iter().all(|seen| *seen), "without a factor nothing is behind it");
    let (phone, _) = enrol(&world, ANN);
    assert_eq!(sees(&world, &ann, ANN), [false; 10]);
    assert_eq!(ann.read(SAFE).unwrap(), b"acme");
    assert_eq!(errno(ann.read(ADULT)), libc::ENOENT);

    let until = unlock(&world, ANN, 900, &phone.code(&world)).unwrap()["until"].clone();
    assert_eq!(until, now(&world).plus_ms(900_000).to_string());
    assert!(sees(&world, &ann, ANN).iter().all(|seen| *seen));
    let open = ann.open(ADULT, true, true).unwrap();
    assert_eq!(ann.pread(open).unwrap(), b"globex");

    world.clock.advance_ms(899_999);
    world.library.tick();
    world.library.tick_short();
    assert_eq!(ann.pread(open).unwrap(), b"globex");
    world.clock.advance_ms(1);
    assert_eq!(sees(&world, &ann, ANN), [false; 10], "before anybody has heard of it");
    world.library.tick();
    world.library.tick_short();
    assert_eq!(errno(ann.pread(open)), libc::EACCES, "an open file ends with it");
    assert_eq!(errno(ann.pwrite(open, b"x")), libc::EACCES);
    assert!(world.admin().has(ADULT), "who has no factor goes on");
}

/// Regression: the inbox's report named what had become adult, and where it lies, to whoever had dropped it.
#[test]
fn the_report_of_the_inbox_names_nothing_that_is_hidden() {
    let (world, ann) = stage();
    let mut png = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(8, 8).write_to(&mut png, image::ImageFormat::Png).unwrap();
    ann.write("inbox/dropped.png", &png.into_inner()).unwrap();
    world.pass(3_000);
    world.pass(60_000);
    world.settle();
    let report = || String::from_utf8(ann.read("inbox/.report").unwrap()).unwrap();
    assert!(report().contains("dropped.png"), "{}", report());
    let found =
        world.serve(0, Command::Find { expr: Some("text=dropped".into()), sort: None, limit: None, count: false });
    let id = found.unwrap()["assets"][0]["id"].as_str().unwrap().to_owned();
    world.set(&id, &["rating=adult"]);
    enrol(&world, ANN);
    assert!(!report().contains("dropped"), "{}", report());
}

#[test]
fn it_is_locked_again_at_once_when_asked() {
    let (world, ann) = stage();
    let (phone, _) = enrol(&world, ANN);
    unlock(&world, ANN, 900, &phone.code(&world)).unwrap();
    let open = ann.open(ADULT, true, false).unwrap();
    world.serve(ANN, Command::Lock).unwrap();
    assert_eq!(errno(ann.pread(open)), libc::EACCES);
    assert!(!ann.has(ADULT));
    world.serve(ANN, Command::Lock).unwrap();
    assert_eq!(log(&world, 0).iter().filter(|what| *what == "lock").count(), 1, "what is locked is not locked again");
}

#[test]
fn a_code_is_taken_once() {
    let (world, _) = stage();
    let (phone, recovery) = enrol(&world, ANN);
    let code = phone.code(&world);
    unlock(&world, ANN, 60, &format!(" {} {} ", &code[..3], &code[3..])).unwrap();
    assert_eq!(unlock(&world, ANN, 60, &code).unwrap_err().kind, FailureKind::Refused, "replayed");
    world.clock.advance_ms(30_000);
    unlock(&world, ANN, 60, &phone.code(&world)).unwrap();
    let left = |answer: Value| answer["recovery_left"].as_u64().unwrap();
    assert_eq!(left(unlock(&world, ANN, 60, &recovery[3].to_lowercase()).unwrap()), 9);
    assert_eq!(unlock(&world, ANN, 60, &recovery[3]).unwrap_err().kind, FailureKind::Refused);
    assert_eq!(left(unlock(&world, ANN, 60, &recovery[4]).unwrap()), 8);
}

#[test]
fn five_wrong_codes_block_for_a_while() {
    let (world, _) = stage();
    let (phone, recovery) = enrol(&world, ANN);
    let wrong = |n| {
        for _ in 0..n {
            assert_eq!(unlock(&world, ANN, 60, "000000").unwrap_err().kind, FailureKind::Refused);
        }
    };
    wrong(4);
    unlock(&world, ANN, 60, &phone.code(&world)).unwrap();
    world.serve(ANN, Command::Lock).unwrap();
    world.clock.advance_ms(30_000);
    wrong(5);
    for code in [&phone.code(&world), &recovery[0]] {
        let refused = unlock(&world, ANN, 60, code).unwrap_err();
        assert!(refused.kind == FailureKind::Refused && refused.message.contains("too many"), "{}", refused.message);
    }
    world.clock.advance_ms(15 * 60 * 1000);
    unlock(&world, ANN, 60, &phone.code(&world)).unwrap();
    let denied = Ask { limit: 1_000, denied: true, member: Some("ann".into()), ..Ask::default() };
    let rows = world.serve(0, Command::Log(denied)).unwrap();
    let refused = rows["rows"].as_array().unwrap().iter().filter(|row| row["what"] == "unlock.refused").count();
    assert_eq!(refused, 4 + 5 + 2, "each is on record");
    let turns = world.serve(ANN, Command::Turns { of: None, limit: 10 }).unwrap();
    assert_eq!(turns["turns"], serde_json::json!([]), "there is nothing in it to take back");
}

#[test]
fn an_admin_gives_it_before_he_administers() {
    let (world, _) = stage();
    let add = || Command::MemberAdd { name: "ben".into(), uid: None, role: "editor".into(), scope: None, ends: None };
    let (phone, _) = enrol(&world, ANN);
    let refused = world.serve(ANN, add()).unwrap_err();
    assert!(refused.kind == FailureKind::Refused && refused.message.contains("dam unlock"), "{}", refused.message);
    assert_eq!(world.kind(ANN, Command::Fsck { deep: false }), FailureKind::Refused);
    unlock(&world, ANN, 60, &phone.code(&world)).unwrap();
    world.serve(ANN, add()).unwrap();
}

#[test]
fn a_factor_is_changed_and_taken_away_by_who_gives_it_or_by_an_admin() {
    let (world, ann) = stage();
    let (phone, _) = enrol(&world, ANN);
    for command in
        [Command::TotpBegin, Command::TotpRemove { member: None }, Command::TotpRemove { member: Some("ann".into()) }]
    {
        assert_eq!(world.kind(ANN, command), FailureKind::Refused);
    }
    let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let code = Phone::new(secret).code(&world);
    assert_eq!(world.kind(ANN, Command::TotpEnrol { secret: secret.into(), code }), FailureKind::Refused);

    unlock(&world, ANN, 60, &phone.code(&world)).unwrap();
    let wrong = Command::TotpEnrol { secret: secret.into(), code: "000000".into() };
    assert_eq!(world.kind(ANN, wrong), FailureKind::Usage);
    assert_eq!(world.kind(ANN, Command::TotpEnrol { secret: "x".into(), code: "0".into() }), FailureKind::Usage);
    assert!(ann.has(ADULT), "what did not come about changes nothing");
    let (second, _) = enrol(&world, ANN);
    assert_eq!(unlock(&world, ANN, 60, &phone.code(&world)).unwrap_err().kind, FailureKind::Refused);
    unlock(&world, ANN, 60, &second.code(&world)).unwrap();
    world.serve(ANN, Command::Lock).unwrap();

    let eddy = world.member("eddy", 1002, "editor", None);
    assert_eq!(world.kind(1002, Command::TotpRemove { member: Some("ann".into()) }), FailureKind::Refused);
    assert_eq!(world.serve(0, Command::TotpRemove { member: Some("ann".into()) }).unwrap()["removed"], true);
    assert!(ann.has(ADULT) && eddy.has(ADULT));
    assert_eq!(unlock(&world, ANN, 60, "000000").unwrap_err().kind, FailureKind::Failed);
    assert_eq!(world.kind(0, Command::TotpRemove { member: Some("an".into()) }), FailureKind::NotFound);
}

#[test]
fn the_gate_may_ask_it_of_everybody() {
    let (world, ann) = stage();
    drop(ann);
    world.roles(&world.roles_text().replace("adult_gate = \"enrolled\"", "adult_gate = \"on\""));
    let ann = world.seat(ANN);
    assert!(!sees(&world, &ann, ANN).iter().any(|seen| *seen));
    assert!(!world.admin().has(ADULT));
    let (phone, _) = enrol(&world, ANN);
    unlock(&world, ANN, 60, &phone.code(&world)).unwrap();
    assert!(sees(&world, &ann, ANN).iter().all(|seen| *seen));
    // Whoever has none administers on: somebody has to be able to help.
    world
        .serve(0, Command::MemberAdd { name: "ben".into(), uid: None, role: "editor".into(), scope: None, ends: None })
        .unwrap();
}

#[test]
fn the_secret_is_shown_to_nobody_again() {
    let (world, _) = stage();
    let begun = world.serve(ANN, Command::TotpBegin).unwrap();
    let secret = begun["secret"].as_str().unwrap().to_owned();
    let code = Phone::new(&secret).code(&world);
    world.serve(ANN, Command::TotpEnrol { secret: secret.clone(), code }).unwrap();
    let listed = world.serve(0, Command::MemberList).unwrap().to_string();
    assert!(listed.contains("second_factor") && !listed.contains(&secret));
    let row = world.library.catalog.read(|tx| tx.factors()).unwrap().remove(0);
    assert!(row.unlocked.is_none() && row.recovery.len() == 10);
    for rows in [log(&world, 0), log(&world, ANN)] {
        assert!(rows.contains(&"totp.enrol".to_owned()) && !rows.concat().contains(&secret), "{rows:?}");
    }
    assert_eq!(world.kind(ANN, Command::Unlock { seconds: 0, code: "1".into() }), FailureKind::Usage);
    assert_eq!(world.kind(ANN, Command::Unlock { seconds: 43_201, code: "1".into() }), FailureKind::Usage);
}

const RULES: &str = r#"
[role.keeper.allow]
list = "*"
tag = "*"
download = { of = "tag=velvet", unlocked = true }
[role.keeper.deny]
list = { of = "tag=sealed", unlocked = false }
"#;

/// What a rule asks for the second factor is there while it is unlocked, whatever it is rated; without one it never is.
#[test]
fn a_rule_that_asks_for_the_second_factor_holds_while_it_is_unlocked() {
    let (world, _) = stage();
    let world = world.with_roles(RULES);
    world.set(ADULT, &["rating=safe"]);
    world.set(SAFE, &["tag=sealed"]);
    let ken = world.member("ken", 1_005, "keeper", None);
    let why = |world: &World| {
        let command = Command::Why { target: ADULT.into(), as_member: None };
        let told = world.serve(1_005, command).unwrap().to_string();
        told.replace('\\', "")
    };
    assert!(why(&world).contains("enrol one first: dam member totp"), "{}", why(&world));
    assert_eq!((errno(ken.read(ADULT)), errno(ken.read(SAFE))), (libc::EACCES, libc::ENOENT));
    let (phone, _) = enrol(&world, 1_005);
    assert!(
        why(&world)
            .contains("role keeper may download `tag=velvet` behind the second factor; give it first: dam unlock")
    );
    assert_eq!((errno(ken.read(ADULT)), errno(ken.read(SAFE))), (libc::EACCES, libc::ENOENT));
    assert!(!ken.names("by/tag").contains(&"sealed".into()));

    unlock(&world, 1_005, 900, &phone.code(&world)).unwrap();
    assert!(why(&world).contains("tag=velvet, while unlocked"), "{}", why(&world));
    let open = ken.open(ADULT, true, false).unwrap();
    assert_eq!(ken.pread(open).unwrap(), b"globex");
    assert!(ken.has(SAFE) && ken.names("by/tag").contains(&"sealed".into()));
    let thumbs = world
        .serve(1_005, Command::ThumbsList { assets: vec![world.show(ADULT)["id"].as_str().unwrap().parse().unwrap()] });
    assert!(thumbs.unwrap().to_string().contains("ends with your second factor"), "no cache keeps it longer");
    world.pass(900_000);
    assert_eq!(errno(ken.pread(open)), libc::EACCES, "an open file ends with it");
    assert_eq!((errno(ken.read(ADULT)), errno(ken.read(SAFE))), (libc::EACCES, libc::ENOENT));
    // How far he reaches is told of who has unlocked all that he may; who has no second factor has none of it.
    world.member("kim", 1_006, "keeper", None);
    let reach = world.serve(0, Command::AuditAccess { target: None, member: None, unused: None }).unwrap();
    let rows = reach["rows"].as_array().unwrap();
    let assets = |member: &str, verb: &str| {
        rows.iter().find(|row| row["member"] == member && row["verb"] == verb).unwrap()["assets"].as_u64().unwrap()
    };
    assert_eq!([assets("ken", "list"), assets("ken", "download")], [2, 1]);
    assert_eq!([assets("kim", "list"), assets("kim", "download")], [1, 0]);
    let cases = "[[case]]\nname = \"a\"\nrole = \"keeper\"\nasset = { tag = \"velvet\" }\nallow = [\"download\"]\n\
                 [[case]]\nname = \"b\"\nrole = \"keeper\"\nlocked = true\nasset = { tag = \"velvet\" }\nallow = [\"list\"]\ndeny = [\"download\"]\n\
                 [[case]]\nname = \"c\"\nmember = \"ken\"\nasset = { tag = \"velvet\" }\nallow = [\"download\"]\n\
                 [[case]]\nname = \"d\"\nmember = \"kim\"\nasset = { tag = \"sealed\" }\ndeny = [\"list\"]\n";
    let tried = world.serve(0, Command::PolicyTest { cases: Some(cases.to_owned()), text: None }).unwrap();
    assert_eq!(tried["failed"].as_array().map_or(0, Vec::len), 0, "{tried}");
    assert_eq!(tried["cases"], 4, "{tried}");
}
