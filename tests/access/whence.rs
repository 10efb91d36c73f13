//! Of whose files `dam whence` tells.

use std::fs::File;

use damfs::ops::proto::{Command, FailureKind};
use damfs::ops::serve;
use damfs::types::Caller;

use crate::world::*;

#[test]
fn bytes_of_what_one_may_not_list_are_nobodys() {
    let (world, _admin) = World::studio();
    world.member("eddy", 1002, "editor", Some("client=acme"));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("got");
    let ask = |uid: u32, bytes: &str| {
        std::fs::write(&path, bytes).unwrap();
        let command = Command::Whence { name: "got".into() };
        let caller = Caller { uid, gid: uid, process: 1 };
        let told = serve::serve(&world.library, &caller, command, Some(File::open(&path).unwrap()));
        told.map(|told| told["found"][0]["path"].as_str().unwrap_or_default().to_owned())
            .map_err(|e| (e.kind, e.message))
    };
    assert_eq!(ask(0, "globex").unwrap(), "library/globex/secret.png");
    assert_eq!(ask(1002, "acme").unwrap(), "library/acme/a.png");
    let none = ask(1002, "nothing has these").unwrap_err();
    assert_eq!(none.0, FailureKind::NotFound);
    assert_eq!(ask(1002, "globex").unwrap_err(), none, "as if it were not there");
}

#[test]
fn every_version_with_the_masters_bytes_is_told_of_an_export_that_nobody_signed() {
    let world = World::new();
    let admin = world.admin();
    world.sheet("platform,placement,kind,width,height,fit,formats,adult_allowed\nx,card,image,8,8,crop,jpeg,\n");
    let mut png = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(16, 16).write_to(&mut png, image::ImageFormat::Png).unwrap();
    for name in ["a", "b"] {
        admin.write(&format!("library/{name}.png"), png.get_ref()).unwrap();
        world.settle();
    }
    world.set("library/a.png", &["status.x=approved"]);
    // Its own exports would say so, and be others.
    world.set("library/b.png", &["likeness=synthetic"]);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("got.jpg");
    std::fs::write(&path, admin.read("platforms/x/card/a.jpg").unwrap()).unwrap();
    let caller = Caller { uid: 0, gid: 0, process: 1 };
    let command = Command::Whence { name: "got".into() };
    let told = serve::serve(&world.library, &caller, command, Some(File::open(&path).unwrap())).unwrap();
    let rows = told["found"].as_array().unwrap();
    let mut places: Vec<_> = rows.iter().map(|row| (row["path"].as_str(), row["placement"].as_str())).collect();
    places.sort_unstable();
    assert_eq!(places, [(Some("library/a.png"), Some("card")), (Some("library/b.png"), None)]);
    assert!(rows.iter().all(|row| row["as"] == "export"), "{told}");
}

/// Somebody edits an export, or a site makes it smaller: the bytes are others, and what the file says of itself is all there is.
#[test]
fn an_export_that_was_changed_elsewhere_is_known_by_what_it_says_of_itself() {
    let world = World::new();
    let admin = world.admin();
    world.sheet("platform,placement,kind,width,height,fit,formats,adult_allowed\nx,card,image,8,8,crop,jpeg,\n");
    let mut png = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(16, 16).write_to(&mut png, image::ImageFormat::Png).unwrap();
    admin.write("library/a.png", png.get_ref()).unwrap();
    world.settle();
    world.set("library/a.png", &["status.x=approved", "client=acme"]);
    world.member("eddy", 1002, "editor", Some("client=globex"));
    let mut bytes = admin.read("platforms/x/card/a.jpg").unwrap();
    bytes.extend_from_slice(b"edited");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("got.jpg");
    std::fs::write(&path, bytes).unwrap();
    let ask = |uid: u32| {
        let caller = Caller { uid, gid: uid, process: 1 };
        serve::serve(&world.library, &caller, Command::Whence { name: "got".into() }, Some(File::open(&path).unwrap()))
    };
    let row = ask(0).unwrap()["found"][0].clone();
    assert_eq!((&row["as"], &row["path"], &row["version"]), (&"derived".into(), &"library/a.png".into(), &1.into()));
    assert_eq!(ask(1002).unwrap_err().kind, FailureKind::NotFound, "of what he may not list nothing is known");
}
