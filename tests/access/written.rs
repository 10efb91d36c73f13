//! Exports as AVIF, which another program writes, with no mount in between.

use std::fs;
use std::path::Path;

use damfs::blob::ObjectKind;
use damfs::media::{MediaError, StillFormat};
use damfs::ops::converter::Writer;
use damfs::ops::proto::Command;
use damfs::ops::stills::StillError;
use damfs::types::ContentId;
use damfs::view::recipes::object_name;

use crate::stills::still;
use crate::world::{Seat, World};

const A: &str = "library/a.png";
/// Each beside another format, before it and behind it.
const TABLE: &str = "platform,placement,kind,width,height,fit,upscale,formats,max_bytes,adult_allowed,metadata
x,card,image,64,64,pad,yes,avif|jpeg,,,bare
x,plain,image,64,64,pad,yes,jpeg|avif,,,bare
";
const SAMPLE: &[u8] = include_bytes!("../../src/ops/converter/sample.avif");

fn studio() -> (World, Seat) {
    let world = World::new();
    let admin = world.admin();
    world.sheet(TABLE);
    let picture = image::RgbImage::from_fn(120, 40, |x, y| image::Rgb([u8::try_from(x + y).unwrap(), 7, 90]));
    let mut png = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
    admin.write(A, &png.into_inner()).unwrap();
    world.settle();
    world.set(A, &["status.x=approved"]);
    (world, admin)
}

