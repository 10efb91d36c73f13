//! Stills as the library has them, with no mount in between.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use damfs::blob::ObjectKind;
use damfs::catalog::Outcome;
use damfs::media::MediaError;
use damfs::ops::converter::Decoder;
use damfs::ops::proto::Command;
use damfs::ops::stills::{Still, StillError};
use damfs::types::ContentId;
use damfs::view::recipes::object_name;
use damfs::view::tree::{exported, recipe_of};

use crate::world::{Seat, World};

const A: &str = "library/a.png";
const TABLE: &str = "platform,placement,kind,width,height,fit,upscale,formats,max_bytes,adult_allowed
x,card,image,40,40,crop,,jpeg,,
x,wide,image,90,40,any,,jpeg|png,,
x,small,image,30,30,crop,,webp,,
x,padded,image,60,60,pad,,png,,
x,strip,image,60,20,crop,,jpeg,,
";
const PLACES: [&str; 5] = ["card", "wide", "small", "padded", "strip"];

/// One picture, approved.
fn studio() -> (World, Seat) {
    let world = World::new();
    let admin = world.admin();
    world.sheet(TABLE);
    admin.write(A, &picture(120, 40)).unwrap();
    world.settle();
    world.set(A, &["status.x=approved"]);
    (world, admin)
}

fn picture(width: u32, height: u32) -> Vec<u8> {
    let noise = |n: u32| u8::try_from(n % 256).unwrap();
    let picture = image::RgbImage::from_fn(width, height, |x, y| image::Rgb([noise(x * 7919), noise(y * 31), 90]));
    let mut png = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
    png.into_inner()
}

pub fn still(world: &World, path: &str, placement: &str) -> Still {
    let id = world.show(path)["id"].as_str().unwrap().parse().unwrap();
    let platforms = world.library.gate.platforms();
    let placement = platforms.get("x", placement).unwrap();
    world
        .library
        .catalog
        .read(|tx| {
            let asset = tx.asset(id)?.unwrap();
            let version = exported(tx, &asset, placement)?.unwrap();
            let recipe = recipe_of(tx, &asset, &version, placement, world.library.signer_id())?;
            Ok::<_, damfs::catalog::CatalogError>(Still { asset: id, content: version.content, recipe })
        })
        .unwrap()
}

#[test]
fn a_still_is_what_a_mount_shows_and_is_kept() {
    let (world, admin) = studio();
    let card = still(&world, A, "card");
    assert!(world.library.still_row(&card).unwrap().is_none() && !world.library.is_still_kept(&card).unwrap());
    let bytes = world.library.still(&card).unwrap();
    assert_eq!(*bytes, admin.read("platforms/x/card/a.jpg").unwrap());
    let Outcome::Made { size, hash, .. } = world.library.still_row(&card).unwrap().unwrap().outcome else { panic!() };
    assert_eq!((size, hash), (bytes.len() as u64, *blake3::hash(&bytes).as_bytes()));
    let name = object_name(card.content, &card.recipe);
    assert_eq!(world.library.vault.get_object(ObjectKind::Rendition, &name).unwrap(), Some(bytes.to_vec()));
    world.library.vault.remove_object(ObjectKind::Rendition, &name).unwrap();
    let again: Arc<Vec<u8>> = world.library.still(&card).unwrap();
    assert!(again == bytes && world.library.is_still_kept(&card).unwrap(), "rendered again, to the same bytes");
}

/// Stills that were rendered for readers, and masters that were decoded.
fn done(world: &World) -> (u64, u64) {
    let counts = world.library.stills.counts();
    (counts.rendered.load(Ordering::Relaxed), counts.decoded.load(Ordering::Relaxed))
}

#[test]
fn who_asks_for_the_same_at_a_time_shares_one_render() {
    let (world, _admin) = studio();
    let card = still(&world, A, "card");
    let all: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..8).map(|_| scope.spawn(|| world.library.still(&card).unwrap())).collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(all.iter().all(|bytes| *bytes == all[0]));
    assert_eq!(done(&world), (1, 1));
}

