//! The library's table of platforms: what a changed cell changes, and what a mistake does not.

use damfs::ops::proto::{Command, FailureKind};

use crate::world::{Seat, World, assign, errno};

const A: &str = "library/a.png";
const SQUARE: &str = "platforms/instagram/post_square/a.jpg";
const STORY: &str = "platforms/instagram/story_image/a.jpg";
/// Small, so that a render costs little.
const TABLE: &str = "platform,placement,kind,width,height,fit,formats,max_bytes,adult_allowed,verified
instagram,post_square,image,108,108,crop,jpeg,8000,no,2026-11-23
instagram,story_image,image,108,192,pad,jpeg,8000,no,2026-11-23
onlyfans,post_image,image,,,any,jpeg|png,,yes,2026-11-23
onlyfans,avatar,image,,,crop,,,no,2026-11-23
";

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    let at = |n: u32| u8::try_from(n % 256).unwrap();
    let picture = image::RgbImage::from_fn(width, height, |x, y| image::Rgb([at(x), at(y), 90]));
    picture.write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}

/// A picture that is approved for everything, long after the recipes were written.
fn studio() -> (World, Seat) {
    let world = World::new();
    let admin = world.admin();
    world.sheet(TABLE);
    admin.write(A, &png(120, 200)).unwrap();
    world.settle();
    world.set(A, &["status.instagram=approved", "status.onlyfans=approved"]);
    world.clock.advance_ms(1_000 * DAY_MS);
    (world, admin)
}

const DAY_MS: i64 = 24 * 3_600_000;

/// The table with something else in its place.
fn with(from: &str, to: &str) -> String {
    assert!(TABLE.contains(from), "{from}");
    TABLE.replacen(from, to, 1)
}

/// A row of a platform that does not ship.
fn with_shop() -> String {
    format!("{TABLE}myshop,front,image,30,20,crop,jpeg,,yes,2026-11-23\n")
}

fn size(seat: &Seat, path: &str) -> (u32, u32) {
    let picture = image::load_from_memory(&whole(seat, path)).unwrap();
    (picture.width(), picture.height())
}

fn whole(seat: &Seat, path: &str) -> Vec<u8> {
    let fh = seat.open(path, true, false).unwrap();
    let size = seat.mount.getattr(&seat.caller, seat.find(path).unwrap()).unwrap().attr.size;
    let bytes = seat.mount.read(&seat.caller, fh, 0, usize::try_from(size).unwrap() + 1).unwrap();
    seat.close(fh);
    assert_eq!(bytes.len() as u64, size);
    bytes
}

#[test]
fn a_changed_cell_changes_the_export_and_its_time_and_no_other() {
    let (world, admin) = studio();
    let stat = |path: &str| {
        drop(admin.mount.getattr(&admin.caller, admin.find(path).unwrap()));
        let attr = admin.attr(path).unwrap();
        (attr.ino, attr.size, attr.mtime)
    };
    let (square, story) = (stat(SQUARE), stat(STORY));
    let open = admin.open(SQUARE, true, false).unwrap();
    let begun = admin.pread(open).unwrap();
    world.sheet(&with("108,108", "60,50"));
    assert_eq!(size(&admin, SQUARE), (60, 50));
    let changed = stat(SQUARE);
    assert!(changed.0 != square.0 && changed.2 > square.2, "other bytes are another file, and newer: {changed:?}");
    assert_eq!(stat(STORY), story);
    assert_eq!(admin.pread(open).unwrap(), begun, "what is being copied goes on");
    admin.close(open);
    // Looked at again the row makes what it made.
    world.pass(60_000);
    world.sheet(&with("108,108", "60,50").replace("2026-11-23", "2026-12-01"));
    assert_eq!((stat(SQUARE), stat(STORY)), (changed, story));
    drop(admin);
    let world = world.reopen();
    let admin = world.admin();
    for (path, before) in [(SQUARE, changed), (STORY, story)] {
        let attr = admin.attr(path).unwrap();
        assert_eq!((attr.ino, attr.size, attr.mtime), before, "{path} is the same after a remount");
    }
}

#[test]
fn a_table_with_a_mistake_leaves_the_one_before_it_in_force_also_after_a_restart() {
    let (world, admin) = studio();
    let ann = world.member("ann", 1001, "editor", None);
    world.sheet(&with("108,108", "60,50"));
    assert_eq!(world.library.platforms_fault(), None);
    world.sheet(&with("108,108,crop", "60,50,corp"));
    let tells = |world: &World, admin: &Seat| {
        let fault = world.library.platforms_fault().unwrap();
        assert!(fault.contains("row 2, column fit") && fault.contains("did you mean `crop`?"), "{fault}");
        for text in [".dam/status", ".dam/errors"] {
            let said = String::from_utf8(admin.read(text).unwrap()).unwrap();
            assert!(said.contains(&fault) && said.contains("stays in force"), "{text}: {said}");
        }
        assert_eq!(size(admin, SQUARE), (60, 50));
    };
    tells(&world, &admin);
    for text in [".dam/status", ".dam/errors"] {
        assert!(!String::from_utf8(ann.read(text).unwrap()).unwrap().contains("column"), "{text}");
    }
    drop((admin, ann));
    let world = world.reopen();
    tells(&world, &world.admin());
    let file = world.library.root().join("platforms.csv");
    std::fs::remove_file(&file).unwrap();
    world.beats();
    assert_eq!(size(&world.admin(), SQUARE), (60, 50), "one that is gone for a moment changes nothing");
    let world = world.reopen();
    assert!(world.admin().has("platforms/tiktok/photo"), "without one that which ships is in force");
    assert_eq!(world.library.platforms_fault(), None);
}

