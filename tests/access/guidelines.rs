//! What platforms ask: no approval against it, nothing in circulation against it, and each verdict names the text that it was given under.

use damfs::ops::proto::{Command, Failure, FailureKind};
use damfs::ops::serve;
use damfs::types::Caller;
use serde_json::{Value, json};

use crate::world::*;

const A: &str = "library/a.png";
const EXPORT: &str = "platforms/facebook/feed_image/a.jpg";
const RULES: &str =
    "# Facebook\n\n- refuse: `likeness=synthetic` people must be real\n- flag: `rating=suggestive` say why\n";

fn studio() -> (World, Seat) {
    let world = World::new();
    let admin = world.admin();
    let mut png = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_pixel(64, 64, image::Rgb([9, 9, 9])).write_to(&mut png, image::ImageFormat::Png).unwrap();
    admin.write(A, &png.into_inner()).unwrap();
    world.settle();
    (world, admin)
}

fn put(world: &World, uid: u32, platform: &str, text: &str, base: Option<&str>) -> Result<Value, FailureKind> {
    let (platform, text, base) = (platform.into(), text.into(), base.map(str::to_owned));
    world.serve(uid, Command::GuidelinePut { platform, text, base }).map_err(|e| e.kind)
}

fn approve(world: &World, platform: &str, why: Option<&str>) -> Result<Value, Failure> {
    let set = assign(&[&format!("status.{platform}=approved")]);
    world.serve(0, Command::Set { what: vec![A.into()].into(), set, dry_run: false, why: why.map(str::to_owned) })
}

fn why(world: &World) -> String {
    world.serve(0, Command::Why { target: A.into(), as_member: None }).unwrap()["unrendered"].to_string()
}

#[test]
fn what_a_guideline_refuses_is_approved_by_nobody() {
    let (world, _admin) = studio();
    put(&world, 0, "facebook", RULES, None).unwrap();
    world.set(A, &["likeness=synthetic"]);
    let refused = approve(&world, "facebook", Some("please")).unwrap_err();
    let line = "it is not for facebook: line 3 of the guideline of facebook: `likeness=synthetic`, people must be real";
    assert_eq!((refused.kind, refused.message.as_str()), (FailureKind::Refused, line));
    approve(&world, "x", None).unwrap();
    world.set(A, &["likeness=self"]);
    approve(&world, "facebook", None).unwrap();
}

/// Also with what comes along with a file, and by a view.
#[test]
fn a_guideline_is_kept_on_every_way_to_a_verdict() {
    let (world, admin) = studio();
    put(&world, 0, "facebook", "refuse: `kind=image+other`\n", None).unwrap();
    let view = "find/status.facebook=approved";
    assert_eq!(errno(admin.write(&format!("{view}/b.png"), b"b")), libc::EPERM);
    assert_eq!(errno(admin.rename(A, &format!("{view}/a.png"))), libc::EPERM);
    assert_eq!(world.show(A)["status"], json!({}));
}

/// Regression: a copy of an asset that the guideline refuses was tried again for ever, and kept everybody's files from becoming versions.
#[test]
fn a_copy_of_what_is_refused_stays_a_file_of_its_own() {
    let (world, admin) = studio();
    put(&world, 0, "facebook", "refuse: `likeness=synthetic`\n", None).unwrap();
    world.set(A, &["likeness=synthetic"]);
    let bytes = admin.read(A).unwrap();
    admin.write("find/status.facebook=approved/a.png", &bytes).unwrap();
    world.settle();
    admin.write("library/later.txt", b"later").unwrap();
    world.settle();
    assert_eq!(world.show(A)["status"], json!({}));
    assert_eq!(world.show("library/later.txt")["versions"].as_array().unwrap().len(), 1);
}