#[test]
fn one_decode_serves_every_placement() {
    let (world, admin) = studio();
    let all = PLACES.map(|place| still(&world, A, place));
    std::thread::scope(|scope| all.iter().for_each(|one| drop(scope.spawn(|| world.library.still(one).unwrap()))));
    assert_eq!(done(&world), (5, 1));
    // Another master takes its place.
    admin.write("library/b.png", &picture(130, 50)).unwrap();
    world.settle();
    world.set("library/b.png", &["status.x=approved"]);
    for place in PLACES {
        world.library.still(&still(&world, "library/b.png", place)).unwrap();
    }
    assert_eq!(done(&world), (10, 2));
}

/// What came of each placement.
fn outcomes(world: &World, path: &str) -> [Option<Outcome>; 5] {
    PLACES.map(|place| world.library.still_row(&still(world, path, place)).unwrap().map(|row| row.outcome))
}

fn is_made(world: &World, path: &str) -> bool {
    outcomes(world, path).iter().all(|outcome| matches!(outcome, Some(Outcome::Made { .. })))
}

#[test]
fn approval_renders_all_placements_from_one_decode_before_anybody_reads() {
    let (world, admin) = studio();
    world.library.render_stills();
    assert!(is_made(&world, A));
    assert_eq!(done(&world), (0, 1));
    assert_eq!(admin.read("platforms/x/card/a.jpg").unwrap(), *world.library.still(&still(&world, A, "card")).unwrap());
    let counts = world.library.stills.counts();
    assert_eq!((counts.kept.load(Ordering::Relaxed), done(&world)), (2, (0, 1)), "read twice, rendered never again");
    let status = String::from_utf8(admin.read(".dam/status").unwrap()).unwrap();
    assert!(status.contains("stills    of 0 assets wait to be rendered\n"), "{status}");
    assert!(status.contains("2 reads of kept ones, 0 rendered for a reader: 100 % kept\n"), "{status}");
}

#[test]
fn nothing_of_the_queue_has_to_be_remembered() {
    let (world, admin) = studio();
    drop(admin);
    let world = world.reopen();
    world.library.render_stills();
    assert!(is_made(&world, A));
}

#[test]
fn another_table_and_another_focus_are_rendered_too() {
    let (world, admin) = studio();
    world.library.render_stills();
    let before = still(&world, A, "card");
    world.sheet(&TABLE.replace("x,card,image,40,40", "x,card,image,30,40"));
    world.library.render_stills();
    assert_ne!(still(&world, A, "card"), before);
    assert!(is_made(&world, A));
    admin.setxattr(A, "user.dam.focus", "0.1,0.5").unwrap();
    assert!(!is_made(&world, A));
    world.library.render_stills();
    assert!(is_made(&world, A));
}

#[test]
fn what_is_withdrawn_is_no_longer_rendered_and_an_end_is_not_held_up() {
    let (world, _admin) = studio();
    let card = still(&world, A, "card");
    world.set(A, &["status.x=rejected"]);
    world.library.render_stills();
    assert_eq!(done(&world), (0, 0));
    world.set(A, &["status.x=approved"]);
    world.library.end();
    world.library.render_stills();
    assert!(world.library.still_row(&card).unwrap().is_none());
}

#[test]
fn what_cannot_be_rendered_is_tried_once_and_told() {
    let (world, admin) = studio();
    let mut broken = picture(120, 40);
    broken.truncate(broken.len() / 2);
    admin.write("library/broken.png", &broken).unwrap();
    world.settle();
    world.set("library/broken.png", &["status.x=approved"]);
    let all = outcomes(&world, "library/broken.png");
    assert!(all.iter().all(Option::is_none));
    world.library.render_stills();
    world.library.render_stills();
    let all = outcomes(&world, "library/broken.png");
    assert!(all.iter().all(|outcome| matches!(outcome, Some(Outcome::Failed(_)))), "{all:?}");
    assert_eq!(done(&world), (0, 2), "one decode of each");
    assert!(!admin.has("platforms/x/card/broken.jpg") && admin.has("platforms/x/card/a.jpg"));
    let errors = String::from_utf8(admin.read(".dam/errors").unwrap()).unwrap();
    assert_eq!(errors.matches("render: broken.png for x/card: the file is damaged").count(), 1, "{errors}");
    assert_eq!(errors.matches("broken.png").count(), 1, "once for all placements: {errors}");
}