/// A program that does this, whatever it is given; found while its file is there.
fn writer(folder: &Path, does: &str) -> impl Fn() -> Result<Writer, String> + use<> {
    let sandbox = folder.join("sandbox");
    fs::write(&sandbox, format!("#!/bin/sh\nexec {does}\n")).unwrap();
    fs::set_permissions(&sandbox, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    move || {
        let writer = Writer { sandbox: sandbox.clone(), avifenc: "/usr/bin/avifenc".into() };
        if sandbox.exists() { Ok(writer) } else { Err("avifenc is not there; install it".to_owned()) }
    }
}

fn whys(world: &World) -> String {
    world.serve(0, Command::Why { target: A.into(), as_member: None }).unwrap().to_string()
}

/// The row alone says which format it is: a name that turned into another with what is installed would be uploaded twice.
#[test]
fn what_waits_for_a_writer_keeps_its_name_and_goes_on_by_itself() {
    let (world, admin) = studio();
    let folder = tempfile::tempdir().unwrap();
    let find = writer(folder.path(), &format!("cat {}", folder.path().join("picture").display()));
    fs::write(folder.path().join("picture"), SAMPLE).unwrap();
    fs::rename(folder.path().join("sandbox"), folder.path().join("later")).unwrap();
    assert!(whys(&world).contains("avif cannot be written here: that is done while the library is mounted"));
    world.library.use_writer(find);
    let card = still(&world, A, "card");
    assert_eq!(card.recipe.format, StillFormat::Avif);
    for _ in 0..3 {
        world.library.stills.look("x", "card");
        world.library.render_stills();
    }
    let listed = || (admin.names("platforms/x/card"), admin.names("platforms/x/plain"));
    assert!(world.library.still_row(&card).unwrap().is_none() && world.library.stills.waiting() == 0);
    assert_eq!(listed(), (vec![], vec!["a.jpg".to_owned()]), "none in its place, and the other is there");
    let reason = "avifenc is not there; install it";
    assert!(whys(&world).contains(&format!("avif cannot be written here: {reason}")));
    assert_eq!(world.library.no_writer(), Some(format!("no AVIF is written: {reason}")));
    fs::rename(folder.path().join("later"), folder.path().join("sandbox")).unwrap();
    world.library.render_stills();
    assert!(world.library.no_writer().is_some(), "not asked at each beat");
    world.clock.advance_ms(60_000);
    world.library.render_stills();
    world.library.render_stills();
    assert_eq!(world.library.no_writer(), None);
    assert_eq!(listed(), (vec!["a.avif".to_owned()], vec!["a.jpg".to_owned()]));
    assert_eq!(admin.read("platforms/x/card/a.avif").unwrap(), SAMPLE);
    // What is made is had without the program.
    world.library.use_writer(|| Err("avifenc is not there".to_owned()));
    assert_eq!(listed().0, ["a.avif"]);
    assert_eq!(admin.read("platforms/x/card/a.avif").unwrap(), SAMPLE);
    world.sheet("platform,placement,kind,width,height,fit,formats\nx,plain,image,64,64,pad,jpeg\n");
    assert_eq!(world.library.no_writer(), None, "nobody is told of what no row asks for");
}

#[test]
fn a_writer_that_gave_up_is_tried_again_and_shown_when_it_writes() {
    let (world, admin) = studio();
    let folder = tempfile::tempdir().unwrap();
    world.library.use_writer(writer(folder.path(), "sh -c 'echo it has no codec >&2; exit 1'"));
    let card = still(&world, A, "card");
    assert!(world.library.still(&card).unwrap_err().to_string().contains("avif cannot be written here"));
    assert!(whys(&world).contains("it has no codec") && whys(&world).contains("install what libavif encodes with"));
    assert!(world.library.still_row(&card).unwrap().is_none() && !admin.has("platforms/x/card/a.avif"));
    fs::write(folder.path().join("picture"), SAMPLE).unwrap();
    drop(writer(folder.path(), &format!("cat {}", folder.path().join("picture").display())));
    world.library.render_stills();
    assert!(world.library.no_writer().is_some());
    world.clock.advance_ms(600_000);
    world.library.render_stills();
    assert_eq!(world.library.no_writer(), None);
    assert_eq!(admin.read("platforms/x/card/a.avif").unwrap(), SAMPLE);
}

/// It says nothing of the picture.
#[test]
fn what_overruns_what_it_is_given_is_tried_again_after_a_while() {
    let (world, _admin) = studio();
    let folder = tempfile::tempdir().unwrap();
    let card = still(&world, A, "card");
    for does in ["sh -c 'kill -XCPU $$'", "sh -c 'kill -XFSZ $$'"] {
        world.library.use_writer(writer(folder.path(), does));
        // It is let alone for a while.
        world.clock.advance_ms(600_000);
        let told = world.library.still(&card).unwrap_err();
        assert!(told.to_string().contains("cannot be rendered just now"), "{does}: {told}");
        assert!(world.library.still_row(&card).unwrap().is_none() && world.library.no_writer().is_none(), "{does}");
    }
    fs::write(folder.path().join("picture"), SAMPLE).unwrap();
    drop(writer(folder.path(), &format!("cat {}", folder.path().join("picture").display())));
    assert!(world.library.still(&card).is_err(), "not at once");
    world.clock.advance_ms(600_000);
    assert_eq!(*world.library.still(&card).unwrap(), SAMPLE);
}

#[test]
fn another_build_of_a_writer_may_write_other_bytes() {
    let (world, admin) = studio();
    let folder = tempfile::tempdir().unwrap();
    let writes = |bytes: &[u8]| fs::write(folder.path().join("picture"), bytes).unwrap();
    world.library.use_writer(writer(folder.path(), &format!("cat {}", folder.path().join("picture").display())));
    let card = still(&world, A, "card");
    // Behind the recipe's time, which is what it is.
    world.clock.advance_ms(100 * 86_400_000);
    writes(SAMPLE);
    assert_eq!(*world.library.still(&card).unwrap(), SAMPLE);
    let before = world.library.still_row(&card).unwrap().unwrap();
    let shown = admin.attr("platforms/x/card/a.avif").unwrap();
    assert_eq!((shown.size, shown.mtime), (SAMPLE.len() as u64, before.since), "as old as it was first made so");
    let name = object_name(card.content, &card.recipe);
    world.library.vault.remove_object(ObjectKind::Rendition, &name).unwrap();
    world.clock.advance_ms(5_000);
    let mut other = SAMPLE.to_vec();
    *other.last_mut().unwrap() ^= 1;
    writes(&other);
    assert!(matches!(world.library.still(&card), Err(StillError::Busy)), "who asks was told of others");
    assert_eq!(*world.library.still(&card).unwrap(), other);
    let shown = admin.attr("platforms/x/card/a.avif").unwrap();
    assert!(shown.mtime > before.since, "rsync sees that it is another");
}

/// For as long as one is being written nobody has to wait for the memory of its master.
#[test]
fn a_slow_writer_holds_no_decoded_master() {
    let (world, _admin) = studio();
    let folder = tempfile::tempdir().unwrap();
    let (began, ended) = (folder.path().join("began"), folder.path().join("ended"));
    let does =
        format!("sh -c 'touch {}; while [ ! -e {} ]; do sleep 0.05; done; exit 1'", began.display(), ended.display());
    world.library.use_writer(writer(folder.path(), &does));
    let card = still(&world, A, "card");
    // As much as there is for all: it is decoded when nobody else has any.
    let mut giant = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x36\0\0\0\x36\0\x10\x06\0\0\0".to_vec();
    giant.resize(200, 0);
    for background in [false, true] {
        let _ = (fs::remove_file(&began), fs::remove_file(&ended));
        world.library.use_writer(writer(folder.path(), &does));
        std::thread::scope(|scope| {
            let slow = scope
                .spawn(|| if background { world.library.render_stills() } else { drop(world.library.still(&card)) });
            while !began.exists() {
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            let told = world.library.decoding(ContentId([9; 32]), &giant, |_| Ok(())).unwrap_err();
            fs::write(&ended, "").unwrap();
            slow.join().unwrap();
            assert!(matches!(told, StillError::Media(MediaError::Damaged { .. })), "{background}: {told}");
        });
    }
}
