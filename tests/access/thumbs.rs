//! Of what `dam thumbs` makes pictures for whose cache.

use std::fs::File;
use std::os::unix::fs::FileExt;

use damfs::ops::members::MemberChange;
use damfs::ops::proto::Command;
use damfs::ops::serve;
use damfs::types::Caller;
use serde_json::{Value, json};

use crate::world::*;

const ONE: &str = "library/acme/one.png";

fn png(width: u32, height: u32, shade: u8) -> Vec<u8> {
    let mut png = std::io::Cursor::new(Vec::new());
    let picture =
        image::RgbImage::from_fn(width, height, |x, _| image::Rgb([shade, u8::try_from(x % 200).unwrap(), 9]));
    picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
    png.into_inner()
}

/// A picture of client acme.
fn stage() -> (World, Seat) {
    let world = World::new();
    let admin = world.admin();
    admin.mkdir("library/acme").unwrap();
    admin.write(ONE, &png(600, 400, 7)).unwrap();
    world.settle();
    world.set(ONE, &["client=acme"]);
    (world, admin)
}

fn id(admin: &Seat, path: &str) -> String {
    admin.getxattr(path, "user.dam.id").unwrap()
}

fn list(world: &World, uid: u32, id: &str) -> Value {
    let told = world.serve(uid, Command::ThumbsList { assets: vec![id.parse().unwrap()] }).unwrap();
    told["assets"][0].clone()
}

/// What is told, and the sizes of the pictures.
fn make(world: &World, uid: u32, id: &str, sides: &[u32]) -> (Value, Vec<(u32, u32)>) {
    let file = tempfile::tempfile().unwrap();
    let command = Command::ThumbsMake { asset: id.parse().unwrap(), sides: sides.to_vec() };
    let caller = Caller { uid, gid: uid, process: 1 };
    let told = serve::serve(&world.library, &caller, command, Some(file.try_clone().unwrap())).unwrap();
    let mut at = 0;
    let mut sizes = Vec::new();
    for length in told["lengths"].as_array().into_iter().flatten() {
        let mut bytes = vec![0; usize::try_from(length.as_u64().unwrap()).unwrap()];
        file.read_exact_at(&mut bytes, at).unwrap();
        at += length.as_u64().unwrap();
        let picture = image::load_from_memory_with_format(&bytes, image::ImageFormat::Png).unwrap();
        sizes.push((picture.width(), picture.height()));
    }
    assert_eq!(File::metadata(&file).unwrap().len(), at);
    (told, sizes)
}

#[test]
fn thumbnails_are_small_never_enlarged_and_on_record() {
    let (world, admin) = stage();
    let one = id(&admin, ONE);
    let attr = admin.attr(ONE).unwrap();
    let expected = json!({ "size": attr.size, "mtime": attr.mtime.as_nanos() });
    assert_eq!(list(&world, 0, &one), expected, "as the mount shows it");
    let (told, sizes) = make(&world, 0, &one, &[128, 256, 512, 1024]);
    assert_eq!((&told["size"], &told["mtime"]), (&expected["size"], &expected["mtime"]));
    assert_eq!(sizes, [(128, 85), (256, 171), (512, 341), (600, 400)]);
    world.library.write_reads().unwrap();
    let read = world.library.catalog.read(|tx| tx.audit_head("reads")).unwrap().unwrap();
    assert_eq!((read.actor.as_str(), read.action.as_str(), &read.subject), ("root", "read.thumbnail", &one));
}

#[test]
fn nothing_is_made_for_a_cache_of_what_may_not_be_downloaded_or_may_be_locked() {
    let (world, admin) = stage();
    let one = id(&admin, ONE);
    world.member("eddy", 1001, "editor", Some("client=acme"));
    world.member("rita", 1002, "client-reviewer", None);
    world.member("mira", 1003, "editor", Some("client=globex"));
    assert!(list(&world, 1001, &one)["refused"].is_null());
    world.set(ONE, &["stage=client-approval"]);
    let ritas = list(&world, 1002, &one);
    assert!(ritas["refused"].as_str().unwrap().contains("may not download"), "{ritas}: a proxy is all that she has");
    let gone = list(&world, 1003, "01a21877-588a-7b8f-a85e-f3a8f9fef05a");
    assert_eq!(list(&world, 1003, &one), gone, "what may not be listed is not there");
    world.set(ONE, &["rating=adult"]);
    for uid in [0, 1001] {
        let (told, sizes) = make(&world, uid, &one, &[128]);
        assert!(told["refused"].as_str().unwrap().contains("rated adult") && sizes.is_empty(), "{told}");
        assert!(told["size"].is_null());
    }
    world.set(ONE, &["rating=suggestive"]);
    assert_eq!(make(&world, 1001, &one, &[128]).1, [(128, 85)]);
    let ends = Some("2027-01-31".to_owned());
    let set = Command::MemberSet { name: "eddy".into(), change: MemberChange { ends, ..MemberChange::default() } };
    world.serve(0, set).unwrap();
    let (told, sizes) = make(&world, 1001, &one, &[128]);
    assert!(told["refused"].as_str().unwrap().contains("by the clock") && sizes.is_empty(), "{told}");
}

#[test]
fn what_is_being_written_and_what_is_no_picture_has_none() {
    let (world, admin) = stage();
    let one = id(&admin, ONE);
    admin.overwrite(ONE, &png(601, 400, 8)).unwrap();
    let (told, sizes) = make(&world, 0, &one, &[128]);
    assert!(
        told["none"].as_str().unwrap().contains("being written") && sizes.is_empty(),
        "{told}: not of the old bytes"
    );
    world.settle();
    assert_eq!(make(&world, 0, &one, &[1024]).1, [(601, 400)]);
    for (name, bytes, reason) in [("a.txt", &b"words"[..], "no picture"), ("b.png", &png(9, 9, 1)[..60], "damaged")] {
        let path = format!("library/acme/{name}");
        admin.write(&path, bytes).unwrap();
        world.settle();
        let (told, sizes) = make(&world, 0, &id(&admin, &path), &[128]);
        assert!(told["none"].as_str().unwrap().contains(reason) && sizes.is_empty(), "{name}: {told}");
    }
}