#[test]
fn what_is_in_a_folder_that_somebody_opens_comes_first() {
    let (world, admin) = studio();
    for n in 0..4u32 {
        let path = format!("library/{n}.png");
        admin.write(&path, &picture(121 + n, 40)).unwrap();
        world.settle();
        world.set(&path, &["status.x=approved"]);
    }
    assert_eq!(admin.names("platforms/x/strip").len(), 5);
    world.library.render_stills();
    let numbers = |place: &str| {
        let number = |path: &str| world.library.still_row(&still(&world, path, place)).unwrap().unwrap().no;
        [A, "library/0.png", "library/1.png", "library/2.png", "library/3.png"].map(number)
    };
    let last = numbers("strip").into_iter().max().unwrap();
    for place in ["card", "wide", "small", "padded"] {
        assert!(numbers(place).iter().all(|no| *no > last), "{place}");
    }
}

/// The background tells nobody of what he may not list.
#[test]
fn who_sees_not_everything_is_told_of_no_queue() {
    let (world, _admin) = studio();
    let ann = world.member("ann", 1001, "content-creator", Some("client=acme"));
    let status = String::from_utf8(ann.read(".dam/status").unwrap()).unwrap();
    assert!(!status.contains("stills") && !status.contains("kept"), "{status}");
}

/// Every kept object and its stored bytes.
fn kept(world: &World) -> Vec<(String, u64)> {
    let mut names = Vec::new();
    world.library.vault.objects(ObjectKind::Rendition, &mut |name| names.push(name.to_owned())).unwrap();
    names.sort();
    let bytes = |name: &String| world.library.vault.object_use(ObjectKind::Rendition, name).unwrap().unwrap().0;
    names.iter().map(|name| (name.clone(), bytes(name))).collect()
}

fn name(world: &World, path: &str, place: &str) -> String {
    let still = still(world, path, place);
    object_name(still.content, &still.recipe)
}

/// The library opened anew, with another budget.
fn with_budget(world: World, budget: &str) -> World {
    let file = world.library.root().join("damfs.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once("renditions_max = \"").unwrap();
    let (_, after) = rest.split_once('"').unwrap();
    std::fs::write(&file, format!("{before}renditions_max = \"{budget}\"{after}")).unwrap();
    world.reopen()
}

#[test]
fn what_was_read_longest_ago_goes_first_and_comes_back_as_it_was() {
    let (world, admin) = studio();
    world.library.render_stills();
    let all = PLACES.map(|place| world.library.still(&still(&world, A, place)).unwrap());
    world.clock.advance_ms(3_600_000);
    world.library.still(&still(&world, A, "small")).unwrap();
    let total: u64 = kept(&world).iter().map(|(_, bytes)| bytes).sum();
    world.library.evict_renders();
    assert_eq!(kept(&world).len(), 5, "there is room for all");
    drop(admin);
    let world = with_budget(world, &(total - 1).to_string());
    let admin = world.admin();
    let sizes = || PLACES.map(|place| stat_of(&admin, place));
    let before = sizes();
    world.library.evict_renders();
    let left: Vec<String> = kept(&world).into_iter().map(|(name, _)| name).collect();
    assert!(left.len() < 5 && left.contains(&name(&world, A, "small")), "{left:?}");
    assert!(is_made(&world, A), "what is known of them stays");
    assert_eq!((sizes(), done(&world)), (before, (0, 0)), "and nothing is rendered for a size");
    world.library.render_stills();
    assert_eq!(kept(&world).len(), left.len(), "nor in the background");
    for (place, bytes) in PLACES.iter().zip(&all) {
        assert!(world.library.still(&still(&world, A, place)).unwrap() == *bytes, "{place}");
    }
    assert_eq!((kept(&world).len(), done(&world).1), (5, 1));
    world.library.evict_renders();
    assert!(kept(&world).len() < 5, "the budget is passed again");
    let report = world.serve(0, Command::Fsck { deep: true }).unwrap();
    assert_eq!(report["clean"], true, "{report}");
}