/// Regression: a verdict was held to the record as it was before the same command changed it.
#[test]
fn a_verdict_is_held_to_what_comes_along_with_it() {
    let (world, _admin) = studio();
    put(&world, 0, "facebook", RULES, None).unwrap();
    let set = |facets: &[&str], why: Option<&str>| {
        let (what, set) = (vec![A.to_owned()].into(), assign(facets));
        world.serve(0, Command::Set { what, set, dry_run: false, why: why.map(str::to_owned) }).map_err(|e| e.kind)
    };
    assert_eq!(set(&["status.facebook=approved", "likeness=synthetic"], None), Err(FailureKind::Refused));
    assert_eq!(set(&["rating=suggestive", "status.facebook=approved"], None), Err(FailureKind::Refused));
    assert_eq!((&world.show(A)["status"], &world.show(A)["rating"]), (&json!({}), &Value::Null), "all or nothing");
    set(&["likeness=synthetic"], None).unwrap();
    set(&["likeness=self", "status.facebook=approved"], None).unwrap();
    // What takes nothing away touches no verdict.
    put(&world, 0, "facebook", "flag: `likeness=self`\n", None).unwrap();
    let before = world.show(A)["status"].clone();
    assert_eq!(set(&["status.facebook=-stale"], Some("laundered")).unwrap()["changed"], 0);
    assert_eq!(world.show(A)["status"], before);
    // An undo of many leaves out what a guideline refuses by now, and takes back the rest.
    put(&world, 0, "facebook", "refuse: `likeness=self`\n", None).unwrap();
    // By another process: what one does is one turn.
    let (what, facets) = (vec![A.to_owned()].into(), assign(&["status.facebook=rejected", "status.x=rejected"]));
    let reject = Command::Set { what, set: facets, dry_run: false, why: Some("no".into()) };
    serve::serve(&world.library, &Caller { uid: 0, gid: 0, process: 77 }, reject, None).unwrap();
    let turn = world.serve(0, Command::Turns { of: None, limit: 9 }).unwrap()["turns"][0]["turn"].as_u64();
    let undone = world.serve(0, Command::Undo { turn, of: None, dry_run: false }).unwrap();
    assert!(undone["left"][0]["why"].as_str().unwrap().contains("line 1 of the guideline"), "{undone}");
}

#[test]
fn a_verdict_that_comes_with_a_file_names_its_text_too() {
    let (world, admin) = studio();
    let digest = put(&world, 0, "facebook", "all is well\n", None).unwrap()["digest"].as_str().unwrap().to_owned();
    admin.write("find/status.facebook=approved/b.png", b"b").unwrap();
    world.settle();
    let told = world.show("library/Unsorted/2026/09/b.png")["status"]["facebook"]["guideline"].clone();
    assert!(digest.starts_with(told.as_str().unwrap()), "{told}");
}

#[test]
fn what_a_guideline_comes_to_refuse_is_out_of_circulation_at_once() {
    let (world, admin) = studio();
    approve(&world, "facebook", None).unwrap();
    world.set(A, &["likeness=synthetic"]);
    let fh = admin.open(EXPORT, true, false).unwrap();
    assert!(!admin.pread(fh).unwrap().is_empty());
    put(&world, 0, "facebook", RULES, None).unwrap();
    assert!(!admin.has(EXPORT) && admin.names("platforms/facebook/feed_image").is_empty());
    assert_eq!(errno(admin.pread(fh)), libc::EACCES, "the open export, too");
    assert!(why(&world).contains("line 3 of the guideline of facebook"), "{}", why(&world));
    // Another table of platforms has the same guidelines, and so has the library when it is opened again.
    let table = std::fs::read_to_string(world.library.root().join("platforms.csv")).unwrap();
    world.sheet(&table.replace("facebook,feed_image,image,1080", "facebook,feed_image,image,1081"));
    assert!(world.library.platforms_fault().is_none() && !admin.has(EXPORT));
    let without: Vec<&str> = table.lines().filter(|row| !row.starts_with("facebook,")).collect();
    world.sheet(&without.join("\n"));
    world.sheet(&table);
    assert!(
        world.library.platforms_fault().is_none() && !admin.has(EXPORT),
        "also when the platform was gone meanwhile"
    );
    drop(admin);
    let world = world.reopen();
    let admin = world.admin();
    assert!(!admin.has(EXPORT));
    world.set(A, &["likeness=licensed"]);
    assert!(admin.has(EXPORT), "the verdict was there all the time");
}