#[test]
fn what_may_stand_nowhere_any_more_ends_for_what_is_open_too() {
    let (world, admin) = studio();
    world.set(A, &["rating=adult"]);
    let export = "platforms/onlyfans/post_image/a.jpg";
    assert!(admin.has(export) && !admin.has(SQUARE));
    let open = admin.open(export, true, false).unwrap();
    admin.pread(open).unwrap();
    world.sheet(&with(",yes,", ",no,"));
    assert!(!admin.has(export));
    assert_eq!(errno(admin.pread(open)), libc::EACCES);
    world.sheet(&with("onlyfans,post_image,image,,,any,jpeg|png,,yes,2026-11-23\n", ""));
    assert!(!admin.has("platforms/onlyfans/post_image") && admin.has("platforms/onlyfans/avatar"));
    admin.close(open);
}

#[test]
fn a_platform_of_ones_own_is_one_wherever_platforms_are_named() {
    let (world, admin) = studio();
    let set = |platform: &str| {
        let set = assign(&[&format!("status.{platform}=approved")]);
        world.serve(0, Command::Set { what: vec![A.into()].into(), set, dry_run: false, why: None })
    };
    assert_eq!(set("myshop").unwrap_err().kind, FailureKind::Usage);
    world.sheet(&with_shop());
    assert!(set("myshpo").unwrap_err().message.contains("myshop"));
    set("myshop").unwrap();
    assert_eq!(size(&admin, "platforms/myshop/front/a.jpg"), (30, 20));
    assert!(admin.has("find/status.myshop=approved/a.png") && admin.has("by/status/myshop/approved/a.png"));
    let bob = world.member("bob", 1002, "editor", Some("status.myshop=approved"));
    assert!(bob.has(A));
    // Without it his scope would mean nothing.
    world.sheet(TABLE);
    let fault = world.library.platforms_fault().unwrap();
    assert!(fault.contains("the scope of bob names") && fault.contains("myshop"), "{fault}");
    assert!(bob.has(A) && admin.has("platforms/myshop/front/a.jpg"));
    drop((admin, bob));
    let world = world.reopen();
    assert!(world.seat(1002).has(A));
    world.change_member("bob", Some(""), None);
    world.sheet(&format!("{TABLE}\n"));
    assert_eq!(world.library.platforms_fault(), None);
    assert!(!world.admin().has("platforms/myshop") && world.admin().has(SQUARE));
}

#[test]
fn only_an_admin_puts_another_table_in_and_it_is_on_record() {
    let (world, admin) = studio();
    let _ann = world.member("ann", 1001, "editor", None);
    let put = |text: &str, base: &str| Command::SpecPut { text: text.to_owned(), base: base.to_owned() };
    assert_eq!(world.kind(1001, Command::SpecText), FailureKind::Refused);
    assert_eq!(world.kind(1001, put(&with_shop(), TABLE)), FailureKind::Refused);
    assert_eq!(world.kind(0, put("platform\n", TABLE)), FailureKind::Usage);
    assert_eq!(world.kind(0, put(&with_shop(), "other")), FailureKind::Failed);
    assert!(!admin.has("platforms/myshop"));
    let done = world.serve(0, put(&with_shop(), TABLE)).unwrap();
    assert_eq!(done["added"], serde_json::json!(["myshop/front"]));
    assert!(admin.has("platforms/myshop/front"));
    let head = world.library.catalog.read(|tx| tx.audit_head("ops")).unwrap().unwrap();
    assert_eq!((head.action.as_str(), head.actor.as_str()), ("platforms.change", "root"));
    world.library.tick();
    world.library.tick_short();
    assert_eq!(world.library.platforms_fault(), None);
    let listed = world.serve(1001, Command::SpecList { platform: Some("myshop".into()) }).unwrap();
    assert_eq!(listed["rows"][0]["width"], 30);
    assert_eq!(world.kind(1001, Command::SpecList { platform: Some("myshpo".into()) }), FailureKind::Usage);
}

/// A spreadsheet that writes its file in two goes would take exports away, and give them a new time when they come back.
#[test]
fn a_table_that_is_being_written_is_not_read() {
    let (world, admin) = studio();
    let file = world.library.root().join("platforms.csv");
    let half = TABLE.find("instagram,story_image").unwrap();
    let before = admin.attr(SQUARE).unwrap();
    std::fs::write(&file, "platform,placement,kind,fit\n").unwrap();
    world.library.tick();
    world.library.tick_short();
    std::fs::write(&file, &TABLE[..half]).unwrap();
    world.library.tick();
    world.library.tick_short();
    assert!(admin.has(STORY));
    std::fs::write(&file, TABLE).unwrap();
    world.beats();
    assert_eq!(admin.attr(SQUARE).unwrap(), before);
    std::fs::write(&file, &TABLE[..half]).unwrap();
    world.beats();
    assert!(!admin.has(STORY) && admin.has(SQUARE), "it stays so: it is meant so");
}