fn stat_of(seat: &Seat, place: &str) -> u64 {
    let name = seat.names(&format!("platforms/x/{place}")).remove(0);
    seat.mount.getattr(&seat.caller, seat.find(&format!("platforms/x/{place}/{name}")).unwrap()).unwrap().attr.size
}

#[test]
fn what_circulates_no_more_goes_before_what_was_read_longest_ago() {
    let (world, admin) = studio();
    admin.write("library/b.png", &picture(130, 50)).unwrap();
    world.settle();
    world.set("library/b.png", &["status.x=approved"]);
    world.library.render_stills();
    let gone = PLACES.map(|place| name(&world, "library/b.png", place));
    world.clock.advance_ms(3_600_000);
    for place in PLACES {
        world.library.still(&still(&world, "library/b.png", place)).unwrap();
    }
    world.set("library/b.png", &["status.x=rejected"]);
    let total: u64 = kept(&world).iter().map(|(_, bytes)| bytes).sum();
    drop(admin);
    let world = with_budget(world, &(total - 1).to_string());
    world.library.evict_renders();
    let left: Vec<String> = kept(&world).into_iter().map(|(name, _)| name).collect();
    assert!(left.len() < 10 && PLACES.iter().all(|place| left.contains(&name(&world, A, place))), "{left:?}");
    assert!(gone.iter().any(|name| !left.contains(name)));
}

/// Regression: what has a member's mark was let go of as if it did not circulate, however lately it was read.
#[test]
fn what_has_a_members_mark_circulates_as_well() {
    let (world, admin) = studio();
    drop(admin);
    let partner = "[role.partner]\nwatermark = \"for {member}\"\n[role.partner.allow]\nlist = \"*\"\nexport = \"*\"\n";
    let world = world.with_roles(partner);
    let ada = world.member("ada", 1001, "partner", None);
    world.library.render_stills();
    world.clock.advance_ms(3_600_000);
    let marked = ada.read("platforms/x/card/a.jpg").unwrap();
    assert_eq!(kept(&world).len(), 6);
    let total: u64 = kept(&world).iter().map(|(_, bytes)| bytes).sum();
    drop(ada);
    let world = with_budget(world, &(total - 1).to_string());
    world.library.evict_renders();
    let left = kept(&world).len();
    assert!((1..6).contains(&left), "{left}");
    let ada = world.seat(1001);
    assert_eq!(ada.read("platforms/x/card/a.jpg").unwrap(), marked);
    assert_eq!(done(&world).0, 0, "hers was read last, and is there");
}

#[test]
fn a_budget_that_is_no_number_opens_no_library_and_says_why() {
    let (world, admin) = studio();
    drop(admin);
    let file = world.library.root().join("damfs.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("\"20G\"", "\"lots\"")).unwrap();
    let Err(e) = world.try_reopen() else { panic!("it opens") };
    assert!(e.to_string().contains("renditions_max: `lots` is no number of bytes; write \"20G\""), "{e}");
}