/// A guideline speaks the library's language, also when its words change.
#[test]
fn a_guideline_means_what_the_glossary_says() {
    let (world, admin) = studio();
    world.set(A, &["tag=firearm"]);
    approve(&world, "facebook", None).unwrap();
    put(&world, 0, "facebook", "refuse: `tag=weapon`\n", None).unwrap();
    assert!(admin.has(EXPORT));
    let fh = admin.open(EXPORT, true, false).unwrap();
    world.words("[tag.weapon]\naliases = [\"firearm\"]\n");
    assert!(!admin.has(EXPORT));
    assert_eq!(errno(admin.pread(fh)), libc::EACCES);
    assert!(approve(&world, "facebook", None).unwrap_err().message.contains("tag=weapon"));
}

#[test]
fn what_a_guideline_flags_is_approved_with_a_reason() {
    let (world, _admin) = studio();
    put(&world, 0, "facebook", RULES, None).unwrap();
    world.set(A, &["rating=suggestive"]);
    let refused = approve(&world, "facebook", None).unwrap_err();
    assert!(refused.kind == FailureKind::Refused && refused.message.contains("line 4"), "{}", refused.message);
    approve(&world, "facebook", Some("a beach, as agreed")).unwrap();
    assert_eq!(world.show(A)["status"]["facebook"]["reason"], "a beach, as agreed");
}