/// A decoder that hangs, or has no right to run, costs its picture and nobody else.
#[test]
fn a_decoder_that_does_not_end_is_ended() {
    let (world, _admin) = studio();
    let folder = tempfile::tempdir().unwrap();
    world.library.use_decoder(decoder(folder.path(), "sleep 1000"));
    let sample = include_bytes!("../../src/ops/converter/sample.avif").to_vec();
    let decode = || world.library.decoding(ContentId([9; 32]), &sample, |_| Ok(())).unwrap_err();
    let told = until_late(&world, decode);
    assert!(told.to_string().contains("longer than 240 s"), "{told}");
    assert!(matches!(&told, StillError::Media(e) if !e.is_lasting()));
    assert_eq!(decode().to_string(), told.to_string(), "for a while it is not tried again");
    assert_eq!(world.library.converter.unavailable("avif"), None, "the next one is tried");
}

/// What comes of it while time passes until it has come.
fn until_late<T: Send>(world: &World, work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let working = scope.spawn(work);
        while !working.is_finished() {
            world.clock.advance_ms(10_000);
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        working.join().unwrap()
    })
}

/// Regression: for as long as one was being decoded, up to four minutes, it held the memory of all decodes.
#[test]
fn a_slow_one_keeps_nobody_else_waiting() {
    let (world, admin) = studio();
    let folder = tempfile::tempdir().unwrap();
    let began = folder.path().join("began");
    let (first, then) = (format!("mkdir {} 2>/dev/null", began.display()), decoded(folder.path()));
    let does = format!("sh -c 'if {first}; then exec sleep 1000; fi; exec {then}'");
    world.library.use_decoder(decoder(folder.path(), &does));
    let card = avif(&world, &admin);
    // As large as any that is decoded at all.
    let mut giant = include_bytes!("../../src/ops/converter/sample.avif").to_vec();
    let at = giant.windows(4).position(|kind| kind == b"ispe").unwrap() + 8;
    giant[at..at + 8].copy_from_slice(&[0, 0, 0x37, 0, 0, 0, 0x37, 0]);
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| world.library.decoding(ContentId([9; 32]), &giant, |_| Ok(())).unwrap_err());
        while !began.exists() {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        assert!(world.library.decodes.take(1 << 30, std::time::Duration::ZERO).is_some(), "all of it is free");
        assert!(world.library.still(&card).is_ok(), "also for another of its kind");
        let told = until_late(&world, || slow.join().unwrap());
        assert!(told.to_string().contains("longer than 240 s"), "{told}");
    });
}

/// Regression: what took longer, or more memory, than it was given was remembered as damaged for ever.
#[test]
fn what_overruns_what_it_is_given_is_not_called_damaged() {
    let (world, admin) = studio();
    let folder = tempfile::tempdir().unwrap();
    let card = avif(&world, &admin);
    let out_of_memory = "sh -c 'echo vips: out of memory >&2; exit 1'";
    for does in ["sh -c 'kill -XCPU $$'", "sh -c 'kill -XFSZ $$'", out_of_memory] {
        world.library.use_decoder(decoder(folder.path(), does));
        // It is let alone for a while.
        world.clock.advance_ms(600_000);
        let told = world.library.still(&card).unwrap_err();
        assert!(matches!(&told, StillError::Media(MediaError::Overran { .. })), "{does}: {told}");
        assert!(world.library.still_row(&card).unwrap().is_none(), "{does}");
        assert_eq!(world.library.converter.unavailable("avif"), None, "{does}: the next one is tried");
    }
}

/// A decoder that does this, whatever it is given; found while its file is there.
pub fn decoder(folder: &std::path::Path, does: &str) -> impl Fn() -> Result<Decoder, String> + use<> {
    let sandbox = folder.join("sandbox");
    std::fs::write(&sandbox, format!("#!/bin/sh\nexec {does}\n")).unwrap();
    std::fs::set_permissions(&sandbox, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    move || {
        let decoder = Decoder { sandbox: sandbox.clone(), vips: "/usr/bin/vips".into() };
        if sandbox.exists() { Ok(decoder) } else { Err("vips is not there; install it".to_owned()) }
    }
}

/// A picture that any decoder is said to have decoded.
fn decoded(folder: &std::path::Path) -> String {
    let file = folder.join("picture");
    let picture = image::RgbImage::from_fn(64, 64, |x, y| image::Rgb([u8::try_from(x * y % 256).unwrap(); 3]));
    picture.save_with_format(&file, image::ImageFormat::Png).unwrap();
    format!("cat {}", file.display())
}

/// An approved AVIF.
fn avif(world: &World, admin: &Seat) -> Still {
    admin.write("library/b.avif", include_bytes!("../../src/ops/converter/sample.avif")).unwrap();
    world.settle();
    world.set("library/b.avif", &["status.x=approved"]);
    still(world, "library/b.avif", "card")
}

/// Regression: where there is no program to decode them, the background tried them again and again, and said so of each.
#[test]
fn what_waits_for_a_decoder_is_let_alone_and_goes_on_by_itself() {
    let (world, admin) = studio();
    let folder = tempfile::tempdir().unwrap();
    let find = decoder(folder.path(), &decoded(folder.path()));
    std::fs::rename(folder.path().join("sandbox"), folder.path().join("later")).unwrap();
    world.library.use_decoder(find);
    let card = avif(&world, &admin);
    let beat = || {
        world.library.look();
        world.library.render_stills();
    };
    for _ in 0..3 {
        world.library.stills.look("x", "card");
        beat();
    }
    assert!(is_made(&world, A) && world.library.still_row(&card).unwrap().is_none());
    assert_eq!(world.library.stills.waiting(), 0, "nothing is tried again");
    assert!(!world.library.has_looked() && !admin.has("platforms/x/card/b.jpg"));
    assert!(world.library.converter.unavailable("avif").unwrap().contains("install it"));
    std::fs::rename(folder.path().join("later"), folder.path().join("sandbox")).unwrap();
    beat();
    assert!(world.library.converter.unavailable("avif").is_some(), "not asked at each beat");
    world.clock.advance_ms(60_000);
    beat();
    beat();
    assert_eq!(world.library.converter.unavailable("avif"), None);
    assert!(is_made(&world, "library/b.avif") && world.library.has_looked());
    assert!(admin.has("platforms/x/card/b.jpg"));
}

/// Regression: where there is no codec for HEIC, the first one took AVIF with it.
#[test]
fn a_format_that_cannot_be_decoded_takes_no_other_with_it() {
    let (world, admin) = studio();
    let folder = tempfile::tempdir().unwrap();
    let picture = decoded(folder.path());
    let no_heic = "if head -c 12 | grep -q heic; then echo it has no codec >&2; exit 1; fi";
    world.library.use_decoder(decoder(folder.path(), &format!("sh -c '{no_heic}; exec {picture}'")));
    admin.write("library/c.heic", include_bytes!("../../src/ops/converter/sample.heic")).unwrap();
    let card = avif(&world, &admin);
    world.set("library/c.heic", &["status.x=approved"]);
    let told = world.library.still(&still(&world, "library/c.heic", "card")).unwrap_err();
    assert!(told.to_string().contains("vips decodes no heic (it has no codec)"), "{told}");
    assert!(world.library.still(&card).is_ok());
    assert_eq!(admin.names("platforms/x/card"), ["a.jpg", "b.jpg"]);
    let status = String::from_utf8(admin.read(".dam/status").unwrap()).unwrap();
    assert!(status.contains("none of HEIC: vips decodes no heic"), "{status}");
}

/// Regression: what ended well and had made nothing was the fault of each picture, for ever.
#[test]
fn a_decoder_that_makes_nothing_is_no_fault_of_the_picture() {
    let (world, admin) = studio();
    let folder = tempfile::tempdir().unwrap();
    world.library.use_decoder(decoder(folder.path(), "true"));
    let card = avif(&world, &admin);
    let told = world.library.still(&card).unwrap_err();
    assert!(matches!(&told, StillError::Media(MediaError::Unavailable { .. })), "{told}");
    assert!(told.to_string().contains("made nothing of it") && world.library.still_row(&card).unwrap().is_none());
}

/// Regression: after one failure none was decoded until the library was mounted again.
#[test]
fn a_decoder_that_gave_up_is_tried_again_and_shown_when_it_decodes() {
    let (world, admin) = studio();
    let folder = tempfile::tempdir().unwrap();
    world.library.use_decoder(decoder(folder.path(), "sh -c 'echo it has no codec >&2; exit 1'"));
    let card = avif(&world, &admin);
    let told = world.library.still(&card).unwrap_err();
    assert!(matches!(&told, StillError::Media(e) if !e.is_lasting()), "{told}");
    let why = || world.library.converter.unavailable("avif");
    assert!(why().unwrap().contains("it has no codec"), "{:?}", why());
    let seen = world.library.catalog.committed();
    world.clock.advance_ms(600_000);
    world.library.render_stills();
    assert!(why().is_some(), "it was tried, and is not shown before it can be");
    assert_eq!(world.library.catalog.committed(), seen);
    drop(decoder(folder.path(), &decoded(folder.path())));
    world.library.render_stills();
    assert!(why().is_some());
    world.clock.advance_ms(600_000);
    world.library.render_stills();
    assert_eq!(why(), None);
    assert!(world.library.still(&card).is_ok());
}

/// Regression: the first export of ours that another program had a part in would have been a fault of ours for ever after its update.
#[test]
fn another_build_of_a_decoder_may_see_other_pixels() {
    let (world, admin) = studio();
    let folder = tempfile::tempdir().unwrap();
    world.library.use_decoder(decoder(folder.path(), &format!("cat {}", folder.path().join("picture").display())));
    let card = avif(&world, &admin);
    let sees = |shade: u32| {
        let picture =
            image::RgbImage::from_fn(64, 64, |x, y| image::Rgb([u8::try_from((x * y + shade) % 256).unwrap(); 3]));
        picture.save_with_format(folder.path().join("picture"), image::ImageFormat::Png).unwrap();
    };
    let forget = || {
        let name = object_name(card.content, &card.recipe);
        world.library.vault.remove_object(ObjectKind::Rendition, &name).unwrap();
    };
    // Behind the recipe's time, which is what it is.
    world.clock.advance_ms(100 * 86_400_000);
    sees(0);
    let first = world.library.still(&card).unwrap();
    // Lets go of the decoded picture.
    world.library.render_stills();
    let before = world.library.still_row(&card).unwrap().unwrap();
    forget();
    assert!(world.library.still(&card).unwrap() == first, "the same build, the same bytes");
    world.library.render_stills();
    forget();
    let shown = admin.attr("platforms/x/card/b.jpg").unwrap();
    assert_eq!((shown.size, shown.mtime), (first.len() as u64, before.since));
    world.clock.advance_ms(5_000);
    sees(90);
    // Where there is no room for the bytes, what is known of them is true all the same.
    let renditions = world.library.root().join("store/renditions");
    std::fs::rename(&renditions, folder.path().join("renditions")).unwrap();
    std::os::unix::fs::symlink("nowhere", &renditions).unwrap();
    let seen = world.library.catalog.committed();
    assert!(matches!(world.library.still(&card), Err(StillError::Busy)), "who asks was told another size");
    std::fs::remove_file(&renditions).unwrap();
    std::fs::rename(folder.path().join("renditions"), &renditions).unwrap();
    let after = world.library.still_row(&card).unwrap().unwrap();
    assert!(after.since > before.since && after.outcome != before.outcome);
    let told = world.library.catalog.changes(seen, world.library.catalog.committed(), 9).unwrap();
    assert!(told.iter().any(|row| row.id == card.asset.to_string()), "who has the size in a cache asks anew");
    let second = world.library.still(&card).unwrap();
    assert!(*second != *first);
    let shown = admin.attr("platforms/x/card/b.jpg").unwrap();
    assert_eq!((shown.size, shown.mtime), (second.len() as u64, after.since), "rsync sees that it is another");
}