/// Regression: a line that came to fit what was approved before was asked of nobody.
#[test]
fn what_comes_to_fit_a_flag_after_its_approval_is_asked_anew() {
    let (world, admin) = studio();
    put(
        &world,
        0,
        "facebook",
        "- flag: `rating=suggestive` say why\n- flag: `tag=gun` show it\n- flag: `text=swords` so\n",
        None,
    )
    .unwrap();
    let status = |world: &World| world.show(A)["status"]["facebook"]["value"].as_str().unwrap().to_owned();
    world.set(A, &["rating=safe"]);
    let ways: [(&str, &dyn Fn()); 4] = [
        ("a command", &|| world.set(A, &["rating=suggestive"])),
        ("an attribute", &|| admin.setxattr(A, "user.xdg.tags", "gun").unwrap()),
        ("a view", &|| {
            admin.mkdir("by/tag/gun").unwrap_or_default();
            admin.rename("by/tag/none/a.png", "by/tag/gun/a.png").unwrap();
        }),
        ("a sidecar", &|| {
            let xmp = "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
                <rdf:Description xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:subject><rdf:Bag><rdf:li>gun</rdf:li></rdf:Bag>\
                </dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>";
            admin.write("library/a.png.xmp", xmp.as_bytes()).unwrap();
            world.settle();
        }),
    ];
    for (way, change) in ways {
        approve(&world, "facebook", None).unwrap();
        assert!(status(&world) == "approved" && admin.has(EXPORT), "{way}");
        change();
        assert_eq!((status(&world).as_str(), admin.has(EXPORT)), ("stale", false), "{way}");
        let reason = world.show(A)["status"]["facebook"]["reason"].as_str().unwrap().to_owned();
        assert!(reason.contains("since it was approved it has come to fit line"), "{way}: {reason}");
        let log = Command::Log(damfs::ops::log::Ask { limit: 2, ..damfs::ops::log::Ask::default() });
        let told = world.serve(0, log).unwrap()["rows"].to_string();
        assert!(told.contains(r#""facet":"status.facebook""#) && told.contains(r#""new":"stale""#), "{way}: {told}");
        assert_eq!(approve(&world, "facebook", None).unwrap_err().kind, FailureKind::Refused, "it takes a reason now");
        // Who knows of it says why, and what fits already is asked no more.
        approve(&world, "facebook", Some("as agreed")).unwrap();
        world.set(A, &["persona=luna"]);
        assert_eq!(
            (status(&world).as_str(), world.show(A)["status"]["facebook"]["reason"].as_str()),
            ("approved", Some("as agreed"))
        );
        world.set(A, &["rating=safe", "tag=", "persona="]);
        assert_eq!(status(&world), "approved", "{way}: what fits no more is asked of nobody");
    }
    // With the reason in the same breath nothing is left to ask.
    let set = assign(&["rating=suggestive", "status.facebook=approved"]);
    let why = Some("a beach".to_owned());
    world.serve(0, Command::Set { what: vec![A.into()].into(), set, dry_run: false, why }).unwrap();
    assert_eq!(status(&world), "approved");
}

/// Regression: neither a new name nor what a daemon saw of a picture was held against its approvals.
#[test]
fn a_name_and_a_look_that_come_to_fit_a_flag_are_asked_anew() {
    let (world, admin) = studio();
    put(&world, 0, "facebook", "- flag: `text=gun` say why\n- flag: `colour=black` is it meant\n", None).unwrap();
    let verdict = |path: &str| world.show(path)["status"]["facebook"].clone();
    world.set(A, &["tag=sea"]);
    approve(&world, "facebook", None).unwrap();
    world.library.look();
    assert_eq!(verdict(A)["value"], "stale");
    assert!(verdict(A)["reason"].as_str().unwrap().contains("fit line 2"), "{}", verdict(A));
    let log = Command::Log(damfs::ops::log::Ask { limit: 1, ..damfs::ops::log::Ask::default() });
    assert!(world.serve(0, log).unwrap()["rows"].to_string().contains(r#""new":"stale""#));
    approve(&world, "facebook", Some("it is night")).unwrap();
    let moves = [(A, "library/gun.png"), ("by/tag/sea/gun.png", "by/tag/sea/sword.png")];
    for (way, (from, to)) in ["in the library", "in a view"].into_iter().zip(moves) {
        admin.rename(from, to).unwrap();
        let path = to.replace("by/tag/sea", "library");
        let wanted = if path.contains("gun") { "stale" } else { "approved" };
        assert_eq!(verdict(&path)["value"], wanted, "{way}: {}", verdict(&path));
        let set = assign(&["status.facebook=approved"]);
        let why = Some("a toy".to_owned());
        world.serve(0, Command::Set { what: vec![path].into(), set, dry_run: false, why }).unwrap();
    }
    admin.rename("by/tag/sea/sword.png", "by/tag/sea/gun.png").unwrap();
    assert_eq!(verdict("library/gun.png")["value"], "stale", "in a view");
    let approve_at = |path: &str| {
        let set = assign(&["status.facebook=approved"]);
        let why = Some("a toy".to_owned());
        world.serve(0, Command::Set { what: vec![path.into()].into(), set, dry_run: false, why }).unwrap();
    };
    admin.rename("library/gun.png", "library/plain.png").unwrap();
    approve_at("library/plain.png");
    admin.unlink("library/plain.png").unwrap();
    world.pass(20_000);
    let day = admin.names("trash").into_iter().find(|name| name.starts_with("20")).unwrap();
    admin.rename(&format!("trash/{day}/plain.png"), "library/gun.png").unwrap();
    assert_eq!(verdict("library/gun.png")["value"], "stale", "out of the trash");
    // By what the temporary file of a save brings along.
    admin.rename("library/gun.png", "library/plain.png").unwrap();
    approve_at("library/plain.png");
    let bytes = admin.read("library/plain.png").unwrap();
    admin.write("library/plain.png.tmp", &[&bytes[..], b"more"].concat()).unwrap();
    admin.setxattr("library/plain.png.tmp", "user.xdg.comment", "with a gun").unwrap();
    admin.rename("library/plain.png.tmp", "library/plain.png").unwrap();
    world.settle();
    assert_eq!(verdict("library/plain.png")["value"], "stale", "{}", world.show("library/plain.png"));
}

/// A file that came with a verdict turns out by its bytes to be what a line speaks of.
#[test]
fn what_a_file_turns_out_to_be_is_asked_anew() {
    let (world, admin) = studio();
    put(&world, 0, "facebook", "- flag: `kind=image` look at it\n", None).unwrap();
    let mut png = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_pixel(64, 64, image::Rgb([7, 7, 7])).write_to(&mut png, image::ImageFormat::Png).unwrap();
    for view in ["find/status.facebook=approved", "by/status/facebook/approved"] {
        let Ok(()) = admin.write(&format!("{view}/new.png"), &png.clone().into_inner()) else { continue };
        world.settle();
        let found = world
            .serve(0, Command::Find { expr: Some("kind=image".into()), sort: None, limit: None, count: false })
            .unwrap();
        let new = found["assets"].as_array().unwrap().iter().find(|a| a["view_name"] == "new.png").unwrap();
        assert_eq!(world.show(new["id"].as_str().unwrap())["status"]["facebook"]["value"], "stale", "{view}");
        return;
    }
    panic!("no view takes a file with its verdict");
}

#[test]
fn a_verdict_names_its_text_and_an_old_ones_approvals_are_found_and_marked() {
    let (world, admin) = studio();
    approve(&world, "facebook", None).unwrap();
    let stale = |mark| world.serve(0, Command::GuidelineStale { platform: "facebook".into(), mark }).unwrap();
    assert!(world.show(A)["status"]["facebook"]["guideline"].is_null());
    let first = put(&world, 0, "facebook", RULES, None).unwrap();
    let list = world.serve(0, Command::GuidelineList).unwrap()["guidelines"][0].clone();
    assert_eq!((&list["approved"], &list["by_another"], &list["lines"]), (&json!(1), &json!(1), &json!(2)));
    assert_eq!(stale(false)["assets"][0]["path"], A);
    approve(&world, "facebook", None).unwrap();
    let told = world.show(A)["status"]["facebook"]["guideline"].as_str().unwrap().to_owned();
    assert!(first["digest"].as_str().unwrap().starts_with(&told) && told.len() == 12, "{told}");
    assert_eq!(stale(true)["count"], 0);
    put(&world, 0, "facebook", "anything goes", Some(RULES)).unwrap();
    assert!(admin.has(EXPORT), "until somebody marks it");
    assert_eq!((&stale(true)["count"], &stale(true)["count"]), (&json!(1), &json!(0)));
    assert_eq!(world.show(A)["status"]["facebook"]["value"], "stale");
    assert!(!admin.has(EXPORT));
}

#[test]
fn a_guideline_is_an_admins_to_put_in_force() {
    let (world, _admin) = studio();
    world.member("eddy", 1001, "editor", None);
    assert_eq!(put(&world, 1001, "facebook", RULES, None), Err(FailureKind::Refused));
    assert_eq!(put(&world, 0, "facebok", RULES, None), Err(FailureKind::Usage));
    assert_eq!(put(&world, 0, "facebook", "refuse: likeness", None), Err(FailureKind::Usage));
    assert_eq!(put(&world, 0, "facebook", RULES, Some("another")), Err(FailureKind::Failed));
    assert_eq!(put(&world, 0, "facebook", RULES, Some("")).unwrap()["version"], 1);
    assert_eq!(put(&world, 0, "facebook", RULES, None).unwrap()["applied"], false);
    let show = Command::GuidelineShow { platform: "facebook".into() };
    assert_eq!(world.serve(1001, show).unwrap()["text"], RULES, "everybody reads it");
    let stale = Command::GuidelineStale { platform: "facebook".into(), mark: false };
    assert_eq!(world.serve(1001, stale).unwrap()["count"], 0);
}

#[test]
fn a_takedown_closes_every_export_with_its_reason() {
    let (world, admin) = studio();
    world.member("eddy", 1001, "editor", None);
    for platform in ["facebook", "x"] {
        approve(&world, platform, None).unwrap();
    }
    world.set(A, &["stage=internal-review"]);
    let fh = admin.open(EXPORT, true, false).unwrap();
    let down = |uid, platform: Option<&str>, why: &str| {
        let (what, platform) = (vec![A.to_owned()].into(), platform.map(str::to_owned));
        world.serve(uid, Command::Takedown { what, platform, dry_run: false, why: why.into() }).map_err(|e| e.kind)
    };
    assert_eq!(down(1001, None, "x"), Err(FailureKind::Refused));
    assert_eq!(down(0, None, " "), Err(FailureKind::Usage));
    assert_eq!(down(0, Some("facebok"), "x"), Err(FailureKind::Usage));
    assert_eq!(down(0, Some("x"), "suspended").unwrap()["changed"], 1);
    assert!(admin.has(EXPORT) && world.show(A)["stage"] == "internal-review");
    assert_eq!(down(0, None, "a claim").unwrap()["changed"], 1);
    assert!(!admin.has(EXPORT));
    assert_eq!(errno(admin.pread(fh)), libc::EACCES);
    let shown = world.show(A);
    let reason = |platform: &str| shown["status"][platform]["reason"].clone();
    assert_eq!(
        (reason("x"), reason("facebook"), &shown["stage"]),
        (json!("suspended"), json!("a claim"), &json!("rejected"))
    );
    assert_eq!(down(0, None, "again").unwrap()["unchanged"], 1);
}

/// A guideline is kept while its platform is in no table: what it names stays in the table for when that is back.
#[test]
fn a_table_keeps_what_a_guideline_of_a_platform_that_is_gone_names() {
    let (world, admin) = studio();
    let shipped = std::fs::read_to_string(world.library.root().join("platforms.csv")).unwrap();
    let row = shipped.lines().find(|row| row.starts_with("facebook,feed_image,")).unwrap();
    let table = format!("{}\n{}\n", shipped.trim_end(), row.replacen("facebook,", "myshop,", 1));
    world.sheet(&table);
    put(&world, 0, "facebook", "refuse: `status.myshop=approved`\n", None).unwrap();
    let without = |gone: &[&str]| {
        let rows = table.lines().filter(|row| !gone.iter().any(|id| row.starts_with(&format!("{id},"))));
        rows.collect::<Vec<_>>().join("\n")
    };
    world.sheet(&without(&["facebook"]));
    assert_eq!(world.library.platforms_fault(), None);
    world.sheet(&without(&["facebook", "myshop"]));
    let fault = world.library.platforms_fault().unwrap();
    assert!(fault.contains("the guideline of facebook"), "{fault}");
    world.sheet(&table);
    drop(admin);
    let world = world.reopen();
    assert!(world.library.faults().is_empty(), "{:?}", world.library.faults());
}

/// The library opens, the fault is told, and what is not known to be allowed does not circulate.
#[test]
fn a_kept_guideline_that_cannot_be_read_refuses_everything_until_it_is_mended() {
    let (world, admin) = studio();
    put(&world, 0, "facebook", RULES, None).unwrap();
    approve(&world, "facebook", None).unwrap();
    assert!(admin.has(EXPORT));
    drop(admin);
    let kept = |tx: &dyn damfs::catalog::ReadTx| tx.meta("guideline.facebook.1");
    let broken =
        world.library.catalog.read(kept).unwrap().unwrap().replace("likeness=synthetic", "status.gone=approved");
    world.library.catalog.write(|tx| tx.set_meta("guideline.facebook.1", &broken)).unwrap();
    let world = world.reopen();
    let admin = world.admin();
    let faults = world.library.faults();
    assert!(faults.len() == 1 && faults[0].contains("dam guideline edit facebook"), "{faults:?}");
    assert!(!admin.has(EXPORT) && why(&world).contains("cannot be read"), "{}", why(&world));
    assert_eq!(approve(&world, "facebook", None).unwrap_err().kind, FailureKind::Refused);
    // Nothing else waits for it.
    let table = std::fs::read_to_string(world.library.root().join("platforms.csv")).unwrap();
    world.sheet(&table.replace("facebook,feed_image,image,1080", "facebook,feed_image,image,1081"));
    assert_eq!(world.library.platforms_fault(), None);
    put(&world, 0, "facebook", RULES, None).unwrap();
    assert!(world.library.faults().is_empty() && admin.has(EXPORT));
}
